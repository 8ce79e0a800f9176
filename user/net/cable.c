/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cable: see cable.h. It is a pair of veth(4) interfaces. Nothing is left to chance or to the settings of the host: neighbours
 * are permanent on both sides, so that nobody asks by ARP or ND (arp_ignore, arp_filter); the near end has no address, not even a
 * link-local one, so that no server binds to it and no list of own networks grows; the route back goes out by the interface that the
 * packets came in by, which is what rp_filter asks for (ip-sysctl, strict mode). Addresses of the hardware are set, or
 * systemd.link(5), MACAddressPolicy, would set others a moment later. The pair is made from inside the new namespace, with its other
 * end sent out: then the kernel takes both away with the namespace, whoever dies.
 */
#include "net/cable.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "net/wire.h"

#define FAR_NAME  "far"
#define LOOPBACK  1 /* the number of lo in every namespace */
#define MAC_BYTES 6

/* Locally administered (IEEE 802, 8.2.2). Each is on a cable of its own, so they need not differ from others'. */
static const uint8_t near_mac[MAC_BYTES] = {0x02, 0x70, 0x6e, 0x00, 0x00, 0x01};
static const uint8_t far_mac[MAC_BYTES] = {0x02, 0x70, 0x6e, 0x00, 0x00, 0x02};
/* The gateway as the far end knows it: a name for the near end's hardware address, and nobody's address. */
#define GATEWAY_V4 "169.254.112.110"
#define GATEWAY_V6 "fe80::706e"

struct cable_end {
	struct nl_sock *sk; /* speaks of the namespace that it was opened in */
	int ifindex;
};

static int family_of(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

static int bits_of(const struct addr *a)
{
	return addr_is_v4(a) ? ADDR_BITS - ADDR_V4_LEAD_BITS : ADDR_BITS;
}

static int addr_put(struct nl_msg *m, int attribute, const struct addr *a)
{
	int lead = addr_is_v4(a) ? ADDR_V4_LEAD_BITS / 8 : 0;

	return nla_put(m, attribute, (int)sizeof(a->byte) - lead, a->byte + lead);
}

/* Takes the message. failed: an attribute did not fit. */
static int ask(struct nl_sock *sk, struct nl_msg *m, int failed)
{
	if (m && failed) {
		nlmsg_free(m);
		m = NULL;
	}
	return wire_ask(sk, m, NULL, NULL);
}

/* ---- interfaces ---- */

/* No link-local address: there is no other way to have none (RTM_NEWLINK, IFLA_INET6_ADDR_GEN_MODE). */
static int no_link_local_put(struct nl_msg *m)
{
	struct nlattr *spec = nla_nest_start(m, IFLA_AF_SPEC),
		      *inet6 = spec ? nla_nest_start(m, AF_INET6) : NULL;

	if (!inet6 || nla_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) < 0)
		return -ENOMEM;
	nla_nest_end(m, inet6);
	nla_nest_end(m, spec);
	return 0;
}

static int near_put(struct nl_msg *m, const char *name, int near_ns)
{
	struct ifinfomsg head = {0};
	struct nlattr *peer = nla_nest_start(m, VETH_INFO_PEER);

	if (!peer || nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(m, IFLA_IFNAME, name) < 0 ||
	    nla_put(m, IFLA_ADDRESS, MAC_BYTES, near_mac) < 0 ||
	    nla_put_u32(m, IFLA_NET_NS_FD, (uint32_t)near_ns) < 0)
		return -ENOMEM;
	nla_nest_end(m, peer);
	return 0;
}

static int pair_make(struct nl_sock *sk, const char *name, int near_ns)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m =
		wire_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	struct nlattr *info = NULL, *data = NULL;
	int failed = !m;

	if (!failed)
		failed = nla_put_string(m, IFLA_IFNAME, FAR_NAME) < 0 ||
			 nla_put(m, IFLA_ADDRESS, MAC_BYTES, far_mac) < 0;
	if (!failed)
		info = nla_nest_start(m, IFLA_LINKINFO);
	failed = failed || !info || nla_put_string(m, IFLA_INFO_KIND, "veth") < 0;
	if (!failed)
		data = nla_nest_start(m, IFLA_INFO_DATA);
	failed = failed || !data || near_put(m, name, near_ns) < 0;
	if (!failed) {
		nla_nest_end(m, data);
		nla_nest_end(m, info);
	}
	return ask(sk, m, failed);
}

static int quieten(const struct cable_end *end)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = end->ifindex};
	struct nl_msg *m = wire_message(RTM_SETLINK, 0, &head, sizeof(head));
	int code = ask(end->sk, m, m ? no_link_local_put(m) : 0);

	/* Without IPv6 there is nothing to quieten. */
	return code == -EAFNOSUPPORT || code == -EOPNOTSUPP ? 0 : code;
}

static int rise(struct nl_sock *sk, int ifindex)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC,
				 .ifi_index = ifindex,
				 .ifi_flags = IFF_UP,
				 .ifi_change = IFF_UP};

	return ask(sk, wire_message(RTM_NEWLINK, 0, &head, sizeof(head)), 0);
}

static int index_came(void *context, struct nlmsghdr *message)
{
	const struct ifinfomsg *head = nlmsg_data(message);

	if (message->nlmsg_type == RTM_NEWLINK && nlmsg_valid_hdr(message, sizeof(*head)))
		*(int *)context = head->ifi_index;
	return 0;
}

static int end_find(struct cable_end *end, const char *name)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m = wire_message(RTM_GETLINK, 0, &head, sizeof(head));
	int code;

	if (m && nla_put_string(m, IFLA_IFNAME, name) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	code = wire_ask(end->sk, m, index_came, &end->ifindex);
	return code < 0 ? code : end->ifindex ? 0 : -ENODEV;
}

/* ---- addresses, neighbours, routes ---- */

static int address_add(const struct cable_end *end, const struct addr *a)
{
	struct ifaddrmsg head = {.ifa_family = (uint8_t)family_of(a),
				 .ifa_prefixlen = (uint8_t)bits_of(a),
				 .ifa_index = (unsigned)end->ifindex,
				 /* Nobody else is on the cable. */
				 .ifa_flags = addr_is_v4(a) ? 0 : IFA_F_NODAD};
	struct nl_msg *m =
		wire_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));

	return ask(end->sk, m, m && addr_put(m, IFA_LOCAL, a) < 0);
}

static int neighbour_add(const struct cable_end *end, const struct addr *a, const uint8_t *mac)
{
	struct ndmsg head = {.ndm_family = (uint8_t)family_of(a),
			     .ndm_ifindex = end->ifindex,
			     .ndm_state = NUD_PERMANENT};
	struct nl_msg *m =
		wire_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));

	return ask(
		end->sk, m,
		m && (addr_put(m, NDA_DST, a) < 0 || nla_put(m, NDA_LLADDR, MAC_BYTES, mac) < 0));
}

/* To one address (its whole length) on the link; or, where it is a gateway, through it to everywhere. */
static int route_add(const struct cable_end *end, const struct addr *a, bool is_gateway)
{
	struct rtmsg head = {.rtm_family = (uint8_t)family_of(a),
			     .rtm_dst_len = (uint8_t)(is_gateway ? 0 : bits_of(a)),
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = RTPROT_STATIC,
			     .rtm_scope = !is_gateway && addr_is_v4(a) ? RT_SCOPE_LINK
								       : RT_SCOPE_UNIVERSE,
			     .rtm_type = RTN_UNICAST,
			     .rtm_flags = is_gateway ? RTNH_F_ONLINK : 0};
	/* EXCL: an audit that runs beside us keeps its own. */
	struct nl_msg *m =
		wire_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	int failed = m && (nla_put_u32(m, RTA_OIF, (uint32_t)end->ifindex) < 0 ||
			   addr_put(m, is_gateway ? RTA_GATEWAY : RTA_DST, a) < 0);

	return ask(end->sk, m, failed);
}

static int family_lay(const struct cable_end *far, const struct cable_end *near,
		      const struct addr *a)
{
	struct addr gateway;
	int code = addr_parse(addr_is_v4(a) ? GATEWAY_V4 : GATEWAY_V6, &gateway, NULL);

	if (code == 0)
		code = address_add(far, a);
	if (code == 0)
		code = neighbour_add(far, &gateway, near_mac);
	if (code == 0)
		code = route_add(far, &gateway, true);
	if (code == 0)
		code = neighbour_add(near, a, far_mac);
	if (code == 0)
		code = route_add(near, a, false);
	return code;
}

/* A host without the family, or with the family turned off for new interfaces, says one of these. */
static bool is_family_missing(int code)
{
	return code == -EAFNOSUPPORT || code == -EOPNOTSUPP || code == -EACCES ||
	       code == -EPFNOSUPPORT || code == -ENETUNREACH;
}

static int families_lay(const struct cable_end *far, const struct cable_end *near,
			const struct cable *wanted, struct cable *laid)
{
	int code = 0;

	*laid = *wanted;
	if (wanted->has_v4)
		code = family_lay(far, near, &wanted->v4);
	if (wanted->has_v4 && is_family_missing(code)) {
		laid->has_v4 = false;
		code = 0;
	}
	if (code < 0 || !wanted->has_v6)
		return code;
	code = family_lay(far, near, &wanted->v6);
	if (is_family_missing(code)) {
		laid->has_v6 = false;
		code = 0;
	}
	return code;
}

static int ends_rise(struct cable_end *far, struct cable_end *near, const char *name)
{
	int code = end_find(far, FAR_NAME);

	if (code == 0)
		code = end_find(near, name);
	if (code == 0)
		code = quieten(near);
	if (code == 0)
		code = quieten(far);
	if (code == 0)
		code = rise(far->sk, LOOPBACK);
	if (code == 0)
		code = rise(near->sk, near->ifindex);
	if (code == 0)
		code = rise(far->sk, far->ifindex);
	return code;
}

static int fault(int code, const char *what, struct err *e)
{
	if (code == -EPERM)
		return err_set(e, code,
			       "cannot %s: that needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN)",
			       what);
	return err_set(e, code, "cannot %s: %s", what, strerror(-code));
}

/* The name bears a number that nobody else draws, so that several may stand side by side. */
static int name_draw(char name[static IFNAMSIZ])
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	snprintf(name, IFNAMSIZ, "pna%08x", number);
	return 0;
}

int cable_lay(const struct cable *wanted, struct cable *laid, struct err *e)
{
	struct cable_end far = {0}, near = {0};
	char name[IFNAMSIZ];
	int code, home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return fault(-errno, "find this network namespace", e);
	code = wire_open(&near.sk, NETLINK_ROUTE, e);
	if (code == 0 && unshare(CLONE_NEWNET) < 0)
		code = fault(-errno, "make a network namespace", e);
	if (code == 0)
		code = wire_open(&far.sk, NETLINK_ROUTE, e);
	if (code == 0)
		code = name_draw(name);
	if (code == 0) {
		code = pair_make(far.sk, name, home);
		if (code == 0)
			code = ends_rise(&far, &near, name);
		if (code == 0)
			code = families_lay(&far, &near, wanted, laid);
		if (code < 0)
			code = fault(code, "lay a cable into a network namespace", e);
	}
	wire_close(&far.sk);
	wire_close(&near.sk);
	close(home);
	return code;
}

/* ---- is it free? ---- */

static int match_came(void *context, struct nlmsghdr *message)
{
	const struct rtmsg *head = nlmsg_data(message);

	if (message->nlmsg_type == RTM_NEWROUTE && nlmsg_valid_hdr(message, sizeof(*head)))
		*(int *)context = head->rtm_dst_len == 0;
	return 0;
}

int cable_is_free(const struct addr *a)
{
	/* The entry of the table is asked for, whose length tells; without it the answer is about one host. */
	struct rtmsg head = {.rtm_family = (uint8_t)family_of(a),
			     .rtm_dst_len = (uint8_t)bits_of(a),
			     .rtm_flags = RTM_F_FIB_MATCH};
	struct nl_msg *m = wire_message(RTM_GETROUTE, 0, &head, sizeof(head));
	WIRE_AUTO sk = NULL;
	int is_free = 1, code;

	if (m && addr_put(m, RTA_DST, a) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	code = wire_open(&sk, NETLINK_ROUTE, NULL);
	if (code < 0) {
		nlmsg_free(m);
		return code;
	}
	code = wire_ask(sk, m, match_came, &is_free);
	/* No way there at all; a network that is thrown away as a whole is none either, and ours is longer. */
	if (code == -ENETUNREACH || code == -EHOSTUNREACH || code == -EINVAL || code == -EACCES ||
	    is_family_missing(code))
		return 1;
	return code < 0 ? code : is_free;
}
