/* SPDX-License-Identifier: BSD-2-Clause */
/* What pn_xdp tells: once per source, reason and interval with the number kept back, and under a
 * cap. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <string.h>

#include "rig.h"
#include "tap.h"

#define A4	  "198.51.100.7"
#define A6	  "2001:db8:e:1::7"
#define TOLD_MOST 64
#define MANY	  1000		       /* of which some 30 share a cell with another */
#define NEAR_NS	  (60ULL * 1000000000) /* more than a test takes on a slow machine */

static struct {
	struct ring_buffer *ring;
	struct pn_event event[TOLD_MOST];
	unsigned count;
} told;

static struct result result;

static int keep(void *context, void *data, size_t size)
{
	(void)context;
	if (EXPECT(size == sizeof(struct pn_event), "an event has %zu bytes", size) &&
	    told.count < TOLD_MOST)
		memcpy(&told.event[told.count++], data, size);
	return 0;
}

/* What was told since the last time. */
static unsigned read_events(void)
{
	told.count = 0;
	ring_buffer__consume(told.ring);
	return told.count;
}

/* A state, nothing told yet. */
static bool begin(const struct state *s)
{
	static const struct pn_told none;
	int fd;

	if (!rig_open() || !rig_apply(s))
		return false;
	if (!told.ring)
		told.ring = ring_buffer__new(rig_map_fd("pn_events"), keep, NULL, NULL);
	if (!EXPECT(told.ring, "the ring opens"))
		return false;
	fd = rig_map_fd("pn_told");
	for (__u32 cell = 0; cell < PN_TOLD_CELLS; cell++)
		if (!EXPECT(!bpf_map_update_elem(fd, &cell, &none, BPF_ANY), "cell %u", cell))
			return false;
	read_events();
	return true;
}

static bool run(const struct packet *p)
{
	static struct frame frame;

	frame_build(&frame, p);
	return rig_run(frame.bytes, frame.length, &result);
}

static void check_event(const struct packet *p, enum pn_reason reason, enum pn_action action,
			enum pn_action would)
{
	const struct pn_event *e = &told.event[0];
	uint8_t source[16], target[16];
	uint64_t now = rig_boot_ns();

	ENSURE(run(p), "runs");
	ENSURE(read_events() == 1, "%u events of %s are told", told.count, reason_text(reason));
	prefix_read(p->from, source, NULL);
	prefix_read(p->to, target, NULL);
	EXPECT(!memcmp(e->src, source, 16) && !memcmp(e->dst, target, 16), "its addresses");
	EXPECT(e->sport == p->sport && e->dport == p->dport, "its ports: %u, %u", e->sport,
	       e->dport);
	EXPECT(e->reason == reason && e->action == action && e->would == would,
	       "want %s %d %d, got %s %d %d", reason_text(reason), action, would,
	       reason_text((int)e->reason), e->action, e->would);
	EXPECT(e->time + NEAR_NS > now && e->time < now + NEAR_NS, "its time");
	EXPECT(e->suppressed == 0 && e->ifindex > 0, "nothing kept back, interface %u", e->ifindex);
}

TEST(an_event_says_what_happened)
{
	static const struct packet syn4 = {
		.from = A4, .to = "203.0.113.25", .sport = 1234, .dport = 25};
	static const struct packet syn6 = {
		.from = A6, .to = "2001:db8:25::25", .sport = 65535, .dport = 587};
	static const struct state drop = {.rule = {{A4, PN_DROP, .always = true}}};
	static const struct state refuse = {
		.ports = {{25, PN_CLASS_MX, false}, {587, PN_CLASS_SUBMISSION, false}},
		.block = {{"::/0", PN_REFUSE, .always = true}}};
	static const struct state watched = {.monitor = true, .listed = {{A4, PN_REFUSE}}};

	ENSURE(begin(&drop), "a blocked address");
	check_event(&syn4, PN_REASON_RULE, PN_DROP, PN_DROP);
	ENSURE(begin(&refuse), "a refused prefix");
	check_event(&syn6, PN_REASON_BLOCK, PN_REFUSE, PN_REFUSE);
	EXPECT(told.event[0].class_ == PN_CLASS_SUBMISSION, "its class");
	ENSURE(begin(&watched), "a verdict in monitor mode");
	check_event(&syn4, PN_REASON_LISTED, PN_PASS, PN_REFUSE);
}

/* No RST answers a fragment, so what is refused is dropped, in the events too. */
TEST(an_event_of_a_fragment)
{
	static const struct packet tiny = {.from = A4,
					   .to = "203.0.113.25",
					   .sport = 1234,
					   .dport = 25,
					   .more = true,
					   .l4_cut = 8};
	static const struct packet later = {
		.from = A4, .to = "203.0.113.25", .sport = 1, .dport = 25, .offset = 3};
	static const struct state refuse = {.rule = {{A4, PN_REFUSE, .always = true}}};
	static const struct state drop = {.rule = {{A4, PN_DROP, .always = true}}};
	static const struct state none, watched = {.monitor = true};

	ENSURE(begin(&refuse), "a refused address");
	check_event(&tiny, PN_REASON_RULE, PN_DROP, PN_DROP);
	ENSURE(begin(&none), "nobody is blocked");
	check_event(&tiny, PN_REASON_FRAGMENT, PN_DROP, PN_DROP);
	ENSURE(begin(&watched), "monitor mode");
	check_event(&tiny, PN_REASON_FRAGMENT, PN_PASS, PN_DROP);
	ENSURE(begin(&drop) && run(&later), "a later fragment of a blocked address");
	EXPECT(read_events() == 1 && told.event[0].sport == 0 && told.event[0].dport == 0,
	       "%u events, ports %u and %u that nobody can read", told.count, told.event[0].sport,
	       told.event[0].dport);
}

TEST(who_passes_is_not_told)
{
	static const struct state s = {.known = {{A4}}};

	ENSURE(begin(&s), "nobody is blocked");
	ENSURE(run(&(struct packet){.from = A4}) && run(&(struct packet){.from = A6}) &&
		       run(&(struct packet){.from = A4, .flags = TCP_ACK}),
	       "runs");
	EXPECT(read_events() == 0, "%u events", told.count);
}

/* Strangers are many, and to be one is nothing to tell of. */
TEST(who_is_held_is_not_told)
{
	static const struct state held = {.contact = PN_CONTACT_HOLD};
	static const struct state watched = {.contact = PN_CONTACT_HOLD, .monitor = true};

	ENSURE(begin(&held) && run(&(struct packet){.from = A4}), "runs");
	EXPECT(result.verdict == XDP_DROP && read_events() == 0, "%u events", told.count);
	ENSURE(begin(&watched) && run(&(struct packet){.from = A4}), "runs");
	EXPECT(result.verdict == XDP_PASS && read_events() == 0, "%u events", told.count);
}

TEST(who_is_told_why_is_told_of)
{
	static const struct packet syn = {
		.from = A4, .to = "203.0.113.25", .sport = 1234, .dport = 25};
	static const struct state reply = {.rule = {{A4, PN_REPLY, .always = true}}};

	ENSURE(begin(&reply), "a source that is replied to");
	check_event(&syn, PN_REASON_RULE, PN_REPLY, PN_REPLY);
}

/* The one cell that is in use may tell again. */
static uint32_t let_tell_again(void)
{
	int fd = rig_map_fd("pn_told");
	struct pn_told value;
	uint32_t suppressed = UINT32_MAX;

	for (__u32 cell = 0; cell < PN_TOLD_CELLS; cell++) {
		if (bpf_map_lookup_elem(fd, &cell, &value) || !value.next_ns)
			continue;
		suppressed = value.suppressed;
		value.next_ns = 1;
		bpf_map_update_elem(fd, &cell, &value, BPF_ANY);
	}
	return suppressed;
}

/* Two that share a place in the table must not tell each other's every packet. */
TEST(many_sources_are_told_once_each)
{
	static const struct state s = {.block = {{"198.51.0.0/16", PN_DROP, .always = true}}};
	char from[16];
	unsigned all = 0;

	ENSURE(begin(&s), "a blocked network");
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < MANY; i++) {
			snprintf(from, sizeof(from), "198.51.%u.%u", i / 250, i % 250 + 1);
			ENSURE(run(&(struct packet){.from = from}), "runs");
			all += read_events();
		}
	EXPECT(all == MANY, "%u events of %d sources", all, MANY);
}

TEST(events_of_one_source_are_kept_back)
{
	static const struct state s = {.rule = {{A4, PN_DROP, .always = true}}};
	static const struct packet syn = {.from = A4};

	ENSURE(begin(&s), "a blocked address");
	for (unsigned i = 0; i < 5; i++)
		ENSURE(run(&syn), "runs");
	EXPECT(read_events() == 1, "one is told, not %u", told.count);
	EXPECT(let_tell_again() == 4, "four are kept back");
	ENSURE(run(&syn), "runs");
	EXPECT(read_events() == 1 && told.event[0].suppressed == 4, "the next tells of %u",
	       told.event[0].suppressed);
}

static void set_budget(struct pn_conf *c)
{
	c->event_budget.interval_ns = RATE_INTERVAL_NS;
	c->event_budget.burst_ns = RATE_INTERVAL_NS; /* two */
}

TEST(events_have_a_budget)
{
	static const struct state s = {.block = {{"0.0.0.0/0", PN_DROP, .always = true}}};
	static const char *const from[] = {"198.51.100.1", "198.51.100.2", "198.51.100.3",
					   "198.51.100.4"};

	ENSURE(begin(&s) && rig_tune(set_budget), "two events in a long time");
	for (unsigned i = 0; i < 4; i++) {
		ENSURE(run(&(struct packet){.from = from[i]}), "runs");
		EXPECT(result.verdict == XDP_DROP, "the verdict does not depend on it");
		EXPECT(result.faults[PN_FAULT_EVENT_CAPPED] == (i >= 2), "source %u", i);
	}
	EXPECT(read_events() == 2, "two are told, not %u", told.count);
}

TEST(a_full_ring_lets_judgement_go_on)
{
	static const struct state s = {.block = {{"2001:db8::/32", PN_DROP, .always = true}}};
	static char from[64];
	unsigned lost = 0;

	ENSURE(begin(&s), "everybody there is blocked");
	for (unsigned i = 0; i < 65536 && !lost; i++) {
		snprintf(from, sizeof(from), "2001:db8:%x:%x::1", 0x100 + i / 256, i % 256);
		ENSURE(run(&(struct packet){.from = from}), "runs");
		ENSURE(result.verdict == XDP_DROP, "source %u is dropped", i);
		lost += result.faults[PN_FAULT_EVENT_LOST] == 1;
	}
	EXPECT(lost, "a ring that nobody reads is full some day, and that is counted");
	told.count = 0;
	EXPECT(ring_buffer__consume(told.ring) > 0, "what was told is still there");
}
