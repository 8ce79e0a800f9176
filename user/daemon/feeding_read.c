/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One feed at a time is read, by a child of its own, so that the memory it takes is taken once, and is given back. A hand (feeding_hand.h)
 * gives the file to it. Each has its time. Of a file system that does not answer the list that is in force stays, and nothing but
 * the process that hangs there is lost; as long as that is there, its feed is not tried again.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/feeding_child.h"
#include "daemon/feeding_inside.h"
#include "daemon/messages.h"

#define HAND_WAIT_MS 10000 /* a disk that had gone to sleep has come up by then */
/* The largest file there may be takes some ten seconds on a slow machine. */
#define READ_WAIT_MS 60000
#define END_WAIT_S   1	 /* who was told to end and is not gone by then hangs */
#define END_LOOK_MS  100 /* and until then he is looked after so often */

#define NO_ANSWER "its file system does not answer"

static struct fed *now_read(struct feeding *f)
{
	return &f->fed[f->reading];
}

void feeding_read_stop(struct feeding *f)
{
	struct fed *one;

	if (f->reading < 0)
		return;
	one = now_read(f);
	loop_remove(f->d->loop, f->patience);
	channel_close(f->hand);
	channel_close(f->reader);
	if (!feedhand_reap(&one->hand))
		(void)kill(one->hand, SIGKILL);
	if (one->reader > 0)
		nursery_end_child(f->d->nursery, one->reader);
	one->ended_ns = now_boot_ns();
	if (f->memory >= 0)
		close(f->memory);
	f->patience = NULL;
	f->hand = f->reader = NULL;
	f->memory = f->reading = -1;
}

/* It has told its end, and needs no more than that: its number may be another's soon. */
static void reader_over(struct feeding *f)
{
	struct fed *one = now_read(f);

	if (one->reader > 0)
		nursery_end_child(f->d->nursery, one->reader);
	one->reader = 0;
}

static void read_end(struct feeding *f, struct feedlist *fresh, const struct err *e)
{
	unsigned i = (unsigned)f->reading;
	bool looked = f->looking;

	feeding_read_stop(f);
	if (!looked)
		feeding_decide(f, i, fresh, e);
	feeding_read_next(f);
}

/* That may be no fault of the file, but of a host that was short of memory: it is looked at again (feeding_watch.c). */
static void read_fail(struct feeding *f, const char *why)
{
	struct err e = {0};

	if (!f->looking)
		now_read(f)->seen = (struct stat){0};
	err_set(&e, -EIO, "%s", why);
	read_end(f, NULL, &e);
}

/* ---- the reader ---- */

static void read_heard(void *context, const void *bytes, size_t length)
{
	struct feeding *f = context;
	struct feedlist fresh = {0};
	struct err e = {0};
	const union message *m = message_check(bytes, length, 1U << MESSAGE_FEED, &e);
	int ret = m ? m->feed.result : -EBADMSG;

	reader_over(f);
	if (m && ret == 0)
		ret = feedlist_take(&fresh, &now_read(f)->conf, f->memory, m->feed.length, &e);
	else if (m)
		err_set(&e, ret, "%s", m->feed.why);
	read_end(f, ret ? NULL : &fresh, &e);
}

static void read_gone(void *context)
{
	reader_over(context);
	read_fail(context, "its reader died over it");
}

static void read_late(void *context)
{
	struct feeding *f = context;

	read_fail(f, f->hand ? NO_ANSWER : "its reader did not come to an end");
}

static int patience_begin(struct feeding *f, uint64_t ms, struct err *e)
{
	int ret;

	loop_remove(f->d->loop, f->patience);
	f->patience = NULL;
	ret = loop_add_timer(f->d->loop, ms, 0, read_late, f, &f->patience);
	return ret ? err_set(e, ret, "cannot wait for its reader: %s", strerror(-ret)) : 0;
}

/* ---- the hand ---- */

static void hand_heard(void *context, const void *bytes, size_t length)
{
	struct feeding *f = context;
	struct fed *one = now_read(f);
	struct feedhand_said said;
	struct err e = {0};

	if (length != sizeof(said)) {
		read_fail(f, "nobody could open it");
		return;
	}
	memcpy(&said, bytes, sizeof(said));
	channel_close(f->hand);
	f->hand = NULL;
	if (one->watch < 0 && said.watch >= 0) {
		one->watch = said.watch;
		/* What happened before is not told. */
		one->wanted = one->wanted || f->looking;
	}
	if (said.result)
		err_set(&e, said.result, "%s", said.why);
	if (f->looking && said.result == 0)
		feeding_watch_looked(one, &said.seen);
	else if (!f->looking)
		one->seen = said.seen;
	if (f->looking || said.result || patience_begin(f, READ_WAIT_MS, &e))
		read_end(f, NULL, &e);
}

static void hand_gone(void *context)
{
	read_fail(context, "nobody could open it");
}

static int hand_send(struct feeding *f, struct fed *one, int reader, struct err *e)
{
	struct feedhand_order order = {.path = one->conf.file,
				       .inotify = one->watch < 0 ? f->inotify : -1,
				       .reader = reader,
				       .memory = f->memory};
	int fd = -1;

	one->hand = feedhand_send(&order, &fd, e);
	if (one->hand < 0)
		return one->hand;
	return channel_open(&f->hand, f->d->loop, fd, sizeof(struct feedhand_said), hand_heard,
			    hand_gone, f, e);
}

/* ---- both ---- */

static int read_start(struct feeding *f, struct fed *one, struct err *e)
{
	int fd = -1, ret;

	f->memory = feedlist_memory(e);
	if (f->memory < 0)
		return f->memory;
	one->reader = nursery_spawn(f->d->nursery, CHILD_FEEDER, NULL, 0, -1, &fd, e);
	if (one->reader < 0)
		return one->reader;
	ret = hand_send(f, one, fd, e);
	if (ret) {
		close(fd);
		return ret;
	}
	return channel_open(&f->reader, f->d->loop, fd, sizeof(union message), read_heard,
			    read_gone, f, e);
}

/* The nursery has the reader, and reaps it. */
static bool is_gone(struct fed *one)
{
	if (one->reader > 0 && kill(one->reader, 0) < 0 && errno == ESRCH)
		one->reader = 0;
	return feedhand_reap(&one->hand) && one->reader <= 0;
}

void feeding_read_reap(struct feeding *f)
{
	for (unsigned i = 0; i < f->count; i++)
		(void)is_gone(&f->fed[i]);
	for (unsigned i = 0; i < CONF_FEEDS_MAX; i++)
		(void)feedhand_reap(&f->lost[i]);
}

void feeding_read_leave(struct feeding *f, pid_t hand)
{
	for (unsigned i = 0; i < CONF_FEEDS_MAX && hand > 0; i++)
		if (!f->lost[i]) {
			f->lost[i] = hand;
			return;
		}
}

static int start(struct feeding *f, unsigned i, struct err *e)
{
	struct fed *one = &f->fed[i];
	int ret;

	f->looking = !one->wanted;
	one->wanted = one->look = false;
	if (!is_gone(one))
		return err_set(e, -EAGAIN, NO_ANSWER);
	one->hand = one->reader = 0;
	f->reading = (int)i;
	ret = f->looking ? hand_send(f, one, -1, e) : read_start(f, one, e);
	if (ret == 0)
		ret = patience_begin(f, HAND_WAIT_MS, e);
	if (ret)
		feeding_read_stop(f);
	return ret;
}

/* Told to end, and under way to it: in a moment its feed can be tried again. */
static bool is_ending(struct fed *one)
{
	return now_boot_ns() - one->ended_ns < END_WAIT_S * NS_PER_S && !is_gone(one);
}

/* Those that are wanted come first. -1: there is none. */
static int find_next(struct feeding *f)
{
	int found = -1;

	for (unsigned i = 0; i < f->count; i++) {
		struct fed *one = &f->fed[i];

		if (!one->wanted && (!one->look || found >= 0))
			continue;
		if (is_ending(one)) {
			feeding_read_soon(f, END_LOOK_MS);
			continue;
		}
		found = (int)i;
		if (one->wanted)
			break;
	}
	return found;
}

void feeding_read_next(struct feeding *f)
{
	int i;

	while (f->reading < 0 && (i = find_next(f)) >= 0) {
		struct err e = {0};

		if (start(f, (unsigned)i, &e) == 0 || f->looking)
			continue;
		f->fed[i].seen = (struct stat){0};
		feeding_decide(f, (unsigned)i, NULL, &e);
	}
}
