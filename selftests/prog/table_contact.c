/* SPDX-License-Identifier: BSD-2-Clause */
/* First contact: who is held, which SYN is a repeat, and what the controller is asked. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "table.h"

#define HOLD .contact = PN_CONTACT_HOLD
#define PORTS_ALL                                                                                  \
	{                                                                                          \
		{25, PN_CLASS_MX, false}, {465, PN_CLASS_SUBMISSION, false},                       \
			{587, PN_CLASS_SUBMISSION, false},                                         \
	}

static const struct row who_is_a_stranger[] = {
	{"a stranger's first SYN is held", SYN4, {HOLD}, XDP_DROP, PN_REASON_HELD},
	{"with IPv6 too", SYN6, {HOLD}, XDP_DROP, PN_REASON_HELD},
	{"one that asks for ECN",
	 {.from = A4, .flags = TCP_SYN | TCP_ECE | TCP_CWR},
	 {HOLD},
	 XDP_DROP,
	 PN_REASON_HELD},
	{"watched, he comes in", SYN4, {.contact = PN_CONTACT_WATCH}, XDP_PASS, PN_REASON_STRANGER},
	{"with `pass` too", SYN6, {.contact = PN_CONTACT_PASS}, XDP_PASS, PN_REASON_STRANGER},
	{"without zones nobody is a stranger", SYN4, {0}, XDP_PASS, PN_REASON_CLEAN},
	{"who is known comes in", SYN4, {HOLD, .known = {{A4}}}, XDP_PASS, PN_REASON_KNOWN},
	{"with any address of a known /64",
	 SYN6,
	 {HOLD, .known = {{A6_HOST, .life = LIFE_LIVE}}},
	 XDP_PASS,
	 PN_REASON_KNOWN},
	{"who was known is a stranger again",
	 SYN4,
	 {HOLD, .known = {{A4, .life = LIFE_EXPIRED}}},
	 XDP_DROP,
	 PN_REASON_HELD},
	{"his neighbour is one",
	 {.from = "192.0.2.8"},
	 {HOLD, .known = {{A4}}},
	 XDP_DROP,
	 PN_REASON_HELD},
	{"who is allowed is not asked about",
	 SYN4,
	 {HOLD, .allow = {{A4_NET, PN_ALLOW}}},
	 XDP_PASS,
	 PN_REASON_ALLOWED},
	{"nor who is trusted",
	 SYN6,
	 {HOLD, .allow = {{A6_NET, PN_TRUST}}},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"whose trust has ended is",
	 SYN4,
	 {HOLD, .allow = {{A4, PN_TRUST, .life = LIFE_EXPIRED}}},
	 XDP_DROP,
	 PN_REASON_HELD},
	{"at 587 nobody is held",
	 {.from = A4, .dport = 587},
	 {HOLD, .ports = PORTS_ALL},
	 XDP_PASS,
	 PN_REASON_CLEAN,
	 .class_ = PN_CLASS_SUBMISSION},
	{"nor watched",
	 {.from = A4, .dport = 465},
	 {.contact = PN_CONTACT_WATCH, .ports = PORTS_ALL},
	 XDP_PASS,
	 PN_REASON_CLEAN,
	 .class_ = PN_CLASS_SUBMISSION},
	{"without a controller nobody is held",
	 SYN4,
	 {HOLD, .orphaned = true},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"nor watched",
	 SYN4,
	 {.contact = PN_CONTACT_WATCH, .orphaned = true},
	 XDP_PASS,
	 PN_REASON_CLEAN},
	{"monitor mode lets in whom it would hold",
	 SYN4,
	 {HOLD, .monitor = true},
	 XDP_PASS,
	 PN_REASON_HELD,
	 WOULD},
	{"a later packet is not held", ACK4, {HOLD}, XDP_PASS, PN_REASON_FLOW},
	{"a verdict comes before",
	 SYN4,
	 {HOLD, .listed = {{A4, PN_REFUSE}}},
	 XDP_TX,
	 PN_REASON_LISTED},
	{"a limit too",
	 SYN4,
	 {HOLD, .rate = true, .rates = {{A4, FILL_SPENT}}},
	 XDP_DROP,
	 PN_REASON_RATE},
};
TABLE(who_is_a_stranger)

static const struct row which_syn_is_a_repeat[] = {
	{"after a second it is, and comes in",
	 SYN4,
	 {HOLD, .wait = WAIT_DUE},
	 XDP_PASS,
	 PN_REASON_STRANGER},
	{"at once it is a copy", SYN4, {HOLD, .wait = WAIT_YOUNG}, XDP_DROP, PN_REASON_HELD},
	{"after long it is a new one", SYN6, {HOLD, .wait = WAIT_OLD}, XDP_DROP, PN_REASON_HELD},
	{"monitor mode does not look",
	 SYN4,
	 {HOLD, .monitor = true, .wait = WAIT_DUE},
	 XDP_PASS,
	 PN_REASON_HELD,
	 WOULD},
	{"the last one in the budget is held",
	 SYN4,
	 {HOLD, .hold_budget = 1},
	 XDP_DROP,
	 PN_REASON_HELD},
	{"with none left he comes in, watched",
	 SYN4,
	 {HOLD, .hold_budget = 1, .hold_spent = true},
	 XDP_PASS,
	 PN_REASON_STRANGER},
	{"his copies are dropped without it",
	 SYN4,
	 {HOLD, .hold_budget = 1, .hold_spent = true, .wait = WAIT_YOUNG},
	 XDP_DROP,
	 PN_REASON_HELD},
};
TABLE(which_syn_is_a_repeat)

/* ---- one after another, and what is asked ---- */

#define ASKS_MOST	  16
#define ASKS_IN_RING_MOST 131072	       /* several times as many as it has room for */
#define NEAR_NS		  (60ULL * 1000000000) /* more than a test takes on a slow machine */

static struct {
	struct ring_buffer *ring;
	struct pn_ask ask[ASKS_MOST];
	unsigned count;
} asked;

static struct frame frame;
static struct result result;

static int keep(void *context, void *data, size_t size)
{
	(void)context;
	if (EXPECT(size == sizeof(struct pn_ask), "an ask has %zu bytes", size) &&
	    asked.count < ASKS_MOST)
		memcpy(&asked.ask[asked.count++], data, size);
	return 0;
}

static unsigned read_asks(void)
{
	asked.count = 0;
	ring_buffer__consume(asked.ring);
	return asked.count;
}

static bool begin(const struct state *s)
{
	if (!rig_open() || !rig_apply(s))
		return false;
	if (!asked.ring)
		asked.ring = ring_buffer__new(rig_map_fd("pn_asks"), keep, NULL, NULL);
	if (!EXPECT(asked.ring, "the ring opens"))
		return false;
	read_asks();
	return true;
}

static bool is_run(const struct packet *p, int verdict, int reason)
{
	frame_build(&frame, p);
	return rig_run(frame.bytes, frame.length, &result) &&
	       EXPECT(result.verdict == verdict && result.reason == reason && result.counters == 1,
		      "want %s %s, got %s %s, %u counters", verdict_text(verdict),
		      reason_text(reason), verdict_text(result.verdict), reason_text(result.reason),
		      result.counters);
}

/* All SYNs that wait are so much older. How many there are. */
static unsigned let_pass(uint64_t ns)
{
	struct pn_wait *wait = rig_wait();
	unsigned count = 0;

	for (unsigned i = 0; i < PN_WAIT_CELLS; i++) {
		if (!wait[i].held_ns)
			continue;
		wait[i].held_ns -= ns < wait[i].held_ns ? ns : wait[i].held_ns;
		count++;
	}
	return count;
}

static void check_ask(const struct packet *p, uint16_t dport)
{
	const struct pn_ask *a = &asked.ask[0];
	uint8_t source[16], target[16];
	uint64_t now = rig_boot_ns();

	prefix_read(p->from, source, NULL);
	prefix_read(p->to, target, NULL);
	EXPECT(!memcmp(a->src, source, 16) && !memcmp(a->dst, target, 16), "its addresses");
	EXPECT(a->sport == p->sport && a->dport == dport, "its ports: %u, %u", a->sport, a->dport);
	EXPECT(a->flags == 0 && a->netns == 0, "not proven: %u, %llu", a->flags,
	       (unsigned long long)a->netns);
	EXPECT(a->time <= now && a->time + NEAR_NS > now, "its time");
}

static void check_first_contact(const struct packet *p)
{
	static const struct state s = {HOLD};
	struct packet other = *p;

	ENSURE(begin(&s) && is_run(p, XDP_DROP, PN_REASON_HELD), "the first SYN");
	ENSURE(read_asks() == 1, "%u asks", asked.count);
	check_ask(p, 25);
	ENSURE(is_run(p, XDP_DROP, PN_REASON_HELD) && is_run(p, XDP_DROP, PN_REASON_HELD),
	       "copies");
	EXPECT(read_asks() == 0, "a copy asks nothing");
	EXPECT(let_pass(PN_WAIT_LEAST_NS) == 1, "one cell waits");
	ENSURE(is_run(p, XDP_PASS, PN_REASON_STRANGER), "its repeat");
	other.flags = TCP_SYN | TCP_ECE | TCP_CWR;
	ENSURE(is_run(&other, XDP_PASS, PN_REASON_STRANGER), "with other flags it is one too");
	other = *p;
	other.seq++;
	ENSURE(is_run(&other, XDP_DROP, PN_REASON_HELD) && read_asks() == 1,
	       "another sequence number");
	other = *p;
	other.sport++;
	ENSURE(is_run(&other, XDP_DROP, PN_REASON_HELD) && read_asks() == 1, "another port");
	EXPECT(let_pass(PN_WAIT_MOST_NS) == 3, "each in a cell of its own");
	ENSURE(is_run(p, XDP_DROP, PN_REASON_HELD) && read_asks() == 1, "a minute later, anew");
}

TEST(a_first_contact)
{
	check_first_contact(&(struct packet){
		.from = A4, .to = "203.0.113.25", .sport = 1234, .dport = 25, .seq = 0x25a5c3f1});
	check_first_contact(&(struct packet){
		.from = A6, .to = "2001:db8:25::25", .sport = 65534, .dport = 25, .seq = 7});
}

/* Its rates and its open connections are no reason to look at handshakes. */
TEST(a_stranger_presses_nobody)
{
	static const struct state s = {HOLD};
	struct pn_total total;
	__u32 zero = 0;

	ENSURE(begin(&s) && is_run(&(struct packet){.from = A4}, XDP_DROP, PN_REASON_HELD), "held");
	ENSURE(!bpf_map_lookup_elem(rig_map_fd("pn_total"), &zero, &total), "pn_total is read");
	EXPECT(total.pressed_until_ns == 0, "pressed");
}

TEST(monitor_mode_asks_at_no_syn)
{
	static const struct state s = {HOLD, .monitor = true};

	ENSURE(begin(&s) && is_run(&(struct packet){.from = A4}, XDP_PASS, PN_REASON_HELD), "held");
	EXPECT(read_asks() == 0 && let_pass(0) == 0, "%u asks", asked.count);
}

TEST(the_budget_of_holding)
{
	static const struct state s = {HOLD, .hold_budget = 2};

	ENSURE(begin(&s), "two SYNs in a long time");
	for (unsigned i = 0; i < 4; i++)
		ENSURE(is_run(&(struct packet){.from = A4, .seq = i}, i < 2 ? XDP_DROP : XDP_PASS,
			      i < 2 ? PN_REASON_HELD : PN_REASON_STRANGER),
		       "stranger %u", i);
	EXPECT(read_asks() == 2 && let_pass(0) == 2, "two are asked about, not %u", asked.count);
}

/* On a gateway connections are charged at the SYN: at the one that gets in. */
TEST(what_is_held_is_not_charged)
{
	static const struct state s = {HOLD, .charge_syn = true, .rate = true};
	static const struct state watched = {HOLD, .charge_syn = true, .rate = true,
					     .monitor = true};
	static const struct packet syn = {.from = A4};

	ENSURE(begin(&s) && is_run(&syn, XDP_DROP, PN_REASON_HELD), "held");
	EXPECT(rig_rate_of(A4) == 0, "charged");
	let_pass(PN_WAIT_LEAST_NS);
	ENSURE(is_run(&syn, XDP_PASS, PN_REASON_STRANGER), "its repeat");
	EXPECT(rig_rate_of(A4) != 0, "not charged");
	ENSURE(begin(&watched) && is_run(&(struct packet){.from = A6}, XDP_PASS, PN_REASON_HELD),
	       "in monitor mode");
	EXPECT(rig_rate_of(A6_HOST) != 0, "what comes in is charged");
}

/* The only cell that is taken. */
static struct pn_wait *cell_taken(void)
{
	struct pn_wait *wait = rig_wait();
	unsigned i = 0;

	while (i < PN_WAIT_CELLS - 1 && !wait[i].held_ns)
		i++;
	return &wait[i];
}

/* One SYN whose cell is emptied each time: others would meet in theirs, and on a slow machine pass for repeats. */
TEST(a_full_ring_of_questions_goes_on_holding)
{
	static const struct state s = {HOLD};
	struct pn_wait *cell;
	unsigned lost = 0;

	ENSURE(begin(&s) && is_run(&(struct packet){.from = A4}, XDP_DROP, PN_REASON_HELD),
	       "nothing is asked");
	cell = cell_taken();
	for (unsigned i = 0; i < ASKS_IN_RING_MOST && !lost; i++) {
		cell->held_ns = 0;
		ENSURE(rig_run(frame.bytes, frame.length, &result), "runs");
		lost += result.faults[PN_FAULT_ASK_LOST] == 1;
		ENSURE(result.reason == PN_REASON_HELD && result.verdict == XDP_DROP, "SYN %u: %s",
		       i, reason_text(result.reason));
	}
	EXPECT(lost, "a ring that nobody reads is full some day, and that is counted");
	EXPECT(ring_buffer__consume(asked.ring) > 0, "what was asked is still there");
}

/* pn_why tells what would be held, and does not hold it. */
TEST(why_holds_nobody)
{
	static const struct state s = {HOLD};
	struct pn_why w = {.port = 25};

	prefix_read(A4, w.src, NULL);
	ENSURE(begin(&s) && rig_why(&w), "asked");
	EXPECT(w.reason == PN_REASON_HELD && w.action == PN_HOLD && w.would == PN_HOLD, "%s %d %d",
	       reason_text((int)w.reason), w.action, w.would);
	EXPECT(read_asks() == 0 && let_pass(0) == 0, "nobody waits");
}
