/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever touches the path of a feed may hang there: a file system of another host, or one that a program serves, need not answer. So the
 * controller touches none. It sends a hand, a process that watches the directory, looks at the file or opens it for the reader, tells
 * how that went and ends. One that does not come back is left behind.
 */
#ifndef DAEMON_FEEDING_HAND_H
#define DAEMON_FEEDING_HAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

struct feedhand_order {
	const char *path;
	int inotify; /* to watch its directory from now on; -1: it is watched, or nobody watches */
	int reader;  /* a reader's channel, which is told to read the file; -1: only look at it */
	int memory;  /* what the reader writes to */
};

/* What a hand says at its end. */
struct feedhand_said {
	int32_t watch;	/* of inotify, -1 none */
	int32_t result; /* 0, or -errno of looking or opening: -ENOENT it is not there */
	struct stat seen;
	char why[ERR_TEXT_MAX];
};

/* *channel: on which it says that, once; the caller's. All else stays the caller's too. Its pid, for feedhand_reap(), or -errno. */
pid_t feedhand_send(const struct feedhand_order *o, int *channel, struct err *e);
/* Is it gone? Then *hand is 0, which is none. Never waits. Only as long as this says no may *hand be killed: later that is another's number. */
bool feedhand_reap(pid_t *hand);

#endif
