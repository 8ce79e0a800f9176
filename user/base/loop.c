/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop: see loop.h. A source that is removed while events are being handed out is only
 * marked, and freed after the last of them: an event of the same batch may still point at it.
 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/when.h"

#define BATCH 32 /* events per epoll_wait(2); what is more comes with the next */

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNAL, SOURCE_CLOCK };

struct loop_source {
	struct loop_source *next;
	enum source_kind kind;
	int fd;
	bool once; /* a timer that nobody can remove goes when it has fired */
	bool dead;
	void *context;
	union {
		loop_fd_fn fd_fn;
		loop_timer_fn timer_fn;
		loop_signal_fn signal_fn;
	};
};

struct loop {
	int epoll_fd;
	bool stopped;
	bool handing_out;
	struct loop_source *sources;
};

int loop_new(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int ret;

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		ret = -errno;
		free(loop);
		return ret;
	}
	*out = loop;
	return 0;
}

static void source_free(struct loop_source *s)
{
	if (s->kind != SOURCE_FD)
		close(s->fd);
	free(s);
}

static void loop_sweep(struct loop *loop)
{
	struct loop_source **link = &loop->sources, *s;

	while ((s = *link)) {
		if (s->dead) {
			*link = s->next;
			source_free(s);
		} else {
			link = &s->next;
		}
	}
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (struct loop_source *s = loop->sources; s; s = s->next)
		s->dead = true;
	loop_sweep(loop);
	close(loop->epoll_fd);
	free(loop);
}

/* Enters a source made by the caller. On failure fd stays the caller's. */
static int source_add(struct loop *loop, const struct loop_source *model, uint32_t events,
		      struct loop_source **out)
{
	struct loop_source *s = malloc(sizeof(*s));
	struct epoll_event event = {.events = events};
	int ret;

	if (!s)
		return -ENOMEM;
	*s = *model;
	event.data.ptr = s;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, s->fd, &event) < 0) {
		ret = -errno;
		free(s);
		return ret;
	}
	s->next = loop->sources;
	loop->sources = s;
	if (out)
		*out = s;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *context,
		struct loop_source **out)
{
	struct loop_source s = {.kind = SOURCE_FD, .fd = fd, .context = context, .fd_fn = fn};

	return source_add(loop, &s, events, out);
}

int loop_set_events(struct loop *loop, struct loop_source *source, uint32_t events)
{
	/* Asked for or not, a hang-up is reported; edge-triggered it is so once, and not for as long as nobody closes. */
	struct epoll_event event = {.events = events ? events : EPOLLET, .data.ptr = source};

	if (source->dead)
		return 0;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

static struct timespec timespec_of_ms(uint64_t ms)
{
	return (struct timespec){.tv_sec = (time_t)(ms / MS_PER_S),
				 .tv_nsec = (long)(ms % MS_PER_S * NS_PER_MS)};
}

/* For the descriptors that the loop owns: closed when they cannot be entered. */
static int source_add_own(struct loop *loop, const struct loop_source *model,
			  struct loop_source **out)
{
	int ret = source_add(loop, model, EPOLLIN, out);

	if (ret < 0)
		close(model->fd);
	return ret;
}

int loop_add_timer(struct loop *loop, uint64_t first_ms, uint64_t every_ms, loop_timer_fn fn,
		   void *context, struct loop_source **out)
{
	struct loop_source s = {.kind = SOURCE_TIMER,
				.once = !every_ms && !out,
				.context = context,
				.timer_fn = fn};
	struct itimerspec when = {.it_value = timespec_of_ms(first_ms),
				  .it_interval = timespec_of_ms(every_ms)};
	int ret;

	if (!first_ms)
		when.it_value.tv_nsec = 1; /* a value of 0 would disarm it */
	s.fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s.fd < 0)
		return -errno;
	if (timerfd_settime(s.fd, 0, &when, NULL) < 0) {
		ret = -errno;
		close(s.fd);
		return ret;
	}
	return source_add_own(loop, &s, out);
}

int loop_add_signal(struct loop *loop, int signal, loop_signal_fn fn, void *context)
{
	struct loop_source s = {.kind = SOURCE_SIGNAL, .context = context, .signal_fn = fn};
	sigset_t set;

	sigemptyset(&set);
	if (sigaddset(&set, signal) < 0)
		return -errno;
	s.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s.fd < 0)
		return -errno;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
		int ret = -errno;

		close(s.fd);
		return ret;
	}
	return source_add_own(loop, &s, NULL);
}

int loop_add_clock_step(struct loop *loop, loop_timer_fn fn, void *context)
{
	struct loop_source s = {.kind = SOURCE_CLOCK, .context = context, .timer_fn = fn};
	/* Armed for the end of time, and it stays so: only the cancelling matters. */
	struct itimerspec never = {.it_value.tv_sec = LONG_MAX};
	int ret;

	s.fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s.fd < 0)
		return -errno;
	if (timerfd_settime(s.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0) {
		ret = -errno;
		close(s.fd);
		return ret;
	}
	return source_add_own(loop, &s, NULL);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (!source || source->dead)
		return;
	/* The caller may have closed its descriptor already: then the kernel has forgotten it too.
	 */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->dead = true;
	if (!loop->handing_out)
		loop_sweep(loop);
}

static void timer_fire(struct loop *loop, struct loop_source *s)
{
	uint64_t expirations;

	/* Nothing to read: it was set anew since epoll_wait(2). */
	if (read(s->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	if (s->once)
		loop_remove(loop, s);
	s->timer_fn(s->context);
}

static void signal_fire(struct loop_source *s)
{
	struct signalfd_siginfo info;

	while (!s->dead && read(s->fd, &info, sizeof(info)) == sizeof(info))
		s->signal_fn(s->context, (int)info.ssi_signo);
}

static void clock_fire(struct loop_source *s)
{
	uint64_t expirations;

	if (read(s->fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED)
		s->timer_fn(s->context);
}

static void source_fire(struct loop *loop, struct loop_source *s, uint32_t events)
{
	switch (s->kind) {
	case SOURCE_FD:
		s->fd_fn(s->context, s->fd, events);
		break;
	case SOURCE_TIMER:
		timer_fire(loop, s);
		break;
	case SOURCE_SIGNAL:
		signal_fire(s);
		break;
	case SOURCE_CLOCK:
		clock_fire(s);
		break;
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[BATCH];
	int count, ret = 0;

	while (!loop->stopped) {
		count = epoll_wait(loop->epoll_fd, events, BATCH, -1);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			ret = -errno;
			break;
		}
		loop->handing_out = true;
		for (int i = 0; i < count && !loop->stopped; i++) {
			struct loop_source *s = events[i].data.ptr;

			if (!s->dead)
				source_fire(loop, s, events[i].events);
		}
		loop->handing_out = false;
		loop_sweep(loop);
	}
	loop->stopped = false;
	return ret;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
