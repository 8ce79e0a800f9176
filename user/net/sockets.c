/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open connections by sock_diag(7), and their end by SOCK_DESTROY. The kernel filters by local
 * port, one dump a port and family; the remote prefix is compared here, because connections of IPv4
 * clients to an IPv6 listener are sockets of AF_INET6 with mapped addresses, and the same
 * comparison holds for both.
 */
#include "net/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

/* The connections of a server: not listening, not closed, not in time-wait, and not made from this
 * side. */
#define STATES_OPEN                                                                                \
	((1U << TCP_ESTABLISHED) | (1U << TCP_SYN_RECV) | (1U << TCP_FIN_WAIT1) |                  \
	 (1U << TCP_FIN_WAIT2) | (1U << TCP_CLOSE_WAIT) | (1U << TCP_LAST_ACK) |                   \
	 (1U << TCP_CLOSING))

/* idiag_timer of a socket that is in time-wait, though its state may still read FIN-WAIT-2. */
#define TIMER_TIME_WAIT 3

/* Sockets that one round collects before it destroys them: 224 KiB. More take more rounds. */
#define DESTROY_ROUND 4096

struct socket_walk {
	const struct prefix *remote; /* NULL: any */
	int (*fn)(void *context, const struct inet_diag_msg *m, const struct net_socket *s);
	void *context;
};

static int socket_came(void *context, struct nlmsghdr *message)
{
	const struct socket_walk *walk = context;
	const struct inet_diag_msg *m = nlmsg_data(message);
	struct net_socket s = {0};

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || !nlmsg_valid_hdr(message, sizeof(*m)))
		return -EIO;
	if (m->idiag_timer == TIMER_TIME_WAIT || m->idiag_state == TCP_LISTEN)
		return 0;
	if (!wire_addr(m->idiag_family, m->id.idiag_src, sizeof(m->id.idiag_src), &s.local) ||
	    !wire_addr(m->idiag_family, m->id.idiag_dst, sizeof(m->id.idiag_dst), &s.remote))
		return 0;
	if (walk->remote && !prefix_has(walk->remote, &s.remote))
		return 0;
	s.local_port = ntohs(m->id.idiag_sport);
	s.remote_port = ntohs(m->id.idiag_dport);
	s.state = m->idiag_state;
	return walk->fn(walk->context, m, &s);
}

static int diag_fault(int code, const char *what, struct err *e)
{
	if (code == -ENOENT)
		return err_set(e, -EOPNOTSUPP,
			       "cannot %s: the kernel has no sock_diag for TCP "
			       "(module tcp_diag, CONFIG_INET_DIAG)",
			       what);
	return err_set(e, code, "cannot %s: %s", what, strerror(-code));
}

/* Both families of one port; what changes meanwhile may be seen twice or not at all. */
static int port_walk(struct nl_sock *sk, uint16_t port, struct socket_walk *walk)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < sizeof(families); i++) {
		struct inet_diag_req_v2 ask = {
			.sdiag_family = families[i],
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = STATES_OPEN,
			.id = {.idiag_sport = htons(port),
			       .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
		};
		int code = wire_ask(
			sk, wire_message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &ask, sizeof(ask)),
			socket_came, walk);

		if (code && code != -EINTR)
			return code;
	}
	return 0;
}

static int ports_walk(const uint16_t *local_ports, unsigned count, struct socket_walk *walk)
{
	WIRE_AUTO sk = NULL;
	int code = wire_open(&sk, NETLINK_SOCK_DIAG, NULL);

	for (unsigned i = 0; i < count && code == 0; i++)
		code = port_walk(sk, local_ports[i], walk);
	return code;
}

struct listing {
	int (*fn)(void *context, const struct net_socket *s);
	void *context;
	int result;
};

/* fn may return anything; only that it was not 0 goes through the walk. */
static int listing_came(void *context, const struct inet_diag_msg *m, const struct net_socket *s)
{
	struct listing *l = context;

	(void)m;
	l->result = l->fn(l->context, s);
	return l->result ? 1 : 0;
}

int net_each_socket(const uint16_t *local_ports, unsigned count, const struct prefix *remote,
		    int (*fn)(void *context, const struct net_socket *s), void *context,
		    struct err *e)
{
	struct listing l = {.fn = fn, .context = context};
	struct socket_walk walk = {.remote = remote, .fn = listing_came, .context = &l};
	int code = ports_walk(local_ports, count, &walk);

	if (code < 0)
		return diag_fault(code, "list the open connections", e);
	return l.result;
}

struct condemned {
	uint8_t family;
	struct inet_diag_sockid id;
};

struct round {
	struct condemned *row;
	unsigned count;
};

static int condemn(void *context, const struct inet_diag_msg *m, const struct net_socket *s)
{
	struct round *r = context;

	(void)s;
	if (r->count == DESTROY_ROUND)
		return 1;
	r->row[r->count++] = (struct condemned){.family = m->idiag_family, .id = m->id};
	return 0;
}

/* By its exact id and cookie, so that a new connection of the same ports is never hit. */
static int socket_destroy(struct nl_sock *sk, const struct condemned *c)
{
	struct inet_diag_req_v2 ask = {
		.sdiag_family = c->family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = STATES_OPEN,
		.id = c->id,
	};

	return wire_ask(sk, wire_message(SOCK_DESTROY, 0, &ask, sizeof(ask)), NULL, NULL);
}

/* How many died. Those that closed by themselves meanwhile (-ENOENT, -ESTALE) are not counted and
 * no fault. */
static int round_destroy(const struct round *r)
{
	WIRE_AUTO sk = NULL;
	int code = wire_open(&sk, NETLINK_SOCK_DIAG, NULL), killed = 0;

	for (unsigned i = 0; i < r->count && code == 0; i++) {
		code = socket_destroy(sk, &r->row[i]);
		if (code == 0)
			killed++;
		else if (code == -ENOENT || code == -ESTALE)
			code = 0;
	}
	return code < 0 ? code : killed;
}

static int destroy_fault(int code, struct err *e)
{
	if (code == -EOPNOTSUPP)
		return err_set(e, code,
			       "open connections stay: this kernel cannot end them "
			       "(CONFIG_INET_DIAG_DESTROY)");
	if (code == -EPERM)
		return err_set(e, code,
			       "open connections stay: ending them needs root "
			       "(CAP_NET_ADMIN)");
	return err_set(e, code, "cannot end open connections: %s", strerror(-code));
}

int net_destroy_sockets(const uint16_t *local_ports, unsigned count, const struct prefix *remote,
			struct err *e)
{
	struct round r = {.row = malloc(DESTROY_ROUND * sizeof(*r.row))};
	struct socket_walk walk = {.remote = remote, .fn = condemn, .context = &r};
	int code, killed = 0, total = 0;
	bool more;

	if (!r.row)
		return err_set(e, -ENOMEM, "cannot end open connections: out of memory");
	do {
		r.count = 0;
		code = ports_walk(local_ports, count, &walk);
		if (code < 0) {
			code = diag_fault(code, "list the open connections", e);
			break;
		}
		more = code > 0; /* the round was full */
		code = killed = round_destroy(&r);
		if (code < 0) {
			code = destroy_fault(code, e);
			break;
		}
		total += killed;
	} while (more && killed > 0);
	free(r.row);
	return code < 0 ? code : total;
}

static void id_put(uint32_t to[4], const struct addr *a)
{
	if (addr_is_v4(a))
		memcpy(to, a->byte + sizeof(a->byte) - sizeof(struct in_addr),
		       sizeof(struct in_addr));
	else
		memcpy(to, a->byte, sizeof(a->byte));
}

int net_destroy_socket(const struct net_socket *s, uint64_t cookie, struct err *e)
{
	/* The kernel finds an IPv4 connection of an IPv6 socket by its IPv4 addresses too. */
	struct condemned c = {
		.family = addr_is_v4(&s->remote) ? AF_INET : AF_INET6,
		.id = {.idiag_sport = htons(s->local_port),
		       .idiag_dport = htons(s->remote_port),
		       .idiag_cookie = {(uint32_t)cookie, (uint32_t)(cookie >> 32)}},
	};
	struct round r = {.row = &c, .count = 1};
	int code;

	id_put(c.id.idiag_src, &s->local);
	id_put(c.id.idiag_dst, &s->remote);
	code = round_destroy(&r);
	return code < 0 ? destroy_fault(code, e) : code;
}
