/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets that wait for others to come, by sock_diag(7). */
#include "net/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

struct listener_walk {
	int (*fn)(void *context, const struct net_listener *l);
	void *context;
	bool udp;
	int result;
};

static int listener_came(void *context, struct nlmsghdr *message)
{
	struct listener_walk *walk = context;
	const struct inet_diag_msg *m = nlmsg_data(message);
	struct net_listener row = {.udp = walk->udp};

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || !nlmsg_valid_hdr(message, sizeof(*m)))
		return -EIO;
	if (!wire_addr(m->idiag_family, m->id.idiag_src, sizeof(m->id.idiag_src), &row.addr))
		return 0;
	row.port = ntohs(m->id.idiag_sport);
	row.uid = m->idiag_uid;
	row.inode = m->idiag_inode;
	walk->result = walk->fn(walk->context, &row);
	return walk->result ? 1 : 0;
}

static int family_walk(struct nl_sock *sk, uint8_t family, struct listener_walk *walk)
{
	struct inet_diag_req_v2 want = {
		.sdiag_family = family,
		.sdiag_protocol = walk->udp ? IPPROTO_UDP : IPPROTO_TCP,
		/* A UDP socket without a peer is "closed" (udp_diag). */
		.idiag_states = 1U << (walk->udp ? TCP_CLOSE : TCP_LISTEN),
		.id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
	};
	int code = wire_ask(sk, wire_message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &want, sizeof(want)),
			    listener_came, walk);

	return code == -EINTR ? 0 : code;
}

int net_each_listener(int (*fn)(void *context, const struct net_listener *l), void *context,
		      struct err *e)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct listener_walk walk = {.fn = fn, .context = context};
	WIRE_AUTO sk = NULL;
	int code = wire_open(&sk, NETLINK_SOCK_DIAG, e);

	if (code < 0)
		return code;
	for (unsigned udp = 0; udp < 2 && code == 0; udp++) {
		walk.udp = udp;
		for (size_t i = 0; i < sizeof(families) && code == 0; i++)
			code = family_walk(sk, families[i], &walk);
		/* A kernel may have one without the other (CONFIG_INET_UDP_DIAG). */
		if (udp && code == -ENOENT)
			code = 0;
	}
	if (code < 0)
		return err_set(e, code, "cannot list who listens (sock_diag): %s", strerror(-code));
	return walk.result;
}
