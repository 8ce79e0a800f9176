/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * News of links, addresses and routes. Only that something changed is told, not what: whoever is
 * woken reads the present state anew, which is right after a lost message as well.
 */
#include "net/wire.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NEWS_ALL       (NET_NEWS_LINK | NET_NEWS_ADDRESS | NET_NEWS_ROUTE)
#define NEWS_BYTES_MAX 32768 /* a longer message is cut, which its type survives */
/* A routing daemon may bring more than is ever read: the loop comes back for the rest. */
#define NEWS_PER_READ 4096

struct net_watch {
	struct nl_sock *sk;
};

int net_watch_open(struct net_watch **out, struct err *e)
{
	struct net_watch *w = calloc(1, sizeof(*w));
	int code;

	*out = NULL;
	if (!w)
		return err_set(e, -ENOMEM, "cannot watch the network: out of memory");
	code = wire_open(&w->sk, NETLINK_ROUTE, e);
	if (code < 0)
		goto fail;
	code = nl_socket_add_memberships(w->sk, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					 RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					 RTNLGRP_IPV6_ROUTE, 0);
	if (code == 0)
		code = nl_socket_set_nonblocking(w->sk);
	if (code < 0) {
		code = err_set(e, -EIO, "cannot watch the network: the kernel gives no news");
		goto fail;
	}
	/* A kernel without nexthop objects has no news of them. */
	(void)nl_socket_add_membership(w->sk, RTNLGRP_NEXTHOP);
	*out = w;
	return 0;
fail:
	net_watch_close(w);
	return code;
}

int net_watch_fd(const struct net_watch *w)
{
	return nl_socket_get_fd(w->sk);
}

static int news_of(int type)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return NET_NEWS_LINK;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return NET_NEWS_ADDRESS;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		return NET_NEWS_ROUTE;
	default:
		return 0;
	}
}

static int news_in(char *bytes, int length)
{
	struct nlmsghdr *message = (struct nlmsghdr *)bytes;
	int news = 0;

	/* The first header counts even where its message was cut. */
	if (length >= NLMSG_HDRLEN)
		news |= news_of(message->nlmsg_type);
	for (; nlmsg_ok(message, length); message = nlmsg_next(message, &length))
		news |= news_of(message->nlmsg_type);
	return news;
}

int net_watch_read(struct net_watch *w)
{
	_Alignas(struct nlmsghdr) char bytes[NEWS_BYTES_MAX];
	int news = 0;

	for (int i = 0; i < NEWS_PER_READ; i++) {
		struct sockaddr_nl from = {0};
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(net_watch_fd(w), bytes, sizeof(bytes), MSG_DONTWAIT,
				     (struct sockaddr *)&from, &size);

		if (n >= 0) {
			if (from.nl_pid == 0) /* the kernel, and nobody else */
				news |= news_in(bytes, (int)n);
		} else if (errno == ENOBUFS) {
			news = NEWS_ALL; /* an overrun: the socket works on */
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return news;
}

void net_watch_close(struct net_watch *w)
{
	if (!w)
		return;
	wire_close(&w->sk);
	free(w);
}
