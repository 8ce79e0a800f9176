/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds and bans: where they stand in the order, whom they are for, and what obeys the mode. */

#include "table.h"

#define PORTS_BOTH                                                                                 \
	{                                                                                          \
		{25, PN_CLASS_MX, false}, {587, PN_CLASS_SUBMISSION, false},                       \
	}

static const struct row feeds_are_judged[] = {
	{"an address in a feed is dropped",
	 SYN4,
	 {.feed = {{A4, PN_DROP}}},
	 XDP_DROP,
	 PN_REASON_FEED},
	{"refused where the feed says so",
	 SYN4,
	 {.feed = {{A4, PN_REFUSE}}},
	 XDP_TX,
	 PN_REASON_FEED},
	{"its neighbour is not in it",
	 {.from = "192.0.2.8"},
	 {.feed = {{A4, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"a prefix in a feed", SYN4, {.feed = {{A4_NET, PN_DROP}}}, XDP_DROP, PN_REASON_FEED},
	{"an IPv6 prefix", SYN6, {.feed = {{A6_NET, PN_DROP}}}, XDP_DROP, PN_REASON_FEED},
	{"an IPv6 address", SYN6, {.feed = {{A6, PN_DROP}}}, XDP_DROP, PN_REASON_FEED},
	{"::/0 covers no IPv4", SYN4, {.feed = {{"::/0", PN_DROP}}}, XDP_PASS, PN_REASON_CLEAN},
	{"nor 0.0.0.0/0 IPv6", SYN6, {.feed = {{"0.0.0.0/0", PN_DROP}}}, XDP_PASS, PN_REASON_CLEAN},
	{"an address lies behind three full lines",
	 SYN4,
	 {.feed_crowded = true, .feed = {{A4, PN_DROP}}},
	 XDP_DROP,
	 PN_REASON_FEED},
	{"and who is not there is not found there",
	 {.from = "192.0.2.8"},
	 {.feed_crowded = true, .feed = {{A4, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"the feed of the address comes before that of its network",
	 SYN4,
	 {.feed = {{A4_NET, PN_DROP}, {A4, PN_REFUSE}}},
	 XDP_TX,
	 PN_REASON_FEED},
	{"the longest prefix decides",
	 SYN4,
	 {.feed = {{"192.0.0.0/16", PN_DROP}, {A4_NET, PN_REFUSE}}},
	 XDP_TX,
	 PN_REASON_FEED},
	{"a feed covers later packets", ACK4, {.feed = {{A4, PN_DROP}}}, XDP_DROP, PN_REASON_FEED},
	{"of a prefix too", ACK6, {.feed = {{A6_NET, PN_DROP}}}, XDP_DROP, PN_REASON_FEED},
	{"one that refuses does not", ACK4, {.feed = {{A4, PN_REFUSE}}}, XDP_PASS, PN_REASON_FLOW},
	{"a feed is for submission too",
	 {.from = A4, .dport = 587},
	 {.ports = PORTS_BOTH, .feed = {{A4, PN_DROP}}},
	 XDP_DROP,
	 PN_REASON_FEED,
	 .class_ = PN_CLASS_SUBMISSION},
};
TABLE(feeds_are_judged)

static const struct row feeds_have_their_place[] = {
	{"a rule comes before a feed",
	 SYN4,
	 {.rule = REFUSE_ALWAYS(A4), .feed = {{A4, PN_DROP}}},
	 XDP_TX,
	 PN_REASON_RULE},
	{"a blocked prefix too",
	 SYN4,
	 {.block = REFUSE_ALWAYS(A4_NET), .feed = {{A4, PN_DROP}}},
	 XDP_TX,
	 PN_REASON_BLOCK},
	{"a feed comes before a verdict",
	 SYN4,
	 {.feed = {{A4_NET, PN_DROP}}, .listed = {{A4, PN_REFUSE}}},
	 XDP_DROP,
	 PN_REASON_FEED},
	{"and before a ban",
	 SYN4,
	 {.feed = {{A4, PN_REFUSE}}, .listed = {{A4, PN_DROP, .banned = true}}},
	 XDP_TX,
	 PN_REASON_FEED},
	{"allow beats a feed",
	 SYN4,
	 {.allow = {{A4, PN_ALLOW}}, .feed = {{A4, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_ALLOWED},
	{"trust does not",
	 SYN4,
	 {.allow = {{A4, PN_TRUST}}, .feed = {{A4, PN_DROP}}},
	 XDP_DROP,
	 PN_REASON_FEED},
	{"nor for later packets",
	 ACK4,
	 {.allow = {{A4, PN_TRUST}}, .feed = {{A4, PN_DROP}}},
	 XDP_DROP,
	 PN_REASON_FEED},
	{"a feed obeys the mode",
	 SYN4,
	 {.monitor = true, .feed = {{A4, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_FEED,
	 WOULD},
	{"unless it says always",
	 SYN4,
	 {.monitor = true, .feed = {{A4, PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_FEED},
	{"each feed for itself",
	 SYN6,
	 {.monitor = true, .feed = {{A4, PN_DROP, .always = true}, {A6_NET, PN_DROP}}},
	 XDP_PASS,
	 PN_REASON_FEED,
	 WOULD},
};
TABLE(feeds_have_their_place)

static const struct row bans_are_judged[] = {
	{"a banned source",
	 SYN4,
	 {.listed = {{A4, PN_DROP, .banned = true}}},
	 XDP_DROP,
	 PN_REASON_BANNED},
	{"for its later packets too",
	 ACK4,
	 {.listed = {{A4, PN_DROP, .banned = true}}},
	 XDP_DROP,
	 PN_REASON_BANNED},
	{"a banned /64",
	 SYN6,
	 {.listed = {{A6_HOST, PN_DROP, .banned = true}}},
	 XDP_DROP,
	 PN_REASON_BANNED},
	{"a banned network",
	 SYN4,
	 {.listed = {{A4_NET, PN_DROP, .banned = true}}},
	 XDP_DROP,
	 PN_REASON_BANNED},
	{"whose known sources are exempt",
	 SYN4,
	 {.listed = {{A4_NET, PN_DROP, .banned = true}}, .known = {{A4}}},
	 XDP_PASS,
	 PN_REASON_KNOWN},
	{"a ban is for submission as well",
	 {.from = A4, .dport = 587},
	 {.ports = PORTS_BOTH, .listed = {{A4, PN_DROP, .banned = true}}},
	 XDP_DROP,
	 PN_REASON_BANNED,
	 .class_ = PN_CLASS_SUBMISSION},
	{"a trusted source is never held to one",
	 SYN4,
	 {.allow = {{A4, PN_TRUST}}, .listed = {{A4, PN_DROP, .banned = true}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"nor its later packets",
	 ACK4,
	 {.allow = {{A4, PN_TRUST}}, .listed = {{A4, PN_DROP, .banned = true}}},
	 XDP_PASS,
	 PN_REASON_FLOW},
	{"a ban that ended",
	 SYN4,
	 {.listed = {{A4, PN_DROP, LIFE_EXPIRED, .banned = true}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"monitor mode counts it",
	 SYN4,
	 {.monitor = true, .listed = {{A4, PN_DROP, .banned = true}}},
	 XDP_PASS,
	 PN_REASON_BANNED,
	 WOULD},
};
TABLE(bans_are_judged)

/* What a feed decided, or would have, is counted for it, and for no other. */
TEST(hits_are_counted_by_feed)
{
	static const struct state acting = {.feed = {{A6, PN_DROP}, {A4_NET, PN_DROP}}};
	static const struct state watching = {.monitor = true,
					      .feed = {{A6, PN_DROP}, {A4_NET, PN_DROP}}};
	static struct frame frame;
	static struct result r;
	uint64_t other, own;

	frame_build(&frame, &(struct packet)SYN4);
	ENSURE(rig_open(), "loaded");
	other = rig_feed_hits(0);
	own = rig_feed_hits(1);
	ENSURE(rig_apply(&acting) && rig_run(frame.bytes, frame.length, &r), "runs");
	ENSURE(rig_apply(&watching) && rig_run(frame.bytes, frame.length, &r), "runs");
	EXPECT(rig_feed_hits(1) == own + 2, "two packets more, not %llu",
	       (unsigned long long)(rig_feed_hits(1) - own));
	EXPECT(rig_feed_hits(0) == other, "none of the other feed");
}
