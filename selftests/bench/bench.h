/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the gate costs, beside a floor and beside what else could be used, all measured in one run
 * and in interleaved rounds: the machines this runs on change their speed by two, so that only
 * ratios within a round say anything.
 *
 * Raw times are wall time per packet. Net times are the CPU time of the thread less the cost of the
 * call: what is spent waiting (the kernel waits some 10 ms for a grace period in each call) and
 * what others do meanwhile is not in them.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/json.h"
#include "draw.h"
#include "kern/gate.h"
#include "prog/packets.h"
#include "spread.h"

#define ROUNDS	       7    /* at most */
#define ROUNDS_LEAST   3    /* whatever the time: fewer have no median */
#define PART_NS	       60e9 /* no further round of a part after so long, so that all ends in 4 min */
#define SAMPLE_NS      100e6 /* many of the scheduler's slices; of CPU time, so enough */
#define FEW	       10000U
#define MANY	       (1U << 20) /* "1M" */
#define PREFIXES       100000U
#define MEASURED       100000U /* sources with a state in pn_rate */
#define PREFIX_V4_BITS 120     /* /24 of the mapped form: spread_v4 gives each source its own */
#define PREFIX_V6_BITS 48

/* ---- sample.c: time ---- */

struct sample {
	double raw_ns, net_ns; /* per packet */
};

struct clocks {
	double wall_ns, cpu_ns;
};
struct clocks clocks_now(void);
/* Is it time to end a part that began then and has measured so many rounds? */
bool is_time_up(double begin_ns, unsigned rounds);
double median(const double *values, unsigned count);
int compare_doubles(const void *a, const void *b); /* for qsort() */

/*
 * Run a program over a frame so many times and time it. flags: of BPF_PROG_TEST_RUN. *verdict is
 * that of the last run and may be NULL. Whole times, not per packet. 0 or -errno.
 */
int run_timed(int program, const struct frame *f, uint32_t repeat, uint32_t flags,
	      struct clocks *spent, uint32_t *verdict);
/* How often to repeat so that a sample takes about SAMPLE_NS. */
uint32_t repeat_for(double packet_ns);

/* What loading a list took, and the room it takes. */
struct list_cost {
	const char *what;
	struct clocks spent;
	double tool_mb; /* the tool's own memory at its peak; 0 unknown */
	int64_t told;	/* bytes in the kernel by its own word; 0 when it has none */
	int64_t grown;	/* bytes by which the kernel's memory grew; others' doings are in it */
	uint32_t entries;
};

/* ---- gates.c: pn_xdp with lists of every size ---- */

enum world {
	WORLD_EMPTY,	/* default configuration, empty lists */
	WORLD_FEW,	/* FEW single addresses in pn_rule */
	WORLD_MANY,	/* MANY */
	WORLD_PREFIXES, /* PREFIXES in pn_block: IPv4 /24, IPv6 /48 */
	WORLD_FEED,	/* MANY in a feed; IPv4 alone */
	WORLD_RATES,	/* MEASURED sources over their rate in pn_rate, some in pn_open */
	WORLDS,
};

/* The gate of a world and family (4 or 6), made when first asked for. */
int world_program(enum world w, int family, struct err *e); /* of pn_xdp, or -errno */
/* What filling a world's list, IPv4, took: text parsed and all. 0 or -errno. */
int world_imported(enum world w, struct list_cost *out, struct err *e);
/* Read the events that were told meanwhile, as a controller would: a full ring is cheaper. */
void worlds_drain(void);
void worlds_close(void);

/* ---- spray.c: the bench's own programs ---- */

int spray_open(const char *object, struct err *e);
int spray_program(const char *name); /* descriptor; aborts on a wrong name */
/* From where to draw: count sources from base on; ifindex for `send`, else 0. */
void spray_draw(const struct frame *f, uint32_t base, uint32_t count, uint32_t ifindex);
void spray_next(int program, bool plain); /* what `spray`, or `spray_plain`, goes on into */
void spray_close(void);

/* "192.0.2.1" or "2001:c000:201::1" of a number. Returns buffer. */
const char *source_text(uint32_t index, int family, char buffer[static ADDR_TEXT_MAX]);

/* ---- xdpfilter.c ---- */

/* xdp-filter's own program for a list of blocked sources with FEW of ours, or -errno. */
int xdpfilter_open(struct err *e);
void xdpfilter_close(void);

/* ---- the parts: rows go into arrays of JSON objects ---- */

struct report {
	json_t *programs, *offered, *lists, *dns, *contact, *bounds, *skipped;
};
int programs_measure(struct report *r, struct err *e); /* programs.c */
int offered_measure(struct report *r, struct err *e);  /* offered.c */
int verdicts_measure(struct report *r, struct err *e); /* verdicts.c */
int contact_measure(struct report *r, struct err *e);  /* contact.c */
void report_skip(struct report *r, const char *what, const char *why);
/* Of a bound one of most and least is 0: there is none. */
void report_bound(struct report *r, const char *sentence, double worst, double most, double least);
int report_print(const struct report *r);
int report_write(const struct report *r, const char *path, struct err *e);

/* Of all kernel memory that lists can lie in, from /proc/meminfo; -1 when unreadable. */
int64_t kernel_memory_bytes(void);
void list_report(struct report *r, const struct list_cost *c);

#endif
