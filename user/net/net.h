/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this host's network looks like, by netlink (libnl): interfaces, addresses, gateways, resolvers.
 * All calls speak of the network namespace the process is in.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

struct net_link {
	int ifindex;
	char name[IFNAMSIZ];
	bool up;       /* IFF_UP */
	bool ethernet; /* ARPHRD_ETHER: has the MAC header that pn_xdp reads */
	bool loopback;
	int master; /* ifindex of bond or bridge, 0 none */
	int lower; /* ifindex of what it stands on (of a VLAN: the interface below it), 0 none or elsewhere */
	char kind[16]; /* "veth", "bond", "bridge", "tun", ... "" for hardware */
	uint32_t mtu;
};

/* 0, or -ENODEV. */
int net_link_by_name(const char *name, struct net_link *out, struct err *e);
int net_link_by_index(int ifindex, struct net_link *out, struct err *e);
int net_each_link(int (*fn)(void *context, const struct net_link *link), void *context,
		  struct err *e);

/*
 * Interfaces of the default routes, IPv4 and IPv6, all tables main; multipath routes give each; no duplicates.
 * Returns how many (at most max), or -errno.
 */
int net_default_links(struct net_link *out, unsigned max, struct err *e);

/* Why an address is never judged. */
enum net_own_kind {
	NET_OWN,
	NET_LOCAL_NETWORK,
	NET_GATEWAY,
	NET_RESOLVER,
	NET_CONFIG, /* never_block: net_own_list() knows none, the controller adds them */
};
struct net_own {
	struct prefix prefix;
	enum net_own_kind kind;
	char ifname[IFNAMSIZ]; /* "" for resolvers and link-local prefixes */
};

/*
 * Everything that is never judged: loopback (127/8, ::1), link-local (169.254/16, fe80::/10), every own address of every interface,
 * every gateway of every route, each nameserver of resolv_conf (NULL: /etc/resolv.conf; missing is
 * no error), and, when local_networks, the private networks (RFC 1918, ULA) that the guarded
 * interfaces (ifindexes, count of them) stand in, by their addresses' on-link prefixes.
 * No duplicates of (prefix); own before local. *out is malloc'd for the caller. Returns how many, or -errno.
 */
int net_own_list(const int *ifindexes, unsigned count, bool local_networks, const char *resolv_conf,
		 struct net_own **out, struct err *e);
const char *
net_own_name(enum net_own_kind kind); /* "own", "local", "gateway", "resolver", "config" */

/* An address of this host, and the network that it stands in. A dump that is repeated gives some twice. */
struct net_address {
	struct addr addr;
	struct prefix network; /* on the link; a host where there is none */
	int ifindex;
};
int net_each_address(int (*fn)(void *context, const struct net_address *a), void *context,
		     struct err *e);

/* Netlink news: a socket to put into the event loop. */
struct net_watch;
enum net_news { NET_NEWS_LINK = 1, NET_NEWS_ADDRESS = 2, NET_NEWS_ROUTE = 4 };
int net_watch_open(struct net_watch **out,
		   struct err *e); /* non-blocking; links, addresses, routes, both families */
int net_watch_fd(const struct net_watch *w);
/* Reads all that is there; which kinds there were (NET_NEWS_* bits; all of them after an overrun), or -errno. */
int net_watch_read(struct net_watch *w);
void net_watch_close(struct net_watch *w); /* NULL is fine */

/* SO_NETNS_COOKIE of this namespace, or of the one that the file at path names. 0 or -errno. */
int net_cookie(uint64_t *out, struct err *e);
int net_cookie_of(const char *path, uint64_t *out, struct err *e);

/*
 * Open TCP sockets with one of the local ports and a remote address in the prefix (NULL: any), by
 * sock_diag(7). Time-wait and listening sockets are left out. In the namespace the process is in.
 */
struct net_socket {
	struct addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t state;
};
int net_each_socket(const uint16_t *local_ports, unsigned count, const struct prefix *remote,
		    int (*fn)(void *context, const struct net_socket *s), void *context,
		    struct err *e);
/*
 * Who listens: TCP sockets in that state, UDP sockets without a peer. Both families; an IPv6 socket that takes IPv4 too is told as it is
 * (::). In the namespace the process is in.
 */
struct net_listener {
	struct addr addr; /* 0.0.0.0 and ::: all */
	uint16_t port;
	bool udp;
	uint32_t uid;	/* whose it is */
	uint32_t inode; /* as /proc/PID/fd names it */
};
int net_each_listener(int (*fn)(void *context, const struct net_listener *l), void *context,
		      struct err *e);

/* SOCK_DESTROY each of those. How many died, or -errno (-EOPNOTSUPP: no CONFIG_INET_DIAG_DESTROY). */
int net_destroy_sockets(const uint16_t *local_ports, unsigned count, const struct prefix *remote,
			struct err *e);
/*
 * SOCK_DESTROY one connection, by its cookie (sock_diag(7)): never another one of the same ports, and never the listener. 1: it
 * died; 0: it was gone; or -errno.
 */
int net_destroy_socket(const struct net_socket *s, uint64_t cookie, struct err *e);

#endif
