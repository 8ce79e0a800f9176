/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open connections: found by local port and remote prefix, and destroyed so that no other one is touched. Real connections
 * over the loopback interface of a namespace of the test's own.
 */
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PORT	     25
#define OTHER_PORT   587
#define WAIT_MS	     5000

/* Addresses whose duplicates the kernel would look for are nobody's for a moment, on lo too. */
static bool world(void)
{
	return EXPECT(unshare(CLONE_NEWNET) == 0, "unshare: %s", strerror(errno)) &&
	       EXPECT(system("ip link set lo up && ip addr add 192.0.2.1/32 dev lo && "
			     "ip addr add 192.0.2.130/32 dev lo && "
			     "ip addr add 2001:db8::1/128 dev lo nodad && "
			     "ip addr add 2001:db8:1::1/128 dev lo nodad") == 0,
		      "addresses");
}

/* A socket address of either family. */
struct place {
	struct sockaddr_storage ss;
	socklen_t size;
};

static struct place place_of(const char *text, uint16_t port)
{
	struct place p = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&p.ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&p.ss;

	if (strchr(text, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		inet_pton(AF_INET6, text, &v6->sin6_addr);
		p.size = sizeof(*v6);
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		inet_pton(AF_INET, text, &v4->sin_addr);
		p.size = sizeof(*v4);
	}
	return p;
}

/* On "::" both families, as mail servers often listen. */
static int listener(const char *text, uint16_t port, bool defers)
{
	struct place p = place_of(text, port);
	int fd = socket(p.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (p.ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (defers)
		setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){100}, sizeof(int));
	EXPECT(bind(fd, (struct sockaddr *)&p.ss, p.size) == 0 && listen(fd, 8192) == 0,
	       "listen on %s %u: %s", text, port, strerror(errno));
	return fd;
}

static int client(const char *from, const char *to, uint16_t port)
{
	struct place a = place_of(from, 0), b = place_of(to, port);
	int fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (EXPECT(fd >= 0 && bind(fd, (struct sockaddr *)&a.ss, a.size) == 0 &&
			   connect(fd, (struct sockaddr *)&b.ss, b.size) == 0,
		   "connect %s to %s: %s", from, to, strerror(errno)))
		return fd;
	close(fd);
	return -1;
}

/* A connection as both sides hold it. */
struct pair {
	int client, server;
};

static struct pair pair_of(int listening, const char *from, const char *to, uint16_t port)
{
	struct pair p = {.client = client(from, to, port), .server = -1};

	if (p.client < 0)
		return p; /* who never came cannot be waited for */
	p.server = accept(listening, NULL, NULL);
	EXPECT(p.server >= 0, "accept: %s", strerror(errno));
	return p;
}

static void pair_close(struct pair p)
{
	close(p.client);
	close(p.server);
}

static bool is_alive(struct pair p)
{
	struct pollfd poll_fd = {.fd = p.client, .events = POLLIN};
	char c;

	return send(p.server, "x", 1, MSG_NOSIGNAL) == 1 && poll(&poll_fd, 1, WAIT_MS) == 1 &&
	       recv(p.client, &c, 1, MSG_DONTWAIT) == 1;
}

/* Aborted here and reset there. */
static bool is_destroyed(struct pair p)
{
	struct pollfd poll_fd = {.fd = p.client, .events = POLLIN};
	char c;

	return recv(p.server, &c, 1, MSG_DONTWAIT) < 0 && errno == ECONNABORTED &&
	       poll(&poll_fd, 1, WAIT_MS) == 1 && recv(p.client, &c, 1, MSG_DONTWAIT) < 0 &&
	       errno == ECONNRESET;
}

struct seen {
	char text[1024];
	unsigned count;
	int result;
};

static int see(void *context, const struct net_socket *s)
{
	char remote[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX];
	struct seen *seen = context;
	size_t n = strlen(seen->text);

	seen->count++;
	if (n + 128 < sizeof(seen->text))
		snprintf(seen->text + n, sizeof(seen->text) - n, "%s>%s:%u/%u;",
			 addr_format(&s->remote, remote), addr_format(&s->local, local),
			 s->local_port, s->state);
	return seen->result;
}

static struct prefix pfx(const char *text)
{
	struct prefix p = {0};

	EXPECT(prefix_parse(text, &p, NULL) == 0, "%s", text);
	return p;
}

static unsigned count_open(const uint16_t *ports, unsigned count, const char *remote)
{
	struct prefix p = pfx(remote ? remote : "::/0");
	struct seen seen = {0};
	struct err e = {0};
	int code = net_each_socket(ports, count, remote ? &p : NULL, see, &seen, &e);

	EXPECT(code == 0, "%s", e.text);
	return seen.count;
}

static int destroy(const uint16_t *ports, unsigned count, const char *remote)
{
	struct prefix p = pfx(remote ? remote : "::/0");
	struct err e = {0};
	int killed = net_destroy_sockets(ports, count, remote ? &p : NULL, &e);

	EXPECT(killed >= 0, "%s", e.text);
	return killed;
}

static const uint16_t port25[] = {PORT}, both[] = {PORT, OTHER_PORT};

TEST(connections_are_listed_in_one_form)
{
	struct seen seen = {0}, stop = {.result = 42};
	struct pair p[3];
	int l;

	if (!world())
		return;
	l = listener("::", PORT, false);
	EXPECT(count_open(port25, 1, NULL) == 0, "a listener is no connection");
	p[0] = pair_of(l, "192.0.2.1", "127.0.0.1", PORT); /* a mapped socket of the listener */
	EXPECT(net_each_socket(port25, 1, NULL, see, &seen, NULL) == 0 &&
		       strcmp(seen.text, "192.0.2.1>127.0.0.1:25/1;") == 0,
	       "%s", seen.text);
	p[1] = pair_of(l, "2001:db8::1", "::1", PORT);
	p[2] = pair_of(l, "192.0.2.130", "127.0.0.1", PORT);
	EXPECT(count_open(port25, 1, NULL) == 3, "all");
	EXPECT(count_open(both, 2, NULL) == 3, "of two ports");
	EXPECT(count_open(&both[1], 1, NULL) == 0, "of the other port");
	EXPECT(count_open(port25, 0, NULL) == 0, "of no port");
	EXPECT(count_open(port25, 1, "192.0.2.1") == 1, "of a mapped host");
	EXPECT(count_open(port25, 1, "192.0.2.0/25") == 1, "of a mapped prefix");
	EXPECT(count_open(port25, 1, "192.0.2.0/24") == 2, "of a wider one");
	EXPECT(count_open(port25, 1, "0.0.0.0/0") == 2, "of all of IPv4");
	EXPECT(count_open(port25, 1, "::/0") == 1, "of all of IPv6");
	EXPECT(count_open(port25, 1, "2001:db8::/64") == 1, "of an IPv6 prefix");
	EXPECT(net_each_socket(port25, 1, NULL, see, &stop, NULL) == 42 && stop.count == 1,
	       "fn's value ends the walk after %u", stop.count);
	for (size_t i = 0; i < COUNT(p); i++)
		pair_close(p[i]);
	close(l);
}

TEST(destroying_hits_the_prefix_and_nobody_else)
{
	static const struct {
		const char *from, *to, *prefix;
	} rows[] = {
		{"192.0.2.1", "127.0.0.1", "192.0.2.1"},
		{"192.0.2.1", "127.0.0.1", "192.0.2.0/25"},
		{"2001:db8::1", "::1", "2001:db8::1"},
		{"2001:db8::1", "::1", "2001:db8::/64"},
	};

	for (int dual = 0; dual < 2; dual++) {
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct pair hit[2], spared[3];
			int l, l4, other;

			if (!world())
				return;
			l = listener(dual		       ? "::"
				     : strchr(rows[i].to, ':') ? "::1"
							       : "127.0.0.1",
				     PORT, false);
			l4 = dual ? l : listener("192.0.2.130", PORT, false);
			other = listener("::", OTHER_PORT, false);
			hit[0] = pair_of(l, rows[i].from, rows[i].to, PORT);
			hit[1] = pair_of(l, rows[i].from, rows[i].to, PORT);
			spared[0] = pair_of(l4, "192.0.2.130", "192.0.2.130", PORT);
			spared[1] = pair_of(other, "2001:db8:1::1", "::1", OTHER_PORT);
			spared[2] = pair_of(other, rows[i].from, rows[i].to, OTHER_PORT);
			EXPECT(destroy(port25, 1, rows[i].prefix) == 2, "%s dies twice",
			       rows[i].prefix);
			EXPECT(is_destroyed(hit[0]) && is_destroyed(hit[1]), "%s is dead, dual %d",
			       rows[i].prefix, dual);
			for (size_t k = 0; k < COUNT(spared); k++)
				EXPECT(is_alive(spared[k]), "%s spares %zu", rows[i].prefix, k);
			EXPECT(destroy(port25, 1, rows[i].prefix) == 0, "nothing is left to die");
			EXPECT(destroy(both, 2, rows[i].prefix) == 1, "and of both ports one");
			EXPECT(is_alive(spared[0]) && is_alive(spared[1]) &&
				       is_destroyed(spared[2]),
			       "that of the other port");
			pair_close(hit[0]);
			pair_close(hit[1]);
			for (size_t k = 0; k < COUNT(spared); k++)
				pair_close(spared[k]);
			close(l);
			if (l4 != l)
				close(l4);
			close(other);
		}
	}
}

/* The server has closed its half and knows that the client knows: by data that came back. */
static void half_close(struct pair p)
{
	char c;

	shutdown(p.server, SHUT_WR);
	EXPECT(recv(p.client, &c, 1, 0) == 0, "the server's FIN");
	EXPECT(send(p.client, "x", 1, MSG_NOSIGNAL) == 1 && recv(p.server, &c, 1, 0) == 1,
	       "data after it");
}

/* The state of the only connection there, as the listing tells it; 0 none. */
static int state_only(void *context, const struct net_socket *s)
{
	*(int *)context = s->state;
	return 0;
}

static int state_now(void)
{
	int state = 0;

	net_each_socket(port25, 1, NULL, state_only, &state, NULL);
	return state;
}

TEST(every_open_state_is_listed_and_destroyed)
{
	struct pair p;
	char c;
	int l;

	if (!world())
		return;
	l = listener("::", PORT, false);

	p = pair_of(l, "192.0.2.1", "127.0.0.1", PORT);
	shutdown(p.client, SHUT_WR);
	EXPECT(recv(p.server, &c, 1, 0) == 0, "the client's FIN");
	EXPECT(state_now() == TCP_CLOSE_WAIT, "close-wait: %d", state_now());
	EXPECT(destroy(port25, 1, "192.0.2.1") == 1 && state_now() == 0, "close-wait dies");
	pair_close(p);

	p = pair_of(l, "192.0.2.1", "127.0.0.1", PORT);
	half_close(p);
	EXPECT(state_now() == TCP_FIN_WAIT2, "fin-wait-2: %d", state_now());
	EXPECT(destroy(port25, 1, "192.0.2.1") == 1 && state_now() == 0, "fin-wait-2 dies");
	pair_close(p);

	p = (struct pair){.client = client("192.0.2.1", "127.0.0.1", PORT)};
	EXPECT(state_now() == TCP_ESTABLISHED, "not accepted yet: %d", state_now());
	EXPECT(destroy(port25, 1, "192.0.2.1") == 1 && state_now() == 0, "never accepted dies");
	close(p.client);
	close(l);

	l = listener("::", PORT, true); /* half open for the server until data comes */
	for (int i = 0; i < 2; i++) {
		const char *from = i ? "2001:db8::1" : "192.0.2.1";

		p.client = client(from, i ? "::1" : "127.0.0.1", PORT);
		EXPECT(state_now() == TCP_SYN_RECV, "syn-recv: %d", state_now());
		EXPECT(destroy(port25, 1, "203.0.113.0/24") == 0, "another prefix");
		EXPECT(state_now() == TCP_SYN_RECV, "spared");
		EXPECT(destroy(port25, 1, from) == 1 && state_now() == 0, "syn-recv of %s dies",
		       from);
		close(p.client);
	}
	close(l);
}

TEST(time_wait_is_no_connection)
{
	struct pair p;
	char c;
	int l;

	if (!world())
		return;
	l = listener("::", PORT, false);
	p = pair_of(l, "192.0.2.1", "127.0.0.1", PORT);
	close(p.server); /* who closes first is in time-wait */
	EXPECT(recv(p.client, &c, 1, 0) == 0, "the server's FIN");
	close(p.client);
	EXPECT(system("ss -Htan state time-wait 'sport = :25' | grep -q .") == 0,
	       "there is a time-wait socket");
	EXPECT(state_now() == 0, "but it is not listed: %d", state_now());
	EXPECT(destroy(port25, 1, NULL) == 0, "nor destroyed");

	/* A socket that nobody holds is kept so in fin-wait-2 already. */
	p = pair_of(l, "192.0.2.1", "127.0.0.1", PORT);
	half_close(p);
	setsockopt(p.server, IPPROTO_TCP, TCP_LINGER2, &(int){30}, sizeof(int));
	close(p.server);
	EXPECT(system("ss -Htan state fin-wait-2 'sport = :25' | grep -q .") == 0,
	       "there is a fin-wait-2 socket");
	EXPECT(state_now() == 0, "kept as time-wait: %d", state_now());
	close(p.client);
	close(l);
}

#define MANY   4500 /* more than one round of destroying collects */
#define OTHERS 300

TEST(more_connections_than_one_round_holds)
{
	static int fd[MANY + OTHERS];
	struct rlimit limit = {.rlim_cur = COUNT(fd) + 100, .rlim_max = COUNT(fd) + 100};
	size_t opened = 0;
	int l;

	if (!world() ||
	    !EXPECT(system("echo 8192 >/proc/sys/net/core/somaxconn") == 0, "somaxconn"))
		return;
	ENSURE(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit: %s", strerror(errno));
	l = listener("::", PORT, false);
	for (; opened < COUNT(fd) && !tap_failed; opened++)
		fd[opened] = client(opened < MANY ? "192.0.2.1" : "192.0.2.130", "127.0.0.1", PORT);
	EXPECT(count_open(port25, 1, NULL) == COUNT(fd), "%u open", count_open(port25, 1, NULL));
	EXPECT(destroy(port25, 1, "192.0.2.1") == MANY, "all of one address");
	EXPECT(count_open(port25, 1, "192.0.2.1") == 0, "none of them lives");
	EXPECT(count_open(port25, 1, NULL) == OTHERS, "the others do");
	while (opened-- > 0)
		close(fd[opened]);
	close(l);
}
