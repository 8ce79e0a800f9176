/* SPDX-License-Identifier: BSD-2-Clause */
/* Receivers of offered load: each in a network namespace of its own, all at once. */
#ifndef BENCH_OFFERED_H
#define BENCH_OFFERED_H

#include "command.h"

/* Small enough that the set of sources nftables counts (METER_SIZE) holds them all. */
#define METER_SOURCES 50000U
#define METER_SIZE    65536U

#define RECEIVER_LINK "bench-rx"

struct receiver {
	const char *name;
	uint32_t listed;     /* sources to draw from; all of them are dropped */
	bool drops_everyone; /* strangers too */
	bool is_ours;	     /* without it there is no bench */
	/*
	 * Put the filter onto RECEIVER_LINK; runs in the receiver's namespace. Returns the
	 * descriptor of an XDP program to attach, 0 when the filter stands, -ENOENT when something
	 * is not installed, or -errno.
	 */
	int (*set_up)(struct report *r, struct err *e);
};

extern const struct receiver receivers[];
extern const unsigned receiver_count;

#endif
