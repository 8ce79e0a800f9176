/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real programs on a bench: loaded from the object that the skeleton carries, never attached or pinned, their maps
 * filled from a struct state, frames pushed through by BPF_PROG_TEST_RUN. Needs bpf(2) and
 * /sys/kernel/btf/vmlinux only, so that it runs in a bare initramfs.
 */
#ifndef PROG_RIG_H
#define PROG_RIG_H

#include "model.h"

/* What one frame changed. */
struct result {
	int verdict;
	int reason; /* whose counter rose; REASON_NONE: none */
	bool would; /* it was the counter of what would have been */
	enum pn_class class_;
	uint64_t bytes;	   /* by which its bytes rose */
	unsigned counters; /* how many rose: 0 or 1, or the programs count twice */
	uint64_t faults[PN_FAULTS];
	struct frame out;
};

/* Loads once for all tests, in a network namespace of its own. False: says why as a failed expectation. */
bool rig_open(void);
/* All maps as s says; nothing of an earlier state stays. */
bool rig_apply(const struct state *s);
/* One frame through pn_xdp. False when the kernel refused the run itself. */
bool rig_run(const uint8_t *bytes, size_t length, struct result *r);
/* Asks pn_why. */
bool rig_why(struct pn_why *w);
/* The arrival time that pn_rate holds for a source or network, 0 none. */
uint64_t rig_rate_of(const char *prefix);
uint64_t rig_total_arrival(void);
uint64_t rig_now_ns(void); /* CLOCK_MONOTONIC */
uint64_t rig_boot_ns(void);
/* The map itself, for what no state says. */
int rig_map_fd(const char *name);
/* Packets that a feed decided. */
uint64_t rig_feed_hits(uint32_t feed);
/* Of feeds.c, for fill.c: the bank to put in force, or 0. */
bool rig_put_feeds(const struct state *s, uint32_t *bank);
/* What rig.c and fill.c know of each other: the trie in the slot of pn_block; pn_wait, and that a SYN stands in it. */
int rig_block_fd(void);
bool rig_map_wait(void);
void rig_held(void);
/* The cells of pn_wait, for what no state says, and the object, for what is attached. */
struct pn_wait *rig_wait(void);
struct bpf_object;
struct bpf_object *rig_object(void);
/* Whether the test's network namespace forwards packets; at first it does not. */
bool rig_forward(bool on);
/* Changes the knobs of the state applied last. */
bool rig_tune(void (*change)(struct pn_conf *conf));

/* The result is what the model, or a row, says. Prints state and frame when not. */
bool rig_agrees(const char *sentence, const struct result *r, const struct outcome *o,
		const struct frame *in);

#endif
