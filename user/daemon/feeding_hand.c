/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hand: see feeding_hand.h. It is forked from the controller and is as much root as that, since a feed may be readable for root alone; but it
 * gives up every capability and all descriptors that it does not need, and reads not one byte.
 */
#include "daemon/feeding_hand.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/drop.h"
#include "daemon/feeding_child.h"
#include "daemon/feeding_file.h"

#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR)
#define NAME   "postern-hand"

static int directory_watch(const struct feedhand_order *o)
{
	const char *slash = strrchr(o->path, '/');
	char directory[PATH_MAX];

	if (!slash || o->inotify < 0)
		return -1;
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - o->path + 1), o->path);
	return inotify_add_watch(o->inotify, directory, EVENTS);
}

static int file_look(const char *path, struct stat *seen, struct err *e)
{
	return stat(path, seen) ? err_set(e, -errno, "it cannot be looked at: %s", strerror(errno))
				: 0;
}

static int file_give(const struct feedhand_order *o, struct stat *seen, struct err *e)
{
	int file = feedfile_open(o->path, e);

	if (file < 0)
		return file;
	if (fstat(file, seen))
		*seen = (struct stat){0};
	return feeder_order(o->reader, file, o->memory, e);
}

__attribute__((noreturn)) static void hand_run(const struct feedhand_order *o, int channel,
					       pid_t keeper)
{
	const int keep[] = {o->inotify, o->reader, o->memory, channel};
	struct feedhand_said said = {.watch = -1};
	struct err e = {0};

	(void)prctl(PR_SET_NAME, NAME, 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != keeper ||
	    drop_descriptors(keep, sizeof(keep) / sizeof(keep[0])))
		_exit(EXIT_FAILURE);
	/* One that hangs outlives us: who reads what we print would wait for its end. */
	(void)close_range(STDIN_FILENO, STDERR_FILENO, 0);
	said.result = drop_capabilities(0, &e);
	if (said.result == 0) {
		/* Watching comes before looking, or what changes in between is missed. */
		said.watch = directory_watch(o);
		said.result = o->reader < 0 ? file_look(o->path, &said.seen, &e)
					    : file_give(o, &said.seen, &e);
	}
	memcpy(said.why, e.text, sizeof(said.why));
	_exit(send(channel, &said, sizeof(said), MSG_NOSIGNAL) == sizeof(said) ? EXIT_SUCCESS
									       : EXIT_FAILURE);
}

pid_t feedhand_send(const struct feedhand_order *o, int *channel, struct err *e)
{
	pid_t keeper = getpid(), pid;
	int ends[2], ret = channel_pair(ends, e);

	if (ret < 0)
		return ret;
	pid = fork();
	if (pid == 0)
		hand_run(o, ends[1], keeper);
	close(ends[1]);
	if (pid < 0) {
		ret = err_set(e, -errno, "cannot fork: %s", strerror(errno));
		close(ends[0]);
		return ret;
	}
	*channel = ends[0];
	return pid;
}

/* Until it is waited for its number is nobody else's. */
bool feedhand_reap(pid_t *hand)
{
	if (*hand > 0 && waitpid(*hand, NULL, WNOHANG) != 0)
		*hand = 0;
	return *hand <= 0;
}
