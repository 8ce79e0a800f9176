/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the audit stands: in judgement of addresses, and in a namespace of its own with real connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/vantage.h"
#include "net/net.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WAIT_MS	     5000
#define SOCKETS	     3
#define PORT	     2525

/* A mail host that is as unfriendly as its settings can make it: strict reverse paths, no ARP for others' addresses. */
static const char host[] =
	"ip link set lo up && ip link add mx0 type veth peer name out0 && ip link set mx0 up && ip "
	"link set out0 up &&"
	" ip addr add 192.0.2.25/24 dev mx0 && ip addr add 2001:db8:25::25/64 dev mx0 nodad &&"
	" ip route add default via 192.0.2.1 dev mx0 &&"
	" ip -6 route add default via 2001:db8:25::1 dev mx0 &&"
	" ip route add 203.0.113.0/25 via 192.0.2.2 && ip route add 203.0.113.128/25 via 192.0.2.2 "
	"&&"
	" sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1"
	" net.ipv4.conf.all.arp_ignore=2 net.ipv4.conf.default.arp_ignore=2";

/* This process is the host from now on; each test makes itself a new one. */
static bool host_enter(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && system(host) == 0;
}

static struct addr addr_of(const char *text)
{
	struct addr a = {0};

	EXPECT(addr_parse(text, &a, NULL) == 0, "%s is an address", text);
	return a;
}

static int listen_all(void)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 8) == 0
		       ? fd
		       : -1;
}

/* Whom the listener sees; the socket connects to `to`. */
static bool caller_of(int listener, int fd, const char *to, struct addr *out)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int one, code;

	if (inet_pton(AF_INET, to, &four.sin_addr) == 1)
		code = connect(fd, (struct sockaddr *)&four, sizeof(four));
	else if (inet_pton(AF_INET6, to, &six.sin6_addr) == 1)
		code = connect(fd, (struct sockaddr *)&six, sizeof(six));
	else
		return false;
	if (code < 0 && errno != EINPROGRESS)
		return false;
	if (poll(&wait, 1, WAIT_MS) != 1)
		return false;
	one = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);
	if (one < 0)
		return false;
	/* The way back works too: the client's end is connected. */
	wait = (struct pollfd){.fd = fd, .events = POLLOUT};
	code = poll(&wait, 1, WAIT_MS) == 1 && !(wait.revents & (POLLERR | POLLHUP));
	close(one);
	return code && addr_from_sockaddr(&peer, out) == 0;
}

static int link_count(void *context, const struct net_link *link)
{
	(void)link;
	++*(unsigned *)context;
	return 0;
}

static unsigned links_here(void)
{
	unsigned count = 0;

	(void)net_each_link(link_count, &count, NULL);
	return count;
}

/* The kernel takes a namespace apart some time after its last socket. */
static bool links_become(unsigned count)
{
	for (unsigned i = 0; i < WAIT_MS / 10; i++) {
		if (links_here() == count)
			return true;
		(void)poll(NULL, 0, 10);
	}
	return false;
}

TEST(sockets_of_a_namespace_come_from_outside)
{
	static const char *const to[] = {"192.0.2.25", "2001:db8:25::25"};
	static const int family[] = {AF_INET, AF_INET6};
	struct vantage_sockets *s = NULL;
	struct vantage_own *own = NULL;
	struct err e = {0};
	unsigned before;
	int listener;

	if (!host_enter())
		SKIP("needs root, and ip(8)");
	listener = listen_all();
	before = links_here();
	ENSURE(listener >= 0 && vantage_own_read(&own, &e) == 0, "a listener");
	ENSURE(vantage_sockets_open(&s, SOCKETS, &e) == 0 && s, "sockets: %s", e.text);
	EXPECT(vantage_sockets_count(s) == 2 * SOCKETS, "as many as asked, of each family");
	EXPECT(links_here() == before + 1, "one end of the cable is here");
	for (size_t i = 0; i < COUNT(to); i++) {
		struct addr source = vantage_sockets_source(s, family[i]), seen = {0},
			    target = addr_of(to[i]);
		int fd = vantage_sockets_take(s, family[i]);
		char text[ADDR_TEXT_MAX], said[ADDR_TEXT_MAX];

		EXPECT(fd >= 0 && caller_of(listener, fd, to[i], &seen), "%s is reached", to[i]);
		EXPECT(addr_equal(&seen, &source), "the listener sees %s: %s",
		       addr_format(&source, text), addr_format(&seen, said));
		EXPECT(!vantage_is_own(own, &source) && vantage_is_reached(own, &target) &&
			       vantage_judge(own, &source, &target) == VANTAGE_OUTSIDE,
		       "%s comes from outside", text);
		close(fd);
	}
	vantage_own_free(own);
	(void)vantage_own_read(&own, &e);
	EXPECT(!vantage_is_own(own, &(struct addr){.byte = {0xfe, 0x80}}), "and no address more");
	vantage_own_free(own);
	vantage_sockets_close(s);
	EXPECT(links_become(before), "nothing stays behind");
	close(listener);
}

TEST(an_address_that_the_host_has_a_route_to_is_not_taken)
{
	struct vantage_sockets *one = NULL, *two = NULL;
	struct addr a, b;
	struct err e = {0};

	if (!host_enter())
		SKIP("needs root, and ip(8)");
	ENSURE(vantage_sockets_open(&one, 1, &e) == 0 && vantage_sockets_open(&two, 1, &e) == 0,
	       "two audits side by side: %s", e.text);
	a = vantage_sockets_source(one, AF_INET);
	b = vantage_sockets_source(two, AF_INET);
	/* 192.0.2.0/24 is the host's own, 203.0.113.0/24 has routes of its own. */
	EXPECT(memcmp(a.byte + 12, (uint8_t[]){198, 51, 100}, 3) == 0, "the network that is left");
	EXPECT(!addr_equal(&a, &b), "each has an address of its own");
	vantage_sockets_close(one);
	vantage_sockets_close(two);
}

TEST(a_killed_audit_leaves_nothing)
{
	unsigned before;
	int ready[2], status;
	char byte;
	pid_t pid;

	if (!host_enter() || pipe2(ready, O_CLOEXEC) < 0)
		SKIP("needs root, and ip(8)");
	before = links_here();
	pid = fork();
	if (pid == 0) {
		struct vantage_sockets *s = NULL;

		byte = vantage_sockets_open(&s, SOCKETS, NULL) == 0 ? 'y' : 'n';
		(void)!write(ready[1], &byte, 1);
		pause();
		_exit(0);
	}
	EXPECT(read(ready[0], &byte, 1) == 1 && byte == 'y', "it stands in its namespace");
	EXPECT(links_here() == before + 1, "and the cable lies");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	EXPECT(links_become(before), "nothing stays behind");
	close(ready[0]);
	close(ready[1]);
}

TEST(what_cannot_be_done_is_said_and_leaves_nothing)
{
	struct vantage_sockets *s = NULL;
	struct err e = {0};
	unsigned before;
	int status;
	pid_t pid;

	EXPECT(vantage_sockets_open(&s, 0, &e) == 0 && !s, "no sockets, no namespace");
	if (!host_enter())
		SKIP("needs root, and ip(8)");
	before = links_here();
	pid = fork();
	if (pid == 0) {
		int code = setresuid(65534, 65534, 65534);

		if (code == 0)
			code = vantage_sockets_open(&s, 1, &e);
		_exit(code == -EPERM && !s && strstr(e.text, "needs root") ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "nobody may not, and is told so");
	EXPECT(links_here() == before, "nothing stays behind");
	EXPECT(system("ip route add unreachable 0.0.0.0/1 && ip route add unreachable 128.0.0.0/1 "
		      "&&"
		      " ip route add 198.51.100.0/24 dev mx0 && ip -6 route add 2001:db8::/32 dev "
		      "mx0") == 0,
	       "a host with routes to all documentation addresses");
	EXPECT(vantage_sockets_open(&s, 1, &e) == -EADDRNOTAVAIL && !s, "has none left: %s",
	       e.text);
	EXPECT(links_here() == before, "nothing stays behind");
}

TEST(vantage_is_judged_by_both_ends)
{
	static const struct {
		const char *sentence, *from, *to;
		enum vantage vantage;
	} rows[] = {
		{"to loopback", "127.0.0.1", "127.0.0.1", VANTAGE_LOOPBACK},
		{"to one's own ::1", "::1", "::1", VANTAGE_LOOPBACK},
		{"to an own address from itself", "192.0.2.25", "192.0.2.25", VANTAGE_OWN},
		{"to an own address of the other network", "192.0.2.25", "10.1.2.3", VANTAGE_OWN},
		{"to a neighbour", "192.0.2.25", "192.0.2.99", VANTAGE_INSIDE},
		{"to a private address elsewhere", "10.1.2.3", "172.16.4.5", VANTAGE_INSIDE},
		{"from a private address to a public one, by translation", "10.1.2.3",
		 "198.51.100.9", VANTAGE_OUTSIDE},
		{"from a documentation address to an own one", "203.0.113.77", "192.0.2.25",
		 VANTAGE_OUTSIDE},
		{"the same in IPv6", "2001:db8:a0d1::77", "2001:db8:25::25", VANTAGE_OUTSIDE},
		{"to an IPv6 neighbour", "2001:db8:25::25", "2001:db8:25::99", VANTAGE_INSIDE},
		{"to elsewhere", "192.0.2.25", "198.51.100.9", VANTAGE_OUTSIDE},
	};
	struct vantage_own *own = NULL;
	struct addr loopback = addr_of("127.0.0.1"), far = addr_of("198.51.100.9");

	if (!host_enter() || system("ip addr add 10.1.2.3/24 dev mx0") != 0)
		SKIP("needs root, and ip(8)");
	ENSURE(vantage_own_read(&own, NULL) == 0, "own addresses");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr from = addr_of(rows[i].from), to = addr_of(rows[i].to);
		enum vantage v = vantage_judge(own, &from, &to);

		EXPECT(v == rows[i].vantage, "%s: %s", rows[i].sentence, vantage_name(v));
	}
	EXPECT(vantage_is_own(own, &loopback) && !vantage_is_reached(own, &loopback),
	       "loopback is own, and the cable does not lead there");
	EXPECT(!vantage_is_own(own, &far), "others' addresses are not");
	vantage_own_free(own);
}
