/* SPDX-License-Identifier: BSD-2-Clause */
/* Time: see bench.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define REPEAT_LEAST 1000
#define REPEAT_MOST  100000000
/* The kernel's default; said because one flush of so many is what a NIC's poll gives. */
#define LIVE_BATCH 64

static double clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct clocks clocks_now(void)
{
	return (struct clocks){clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_THREAD_CPUTIME_ID)};
}

bool is_time_up(double begin_ns, unsigned rounds)
{
	return rounds >= ROUNDS_LEAST && clocks_now().wall_ns - begin_ns > PART_NS;
}

int run_timed(int program, const struct frame *f, uint32_t repeat, uint32_t flags,
	      struct clocks *spent, uint32_t *verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = (__u32)f->length,
		    .repeat = (int)repeat, .flags = flags);
	struct clocks begin, end;
	int r;

	if (flags & BPF_F_TEST_XDP_LIVE_FRAMES)
		opts.batch_size = LIVE_BATCH;
	begin = clocks_now();
	do {
		r = bpf_prog_test_run_opts(program, &opts);
	} while (r == -EINTR);
	end = clocks_now();
	*spent = (struct clocks){end.wall_ns - begin.wall_ns, end.cpu_ns - begin.cpu_ns};
	if (verdict)
		*verdict = opts.retval;
	return r;
}

uint32_t repeat_for(double packet_ns)
{
	double repeat = SAMPLE_NS / (packet_ns > 0.5 ? packet_ns : 0.5);

	return repeat < REPEAT_LEAST  ? REPEAT_LEAST
	       : repeat > REPEAT_MOST ? REPEAT_MOST
				      : (uint32_t)repeat;
}

int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(const double *values, unsigned count)
{
	double sorted[count ? count : 1];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare_doubles);
	return count ? sorted[count / 2] : 0;
}
