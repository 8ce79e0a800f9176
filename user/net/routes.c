/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes as their hops. A gateway stands in one of four places: RTA_GATEWAY, RTA_VIA (an IPv4 route
 * by an IPv6 neighbour, RFC 5549), inside each member of RTA_MULTIPATH, or in a nexthop object that
 * the route only names. Where net.ipv4.nexthop_compat_mode is 0 the last is all there is.
 */
#include "net/wire.h"

#include <errno.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

struct hop_walk {
	int (*fn)(void *context, const struct route_hop *hop);
	void *context;
	uint32_t id; /* of nexthop objects; 0 all */
};

static const struct nla_policy route_policy[RTA_MAX + 1] = {
	[RTA_TABLE] = {.type = NLA_U32},
	[RTA_OIF] = {.type = NLA_U32},
	[RTA_NH_ID] = {.type = NLA_U32},
};

static void hop_set_gateway(struct route_hop *hop, int family, struct nlattr *const *tb)
{
	if (tb[RTA_GATEWAY]) {
		hop->has_gateway = wire_addr(family, nla_data(tb[RTA_GATEWAY]),
					     nla_len(tb[RTA_GATEWAY]), &hop->gateway);
	} else if (tb[RTA_VIA] && nla_len(tb[RTA_VIA]) > (int)sizeof(struct rtvia)) {
		const struct rtvia *via = nla_data(tb[RTA_VIA]);

		hop->has_gateway =
			wire_addr(via->rtvia_family, via->rtvia_addr,
				  nla_len(tb[RTA_VIA]) - (int)sizeof(*via), &hop->gateway);
	}
}

static int multipath_walk(const struct hop_walk *walk, int family, bool is_default,
			  const struct nlattr *multipath)
{
	const struct rtnexthop *member = nla_data(multipath);
	int left = nla_len(multipath);

	while (left >= (int)sizeof(*member) && member->rtnh_len >= sizeof(*member) &&
	       member->rtnh_len <= left) {
		struct route_hop hop = {.is_default = is_default, .ifindex = member->rtnh_ifindex};
		int step = RTNH_ALIGN(member->rtnh_len), result;
		struct nlattr *tb[RTA_MAX + 1];

		if (nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(member),
			      member->rtnh_len - (int)sizeof(*member), route_policy) < 0)
			return -EIO;
		hop_set_gateway(&hop, family, tb);
		result = walk->fn(walk->context, &hop);
		if (result)
			return result;
		left -= step;
		member = (const struct rtnexthop *)((const char *)member + step);
	}
	return 0;
}

static int route_decode(void *context, struct nlmsghdr *message)
{
	const struct hop_walk *walk = context;
	const struct rtmsg *head = nlmsg_data(message);
	struct nlattr *tb[RTA_MAX + 1];
	struct route_hop hop = {0};
	uint32_t table;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(message, sizeof(*head), tb, RTA_MAX, route_policy) < 0)
		return -EIO;
	if (head->rtm_type != RTN_UNICAST || (head->rtm_flags & RTM_F_CLONED))
		return 0;
	table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : head->rtm_table;
	hop.is_default = table == RT_TABLE_MAIN && head->rtm_dst_len == 0;
	if (tb[RTA_MULTIPATH])
		return multipath_walk(walk, head->rtm_family, hop.is_default, tb[RTA_MULTIPATH]);
	hop.ifindex = tb[RTA_OIF] ? (int)nla_get_u32(tb[RTA_OIF]) : 0;
	hop.nexthop_id = tb[RTA_NH_ID] ? nla_get_u32(tb[RTA_NH_ID]) : 0;
	hop_set_gateway(&hop, head->rtm_family, tb);
	return walk->fn(walk->context, &hop);
}

int route_each(int (*fn)(void *context, const struct route_hop *hop), void *context, struct err *e)
{
	static const unsigned char families[] = {AF_INET, AF_INET6};
	struct hop_walk walk = {.fn = fn, .context = context};

	for (size_t i = 0; i < sizeof(families); i++) {
		struct rtmsg head = {.rtm_family = families[i]};
		int code = wire_dump(RTM_GETROUTE, &head, sizeof(head), route_decode, &walk);

		/* A kernel booted with ipv6.disable=1 has no such routes. */
		if (code == -EOPNOTSUPP || code == -EAFNOSUPPORT)
			continue;
		if (code < 0)
			return err_set(e, code, "cannot list the %s routes: %s",
				       families[i] == AF_INET ? "IPv4" : "IPv6", strerror(-code));
		if (code)
			return code;
	}
	return 0;
}

static int group_walk(const struct hop_walk *walk, const struct nlattr *group)
{
	const struct nexthop_grp *member = nla_data(group);
	size_t count = (size_t)nla_len(group) / sizeof(*member);

	for (size_t i = 0; i < count; i++) {
		/* Groups do not nest: the kernel refuses to make such a one. */
		int result = route_each_nexthop(member[i].id, walk->fn, walk->context, NULL);

		if (result)
			return result;
	}
	return 0;
}

static int nexthop_decode(void *context, struct nlmsghdr *message)
{
	static const struct nla_policy policy[NHA_MAX + 1] = {
		[NHA_ID] = {.type = NLA_U32},
		[NHA_OIF] = {.type = NLA_U32},
	};
	const struct hop_walk *walk = context;
	const struct nhmsg *head = nlmsg_data(message);
	struct nlattr *tb[NHA_MAX + 1];
	struct route_hop hop = {0};

	if (message->nlmsg_type != RTM_NEWNEXTHOP ||
	    nlmsg_parse(message, sizeof(*head), tb, NHA_MAX, policy) < 0)
		return -EIO;
	if (tb[NHA_GROUP])
		return walk->id ? group_walk(walk, tb[NHA_GROUP]) : 0;
	hop.ifindex = tb[NHA_OIF] ? (int)nla_get_u32(tb[NHA_OIF]) : 0;
	hop.nexthop_id = tb[NHA_ID] ? nla_get_u32(tb[NHA_ID]) : 0;
	if (tb[NHA_GATEWAY])
		hop.has_gateway = wire_addr(head->nh_family, nla_data(tb[NHA_GATEWAY]),
					    nla_len(tb[NHA_GATEWAY]), &hop.gateway);
	return walk->fn(walk->context, &hop);
}

static int nexthop_ask(struct hop_walk *walk)
{
	struct nhmsg head = {.nh_family = AF_UNSPEC};
	struct nl_msg *message = wire_message(RTM_GETNEXTHOP, 0, &head, sizeof(head));
	WIRE_AUTO sk = NULL;
	int code = wire_open(&sk, NETLINK_ROUTE, NULL);

	if (code == 0 && message && nla_put_u32(message, NHA_ID, walk->id) < 0)
		code = -ENOMEM;
	if (code < 0) {
		nlmsg_free(message);
		return code;
	}
	return wire_ask(sk, message, nexthop_decode, walk);
}

int route_each_nexthop(uint32_t id, int (*fn)(void *context, const struct route_hop *hop),
		       void *context, struct err *e)
{
	struct hop_walk walk = {.fn = fn, .context = context, .id = id};
	struct nhmsg head = {.nh_family = AF_UNSPEC};
	int code;

	if (id)
		code = nexthop_ask(&walk);
	else
		code = wire_dump(RTM_GETNEXTHOP, &head, sizeof(head), nexthop_decode, &walk);
	/* Taken away while the routes were read, or a kernel that knows no nexthop objects. */
	if (code == -ENOENT || code == -EOPNOTSUPP)
		return 0;
	if (code < 0)
		return err_set(e, code, "cannot list the nexthops: %s", strerror(-code));
	return code;
}
