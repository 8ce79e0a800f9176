/* SPDX-License-Identifier: BSD-2-Clause */
/* The interfaces of this network namespace, and which of them lead to the world. */
#include "net/wire.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define NAME_SHOWN_MAX 64 /* bytes: four for each of a name */
#define KIND_MAX       sizeof(((struct net_link *)0)->kind)

static const struct nla_policy link_policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME] = {.type = NLA_STRING, .maxlen = IFNAMSIZ},
	[IFLA_MTU] = {.type = NLA_U32},
	[IFLA_LINK] = {.type = NLA_U32},
	[IFLA_MASTER] = {.type = NLA_U32},
	[IFLA_LINKINFO] = {.type = NLA_NESTED},
};

static const struct nla_policy info_policy[IFLA_INFO_MAX + 1] = {
	[IFLA_INFO_KIND] = {.type = NLA_STRING},
};

/*
 * IFLA_LINK means "stands on" for these kinds only; a veth names its peer there, a tunnel its
 * carrier. A link in another namespace (IFLA_LINK_NETNSID) has a number of that namespace.
 */
static int lower_of(const struct net_link *link, struct nlattr *const *tb)
{
	static const char *const stacked[] = {"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"};

	if (!tb[IFLA_LINK] || tb[IFLA_LINK_NETNSID])
		return 0;
	for (size_t i = 0; i < sizeof(stacked) / sizeof(*stacked); i++)
		if (strcmp(link->kind, stacked[i]) == 0)
			return (int)nla_get_u32(tb[IFLA_LINK]);
	return 0;
}

static int link_decode(struct nlmsghdr *message, struct link_row *out)
{
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *head = nlmsg_data(message);
	struct net_link *link = &out->link;

	if (message->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(message, sizeof(*head), tb, IFLA_MAX, link_policy) < 0 || !tb[IFLA_IFNAME])
		return -EIO;
	memset(out, 0, sizeof(*out));
	link->ifindex = head->ifi_index;
	nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name));
	link->up = head->ifi_flags & IFF_UP;
	link->loopback = head->ifi_flags & IFF_LOOPBACK;
	link->ethernet = head->ifi_type == ARPHRD_ETHER;
	/* What lies in another namespace has a number there that means another interface here. */
	if (tb[IFLA_LINK] && !tb[IFLA_LINK_NETNSID])
		link->lower = (int)nla_get_u32(tb[IFLA_LINK]);
	link->master = tb[IFLA_MASTER] ? (int)nla_get_u32(tb[IFLA_MASTER]) : 0;
	link->mtu = tb[IFLA_MTU] ? nla_get_u32(tb[IFLA_MTU]) : 0;
	if (tb[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], info_policy) == 0 &&
	    info[IFLA_INFO_KIND])
		nla_strlcpy(link->kind, info[IFLA_INFO_KIND], KIND_MAX);
	out->lower = lower_of(link, tb);
	return 0;
}

static int link_keep(void *context, struct nlmsghdr *message)
{
	struct link_row row;
	int code = link_decode(message, &row);

	if (code == 0)
		*(struct net_link *)context = row.link;
	return code;
}

/* By name where there is one, else by number. */
static int link_ask(const char *name, int ifindex, struct net_link *out)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct nl_msg *message;
	WIRE_AUTO sk = NULL;
	int code = wire_open(&sk, NETLINK_ROUTE, NULL);

	if (code < 0)
		return code;
	message = wire_message(RTM_GETLINK, 0, &head, sizeof(head));
	if (message && name && nla_put_string(message, IFLA_IFNAME, name) < 0) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	out->ifindex = 0;
	code = wire_ask(sk, message, link_keep, out);
	if (code == 0 && out->ifindex == 0)
		return -EIO;
	return code;
}

int net_link_by_name(const char *name, struct net_link *out, struct err *e)
{
	size_t length = strlen(name);
	char shown[NAME_SHOWN_MAX];
	int code = -ENODEV;

	/* The kernel calls an empty or overlong name a bad request; it is a name nobody has. */
	if (length > 0 && length < IFNAMSIZ)
		code = link_ask(name, 0, out);
	text_escape(name, length, shown, sizeof(shown));
	if (code == -ENODEV)
		return err_set(e, code, "there is no interface '%s'", shown);
	if (code < 0)
		return err_set(e, code, "cannot ask the kernel about the interface '%s': %s", shown,
			       strerror(-code));
	return 0;
}

int net_link_by_index(int ifindex, struct net_link *out, struct err *e)
{
	int code = ifindex > 0 ? link_ask(NULL, ifindex, out) : -ENODEV;

	if (code == -ENODEV)
		return err_set(e, code, "there is no interface with the number %d", ifindex);
	if (code < 0)
		return err_set(e, code, "cannot ask the kernel about the interface %d: %s", ifindex,
			       strerror(-code));
	return 0;
}

struct link_list {
	struct link_row *row;
	int count, room;
};

/* A repeated dump brings a link again: the later description replaces the earlier. */
static int link_collect(void *context, struct nlmsghdr *message)
{
	struct link_list *list = context;
	struct link_row row;
	int code = link_decode(message, &row);

	if (code < 0)
		return code;
	for (int i = 0; i < list->count; i++) {
		if (list->row[i].link.ifindex == row.link.ifindex) {
			list->row[i] = row;
			return 0;
		}
	}
	if (list->count == list->room) {
		int room = list->room ? 2 * list->room : 16;
		struct link_row *more = realloc(list->row, sizeof(*more) * (size_t)room);

		if (!more)
			return -ENOMEM;
		list->row = more;
		list->room = room;
	}
	list->row[list->count++] = row;
	return 0;
}

int link_rows(struct link_row **out, struct err *e)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct link_list list = {0};
	int code = wire_dump(RTM_GETLINK, &head, sizeof(head), link_collect, &list);

	*out = NULL;
	if (code < 0) {
		free(list.row);
		return err_set(e, code, "cannot list the interfaces: %s", strerror(-code));
	}
	*out = list.row;
	return list.count;
}

int net_each_link(int (*fn)(void *context, const struct net_link *link), void *context,
		  struct err *e)
{
	struct link_row *row;
	int count = link_rows(&row, e), result = count < 0 ? count : 0;

	for (int i = 0; i < count && result == 0; i++)
		result = fn(context, &row[i].link);
	free(row);
	return result;
}

struct default_list {
	struct net_link *link;
	unsigned count, max;
};

static int default_add(struct default_list *list, int ifindex)
{
	struct net_link link;
	int code;

	for (unsigned i = 0; i < list->count; i++)
		if (list->link[i].ifindex == ifindex)
			return 0;
	if (list->count == list->max)
		return 0;
	code = link_ask(NULL, ifindex, &link);
	if (code == -ENODEV) /* went while the routes were read */
		return 0;
	if (code < 0 || link.loopback)
		return code;
	list->link[list->count++] = link;
	return 0;
}

static int default_add_nexthop(void *context, const struct route_hop *hop)
{
	return hop->ifindex ? default_add(context, hop->ifindex) : 0;
}

static int default_add_hop(void *context, const struct route_hop *hop)
{
	if (!hop->is_default)
		return 0;
	if (hop->ifindex)
		return default_add(context, hop->ifindex);
	if (hop->nexthop_id)
		return route_each_nexthop(hop->nexthop_id, default_add_nexthop, context, NULL);
	return 0;
}

int net_default_links(struct net_link *out, unsigned max, struct err *e)
{
	struct default_list list = {.link = out, .max = max};
	int code = route_each(default_add_hop, &list, e);

	return code < 0 ? code : (int)list.count;
}
