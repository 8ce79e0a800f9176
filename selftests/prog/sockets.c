/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pn_conn and pn_steer attached, and real connections over lo: who is asked about when a handshake is complete, whose
 * connections reach the responder, and what is counted of them. pn_xdp is not attached: what it would drop comes through
 * here, as it does under SYN cookies when a verdict changes between SYN and ACK.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

#define BACKLOG		8
#define WAIT_MS		5000 /* for what comes at once */
#define DEFER_S		600
#define LO_INDEX	1
#define ASKS_MOST	16
#define HOST4		"127.0.0.1"
#define HOST6		"::/64" /* what ::1 is counted as */
#define ACK_NUMBER	0x5a5a1234
#define RETRIES_ONE_SYN 1

struct place {
	int server;    /* the mail server's listener, both families */
	int responder; /* likewise */
	uint16_t port;
	struct bpf_link *conn, *steer;
	struct ring_buffer *ring;
	struct pn_ask ask[ASKS_MOST];
	unsigned asks;
};

static uint64_t netns_cookie;
static struct frame frame;
static struct result result;

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 a = {.sin6_port = 0};
	socklen_t length = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &length) ? 0 : ntohs(a.sin6_port);
}

static int listen_on(const char *address)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), both = 0;

	inet_pton(AF_INET6, address, &a.sin6_addr);
	if (fd >= 0 && (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both)) ||
			bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, BACKLOG))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int connect_to(uint16_t port, bool v4)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons(port),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), r, e;
	int retries = RETRIES_ONE_SYN;

	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
	r = v4 ? connect(fd, (struct sockaddr *)&a4, sizeof(a4))
	       : connect(fd, (struct sockaddr *)&a6, sizeof(a6));
	if (r == 0)
		return fd;
	e = errno;
	close(fd);
	return -e;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int keep(void *context, void *data, size_t size)
{
	struct place *p = context;

	if (EXPECT(size == sizeof(struct pn_ask), "an ask has %zu bytes", size) &&
	    p->asks < ASKS_MOST)
		memcpy(&p->ask[p->asks++], data, size);
	return 0;
}

static unsigned read_asks(struct place *p)
{
	p->asks = 0;
	ring_buffer__consume(p->ring);
	return p->asks;
}

static struct bpf_program *program(const char *name)
{
	return bpf_object__find_program_by_name(rig_object(), name);
}

static bool attach(struct place *p)
{
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	p->conn = bpf_program__attach(program("pn_conn"));
	p->steer = netns < 0 ? NULL : bpf_program__attach_netns(program("pn_steer"), netns);
	if (netns >= 0)
		close(netns);
	return p->conn && p->steer;
}

/* The responder's socket, marked and put where pn_steer looks. */
static bool put_responder(int fd)
{
	__u32 slot = 0, mark = PN_OURS_FRESH;
	__u64 value = (__u64)fd;

	return !bpf_map_update_elem(rig_map_fd("pn_ours"), &fd, &mark, BPF_ANY) &&
	       !bpf_map_update_elem(rig_map_fd("pn_reply"), &slot, &value, BPF_ANY);
}

static bool make_place(struct place *p)
{
	socklen_t length = sizeof(netns_cookie);
	__u32 lo = LO_INDEX, yes = 1;

	if (!rig_open())
		return false;
	p->server = listen_on("::");
	p->responder = listen_on("::ffff:127.0.0.1");
	p->port = port_of(p->server);
	p->ring = ring_buffer__new(rig_map_fd("pn_asks"), keep, p, NULL);
	return EXPECT(p->server >= 0 && p->responder >= 0 && p->ring, "listeners") &&
	       EXPECT(!getsockopt(p->server, SOL_SOCKET, SO_NETNS_COOKIE, &netns_cookie, &length),
		      "a cookie of the namespace") &&
	       EXPECT(put_responder(p->responder), "the responder: %s", strerror(errno)) &&
	       EXPECT(!bpf_map_update_elem(rig_map_fd("pn_ingress"), &lo, &yes, BPF_ANY), "lo") &&
	       EXPECT(attach(p), "attached: %s", strerror(errno));
}

static void clear_place(struct place *p)
{
	__u32 lo = LO_INDEX;

	bpf_link__destroy(p->conn);
	bpf_link__destroy(p->steer);
	ring_buffer__free(p->ring);
	shut(&p->server);
	shut(&p->responder);
	bpf_map_delete_elem(rig_map_fd("pn_ingress"), &lo);
}
#define PLACE __attribute__((cleanup(clear_place))) struct place p = {.server = -1, .responder = -1}

static void set_netns(struct pn_conf *c)
{
	c->netns[0] = netns_cookie;
}

static bool apply(const struct state *s)
{
	struct pn_key keys[2] = {{.addr = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}, .bits = 128},
				 {.bits = 64}};

	for (int i = 0; i < 2; i++) {
		bpf_map_delete_elem(rig_map_fd("pn_answered"), &keys[i]);
		bpf_map_delete_elem(rig_map_fd("pn_open"), &keys[i]);
	}
	return rig_apply(s) && rig_tune(set_netns);
}

static uint32_t count_open(bool v4)
{
	struct pn_key key = {.addr = {0}, .bits = 64};
	struct pn_open value = {.open = 0};

	if (v4)
		prefix_read(HOST4, key.addr, &key.bits);
	bpf_map_lookup_elem(rig_map_fd("pn_open"), &key, &value);
	return value.open;
}

static struct pn_answered read_answered(bool v4)
{
	struct pn_key key = {.addr = {0}, .bits = 64};
	struct pn_answered value = {.count = 0};

	if (v4)
		prefix_read(HOST4, key.addr, &key.bits);
	bpf_map_lookup_elem(rig_map_fd("pn_answered"), &key, &value);
	return value;
}

/* A client that has got to one of the listeners, which waits until the handshake is complete; both ends are closed. */
static bool is_greeted_by(struct place *p, int listener, bool v4, uint16_t *client_port)
{
	int client = connect_to(p->port, v4), taken;
	bool is_there;

	if (!EXPECT(client >= 0, "connects: %s", strerror(-client)))
		return false;
	if (client_port)
		*client_port = port_of(client);
	/* A connection that went to the other one would be waited for without end. */
	is_there = poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, WAIT_MS) == 1;
	taken = is_there ? accept(listener, NULL, NULL) : -1;
	EXPECT(taken >= 0, "it has come to the other listener");
	EXPECT(taken < 0 || port_of(taken) == p->port, "its port is what the client asked for");
	shut(&client);
	if (taken < 0)
		return false;
	close(taken);
	return true;
}

/* ---- who is asked about ---- */

struct ask_row {
	const char *sentence;
	struct state given;
	unsigned flags; /* 0: not asked about */
};

static const struct ask_row ask_rows[] = {
	{"a stranger", {.contact = PN_CONTACT_WATCH}, PN_ASK_PROVEN},
	{"under pass", {.contact = PN_CONTACT_PASS}, PN_ASK_PROVEN},
	{"under hold", {.contact = PN_CONTACT_HOLD}, PN_ASK_PROVEN},
	{"in monitor mode", {.contact = PN_CONTACT_HOLD, .monitor = true}, PN_ASK_PROVEN},
	{"without zones", {.contact = PN_CONTACT_OFF}, 0},
	{"without a controller", {.contact = PN_CONTACT_WATCH, .orphaned = true}, 0},
	{"at a port of class submission",
	 {.contact = PN_CONTACT_WATCH, .ports = {{0, PN_CLASS_SUBMISSION}}},
	 0},
	{"known and fresh",
	 {.contact = PN_CONTACT_WATCH, .known = {{HOST4, .fresh = true}, {HOST6, .fresh = true}}},
	 0},
	{"known and old",
	 {.contact = PN_CONTACT_WATCH, .known = {{HOST4}, {HOST6}}},
	 PN_ASK_PROVEN | PN_ASK_KNOWN},
	{"known once",
	 {.contact = PN_CONTACT_WATCH,
	  .known = {{HOST4, .life = LIFE_EXPIRED}, {HOST6, .life = LIFE_EXPIRED}}},
	 PN_ASK_PROVEN},
	{"trusted",
	 {.contact = PN_CONTACT_WATCH, .allow = {{HOST4, PN_TRUST}, {"::/64", PN_TRUST}}},
	 0},
	{"allowed",
	 {.contact = PN_CONTACT_WATCH, .allow = {{HOST4, PN_ALLOW}, {"::/64", PN_ALLOW}}},
	 0},
	{"listed",
	 {.contact = PN_CONTACT_WATCH,
	  .monitor = true,
	  .listed = {{HOST4, PN_DROP}, {HOST6, PN_DROP}}},
	 0},
	{"listed once",
	 {.contact = PN_CONTACT_WATCH,
	  .listed = {{HOST4, PN_DROP, .life = LIFE_EXPIRED},
		     {HOST6, PN_DROP, .life = LIFE_EXPIRED}}},
	 PN_ASK_PROVEN},
	{"blocked",
	 {.contact = PN_CONTACT_WATCH,
	  .monitor = true,
	  .rule = {{HOST4, PN_DROP}, {"::1", PN_DROP}}},
	 0},
	{"in a blocked prefix",
	 {.contact = PN_CONTACT_WATCH,
	  .monitor = true,
	  .block = {{"127.0.0.0/8", PN_DROP}, {"::/16", PN_DROP}}},
	 0},
};

static void check_ask(struct place *p, const struct ask_row *row, bool v4, uint16_t client_port)
{
	const struct pn_ask *a = &p->ask[0];
	uint8_t host[16];

	if (!EXPECT(read_asks(p) == (row->flags != 0), "%s: %u asks", row->sentence, p->asks) ||
	    !row->flags)
		return;
	prefix_read(v4 ? HOST4 : "::1", host, NULL);
	EXPECT(!memcmp(a->src, host, 16) && !memcmp(a->dst, host, 16), "%s: its addresses",
	       row->sentence);
	EXPECT(a->sport == client_port && a->dport == p->port, "%s: its ports: %u, %u",
	       row->sentence, a->sport, a->dport);
	EXPECT(a->flags == row->flags, "%s: flags %u, not %u", row->sentence, a->flags, row->flags);
	EXPECT(a->netns == netns_cookie, "%s: its namespace", row->sentence);
	EXPECT(a->time && a->time <= rig_boot_ns(), "%s: its time", row->sentence);
}

TEST(a_completed_handshake_is_asked_about)
{
	PLACE;
	uint16_t client_port = 0;

	ENSURE(make_place(&p), "a place");
	for (unsigned i = 0; i < 2 * sizeof(ask_rows) / sizeof(ask_rows[0]); i++) {
		const struct ask_row *row = &ask_rows[i / 2];
		struct state s = row->given;
		bool v4 = i % 2;

		s.ports[0].port = p.port;
		ENSURE(apply(&s), "%s", row->sentence);
		read_asks(&p);
		ENSURE(is_greeted_by(&p, p.server, v4, &client_port), "%s", row->sentence);
		check_ask(&p, row, v4, client_port);
	}
}

static void set_other_netns(struct pn_conf *c)
{
	c->netns[0] = netns_cookie + 1;
}

TEST(nobody_in_another_namespace_is_asked_about)
{
	PLACE;
	struct state s = {.contact = PN_CONTACT_WATCH};

	ENSURE(make_place(&p), "a place");
	s.ports[0].port = p.port;
	ENSURE(apply(&s) && rig_tune(set_other_netns), "a gate of another namespace");
	read_asks(&p);
	ENSURE(is_greeted_by(&p, p.server, true, NULL), "connects");
	EXPECT(read_asks(&p) == 0, "%u asks", p.asks);
}

/* ---- the responder ---- */

static struct state told(uint16_t port, enum life life)
{
	return (struct state){.contact = PN_CONTACT_WATCH,
			      .ports = {{port, PN_CLASS_MX}},
			      .rule = {{HOST4, PN_REPLY, .always = true, .life = life},
				       {"::1", PN_REPLY, .always = true, .life = life}}};
}

static void check_answers(struct place *p, bool v4, unsigned count, enum life life)
{
	struct state s = told(p->port, life);
	struct pn_answered a;

	ENSURE(apply(&s), "a rule that replies");
	read_asks(p);
	for (unsigned i = 0; i < count; i++)
		ENSURE(is_greeted_by(p, p->responder, v4, NULL), "answer %u", i);
	a = read_answered(v4);
	EXPECT(a.count == count, "%u answers are counted, not %u", a.count, count);
	EXPECT((a.expires != 0) == (life == LIFE_LIVE), "under that verdict: %llu",
	       (unsigned long long)a.expires);
	EXPECT(a.first_ns && a.first_ns <= rig_boot_ns(), "since now");
	EXPECT(count_open(v4) == 0, "%u connections of the mail server", count_open(v4));
	EXPECT(read_asks(p) == 0, "%u asks", p->asks);
}

TEST(the_refused_reach_the_responder)
{
	PLACE;

	ENSURE(make_place(&p), "a place");
	for (int v4 = 0; v4 < 2; v4++) {
		/* More than there are answers: under cookies a later ACK must not come to the mail server. */
		check_answers(&p, v4, PN_ANSWERS_MAX + 1, LIFE_FOREVER);
		check_answers(&p, v4, 2, LIFE_LIVE);
	}
}

TEST(answers_under_another_verdict_count_anew)
{
	PLACE;
	struct state s;
	struct pn_answered a;

	ENSURE(make_place(&p), "a place");
	s = told(p.port, LIFE_LIVE);
	s.answered[0].source = HOST4;
	s.answered[0].count = 3;
	ENSURE(apply(&s), "told thrice under a verdict without end");
	ENSURE(is_greeted_by(&p, p.responder, true, NULL), "told again");
	a = read_answered(true);
	EXPECT(a.count == 1 && a.expires, "%u answers", a.count);
	/* Of a limit, which stands behind every list. */
	s = (struct state){.ports = {{p.port, PN_CLASS_MX}},
			   .rate = true,
			   .rates = {{HOST4, FILL_SPENT}},
			   .rate_action = PN_REPLY};
	ENSURE(apply(&s) && is_greeted_by(&p, p.responder, true, NULL), "over a limit");
	a = read_answered(true);
	EXPECT(a.count == 1 && a.expires == 0, "%u answers until %llu", a.count,
	       (unsigned long long)a.expires);
}

static bool set_cookies(const char *value)
{
	int fd = open("/proc/sys/net/ipv4/tcp_syncookies", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, value, 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

TEST(the_responder_under_cookies)
{
	PLACE;

	ENSURE(make_place(&p) && set_cookies("2"), "cookies for everybody");
	check_answers(&p, true, PN_ANSWERS_MAX + 1, LIFE_FOREVER);
	check_answers(&p, false, PN_ANSWERS_MAX + 1, LIFE_FOREVER);
	EXPECT(set_cookies("1"), "cookies when needed");
}

TEST(a_responder_that_is_gone)
{
	PLACE;
	struct state s, listed;
	int fd;

	ENSURE(make_place(&p), "a place");
	s = told(p.port, LIFE_FOREVER);
	listed = (struct state){.ports = {{p.port, PN_CLASS_MX}}, .listed = {{HOST4, PN_REPLY}}};
	ENSURE(apply(&listed) && is_greeted_by(&p, p.responder, true, NULL), "it is there");
	shut(&p.responder);
	ENSURE(is_greeted_by(&p, p.server, true, NULL), "who was found listed comes in");
	EXPECT(count_open(true) <= 1, "and is counted");
	ENSURE(apply(&s), "the operator's rule");
	fd = connect_to(p.port, true);
	EXPECT(fd == -ECONNREFUSED, "is refused: %d", fd);
	p.responder = listen_on("::ffff:127.0.0.1");
	ENSURE(put_responder(p.responder), "another one");
	EXPECT(is_greeted_by(&p, p.responder, true, NULL), "takes its place");
}

/* ---- the handshake's last ACK ---- */

static bool run_ack(uint16_t port, uint16_t client_port, bool v4)
{
	const char *host = v4 ? HOST4 : "::1";
	struct packet p = {.from = host,
			   .to = host,
			   .sport = client_port,
			   .dport = port,
			   .ack = ACK_NUMBER,
			   .flags = TCP_ACK};

	frame_build(&frame, &p);
	return rig_run(frame.bytes, frame.length, &result);
}

/* Half open: the listener waits for data. Whose it is decides whether the limit is judged. */
static void check_last_ack(struct place *p, bool to_responder, bool v4, enum pn_action action)
{
	struct state s = {.ports = {{p->port, PN_CLASS_MX}},
			  .pressed = true,
			  .rate = true,
			  .rates = {{HOST4, FILL_SPENT}, {HOST6, FILL_SPENT}},
			  .rate_action = action};
	struct state open = to_responder ? told(p->port, LIFE_FOREVER)
					 : (struct state){.ports = {{p->port, PN_CLASS_MX}}};
	int verdict = to_responder ? XDP_PASS : action == PN_DROP ? XDP_DROP : XDP_TX, client;

	ENSURE(apply(&open), "a handshake is begun");
	client = connect_to(p->port, v4);
	ENSURE(client >= 0, "connects");
	if (EXPECT(apply(&s) && run_ack(p->port, port_of(client), v4), "runs"))
		EXPECT(result.verdict == verdict &&
			       result.reason == (to_responder ? PN_REASON_FLOW : PN_REASON_RATE),
		       "the ACK to the %s under action %d: %s %s",
		       to_responder ? "responder" : "mail server", action,
		       verdict_text(result.verdict), reason_text(result.reason));
	close(client);
}

TEST(the_last_ack_to_the_responder)
{
	PLACE;
	int seconds = DEFER_S;

	ENSURE(make_place(&p), "a place");
	ENSURE(!setsockopt(p.responder, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)) &&
		       !setsockopt(p.server, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
				   sizeof(seconds)),
	       "half open");
	for (int i = 0; i < 4; i++) {
		enum pn_action action = i / 2 ? PN_REPLY : PN_DROP;

		check_last_ack(&p, true, i % 2, action);
		check_last_ack(&p, false, i % 2, action);
	}
}
