/* SPDX-License-Identifier: BSD-2-Clause */
/* A reader without privileges: see import_worker.h. */
#include "cli/import_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/drop.h"

#define WORKER_FILES	8   /* standard streams, the pipe, what it reads */
#define WORKER_NOT_RUN	101 /* its privileges could not be given up */
#define ENTRIES_AT_ONCE 1024

__attribute__((noreturn)) static void worker_be(const struct import_work *w, int fd, pid_t parent)
{
	const struct drop drop = {.files = WORKER_FILES};
	struct err e = {0};
	int status;

	if (drop_for_parent(&drop, parent, &e) < 0) {
		fprintf(stderr, "postern: %s\n", e.text);
		_exit(WORKER_NOT_RUN);
	}
	status = w->run(w->context, fd);
	if (fflush(stdout) && status == 0)
		status = 1;
	_exit(status);
}

/* Until the worker has closed its end. */
static int entries_read(const struct import_work *w, int fd, char **bytes, size_t *used)
{
	size_t room = 0, most = w->entry_size * w->entries_max;
	ssize_t n = 1;

	while (n > 0) {
		if (*used + w->entry_size > room) {
			char *more;

			room = room ? 2 * room : w->entry_size * ENTRIES_AT_ONCE;
			more = realloc(*bytes, room);
			if (!more)
				return -ENOMEM;
			*bytes = more;
		}
		n = read(fd, *bytes + *used, room - *used);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			*used += (size_t)n;
		if (*used > most)
			return -E2BIG;
	}
	return n < 0 ? -errno : 0;
}

static int status_of(pid_t pid, struct err *e)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status))
		return err_set(e, -EIO, "the process that reads it was ended by signal %d%s",
			       WTERMSIG(status),
			       WTERMSIG(status) == SIGSYS ? ", for a system call it may not make"
							  : "");
	if (WEXITSTATUS(status) == WORKER_NOT_RUN)
		return err_set(e, -EPERM, "privileges cannot be given up: nothing was read");
	return WEXITSTATUS(status);
}

int import_worker(const struct import_work *w, void **entries, size_t *count, struct err *e)
{
	pid_t parent = getpid(), pid;
	char *bytes = NULL;
	size_t used = 0;
	int fds[2], ret, status;

	*entries = NULL;
	*count = 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		worker_be(w, fds[1], parent);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return err_set(e, -EAGAIN, "cannot start a process: %s", strerror(errno));
	}
	ret = entries_read(w, fds[0], &bytes, &used);
	close(fds[0]);
	status = status_of(pid, e);
	if (ret < 0)
		status = err_set(e, ret, "cannot read all of it: %s", strerror(-ret));
	if (status < 0) {
		free(bytes);
		return status;
	}
	*entries = bytes;
	*count = used / w->entry_size;
	return status;
}
