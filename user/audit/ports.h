/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which ports of an address are open, by connecting and closing at once: the kernel's handshake tells open, closed and
 * filtered apart, and no raw socket is needed. And the list of ports that are worth a look at a mail host.
 */
#ifndef AUDIT_PORTS_H
#define AUDIT_PORTS_H

#include "audit/seen.h"

/* Of one scan, at the same time: with this the whole list takes no longer than its slowest port. */
#define PORTS_AT_ONCE 40
#define PORTS_WAIT_MS                                                                              \
	4000 /* SYNs at 0, 1 and 3 s (tcp(7)): a gate that holds strangers drops the first */

enum port_use {
	PORT_MAIL,     /* what a mail host is for */
	PORT_USUAL,    /* of one's own choice: a way in for who keeps it */
	PORT_NEEDLESS, /* no business of a mail host's */
};

struct port_row {
	uint16_t port;
	const char *name;
	enum port_use use;
	enum severity severity; /* where it is needless and open */
	const char *why;
};

extern const struct port_row port_rows[];
extern const unsigned port_row_count;		 /* at most SEEN_PORTS_MAX */
const struct port_row *port_find(uint16_t port); /* or NULL */
/* PORT_UNKNOWN: was not looked at. */
enum port_state port_state_of(const struct seen_address *a, uint16_t port);

struct ports_scan;
typedef void (*ports_fn)(void *context);

/*
 * Look at count ports of the address; the states are put into it (at most SEEN_PORTS_MAX), in the given order. socket as in struct
 * visit_order. fn is called once, from the loop. 0 or -errno.
 */
int ports_scan_start(struct ports_scan **out, struct loop *loop, struct seen_address *a,
		     const uint16_t *ports, unsigned count, visit_socket_fn socket,
		     void *socket_context, ports_fn fn, void *context);
void ports_scan_stop(struct ports_scan *s); /* fn is not called; NULL is fine */

#endif
