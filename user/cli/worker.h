/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command's worker: a process of its own for what is foreign, which gives up all privileges before it reads any of it. What it finds goes
 * back by a pipe, and is checked by who called. It ends when the command ends, and when the command is told to.
 */
#ifndef CLI_WORKER_H
#define CLI_WORKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cli/cli.h"

#define WORKER_FAILED 100 /* it could do nothing, and has told why: no status of what it does */
#define WORKER_SIGNALLED                                                                           \
	128 /* and the number, when a command is ended by a signal: as a shell has it */

struct worker {
	/*
	 * In the worker. fd: the end of the pipe that it writes to, -1 if there is none. parent: for drop_for_parent(). Its
	 * return value is its exit status, at most WORKER_FAILED.
	 */
	int (*run)(void *context, int fd, pid_t parent);
	void *context;
	const char *what;  /* it does: "reads the mail log" */
	size_t bytes_max;  /* that it may write; 0: there is no pipe */
	uint64_t limit_ms; /* after so long it is ended; 0: never */
	unsigned cpu_s;	   /* of a processor that it may use; 0: any */
};

/*
 * Run it. *bytes: what it wrote, *length of them, for the caller to free; both may be NULL where there is no pipe. Its exit status;
 * WORKER_SIGNALLED and the number when SIGINT, SIGTERM or SIGHUP came, for which it was ended and the command should end; or -errno with a
 * sentence: -EIO it was ended, or what it printed went nowhere; -ETIME it took too long; -E2BIG it wrote too much.
 */
int worker_run(const struct worker *w, char **bytes, size_t *length, struct err *e);

/* For run(): gives up everything. 0, or WORKER_FAILED with why told: then nothing foreign may be read. */
int worker_drop(const struct cli *cli, unsigned files, pid_t parent);

/*
 * For run(), where it may hang for ever: keeps these open, in no order, and nothing else whose end somebody waits for, as what we print to or
 * a lock. 0 or -errno.
 */
int worker_let_go(const int *keep, size_t count);

/* What writing it returned: 0, or -errno with a sentence. */
int worker_wrote(int ret, const char *what, struct err *e);

#endif
