/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See worker.h. The signals that end a command are blocked while it waits and read like everything else, so that none slips in between a
 * look and the wait; one that is ignored (nohup(1)) stays so.
 */
#include "cli/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/when.h"

#define KILLED_WAIT_MS 500	  /* a process that can be killed is gone by then */
#define BYTES_FIRST    (64 << 10) /* as much as a pipe holds (pipe(7)) */
#define STATUS_LOST    101	  /* what it printed went nowhere */
#define CPU_GRACE_S    1	  /* from SIGXCPU to SIGKILL (setrlimit(2)) */

struct waiting {
	const struct worker *worker;
	pid_t pid;
	int process, signals, pipe; /* descriptors; pipe -1: there is none, or it has ended */
	uint64_t until_ns;	    /* 0 never */
	int signal;		    /* that came */
	bool is_late;
	char *bytes;
	size_t length, room;
	int fault; /* of what it wrote: -errno */
};

static void signals_of_interest(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction now;

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

__attribute__((noreturn)) static void worker_be(const struct worker *w, int fd, pid_t parent,
						const sigset_t *before)
{
	int status;

	/* A parent that is killed takes the worker with it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_LOST);
	if (w->cpu_s) {
		const struct rlimit cpu = {w->cpu_s, w->cpu_s + CPU_GRACE_S};

		(void)setrlimit(RLIMIT_CPU, &cpu);
	}
	(void)sigprocmask(SIG_SETMASK, before, NULL);
	status = w->run(w->context, fd, parent);
	_exit(fflush(stdout) || ferror(stdout) ? STATUS_LOST : status);
}

int worker_drop(const struct cli *cli, unsigned files, pid_t parent)
{
	const struct drop drop = {.files = files};
	struct err e = {0};

	return drop_for_parent(&drop, parent, &e) < 0 ? cli_fail_err(cli, WORKER_FAILED, &e) : 0;
}

int worker_let_go(const int *keep, size_t count)
{
	int r = drop_descriptors(keep, count), null = r ? r : open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return r ? r : -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			r = -errno;
	close(null);
	return r;
}

/* ---- seen from outside ---- */

static void pipe_end(struct waiting *w)
{
	close(w->pipe);
	w->pipe = -1;
}

static void pipe_read(struct waiting *w)
{
	ssize_t n;

	if (w->length == w->room) {
		size_t room = w->room ? 2 * w->room : BYTES_FIRST;
		char *more = realloc(w->bytes, room);

		if (!more) {
			w->fault = -ENOMEM;
			return;
		}
		w->bytes = more;
		w->room = room;
	}
	n = read(w->pipe, w->bytes + w->length, w->room - w->length);
	if (n > 0)
		w->length += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		w->fault = -errno;
	else if (n == 0)
		pipe_end(w);
	if (w->length > w->worker->bytes_max)
		w->fault = -E2BIG;
}

static void signal_read(struct waiting *w)
{
	struct signalfd_siginfo info;

	if (!w->signal && read(w->signals, &info, sizeof(info)) == sizeof(info))
		w->signal = (int)info.ssi_signo;
}

/* A limit may be of years, which poll(2) cannot count. */
static int left_ms(const struct waiting *w)
{
	uint64_t now_ns = now_monotonic_ns(), ms;

	if (!w->until_ns)
		return -1;
	ms = w->until_ns > now_ns ? (w->until_ns - now_ns) / NS_PER_MS + 1 : 0;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* Until it has ended, its pipe has, the time is over, or a signal comes. */
static void events_wait(struct waiting *w)
{
	bool has_ended = false;

	while ((!has_ended || w->pipe >= 0) && !w->signal && !w->is_late && !w->fault) {
		struct pollfd fds[] = {{.fd = has_ended ? -1 : w->process, .events = POLLIN},
				       {.fd = w->signals, .events = POLLIN},
				       {.fd = w->pipe, .events = POLLIN}};
		int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), left_ms(w));

		if (ready < 0 && errno != EINTR)
			w->fault = -errno;
		if (ready > 0 && fds[1].revents)
			signal_read(w);
		if (ready > 0 && fds[2].revents)
			pipe_read(w);
		has_ended |= ready > 0 && fds[0].revents;
		/* Also one that always has something to say; and nobody who is done. */
		w->is_late = (!has_ended || w->pipe >= 0) && w->until_ns &&
			     now_monotonic_ns() >= w->until_ns;
	}
	/* One that came since ends us all the same. */
	signal_read(w);
}

static int worker_judge(const struct waiting *w, int status, struct err *e)
{
	const char *what = w->worker->what;
	int number = WTERMSIG(status);

	if (w->signal)
		return WORKER_SIGNALLED + w->signal;
	if (w->is_late)
		return err_set(e, -ETIME, "the process that %s took too long and was ended", what);
	if (w->fault == -E2BIG)
		return err_set(e, -E2BIG, "the process that %s says more than it may", what);
	if (w->fault)
		return err_set(e, w->fault, "cannot hear the process that %s: %s", what,
			       strerror(-w->fault));
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_LOST)
		return err_set(e, -EIO, "cannot write to standard output");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return err_set(e, -EIO, "the process that %s was ended by signal %d%s", what, number,
		       number == SIGSYS	   ? ", for a system call it may not make"
		       : number == SIGXCPU ? ", for it took too much of the processor"
					   : "");
}

/* One that hangs in a file system which does not answer hears not even this: it is left behind. */
static void worker_kill(const struct waiting *w)
{
	struct pollfd end = {.fd = w->process, .events = POLLIN};

	(void)kill(w->pid, SIGKILL);
	(void)poll(&end, 1, KILLED_WAIT_MS);
}

static int worker_wait(struct waiting *w, struct err *e)
{
	int status = 0, flags = 0;

	w->process = (int)syscall(SYS_pidfd_open, w->pid, 0);
	w->fault = w->process < 0 ? -errno : 0;
	events_wait(w);
	if (w->signal || w->is_late || w->fault) {
		worker_kill(w);
		flags = WNOHANG;
	}
	while (waitpid(w->pid, &status, flags) < 0 && errno == EINTR)
		;
	if (w->process >= 0)
		close(w->process);
	return worker_judge(w, status, e);
}

/* Forks. 0 or -errno; what is in w is to be closed in any case. */
static int worker_start(struct waiting *w, const sigset_t *set, const sigset_t *before)
{
	pid_t parent = getpid();
	int fds[2] = {-1, -1}, fault = 0;

	w->signals = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0 || (w->worker->bytes_max && pipe2(fds, O_CLOEXEC) < 0))
		return -errno;
	w->pipe = fds[0];
	fflush(stdout);
	w->pid = fork();
	if (w->pid == 0) {
		close(w->signals);
		if (fds[0] >= 0)
			close(fds[0]);
		worker_be(w->worker, fds[1], parent, before);
	}
	if (w->pid < 0)
		fault = -errno;
	if (fds[1] >= 0)
		close(fds[1]);
	return fault;
}

int worker_run(const struct worker *worker, char **bytes, size_t *length, struct err *e)
{
	struct waiting w = {.worker = worker, .signals = -1, .pipe = -1, .process = -1};
	sigset_t set, before;
	int ret;

	if (worker->limit_ms)
		w.until_ns = now_monotonic_ns() + worker->limit_ms * NS_PER_MS;
	signals_of_interest(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	ret = worker_start(&w, &set, &before);
	if (ret < 0)
		err_set(e, ret, "cannot start a process: %s", strerror(-ret));
	else
		ret = worker_wait(&w, e);
	if (w.signals >= 0)
		close(w.signals);
	if (w.pipe >= 0)
		close(w.pipe);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (ret != 0 || !bytes) {
		free(w.bytes);
		w.bytes = NULL;
		w.length = 0;
	}
	if (bytes) {
		*bytes = w.bytes;
		*length = w.length;
	}
	return ret;
}

int worker_wrote(int ret, const char *what, struct err *e)
{
	return ret < 0 ? err_set(e, ret, "cannot write %s: %s", what, strerror(-ret)) : 0;
}
