/* SPDX-License-Identifier: BSD-2-Clause */
/* journalctl(1) as a process of the keeper's: see following_journal.h. */
#include "daemon/following_journal.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maillog/find.h"

#define END_MS 200 /* who was killed is gone by then, or waits for a disk */

int journalctl_start(struct journalctl *j, int pipe_fd, int64_t since, struct err *e)
{
	/* Asked before: one that comes meanwhile is seen by the next look. */
	unsigned journals = maillog_journals();
	pid_t pid = maillog_start_journal(pipe_fd, since, true, e);

	if (pid < 0)
		return pid;
	j->pid = pid;
	j->journals = journals;
	return 0;
}

/* It may be waiting for a disk, and we do not wait for it. */
void journalctl_reap(struct journalctl *j)
{
	if (j->ended && waitpid(j->ended, NULL, WNOHANG) != 0)
		j->ended = 0;
}

void journalctl_wait(struct journalctl *j)
{
	struct pollfd end = {.fd = j->ended ? pidfd_open(j->ended, 0) : -1, .events = POLLIN};

	if (end.fd < 0)
		return;
	(void)poll(&end, 1, END_MS);
	close(end.fd);
	journalctl_reap(j);
}

void journalctl_end(struct journalctl *j)
{
	if (!j->pid)
		return;
	(void)kill(j->pid, SIGKILL);
	j->ended = j->pid;
	j->pid = 0;
	journalctl_reap(j);
}

bool journalctl_is_outdated(const struct journalctl *j)
{
	return j->pid && (maillog_journals() & ~j->journals) != 0;
}
