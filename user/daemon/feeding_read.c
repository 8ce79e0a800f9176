/* SPDX-License-Identifier: BSD-2-Clause */
/* One feed at a time is read by a child of its own, so that the memory it takes is taken once, and is given back. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/feeding_child.h"
#include "daemon/feeding_file.h"
#include "daemon/feeding_inside.h"
#include "daemon/messages.h"

/* The largest file there may be takes some ten seconds on a slow machine. */
#define READ_WAIT_MS 60000

void feeding_read_stop(struct feeding *f)
{
	if (f->patience)
		loop_remove(f->d->loop, f->patience);
	channel_close(f->channel);
	if (f->pid > 0)
		nursery_end_child(f->d->nursery, f->pid);
	if (f->memory >= 0)
		close(f->memory);
	f->patience = NULL;
	f->channel = NULL;
	f->pid = 0;
	f->memory = f->reading = -1;
}

static void read_end(struct feeding *f, struct feedlist *fresh, const struct err *e)
{
	unsigned i = (unsigned)f->reading;

	feeding_read_stop(f);
	feeding_decide(f, i, fresh, e);
	feeding_read_next(f);
}

/* That may be no fault of the file, but of a host that was short of memory: it is looked at again (feeding_watch.c). */
static void read_fail(struct feeding *f, const char *why)
{
	struct err e = {0};

	f->fed[f->reading].seen = (struct stat){0};
	err_set(&e, -EIO, "%s", why);
	read_end(f, NULL, &e);
}

static void read_heard(void *context, const void *bytes, size_t length)
{
	struct feeding *f = context;
	struct feedlist fresh = {0};
	struct err e = {0};
	const union message *m = message_check(bytes, length, 1U << MESSAGE_FEED, &e);
	int ret = m ? m->feed.result : -EBADMSG;

	if (m && ret == 0)
		ret = feedlist_take(&fresh, &f->fed[f->reading].conf, f->memory, m->feed.length,
				    &e);
	else if (m)
		err_set(&e, ret, "%s", m->feed.why);
	read_end(f, ret ? NULL : &fresh, &e);
}

static void read_gone(void *context)
{
	read_fail(context, "its reader died over it");
}

static void read_late(void *context)
{
	read_fail(context, "its reader did not come to an end");
}

static int read_start(struct feeding *f, int file, struct err *e)
{
	int fd = -1, ret;

	f->memory = feedlist_memory(e);
	if (f->memory < 0)
		return f->memory;
	f->pid = nursery_spawn(f->d->nursery, CHILD_FEEDER, NULL, 0, -1, &fd, e);
	if (f->pid < 0)
		return f->pid;
	ret = feeder_order(fd, file, f->memory, e);
	if (ret) {
		close(fd);
		return ret;
	}
	ret = channel_open(&f->channel, f->d->loop, fd, sizeof(union message), read_heard,
			   read_gone, f, e);
	if (ret == 0)
		ret = loop_add_timer(f->d->loop, READ_WAIT_MS, 0, read_late, f, &f->patience);
	return ret;
}

void feeding_read_next(struct feeding *f)
{
	while (f->reading < 0) {
		struct err e = {0};
		unsigned i = 0;
		int file, ret;

		while (i < f->count && !f->fed[i].wanted)
			i++;
		if (i == f->count)
			return;
		/* Watching comes before looking, or what changes in between is missed. */
		feeding_watch(f);
		f->fed[i].wanted = false;
		file = feedfile_open(f->fed[i].conf.file, &e);
		if (file >= 0) {
			if (fstat(file, &f->fed[i].seen))
				f->fed[i].seen = (struct stat){0};
			f->reading = (int)i;
			ret = read_start(f, file, &e);
			close(file);
			if (ret == 0)
				return;
			feeding_read_stop(f);
			f->fed[i].seen = (struct stat){0};
		}
		feeding_decide(f, i, NULL, &e);
	}
}
