/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child to test with: these programs have a responder of their own, which takes the place of the real one and does what its
 * settings say. Waiting for the end of processes that are nobody's children here goes by pidfd.
 */
#ifndef SELFTESTS_NURSERY_RIG_H
#define SELFTESTS_NURSERY_RIG_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "daemon/messages.h"
#include "daemon/nursery.h"

#define PATIENCE_MS 10000 /* a guard against hanging: nothing here takes so long */

/* What the child does, by the first byte of its settings. */
enum play {
	PLAY_SERVE = 's', /* gets ready and answers each message with the same one, until the end */
	PLAY_DIE = 'd',	  /* at once */
	PLAY_LIE = 'l',	  /* gets ready and says something that has no place there */
	PLAY_HANG = 'h',  /* gets ready and never looks again */
	PLAY_TELL = 't',  /* says nothing but what it finds itself to be */
};

static inline void wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)poll(&p, 1, PATIENCE_MS);
}

/* The process is dead; a zombie counts. */
static inline bool is_dead_soon(pid_t pid)
{
	struct pollfd p = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	bool dead = p.fd < 0 ? errno == ESRCH : poll(&p, 1, PATIENCE_MS) == 1;

	if (p.fd >= 0)
		close(p.fd);
	return dead;
}

static inline bool is_dead_now(pid_t pid)
{
	struct pollfd p = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	bool dead = p.fd < 0 || poll(&p, 1, 0) == 1;

	if (p.fd >= 0)
		close(p.fd);
	return dead;
}

#endif
