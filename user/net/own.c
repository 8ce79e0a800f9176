/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is never judged: this host itself, its private neighbours, its gateways, its resolvers. A
 * gate that shut out one of these would cut its own host off, so the list rather has an entry too
 * many.
 */
#include "net/wire.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLV_CONF	 "/etc/resolv.conf"
#define RESOLV_LINES_MAX 4096 /* a nameserver behind that many lines is not one a resolver asks */
#define ROOM_FIRST	 64

struct own_list {
	struct net_own *row;
	size_t count, room;
};

/* What the addresses of a dump are sorted by. */
struct own_walk {
	struct own_list *list;
	const struct link_row *links;
	int link_count;
	bool *is_guarded; /* per row of links; NULL: no local networks wanted */
};

static int by_prefix(const void *a, const void *b)
{
	const struct net_own *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order)
		return order;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->ifname, y->ifname);
}

static int by_kind(const void *a, const void *b)
{
	const struct net_own *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return by_prefix(a, b);
}

/* Of equal prefixes the first kind stays: own before local before gateway before resolver. */
static void own_compact(struct own_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->row, list->count, sizeof(*list->row), by_prefix);
	for (size_t i = 1; i < list->count; i++)
		if (!prefix_equal(&list->row[i].prefix, &list->row[kept].prefix))
			list->row[++kept] = list->row[i];
	list->count = kept + 1;
}

/*
 * Room is made by dropping duplicates before it is bought: a full routing table names the same few
 * gateways a million times.
 */
static int own_make_room(struct own_list *list)
{
	size_t room = list->room ? 2 * list->room : ROOM_FIRST;
	struct net_own *more;

	own_compact(list);
	if (list->room && list->count <= list->room / 2)
		return 0;
	more = realloc(list->row, room * sizeof(*more));
	if (!more)
		return -ENOMEM;
	list->row = more;
	list->room = room;
	return 0;
}

static int own_add(struct own_list *list, struct prefix prefix, enum net_own_kind kind,
		   const char *ifname)
{
	struct net_own *row;

	if (list->count == list->room && own_make_room(list) < 0)
		return -ENOMEM;
	row = &list->row[list->count++];
	memset(row, 0, sizeof(*row));
	row->prefix = prefix;
	row->kind = kind;
	snprintf(row->ifname, sizeof(row->ifname), "%s", ifname);
	return 0;
}

/* Loopback and link-local addresses mean this host and this link wherever they are seen. */
static int own_add_fixed(struct own_list *list)
{
	static const struct {
		const char *text;
		enum net_own_kind kind;
		const char *ifname;
	} fixed[] = {
		{"127.0.0.0/8", NET_OWN, "lo"},
		{"::1", NET_OWN, "lo"},
		{"169.254.0.0/16", NET_LOCAL_NETWORK, ""},
		{"fe80::/10", NET_LOCAL_NETWORK, ""},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		struct prefix p;
		int code = prefix_parse(fixed[i].text, &p, NULL);

		if (code == 0)
			code = own_add(list, p, fixed[i].kind, fixed[i].ifname);
		if (code < 0)
			return code;
	}
	return 0;
}

static int link_find(const struct own_walk *walk, int ifindex)
{
	for (int i = 0; i < walk->link_count; i++)
		if (walk->links[i].link.ifindex == ifindex)
			return i;
	return -1;
}

static const char *link_name(const struct own_walk *walk, int ifindex)
{
	int i = link_find(walk, ifindex);

	return i < 0 ? "" : walk->links[i].link.name;
}

/*
 * A guarded interface stands in the networks of what is built on it too: the bond or bridge it is a
 * member of, and the VLANs above it, carry the addresses then.
 */
static void guarded_spread(struct own_walk *walk)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (int i = 0; i < walk->link_count; i++) {
			int master = link_find(walk, walk->links[i].link.master);
			int lower = link_find(walk, walk->links[i].lower);

			if (master >= 0 && walk->is_guarded[i] && !walk->is_guarded[master])
				changed = walk->is_guarded[master] = true;
			if (lower >= 0 && walk->is_guarded[lower] && !walk->is_guarded[i])
				changed = walk->is_guarded[i] = true;
		}
	}
}

/*
 * IFA_LOCAL is the own address and IFA_ADDRESS the peer's on a point-to-point link; they are the
 * same elsewhere, and IPv6 leaves IFA_LOCAL out. The on-link prefix belongs to IFA_ADDRESS.
 */
static int address_came(void *context, struct nlmsghdr *message)
{
	struct own_walk *walk = context;
	const struct ifaddrmsg *head = nlmsg_data(message);
	struct nlattr *tb[IFA_MAX + 1], *own;
	struct addr local, onlink;
	struct prefix network;
	int bits, at, code;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(message, sizeof(*head), tb, IFA_MAX, NULL) < 0)
		return -EIO;
	own = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!own || !wire_addr(head->ifa_family, nla_data(own), nla_len(own), &local))
		return 0;
	code = own_add(walk->list, prefix_of(&local, ADDR_BITS), NET_OWN,
		       link_name(walk, (int)head->ifa_index));
	at = link_find(walk, (int)head->ifa_index);
	if (code < 0 || !walk->is_guarded || at < 0 || !walk->is_guarded[at])
		return code;
	bits = head->ifa_prefixlen + (head->ifa_family == AF_INET ? ADDR_V4_LEAD_BITS : 0);
	if (!tb[IFA_ADDRESS] || bits > ADDR_BITS ||
	    !wire_addr(head->ifa_family, nla_data(tb[IFA_ADDRESS]), nla_len(tb[IFA_ADDRESS]),
		       &onlink))
		return 0;
	network = prefix_of(&onlink, (uint8_t)bits);
	/* A host is no network, but a private peer of a point-to-point link is a neighbour. */
	if (!prefix_is_private(&network) || (bits == ADDR_BITS && addr_equal(&onlink, &local)))
		return 0;
	return own_add(walk->list, network, NET_LOCAL_NETWORK, walk->links[at].link.name);
}

static int gateway_came(void *context, const struct route_hop *hop)
{
	struct own_walk *walk = context;

	if (!hop->has_gateway)
		return 0;
	return own_add(walk->list, prefix_of(&hop->gateway, ADDR_BITS), NET_GATEWAY,
		       link_name(walk, hop->ifindex));
}

/* "nameserver ADDR" as resolv.conf(5) has it; a scope ("%eth0") is cut, what is no address is
 * passed over. */
static int resolver_add(struct own_list *list, char *line)
{
	static const char key[] = "nameserver";
	char *text = line + strlen(key);
	struct addr a;

	if (strncmp(line, key, strlen(key)) != 0 || (*text != ' ' && *text != '\t'))
		return 0;
	text += strspn(text, " \t");
	text[strcspn(text, " \t\r\n%#;")] = '\0';
	if (addr_parse(text, &a, NULL) < 0)
		return 0;
	return own_add(list, prefix_of(&a, ADDR_BITS), NET_RESOLVER, "");
}

static int resolvers_add(struct own_list *list, const char *path, struct err *e)
{
	char line[512]; /* no nameserver line is longer; the rest of a longer one is no keyword */
	FILE *file = fopen(path, "re");
	int code = 0;

	if (!file)
		return errno == ENOENT ? 0
				       : err_set(e, -errno, "cannot read the resolvers in %s: %s",
						 path, strerror(errno));
	for (int i = 0; i < RESOLV_LINES_MAX && code == 0 && fgets(line, sizeof(line), file); i++)
		code = resolver_add(list, line);
	if (code == 0 && ferror(file))
		code = err_set(e, errno ? -errno : -EIO, "cannot read the resolvers in %s: %s",
			       path, strerror(errno));
	else if (code < 0)
		err_set(e, code, "cannot keep the resolvers of %s: %s", path, strerror(-code));
	fclose(file);
	return code;
}

static int guarded_mark(struct own_walk *walk, const int *ifindexes, unsigned count)
{
	walk->is_guarded = calloc((size_t)walk->link_count + 1, sizeof(bool));
	if (!walk->is_guarded)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		int at = link_find(walk, ifindexes[i]);

		if (at >= 0)
			walk->is_guarded[at] = true;
	}
	guarded_spread(walk);
	return 0;
}

static int own_collect(struct own_walk *walk, const char *resolv_conf, struct err *e)
{
	struct ifaddrmsg head = {.ifa_family = AF_UNSPEC};
	int code = own_add_fixed(walk->list);

	if (code == 0)
		code = wire_dump(RTM_GETADDR, &head, sizeof(head), address_came, walk);
	if (code < 0)
		return err_set(e, code, "cannot list the own addresses: %s", strerror(-code));
	code = route_each(gateway_came, walk, e);
	if (code == 0)
		code = route_each_nexthop(0, gateway_came, walk, e);
	if (code == 0)
		code = resolvers_add(walk->list, resolv_conf ? resolv_conf : RESOLV_CONF, e);
	return code;
}

int net_own_list(const int *ifindexes, unsigned count, bool local_networks, const char *resolv_conf,
		 struct net_own **out, struct err *e)
{
	struct own_list list = {0};
	struct own_walk walk = {.list = &list};
	struct link_row *links;
	int code;

	*out = NULL;
	walk.link_count = link_rows(&links, e);
	if (walk.link_count < 0)
		return walk.link_count;
	walk.links = links;
	code = local_networks ? guarded_mark(&walk, ifindexes, count) : 0;
	if (code < 0)
		err_set(e, code, "cannot list the own addresses: out of memory");
	else
		code = own_collect(&walk, resolv_conf, e);
	free(walk.is_guarded);
	free(links);
	if (code < 0) {
		free(list.row);
		return code;
	}
	own_compact(&list);
	if (list.count) /* the fixed rows at least */
		qsort(list.row, list.count, sizeof(*list.row), by_kind);
	*out = list.row;
	return (int)list.count;
}

const char *net_own_name(enum net_own_kind kind)
{
	static const char *const names[] = {
		[NET_OWN] = "own",	   [NET_LOCAL_NETWORK] = "local",
		[NET_GATEWAY] = "gateway", [NET_RESOLVER] = "resolver",
		[NET_CONFIG] = "config",
	};

	return (unsigned)kind < sizeof(names) / sizeof(*names) ? names[kind] : "unknown";
}
