/* SPDX-License-Identifier: BSD-2-Clause */
/* Watching and enforcing: who obeys the mode, and what a mode that has ended leaves behind. */

#include "table.h"

static const struct row monitor_obeys_the_operator[] = {
	{"his rule drops",
	 SYN4,
	 {.monitor = true, .rule = {{A4, PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"his rule refuses",
	 SYN6,
	 {.monitor = true, .rule = {{A6, PN_REFUSE, .always = true}}},
	 XDP_TX,
	 PN_REASON_RULE},
	{"his prefix drops",
	 SYN6,
	 {.monitor = true, .block = {{A6_NET, PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_BLOCK},
	{"later packets too",
	 ACK4,
	 {.monitor = true, .block = {{A4_NET, PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_BLOCK},
	{"his allow holds",
	 SYN4,
	 {.monitor = true, .allow = {{A4, PN_ALLOW}}, .block = {{A4_NET, PN_DROP, .always = true}}},
	 XDP_PASS,
	 PN_REASON_ALLOWED},
	{"the always of a longer prefix decides, not that of a shorter",
	 SYN4,
	 {.monitor = true, .block = {{A4_NET, PN_DROP}, {"192.0.0.0/16", PN_DROP, .always = true}}},
	 XDP_PASS,
	 PN_REASON_BLOCK,
	 WOULD},
};
TABLE(monitor_obeys_the_operator)

static const struct row monitor_only_counts_the_rest[] = {
	{"a feed's address",
	 SYN4,
	 {.monitor = true, .rule = {{A4, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_RULE,
	 WOULD},
	{"a feed's prefix",
	 SYN4,
	 {.monitor = true, .block = {{A4_NET, PN_REFUSE}}},
	 XDP_PASS,
	 PN_REASON_BLOCK,
	 WOULD},
	{"a later packet from there",
	 ACK4,
	 {.monitor = true, .block = {{A4_NET, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_BLOCK,
	 WOULD},
	{"a verdict",
	 SYN4,
	 {.monitor = true, .listed = {{A4, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_LISTED,
	 WOULD},
	{"a promoted verdict",
	 SYN6,
	 {.monitor = true, .listed = {{A6_NET, PN_REFUSE}}},
	 XDP_PASS,
	 PN_REASON_LISTED,
	 WOULD},
	{"open",
	 SYN4,
	 {.monitor = true, .open = {{A4, 3}}, .open_max = 3},
	 XDP_PASS,
	 PN_REASON_OPEN,
	 WOULD},
	{"total_open",
	 SYN4,
	 {.monitor = true, .total_open = 90, .total_open_max = 100},
	 XDP_PASS,
	 PN_REASON_TOTAL_OPEN,
	 WOULD},
	{"rate",
	 SYN4,
	 {.monitor = true, .rate = true, .rates = {{A4, FILL_SPENT}}, .rate_action = PN_REFUSE},
	 XDP_PASS,
	 PN_REASON_RATE,
	 WOULD},
	{"network_rate",
	 SYN4,
	 {.monitor = true, .network_rate = true, .rates = {{A4_NET, FILL_SPENT}}},
	 XDP_PASS,
	 PN_REASON_NETWORK_RATE,
	 WOULD},
	{"total_rate",
	 SYN4,
	 {.monitor = true, .total_rate = true, .total_fill = FILL_SPENT},
	 XDP_PASS,
	 PN_REASON_TOTAL_RATE,
	 WOULD},
	{"only",
	 SYN4,
	 {.monitor = true, .ports = {{25, PN_CLASS_MX, true}}},
	 XDP_PASS,
	 PN_REASON_ONLY,
	 WOULD},
	{"a mapped source",
	 {.from = "::ffff:192.0.2.7"},
	 {.monitor = true},
	 XDP_PASS,
	 PN_REASON_MAPPED,
	 WOULD},
	{"a chain without end",
	 {.from = A6, .chain = "d", .chain_times = 60},
	 {.monitor = true},
	 XDP_PASS,
	 PN_REASON_CHAIN,
	 WOULD},
	{"a tiny fragment",
	 {.from = A4, .more = true, .l4_cut = 8},
	 {.monitor = true},
	 XDP_PASS,
	 PN_REASON_FRAGMENT,
	 WOULD},
	{"a fragment at offset 1",
	 {.from = A4, .offset = 1},
	 {.monitor = true},
	 XDP_PASS,
	 PN_REASON_FRAGMENT,
	 WOULD},
	{"what stands against nobody", SYN4, {.monitor = true}, XDP_PASS, PN_REASON_CLEAN},
};
TABLE(monitor_only_counts_the_rest)

static const struct row enforce_does_what_it_judges[] = {
	{"a feed's address", SYN4, {.rule = {{A4, PN_DROP}}}, XDP_DROP, PN_REASON_RULE},
	{"a feed's prefix", SYN4, {.block = {{A4_NET, PN_REFUSE}}}, XDP_TX, PN_REASON_BLOCK},
	{"a mapped source", {.from = "::ffff:192.0.2.7"}, {0}, XDP_DROP, PN_REASON_MAPPED},
	{"a later packet of one",
	 {.from = "::ffff:192.0.2.7", .flags = TCP_ACK},
	 {0},
	 XDP_DROP,
	 PN_REASON_MAPPED},
	{"a mapped source that is blocked",
	 {.from = "::ffff:192.0.2.7"},
	 {.rule = {{A4, PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"even one that would be refused",
	 {.from = "::ffff:192.0.2.7"},
	 {.rule = {{A4, PN_REFUSE, .always = true}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"a mapped source to another port",
	 {.from = "::ffff:192.0.2.7", .dport = 22},
	 {0},
	 XDP_PASS,
	 REASON_NONE},
	{"an IPv6 source next to the mapped ones",
	 {.from = "::fffe:192.0.2.7"},
	 {0},
	 XDP_PASS,
	 PN_REASON_CLEAN},
};
TABLE(enforce_does_what_it_judges)

static void set_never(struct pn_conf *c)
{
	c->enforce_until = 0;
	c->alive_until = 0;
}

static void set_forever(struct pn_conf *c)
{
	c->enforce_until = PN_FOREVER;
	c->alive_until = PN_FOREVER;
}

TEST(never_and_forever)
{
	static const struct state s = {
		.open = {{A4, 3}}, .open_max = 3, .listed = {{A6_NET, PN_DROP}}};
	static struct frame open, listed;
	static struct result r;

	frame_build(&open, &(struct packet)SYN4);
	frame_build(&listed, &(struct packet)SYN6);
	ENSURE(rig_open() && rig_apply(&s) && rig_tune(set_never), "a state of its own");
	ENSURE(rig_run(open.bytes, open.length, &r), "runs");
	EXPECT(r.verdict == XDP_PASS && r.reason == PN_REASON_CLEAN, "0: open is not judged");
	ENSURE(rig_run(listed.bytes, listed.length, &r), "runs");
	EXPECT(r.verdict == XDP_PASS && r.reason == PN_REASON_LISTED && r.would, "0: monitor");
	ENSURE(rig_tune(set_forever), "the other end");
	ENSURE(rig_run(open.bytes, open.length, &r), "runs");
	EXPECT(r.verdict == XDP_DROP && r.reason == PN_REASON_OPEN, "PN_FOREVER: open is judged");
	ENSURE(rig_run(listed.bytes, listed.length, &r), "runs");
	EXPECT(r.verdict == XDP_DROP && r.reason == PN_REASON_LISTED, "PN_FOREVER: enforce");
}
