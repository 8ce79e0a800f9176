/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The follower's process: reads the mail server's log from a pipe and tells the keeper of every message that was taken, each with the place
 * in the log behind the line that told of it. It reads no further while the keeper has no room: then the pipe fills, and the log waits
 * where it is.
 */
#include "daemon/following_child.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/drop.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/when.h"
#include "daemon/following_place.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"
#include "maillog/lines.h"
#include "maillog/maillog.h"

#define FILES		 24 /* the standard ones, pipe, channel, loop, timer; and some that a library wants */
#define READ_BYTES	 4096 /* at once: what some dozens of lines tell waits at the most */
#define QUIET_MS	 200  /* what a message leaves in the log stands there at once, as a rule */
#define PLACE_EVERY_NS	 (10 * NS_PER_S) /* of a log that is never quiet */
#define PLACE_DELIVERIES 1000
#define JOURNAL_LATE_US	 US_PER_S /* behind so much more than the place the line itself is gone */

_Static_assert(MESSAGE_HOST_MAX == MAILLOG_HOST_MAX, "a host's name fits");

struct follower {
	struct loop *loop;
	struct loop_source *source; /* of the log */
	struct channel *channel;
	struct maillog *maillog;
	const struct follower_settings *settings;
	bool again; /* these lines were read before */
	struct maillog_lines lines;
	struct message_followed place; /* behind the last whole line */
	union message *queue;	       /* what the keeper had no room for */
	size_t queued, queue_room, sent;
	struct loop_source *quiet; /* runs when something came since the place was told */
	uint64_t quiet_bytes;	   /* how far the log was when it was set */
	uint64_t told_ns;	   /* the place */
	unsigned told_since;	   /* deliveries */
	int result;
};

/* ---- to the keeper ---- */

static void queue_send(void *context)
{
	struct follower *f = context;

	while (f->sent < f->queued) {
		int r = channel_send(f->channel, &f->queue[f->sent], f->queue[f->sent].head.size);

		if (r == -EAGAIN) {
			(void)loop_set_events(f->loop, f->source, 0);
			channel_on_room(f->channel, queue_send, f);
			return;
		}
		f->sent++; /* or the channel's end is near, and with it ours */
	}
	if (f->queued)
		(void)loop_set_events(f->loop, f->source, EPOLLIN);
	f->queued = f->sent = 0;
}

static union message *queue_add(struct follower *f)
{
	void *grown = grow(f->queue, f->queued, &f->queue_room, sizeof(f->queue[0]));

	if (!grown) {
		f->result = -ENOMEM;
		loop_stop(f->loop);
		return NULL;
	}
	f->queue = grown;
	return &f->queue[f->queued++];
}

/* Everything that these lines tell is told: the keeper may remember that the log is read up to here. */
static void place_tell(struct follower *f)
{
	struct maillog_span span;
	union message *m;

	if (f->again)
		return;
	maillog_flush(f->maillog);
	m = queue_add(f);
	if (!m)
		return;
	span = maillog_span(f->maillog);
	m->followed = f->place;
	m->followed.head = message_head(MESSAGE_FOLLOWED);
	m->followed.lines = span.lines;
	m->followed.understood = span.understood;
	f->place.is_lost = false;
	f->told_since = 0;
	f->told_ns = now_monotonic_ns();
}

static void quiet_set(struct follower *f);

static void on_quiet(void *context)
{
	struct follower *f = context;

	loop_remove(f->loop, f->quiet);
	f->quiet = NULL;
	if (f->place.bytes != f->quiet_bytes && now_monotonic_ns() - f->told_ns < PLACE_EVERY_NS) {
		quiet_set(f);
		return;
	}
	place_tell(f);
	queue_send(f);
}

static void quiet_set(struct follower *f)
{
	f->quiet_bytes = f->place.bytes;
	if (!f->quiet && loop_add_timer(f->loop, QUIET_MS, 0, on_quiet, f, &f->quiet) < 0)
		f->quiet = NULL;
}

/* ---- lines ---- */

struct message_delivery follower_delivery(const struct maillog_event *event)
{
	struct message_delivery m = {.head = message_head(MESSAGE_DELIVERY), .addr = event->addr};

	if (event->wall_s > 0)
		m.wall_s = event->wall_s < MESSAGE_WALL_MAX_S ? event->wall_s : MESSAGE_WALL_MAX_S;
	m.recipients = event->recipients < MESSAGE_RECIPIENTS_MAX ? event->recipients
								  : MESSAGE_RECIPIENTS_MAX;
	m.recipients += !m.recipients;
	snprintf(m.host, sizeof(m.host), "%s", event->host);
	return m;
}

static void on_event(void *context, const struct maillog_event *event)
{
	struct follower *f = context;
	union message *m;

	if (event->what != MAILLOG_DELIVERY || f->again)
		return;
	m = queue_add(f);
	if (!m)
		return;
	m->delivery = follower_delivery(event);
	f->told_since++;
}

uint64_t follower_stamp_us(const char *line, size_t length)
{
	uint64_t us = 0;
	unsigned digits = 0, point = 0;

	for (size_t i = 0; i < length; i++) {
		if (line[i] >= '0' && line[i] <= '9' && digits < 17) {
			us = us * 10 + (uint64_t)(line[i] - '0');
			digits++;
		} else if (line[i] == '.' && !point && digits) {
			point = digits;
		} else {
			return line[i] == ' ' && point && digits == point + 6 ? us : 0;
		}
	}
	return 0;
}

/* What was read before ends here: what the reader still waits with was told then. */
static void again_end(struct follower *f)
{
	maillog_flush(f->maillog);
	f->again = false;
}

static bool again_is_last(const struct follower *f)
{
	const struct follower_settings *s = f->settings;

	if (s->source == FOLLOWER_FILE)
		return f->place.bytes >= s->again_bytes;
	return f->place.stamp_us == s->again_stamp_us && f->place.sum == s->again_sum;
}

static void on_line(void *context, const char *line, size_t length, size_t took)
{
	struct follower *f = context;
	const struct follower_settings *s = f->settings;
	uint64_t stamp;

	f->place.bytes += took;
	if (s->source == FOLLOWER_JOURNAL && (stamp = follower_stamp_us(line, length))) {
		f->place.stamp_us = stamp;
		f->place.sum = logplace_sum(line, length);
		/* The journal has thrown the line away. */
		if (f->again && stamp > s->again_stamp_us + JOURNAL_LATE_US) {
			f->place.is_lost = true;
			again_end(f);
		}
	}
	maillog_line(f->maillog, line, length);
	if (f->again && again_is_last(f))
		again_end(f);
	if (f->told_since >= PLACE_DELIVERIES)
		place_tell(f);
}

static void on_log(void *context, int fd, uint32_t events)
{
	struct follower *f = context;
	char bytes[READ_BYTES];
	ssize_t n;

	(void)events;
	if (f->queued)
		return;
	n = read(fd, bytes, sizeof(bytes));
	if (n == 0) /* who writes it is gone: the keeper starts both again */
		loop_stop(f->loop);
	if (n <= 0)
		return;
	maillog_now(f->maillog, now_wall_s());
	maillog_lines_cut(&f->lines, bytes, (size_t)n, on_line, f);
	if (!f->quiet)
		quiet_set(f);
	queue_send(f);
}

/* ---- life ---- */

/* The keeper has nothing to say. */
static void on_message(void *context, const void *bytes, size_t length)
{
	struct follower *f = context;

	(void)bytes;
	(void)length;
	f->result = -EBADMSG;
	loop_stop(f->loop);
}

static void on_end(void *context)
{
	struct follower *f = context;

	loop_stop(f->loop);
}

/* Takes the channel. */
static int follower_open(struct follower *f, int channel, int log, struct err *e)
{
	int ret = loop_new(&f->loop);

	if (ret < 0) {
		close(channel);
		return err_set(e, ret, "no event loop: %s", strerror(-ret));
	}
	ret = channel_open(&f->channel, f->loop, channel, sizeof(union message), on_message, on_end,
			   f, e);
	if (ret < 0)
		return ret;
	ret = maillog_open(&f->maillog, f->settings->now_wall_s, on_event, f);
	if (ret == 0)
		ret = loop_add_fd(f->loop, log, EPOLLIN, on_log, f, &f->source);
	return ret < 0 ? err_set(e, ret, "cannot begin: %s", strerror(-ret)) : 0;
}

static void follower_close(struct follower *f)
{
	if (f->source)
		loop_remove(f->loop, f->source);
	maillog_close(f->maillog);
	channel_close(f->channel);
	loop_free(f->loop);
	free(f->queue);
}

int follower_run(int channel, int log, const void *settings, size_t length)
{
	const struct message_ready ready = {.head = message_head(MESSAGE_READY)};
	struct follower f = {.settings = settings, .again = true};
	struct drop d = {.files = FILES};
	struct err e = {0};
	int ret;

	if (length != sizeof(*f.settings) || log < 0 || f.settings->source > FOLLOWER_JOURNAL) {
		log_error("follower: its settings are not whole");
		return EXIT_FAILURE;
	}
	f.again = f.settings->again_bytes || f.settings->again_stamp_us;
	ret = follower_open(&f, channel, log, &e);
	if (ret == 0)
		ret = drop_calls(&d, &e);
	if (ret == 0)
		ret = channel_send(f.channel, &ready, sizeof(ready));
	if (ret == 0)
		ret = loop_run(f.loop);
	if (ret == 0)
		ret = f.result;
	if (ret < 0)
		log_error("follower: %s", e.text[0] ? e.text : strerror(-ret));
	follower_close(&f);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
