/* SPDX-License-Identifier: BSD-2-Clause */
/* The addresses of this host with the networks that they stand in. */
#include "net/wire.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

struct address_walk {
	int (*fn)(void *context, const struct net_address *a);
	void *context;
	int result;
};

/* IFA_LOCAL is ours and IFA_ADDRESS the peer's on a point-to-point link; IPv6 leaves IFA_LOCAL out elsewhere. */
static int address_came(void *context, struct nlmsghdr *message)
{
	struct address_walk *walk = context;
	const struct ifaddrmsg *head = nlmsg_data(message);
	struct nlattr *tb[IFA_MAX + 1], *own;
	struct net_address row = {0};
	struct addr onlink;
	int bits;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(message, sizeof(*head), tb, IFA_MAX, NULL) < 0)
		return -EIO;
	own = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	bits = head->ifa_prefixlen + (head->ifa_family == AF_INET ? ADDR_V4_LEAD_BITS : 0);
	if (!own || !tb[IFA_ADDRESS] || bits > ADDR_BITS ||
	    !wire_addr(head->ifa_family, nla_data(own), nla_len(own), &row.addr) ||
	    !wire_addr(head->ifa_family, nla_data(tb[IFA_ADDRESS]), nla_len(tb[IFA_ADDRESS]),
		       &onlink))
		return 0;
	row.network = prefix_of(&onlink, (uint8_t)bits);
	row.ifindex = (int)head->ifa_index;
	walk->result = walk->fn(walk->context, &row);
	return walk->result ? 1 : 0;
}

int net_each_address(int (*fn)(void *context, const struct net_address *a), void *context,
		     struct err *e)
{
	struct ifaddrmsg head = {.ifa_family = AF_UNSPEC};
	struct address_walk walk = {.fn = fn, .context = context};
	int code = wire_dump(RTM_GETADDR, &head, sizeof(head), address_came, &walk);

	if (code < 0)
		return err_set(e, code, "cannot list the addresses of this host: %s",
			       strerror(-code));
	return walk.result;
}
