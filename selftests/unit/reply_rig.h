/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A responder in a process of its own, that stands where tests can reach it: a dual-stack listener on a free port, a keeper
 * that answers as the test wants, and what it learnt in shared memory.
 */
#ifndef SELFTESTS_UNIT_REPLY_RIG_H
#define SELFTESTS_UNIT_REPLY_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tls.h"
#include "reply/reply.h"
#include "tap.h"
#include "unit/tls_rig.h"

#define RIG_WAIT_MS 10000 /* for what comes at once */
#define RIG_LATE_MS 50
#define RIG_LOOK_MS 5

enum rig_keeper { RIG_AT_ONCE, RIG_LATE, RIG_NEVER, RIG_FAILS };

/* Written by the responder's process. */
struct rig_seen {
	struct reply_status status;
	unsigned whys, said, looks;
	struct addr why_addr;
	uint16_t why_port;
	struct reply_said last;
	size_t heap;
};

struct rig_setting {
	struct reply_settings settings;
	struct reply_because because;
	enum rig_keeper keeper;
	bool has_tls;
	rlim_t files; /* 0: as many as it needs */
};

struct rig_host {
	const struct rig_setting *setting;
	struct rig_seen *seen;
	struct loop *loop;
	struct reply *reply;
	uint32_t late[64];
	unsigned late_count;
};

struct rig_responder {
	pid_t pid;
	uint16_t port;
	volatile struct rig_seen *seen;
};

static inline void rig_late(void *context)
{
	struct rig_host *h = context;

	for (unsigned i = 0; i < h->late_count; i++)
		reply_tell(h->reply, h->late[i], &h->setting->because);
	h->late_count = 0;
}

static inline int rig_why(void *context, uint32_t id, const struct addr *addr, uint16_t port)
{
	struct rig_host *h = context;

	h->seen->whys++;
	h->seen->why_addr = *addr;
	h->seen->why_port = port;
	switch (h->setting->keeper) {
	case RIG_AT_ONCE:
		reply_tell(h->reply, id, &h->setting->because);
		break;
	case RIG_LATE:
		h->late[h->late_count++ % 64] = id;
		loop_add_timer(h->loop, RIG_LATE_MS, 0, rig_late, h, NULL);
		break;
	case RIG_NEVER:
		break;
	case RIG_FAILS:
		return -EAGAIN;
	}
	return 0;
}

static inline void rig_said(void *context, const struct reply_said *said)
{
	struct rig_host *h = context;

	h->seen->last = *said;
	h->seen->said++;
}

static inline void rig_look(void *context)
{
	struct rig_host *h = context;

	reply_count(h->reply, &h->seen->status);
	h->seen->heap = mallinfo2().uordblks + mallinfo2().hblkhd;
	h->seen->looks++;
}

static inline void rig_serve(int listener, const struct rig_setting *setting, struct rig_seen *seen)
{
	static const struct reply_calls calls = {.why = rig_why, .said = rig_said};
	struct rig_host h = {.setting = setting, .seen = seen};
	struct rlimit files = {setting->files, setting->files};
	struct tls_server *server = NULL;
	struct err e = {0};
	static struct rig rig;

	if (setting->has_tls) {
		tls_prepare();
		rig_make(&rig, 1, NULL);
		if (tls_server_new(&server, rig.chain, rig.chain_length, rig.key, rig.key_length,
				   &e))
			_exit(1);
	}
	if (loop_new(&h.loop) ||
	    reply_open(&h.reply, h.loop, listener, &setting->settings, server, &calls, &h, &e))
		_exit(1);
	loop_add_timer(h.loop, 0, RIG_LOOK_MS, rig_look, &h, NULL);
	if (setting->files)
		setrlimit(RLIMIT_NOFILE, &files);
	loop_run(h.loop);
	_exit(0);
}

static inline bool rig_open(struct rig_responder *r, const struct rig_setting *setting)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), off = 0;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	r->seen = mmap(NULL, sizeof(*r->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (!EXPECT(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1024) == 0 &&
			    getsockname(fd, (struct sockaddr *)&at, &length) == 0,
		    "a listener: %s", strerror(errno)))
		return false;
	r->port = ntohs(at.sin6_port);
	fflush(stdout);
	r->pid = fork();
	if (r->pid == 0)
		rig_serve(fd, setting, (struct rig_seen *)r->seen);
	close(fd);
	return EXPECT(r->pid > 0, "fork");
}

static inline void rig_close(struct rig_responder *r)
{
	int status = 0;

	EXPECT(waitpid(r->pid, &status, WNOHANG) == 0, "the responder lives: status %x", status);
	kill(r->pid, SIGKILL);
	waitpid(r->pid, &status, 0);
	munmap((void *)r->seen, sizeof(*r->seen));
}

static inline bool rig_is_passed(const struct timespec *begun)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - begun->tv_sec > RIG_WAIT_MS / 1000;
}

/* Until it is so, or time is up. True when it is. */
#define RIG_UNTIL(condition)                                                                       \
	({                                                                                         \
		struct timespec rig_begun;                                                         \
		clock_gettime(CLOCK_MONOTONIC, &rig_begun);                                        \
		while (!(condition) && !rig_is_passed(&rig_begun))                                 \
			poll(NULL, 0, RIG_LOOK_MS);                                                \
		(condition);                                                                       \
	})

/* ---- clients ---- */

/* From an address of this host to the same. */
static inline int rig_dial(const struct rig_responder *r, const char *from)
{
	struct sockaddr_storage local = {0}, to = {0};
	struct timeval wait = {.tv_sec = RIG_WAIT_MS / 1000};
	bool is_v6 = strchr(from, ':');
	const int yes = 1;
	socklen_t size = is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	local.ss_family = to.ss_family = is_v6 ? AF_INET6 : AF_INET;
	inet_pton(local.ss_family, from,
		  is_v6 ? (void *)&((struct sockaddr_in6 *)&local)->sin6_addr
			: (void *)&((struct sockaddr_in *)&local)->sin_addr);
	inet_pton(to.ss_family, is_v6 ? "::1" : "127.0.0.1",
		  is_v6 ? (void *)&((struct sockaddr_in6 *)&to)->sin6_addr
			: (void *)&((struct sockaddr_in *)&to)->sin_addr);
	((struct sockaddr_in *)&to)->sin_port = htons(r->port);
	/* An address that is ours by a route alone. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (bind(fd, (struct sockaddr *)&local, size) ||
	    connect(fd, (struct sockaddr *)&to, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline void rig_say(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Reads exactly this text. */
static inline bool rig_hears(int fd, const char *text)
{
	char got[4096] = "";
	size_t at = 0, want = strlen(text);
	ssize_t n;

	while (at < want && (n = recv(fd, got + at, want - at, 0)) > 0)
		at += (size_t)n;
	return EXPECT(at == want && memcmp(got, text, want) == 0, "heard '%.*s', not '%s'", (int)at,
		      got, text);
}

static inline bool rig_hears_end(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	return EXPECT(n == 0, "the end, not %zd %s", n, n < 0 ? strerror(errno) : "");
}

/* Has it nothing to say? */
static inline bool rig_is_silent(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 200) == 0;
}

#endif
