/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who delivers mail, as the mail server's log tells: one row a source, kept for a month. Written in batches by the
 * controller that follows the log; read by the report, the bans, the feeds.
 */
#ifndef STORE_SENDERS_H
#define STORE_SENDERS_H

#include "store/store.h"

/* A monthly newsletter must find its sender's row: the longest month, and a day's grace. */
#define STORE_SENDER_DAYS 32
#define STORE_HOST_MAX	  256 /* bytes of a host name (RFC 1035, 2.3.4), with the final 0 */

/* A message that the mail server took. */
struct store_delivery {
	struct addr addr;
	int64_t wall_s;
	uint32_t recipients;
	char host
		[STORE_HOST_MAX]; /* the name that the mail server found for it, printable; "" none */
};

struct store_sender {
	struct addr addr;
	int64_t first_wall_s, last_wall_s;
	uint64_t messages, recipients;
	char host[STORE_HOST_MAX]; /* the last that was known */
};

/* Adds to the rows of their senders, as one transaction. 0 or -errno. */
int store_put_deliveries(struct store *s, const struct store_delivery *list, size_t count,
			 struct err *e);
/* Those inside a prefix (NULL: all) that delivered at or after since_wall_s, the busiest first. fn returns 0 to go on. */
int store_each_sender(struct store *s, const struct prefix *inside, int64_t since_wall_s,
		      int (*fn)(void *context, const struct store_sender *sender), void *context,
		      struct err *e);
/* Those whose last delivery is older than STORE_SENDER_DAYS go. How many. */
int store_trim_senders(struct store *s, unsigned *count, struct err *e);

#endif
