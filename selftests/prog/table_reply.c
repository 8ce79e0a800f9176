/* SPDX-License-Identifier: BSD-2-Clause */
/* `reply`: when a source is handed to the responder, and what is done where that cannot be. */
#include <arpa/inet.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

#define REPLY_ALWAYS(prefix)                                                                       \
	{                                                                                          \
		{                                                                                  \
			prefix, PN_REPLY, .always = true                                           \
		}                                                                                  \
	}
#define MUTE25                                                                                     \
	{                                                                                          \
		{                                                                                  \
			25, .mute = true                                                           \
		}                                                                                  \
	}

static const struct row who_is_told[] = {
	{"a blocked address", SYN4, {.rule = REPLY_ALWAYS(A4)}, XDP_PASS, PN_REASON_RULE},
	{"a blocked prefix", SYN6, {.block = REPLY_ALWAYS(A6_NET)}, XDP_PASS, PN_REASON_BLOCK},
	{"a listed source", SYN4, {.listed = {{A4, PN_REPLY}}}, XDP_PASS, PN_REASON_LISTED},
	{"a source over its rate",
	 SYN6,
	 {.rate = true, .rates = {{A6_HOST, FILL_SPENT}}, .rate_action = PN_REPLY},
	 XDP_PASS,
	 PN_REASON_RATE},
	{"one with too many connections",
	 SYN4,
	 {.open = {{A4, 2}}, .open_max = 2, .open_action = PN_REPLY},
	 XDP_PASS,
	 PN_REASON_OPEN},
	{"who may not come to a port",
	 SYN4,
	 {.ports = {{25, PN_CLASS_MX, true}}, .only_action = PN_REPLY},
	 XDP_PASS,
	 PN_REASON_ONLY},
	{"monitor mode tells nobody by itself",
	 SYN4,
	 {.monitor = true, .listed = {{A4, PN_REPLY}}},
	 XDP_PASS,
	 PN_REASON_LISTED,
	 WOULD},
	{"but whom the operator refuses",
	 SYN4,
	 {.monitor = true, .rule = REPLY_ALWAYS(A4)},
	 XDP_PASS,
	 PN_REASON_RULE},
	{"a fragment cannot be told, and is dropped",
	 {.from = A4, .more = true, .l4_cut = 8},
	 {.rule = REPLY_ALWAYS(A4)},
	 XDP_DROP,
	 PN_REASON_RULE},
};
TABLE(who_is_told)

static const struct row who_has_been_told[] = {
	{"twice is not enough",
	 SYN4,
	 {.rule = REPLY_ALWAYS(A4), .answered = {{A4, 2}}},
	 XDP_PASS,
	 PN_REASON_RULE},
	{"three times is: then silence",
	 SYN4,
	 {.rule = REPLY_ALWAYS(A4), .answered = {{A4, 3}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"IPv6 is counted by /64",
	 {.from = "2001:db8:1:2::8"},
	 {.listed = {{A6_HOST, PN_REPLY, .life = LIFE_LIVE}},
	  .answered = {{A6_HOST, 4, .life = LIFE_LIVE}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
	{"under another verdict it begins anew",
	 SYN4,
	 {.listed = {{A4, PN_REPLY, .life = LIFE_LIVE}},
	  .answered = {{A4, 3, .life = LIFE_EXPIRED}}},
	 XDP_PASS,
	 PN_REASON_LISTED},
	{"what has no end is told again after an hour",
	 SYN4,
	 {.rule = REPLY_ALWAYS(A4), .answered = {{A4, 3, .stale = true}}},
	 XDP_PASS,
	 PN_REASON_RULE},
	{"what has one is not",
	 SYN4,
	 {.listed = {{A4, PN_REPLY, .life = LIFE_LIVE}},
	  .answered = {{A4, 3, .life = LIFE_LIVE, .stale = true}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
	{"of a limit too",
	 SYN4,
	 {.rate = true,
	  .rates = {{A4, FILL_SPENT}},
	  .rate_action = PN_REPLY,
	  .answered = {{A4, 3}}},
	 XDP_DROP,
	 PN_REASON_RATE},
	{"his neighbour has not been",
	 {.from = "192.0.2.8"},
	 {.block = REPLY_ALWAYS(A4_NET), .answered = {{A4, 3}}},
	 XDP_PASS,
	 PN_REASON_BLOCK},
	{"who is refused is not counted with them",
	 SYN4,
	 {.rule = REFUSE_ALWAYS(A4), .answered = {{A4, 3}}},
	 XDP_TX,
	 PN_REASON_RULE},
	{"the third conversation goes on",
	 ACK4,
	 {.rule = REPLY_ALWAYS(A4), .answered = {{A4, 3}}},
	 XDP_PASS,
	 PN_REASON_FLOW},
	{"of a listed source as well",
	 ACK6,
	 {.listed = {{A6_HOST, PN_REPLY}}, .answered = {{A6_HOST, 3}}},
	 XDP_PASS,
	 PN_REASON_FLOW},
};
TABLE(who_has_been_told)

static const struct row nobody_can_tell[] = {
	{"without a responder the operator's address is refused",
	 SYN4,
	 {.unanswering = true, .rule = REPLY_ALWAYS(A4)},
	 XDP_TX,
	 PN_REASON_RULE},
	{"and his prefix",
	 SYN6,
	 {.unanswering = true, .block = REPLY_ALWAYS(A6_NET)},
	 XDP_TX,
	 PN_REASON_BLOCK},
	{"and who may not come to a port",
	 SYN4,
	 {.unanswering = true, .ports = {{25, PN_CLASS_MX, true}}, .only_action = PN_REPLY},
	 XDP_TX,
	 PN_REASON_ONLY},
	{"who was found listed comes in",
	 SYN4,
	 {.unanswering = true, .listed = {{A4, PN_REPLY}}},
	 XDP_PASS,
	 PN_REASON_LISTED},
	{"and who is over a limit",
	 SYN4,
	 {.unanswering = true, .rate = true, .rates = {{A4, FILL_SPENT}}, .rate_action = PN_REPLY},
	 XDP_PASS,
	 PN_REASON_RATE},
	{"without a controller there is no responder",
	 SYN4,
	 {.orphaned = true, .rule = REPLY_ALWAYS(A4)},
	 XDP_TX,
	 PN_REASON_RULE},
	{"nor for who is listed",
	 SYN6,
	 {.orphaned = true, .listed = {{A6_HOST, PN_REPLY}}},
	 XDP_PASS,
	 PN_REASON_LISTED},
	{"where he cannot speak everybody is refused",
	 SYN4,
	 {.ports = MUTE25, .listed = {{A4, PN_REPLY}}},
	 XDP_TX,
	 PN_REASON_LISTED},
	{"responder or none",
	 SYN4,
	 {.unanswering = true, .ports = MUTE25, .listed = {{A4, PN_REPLY}}},
	 XDP_TX,
	 PN_REASON_LISTED},
	{"and in silence who was told elsewhere",
	 SYN4,
	 {.ports = MUTE25, .listed = {{A4, PN_REPLY}}, .answered = {{A4, 3}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
};
TABLE(nobody_can_tell)

/* ---- listed: the host, its source, its network ---- */

#define A6_OTHER "2001:db8:1:2::8" /* in the /64 of A6 */
#define A6_FAR	 "2001:db8:1:3::8" /* in the /48 */

static const struct row whom_a_verdict_is_on[] = {
	{"one host of IPv6", SYN6, {.listed = {{A6, PN_DROP}}}, XDP_DROP, PN_REASON_LISTED},
	{"no other in its /64",
	 {.from = A6_OTHER},
	 {.listed = {{A6, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"a /64", {.from = A6_OTHER}, {.listed = {{A6_HOST, PN_DROP}}}, XDP_DROP, PN_REASON_LISTED},
	{"a /48", {.from = A6_FAR}, {.listed = {{A6_NET, PN_DROP}}}, XDP_DROP, PN_REASON_LISTED},
	{"a /24",
	 {.from = "192.0.2.8"},
	 {.listed = {{A4_NET, PN_DROP}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
	{"the host's own comes first",
	 SYN6,
	 {.listed = {{A6, PN_REFUSE}, {A6_HOST, PN_DROP}, {A6_NET, PN_DROP}}},
	 XDP_TX,
	 PN_REASON_LISTED},
	{"then its /64's",
	 {.from = A6_OTHER},
	 {.listed = {{A6, PN_DROP}, {A6_HOST, PN_REFUSE}, {A6_NET, PN_DROP}}},
	 XDP_TX,
	 PN_REASON_LISTED},
	{"one that has ended hides none",
	 SYN6,
	 {.listed = {{A6, PN_REFUSE, .life = LIFE_EXPIRED}, {A6_NET, PN_DROP}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
	{"the network's is not held against who is known",
	 SYN4,
	 {.listed = {{A4_NET, PN_DROP}}, .known = {{A4}}},
	 XDP_PASS,
	 PN_REASON_KNOWN},
	{"nor against a known /64",
	 SYN6,
	 {.listed = {{A6_NET, PN_DROP}}, .known = {{A6_HOST}}},
	 XDP_PASS,
	 PN_REASON_KNOWN},
	{"nor his later packets",
	 ACK4,
	 {.listed = {{A4_NET, PN_DROP}}, .known = {{A4}}},
	 XDP_PASS,
	 PN_REASON_FLOW},
	{"who was known is not spared",
	 SYN4,
	 {.listed = {{A4_NET, PN_DROP}}, .known = {{A4, .life = LIFE_EXPIRED}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
	{"his own verdict holds though he is known",
	 SYN4,
	 {.listed = {{A4, PN_DROP}}, .known = {{A4}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
	{"and that of his host",
	 SYN6,
	 {.listed = {{A6, PN_DROP}}, .known = {{A6_HOST}}},
	 XDP_DROP,
	 PN_REASON_LISTED},
};
TABLE(whom_a_verdict_is_on)

/* ---- pn_why, and packets that are on their way elsewhere ---- */

TEST(why_counts_answers)
{
	static const struct state s = {.rule = REPLY_ALWAYS(A4), .answered = {{A4, 2}}};
	static const struct state spent = {.rule = REPLY_ALWAYS(A4), .answered = {{A4, 3}}};
	static const struct state other = {.rule = REPLY_ALWAYS(A4),
					   .answered = {{A4, 3, .life = LIFE_LIVE}}};
	static const struct {
		const struct state *given;
		unsigned answers;
		enum pn_action action;
	} rows[] = {{&s, 2, PN_REPLY}, {&spent, 3, PN_DROP}, {&other, 0, PN_REPLY}};

	ENSURE(rig_open(), "the programs are loaded");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_why w = {.port = 25};

		prefix_read(A4, w.src, NULL);
		ENSURE(rig_apply(rows[i].given) && rig_why(&w), "asked");
		EXPECT(w.answers == rows[i].answers && w.action == rows[i].action &&
			       w.would == rows[i].action,
		       "row %u: %u answers, action %d, would %d", i, w.answers, w.action, w.would);
	}
}

/* 203.0.113.0/24 is behind lo, as far as routes know. */
static bool add_route(void)
{
	struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = (char[]){"lo"}};
	struct sockaddr_in *to = (struct sockaddr_in *)&route.rt_dst;
	struct sockaddr_in *mask = (struct sockaddr_in *)&route.rt_genmask;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_added;

	to->sin_family = mask->sin_family = AF_INET;
	to->sin_addr.s_addr = inet_addr("203.0.113.0");
	mask->sin_addr.s_addr = inet_addr("255.255.255.0");
	is_added = fd >= 0 && !ioctl(fd, SIOCADDRT, &route);
	if (fd >= 0)
		close(fd);
	return is_added;
}

static void check_verdict(const char *sentence, const struct packet *p, int verdict)
{
	static struct frame frame;
	static struct result result;

	frame_build(&frame, p);
	ENSURE(rig_run(frame.bytes, frame.length, &result), "runs");
	EXPECT(result.verdict == verdict && result.reason == PN_REASON_RULE, "%s: %s %s", sentence,
	       verdict_text(result.verdict), reason_text(result.reason));
}

/* What is for another host meets no socket here, so nobody here can speak for its mail server. */
TEST(a_forwarded_packet_is_refused)
{
	static const struct state s = {.rule = REPLY_ALWAYS(A4)};
	static const struct packet through = {.from = A4, .to = "203.0.113.25"};
	static const struct packet here = {.from = A4, .to = "127.0.0.1"};

	ENSURE(rig_open() && rig_apply(&s), "a rule that replies");
	ENSURE(add_route(), "a route");
	check_verdict("a host that forwards nothing", &through, XDP_PASS);
	ENSURE(rig_forward(true), "a gateway");
	check_verdict("through a gateway", &through, XDP_TX);
	check_verdict("to the gateway", &here, XDP_PASS);
	ENSURE(rig_forward(false), "a host again");
}
