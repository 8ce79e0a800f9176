/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting what is open already, when a block takes effect. */
#ifndef DAEMON_SOCKETS_H
#define DAEMON_SOCKETS_H

#include <stddef.h>

#include "conf/conf.h"
#include "kern/gate.h"

/*
 * Destroy the open connections to policed ports whose remote address lies in one of the prefixes, so that the mail
 * server is not left holding them. One that an allow entry covers stays. Looks into our own network namespace and those
 * that the configuration names. *killed: how many died, also on failure. 0 or -errno.
 */
int sockets_destroy(const struct conf *c, struct gate *g, const struct prefix *prefixes,
		    size_t count, unsigned *killed, struct err *e);

/*
 * Destroy one connection, by the cookie of its socket, in the network namespace of that cookie: our own, or one that the
 * configuration names; unless its source would be let in now. 1: it died; 0: it was gone, or stays; or -errno.
 */
struct net_socket;
int sockets_cut(const struct conf *c, struct gate *g, const struct net_socket *s, uint64_t cookie,
		uint64_t netns, struct err *e);

#endif
