/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading what others wrote: in a process of its own, which gives up all privileges first and can open nothing any more. What it finds
 * goes back by a pipe, as entries of one size, which the caller checks before it uses them.
 */
#ifndef CLI_IMPORT_WORKER_H
#define CLI_IMPORT_WORKER_H

#include <stddef.h>

#include "base/err.h"

struct import_work {
	/* In the worker. fd: the end of the pipe that it writes to. Its return value is its exit status, 0 to 100. */
	int (*run)(void *context, int fd);
	void *context;
	size_t entry_size; /* bytes */
	size_t entries_max;
};

/*
 * Run it. *entries: what it wrote, count of them, for the caller to free. The exit status, or -errno: -EIO it was ended, -E2BIG there was
 * more than entries_max.
 */
int import_worker(const struct import_work *w, void **entries, size_t *count, struct err *e);

#endif
