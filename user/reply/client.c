/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving the bytes of one client: see client.h. Output comes first: while a reply is unsent nothing more is read, so one that
 * does not read its answers fills its own buffers and stops there.
 */
#include "reply/client.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum progress {
	PROGRESS_ON,   /* there may be more to do */
	PROGRESS_WAIT, /* for what wait_for says */
	PROGRESS_OVER,
};

static enum progress wait_for(struct client *c, unsigned events)
{
	c->wait_for = events;
	return PROGRESS_WAIT;
}

static ssize_t bytes_read(struct client *c, void *buffer, size_t size)
{
	ssize_t n;

	c->wait_for = EPOLLIN;
	if (c->tls)
		return tls_read(c->tls, buffer, size, &c->wait_for);
	n = recv(c->fd, buffer, size, MSG_DONTWAIT);
	return n < 0 ? (err_is_for_later(errno) ? -EAGAIN : -errno) : n;
}

static ssize_t bytes_write(struct client *c, const void *bytes, size_t length)
{
	ssize_t n;

	c->wait_for = EPOLLOUT;
	if (c->tls)
		return tls_write(c->tls, bytes, length, &c->wait_for);
	n = send(c->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? (err_is_for_later(errno) ? -EAGAIN : -errno) : n;
}

static enum progress send_out(struct client *c)
{
	ssize_t n = bytes_write(c, c->talk.out, c->talk.out_length);

	if (n == -EAGAIN)
		return PROGRESS_WAIT;
	if (n < 0)
		return PROGRESS_OVER;
	talk_sent(&c->talk, (size_t)n);
	return PROGRESS_ON;
}

static enum progress shake_hands(struct client *c, uint64_t now_ms)
{
	int ret;

	if (!c->tls && tls_accept(&c->tls, c->host->tls, c->fd) < 0)
		return PROGRESS_OVER;
	ret = tls_handshake(c->tls, &c->wait_for);
	if (ret == -EAGAIN)
		return PROGRESS_WAIT;
	if (ret < 0)
		return PROGRESS_OVER;
	c->phase = CLIENT_TLS;
	c->active_ms = now_ms;
	talk_secured(&c->talk);
	return PROGRESS_ON;
}

void client_end_tls(struct client *c)
{
	tls_free(c->tls);
	c->tls = NULL;
	if (c->holds_tls)
		c->host->tls_open--;
	c->holds_tls = false;
}

static enum progress begin_to_linger(struct client *c, uint64_t now_ms)
{
	client_end_tls(c);
	c->phase = CLIENT_LINGER;
	c->linger_ms = now_ms;
	if (shutdown(c->fd, SHUT_WR) < 0)
		return PROGRESS_OVER;
	return PROGRESS_ON;
}

/* Reads what nobody wants to know, until the client closes. */
static enum progress linger(struct client *c)
{
	ssize_t n = bytes_read(c, c->in, sizeof(c->in));

	if (n == -EAGAIN)
		return PROGRESS_WAIT;
	if (n <= 0)
		return PROGRESS_OVER;
	c->input += (size_t)n;
	/* As much again as it might say before. */
	return c->input < 2 * CLIENT_INPUT_MAX ? PROGRESS_ON : PROGRESS_OVER;
}

static void happened(struct client *c, enum talk_event event)
{
	if (event == TALK_START_TLS) {
		c->phase = CLIENT_HANDSHAKE;
		c->holds_tls = true;
		c->host->tls_open++;
		c->in_at = c->in_length = 0;
	} else if (event == TALK_REFUSED_ONE) {
		c->host->refused(c->host->context, c);
	}
}

static void take(struct client *c, uint64_t now_ms)
{
	unsigned commands = c->talk.commands;
	enum talk_event event;

	c->talk.is_tls_busy = c->host->tls_open >= CLIENT_TLS_MAX;
	c->in_at += talk_take(&c->talk, c->in + c->in_at, c->in_length - c->in_at, &event);
	if (c->talk.commands != commands)
		c->active_ms = now_ms;
	happened(c, event);
}

static enum progress listen_to(struct client *c, uint64_t now_ms)
{
	ssize_t n;

	if (!talk_is_listening(&c->talk))
		return wait_for(c, 0);
	if (c->in_at < c->in_length) {
		take(c, now_ms);
		return PROGRESS_ON;
	}
	n = bytes_read(c, c->in, sizeof(c->in));
	if (n == -EAGAIN)
		return PROGRESS_WAIT;
	if (n <= 0)
		return PROGRESS_OVER;
	c->in_at = 0;
	c->in_length = (size_t)n;
	c->input += (size_t)n;
	if (c->input > CLIENT_INPUT_MAX)
		talk_end(&c->talk, TALK_TOO_MUCH);
	return PROGRESS_ON;
}

static enum progress step(struct client *c, uint64_t now_ms)
{
	if (c->phase == CLIENT_LINGER)
		return linger(c);
	if (c->talk.out_length)
		return send_out(c);
	if (c->talk.state == TALK_LEAVING)
		return begin_to_linger(c, now_ms);
	if (c->phase == CLIENT_HANDSHAKE)
		return shake_hands(c, now_ms);
	return listen_to(c, now_ms);
}

bool client_go_on(struct client *c, uint64_t now_ms)
{
	enum progress p;

	do
		p = step(c, now_ms);
	while (p == PROGRESS_ON);
	return p == PROGRESS_WAIT;
}

void client_tell(struct client *c, const struct reply_because *because, uint64_t now_ms)
{
	enum talk_event event;

	talk_tell(&c->talk, because, &event);
	c->active_ms = now_ms;
	happened(c, event);
}

/* Is anything left that could be said, and heard? */
static bool can_be_told(const struct client *c)
{
	return c->phase != CLIENT_LINGER && c->phase != CLIENT_HANDSHAKE && !c->talk.out_length &&
	       c->talk.state != TALK_LEAVING;
}

bool client_tick(struct client *c, uint64_t now_ms)
{
	static const struct reply_because nothing = {.kind = REPLY_NOTHING};

	if (c->phase == CLIENT_LINGER)
		return now_ms - c->linger_ms < CLIENT_LINGER_MS;
	if (!c->talk.is_told && now_ms - c->born_ms >= CLIENT_WHY_MS) {
		client_tell(c, &nothing, now_ms);
		return client_go_on(c, now_ms);
	}
	if (now_ms - c->born_ms < CLIENT_LIFETIME_MS && now_ms - c->active_ms < CLIENT_IDLE_MS)
		return true;
	if (!can_be_told(c))
		return false;
	talk_end(&c->talk, TALK_TOO_SLOW);
	return client_go_on(c, now_ms);
}
