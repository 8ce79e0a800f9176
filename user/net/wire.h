/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside user/net only: one question to the kernel over netlink and all of its answer, the
 * routes as hops, and links with what they are stacked on.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "net/net.h"

/* A dump that the kernel calls inconsistent is asked for again this many times. */
#define WIRE_TRIES 5

/* protocol: NETLINK_ROUTE or NETLINK_SOCK_DIAG. 0 or -errno. */
int wire_open(struct nl_sock **out, int protocol, struct err *e);
void wire_close(struct nl_sock **sk); /* for __attribute__((cleanup)) */
#define WIRE_AUTO __attribute__((cleanup(wire_close))) struct nl_sock *

/* One message of an answer. 0 to go on; anything else ends the asking and is its result. */
typedef int (*wire_fn)(void *context, struct nlmsghdr *message);

/*
 * Send the message (always freed; NULL is -ENOMEM) and read the whole answer: a dump to its end,
 * else to the acknowledgement. 0, fn's value, the kernel's -errno, or -EINTR when the dump was
 * complete but what it describes changed meanwhile.
 */
int wire_ask(struct nl_sock *sk, struct nl_msg *message, wire_fn fn, void *context);

/* A request that starts with a header struct of the family's own. NULL when out of memory. */
struct nl_msg *wire_message(int type, int flags, const void *head, size_t size);

/*
 * Dump, and again while it is interrupted. fn sees the messages of every try, so what it collects
 * must bear repetition: the sum of several tries lacks nothing that was there all the time.
 */
int wire_dump(int type, const void *head, size_t size, wire_fn fn, void *context);

/* From the bytes of a netlink attribute: 4 (AF_INET) or 16 (AF_INET6). false: anything else. */
bool wire_addr(int family, const void *bytes, int length, struct addr *out);

/* ---- links ---- */

struct link_row {
	struct net_link link;
	int lower; /* ifindex of what a VLAN, macvlan or ipvlan stands on; 0 none, or elsewhere */
};
/* All links of the namespace; malloc'd for the caller. How many, or -errno. */
int link_rows(struct link_row **out, struct err *e);

/* ---- routes ---- */

/* One way out of one route. */
struct route_hop {
	bool is_default; /* of the main table, destination of length 0 */
	int ifindex;	 /* 0: only nexthop_id says */
	uint32_t nexthop_id;
	bool has_gateway;
	struct addr gateway;
};
/* Unicast routes of all tables, both families. */
int route_each(int (*fn)(void *context, const struct route_hop *hop), void *context, struct err *e);
/* The nexthop objects (ip-nexthop(8)): of one id and its group, or all (0). None on kernels
 * without. */
int route_each_nexthop(uint32_t id, int (*fn)(void *context, const struct route_hop *hop),
		       void *context, struct err *e);

#endif
