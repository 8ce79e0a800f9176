/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random states and random, broken frames through the programs and through the reference: verdict,
 * reason, class, counters, frame and RST must agree, and pn_why must say what pn_xdp does. A seed
 * gives the same run again:
 *
 *	PROG_SEED=7 PROG_FRAMES=5000000 prog differential
 */
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "rig.h"
#include "tap.h"

#define FRAMES_SHORT  200000 /* a few seconds */
#define FRAMES_STATE  100    /* through each state */
#define WHYS_STATE    10
#define LINEAR_BYTES  3000 /* of a frame, at least, in one piece: a page less head and tail room */
#define FAILURES_MOST 5	   /* then it is enough */

static struct frame frame, reset;
static struct result result;

static bool is_reset_right(const struct seen *seen)
{
	frame.ip = seen->ip;
	frame.l4 = seen->l4;
	frame_build_reset(&reset, &frame, seen->data);
	if (EXPECT(frame_differ(&result.out, &reset) < 0, "the RST differs at byte %d",
		   frame_differ(&result.out, &reset)))
		return true;
	frame_print("want", reset.bytes, reset.length);
	frame_print("got", result.out.bytes, result.out.length);
	return false;
}

static bool is_as_modelled(const struct state *s)
{
	struct seen seen = model_parse(frame.bytes, frame.length);
	struct outcome want = model_judge(s, &seen);

	if (!rig_run(frame.bytes, frame.length, &result))
		return false;
	/* An RST that cannot be made is a drop that is told. */
	if (want.verdict == XDP_TX && result.faults[PN_FAULT_REFUSE_FAILED] == 1 &&
	    frame.length > LINEAR_BYTES)
		want.verdict = XDP_DROP;
	return rig_agrees("random", &result, &want, &frame) &&
	       (want.verdict != XDP_TX || is_reset_right(&seen));
}

static bool is_why_right(const struct state *s, const char *from, uint16_t port)
{
	struct pn_why w = {.port = port};
	struct outcome want;
	enum pn_origin origin = PN_ORIGIN_NONE;
	unsigned bits = 0, feed = 0;
	bool ends = false;

	prefix_read(from, w.src, NULL);
	want = model_why(s, w.src, port);
	if (want.entry) {
		prefix_read(want.entry->prefix, (uint8_t[16]){0}, &bits);
		origin = want.reason == PN_REASON_LISTED   ? PN_ORIGIN_DNSBL
			 : want.reason == PN_REASON_BANNED ? PN_ORIGIN_BAN
			 : want.reason == PN_REASON_FEED   ? PN_ORIGIN_FEED
							   : PN_ORIGIN_OPERATOR;
		feed = want.reason == PN_REASON_FEED ? (unsigned)(want.entry - s->feed) : 0;
		ends = want.entry->life != LIFE_FOREVER;
	}
	if (!rig_why(&w))
		return false;
	return EXPECT((int)w.reason == want.reason && w.action == want.action &&
			      w.would == want.wanted && w.origin == origin && w.bits == bits &&
			      (w.expires != 0) == ends && w.answers == want.answers &&
			      w.feed == feed,
		      "why %s port %u: want %s, action %d, would %d, origin %d, bits %u, ends %d, "
		      "answers %u, feed %u; got %s, %d, %d, %d, %u, %llu, %u, %u",
		      from, port, reason_text(want.reason), want.action, want.wanted, origin, bits,
		      ends, want.answers, feed, reason_text((int)w.reason), w.action, w.would,
		      w.origin, w.bits, (unsigned long long)w.expires, w.answers, w.feed);
}

static void tell_failure(uint64_t seed, const struct state *s)
{
	printf("# seed %llu (PROG_SEED), state:\n", (unsigned long long)seed);
	state_print(s);
	frame_print("frame", frame.bytes, frame.length);
}

/* One state and the frames through it. Each has a seed of its own, so that it can be run alone. */
static bool run_state(uint64_t seed)
{
	static struct state s;
	struct random r = {seed};

	state_random(&s, &r);
	if (!rig_apply(&s))
		return false;
	for (unsigned i = 0; i < FRAMES_STATE; i++) {
		frame_random(&frame, &r);
		if (!is_as_modelled(&s)) {
			tell_failure(seed, &s);
			return false;
		}
	}
	frame.length = 0;
	for (unsigned i = 0; i < WHYS_STATE; i++) {
		if (!is_why_right(&s, source_random(&r), port_policed_random(&s, &r))) {
			tell_failure(seed, &s);
			return false;
		}
	}
	return true;
}

static uint64_t number_from(const char *name, uint64_t standard)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : standard;
}

TEST(differential)
{
	uint64_t seed = number_from("PROG_SEED", 1);
	uint64_t states = number_from("PROG_FRAMES", FRAMES_SHORT) / FRAMES_STATE;
	unsigned failures = 0;

	ENSURE(rig_open(), "the programs are loaded");
	for (uint64_t i = 0; i < states && failures < FAILURES_MOST; i++)
		failures += !run_state(seed + i);
	printf("# seeds %llu to %llu, %u frames each\n", (unsigned long long)seed,
	       (unsigned long long)(seed + states - 1), FRAMES_STATE);
}
