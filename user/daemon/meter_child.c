/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that hands out the page for Prometheus (nursery.h: meter_run). It reads foreign requests, so it has no privilege and knows
 * nothing: when somebody asks it asks the keeper for the page, and keeps it for a second, so that many who ask cost the keeper no more
 * than one. The keeper answers each question, if only by saying that it has no page; whoever asked may be gone by then. Connections are
 * few, short and bounded in bytes and time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/drop.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/when.h"
#include "daemon/messages.h"
#include "daemon/meter.h"
#include "daemon/meter_exposition.h"
#include "daemon/meter_http.h"
#include "daemon/nursery.h"

#define CLIENTS_MAX   16
#define FILES_MORE    16	      /* standard ones, listener, channel, loop, timers */
#define LOOK_EVERY_MS 250	      /* for those whose time is up */
#define HEAD_WAIT_NS  (2 * NS_PER_S)  /* for a request, which whoever reads metrics sends at once */
#define PART_WAIT_NS  (1 * NS_PER_S)  /* for the client to close behind its answer */
#define WHOLE_WAIT_NS (15 * NS_PER_S) /* for all of it; Prometheus gives 10 s */
#define PAGE_WAIT_NS  (3 * NS_PER_S)  /* for the keeper, which answers within a turn of its loop */
#define PAGE_FRESH_NS (1 * NS_PER_S)
#define TEXT_TYPE     "text/plain; charset=utf-8"

enum state {
	STATE_NONE,
	STATE_READING, /* the request */
	STATE_WAITING, /* for the page */
	STATE_WRITING, /* the answer */
	STATE_PARTING, /* written: closing at once could take the answer from a client that still sends */
};

struct server;

struct client {
	struct server *of;
	int fd;
	enum state state;
	struct loop_source *source;
	uint64_t began_ns, asked_ns, parted_ns;
	struct http_request request;
	size_t used;
	char head[HTTP_HEAD_MAX];
	char *answer;
	size_t length, sent;
};

struct server {
	struct loop *loop;
	struct channel *channel;
	int listener;
	struct loop_source *listening;
	struct client client[CLIENTS_MAX];
	unsigned clients;
	char *page; /* the last whole one */
	size_t page_length;
	uint64_t page_ns;
	char *coming; /* the one that is on its way; NULL also without memory for it */
	size_t coming_total, coming_length;
	bool is_asked; /* the keeper, and it has not answered to the end */
	int result;
};

static void client_ready(void *context, int fd, uint32_t events);

/* ---- clients ---- */

static void client_close(struct client *c)
{
	loop_remove(c->of->loop, c->source);
	close(c->fd);
	free(c->answer);
	c->of->clients--;
	c->state = STATE_NONE;
	c->answer = NULL;
	c->source = NULL;
	(void)loop_set_events(c->of->loop, c->of->listening, EPOLLIN);
}

static void client_write(struct client *c)
{
	ssize_t n;

	while (c->sent < c->length) {
		n = send(c->fd, c->answer + c->sent, c->length - c->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)loop_set_events(c->of->loop, c->source, EPOLLOUT);
			return;
		}
		if (n < 0) {
			client_close(c);
			return;
		}
		c->sent += (size_t)n;
	}
	c->state = STATE_PARTING;
	c->parted_ns = now_boot_ns();
	shutdown(c->fd, SHUT_WR);
	(void)loop_set_events(c->of->loop, c->source, EPOLLIN);
}

static void client_answer(struct client *c, enum http_status status, const char *type,
			  const char *body, size_t length)
{
	char head[HTTP_RESPONSE_MAX];
	size_t head_length = http_response_head(status, type, length, now_wall_s(), head);
	size_t body_length = c->request.head ? 0 : length;

	c->answer = malloc(head_length + body_length);
	if (!c->answer) {
		client_close(c);
		return;
	}
	memcpy(c->answer, head, head_length);
	memcpy(c->answer + head_length, body, body_length);
	c->length = head_length + body_length;
	c->sent = 0;
	c->state = STATE_WRITING;
	client_write(c);
}

static void client_refuse(struct client *c, enum http_status status)
{
	const char *text = http_reason(status);

	client_answer(c, status, TEXT_TYPE, text, strlen(text));
}

static void client_give_page(struct client *c)
{
	client_answer(c, HTTP_OK, EXPOSITION_TYPE, c->of->page, c->of->page_length);
}

static void client_ask_page(struct client *c)
{
	struct server *s = c->of;
	struct message_scrape m = {.head = message_head(MESSAGE_SCRAPE)};
	uint64_t now = now_boot_ns();

	if (s->page && now - s->page_ns < PAGE_FRESH_NS) {
		client_give_page(c);
		return;
	}
	c->state = STATE_WAITING;
	c->asked_ns = now;
	(void)loop_set_events(s->loop, c->source, 0);
	if (s->is_asked)
		return;
	/* Without room it waits in vain, and its client is told. */
	s->is_asked = channel_send(s->channel, &m, sizeof(m)) == 0;
}

static void client_read(struct client *c)
{
	enum http_status status;
	ssize_t n = recv(c->fd, c->head + c->used, sizeof(c->head) - c->used, 0);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		client_close(c);
		return;
	}
	c->used += (size_t)n;
	status = http_request_read(c->head, c->used, METER_PATH, &c->request);
	if (status == HTTP_OK)
		client_ask_page(c);
	else if (status != HTTP_MORE)
		client_refuse(c, status);
}

/* What it still sends is thrown away, until it closes or its time is up. */
static void client_part(struct client *c)
{
	ssize_t n = recv(c->fd, c->head, sizeof(c->head), 0);

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		client_close(c);
}

static void client_ready(void *context, int fd, uint32_t events)
{
	struct client *c = context;

	(void)fd;
	if (c->state == STATE_READING)
		client_read(c);
	else if (c->state == STATE_WRITING)
		client_write(c);
	else if (c->state == STATE_PARTING)
		client_part(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		client_close(c); /* gone while it waited */
}

static void listener_ready(void *context, int fd, uint32_t events)
{
	struct server *s = context;
	struct client *c = s->client;
	int one;

	(void)events;
	while (c < s->client + CLIENTS_MAX && c->state != STATE_NONE)
		c++;
	if (c == s->client + CLIENTS_MAX) {
		/* They wait in the kernel until one is done. */
		(void)loop_set_events(s->loop, s->listening, 0);
		return;
	}
	one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (one < 0)
		return;
	*c = (struct client){.of = s, .fd = one, .state = STATE_READING, .began_ns = now_boot_ns()};
	if (loop_add_fd(s->loop, one, EPOLLIN, client_ready, c, &c->source)) {
		close(one);
		c->state = STATE_NONE;
		return;
	}
	s->clients++;
}

static void on_look(void *context)
{
	struct server *s = context;
	uint64_t now = now_boot_ns();

	for (unsigned i = 0; i < CLIENTS_MAX && s->clients; i++) {
		struct client *c = &s->client[i];

		if (c->state == STATE_WAITING && now - c->asked_ns >= PAGE_WAIT_NS) {
			client_refuse(c, HTTP_UNAVAILABLE);
		} else if (c->state == STATE_READING && now - c->began_ns >= HEAD_WAIT_NS) {
			client_refuse(c, HTTP_TOO_SLOW);
		} else if ((c->state == STATE_PARTING && now - c->parted_ns >= PART_WAIT_NS) ||
			   (c->state != STATE_NONE && now - c->began_ns >= WHOLE_WAIT_NS)) {
			client_close(c);
		}
	}
}

/* ---- the page ---- */

/* All of it is there, or there is none: then what was known before is too old. */
static void page_end(struct server *s)
{
	free(s->page);
	s->page = s->coming;
	s->page_length = s->coming_total;
	s->page_ns = now_boot_ns();
	s->coming = NULL;
	s->is_asked = false;
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->client[i];

		if (c->state == STATE_WAITING && s->page)
			client_give_page(c);
		else if (c->state == STATE_WAITING)
			client_refuse(c, HTTP_UNAVAILABLE);
	}
}

/* Pieces come in order, and all of one page before the next. */
static const char *page_take(struct server *s, const struct message_page *m)
{
	if (!s->is_asked)
		return "a page that nobody has asked for";
	if (m->offset == 0) {
		free(s->coming);
		s->coming = m->total ? malloc(m->total) : NULL;
		s->coming_total = m->total;
		s->coming_length = 0;
	}
	if (m->total != s->coming_total || m->offset != s->coming_length)
		return "a piece of another page";
	if (s->coming)
		memcpy(s->coming + m->offset, m->text, m->length);
	s->coming_length += m->length;
	if (s->coming_length == s->coming_total)
		page_end(s);
	return NULL;
}

static void on_message(void *context, const void *bytes, size_t length)
{
	struct server *s = context;
	struct err e = {0};
	const union message *m = message_check(bytes, length, 1U << MESSAGE_PAGE, &e);
	const char *why = m ? page_take(s, &m->page) : e.text;

	if (!why)
		return;
	log_error("meter: the keeper said what cannot be understood: %s", why);
	s->result = -EBADMSG;
	loop_stop(s->loop);
}

static void on_end(void *context)
{
	struct server *s = context;

	loop_stop(s->loop);
}

/* ---- life ---- */

static int server_open(struct server *s, int channel, struct err *e)
{
	int ret = loop_new(&s->loop);

	if (ret < 0) {
		close(channel);
		return err_set(e, ret, "no event loop: %s", strerror(-ret));
	}
	ret = channel_open(&s->channel, s->loop, channel, sizeof(union message), on_message, on_end,
			   s, e);
	if (ret < 0)
		return ret;
	ret = loop_add_fd(s->loop, s->listener, EPOLLIN, listener_ready, s, &s->listening);
	if (ret == 0)
		ret = loop_add_timer(s->loop, LOOK_EVERY_MS, LOOK_EVERY_MS, on_look, s, NULL);
	return ret < 0 ? err_set(e, ret, "cannot wait for requests: %s", strerror(-ret)) : 0;
}

static int ready_send(struct server *s)
{
	struct message_ready m = {.head = message_head(MESSAGE_READY)};

	return channel_send(s->channel, &m, sizeof(m));
}

int meter_run(int channel, int listener, const void *settings, size_t length)
{
	struct drop d = {.files = CLIENTS_MAX + FILES_MORE};
	static struct server s;
	struct err e = {0};
	int ret;

	(void)settings;
	(void)length;
	s.listener = listener;
	ret = listener < 0 ? err_set(&e, -EBADF, "there is no socket to listen to")
			   : server_open(&s, channel, &e);
	if (ret == 0)
		ret = drop_calls(&d, &e);
	if (ret == 0)
		ret = ready_send(&s);
	if (ret == 0)
		ret = loop_run(s.loop);
	if (ret < 0)
		log_error("meter: %s", e.text[0] ? e.text : strerror(-ret));
	/* The process ends: the kernel takes the rest. */
	return ret < 0 || s.result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
