/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offered load. What is no XDP program cannot be run by BPF_PROG_TEST_RUN, so it gets packets: a
 * generator (BPF_F_TEST_XDP_LIVE_FRAMES) redirects frames into a veth whose other end stands, in a
 * network namespace of its own, behind the filter. Generator and receiver share one core, since
 * only that gives steady ratios; time is that of this thread and of the core's ksoftirqd. What the
 * floor (a receiver that drops at once in XDP) takes is subtracted.
 */
#include "offered.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECEIVERS_MAX 16
#define WAYS	      2 /* hot, random */
#define HOT_INDEX     7
#define FIRST_TRY     20000 /* packets, to find how many make a sample */
#define PROBES	      500   /* packets of strangers, which must not be dropped */
#define LOST_PART     0.02  /* of a sample's packets may be lost in the veth's ring */
#define TRIES_MAX     5
#define PID_MAX	      4194304
#define RECEIVER_MAC  "02:25:00:00:00:01" /* the destination of frame_build() */

struct stand {
	const struct receiver *receiver;
	int netns, xdp_link; /* -1 none */
	uint32_t ifindex;    /* of the generator's end */
	uint32_t repeat[WAYS];
	struct sample samples[WAYS][ROUNDS];
};

static struct stand stands[RECEIVERS_MAX];
static unsigned stand_count;
static int generator_netns = -1;
static struct frame frame;
static char softirq_path[64];

/* The thread that takes over the core's packets when there are many. */
static void softirq_find(int cpu)
{
	char want[32];

	snprintf(want, sizeof(want), "ksoftirqd/%d\n", cpu);
	for (int pid = 2; pid < PID_MAX; pid++) {
		char path[64], name[32] = "";
		FILE *in;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		in = fopen(path, "re");
		if (in && fgets(name, sizeof(name), in) && strcmp(name, want) == 0)
			snprintf(softirq_path, sizeof(softirq_path), "/proc/%d/schedstat", pid);
		if (in)
			fclose(in);
		if (*softirq_path)
			return;
	}
}

/* On one core from here on, the last: interrupts mostly go to the first. */
static int stand_link(struct stand *s, struct err *e)
{
	char name[IFNAMSIZ], netns[64];
	const char *add[] = {"ip",	   "link",  "add",  name,	   "type",
			     "veth",	   "peer",  "name", RECEIVER_LINK, "address",
			     RECEIVER_MAC, "netns", netns,  NULL};
	const char *up[] = {"ip", "link", "set", name, "up", NULL};
	const char *peer_up[] = {"ip", "link", "set", RECEIVER_LINK, "up", NULL};
	/* Its own, so that what a filter lets pass is delivered and counted. */
	const char *address[] = {"ip",	"addr",	       "add", "203.0.113.25/24",
				 "dev", RECEIVER_LINK, NULL};
	int r;

	/* A number of its own: the veth of a peer that was left out takes a moment to go. */
	snprintf(name, sizeof(name), "bench-tx%u", (unsigned)(s->receiver - receivers));
	snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", getpid(), s->netns);
	netns_enter(generator_netns);
	r = command_run(add, NULL, NULL, e);
	if (!r)
		r = command_run(up, NULL, NULL, e);
	s->ifindex = if_nametoindex(name);
	netns_enter(s->netns);
	if (!r)
		r = command_run(peer_up, NULL, NULL, e);
	if (!r)
		r = command_run(address, NULL, NULL, e);
	if (!r && (r = link_set_gro(RECEIVER_LINK)))
		err_set(e, r, "cannot set GRO on a veth: %s", strerror(-r));
	return r;
}

static int stand_filter(struct stand *s, struct report *report, struct err *e)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int r = s->receiver->set_up(report, e);

	if (r <= 0)
		return r;
	s->xdp_link = bpf_link_create(r, (int)if_nametoindex(RECEIVER_LINK), BPF_XDP, &opts);
	return s->xdp_link < 0 ? err_set(e, -errno, "cannot attach %s: %s", s->receiver->name,
					 strerror(errno))
			       : 0;
}

static uint64_t received(const struct stand *s)
{
	netns_enter(s->netns);
	return proc_number("/proc/thread-self/net/dev", RECEIVER_LINK ":", 1);
}

/* Packets that came through to TCP. */
static uint64_t delivered(const struct stand *s)
{
	netns_enter(s->netns);
	return proc_number("/proc/thread-self/net/snmp", "Tcp: ", 9);
}

static int stand_send(const struct stand *s, uint32_t base, uint32_t count, uint32_t packets,
		      struct clocks *spent)
{
	double softirq;
	int r;

	netns_enter(generator_netns);
	spray_draw(&frame, base, count, s->ifindex);
	softirq = (double)proc_number(softirq_path, "", 0);
	r = run_timed(spray_program("send"), &frame, packets, BPF_F_TEST_XDP_LIVE_FRAMES, spent,
		      NULL);
	spent->cpu_ns += (double)proc_number(softirq_path, "", 0) - softirq;
	return r;
}

static int stand_send_way(const struct stand *s, unsigned way, uint32_t packets,
			  struct clocks *spent)
{
	return stand_send(s, way ? 0 : HOT_INDEX, way ? s->receiver->listed : 1, packets, spent);
}

/* What is listed must be dropped, all of it, and strangers must pass. */
static int stand_check(struct stand *s, struct err *e)
{
	uint64_t before = delivered(s), after;
	struct clocks spent;
	int r = 0;

	for (unsigned way = 0; !r && way < WAYS; way++) {
		r = stand_send_way(s, way, FIRST_TRY, &spent);
		s->repeat[way] = repeat_for(spent.cpu_ns / FIRST_TRY);
	}
	if (r)
		return err_set(e, r, "cannot send: %s", strerror(-r));
	after = delivered(s);
	if (after != before)
		return err_set(e, -EPROTO, "%s let %llu of its listed packets pass",
			       s->receiver->name, (unsigned long long)(after - before));
	r = stand_send(s, SPREAD_STRANGERS, SPREAD_STRANGERS, PROBES, &spent);
	if (!r && !s->receiver->drops_everyone && delivered(s) == before)
		r = err_set(e, -EPROTO, "%s dropped strangers", s->receiver->name);
	return r;
}

static int stand_make(const struct receiver *receiver, struct report *report, struct err *e)
{
	struct stand *s = &stands[stand_count];
	int r;

	if (stand_count == RECEIVERS_MAX)
		abort();
	*s = (struct stand){.receiver = receiver, .netns = netns_make(e), .xdp_link = -1};
	if (s->netns < 0)
		return s->netns;
	r = stand_link(s, e);
	stand_count++;
	if (!r)
		r = stand_filter(s, report, e);
	if (!r)
		r = stand_check(s, e);
	return r;
}

static int stands_make(struct report *report, struct err *e)
{
	for (unsigned i = 0; i < receiver_count; i++) {
		int r = stand_make(&receivers[i], report, e);

		/* A peer that is not there, or that this kernel does not bear, is left out; one that
		 * lets the wrong packets pass is a fault of the bench. */
		if (!receivers[i].is_ours && (r == -ENOENT || r == -EIO)) {
			struct stand *s = &stands[--stand_count];

			report_skip(report, receivers[i].name, e->text);
			if (s->xdp_link >= 0)
				close(s->xdp_link);
			close(s->netns);
			r = 0;
		}
		if (r)
			return r;
	}
	return 0;
}

/* The veth's ring is short: where others hold the core's ksoftirqd up, it overflows. Then again. */
static int stand_sample(struct stand *s, unsigned way, unsigned round, struct err *e)
{
	uint32_t packets = s->repeat[way];
	uint64_t arrived = 0;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		uint64_t before = received(s);
		struct clocks spent;
		int r = stand_send_way(s, way, packets, &spent);

		if (r)
			return err_set(e, r, "cannot send: %s", strerror(-r));
		arrived = received(s) - before;
		worlds_drain();
		s->samples[way][round] =
			(struct sample){spent.wall_ns / packets, spent.cpu_ns / packets};
		if ((double)arrived >= (1 - LOST_PART) * packets)
			return 0;
	}
	return err_set(e, -EPROTO, "%s: of %u packets %llu arrived", s->receiver->name, packets,
		       (unsigned long long)arrived);
}

static void stands_report(struct report *report, unsigned rounds)
{
	for (unsigned i = 0; i < stand_count; i++) {
		double raw[WAYS][ROUNDS], net[WAYS][ROUNDS];

		for (unsigned way = 0; way < WAYS; way++) {
			for (unsigned n = 0; n < rounds; n++) {
				raw[way][n] = stands[i].samples[way][n].net_ns;
				net[way][n] = raw[way][n] - stands[0].samples[way][n].net_ns;
			}
		}
		json_array_append_new(
			report->offered,
			json_pack("{ss sf sf sf sf}", "receiver", stands[i].receiver->name,
				  "hot_raw_ns", median(raw[0], rounds), "hot_ns",
				  median(net[0], rounds), "random_raw_ns", median(raw[1], rounds),
				  "random_ns", median(net[1], rounds)));
	}
}

static void stands_close(void)
{
	while (stand_count > 0) {
		struct stand *s = &stands[--stand_count];

		if (s->xdp_link >= 0)
			close(s->xdp_link);
		close(s->netns);
	}
	if (generator_netns >= 0)
		close(generator_netns);
}

int offered_measure(struct report *report, struct err *e)
{
	struct packet syn = {.flags = TCP_SYN, .tcp_options = 20};
	char source[ADDR_TEXT_MAX];
	double begin = clocks_now().wall_ns;
	unsigned round = 0;
	int r;

	syn.from = source_text(HOT_INDEX, 4, source);
	frame_build(&frame, &syn);
	r = core_pin(e);
	softirq_find(core_of_bench());
	if (!r && (generator_netns = netns_make(e)) < 0)
		r = generator_netns;
	if (!r)
		r = stands_make(report, e);
	for (; !r && round < ROUNDS && !is_time_up(begin, round); round++)
		for (unsigned i = 0; !r && i < stand_count; i++)
			for (unsigned way = 0; !r && way < WAYS; way++)
				r = stand_sample(&stands[i], way, round, e);
	if (!r)
		stands_report(report, round);
	stands_close();
	return r;
}
