/* SPDX-License-Identifier: BSD-2-Clause */
/* What netlink tells of this host: links, default routes, what is never judged, news. Each test in a fresh namespace. */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NEWS_WAIT_MS 5000

static bool sh(const char *command)
{
	return EXPECT(system(command) == 0, "failed: %s", command);
}

/* A namespace with lo and two veth pairs, all up: a0-a1 and b0-b1. */
static bool world(void)
{
	return EXPECT(unshare(CLONE_NEWNET) == 0, "unshare: %s", strerror(errno)) &&
	       sh("ip link set lo up && ip link add a0 type veth peer name a1 && "
		  "ip link add b0 type veth peer name b1 && "
		  "for i in a0 a1 b0 b1; do "
		  "echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad; ip link set $i up; done");
}

static int index_of(const char *name)
{
	struct net_link link = {0};

	EXPECT(net_link_by_name(name, &link, NULL) == 0, "no %s", name);
	return link.ifindex;
}

/* ---- links ---- */

TEST(a_link_is_found_by_name_and_number)
{
	struct net_link link, same;
	struct err e = {0};

	if (!world() || !sh("ip link set a0 mtu 1400 && ip link set b0 down && "
			    "ip link add br0 type bridge && ip link set b1 master br0 && "
			    "ip link property add dev a0 altname uplink-of-the-house"))
		return;
	ENSURE(net_link_by_name("a0", &link, &e) == 0, "%s", e.text);
	EXPECT(strcmp(link.name, "a0") == 0 && link.up && link.ethernet && !link.loopback &&
		       link.master == 0 && strcmp(link.kind, "veth") == 0 && link.mtu == 1400,
	       "a0: %s up %d ethernet %d master %d kind %s mtu %u", link.name, link.up,
	       link.ethernet, link.master, link.kind, link.mtu);
	ENSURE(net_link_by_index(link.ifindex, &same, &e) == 0, "%s", e.text);
	EXPECT(strcmp(link.name, same.name) == 0 && link.ifindex == same.ifindex,
	       "the same by number");
	ENSURE(net_link_by_name("lo", &link, &e) == 0, "%s", e.text);
	EXPECT(link.loopback && !link.ethernet && link.kind[0] == '\0', "lo");
	ENSURE(net_link_by_name("b0", &link, &e) == 0, "%s", e.text);
	EXPECT(!link.up, "b0 is down");
	ENSURE(net_link_by_name("b1", &link, &e) == 0, "%s", e.text);
	EXPECT(link.master == index_of("br0"), "b1 is a port of br0");
}

TEST(a_link_that_is_not_there_is_said)
{
	static const char *const names[] = {"", "nosuch", "a-name-far-over-the-bound", "a0 ", "%s"};
	struct net_link link;
	struct err e;

	if (!world())
		return;
	for (size_t i = 0; i < COUNT(names); i++) {
		e = (struct err){0};
		EXPECT(net_link_by_name(names[i], &link, &e) == -ENODEV && strstr(e.text, names[i]),
		       "'%s': '%s'", names[i], e.text);
	}
	EXPECT(net_link_by_index(0, &link, &e) == -ENODEV, "0");
	EXPECT(net_link_by_index(-1, &link, &e) == -ENODEV, "-1");
	EXPECT(net_link_by_index(99999, &link, &e) == -ENODEV, "99999");
}

static int name_add(void *context, const struct net_link *link)
{
	strcat(strcat(context, link->name), " ");
	return strcmp(link->name, "b0") == 0 ? 42 : 0;
}

TEST(a_walk_sees_each_link_until_told_to_stop)
{
	char names[256] = "";

	if (!world())
		return;
	EXPECT(net_each_link(name_add, names, NULL) == 42, "fn's value");
	EXPECT(strcmp(names, "lo a1 a0 b1 b0 ") == 0, "%s", names);
}

/* ---- default routes ---- */

static void defaults_are(const char *want)
{
	struct net_link link[8];
	struct err e = {0};
	char got[256] = "";
	int count = net_default_links(link, COUNT(link), &e);

	EXPECT(count >= 0, "%s", e.text);
	for (int i = 0; i < count; i++)
		strcat(strcat(got, link[i].name), " ");
	EXPECT(strcmp(got, want) == 0, "default links are '%s', not '%s'", got, want);
}

TEST(default_links_are_those_of_the_default_routes)
{
	struct net_link link;

	if (!world() ||
	    !sh("ip addr add 192.0.2.1/24 dev a0 && ip addr add 198.51.100.1/24 dev b0 && "
		"ip addr add 2001:db8:b::1/64 dev b0"))
		return;
	defaults_are("");
	sh("ip route add default via 192.0.2.254 table 77 && ip route add 0.0.0.0/1 via "
	   "192.0.2.254 && "
	   "ip route add unreachable default metric 4000 && "
	   "ip -6 route add unreachable default metric 4000 && "
	   "ip route add broadcast default dev a0 table main metric 4001 && "
	   "ip route add default dev lo metric 4002");
	defaults_are("");
	sh("ip route add default via 192.0.2.254");
	defaults_are("a0 ");
	sh("ip -6 route add default via fe80::1 dev b0");
	defaults_are("a0 b0 ");
	sh("ip route add default via 198.51.100.254 metric 50");
	defaults_are("a0 b0 ");
	EXPECT(net_default_links(&link, 1, NULL) == 1, "no more than there is room for");
	sh("ip -6 route del default dev b0 && ip route flush exact default");
	defaults_are("");
	sh("ip route add default nexthop via 192.0.2.254 nexthop via 198.51.100.254");
	defaults_are("a0 b0 ");
	sh("ip route del default && ip route add default dev b1");
	defaults_are("b1 ");
}

TEST(default_links_of_nexthop_objects)
{
	if (!world() ||
	    !sh("ip addr add 192.0.2.1/24 dev a0 && ip addr add 198.51.100.1/24 dev b0 && "
		"ip nexthop add id 7 via 192.0.2.254 dev a0 && "
		"ip nexthop add id 8 via 198.51.100.254 dev b0 && "
		"ip nexthop add id 9 group 7/8"))
		return;
	for (int compat = 1; compat >= 0; compat--) {
		char command[128];

		snprintf(command, sizeof(command),
			 "echo %d >/proc/sys/net/ipv4/nexthop_compat_mode", compat);
		sh(command);
		sh("ip route add default nhid 8");
		defaults_are("b0 ");
		sh("ip route replace default nhid 9");
		defaults_are("a0 b0 ");
		sh("ip route del default");
	}
}

/* ---- what is never judged ---- */

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (EXPECT(f, "%s", path)) {
		fputs(text, f);
		fclose(f);
	}
}

/* The list as text, without the four rows that are always there. */
static const char *own_text(const int *ifindexes, unsigned count, bool local, const char *resolv)
{
	static const char *const always[] = {"127.0.0.0/8", "::1", "169.254.0.0/16", "fe80::/10"};
	static char text[8192];
	struct net_own *own;
	struct err e = {0};
	int n = net_own_list(ifindexes, count, local, resolv, &own, &e);
	unsigned fixed = 0;

	text[0] = '\0';
	if (!EXPECT(n >= 0, "%s", e.text))
		return text;
	for (int i = 0; i < n; i++) {
		char p[PREFIX_TEXT_MAX], row[128];
		bool is_fixed = false;

		prefix_format(&own[i].prefix, p);
		for (size_t k = 0; k < COUNT(always); k++)
			is_fixed |= strcmp(p, always[k]) == 0;
		fixed += is_fixed;
		/* Link-local addresses of the interfaces are random. */
		if (is_fixed || (own[i].kind == NET_OWN && strncmp(p, "fe80:", 5) == 0))
			continue;
		snprintf(row, sizeof(row), "%s %s %s;", net_own_name(own[i].kind), p,
			 own[i].ifname);
		if (strlen(text) + strlen(row) < sizeof(text))
			strcat(text, row);
	}
	free(own);
	EXPECT(fixed == COUNT(always), "%u of the fixed rows", fixed);
	return text;
}

#define OWN_IS(indexes, count, local, resolv, want)                                                \
	do {                                                                                       \
		const char *got_ = own_text(indexes, count, local, resolv);                        \
		EXPECT(strcmp(got_, want) == 0, "\n#   got  %s\n#   want %s", got_, want);         \
	} while (0)

#define NO_RESOLVERS "/nonexistent/resolv.conf"

TEST(own_addresses_of_every_interface_are_never_judged)
{
	int guarded[1];

	if (!world() ||
	    !sh("ip addr add 192.0.2.1/24 dev a0 && ip addr add 10.1.2.3/24 dev a0 && "
		"ip addr add 10.9.9.9/16 dev b0 && ip addr add 2001:db8::1/64 dev a0 && "
		"ip addr add fd00:1::1/64 dev a0 && ip addr add fd00:2::1/64 dev b0 && "
		"ip addr add 172.16.0.1/32 dev a0 && ip addr add 203.0.113.5/32 dev lo"))
		return;
	guarded[0] = index_of("a0");
	/* Public networks on the link are not neighbours, nor are those of other interfaces. */
	OWN_IS(guarded, 1, true, NO_RESOLVERS,
	       "own 10.1.2.3 a0;own 10.9.9.9 b0;own 127.0.0.1 lo;own 172.16.0.1 a0;own 192.0.2.1 "
	       "a0;"
	       "own 203.0.113.5 lo;own 2001:db8::1 a0;own fd00:1::1 a0;own fd00:2::1 b0;"
	       "local 10.1.2.0/24 a0;local fd00:1::/64 a0;");
	OWN_IS(guarded, 1, false, NO_RESOLVERS,
	       "own 10.1.2.3 a0;own 10.9.9.9 b0;own 127.0.0.1 lo;own 172.16.0.1 a0;own 192.0.2.1 "
	       "a0;"
	       "own 203.0.113.5 lo;own 2001:db8::1 a0;own fd00:1::1 a0;own fd00:2::1 b0;");
}

TEST(a_point_to_point_peer_is_a_neighbour_and_no_own_address)
{
	int guarded[1];

	if (!world() || !sh("ip addr add 10.0.0.1 peer 10.0.0.2/32 dev a0 && "
			    "ip addr add fd00::1 peer fd00::2/128 dev a0 && "
			    "ip addr add 192.0.2.1 peer 198.51.100.7/32 dev a0"))
		return;
	guarded[0] = index_of("a0");
	OWN_IS(guarded, 1, true, NO_RESOLVERS,
	       "own 10.0.0.1 a0;own 127.0.0.1 lo;own 192.0.2.1 a0;own fd00::1 a0;"
	       "local 10.0.0.2 a0;local fd00::2 a0;");
}

TEST(a_member_stands_in_the_networks_of_its_bridge)
{
	int guarded[1];

	if (!world() || !sh("ip link add br0 type bridge && ip link set a0 master br0 && "
			    "ip link set br0 up && ip addr add 10.1.2.3/24 dev br0 && "
			    "ip addr add 10.5.0.1/24 dev b0"))
		return;
	guarded[0] = index_of("a0");
	OWN_IS(guarded, 1, true, NO_RESOLVERS,
	       "own 10.1.2.3 br0;own 10.5.0.1 b0;own 127.0.0.1 lo;local 10.1.2.0/24 br0;");
	guarded[0] = 99999; /* gone by now */
	OWN_IS(guarded, 1, true, NO_RESOLVERS,
	       "own 10.1.2.3 br0;own 10.5.0.1 b0;own 127.0.0.1 lo;");
}

TEST(every_gateway_of_every_route_is_never_judged)
{
	if (!world() ||
	    !sh("ip addr add 192.0.2.1/24 dev a0 && ip addr add 198.51.100.1/24 dev b0 && "
		"ip addr add 2001:db8:b::1/64 dev b0"))
		return;
	sh("ip route add default via 192.0.2.254 && ip route add 10.0.0.0/8 via 192.0.2.253 && "
	   "ip route add default via 198.51.100.254 table 1000 && "
	   "ip route add 10.7.0.0/16 via inet6 fe80::77 dev b0 && "
	   "ip route add 10.8.0.0/16 nexthop via 192.0.2.10 nexthop via inet6 2001:db8:b::10 dev "
	   "b0 && "
	   "ip -6 route add default via fe80::1 dev b0 && "
	   "ip -6 route add 2001:db8:8::/48 nexthop via 2001:db8:b::20 nexthop via 2001:db8:b::21 "
	   "&& "
	   "ip -6 route add 2001:db8:9::/48 via 2001:db8:b::22 table 1000 && "
	   "ip route add 10.3.0.0/16 via 192.0.2.253 && ip route add 10.4.0.0/16 via 192.0.2.253");
	OWN_IS(NULL, 0, true, NO_RESOLVERS,
	       "own 127.0.0.1 lo;own 192.0.2.1 a0;own 198.51.100.1 b0;own 2001:db8:b::1 b0;"
	       "gateway 192.0.2.10 a0;gateway 192.0.2.253 a0;gateway 192.0.2.254 a0;"
	       "gateway 198.51.100.254 b0;gateway 2001:db8:b::10 b0;gateway 2001:db8:b::20 b0;"
	       "gateway 2001:db8:b::21 b0;gateway 2001:db8:b::22 b0;gateway fe80::1 b0;"
	       "gateway fe80::77 b0;");
}

TEST(gateways_of_nexthop_objects_are_never_judged)
{
	if (!world() ||
	    !sh("echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode && "
		"ip addr add 192.0.2.1/24 dev a0 && "
		"ip nexthop add id 7 via 192.0.2.254 dev a0 && "
		"ip nexthop add id 8 via fe80::8 dev b0 && ip nexthop add id 9 group 7/8 && "
		"ip route add 10.0.0.0/8 nhid 9"))
		return;
	OWN_IS(NULL, 0, true, NO_RESOLVERS,
	       "own 127.0.0.1 lo;own 192.0.2.1 a0;gateway 192.0.2.254 a0;gateway fe80::8 b0;");
}

TEST(resolvers_are_never_judged)
{
	char path[TAP_TEMP_MAX];
	struct net_own *own;
	struct err e = {0};
	int fd = tap_temp_file(path, "net");

	if (!EXPECT(fd >= 0, "a file"))
		return;
	close(fd);
	if (world() && sh("ip addr add 192.0.2.1/24 dev a0")) {
		file_write(path, "# nameserver 192.0.2.90\n"
				 "nameserver 192.0.2.53\n"
				 "nameserver\t2001:db8::53   \n"
				 "nameserver fe80::53%a0\n"
				 "nameserver 192.0.2.1\n" /* an own address stays own */
				 "nameserver 192.0.2.53\n"
				 "nameserver localhost\n"
				 "nameserver 192.0.2.999\n"
				 "nameserver192.0.2.91\n"
				 " nameserver 192.0.2.92\n"
				 "nameserver\n"
				 "search nameserver 192.0.2.93\n"
				 "nameserver 192.0.2.54#comment\r\n"
				 "nameserver 192.0.2.55");
		OWN_IS(NULL, 0, true, path,
		       "own 127.0.0.1 lo;own 192.0.2.1 a0;resolver 192.0.2.53 ;resolver 192.0.2.54 "
		       ";"
		       "resolver 192.0.2.55 ;resolver 2001:db8::53 ;resolver fe80::53 ;");
		EXPECT(net_own_list(NULL, 0, true, "/", &own, &e) < 0 && strstr(e.text, "/") &&
			       !own,
		       "a directory is no list of resolvers: '%s'", e.text);
	}
	unlink(path);
}

TEST(many_routes_with_few_gateways_stay_a_short_list)
{
	char path[TAP_TEMP_MAX];
	char command[TAP_TEMP_MAX + 32];
	int fd = tap_temp_file(path, "net");
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!EXPECT(f, "a file"))
		return;
	for (int i = 0; i < 5000; i++)
		fprintf(f, "route add 10.%d.%d.0/24 via 192.0.2.%d\n", i >> 8, i & 255,
			100 + i % 3);
	fclose(f);
	snprintf(command, sizeof(command), "ip -batch %s", path);
	if (world() && sh("ip addr add 192.0.2.1/24 dev a0") && sh(command))
		OWN_IS(NULL, 0, true, NO_RESOLVERS,
		       "own 127.0.0.1 lo;own 192.0.2.1 a0;gateway 192.0.2.100 a0;"
		       "gateway 192.0.2.101 a0;gateway 192.0.2.102 a0;");
	unlink(path);
}

TEST(many_own_addresses_are_all_kept)
{
	char path[TAP_TEMP_MAX];
	char command[TAP_TEMP_MAX + 32];
	int fd = tap_temp_file(path, "net"), count;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	struct net_own *own;

	if (!EXPECT(f, "a file"))
		return;
	for (int i = 0; i < 1000; i++)
		fprintf(f, "addr add 198.18.%d.%d/32 dev a0\n", i >> 8, i & 255);
	fclose(f);
	snprintf(command, sizeof(command), "ip -batch %s", path);
	if (world() && sh(command)) {
		count = net_own_list(NULL, 0, true, NO_RESOLVERS, &own, NULL);
		/* The fixed four, lo's own, and a link-local address of each veth. */
		EXPECT(count >= 1005 && count <= 1009, "%d", count);
		free(own);
	}
	unlink(path);
}

/* ---- news ---- */

/* Waits for news of a kind. Others may come between: interfaces go on telling of their carrier. */
static bool news_of(struct net_watch *w, int kind)
{
	struct pollfd p = {.fd = net_watch_fd(w), .events = POLLIN};
	int seen = 0;

	while (!(seen & kind) && poll(&p, 1, NEWS_WAIT_MS) == 1) {
		int got = net_watch_read(w);

		if (got < 0)
			return false;
		seen |= got;
	}
	return seen & kind;
}

TEST(news_come_for_links_addresses_and_routes)
{
	struct net_watch *w;
	struct err e = {0};

	/* Nothing but a loopback interface that is down: silence, and each change is told alone. */
	ENSURE(unshare(CLONE_NEWNET) == 0, "unshare: %s", strerror(errno));
	ENSURE(net_watch_open(&w, &e) == 0, "%s", e.text);
	EXPECT(net_watch_read(w) == 0, "nothing new is 0");
	sh("ip link set lo mtu 1300");
	EXPECT(net_watch_read(w) == NET_NEWS_LINK, "a link, and only that");
	EXPECT(net_watch_read(w) == 0, "told once");
	sh("ip addr add 192.0.2.1/32 dev lo");
	EXPECT((net_watch_read(w) & (NET_NEWS_ADDRESS | NET_NEWS_LINK)) == NET_NEWS_ADDRESS,
	       "an address, and no link");
	net_watch_close(w);
	net_watch_close(NULL);

	if (!world())
		return;
	ENSURE(net_watch_open(&w, &e) == 0, "%s", e.text);
	sh("ip link set a0 mtu 1300");
	EXPECT(news_of(w, NET_NEWS_LINK), "a link");
	sh("ip addr add 192.0.2.1/24 dev a0 noprefixroute");
	EXPECT(news_of(w, NET_NEWS_ADDRESS), "an IPv4 address");
	sh("ip addr add 2001:db8::1/64 dev a0 noprefixroute");
	EXPECT(news_of(w, NET_NEWS_ADDRESS), "an IPv6 address");
	sh("ip route add 10.0.0.0/8 dev a0");
	EXPECT(news_of(w, NET_NEWS_ROUTE), "an IPv4 route");
	sh("ip -6 route add 2001:db8:1::/48 dev a0");
	EXPECT(news_of(w, NET_NEWS_ROUTE), "an IPv6 route");
	sh("ip nexthop add id 5 dev a0");
	EXPECT(news_of(w, NET_NEWS_ROUTE), "a nexthop");
	sh("ip link del b0");
	EXPECT(news_of(w, NET_NEWS_LINK), "a link that goes");
	net_watch_close(w);
}

TEST(after_an_overrun_all_kinds_are_new)
{
	int bytes = 1; /* the kernel takes its least */
	struct net_watch *w;
	struct err e = {0};

	if (!world())
		return;
	ENSURE(net_watch_open(&w, &e) == 0, "%s", e.text);
	setsockopt(net_watch_fd(w), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	sh("for i in $(seq 30); do ip route add 10.0.0.$i/32 dev a0; done");
	EXPECT(net_watch_read(w) == (NET_NEWS_LINK | NET_NEWS_ADDRESS | NET_NEWS_ROUTE),
	       "all kinds");
	sh("ip route add 10.0.1.1/32 dev a0");
	EXPECT(news_of(w, NET_NEWS_ROUTE), "and it works on");
	net_watch_close(w);
}

/* ---- cookies ---- */

TEST(each_namespace_has_a_cookie_of_its_own)
{
	uint64_t first = 0, again = 0, second = 0, of_path = 0;
	struct err e = {0};
	int back;

	if (!world())
		return;
	EXPECT(net_cookie(&first, &e) == 0 && first, "%s", e.text);
	EXPECT(net_cookie_of("/proc/thread-self/ns/net", &again, &e) == 0 && again == first, "%s",
	       e.text);
	back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (world()) {
		char path[32];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", back);
		EXPECT(net_cookie(&second, &e) == 0 && second != first, "%s", e.text);
		EXPECT(net_cookie_of(path, &of_path, &e) == 0 && of_path == first, "%s", e.text);
		EXPECT(net_cookie(&again, &e) == 0 && again == second,
		       "the caller stays where it was");
	}
	close(back);
	EXPECT(net_cookie_of("/nonexistent", &of_path, &e) == -ENOENT &&
		       strstr(e.text, "/nonexistent"),
	       "'%s'", e.text);
	EXPECT(net_cookie_of("/etc/passwd", &of_path, &e) == -EINVAL, "'%s'", e.text);
	EXPECT(net_cookie_of("/proc/self/ns/mnt", &of_path, &e) == -EINVAL, "'%s'", e.text);
}
