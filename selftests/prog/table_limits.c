/* SPDX-License-Identifier: BSD-2-Clause */
/* Open connections, rates, and who is exempt from what. */
#include <string.h>

#include "table.h"

#define NEAR_NS                                                                                    \
	(60ULL * 1000000000) /* far less than RATE_MARGIN_NS, far more than a test takes   \
				      */

static const struct row open_connections_of_one_source[] = {
	{"one below the limit",
	 SYN4,
	 {.open = {{A4, 2}}, .open_max = 3},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"at the limit", SYN4, {.open = {{A4, 3}}, .open_max = 3}, XDP_DROP, PN_REASON_OPEN},
	{"beyond it", SYN4, {.open = {{A4, 9}}, .open_max = 3}, XDP_DROP, PN_REASON_OPEN},
	{"by /64 in IPv6", SYN6, {.open = {{A6_HOST, 3}}, .open_max = 3}, XDP_DROP, PN_REASON_OPEN},
	{"the next /64 is another source",
	 {.from = "2001:db8:1:3::7"},
	 {.open = {{A6_HOST, 3}}, .open_max = 3},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"the limit is off", SYN4, {.open = {{A4, 1000000}}}, XDP_PASS, PN_REASON_CLEAN},
	{"refused with an RST",
	 SYN4,
	 {.open = {{A4, 3}}, .open_max = 3, .open_action = PN_REFUSE},
	 XDP_TX,
	 PN_REASON_OPEN},
	{"known sources have the same limit",
	 SYN4,
	 {.open = {{A4, 3}}, .open_max = 3, .known = {{A4}}},
	 XDP_DROP,
	 PN_REASON_OPEN},
	{"later packets are not judged by it",
	 ACK4,
	 {.open = {{A4, 9}}, .open_max = 3},
	 XDP_PASS,
	 PN_REASON_FLOW},
	{"nobody is left who keeps the counts right",
	 SYN4,
	 {.open = {{A4, 9}}, .open_max = 3, .orphaned = true},
	 XDP_PASS,
	 PN_REASON_CLEAN},
};
TABLE(open_connections_of_one_source)

static const struct row open_connections_of_all[] = {
	{"strangers may fill four fifths",
	 SYN4,
	 {.total_open = 79, .total_open_max = 100},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"and no more",
	 SYN4,
	 {.total_open = 80, .total_open_max = 100},
	 XDP_DROP,
	 PN_REASON_TOTAL_OPEN},
	{"the last fifth is for the known",
	 SYN4,
	 {.total_open = 80, .total_open_max = 100, .known = {{A4}}},
	 XDP_PASS,
	 PN_REASON_KNOWN},
	{"to the end",
	 SYN6,
	 {.total_open = 99, .total_open_max = 100, .known = {{A6_HOST}}},
	 XDP_PASS,
	 PN_REASON_KNOWN},
	{"of which there is one",
	 SYN4,
	 {.total_open = 100, .total_open_max = 100, .known = {{A4}}},
	 XDP_DROP,
	 PN_REASON_TOTAL_OPEN},
	{"who was known has no share in it",
	 SYN4,
	 {.total_open = 90, .total_open_max = 100, .known = {{A4, .life = LIFE_EXPIRED}}},
	 XDP_DROP,
	 PN_REASON_TOTAL_OPEN},
	{"the limit is off", SYN4, {.total_open = 1000000}, XDP_PASS, PN_REASON_CLEAN},
	{"refused as open is",
	 SYN4,
	 {.total_open = 100, .total_open_max = 100, .open_action = PN_REFUSE},
	 XDP_TX,
	 PN_REASON_TOTAL_OPEN},
	{"nobody is left who keeps the count right",
	 SYN4,
	 {.total_open = 100, .total_open_max = 100, .orphaned = true},
	 XDP_PASS,
	 PN_REASON_CLEAN},
};
TABLE(open_connections_of_all)

static const struct row rates[] = {
	{"never seen before", SYN4, {.rate = true}, XDP_PASS, PN_REASON_CLEAN},
	{"credit is left",
	 SYN4,
	 {.rate = true, .rates = {{A4, FILL_SOME}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"none is left",
	 SYN4,
	 {.rate = true, .rates = {{A4, FILL_SPENT}}},
	 XDP_DROP,
	 PN_REASON_RATE},
	{"an older limit charged far ahead",
	 SYN4,
	 {.rate = true, .rates = {{A4, FILL_BEYOND}}},
	 XDP_DROP,
	 PN_REASON_RATE},
	{"the limit is off", SYN4, {.rates = {{A4, FILL_SPENT}}}, XDP_PASS, PN_REASON_CLEAN},
	{"by /64 in IPv6",
	 SYN6,
	 {.rate = true, .rates = {{A6_HOST, FILL_SPENT}}},
	 XDP_DROP,
	 PN_REASON_RATE},
	{"the next /64 is another source",
	 {.from = "2001:db8:1:3::7"},
	 {.rate = true, .rates = {{A6_HOST, FILL_SPENT}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"refused with an RST",
	 SYN4,
	 {.rate = true, .rates = {{A4, FILL_SPENT}}, .rate_action = PN_REFUSE},
	 XDP_TX,
	 PN_REASON_RATE},
	{"known sources have the same limit",
	 SYN4,
	 {.rate = true, .rates = {{A4, FILL_SPENT}}, .known = {{A4}}},
	 XDP_DROP,
	 PN_REASON_RATE},
	{"later packets of established connections are not judged by it",
	 ACK4,
	 {.rate = true, .rates = {{A4, FILL_SPENT}}},
	 XDP_PASS,
	 PN_REASON_FLOW},
	{"rates do not need a controller",
	 SYN4,
	 {.rate = true, .rates = {{A4, FILL_SPENT}}, .orphaned = true},
	 XDP_DROP,
	 PN_REASON_RATE},
	{"the rate of a network is not that of a source",
	 SYN4,
	 {.rate = true, .rates = {{A4_NET, FILL_SPENT}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
};
TABLE(rates)

static const struct row rates_of_networks_and_of_all[] = {
	{"the /24 is too fast",
	 SYN4,
	 {.network_rate = true, .rates = {{A4_NET, FILL_SPENT}}},
	 XDP_DROP,
	 PN_REASON_NETWORK_RATE},
	{"the /48 is too fast",
	 SYN6,
	 {.network_rate = true, .rates = {{A6_NET, FILL_SPENT}}},
	 XDP_DROP,
	 PN_REASON_NETWORK_RATE},
	{"the next /24 is another network",
	 {.from = "192.0.3.7"},
	 {.network_rate = true, .rates = {{A4_NET, FILL_SPENT}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"the network has credit",
	 SYN4,
	 {.network_rate = true, .rates = {{A4_NET, FILL_SOME}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"the known are exempt",
	 SYN4,
	 {.network_rate = true, .rates = {{A4_NET, FILL_SPENT}}, .known = {{A4}}},
	 XDP_PASS,
	 PN_REASON_KNOWN},
	{"who was known is not",
	 SYN4,
	 {.network_rate = true,
	  .rates = {{A4_NET, FILL_SPENT}},
	  .known = {{A4, .life = LIFE_EXPIRED}}},
	 XDP_DROP,
	 PN_REASON_NETWORK_RATE},
	{"all together are too fast",
	 SYN4,
	 {.total_rate = true, .total_fill = FILL_SPENT},
	 XDP_DROP,
	 PN_REASON_TOTAL_RATE},
	{"all together have credit",
	 SYN6,
	 {.total_rate = true, .total_fill = FILL_SOME},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"the known are not exempt from that",
	 SYN4,
	 {.total_rate = true, .total_fill = FILL_SPENT, .known = {{A4}}},
	 XDP_DROP,
	 PN_REASON_TOTAL_RATE},
	{"refused as rate is",
	 SYN4,
	 {.total_rate = true, .total_fill = FILL_SPENT, .rate_action = PN_REFUSE},
	 XDP_TX,
	 PN_REASON_TOTAL_RATE},
};
TABLE(rates_of_networks_and_of_all)

/* A SYN through the gate in state s; false when that failed. */
static bool run_syn(const struct state *s, const struct packet *p, struct result *r)
{
	static struct frame frame;

	frame_build(&frame, p);
	return rig_open() && (!s || rig_apply(s)) && rig_run(frame.bytes, frame.length, r);
}

static bool is_near(uint64_t is, uint64_t want)
{
	return is > want - NEAR_NS && is < want + NEAR_NS;
}

TEST(a_syn_charges_nothing)
{
	static const struct state s = {.rate = true, .network_rate = true, .total_rate = true};
	static struct result r;

	for (unsigned i = 0; i < 3 * RATE_BURST; i++) {
		ENSURE(run_syn(i ? NULL : &s, &(struct packet)SYN4, &r), "runs");
		EXPECT(r.verdict == XDP_PASS, "SYN %u of a forger changes nothing", i);
	}
	EXPECT(!rig_rate_of(A4) && !rig_rate_of(A4_NET) && !rig_total_arrival(),
	       "no rate was charged");
}

TEST(a_gateway_charges_at_the_syn)
{
	static const struct state s = {.rate = true,
				       .network_rate = true,
				       .total_rate = true,
				       .charge_syn = true,
				       .total_fill = FILL_SOME};
	static struct result r;
	uint64_t now = rig_now_ns(), total;

	ENSURE(run_syn(&s, &(struct packet)SYN6, &r), "runs");
	EXPECT(r.verdict == XDP_PASS, "the first passes");
	EXPECT(is_near(rig_rate_of(A6_HOST), now + RATE_INTERVAL_NS), "the source is charged");
	EXPECT(is_near(rig_rate_of(A6_NET), now + RATE_INTERVAL_NS), "its network is charged");
	EXPECT(is_near(rig_total_arrival(),
		       now + TOTAL_RATE_BURST * RATE_INTERVAL_NS - RATE_MARGIN_NS),
	       "all together are charged once");
	for (unsigned i = 1; i < RATE_BURST; i++) {
		ENSURE(run_syn(NULL, &(struct packet){.from = A6, .flags = TCP_ACK}, &r), "runs");
		EXPECT(r.verdict == XDP_PASS, "a later packet passes");
	}
	EXPECT(is_near(rig_rate_of(A6_HOST), now + RATE_INTERVAL_NS),
	       "later packets charge nothing");
	total = rig_total_arrival();
	ENSURE(run_syn(NULL, &(struct packet)SYN4, &r), "runs");
	EXPECT(r.verdict == XDP_DROP && r.reason == PN_REASON_TOTAL_RATE,
	       "the next is one too many: %s %s", verdict_text(r.verdict), reason_text(r.reason));
	EXPECT(!rig_rate_of(A4) && !rig_rate_of(A4_NET) && rig_total_arrival() == total,
	       "what does not pass is not charged");
}

TEST(a_gateway_limits_exactly)
{
	static const struct state s = {.rate = true, .charge_syn = true};
	static struct result r;
	unsigned passed = 0;

	for (unsigned i = 0; i < 4 * RATE_BURST; i++) {
		ENSURE(run_syn(i ? NULL : &s, &(struct packet)SYN4, &r), "runs");
		passed += r.verdict == XDP_PASS;
	}
	EXPECT(passed == RATE_BURST, "a burst of %d passes, not %u", RATE_BURST, passed);
	EXPECT(!rig_rate_of(A4_NET) && !rig_total_arrival(), "limits that are off charge nothing");
}

static void set_short_limit(struct pn_conf *c)
{
	c->rate.burst_ns = RATE_INTERVAL_NS;
}

TEST(a_changed_limit_clamps)
{
	static const struct state s = {
		.rate = true, .charge_syn = true, .rates = {{A4, FILL_SOME}}};
	static struct result r;
	uint64_t before;

	ENSURE(run_syn(&s, &(struct packet)SYN4, &r), "runs");
	EXPECT(r.verdict == XDP_PASS, "there was credit for one more");
	before = rig_rate_of(A4);
	ENSURE(rig_tune(set_short_limit), "the burst shrinks");
	ENSURE(run_syn(NULL, &(struct packet)SYN4, &r), "runs");
	EXPECT(r.verdict == XDP_DROP && r.reason == PN_REASON_RATE, "what was spent stays spent");
	EXPECT(rig_rate_of(A4) <= before, "what does not pass is not charged");
}

TEST(a_question_charges_nothing)
{
	static const struct state s = {
		.rate = true, .network_rate = true, .total_rate = true, .charge_syn = true};
	struct pn_why w;

	ENSURE(rig_open() && rig_apply(&s), "a gateway");
	for (unsigned i = 0; i < 3 * TOTAL_RATE_BURST; i++) {
		memset(&w, 0, sizeof(w));
		w.port = 25;
		prefix_read(A4, w.src, NULL);
		ENSURE(rig_why(&w), "pn_why answers");
		EXPECT(w.reason == PN_REASON_CLEAN && w.action == PN_PASS && w.would == PN_PASS,
		       "question %u: %s", i, reason_text((int)w.reason));
	}
	EXPECT(!rig_rate_of(A4) && !rig_rate_of(A4_NET) && !rig_total_arrival(),
	       "no rate was charged");
}
