/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The follower's process: reads the mail server's log from a pipe and tells the keeper of every message that was taken, each with the place
 * in the log behind the line that told of it. It reads no further while the keeper has no room: then the pipe fills, and the log waits
 * where it is.
 */
#include "daemon/follower.h"

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
#include "daemon/logplace.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"
#include "maillog/maillog.h"

#define FILES		24 /* the standard ones, pipe, channel, loop, timer; and some that a library wants */
#define READ_BYTES	4096 /* at once: what some dozens of lines tell waits at the most */
#define TELL_EVERY_MS	1000
#define US_PER_S	1000000ULL
#define JOURNAL_LATE_US US_PER_S /* behind so much more than the place the line itself is gone */

_Static_assert(MESSAGE_HOST_MAX == MAILLOG_HOST_MAX, "a host's name fits");

struct follower {
	struct loop *loop;
	struct loop_source *source; /* of the log */
	struct channel *channel;
	struct maillog *maillog;
	const struct follower_settings *settings;
	bool again; /* these lines were read before */
	char line[MAILLOG_LINE_MAX];
	size_t length; /* of what there is of a line; it may be longer than what is kept */
	struct message_place place;
	struct message_delivery *queue; /* what the keeper had no room for */
	size_t queued, queue_room, sent;
	uint64_t told_bytes;
	int result;
};

/* ---- to the keeper ---- */

static void queue_send(void *context)
{
	struct follower *f = context;

	while (f->sent < f->queued) {
		int r = channel_send(f->channel, &f->queue[f->sent], sizeof(f->queue[0]));

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

static void on_second(void *context)
{
	struct follower *f = context;
	struct maillog_span span = maillog_span(f->maillog);
	struct message_followed m = {.head = message_head(MESSAGE_FOLLOWED),
				     .place = f->place,
				     .lines = span.lines,
				     .understood = span.understood};

	/* A place is told behind all that was found before it, and never one that was passed before. */
	if (f->again || f->queued || f->place.bytes == f->told_bytes)
		return;
	if (channel_send(f->channel, &m, sizeof(m)) == 0)
		f->told_bytes = f->place.bytes;
}

/* ---- lines ---- */

static void on_event(void *context, const struct maillog_event *event)
{
	struct follower *f = context;
	struct message_delivery *m;
	void *grown;

	if (event->what != MAILLOG_DELIVERY || f->again)
		return;
	grown = grow(f->queue, f->queued, &f->queue_room, sizeof(f->queue[0]));
	if (!grown) {
		f->result = -ENOMEM;
		loop_stop(f->loop);
		return;
	}
	f->queue = grown;
	m = &f->queue[f->queued++];
	*m = (struct message_delivery){.head = message_head(MESSAGE_DELIVERY),
				       .place = f->place,
				       .addr = event->addr,
				       .wall_s = event->wall_s > 0 ? event->wall_s : 0,
				       .recipients = event->recipients ? event->recipients : 1};
	snprintf(m->host, sizeof(m->host), "%s", event->host);
}

/* "1700000000.123456 " at the start of a line of the journal (journalctl(1), short-unix). 0: it has none. */
static uint64_t stamp_us(const char *line, size_t length)
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

/* Does what was read before end with this line, or did it end before? */
static void again_look(struct follower *f, bool *ends)
{
	const struct follower_settings *s = f->settings;

	*ends = false;
	if (!f->again)
		return;
	if (s->source == FOLLOWER_FILE) {
		f->again = f->place.bytes <= s->again_bytes;
		return;
	}
	*ends = f->place.stamp_us == s->again_stamp_us && f->place.sum == s->again_sum;
	if (!s->again_stamp_us || f->place.stamp_us > s->again_stamp_us + JOURNAL_LATE_US)
		f->again = false;
}

static void line_end(struct follower *f)
{
	size_t length = f->length < sizeof(f->line) ? f->length : sizeof(f->line);
	uint64_t stamp;
	bool ends;

	f->place.bytes += f->length + 1;
	if (f->settings->source == FOLLOWER_JOURNAL && (stamp = stamp_us(f->line, length))) {
		f->place.stamp_us = stamp;
		f->place.sum = logplace_sum(f->line, length);
	}
	again_look(f, &ends);
	maillog_line(f->maillog, f->line, length);
	if (ends)
		f->again = false;
	f->length = 0;
}

static void bytes_take(struct follower *f, const char *bytes, size_t count)
{
	while (count) {
		const char *end = memchr(bytes, '\n', count);
		size_t take = end ? (size_t)(end - bytes) : count;
		size_t room = f->length < sizeof(f->line) ? sizeof(f->line) - f->length : 0;

		memcpy(f->line + (sizeof(f->line) - room), bytes, take < room ? take : room);
		f->length += take;
		if (end)
			line_end(f);
		take += end != NULL;
		bytes += take;
		count -= take;
	}
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
	bytes_take(f, bytes, (size_t)n);
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
	if (ret == 0)
		ret = loop_add_timer(f->loop, TELL_EVERY_MS, TELL_EVERY_MS, on_second, f, NULL);
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
