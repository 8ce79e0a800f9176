/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the bench tells its programs: from which sources to draw, and where frames go. */
#ifndef BENCH_DRAW_H
#define BENCH_DRAW_H

struct draw {
	__u64 state;   /* of the generator; never 0 */
	__u32 base;    /* the first number, see spread.h */
	__u32 count;   /* how many; 1: the same source for ever */
	__u32 sum;     /* of the IPv4 header's words without source and checksum */
	__u32 ifindex; /* into which `send` redirects */
};

#endif
