/* SPDX-License-Identifier: BSD-2-Clause */
/* Running the peers' own tools, and the namespaces and interfaces they stand in. */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

#include "bench.h"

#define COMMAND_SAID_MAX 4096 /* all that dnsperf says */

struct used { /* by a command */
	struct clocks spent;
	double peak_mb;
	char said[COMMAND_SAID_MAX]; /* the beginning of its output, both streams */
};

/*
 * Run argv (found by PATH) in the network namespace of this thread, with input (may be NULL) as its
 * standard input. used may be NULL. 0; -ENOENT: not installed; -EIO: it failed, and e has the
 * first line it said.
 */
int command_run(const char *const argv[], const char *input, struct used *used, struct err *e);

/*
 * Start argv, on one CPU alone, to run until it is stopped; what it says is dropped. It gets SIGINT when this process ends. 0; -ENOENT: not
 * installed; or -errno.
 */
int command_start(const char *const argv[], int cpu, pid_t *pid, struct err *e);
void command_stop(pid_t pid); /* by SIGINT; 0 is fine */

/* The CPU that this thread measures on: the last; what serves it goes to the first. */
int core_of_bench(void);
int core_pin(struct err *e); /* this thread stays there. 0 or -errno */

int netns_own(void); /* a descriptor of this thread's, or -1 */
/* A network namespace of its own, left again at once: a descriptor of it, or -errno. */
int netns_make(struct err *e);
void netns_enter(int fd); /* aborts when refused: all that follows would go astray */

/* So that an interface without an XDP program takes redirected frames, by NAPI. 0 or -errno. */
int link_set_gro(const char *name);

/* A number from a file of /proc that has lines "PREFIX: n n n": the field after `field` others. */
uint64_t proc_number(const char *path, const char *prefix, unsigned field);

#endif
