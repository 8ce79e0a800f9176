/* SPDX-License-Identifier: BSD-2-Clause */
/* The journalctl(1) that writes the journal into the pipe of the follower. All zero is none. */
#ifndef DAEMON_FOLLOWING_JOURNAL_H
#define DAEMON_FOLLOWING_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct journalctl {
	pid_t pid;	   /* 0: none */
	pid_t ended;	   /* one that was told to end, and may not have yet; 0: none */
	unsigned journals; /* those that were there when it was started */
};

/* From since_wall_s on, or MAILLOG_FROM_END (maillog/find.h); there is none yet. 0 or -errno. */
int journalctl_start(struct journalctl *j, int pipe_fd, int64_t since_wall_s, struct err *e);
void journalctl_end(struct journalctl *j); /* does not wait for it */
/* Of one that was told to end; now and then. */
void journalctl_reap(struct journalctl *j);
/* At our end, for a moment. */
void journalctl_wait(struct journalctl *j);
/* Does it run, and is there a journal that it does not see? */
bool journalctl_is_old(const struct journalctl *j);

#endif
