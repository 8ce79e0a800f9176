/* SPDX-License-Identifier: BSD-2-Clause */
/* journalctl(1), which writes the mail log's lines into the pipe of the child that reads them. */
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

/* since: as maillog_start_journal() takes it. 0 or -errno. */
int journalctl_start(struct journalctl *j, int pipe_fd, int64_t since, struct err *e);
/* Tells it to end, and waits for nothing. */
void journalctl_end(struct journalctl *j);
/* Has it ended by now? */
void journalctl_reap(struct journalctl *j);
/* At our end: what runs longer than we do the service manager takes for left over, and says so. So it is waited for, for a moment. */
void journalctl_wait(struct journalctl *j);
/* Is there another journal than when it was started? Made persistent, it has a new directory: who reads on in the old one reads nothing any more. */
bool journalctl_is_outdated(const struct journalctl *j);

#endif
