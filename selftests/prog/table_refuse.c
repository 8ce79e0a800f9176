/* SPDX-License-Identifier: BSD-2-Clause */
/* The RST of `refuse`, byte for byte, and what becomes of it when there is no budget or no room. */

#include "table.h"

#define SEQ  0x25a5c3f1
#define LAST 0xffffffff

static const struct state refused = {
	.block = {{"0.0.0.0/0", PN_REFUSE, .always = true}, {"::/0", PN_REFUSE, .always = true}}};

struct reset_row {
	const char *sentence;
	struct packet packet;
};

static struct result result;

static void check_reset(const struct reset_row *row)
{
	static struct frame in, want;

	frame_build(&in, &row->packet);
	frame_build_reset(&want, &in, row->packet.payload);
	if (!rig_run(in.bytes, in.length, &result))
		return;
	if (!EXPECT(result.verdict == XDP_TX && result.counters == 1 &&
			    result.reason == PN_REASON_BLOCK,
		    "%s: want TX block, got %s %s", row->sentence, verdict_text(result.verdict),
		    reason_text(result.reason)))
		return;
	if (EXPECT(frame_differ(&result.out, &want) < 0, "%s: differs at byte %d", row->sentence,
		   frame_differ(&result.out, &want)))
		return;
	frame_print("SYN", in.bytes, in.length < 128 ? in.length : 128);
	frame_print("want", want.bytes, want.length);
	frame_print("got", result.out.bytes, result.out.length < 128 ? result.out.length : 128);
}

TEST(the_reset_byte_for_byte)
{
	static const struct reset_row rows[] = {
		{"IPv4", {.from = A4, .seq = SEQ}},
		{"IPv6", {.from = A6, .seq = SEQ}},
		{"the acknowledgement wraps", {.from = A4, .seq = LAST}},
		{"with data", {.from = A4, .seq = SEQ, .payload = 17}},
		{"with data, IPv6", {.from = A6, .seq = LAST, .payload = 1200}},
		{"with TCP options", {.from = A4, .seq = SEQ, .tcp_options = 20}},
		{"with TCP options and data",
		 {.from = A6, .seq = SEQ, .tcp_options = 40, .payload = 7}},
		{"with IP options", {.from = A4, .seq = SEQ, .ip_options = 24}},
		{"with all the options there can be",
		 {.from = A4, .seq = SEQ, .ip_options = 40, .tcp_options = 40, .payload = 100}},
		{"behind a VLAN tag", {.from = A4, .seq = SEQ, .tags = {TPID_8021Q}}},
		{"behind two",
		 {.from = A4, .seq = SEQ, .tags = {TPID_8021AD, TPID_8021Q}, .payload = 3}},
		{"IPv6 behind two", {.from = A6, .seq = SEQ, .tags = {TPID_8021Q, TPID_8021Q}}},
		{"behind destination options", {.from = A6, .seq = SEQ, .chain = "d"}},
		{"behind all the headers",
		 {.from = A6, .seq = SEQ, .chain = "hdrAad", .payload = 5}},
		{"behind 48 headers and two tags",
		 {.from = A6,
		  .seq = SEQ,
		  .chain = "d",
		  .chain_times = 48,
		  .tags = {TPID_8021AD, TPID_8021Q}}},
		{"padding is no data", {.from = A4, .seq = SEQ, .pad = 6}},
		{"nor is that of IPv6", {.from = A6, .seq = SEQ, .pad = 100}},
		{"from other ports", {.from = A4, .seq = SEQ, .sport = 1, .dport = 25}},
		{"sums that carry twice",
		 {.from = "255.255.255.254",
		  .to = "255.255.255.253",
		  .seq = 0xfffffffe,
		  .sport = 65535}},
		{"IPv6 of all ones",
		 {.from = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
		  .to = "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  .seq = 0xfffffffe,
		  .sport = 65535}},
		{"SYN with FIN is a SYN", {.from = A4, .seq = SEQ, .flags = TCP_SYN | TCP_FIN}},
	};

	ENSURE(rig_open() && rig_apply(&refused), "everybody is refused");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_reset(&rows[i]);
}

TEST(checksums_of_many_resets)
{
	static const char *const from[] = {"192.0.2.7", "10.0.0.255", "2001:db8::ff00",
					   "fd00::1:0"};
	static struct reset_row row = {"one of many"};

	ENSURE(rig_open() && rig_apply(&refused), "everybody is refused");
	for (uint32_t i = 0; i < 4096 && !tap_failed; i++) {
		row.packet.from = from[i % 4];
		row.packet.seq = i * 2654435761U;
		row.packet.sport = (uint16_t)(1 + i * 40503U % 65535);
		row.packet.payload = (uint16_t)(i % 97);
		check_reset(&row);
	}
}

TEST(the_budget_of_resets)
{
	static struct state s;
	static struct frame frame;
	static const unsigned budget = 3;

	s = refused;
	s.refuse_budget = budget;
	ENSURE(rig_open() && rig_apply(&s), "a budget of %u", budget);
	for (unsigned i = 0; i < 2 * budget; i++) {
		bool fits = i < budget;

		frame_build(&frame, &(struct packet){.from = i % 2 ? A4 : A6});
		ENSURE(rig_run(frame.bytes, frame.length, &result), "runs");
		EXPECT(result.verdict == (fits ? XDP_TX : XDP_DROP) &&
			       result.reason == PN_REASON_BLOCK && result.counters == 1 &&
			       result.faults[PN_FAULT_REFUSE_CAPPED] == !fits,
		       "refusal %u of %u: got %s %s, fault %llu", i + 1, budget,
		       verdict_text(result.verdict), reason_text(result.reason),
		       (unsigned long long)result.faults[PN_FAULT_REFUSE_CAPPED]);
	}
	s.monitor = true;
	s.block[0].always = false;
	ENSURE(rig_apply(&s), "the same in monitor mode, with a new budget");
	for (unsigned i = 0; i < 2 * budget; i++) {
		frame_build(&frame, &(struct packet){.from = A4});
		ENSURE(rig_run(frame.bytes, frame.length, &result), "runs");
		EXPECT(result.verdict == XDP_PASS && result.would, "only counted");
	}
	frame_build(&frame, &(struct packet){.from = A6});
	ENSURE(rig_run(frame.bytes, frame.length, &result), "runs");
	EXPECT(result.verdict == XDP_TX, "what is only counted uses no budget up");
}

TEST(no_reset_fits)
{
	static const struct reset_row rows[] = {
		{"TCP lies beyond a page", {.from = A6, .chain = "DD"}},
		{"a jumbo frame", {.from = A4, .payload = 8000}},
		{"a jumbo frame, IPv6", {.from = A6, .payload = 6000}},
	};
	static struct frame in, want;

	ENSURE(rig_open() && rig_apply(&refused), "everybody is refused");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		frame_build(&in, &rows[i].packet);
		frame_build_reset(&want, &in, rows[i].packet.payload);
		ENSURE(rig_run(in.bytes, in.length, &result), "runs");
		if (result.verdict == XDP_TX)
			EXPECT(frame_differ(&result.out, &want) < 0, "%s: a wrong RST",
			       rows[i].sentence);
		else
			EXPECT(result.verdict == XDP_DROP &&
				       result.faults[PN_FAULT_REFUSE_FAILED] == 1,
			       "%s: dropped and told, got %s", rows[i].sentence,
			       verdict_text(result.verdict));
	}
}
