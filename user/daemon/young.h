/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of strangers that were established a moment ago and are being asked about: who turns out to be listed is cut while
 * nothing of value can be under way yet. Kept for some seconds each, and no more of them than a bound.
 */
#ifndef DAEMON_YOUNG_H
#define DAEMON_YOUNG_H

#include <stdint.h>

#include "net/net.h"

struct young_connection {
	struct net_socket socket;
	uint64_t cookie, netns;	 /* of the socket, and of its namespace */
	uint64_t established_ns; /* boot time */
};

struct young;

struct young *young_new(void);	  /* NULL: out of memory */
void young_free(struct young *y); /* NULL is fine */
/* When there is no room the oldest makes it. */
void young_add(struct young *y, const struct young_connection *c);
/* fn for each whose remote address lies in the prefix; they are then forgotten. How many. */
unsigned young_take(struct young *y, const struct prefix *remote,
		    void (*fn)(void *context, const struct young_connection *c), void *context);
/* Forget those that are too old to be cut. */
void young_expire(struct young *y, uint64_t now_boot_ns);
unsigned young_count(const struct young *y);

#endif
