/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verbs behind keys: see top.h. The verb itself is run, so that whatever it refuses, warns of and reports is what the command line says; in a
 * forked process, since it speaks on standard output, where the screen is, and so that the screen outlives whatever becomes of it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/top.h"

#define REST_MAX   4096 /* bytes at once of what has no room, and is thrown away */
#define ACT_WAIT_S 30	/* a long import may hold the store's lock */

__attribute__((noreturn)) static void act_child(struct cli *cli, const struct verb *verb,
						const char *const *words, unsigned count, int out)
{
	static struct sentence s;
	struct err e = {0};
	sigset_t none;
	int status;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(CLI_FAILED);
	cli->verb = verb;
	cli->json = false;
	if (sentence_parse_with(verb->syntax, verb->options, words, count, &s, &e))
		status = cli_fail(cli, CLI_MISUSED, "%s: %s", verb->name, e.text);
	else
		status = verb->run(cli, &s);
	fflush(stdout);
	_exit(status);
}

/* Until it has closed its end. False: it takes too long. */
static bool act_read(int fd, char *text, size_t size)
{
	uint64_t end_ns = now_boot_ns() + ACT_WAIT_S * NS_PER_S;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	size_t used = 0;
	char rest[REST_MAX] = "";

	for (;;) {
		uint64_t now = now_boot_ns();
		bool has_room = used + 1 < size;
		ssize_t n;

		if (now >= end_ns)
			return false;
		if (poll(&wait, 1, (int)((end_ns - now) / NS_PER_MS) + 1) <= 0)
			continue;
		n = read(fd, has_room ? text + used : rest,
			 has_room ? size - 1 - used : sizeof(rest));
		if (n <= 0)
			return true;
		used += has_room ? (size_t)n : 0;
		text[used] = '\0';
	}
}

int top_act(struct cli *cli, const char *name, const char *const *words, unsigned count, char *text,
	    size_t size)
{
	const struct verb *verb = verb_find(name);
	int ends[2], status = 0;
	bool ended;
	pid_t pid;

	text[0] = '\0';
	if (!verb || pipe(ends))
		return CLI_FAILED;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		act_child(cli, verb, words, count, ends[1]);
	close(ends[1]);
	ended = pid > 0 && act_read(ends[0], text, size);
	close(ends[0]);
	if (pid < 0) {
		snprintf(text, size, "cannot fork: %s", strerror(errno));
		return CLI_FAILED;
	}
	if (!ended) {
		(void)kill(pid, SIGKILL);
		snprintf(text, size, "it took longer than %d s, and was given up", ACT_WAIT_S);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
}
