/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handshake's last ACK of a source over its limit, with real sockets: many SYNs sent at once
 * all pass the check at the SYN, so a limit is exact only if the ACKs are judged too. A listener
 * with TCP_DEFER_ACCEPT keeps a connection half open for as long as its client says nothing.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"
#include "tap.h"

#define DEFER_S	   600
#define CLIENT_MAX 2
#define ACK_NUMBER 0x5a5a1234

struct ends {
	int listener, client;
	uint16_t port, client_port;
};

static struct frame frame;
static struct result result;

static void close_ends(struct ends *e)
{
	if (e->client >= 0)
		close(e->client);
	if (e->listener >= 0)
		close(e->listener);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 a = {.sin6_port = 0}; /* has its port where IPv4's has it */
	socklen_t length = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &length) ? 0 : ntohs(a.sin6_port);
}

/* A listener on loopback and a client that has got its SYN-ACK. */
static bool make_ends(struct ends *e, bool v4, bool is_half_open)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *a = v4 ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
	socklen_t length = v4 ? sizeof(a4) : sizeof(a6);
	int seconds = DEFER_S;

	e->listener = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	e->client = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (e->listener < 0 || e->client < 0 || bind(e->listener, a, length) ||
	    (is_half_open &&
	     setsockopt(e->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds))) ||
	    listen(e->listener, CLIENT_MAX))
		return false;
	e->port = port_of(e->listener);
	a4.sin_port = a6.sin6_port = htons(e->port);
	if (connect(e->client, a, length))
		return false;
	e->client_port = port_of(e->client);
	return true;
}

static bool run_ack(const struct ends *e, bool v4, uint16_t sport, uint8_t flags)
{
	struct packet p = {.from = v4 ? "127.0.0.1" : "::1",
			   .to = v4 ? "127.0.0.1" : "::1",
			   .sport = sport,
			   .dport = e->port,
			   .ack = ACK_NUMBER,
			   .flags = flags};

	frame_build(&frame, &p);
	return rig_run(frame.bytes, frame.length, &result);
}

static struct state over_limit(uint16_t port, enum pn_reason reason)
{
	struct state s = {.ports = {{port, PN_CLASS_MX, false}}, .pressed = true};

	if (reason == PN_REASON_RATE) {
		s.rate = true;
		s.rates[0].source = "127.0.0.1";
		s.rates[0].fill = FILL_SPENT;
		s.rates[1].source = "::/64";
		s.rates[1].fill = FILL_SPENT;
	} else {
		s.open_max = 1;
		s.open[0].source = "127.0.0.1";
		s.open[0].open = 1;
		s.open[1].source = "::/64";
		s.open[1].open = 1;
	}
	return s;
}

static void expect_ack(int verdict, int reason, const char *sentence)
{
	EXPECT(result.verdict == verdict && result.reason == reason && result.counters == 1,
	       "%s: want %s %s, got %s %s, %u counters", sentence, verdict_text(verdict),
	       reason_text(reason), verdict_text(result.verdict), reason_text(result.reason),
	       result.counters);
}

static void check_half_open(const struct ends *e, bool v4, enum pn_reason reason)
{
	struct state s = over_limit(e->port, reason);

	ENSURE(rig_apply(&s), "over the limit");
	ENSURE(run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_DROP, reason, "the ACK that would complete a handshake");
	ENSURE(run_ack(e, v4, e->client_port, TCP_ACK | TCP_PSH), "runs");
	expect_ack(XDP_DROP, reason, "one that carries data");
	ENSURE(run_ack(e, v4, e->client_port, TCP_RST), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "an RST that gives the handshake up");
	ENSURE(run_ack(e, v4, 1, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW,
		   "an ACK that meets the listener without a cookie: its connection is elsewhere");
	s.pressed = false;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "nobody is near a limit");
	s.pressed = true;
	s.monitor = true;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	EXPECT(result.verdict == XDP_PASS, "monitor mode lets it pass");
	s = over_limit(e->port, reason);
	s.allow[0] = (struct entry){.prefix = v4 ? "127.0.0.0/8" : "::1", .action = PN_ALLOW};
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "of a source that is never judged");
	s.allow[0].action = PN_TRUST;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_DROP, reason, "of a trusted source");
	s = over_limit(e->port, reason);
	s.rate = false;
	s.open_max = 0;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "below the limit");
	s.rule[0] = (struct entry){
		.prefix = v4 ? "127.0.0.1" : "::1", .action = PN_REFUSE, .always = true};
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_TX, PN_REASON_RULE, "of a source that was refused meanwhile");
	ENSURE(run_ack(e, v4, 1, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "of its open connection, which a refusal spares");
}

/* `reply` is begun at a SYN alone: a handshake with the mail server that it overtook is refused. */
static void check_overtaken(const struct ends *e, bool v4)
{
	const char *source = v4 ? "127.0.0.1" : "::1", *key = v4 ? "127.0.0.1" : "::/64";
	struct state s = {.ports = {{e->port, PN_CLASS_MX, false}}};
	int responder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t value = (uint64_t)responder;
	uint32_t slot = 0;

	ENSURE(responder >= 0 && !listen(responder, 1) &&
		       !bpf_map_update_elem(rig_map_fd("pn_reply"), &slot, &value, BPF_ANY),
	       "a responder");
	s.listed[0] = (struct entry){.prefix = key, .action = PN_REPLY};
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_TX, PN_REASON_LISTED, "of a source that was listed meanwhile");
	ENSURE(run_ack(e, v4, e->client_port, TCP_RST), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "its RST");
	ENSURE(run_ack(e, v4, 1, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "of its open connection, which a reply spares");
	s.answered[0].source = key;
	s.answered[0].count = PN_ANSWERS_MAX;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_DROP, PN_REASON_LISTED, "of one that was told thrice");
	s.answered[0].source = NULL;
	close(responder);
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "where the responder has died just now");
	s.unanswering = true;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "where nobody is there to reply");
	s.unanswering = false;
	s.monitor = true;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	EXPECT(result.verdict == XDP_PASS, "monitor mode lets it pass");
	s.monitor = false;
	s.allow[0] = (struct entry){.prefix = source, .action = PN_TRUST};
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "of a source that is trusted whatever lists say");
	s.rule[0] = (struct entry){.prefix = source, .action = PN_REPLY, .always = true};
	s.unanswering = true;
	ENSURE(rig_apply(&s) && run_ack(e, v4, e->client_port, TCP_ACK), "runs");
	expect_ack(XDP_TX, PN_REASON_RULE, "what the operator ordered needs nobody to reply");
}

static void check_family(bool v4)
{
	__attribute__((cleanup(close_ends))) struct ends half = {.listener = -1, .client = -1};
	__attribute__((cleanup(close_ends))) struct ends whole = {.listener = -1, .client = -1};
	struct state s;

	ENSURE(make_ends(&half, v4, true), "a half-open connection");
	check_half_open(&half, v4, PN_REASON_RATE);
	check_half_open(&half, v4, PN_REASON_OPEN);
	check_overtaken(&half, v4);
	ENSURE(make_ends(&whole, v4, false), "an established connection");
	s = over_limit(whole.port, PN_REASON_RATE);
	ENSURE(rig_apply(&s) && run_ack(&whole, v4, whole.client_port, TCP_ACK), "runs");
	expect_ack(XDP_PASS, PN_REASON_FLOW, "a later ACK of an established connection");
}

TEST(the_last_ack_of_a_handshake)
{
	ENSURE(rig_open(), "the programs are loaded");
	check_family(true);
	check_family(false);
}

/* A client that has its SYN-ACK believes an RST only with the sequence number it expects (RFC
 * 9293, 3.10.7.4). */
TEST(a_refused_handshake)
{
	__attribute__((cleanup(close_ends))) struct ends e = {.listener = -1, .client = -1};
	struct state s;

	ENSURE(rig_open() && make_ends(&e, true, true), "a half-open connection");
	s = over_limit(e.port, PN_REASON_OPEN);
	s.open_action = PN_REFUSE;
	ENSURE(rig_apply(&s) && run_ack(&e, true, e.client_port, TCP_ACK), "runs");
	if (result.verdict == XDP_TX) {
		EXPECT(result.out.bytes[14 + 20 + 13] & TCP_RST, "it is an RST");
		EXPECT(get32(result.out.bytes + 14 + 20 + 4) == ACK_NUMBER,
		       "its sequence number is what the client acknowledged, not %x",
		       get32(result.out.bytes + 14 + 20 + 4));
	} else {
		expect_ack(XDP_DROP, PN_REASON_OPEN, "dropped");
	}
}
