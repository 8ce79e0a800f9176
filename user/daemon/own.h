/* SPDX-License-Identifier: BSD-2-Clause */
/* This host's own addresses, gateways, resolvers and private networks: kept true as they change,
 * and said. */
#ifndef DAEMON_OWN_H
#define DAEMON_OWN_H

#include <stdbool.h>

#include "daemon/said.h"
#include "net/net.h"

struct daemon;
struct loop_source;

struct own {
	struct net_own *list; /* what the log was told last */
	int count;
	struct loop_source *settling; /* a timer runs: a burst of news becomes one refresh */
	struct said said;
};

/* Ask anew in a moment. */
void own_expect(struct daemon *d);
/* Ask now, put it into the gate, log the differences. */
void own_refresh(struct daemon *d);
void own_free(struct own *o);

#endif
