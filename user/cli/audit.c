/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit: is the mail server well kept? The parent opens what is read and written with its privileges, and reads nothing foreign; a worker, which has
 * none, does the rest. Files take their places when the worker has succeeded, or not at all. A worker that does not end is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/report.h"
#include "base/when.h"
#include "cli/audit.h"
#include "cli/replaced.h"

#define GRACE_S	      60 /* the audit keeps to its limit by itself; what it has begun may end */
#define MS_PER_S      1000ULL
#define STATUS_SIGNAL 128 /* and the number: as a shell has it */
#define SHOWN_MAX     200

/* ---- the baseline ---- */

/* Bytes that nobody looks at here. A file that is not there is an empty one where it is going to be made. */
static int old_read(const struct audit_ask *ask, struct audit_work *w, struct err *e)
{
	char shown[SHOWN_MAX];
	struct stat st;
	int fd = open(ask->baseline, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;

	text_escape(ask->baseline, strlen(ask->baseline), shown, sizeof(shown));
	if (fd < 0 && errno == ENOENT && ask->updates)
		return 0;
	if (fd < 0)
		return err_set(e, -errno, "cannot read the baseline %s: %s", shown,
			       strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > BASELINE_BYTES_MAX) {
		close(fd);
		return err_set(e, -EINVAL,
			       "the baseline %s is no ordinary file of at most %d bytes", shown,
			       BASELINE_BYTES_MAX);
	}
	w->old = malloc((size_t)st.st_size + 1);
	while (w->old && n > 0 && w->old_length < (size_t)st.st_size) {
		n = read(fd, w->old + w->old_length, (size_t)st.st_size - w->old_length);
		w->old_length += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (!w->old || n < 0)
		return err_set(e, w->old ? -EIO : -ENOMEM, "cannot read the baseline %s", shown);
	return 0;
}

/* ---- the worker, seen from outside ---- */

static void signals_of_interest(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static void worker_be(const struct audit_work *w, const sigset_t *before)
{
	int status;

	/* A parent that is killed takes the worker with it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != w->parent)
		_exit(AUDIT_WORK_FAILED);
	(void)sigprocmask(SIG_SETMASK, before, NULL);
	status = audit_work(w);
	if (fflush(stdout))
		status = AUDIT_WORK_FAILED;
	_exit(status);
}

/* Until it ends, the time is over, or a signal comes: then it is killed. *signal: that which came, or 0. */
static int worker_wait(pid_t pid, int signals, unsigned limit_s, int *signal, bool *is_late)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	uint64_t until_ns = now_monotonic_ns() + (limit_s + GRACE_S) * NS_PER_S, now_ns;
	struct signalfd_siginfo info;

	while ((now_ns = now_monotonic_ns()) < until_ns && !*signal) {
		/* A limit may be of years, which poll(2) cannot count. */
		uint64_t left_ms = (until_ns - now_ns) / NS_PER_MS + 1;
		int ready = poll(fds, sizeof(fds) / sizeof(fds[0]),
				 left_ms < INT_MAX ? (int)left_ms : INT_MAX);

		if (ready > 0 && fds[1].revents & POLLIN &&
		    read(signals, &info, sizeof(info)) == sizeof(info))
			*signal = (int)info.ssi_signo;
		if ((ready < 0 && errno != EINTR) || (ready > 0 && fds[0].revents))
			break;
	}
	*is_late = now_monotonic_ns() >= until_ns;
	if (*signal || *is_late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	return status;
}

/* The worker's exit status, or AUDIT_WORK_FAILED with why it has none said. */
static int worker_judge(const struct audit_work *w, int status, bool is_late)
{
	char limit[DURATION_TEXT_MAX];

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (is_late)
		(void)audit_fail(w->cli, w->ask,
				 "the audit took longer than %s (--limit) and was ended",
				 duration_describe(w->ask->request.time_limit_s, limit));
	else
		(void)audit_fail(w->cli, w->ask,
				 "the process that reads what servers say was ended by signal %d%s",
				 WTERMSIG(status),
				 WTERMSIG(status) == SIGSYS ? ", for a system call it may not make"
							    : "");
	return AUDIT_WORK_FAILED;
}

/* Its status, or AUDIT_WORK_FAILED; *signal: the one that ended us. */
static int worker_run(const struct audit_work *w, int *signal)
{
	sigset_t set, before;
	pid_t pid;
	int signals, status;
	bool is_late = false;

	signals_of_interest(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	fflush(stdout);
	pid = signals < 0 ? -1 : fork();
	if (pid == 0)
		worker_be(w, &before);
	if (pid < 0) {
		(void)audit_fail(w->cli, w->ask, "cannot start a process: %s", strerror(errno));
		status = AUDIT_WORK_FAILED;
	} else {
		status = worker_wait(pid, signals, w->ask->request.time_limit_s, signal, &is_late);
		status = *signal ? AUDIT_WORK_FAILED : worker_judge(w, status, is_late);
	}
	if (signals >= 0)
		close(signals);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

/* ---- the whole ---- */

/* With the files in their places. */
static int audit_finish(const struct audit_work *w, int status, struct replaced *html,
			struct replaced *next)
{
	struct err e = {0};

	if (status == AUDIT_WORK_FAILED)
		return w->ask->nagios ? REPORT_NAGIOS_UNKNOWN : REPORT_NOTHING;
	if (replaced_commit(html, &e) < 0 || replaced_commit(next, &e) < 0)
		return audit_fail(w->cli, w->ask, "%s", e.text);
	return status;
}

static int password_read(const struct cli *cli, struct audit_ask *ask, struct err *e)
{
	bool is_open = false;
	int ret = audit_secret_read(ask->imap_password, ask->request.imap_password, &is_open, e);

	if (is_open)
		cli_warn(cli, "the file of --imap-password can be read by everybody here");
	return ret;
}

static int audit_once(struct cli *cli, struct audit_ask *ask)
{
	struct audit_work w = {.cli = cli, .ask = ask, .parent = getpid()};
	struct replaced html = {.fd = -1}, next = {.fd = -1};
	struct err e = {0};
	int status, signal = 0, ret = 0;

	if (ask->imap_password)
		ret = password_read(cli, ask, &e);
	if (ret == 0 && ask->baseline)
		ret = old_read(ask, &w, &e);
	if (ret == 0 && ask->html)
		ret = replaced_open(&html, ask->html, &e);
	if (ret == 0 && ask->updates)
		ret = replaced_open(&next, ask->baseline, &e);
	if (ret < 0) {
		status = audit_fail(cli, ask, "%s", e.text);
	} else {
		w.html_fd = html.fd;
		w.baseline_fd = next.fd;
		status = audit_finish(&w, worker_run(&w, &signal), &html, &next);
	}
	replaced_abandon(&html);
	replaced_abandon(&next);
	free(w.old);
	return signal ? STATUS_SIGNAL + signal : status;
}

int verb_audit(struct cli *cli, const struct sentence *s)
{
	struct audit_ask *ask = calloc(1, sizeof(*ask));
	struct err e = {0};
	int status;

	if (!ask)
		return cli_fail(cli, REPORT_NOTHING, "out of memory");
	if (audit_ask_parse(s, ask, &e)) {
		/* To a monitoring system 2 would be CRITICAL. */
		ask->nagios = sentence_get(s, "--nagios");
		status = ask->nagios ? audit_fail(cli, ask, "%s", e.text)
				     : cli_fail(cli, CLI_MISUSED, "audit: %s", e.text);
	} else if (cli->json && ask->nagios) {
		status = cli_fail(cli, CLI_MISUSED, "audit: --json does not go with --nagios");
	} else if (sentence_get(s, "--schedule")) {
		status = audit_schedule(cli, s, ask);
	} else if (sentence_get(s, "--unschedule")) {
		status = audit_unschedule(cli, s, ask);
	} else {
		status = audit_once(cli, ask);
	}
	explicit_bzero(ask->request.imap_password, sizeof(ask->request.imap_password));
	free(ask);
	return status;
}
