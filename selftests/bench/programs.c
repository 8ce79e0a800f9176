/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs by BPF_PROG_TEST_RUN: what one packet costs in pn_xdp, case by case, with the empty
 * program and the least parser as floors and xdp-filter as peer. "hot" repeats one frame; "random"
 * gives it a new source each time, by a program in front whose cost (measured with the empty
 * program behind it) is taken off and the empty program's put on, so that both columns compare.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define CHECKS	  64 /* draws whose verdict is looked at before anything is measured */
#define FIRST_TRY 20000
#define HOT_INDEX 7 /* of the one source; any */
#define RUNS_MAX  160

enum target { FLOOR_EMPTY, FLOOR_PARSE, PN_XDP, XDP_FILTER };
enum who { STRANGER, IN_LIST };

enum bound { UNBOUND, BOUND_NOT_MAIL, BOUND_FLOW, BOUND_SYN, BOUNDS };
static const struct {
	const char *sentence;
	double most; /* times the empty program */
} bounds[BOUNDS] = {
	[BOUND_NOT_MAIL] = {"a packet that is not mail", 2},
	[BOUND_FLOW] = {"mail on an open flow, empty lists", 6},
	[BOUND_SYN] = {"a SYN judged clean with empty lists", 25},
};

struct bench_case {
	const char *name;
	enum target target;
	enum world world;
	enum who who;
	uint32_t listed; /* how many the list holds, for IN_LIST */
	int verdict;
	enum bound bound;
	bool only_v4;
	struct packet packet;
};

#define UDP                                                                                        \
	{                                                                                          \
		.protocol = PROTO_UDP, .dport = 53, .payload = 32                                  \
	}
#define ICMP                                                                                       \
	{                                                                                          \
		.protocol = PROTO_ICMP, .payload = 56                                              \
	}
#define OTHER                                                                                      \
	{                                                                                          \
		.dport = 443, .flags = TCP_ACK, .payload = 64                                      \
	}
#define FLOW                                                                                       \
	{                                                                                          \
		.flags = TCP_ACK | TCP_PSH, .payload = 64                                          \
	}
#define SYN                                                                                        \
	{                                                                                          \
		.flags = TCP_SYN, .tcp_options = 20                                                \
	}
#define PASSES(...)   .verdict = XDP_PASS, .who = STRANGER, __VA_ARGS__
#define DROPS(n, ...) .verdict = XDP_DROP, .who = IN_LIST, .listed = (n), __VA_ARGS__

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
static const struct bench_case cases[] = {
	{"floor: empty program", FLOOR_EMPTY, PASSES(.packet = SYN)},
	{"floor: parse to tcp:25", FLOOR_PARSE, .verdict = XDP_DROP, .packet = SYN},
	{"not mail: UDP", PN_XDP, WORLD_EMPTY, PASSES(.bound = BOUND_NOT_MAIL, .packet = UDP)},
	{"not mail: TCP to port 443", PN_XDP, WORLD_EMPTY,
	 PASSES(.bound = BOUND_NOT_MAIL, .packet = OTHER)},
	{"not mail: ICMP", PN_XDP, WORLD_EMPTY, PASSES(.bound = BOUND_NOT_MAIL, .packet = ICMP)},
	{"flow: empty lists", PN_XDP, WORLD_EMPTY, PASSES(.bound = BOUND_FLOW, .packet = FLOW)},
	{"flow: 1M addresses", PN_XDP, WORLD_MANY, PASSES(.packet = FLOW)},
	{"flow: feed of 1M", PN_XDP, WORLD_FEED, PASSES(.only_v4 = true, .packet = FLOW)},
	{"flow: 100k prefixes", PN_XDP, WORLD_PREFIXES, PASSES(.packet = FLOW)},
	{"SYN clean: empty lists", PN_XDP, WORLD_EMPTY, PASSES(.bound = BOUND_SYN, .packet = SYN)},
	{"SYN clean: 100k sources measured", PN_XDP, WORLD_RATES,
	 PASSES(.only_v4 = true, .packet = SYN)},
	{"SYN clean: 10k addresses", PN_XDP, WORLD_FEW, PASSES(.only_v4 = true, .packet = SYN)},
	{"SYN clean: 1M addresses", PN_XDP, WORLD_MANY, PASSES(.packet = SYN)},
	{"SYN clean: feed of 1M", PN_XDP, WORLD_FEED, PASSES(.only_v4 = true, .packet = SYN)},
	{"SYN clean: 100k prefixes", PN_XDP, WORLD_PREFIXES, PASSES(.packet = SYN)},
	{"SYN dropped: of 10k addresses", PN_XDP, WORLD_FEW,
	 DROPS(FEW, .only_v4 = true, .packet = SYN)},
	{"SYN dropped: of 1M addresses", PN_XDP, WORLD_MANY, DROPS(MANY, .packet = SYN)},
	{"SYN dropped: of a feed of 1M", PN_XDP, WORLD_FEED,
	 DROPS(MANY, .only_v4 = true, .packet = SYN)},
	{"later packet dropped: of a feed of 1M", PN_XDP, WORLD_FEED,
	 DROPS(MANY, .only_v4 = true, .packet = FLOW)},
	{"later packet dropped: of 1M addresses", PN_XDP, WORLD_MANY, DROPS(MANY, .packet = FLOW)},
	{"SYN dropped: of 100k prefixes", PN_XDP, WORLD_PREFIXES, DROPS(PREFIXES, .packet = SYN)},
	{"later packet dropped: of 100k prefixes", PN_XDP, WORLD_PREFIXES,
	 DROPS(PREFIXES, .packet = FLOW)},
	{"SYN dropped: over its rate, of 100k", PN_XDP, WORLD_RATES,
	 DROPS(MEASURED, .only_v4 = true, .packet = SYN)},
	{"xdp-filter: not in list of 10k", XDP_FILTER, PASSES(.only_v4 = true, .packet = SYN)},
	{"xdp-filter: dropped, of 10k", XDP_FILTER, DROPS(FEW, .only_v4 = true, .packet = SYN)},
};

struct run {
	const struct bench_case *c;
	int family;
	bool random;
	int program; /* what is run: the case's own, or the one in front */
	int next;    /* what that goes on into, or -1 */
	uint32_t base, count, repeat;
	unsigned floor; /* the empty program's run; of random ones, that with the one in front */
	struct frame frame;
	struct sample samples[ROUNDS];
};

static struct run runs[RUNS_MAX];
static unsigned run_count;

static int target_program(const struct bench_case *c, int family, struct err *e)
{
	switch (c->target) {
	case FLOOR_EMPTY:
		return spray_program("empty");
	case FLOOR_PARSE:
		return spray_program("parse");
	case XDP_FILTER:
		return xdpfilter_open(e);
	default:
		return world_program(c->world, family, e);
	}
}

/* Sets the next program and the draws of a run: before each sample, since all share them. */
static void run_prepare(const struct run *r)
{
	if (!r->random)
		return;
	spray_next(r->next, r->c->target == XDP_FILTER);
	spray_draw(&r->frame, r->base, r->count, 0);
}

/* A case that does not do what its name says must not be measured. */
static int run_check(const struct run *r, struct err *e)
{
	run_prepare(r);
	for (unsigned i = 0; i < (r->random ? CHECKS : 1); i++) {
		struct clocks spent;
		uint32_t verdict;
		int rc = run_timed(r->program, &r->frame, 1, 0, &spent, &verdict);

		if (rc)
			return err_set(e, rc, "%s: %s", r->c->name, strerror(-rc));
		if (verdict != (uint32_t)r->c->verdict)
			return err_set(e, -EPROTO, "%s, IPv%d, %s: verdict %u instead of %d",
				       r->c->name, r->family, r->random ? "random" : "hot", verdict,
				       r->c->verdict);
	}
	return 0;
}

static int run_calibrate(struct run *r, struct err *e)
{
	struct clocks spent;
	int rc;

	run_prepare(r);
	rc = run_timed(r->program, &r->frame, FIRST_TRY, 0, &spent, NULL);
	if (rc)
		return err_set(e, rc, "%s: %s", r->c->name, strerror(-rc));
	r->repeat = repeat_for(spent.cpu_ns / FIRST_TRY);
	return 0;
}

static int run_add(const struct bench_case *c, int family, bool random, struct err *e)
{
	struct run *r = &runs[run_count];
	struct packet packet = c->packet;
	char source[ADDR_TEXT_MAX];
	int program, rc;

	if (run_count == RUNS_MAX)
		abort();
	program = target_program(c, family, e);
	if (program < 0)
		return program;
	*r = (struct run){.c = c, .family = family, .random = random, .program = program};
	r->base = c->who == IN_LIST ? 0 : SPREAD_STRANGERS;
	r->count = c->who == IN_LIST ? c->listed : SPREAD_STRANGERS;
	r->next = -1;
	if (random) {
		r->next = program;
		r->program = spray_program(c->target == XDP_FILTER ? "spray_plain" : "spray");
	}
	packet.from = source_text(r->base + HOT_INDEX, family, source);
	if (family == 6 && packet.protocol == PROTO_ICMP)
		packet.protocol = PROTO_ICMPV6;
	frame_build(&r->frame, &packet);
	for (unsigned i = 0; i < run_count; i++)
		if (runs[i].c->target == FLOOR_EMPTY && runs[i].random == random &&
		    runs[i].family == family)
			r->floor = i;
	if (c->target == FLOOR_EMPTY)
		r->floor = run_count;
	rc = run_check(r, e);
	if (!rc)
		rc = run_calibrate(r, e);
	if (!rc)
		run_count++;
	return rc;
}

static int runs_make(struct report *report, struct err *e)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int family = 4; family <= (cases[i].only_v4 ? 4 : 6); family += 2) {
			int r = run_add(&cases[i], family, false, e);

			if (!r)
				r = run_add(&cases[i], family, true, e);
			if (r == -ENOENT && cases[i].target == XDP_FILTER) {
				report_skip(report, cases[i].name, e->text);
				r = 0;
			}
			if (r)
				return r;
		}
	}
	return 0;
}

/* The cost of a call: that of the empty program run twice, as it is in this round. */
static int overhead_measure(struct clocks *spent)
{
	return run_timed(runs[0].program, &runs[0].frame, 2, 0, spent, NULL);
}

static int round_measure(unsigned round, struct err *e)
{
	struct clocks overhead;
	int rc = overhead_measure(&overhead);

	for (unsigned i = 0; !rc && i < run_count; i++) {
		struct run *r = &runs[i];
		struct clocks spent;

		run_prepare(r);
		rc = run_timed(r->program, &r->frame, r->repeat, 0, &spent, NULL);
		r->samples[round].raw_ns = spent.wall_ns / r->repeat;
		r->samples[round].net_ns = (spent.cpu_ns - overhead.cpu_ns) / r->repeat;
		worlds_drain();
	}
	return rc ? err_set(e, rc, "cannot run a program: %s", strerror(-rc)) : 0;
}

struct result {
	double raw_ns, net_ns, ratio;
};

/* Net: without what stands in front. The ratio is taken within each round, then the median. */
static struct result run_result(const struct run *r, unsigned rounds)
{
	double raw[ROUNDS], net[ROUNDS], ratio[ROUNDS];

	for (unsigned i = 0; i < rounds; i++) {
		const struct run *floor = &runs[r->floor];
		double empty =
			r->random ? runs[r->floor - 1].samples[i].net_ns : floor->samples[i].net_ns;

		raw[i] = r->samples[i].raw_ns;
		net[i] = r->samples[i].net_ns;
		if (r->random)
			net[i] += empty - floor->samples[i].net_ns;
		ratio[i] = net[i] / empty;
	}
	return (struct result){median(raw, rounds), median(net, rounds), median(ratio, rounds)};
}

static void bounds_report(struct report *report, const double *worst)
{
	for (unsigned b = 1; b < BOUNDS; b++)
		report_bound(report, bounds[b].sentence, worst[b], bounds[b].most, 0);
}

/* Hot and random of a case and family are neighbours, and one row. */
static void runs_report(struct report *report, unsigned rounds)
{
	double worst[BOUNDS] = {0};

	for (unsigned i = 0; i + 1 < run_count; i += 2) {
		const struct bench_case *c = runs[i].c;
		struct result hot = run_result(&runs[i], rounds),
			      random = run_result(&runs[i + 1], rounds);
		double most = hot.ratio > random.ratio ? hot.ratio : random.ratio;

		if (most > worst[c->bound])
			worst[c->bound] = most;
		json_array_append_new(report->programs,
				      json_pack("{ss si sf sf sf sf sf sf}", "case", c->name,
						"family", runs[i].family, "hot_raw_ns", hot.raw_ns,
						"hot_ns", hot.net_ns, "hot_ratio", hot.ratio,
						"random_raw_ns", random.raw_ns, "random_ns",
						random.net_ns, "random_ratio", random.ratio));
	}
	bounds_report(report, worst);
}

int programs_measure(struct report *report, struct err *e)
{
	double begin = clocks_now().wall_ns;
	unsigned round = 0;
	int r = runs_make(report, e);

	for (; !r && round < ROUNDS && !is_time_up(begin, round); round++)
		r = round_measure(round, e);
	if (!r)
		runs_report(report, round);
	return r;
}
