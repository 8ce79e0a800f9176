/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No bypass: whatever a TCP segment to a policed port is wrapped in, a blocked source never gets a
 * pass, and whatever else comes along, even from there, is left alone.
 */
#include <string.h>

#include "table.h"

struct shape_row {
	const char *sentence;
	struct packet packet;
};

/* Frames that a listener here answers, or that this gate must at least not wave through. */
static const struct shape_row readable[] = {
	{"IPv4", {.from = A4}},
	{"IPv4 with a word of options", {.from = A4, .ip_options = 4}},
	{"IPv4 with all options", {.from = A4, .ip_options = 40}},
	{"IPv4 with TCP options and data", {.from = A4, .tcp_options = 40, .payload = 33}},
	{"IPv4, IP and TCP options", {.from = A4, .ip_options = 40, .tcp_options = 40}},
	{"IPv4 padded to the Ethernet minimum", {.from = A4, .pad = 6}},
	{"IPv4, a whole TCP header in a first fragment", {.from = A4, .more = true, .payload = 8}},
	{"IPv4 with AH", {.from = A4, .chain = "a"}},
	{"IPv4, 3000 bytes of data", {.from = A4, .payload = 3000}},
	{"IPv4, a jumbo frame", {.from = A4, .payload = 8000}},
	{"IPv6", {.from = A6}},
	{"IPv6 with TCP options and data", {.from = A6, .tcp_options = 40, .payload = 33}},
	{"hop-by-hop", {.from = A6, .chain = "h"}},
	{"hop-by-hop and a payload length of 0, which Linux answers",
	 {.from = A6, .chain = "h", .length_zero = true}},
	{"routing", {.from = A6, .chain = "r"}},
	{"destination options", {.from = A6, .chain = "d"}},
	{"AH", {.from = A6, .chain = "a"}},
	{"an atomic fragment", {.from = A6, .chain = "A"}},
	{"a first fragment with the whole header",
	 {.from = A6, .chain = "f", .more = true, .payload = 8}},
	{"all of them in the order of RFC 8200", {.from = A6, .chain = "hdrAad"}},
	{"eleven destination options", {.from = A6, .chain = "d", .chain_times = 11}},
	{"forty headers", {.from = A6, .chain = "rd", .chain_times = 20}},
	{"48 headers, as many as are followed", {.from = A6, .chain = "d", .chain_times = 48}},
	{"the longest header", {.from = A6, .chain = "D"}},
	{"two of the longest: TCP lies beyond a page", {.from = A6, .chain = "DD"}},
	{"and with data", {.from = A6, .chain = "DD", .payload = 1000}},
	{"long and short headers mixed", {.from = A6, .chain = "hDrAd", .payload = 10}},
	{"IPv6, a jumbo frame", {.from = A6, .payload = 8000}},
};

static const struct shape_row unreadable[] = {
	{"a later fragment", {.from = A4, .offset = 3, .l4_cut = 16}},
	{"the last of the largest packet", {.from = A4, .offset = 8191, .l4_cut = 7}},
	{"a later fragment that overlaps the TCP header", {.from = A4, .offset = 2, .more = true}},
	{"a later fragment of AH", {.from = A4, .chain = "a", .offset = 1, .l4_cut = 16}},
	{"a later IPv6 fragment", {.from = A6, .chain = "f", .offset = 3, .l4_cut = 16}},
	{"one that overlaps", {.from = A6, .chain = "f", .offset = 2, .more = true}},
	{"one behind other headers", {.from = A6, .chain = "hdrf", .offset = 9, .l4_cut = 16}},
	{"one inside a fragment", {.from = A6, .chain = "Af", .offset = 9, .l4_cut = 16}},
	{"one whose protocol lies in the first",
	 {.from = A6, .chain = "fd", .offset = 9, .l4_cut = 16}},
	{"the same with a routing header", {.from = A6, .chain = "fr", .offset = 1, .l4_cut = 16}},
	{"TCP's length field says 0", {.from = A4, .doff = LIE_ZERO}},
	{"it says 4", {.from = A4, .doff = 4}},
	{"it says 15 in a header of 5", {.from = A4, .doff = 15}},
	{"the same in IPv6", {.from = A6, .doff = 15}},
	{"the same behind headers", {.from = A6, .chain = "hd", .doff = 4}},
	{"IPv4's length field says 0", {.from = A4, .ihl = LIE_ZERO}},
	{"it says 4", {.from = A4, .ihl = 4}},
	{"it says 15 in a header of 5: beyond the packet", {.from = A4, .ihl = 15}},
	{"the total length ends in the IP header", {.from = A4, .length_lie = -35}},
	{"it is 0", {.from = A4, .length_zero = true}},
	{"the payload length is 0", {.from = A6, .length_zero = true}},
	{"the total length ends behind the IP header", {.from = A4, .length_lie = -20}},
	{"it ends inside the ports", {.from = A4, .length_lie = -18}},
	{"it ends one byte early", {.from = A4, .length_lie = -1}},
	{"the payload length ends inside the ports", {.from = A6, .length_lie = -18}},
	{"it ends one byte early", {.from = A6, .length_lie = -1}},
	{"it ends in the extension header", {.from = A6, .chain = "d", .length_lie = -22}},
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const uint16_t taggings[][FRAME_TAGS_MAX] = {
	{0},
	{TPID_8021Q},
	{TPID_8021AD},
	{TPID_8021AD, TPID_8021Q},
	{TPID_8021Q, TPID_8021Q},
	{TPID_8021AD, TPID_8021AD},
};

/* The ways in which an operator's drop covers A4 and A6. */
static const struct state drops[] = {
	{.rule = {{A4, PN_DROP, .always = true}, {A6, PN_DROP, .always = true}}},
	{.block = {{"192.0.2.0/24", PN_DROP, .always = true},
		   {"2001:db8::/32", PN_DROP, .always = true}}},
	{.block = ALL_ALWAYS(PN_DROP)},
	{.listed = {{A4, PN_DROP}, {"2001:db8:1:2::/64", PN_DROP}}},
	{.monitor = true, .rule = {{A4, PN_DROP, .always = true}, {A6, PN_DROP, .always = true}}},
};

/* Each row in each tagging and with each set of flags; fn tells whether it held. */
static void each_wrapping(const struct shape_row *rows, size_t count, uint16_t dport,
			  bool (*fn)(const char *sentence, const struct frame *f, bool is_syn))
{
	static struct frame frame;
	static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_ACK | TCP_PSH, TCP_RST};

	for (size_t i = 0; i < count; i++) {
		bool held = true; /* one line for each shape is enough */

		for (size_t k = 0; held && k < COUNT(taggings) * COUNT(flags); k++) {
			struct packet p = rows[i].packet;

			memcpy(p.tags, taggings[k / COUNT(flags)], sizeof(p.tags));
			p.flags = flags[k % COUNT(flags)];
			p.dport = dport;
			frame_build(&frame, &p);
			held = fn(rows[i].sentence, &frame, p.flags == TCP_SYN);
		}
	}
}

static struct result result;

static bool expect_drop(const char *sentence, const struct frame *f, bool is_syn)
{
	if (!rig_run(f->bytes, f->length, &result))
		return false;
	return EXPECT(result.verdict == XDP_DROP && result.counters == 1,
		      "%s, %s, %zu bytes in front of IP: want DROP, got %s %s", sentence,
		      is_syn ? "SYN" : "no SYN", f->ip, verdict_text(result.verdict),
		      reason_text(result.reason));
}

TEST(a_blocked_source_never_gets_a_pass)
{
	ENSURE(rig_open(), "the programs are loaded");
	for (size_t i = 0; i < COUNT(drops); i++) {
		ENSURE(rig_apply(&drops[i]), "state %zu", i);
		each_wrapping(readable, COUNT(readable), 25, expect_drop);
		each_wrapping(unreadable, COUNT(unreadable), 25, expect_drop);
	}
}

static bool expect_pass(const char *sentence, const struct frame *f, bool is_syn)
{
	struct outcome want = {.verdict = XDP_PASS,
			       .reason = is_syn ? PN_REASON_CLEAN : PN_REASON_FLOW,
			       .bytes = model_parse(f->bytes, f->length).bytes};

	return rig_run(f->bytes, f->length, &result) && rig_agrees(sentence, &result, &want, f);
}

static bool expect_refusal_of_syn(const char *sentence, const struct frame *f, bool is_syn)
{
	if (!rig_run(f->bytes, f->length, &result))
		return false;
	return EXPECT(
		is_syn ? result.verdict == XDP_TX || result.faults[PN_FAULT_REFUSE_FAILED] == 1
		       : result.verdict == XDP_PASS,
		"%s, %s, %zu bytes in front of IP: got %s %s", sentence, is_syn ? "SYN" : "no SYN",
		f->ip, verdict_text(result.verdict), reason_text(result.reason));
}

TEST(a_limit_sees_every_readable_syn)
{
	static const struct state s = {.block = {{"0.0.0.0/0", PN_REFUSE, .always = true},
						 {"::/0", PN_REFUSE, .always = true}}};

	ENSURE(rig_open() && rig_apply(&s), "everybody is refused");
	each_wrapping(readable, COUNT(readable), 25, expect_refusal_of_syn);
}

TEST(an_honest_source_passes_in_every_wrapping)
{
	static const struct state s = {.rule = {{"192.0.2.8", PN_DROP, .always = true}}};

	ENSURE(rig_open() && rig_apply(&s), "somebody else is blocked");
	each_wrapping(readable, COUNT(readable), 25, expect_pass);
}

static bool expect_left_alone(const char *sentence, const struct frame *f, bool is_syn)
{
	struct outcome want = {.verdict = XDP_PASS, .reason = REASON_NONE};

	(void)is_syn;
	return rig_run(f->bytes, f->length, &result) && rig_agrees(sentence, &result, &want, f);
}

TEST(other_ports_are_left_alone)
{
	static const struct state s = {.block = ALL_ALWAYS(PN_DROP)};

	ENSURE(rig_open() && rig_apply(&s), "everybody is blocked");
	each_wrapping(readable, COUNT(readable), 22, expect_left_alone);
	each_wrapping(readable, COUNT(readable), 587, expect_left_alone);
}

static const struct shape_row others[] = {
	{"UDP to port 25", {.from = A4, .protocol = PROTO_UDP}},
	{"UDP over IPv6", {.from = A6, .protocol = PROTO_UDP, .payload = 99}},
	{"UDP behind headers", {.from = A6, .protocol = PROTO_UDP, .chain = "hrdA"}},
	{"a first fragment of UDP", {.from = A4, .protocol = PROTO_UDP, .more = true}},
	{"a tiny one", {.from = A4, .protocol = PROTO_UDP, .more = true, .l4_cut = 8}},
	{"a later one", {.from = A4, .protocol = PROTO_UDP, .offset = 185}},
	{"one at offset 1", {.from = A4, .protocol = PROTO_UDP, .offset = 1}},
	{"a later IPv6 one", {.from = A6, .protocol = PROTO_UDP, .chain = "f", .offset = 185}},
	{"an IPv6 one at offset 1", {.from = A6, .protocol = PROTO_UDP, .chain = "f", .offset = 1}},
	{"UDP cut short", {.from = A4, .protocol = PROTO_UDP, .cut = 36}},
	{"UDP with a bad length", {.from = A4, .protocol = PROTO_UDP, .ihl = 3}},
	{"ping", {.from = A4, .protocol = PROTO_ICMP, .payload = 56}},
	{"ping over IPv6", {.from = A6, .protocol = PROTO_ICMPV6, .payload = 56}},
	{"neighbour discovery",
	 {.from = "fe80::1", .to = "ff02::1:ff00:25", .protocol = PROTO_ICMPV6, .payload = 24}},
	{"multicast listener report",
	 {.from = "fe80::1", .to = "ff02::16", .protocol = PROTO_ICMPV6, .chain = "h"}},
	{"ARP", {.from = A4, .type = TYPE_ARP}},
	{"IPv4 inside IPv4", {.from = A4, .protocol = 4}},
	{"IPv6 inside IPv4", {.from = A4, .protocol = 41}},
	{"GRE", {.from = A4, .protocol = 47}},
	{"SCTP to port 25", {.from = A4, .protocol = 132}},
	{"ESP", {.from = A6, .chain = "e"}},
	{"ESP over IPv4", {.from = A4, .protocol = 50}},
	{"no next header", {.from = A6, .chain = "n"}},
	{"mobility", {.from = A6, .chain = "m"}},
	{"an unknown protocol", {.from = A6, .protocol = 253}},
	{"an unknown EtherType", {.from = A4, .type = 0x88b5}},
	{"MACsec", {.from = A4, .type = 0x88e5}},
	{"LLC", {.from = A4, .type = 0x0040}},
	{"an RST from port 25", {.from = A4, .sport = 25, .dport = 40000, .flags = TCP_RST}},
};

TEST(other_traffic_is_left_alone)
{
	static const struct state s = {.block = ALL_ALWAYS(PN_DROP)};

	ENSURE(rig_open() && rig_apply(&s), "everybody is blocked");
	each_wrapping(others, COUNT(others) - 1, 25, expect_left_alone);
	each_wrapping(others + COUNT(others) - 1, 1, 40000, expect_left_alone);
}

/* Where the fixed header ends the source is known, and from there on nothing of a blocked one
 * passes. */
static void cut_everywhere(const struct shape_row *row, const uint16_t tags[FRAME_TAGS_MAX])
{
	static struct frame whole;
	struct packet p = row->packet;
	size_t fixed = strchr(p.from, ':') ? 40 : 20;

	memcpy(p.tags, tags, sizeof(p.tags));
	frame_build(&whole, &p);
	for (size_t length = FRAME_MIN; length <= whole.length; length++) {
		bool is_known = length >= whole.ip + fixed;

		if (!rig_run(whole.bytes, length, &result))
			return;
		if (!EXPECT(result.verdict == (is_known ? XDP_DROP : XDP_PASS),
			    "%s cut to %zu bytes, IP at %zu: got %s %s", row->sentence, length,
			    whole.ip, verdict_text(result.verdict), reason_text(result.reason)))
			return;
	}
}

TEST(truncated_at_every_byte)
{
	static const struct state s = {.block = ALL_ALWAYS(PN_DROP)};

	ENSURE(rig_open() && rig_apply(&s), "everybody is blocked");
	for (size_t i = 0; i < COUNT(readable); i++)
		if (readable[i].packet.payload < 100 && !strchr(readable[i].sentence, 'D'))
			for (size_t t = 0; t < COUNT(taggings); t++)
				cut_everywhere(&readable[i], taggings[t]);
	for (size_t i = 0; i < COUNT(unreadable); i++)
		cut_everywhere(&unreadable[i], taggings[i % COUNT(taggings)]);
}

TEST(a_cut_to_another_port_is_left_alone)
{
	static const struct state s = {.block = ALL_ALWAYS(PN_DROP)};
	static struct frame whole;

	ENSURE(rig_open() && rig_apply(&s), "everybody is blocked");
	frame_build(&whole, &(struct packet){.from = A4, .dport = 22});
	for (size_t length = whole.l4 + 4; length <= whole.length; length++) {
		ENSURE(rig_run(whole.bytes, length, &result), "runs");
		EXPECT(result.verdict == XDP_PASS && !result.counters, "port 22, cut to %zu bytes",
		       length);
	}
}

static const struct row crooked_fragments[] = {
	{"a first fragment of 8 bytes",
	 {.from = A4, .more = true, .l4_cut = 8},
	 {0},
	 XDP_DROP,
	 PN_REASON_FRAGMENT},
	{"of 16", {.from = A4, .more = true, .l4_cut = 16}, {0}, XDP_DROP, PN_REASON_FRAGMENT},
	{"of 19", {.from = A4, .more = true, .l4_cut = 19}, {0}, XDP_DROP, PN_REASON_FRAGMENT},
	{"of 20: that is all of the header",
	 {.from = A4, .more = true, .l4_cut = 20},
	 {0},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"of 1: the port cannot be read",
	 {.from = A4, .more = true, .l4_cut = 1},
	 {0},
	 XDP_DROP,
	 PN_REASON_FRAGMENT},
	{"of 8, IPv6",
	 {.from = A6, .chain = "f", .more = true, .l4_cut = 8},
	 {0},
	 XDP_DROP,
	 PN_REASON_FRAGMENT},
	{"of 8 behind headers",
	 {.from = A6, .chain = "hdfd", .more = true, .l4_cut = 8},
	 {0},
	 XDP_DROP,
	 PN_REASON_FRAGMENT},
	{"of 8, to another port",
	 {.from = A4, .more = true, .l4_cut = 8, .dport = 22},
	 {0},
	 XDP_PASS,
	 REASON_NONE},
	{"one that ends between two headers",
	 {.from = A6, .chain = "fdd", .more = true, .cut = 70},
	 {0},
	 XDP_DROP,
	 PN_REASON_FRAGMENT},
	{"one that ends between two headers, of a refused source, in monitor mode",
	 {.from = A6, .chain = "fdd", .more = true, .cut = 70},
	 {.monitor = true, .rule = {{A6, PN_REFUSE, .always = true}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"offset 1", {.from = A4, .offset = 1, .more = true}, {0}, XDP_DROP, PN_REASON_FRAGMENT},
	{"offset 1, the last", {.from = A4, .offset = 1}, {0}, XDP_DROP, PN_REASON_FRAGMENT},
	{"offset 1, IPv6",
	 {.from = A6, .chain = "f", .offset = 1},
	 {0},
	 XDP_DROP,
	 PN_REASON_FRAGMENT},
	{"offset 2 is an ordinary later fragment",
	 {.from = A4, .offset = 2},
	 {0},
	 XDP_PASS,
	 REASON_NONE},
	{"a later fragment of a refused source passes",
	 {.from = A4, .offset = 2},
	 {.rule = {{A4, PN_REFUSE, .always = true}}},
	 XDP_PASS,
	 REASON_NONE},
	{"an allowed source may send what it likes",
	 {.from = A4, .more = true, .l4_cut = 8},
	 {.allow = {{A4, PN_ALLOW}}},
	 XDP_PASS,
	 REASON_NONE},
	{"a trusted one may not",
	 {.from = A4, .more = true, .l4_cut = 8},
	 {.allow = {{A4, PN_TRUST}}},
	 XDP_DROP,
	 PN_REASON_FRAGMENT},
	{"a blocked one is dropped as blocked",
	 {.from = A4, .offset = 1},
	 {.rule = {{A4, PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"a refused one is dropped as refused: no RST fits",
	 {.from = A4, .more = true, .l4_cut = 8},
	 {.block = {{"192.0.2.0/24", PN_REFUSE, .always = true}}},
	 XDP_DROP,
	 PN_REASON_BLOCK},
	{"in monitor mode as well",
	 {.from = A6, .chain = "f", .offset = 1},
	 {.monitor = true, .block = {{"2001:db8::/32", PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_BLOCK},
};
TABLE(crooked_fragments)

static const struct row long_chains[] = {
	{"48 headers",
	 {.from = A6, .chain = "d", .chain_times = 48},
	 {0},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"49 headers",
	 {.from = A6, .chain = "d", .chain_times = 49},
	 {0},
	 XDP_DROP,
	 PN_REASON_CHAIN},
	{"100 headers",
	 {.from = A6, .chain = "rd", .chain_times = 50},
	 {0},
	 XDP_DROP,
	 PN_REASON_CHAIN},
	{"a chain in a first fragment",
	 {.from = A6, .chain = "frdrdrdrdrd", .chain_times = 5, .more = true},
	 {0},
	 XDP_DROP,
	 PN_REASON_CHAIN},
	{"of an allowed source",
	 {.from = A6, .chain = "d", .chain_times = 49},
	 {.allow = {{"2001:db8::/32", PN_ALLOW}}},
	 XDP_PASS,
	 REASON_NONE},
	{"of a blocked source",
	 {.from = A6, .chain = "d", .chain_times = 49},
	 {.rule = {{A6, PN_DROP, .always = true}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"of a refused source, in monitor mode",
	 {.from = A6, .chain = "d", .chain_times = 49},
	 {.monitor = true, .rule = {{A6, PN_REFUSE, .always = true}}},
	 XDP_DROP,
	 PN_REASON_RULE},
	{"a truncated one is judged by its source",
	 {.from = A6, .chain = "d", .chain_times = 49, .cut = 300},
	 {0},
	 XDP_PASS,
	 REASON_NONE},
};
TABLE(long_chains)

/*
 * Linux strips tags of VLAN 0 without any VLAN being configured, as many as there are, and answers
 * a SYN behind twenty of them: seen on 6.18.
 */
TEST(priority_tags_hide_nobody)
{
	static const struct state s = {.block = ALL_ALWAYS(PN_DROP)};
	static struct frame frame;

	ENSURE(rig_open() && rig_apply(&s), "everybody is blocked");
	for (unsigned tags = 1; tags < 1500; tags += 1 + tags / 16) {
		struct packet p = {.from = tags % 2 ? A4 : A6, .priority_tags = tags};

		frame_build(&frame, &p);
		ENSURE(rig_run(frame.bytes, frame.length, &result), "runs");
		ENSURE(result.verdict == XDP_DROP, "behind %u tags: got %s %s", tags,
		       verdict_text(result.verdict), reason_text(result.reason));
	}
}
