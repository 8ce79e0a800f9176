/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Noise and badly broken frames, with one property that needs no reference: while everybody is
 * blocked, no frame passes in which a reader more lenient than Linux finds TCP for a policed port.
 */
#include <linux/bpf.h>
#include <string.h>

#include "random.h"
#include "rig.h"
#include "tap.h"

#define FRAMES	     40000
#define NOISE_MOST   400 /* bytes of a frame of noise */
#define WOUNDS_MOST  12	 /* bytes replaced in a frame that was well made */
#define POLICED_PORT 25
#define SEED	     25

static struct frame frame;
static struct result result;

static bool is_tag(uint16_t type)
{
	return type == TPID_8021Q || type == TPID_8021AD;
}

static bool is_for_port(const uint8_t *tcp, const uint8_t *end)
{
	return end - tcp >= 4 && get16(tcp + 2) == POLICED_PORT;
}

static bool finds_tcp_in_ipv4(const uint8_t *h, const uint8_t *end)
{
	size_t header = end - h >= 20 ? (size_t)(h[0] & 15) * 4 : 0;

	if (header < 20 || (size_t)(end - h) < header || h[0] >> 4 != 4 || h[9] != PROTO_TCP)
		return false;
	return (get16(h + 6) & 0x1fff) || is_for_port(h + header, end);
}

static bool finds_tcp_in_ipv6(const uint8_t *h, const uint8_t *end)
{
	const uint8_t *at = h + 40;
	uint8_t next;

	if (end - h < 40 || h[0] >> 4 != 6)
		return false;
	next = h[6];
	while (next != PROTO_TCP) {
		bool is_fragment = next == 44;
		size_t length = 8;

		if (end - at < 8 || !strchr("\x2b\x2c\x3c\x33", next ? next : 44))
			return false; /* next 0 is hop-by-hop, which strchr cannot tell */
		if (is_fragment && get16(at + 2) >> 3)
			return at[0] == PROTO_TCP;
		if (next == 51)
			length = ((size_t)at[1] + 2) * 4;
		else if (!is_fragment)
			length = ((size_t)at[1] + 1) * 8;
		next = at[0];
		if ((size_t)(end - at) < length)
			return false;
		at += length;
	}
	return is_for_port(at, end);
}

/* Could anybody's stack take this for TCP to the policed port? */
static bool finds_tcp(const struct frame *f)
{
	const uint8_t *at = f->bytes + 12, *end = f->bytes + f->length;

	while (end - at >= 6 && is_tag(get16(at)))
		at += 4;
	if (end - at < 2)
		return false;
	switch (get16(at)) {
	case TYPE_IPV4:
		return finds_tcp_in_ipv4(at + 2, end);
	case TYPE_IPV6:
		return finds_tcp_in_ipv6(at + 2, end);
	}
	return false;
}

static void noise_random(struct frame *f, struct random *r)
{
	static const uint16_t types[] = {TYPE_IPV4, TYPE_IPV6, TPID_8021Q, TPID_8021AD};

	f->length = FRAME_MIN + random_below(r, NOISE_MOST - FRAME_MIN);
	for (size_t i = 0; i < f->length; i++)
		f->bytes[i] = (uint8_t)random_below(r, 256);
	put16(f->bytes + 12, types[random_below(r, 4)]);
}

static void wounded_random(struct frame *f, struct random *r)
{
	frame_random(f, r);
	for (uint32_t i = random_below(r, WOUNDS_MOST); i > 0; i--)
		f->bytes[12 + random_below(r, (uint32_t)f->length - 12)] =
			(uint8_t)random_below(r, 256);
	if (random_below(r, 4) == 0)
		f->length = FRAME_MIN + random_below(r, (uint32_t)f->length - FRAME_MIN + 1);
}

static void run_all(void (*make)(struct frame *f, struct random *r), unsigned *found)
{
	struct random r = {SEED};

	for (unsigned i = 0; i < FRAMES; i++) {
		bool is_tcp;

		make(&frame, &r);
		is_tcp = finds_tcp(&frame);
		*found += is_tcp;
		if (!rig_run(frame.bytes, frame.length, &result))
			return;
		if (EXPECT(result.verdict == XDP_DROP || (result.verdict == XDP_PASS && !is_tcp),
			   "frame %u: got %s", i, verdict_text(result.verdict)))
			continue;
		frame_print("frame", frame.bytes, frame.length);
		return;
	}
}

TEST(noise_never_passes_as_tcp)
{
	static const struct state s = {.block = {{"0.0.0.0/0", PN_DROP, .always = true},
						 {"::/0", PN_DROP, .always = true}}};
	unsigned found = 0;

	ENSURE(rig_open() && rig_apply(&s), "everybody is blocked");
	run_all(noise_random, &found);
	run_all(wounded_random, &found);
	EXPECT(found > FRAMES / 10, "too few frames, %u, were TCP: the test tests nothing", found);
}

TEST(noise_is_survived_by_refuse)
{
	static const struct state s = {.block = {{"0.0.0.0/0", PN_REFUSE}, {"::/0", PN_REFUSE}},
				       .charge_syn = true,
				       .rate = true};
	struct random r = {SEED + 1};

	ENSURE(rig_open() && rig_apply(&s), "everybody is refused");
	for (unsigned i = 0; i < FRAMES; i++) {
		wounded_random(&frame, &r);
		ENSURE(rig_run(frame.bytes, frame.length, &result), "runs");
		ENSURE(result.verdict == XDP_DROP || result.verdict == XDP_PASS ||
			       result.verdict == XDP_TX,
		       "frame %u: got %d", i, result.verdict);
		ENSURE(result.verdict != XDP_TX || result.out.length < 100,
		       "frame %u: an RST of %zu bytes", i, result.out.length);
	}
}
