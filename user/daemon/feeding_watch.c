/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a feed's file has changed: inotify(7) on its directory tells of finished writes and of renames into place, and of nothing in between. A
 * burst of them is one. What inotify does not tell (a directory that comes, a file system of another host) is looked for now and then, and
 * then a file must have been left alone for a while. Nothing here touches a path: hands do (feeding_hand.h).
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/facts.h"
#include "daemon/feeding_inside.h"

#define SETTLE_MS    300 /* who writes several files, or one twice, is done by then */
#define LOOK_EVERY_S 10	 /* for directories that were not there */
#define FILES_EVERY  6	 /* of these, for files */
#define QUIET_S	     60	 /* since the last write, where nobody tells that it was the last */
#define READ_BYTES   4096

static const char *name_of(const struct fed *one)
{
	return strrchr(one->conf.file, '/') + 1;
}

static void settled(void *context)
{
	struct feeding *f = context;

	loop_remove(f->d->loop, f->settling);
	f->settling = NULL;
	feeding_read_next(f);
}

void feeding_read_soon(struct feeding *f, uint64_t ms)
{
	/* Without a timer those that are wanted wait for the next round. */
	if (!f->settling && loop_add_timer(f->d->loop, ms, 0, settled, f, &f->settling))
		f->settling = NULL;
}

/* A hand may have set a watch and not told yet which. */
static bool is_here(const struct feeding *f, unsigned i, int watch)
{
	const struct fed *one = &f->fed[i];

	return one->watch == watch || (one->watch < 0 && f->reading == (int)i);
}

static void event_read(struct feeding *f, const struct inotify_event *event)
{
	const uint32_t ends = IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT;

	for (unsigned i = 0; i < f->count; i++) {
		struct fed *one = &f->fed[i];

		if (one->watch == event->wd && event->mask & ends) {
			one->watch = -1;
			one->look = true;
		} else if (event->mask & IN_Q_OVERFLOW ||
			   (event->len && is_here(f, i, event->wd) &&
			    strncmp(event->name, name_of(one), event->len) == 0)) {
			one->wanted = true;
		}
	}
	/* What the name leads to now is another directory. */
	if (event->mask & IN_MOVE_SELF)
		(void)inotify_rm_watch(f->inotify, event->wd);
}

static void news_read(void *context, int fd, uint32_t happened)
{
	_Alignas(struct inotify_event) char bytes[READ_BYTES + NAME_MAX + 1];
	struct feeding *f = context;
	ssize_t length;

	(void)happened;
	while ((length = read(fd, bytes, sizeof(bytes))) > 0) {
		const char *at = bytes;

		while (at < bytes + length) {
			const struct inotify_event *event = (const void *)at;

			event_read(f, event);
			at += sizeof(*event) + event->len;
		}
	}
	feeding_read_soon(f, SETTLE_MS);
}

void feeding_watch_forget(struct feeding *f, int watch)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->fed[i].watch == watch)
			return;
	if (watch >= 0 && f->inotify >= 0)
		(void)inotify_rm_watch(f->inotify, watch);
}

void feeding_watch_looked(struct fed *one, const struct stat *now)
{
	const struct stat *seen = &one->seen;

	if (now->st_mtim.tv_sec + QUIET_S < now_wall_s() &&
	    (now->st_ino != seen->st_ino || now->st_dev != seen->st_dev ||
	     now->st_size != seen->st_size || now->st_mtim.tv_sec != seen->st_mtim.tv_sec ||
	     now->st_mtim.tv_nsec != seen->st_mtim.tv_nsec))
		one->wanted = true;
}

void feeding_watch_look(struct feeding *f)
{
	uint64_t now = now_boot_ns();

	if (now - f->looked_ns < LOOK_EVERY_S * NS_PER_S)
		return;
	f->looked_ns = now;
	for (unsigned i = 0; i < f->count; i++)
		if (f->rounds % FILES_EVERY == 0 || (f->fed[i].watch < 0 && f->inotify >= 0))
			f->fed[i].look = true;
	if (f->rounds % FILES_EVERY == 0)
		feeding_keep_again(f);
	f->rounds++;
	if (feeding_search_is_due(f)) {
		feeding_find_senders(f);
		facts_write_feeds(f->d);
	}
	feeding_read_next(f);
}

int feeding_watch_open(struct feeding *f, struct err *e)
{
	int ret;

	f->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (f->inotify < 0)
		return err_set(e, -errno, "cannot watch files: %s", strerror(errno));
	ret = loop_add_fd(f->d->loop, f->inotify, EPOLLIN, news_read, f, &f->inotify_source);
	if (ret) {
		close(f->inotify);
		f->inotify = -1;
		return err_set(e, ret, "cannot watch files: %s", strerror(-ret));
	}
	return 0;
}

void feeding_watch_close(struct feeding *f)
{
	if (f->settling)
		loop_remove(f->d->loop, f->settling);
	if (f->inotify >= 0) {
		loop_remove(f->d->loop, f->inotify_source);
		close(f->inotify);
	}
	f->settling = NULL;
	f->inotify = -1;
}
