/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the children come from: see nursery.h. This file is both sides of one small talk: the keeper's calls, each a request with
 * descriptors and an answer, and the process that serves them. The nursery reads nothing but the keeper's requests and keeps
 * nothing but a list of its children. Who outlives whom is settled twice: each side sees its socket end, and the kernel kills
 * the children of a nursery that is gone.
 */
#include "daemon/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/drop.h"
#include "base/log.h"
#include "base/passing.h"
#include "conf/conf.h"

#define ANSWER_WAIT_S 10   /* a fork takes a millisecond; past this the nursery hangs */
#define END_WAIT_MS   2000 /* for the nursery to end its children */
/* Of each kind one, and one that is just ending; and of each feed a reader that hangs in the file system. */
#define CHILDREN_MAX	   (2 * CHILD_KINDS + CONF_FEEDS_MAX)
#define SETTINGS_MAX_BYTES (1 << 20)	     /* those of the DNS have some 150 KB */
#define FD_HIGH		   64		     /* out of the way of those that are put in place */
#define FD_FIRST	   3		     /* behind the standard ones */
#define NAME_NURSERY	   "postern-nursery" /* 15 bytes are shown */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* linux/memfd.h, since 6.3 */
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const struct {
	const char *name, *process;
} kinds[CHILD_KINDS] = {
	[CHILD_RESOLVER] = {"resolver", "postern-resolver"},
	[CHILD_RESPONDER] = {"responder", "postern-responder"},
	[CHILD_FOLLOWER] = {"follower", "postern-follower"},
	[CHILD_METER] = {"meter", "postern-meter"},
	[CHILD_FEEDER] = {"feed reader", "postern-feeder"},
	[CHILD_PROVIDERS] = {"SPF reader", "postern-spf"},
};

const char *child_name(enum child_kind kind)
{
	return kinds[kind].name;
}

enum order { ORDER_SPAWN = 1, ORDER_END };

struct request {
	uint32_t order; /* enum order */
	uint32_t kind;	/* enum child_kind */
	int32_t pid;	/* of whom to end */
	uint32_t pad;
};

/* The first is said without a request: how the nursery came up. */
struct answer {
	int32_t result; /* a pid, 0 or -errno */
	char text[ERR_TEXT_MAX];
};

/* What comes with a request to spawn, in this order; the last may be missing. */
enum { FD_CHANNEL, FD_SETTINGS, FD_EXTRA, FDS_MAX };
_Static_assert(FDS_MAX <= PASSING_MAX, "they come with one message");

/* ---- a child ---- */

/* Nobody can change it any more while it is read, or that would be a race. */
static void *settings_read(int fd, size_t *length)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *settings;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 || st.st_size < 0 ||
	    st.st_size > SETTINGS_MAX_BYTES)
		return NULL;
	*length = (size_t)st.st_size;
	settings = malloc(*length ? *length : 1);
	if (settings && pread(fd, settings, *length, 0) != st.st_size) {
		free(settings);
		return NULL;
	}
	return settings;
}

static void signals_reset(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGHUP, SIGTERM};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	/*
	 * A service manager signals all processes of a service, a terminal all of its group. The keeper hears that, and ends the
	 * rest by their sockets when it has no use for them any more.
	 */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int child_live(enum child_kind kind, const int fds[FDS_MAX], const void *settings,
		      size_t length)
{
	switch (kind) {
	case CHILD_RESOLVER:
		return resolver_run(fds[FD_CHANNEL], settings, length);
	case CHILD_RESPONDER:
		return responder_run(fds[FD_CHANNEL], fds[FD_EXTRA], settings, length);
	case CHILD_FOLLOWER:
		return follower_run(fds[FD_CHANNEL], fds[FD_EXTRA], settings, length);
	case CHILD_METER:
		return meter_run(fds[FD_CHANNEL], fds[FD_EXTRA], settings, length);
	case CHILD_FEEDER:
		return feeder_run(fds[FD_CHANNEL]);
	case CHILD_PROVIDERS:
		return providers_run(fds[FD_CHANNEL], settings, length);
	case CHILD_KINDS:
		break;
	}
	return EXIT_FAILURE;
}

__attribute__((noreturn)) static void child_run(enum child_kind kind, const int fds[FDS_MAX],
						pid_t nursery)
{
	size_t length = 0;
	void *settings;

	signals_reset();
	(void)prctl(PR_SET_NAME, kinds[kind].process, 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != nursery ||
	    drop_descriptors(fds, FDS_MAX) < 0)
		_exit(EXIT_FAILURE);
	settings = settings_read(fds[FD_SETTINGS], &length);
	close(fds[FD_SETTINGS]);
	if (!settings) {
		log_error("the %s cannot read its settings", kinds[kind].name);
		_exit(EXIT_FAILURE);
	}
	_exit(child_live(kind, fds, settings, length));
}

/* ---- the nursery's process ---- */

struct ward {
	pid_t pid; /* 0: none */
	enum child_kind kind;
	bool ended; /* by order: its death is no news */
};

struct wards {
	struct ward ward[CHILDREN_MAX];
};

static struct ward *ward_find(struct wards *w, pid_t pid)
{
	for (int i = 0; i < CHILDREN_MAX; i++)
		if (w->ward[i].pid == pid)
			return &w->ward[i];
	return NULL;
}

static void ward_died(const struct ward *w, int status)
{
	const char *name = kinds[w->kind].name;

	if (w->ended)
		return;
	if (WIFSIGNALED(status))
		log_error("the %s (process %d) was killed by signal %d (%s)%s", name, w->pid,
			  WTERMSIG(status), strsignal(WTERMSIG(status)),
			  WTERMSIG(status) == SIGSYS ? ", for a system call that it may not make"
						     : "");
	else if (WEXITSTATUS(status))
		log_error("the %s (process %d) ended with status %d", name, w->pid,
			  WEXITSTATUS(status));
}

static void wards_reap(struct wards *w, int flags)
{
	struct ward *ward;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0 || (pid < 0 && errno == EINTR)) {
		ward = pid > 0 ? ward_find(w, pid) : NULL;
		if (!ward)
			continue;
		ward_died(ward, status);
		ward->pid = 0;
	}
}

static void ward_end(struct ward *w)
{
	w->ended = true;
	(void)kill(w->pid, SIGKILL);
}

static pid_t wards_spawn(struct wards *w, uint32_t kind, const int fds[FDS_MAX])
{
	struct ward *room = ward_find(w, 0);
	pid_t self = getpid(), pid;

	if (kind >= CHILD_KINDS || fds[FD_CHANNEL] < 0 || fds[FD_SETTINGS] < 0)
		return -EBADMSG;
	if (!room)
		return -EAGAIN;
	pid = fork();
	if (pid == 0)
		child_run(kind, fds, self);
	if (pid < 0)
		return -errno;
	*room = (struct ward){.pid = pid, .kind = kind};
	return pid;
}

static bool request_serve(int fd, struct wards *w)
{
	struct answer answer = {0};
	struct request q;
	int fds[PASSING_MAX];
	/* Else the keeper is gone, or says what it never would. */
	bool whole = passing_receive(fd, &q, sizeof(q), fds) == 0, ok = whole;
	struct ward *ward;

	if (whole && q.order == ORDER_SPAWN) {
		answer.result = wards_spawn(w, q.kind, fds);
		ok = send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer);
	} else if (whole && q.order == ORDER_END && q.pid > 0) {
		ward = ward_find(w, q.pid);
		if (ward)
			ward_end(ward);
	}
	for (int i = 0; i < PASSING_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return ok;
}

static void on_child(int number)
{
	(void)number; /* ppoll(2) is to come back, no more */
}

static void nursery_serve(int fd)
{
	struct sigaction on_death = {.sa_handler = on_child};
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct wards w = {0};
	sigset_t deaths, none;
	int ready;

	sigemptyset(&none);
	sigemptyset(&deaths);
	sigaddset(&deaths, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &deaths, NULL);
	(void)sigaction(SIGCHLD, &on_death, NULL);
	do {
		ready = ppoll(&wait, 1, NULL, &none);
		wards_reap(&w, WNOHANG);
	} while (ready <= 0 || request_serve(fd, &w)); /* not ready: a child has died */
	for (int i = 0; i < CHILDREN_MAX; i++)
		if (w.ward[i].pid)
			ward_end(&w.ward[i]);
	wards_reap(&w, 0);
}

/* The socket behind the standard descriptors, which lead nowhere but to the log, and nothing else. */
static int descriptors_settle(int fd, struct err *e)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH), null = open("/dev/null", O_RDWR);

	if (high < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0) ||
	    dup3(high, FD_FIRST, O_CLOEXEC) < 0 || close_range(FD_FIRST + 1, UINT_MAX, 0) < 0)
		return err_set(e, -errno, "the nursery cannot put its descriptors in order: %s",
			       strerror(errno));
	return 0;
}

__attribute__((noreturn)) static void nursery_run(int fd, pid_t keeper)
{
	struct answer hello = {0};
	struct err e = {0};
	int ret = descriptors_settle(fd, &e);

	if (ret == 0)
		fd = FD_FIRST;
	(void)setsid();
	signals_reset();
	(void)prctl(PR_SET_NAME, NAME_NURSERY, 0, 0, 0);
	if (ret == 0)
		ret = drop_identity(&e);
	/* The change of user has taken it away, if it was set before. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	hello.result = ret;
	memcpy(hello.text, e.text, sizeof(hello.text));
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) == sizeof(hello) && ret == 0 &&
	    getppid() == keeper)
		nursery_serve(fd);
	_exit(ret ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- the keeper's side ---- */

struct nursery {
	int fd; /* -1: it is gone */
	pid_t pid;
};

static void nursery_lose(struct nursery *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

static int answer_read(struct nursery *n, struct answer *a, struct err *e)
{
	ssize_t length;

	do {
		length = recv(n->fd, a, sizeof(*a), 0);
	} while (length < 0 && errno == EINTR);
	if (length == sizeof(*a)) {
		a->text[sizeof(a->text) - 1] = '\0';
		return 0;
	}
	/* An answer that comes later would be taken for that to another question. */
	nursery_lose(n);
	return err_set(e, -EPIPE,
		       length < 0 && errno == EAGAIN
			       ? "the nursery, from which children come, does not answer: restart "
				 "postern"
			       : "the nursery, from which children come, is gone: restart postern");
}

static int nursery_wait_hello(struct nursery *n, struct err *e)
{
	const struct timeval patience = {.tv_sec = ANSWER_WAIT_S};
	struct answer hello;
	int ret;

	if (setsockopt(n->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return err_set(e, -errno, "cannot prepare the nursery: %s", strerror(errno));
	ret = answer_read(n, &hello, e);
	if (ret == 0 && hello.result < 0)
		ret = err_set(e, hello.result, "%s", hello.text);
	return ret;
}

int nursery_open(struct nursery **out, struct err *e)
{
	struct nursery *n = calloc(1, sizeof(*n));
	pid_t keeper = getpid();
	int ends[2], ret;

	if (!n)
		return err_set(e, -ENOMEM, "no memory for the nursery");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		ret = err_set(e, -errno, "cannot make a pair of sockets: %s", strerror(errno));
		free(n);
		return ret;
	}
	n->fd = ends[0];
	n->pid = fork();
	if (n->pid == 0)
		nursery_run(ends[1], keeper);
	ret = n->pid < 0 ? err_set(e, -errno, "cannot fork the nursery: %s", strerror(errno)) : 0;
	close(ends[1]);
	if (ret == 0)
		ret = nursery_wait_hello(n, e);
	if (ret < 0)
		nursery_close(n);
	else
		*out = n;
	return ret;
}

static int settings_write(const void *settings, size_t length, struct err *e)
{
	int fd =
		memfd_create("postern-settings", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	int ret;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("postern-settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(e, -errno, "cannot make a memory file: %s", strerror(errno));
	if (pwrite(fd, settings, length, 0) == (ssize_t)length &&
	    fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	ret = err_set(e, errno ? -errno : -EIO, "cannot write a memory file: %s", strerror(errno));
	close(fd);
	return ret;
}

/* Gives the descriptors and hears how it went. */
static pid_t nursery_order(struct nursery *n, enum child_kind kind, const int *fds, size_t count,
			   struct err *e)
{
	const struct request q = {.order = ORDER_SPAWN, .kind = kind};
	struct answer answer;
	int ret;

	/* Whether it could be said or not: if the other side is gone, reading tells. */
	(void)passing_send(n->fd, &q, sizeof(q), fds, count);
	ret = answer_read(n, &answer, e);
	if (ret < 0)
		return ret;
	if (answer.result < 0)
		return err_set(e, answer.result, "the nursery cannot make a process: %s",
			       strerror(-answer.result));
	return answer.result;
}

pid_t nursery_spawn(struct nursery *n, enum child_kind kind, const void *settings, size_t length,
		    int extra, int *channel, struct err *e)
{
	int ends[2], fds[FDS_MAX] = {[FD_EXTRA] = extra};
	pid_t ret;

	if (n->fd < 0)
		return err_set(e, -EPIPE,
			       "the nursery, from which children come, is gone: restart postern");
	if (length > SETTINGS_MAX_BYTES)
		return err_set(e, -E2BIG, "the settings of the %s are too long: %zu bytes",
			       kinds[kind].name, length);
	ret = channel_pair(ends, e);
	if (ret < 0)
		return ret;
	fds[FD_CHANNEL] = ends[1];
	ret = fds[FD_SETTINGS] = settings_write(settings, length, e);
	if (ret >= 0) {
		ret = nursery_order(n, kind, fds, extra < 0 ? FD_EXTRA : FDS_MAX, e);
		close(fds[FD_SETTINGS]);
	}
	close(ends[1]);
	if (ret < 0)
		close(ends[0]);
	else
		*channel = ends[0];
	return ret;
}

void nursery_end_child(struct nursery *n, pid_t pid)
{
	const struct request q = {.order = ORDER_END, .pid = pid};

	if (n->fd >= 0)
		(void)passing_send(n->fd, &q, sizeof(q), NULL, 0);
}

void nursery_close(struct nursery *n)
{
	struct pollfd wait = {.events = POLLIN};

	if (!n)
		return;
	nursery_lose(n);
	if (n->pid > 0) {
		wait.fd = pidfd_open(n->pid, 0);
		if (wait.fd >= 0) {
			(void)poll(&wait, 1, END_WAIT_MS);
			close(wait.fd);
		}
		(void)waitpid(n->pid, NULL, WNOHANG);
	}
	free(n);
}
