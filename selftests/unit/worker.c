/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for a command's worker: how it ends, and what comes meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/worker.h"
#include "tap.h"

#define SAID "what it has found"

static int seven_work(void *context, int fd, pid_t parent)
{
	(void)context;
	/* No pipe, and who waits. */
	return fd < 0 && parent == getppid() ? 7 : 8;
}

static int say_work(void *context, int fd, pid_t parent)
{
	(void)parent;
	return write(fd, context, strlen(context)) == (ssize_t)strlen(context) ? 0 : 1;
}

static int endless_work(void *context, int fd, pid_t parent)
{
	(void)parent;
	while (write(fd, context, strlen(context)) > 0)
		;
	return 0;
}

static int killed_work(void *context, int fd, pid_t parent)
{
	(void)fd;
	(void)parent;
	return raise(*(const int *)context);
}

/* It does not end by itself: only the signal that it sends can end it. */
static int signalling_work(void *context, int fd, pid_t parent)
{
	(void)fd;
	(void)kill(parent, *(const int *)context);
	while (pause() < 0)
		;
	return 0;
}

static int signal_and_end_work(void *context, int fd, pid_t parent)
{
	(void)fd;
	return kill(parent, *(const int *)context);
}

static int run(int (*work)(void *, int, pid_t), void *context, size_t most, char **bytes,
	       size_t *length, struct err *e)
{
	const struct worker w = {
		.run = work, .context = context, .what = "tests", .bytes_max = most};
	unsigned before = tap_descriptors();
	int ret = worker_run(&w, bytes, length, e);

	EXPECT(tap_descriptors() == before, "nothing is left open");
	return ret;
}

TEST(its_status_and_what_it_says)
{
	char *bytes = NULL;
	size_t length = 0;
	struct err e = {0};

	EXPECT(run(seven_work, NULL, 0, NULL, NULL, &e) == 7, "%s", e.text);
	EXPECT(run(say_work, (char *)SAID, strlen(SAID), &bytes, &length, &e) == 0, "%s", e.text);
	EXPECT(length == strlen(SAID) && memcmp(bytes, SAID, length) == 0, "%zu bytes", length);
	free(bytes);
}

TEST(one_that_says_too_much_is_ended)
{
	char *bytes = NULL;
	size_t length = 0;
	struct err e = {0};
	int ret = run(endless_work, (char *)SAID, 1 << 20, &bytes, &length, &e);

	EXPECT(ret == -E2BIG && !bytes && strstr(e.text, "more than it may"), "%d: %s", ret,
	       e.text);
}

/* More at a time than a pipe holds, so that there is always something to read. */
static int talking_work(void *context, int fd, pid_t parent)
{
	static const char much[1 << 20];

	(void)context;
	(void)parent;
	while (write(fd, much, sizeof(much)) > 0)
		;
	return 0;
}

TEST(one_that_never_stops_talking_is_late_like_any_other)
{
	const struct worker w = {
		.run = talking_work, .what = "tests", .bytes_max = 256 << 20, .limit_ms = 20};
	struct err e = {0};
	int ret = worker_run(&w, NULL, NULL, &e);

	EXPECT(ret == -ETIME && strstr(e.text, "took too long"), "%d: %s", ret, e.text);
}

TEST(one_that_is_ended_is_told)
{
	static const struct {
		int signal;
		const char *says;
	} rows[] = {
		{SIGKILL, "the process that tests was ended by signal 9"},
		{SIGSYS, "was ended by signal 31, for a system call it may not make"},
		{SIGXCPU, "for it took too much of the processor"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int signal = rows[i].signal, ret;
		struct err e = {0};

		ret = run(killed_work, &signal, 0, NULL, NULL, &e);
		EXPECT(ret == -EIO && strstr(e.text, rows[i].says), "%d: %s", ret, e.text);
	}
}

TEST(a_signal_to_us_ends_it)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t before = {0}, after = {0};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int signal = signals[i], ret;
		struct err e = {0};

		sigprocmask(SIG_SETMASK, NULL, &before);
		ret = run(signalling_work, &signal, 0, NULL, NULL, &e);
		EXPECT(ret == WORKER_SIGNALLED + signal && !e.text[0], "%d: %s", ret, e.text);
		/* Also where both have ended before we look. */
		ret = run(signal_and_end_work, &signal, 0, NULL, NULL, &e);
		EXPECT(ret == WORKER_SIGNALLED + signal, "%d", ret);
		sigprocmask(SIG_SETMASK, NULL, &after);
		EXPECT(memcmp(&before, &after, sizeof(before)) == 0, "the mask is as it was");
	}
}

TEST(a_signal_that_is_ignored_stays_so)
{
	int signal_number = SIGHUP, ret;
	struct err e = {0};

	signal(SIGHUP, SIG_IGN);
	ret = run(signal_and_end_work, &signal_number, 0, NULL, NULL, &e);
	EXPECT(ret == 0, "%d: %s", ret, e.text);
	signal(SIGHUP, SIG_DFL);
}

static int print_work(void *context, int fd, pid_t parent)
{
	(void)context;
	(void)fd;
	(void)parent;
	puts(SAID);
	return 0;
}

TEST(output_that_is_lost_is_told)
{
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC), ret;
	struct err e = {0};

	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	ret = run(print_work, NULL, 0, NULL, NULL, &e);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(full);
	EXPECT(ret == -EIO && strstr(e.text, "standard output"), "%d: %s", ret, e.text);
}
