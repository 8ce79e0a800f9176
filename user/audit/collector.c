/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mail server as small as can be: RFC 5321, 4.5.1 without VRFY. It stands open to everybody while an audit runs, so each client has a bound
 * on time, bytes, commands and messages, and there are few clients. It never holds a message: of each line only our mark is looked
 * for, and then the line is gone. It takes mail for one mailbox, so that it is no relay itself.
 *
 * Replies are short and are sent at once; who does not read them while more would be sent is closed.
 */
#include "audit/collector.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_ROOM	1024	      /* bytes; RFC 5321, 4.5.3.1.6 allows 1000 */
#define CLIENT_BYTES	(1024 * 1024) /* of all that one sends: our messages have two KiB */
#define CLIENT_COMMANDS 100	      /* of one connection */
#define CLIENT_MS	60000	      /* of one connection */
#define BACKLOG		COLLECTOR_CLIENTS
#define READ_ROOM	4096

struct client {
	struct collector *collector;
	int fd;
	struct loop_source *source, *timer;
	char line[LINE_ROOM];
	size_t length, bytes;
	unsigned commands;
	bool has_mail, has_rcpt, in_data,
		is_over; /* is_over: a line past its bound: wait for its end */
	char token[COLLECTOR_TOKEN_MAX + 1];
};

struct collector {
	struct loop *loop;
	struct loop_source *source;
	int fd;
	collector_fn fn;
	void *context;
	char mailbox[sizeof(((struct audit_request *)0)->send_to)];
	struct client client[COLLECTOR_CLIENTS];
};

static void client_close(struct client *c)
{
	struct collector *owner = c->collector;

	if (c->fd < 0)
		return;
	loop_remove(owner->loop, c->source);
	loop_remove(owner->loop, c->timer);
	close(c->fd);
	*c = (struct client){.collector = owner, .fd = -1};
}

/* False: it does not listen. */
static bool answer(const struct client *c, const char *text)
{
	size_t length = strlen(text);

	return send(c->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

/* ---- what clients say ---- */

static bool is_command(const char *line, const char *command)
{
	size_t length = strlen(command);

	return strncasecmp(line, command, length) == 0 &&
	       (!line[length] || line[length] == ' ' || command[length - 1] == ':');
}

/* The path of "RCPT TO:<path> parameters", without its brackets and a source route (RFC 5321, 4.1.1.3). */
static bool is_for(const char *line, const char *mailbox)
{
	const char *path = strchr(line, '<'), *end = strrchr(line, '>'), *colon;
	size_t length = strlen(mailbox);

	if (!path || !end || end < path)
		return false;
	path++;
	colon = *path == '@' ? memchr(path, ':', (size_t)(end - path)) : NULL;
	if (colon)
		path = colon + 1;
	return (size_t)(end - path) == length && strncasecmp(path, mailbox, length) == 0;
}

static void transaction_end(struct client *c)
{
	c->has_mail = c->has_rcpt = c->in_data = false;
	c->token[0] = 0;
}

static bool rcpt(struct client *c)
{
	if (!c->has_mail)
		return answer(c, "503 5.5.1 MAIL first\r\n");
	if (!is_for(c->line, c->collector->mailbox))
		return answer(c, "550 5.7.1 Relaying denied\r\n");
	c->has_rcpt = true;
	return answer(c, "250 2.1.5 Ok\r\n");
}

static bool command(struct client *c)
{
	if (++c->commands > CLIENT_COMMANDS)
		return answer(c, "421 4.7.0 Too many commands\r\n") && false;
	if (is_command(c->line, "EHLO") || is_command(c->line, "HELO")) {
		transaction_end(c);
		return answer(c, "250 postern audit\r\n");
	}
	if (is_command(c->line, "MAIL FROM:")) {
		transaction_end(c);
		c->has_mail = true;
		return answer(c, "250 2.1.0 Ok\r\n");
	}
	if (is_command(c->line, "RCPT TO:"))
		return rcpt(c);
	if (is_command(c->line, "DATA")) {
		c->in_data = c->has_rcpt;
		return answer(c, c->has_rcpt ? "354 Go on\r\n" : "503 5.5.1 RCPT first\r\n");
	}
	if (is_command(c->line, "RSET"))
		transaction_end(c);
	if (is_command(c->line, "RSET") || is_command(c->line, "NOOP"))
		return answer(c, "250 2.0.0 Ok\r\n");
	if (is_command(c->line, "QUIT"))
		return answer(c, "221 2.0.0 Bye\r\n") && false;
	return answer(c, "502 5.5.1 Not here\r\n");
}

static void token_find(struct client *c)
{
	const char *at = strstr(c->line, COLLECTOR_MARK);
	size_t length = 0;

	if (!at || c->token[0])
		return;
	for (at += strlen(COLLECTOR_MARK); isalnum((unsigned char)at[length]); length++)
		if (length >= COLLECTOR_TOKEN_MAX)
			return;
	memcpy(c->token, at, length);
	c->token[length] = 0;
}

/* A line without its end. False: close. */
static bool line_take(struct client *c)
{
	if (!c->in_data)
		return c->is_over ? answer(c, "500 5.5.2 Line too long\r\n") : command(c);
	if (strcmp(c->line, ".") != 0 || c->is_over) {
		token_find(c);
		return true;
	}
	if (c->token[0])
		c->collector->fn(c->collector->context, c->token);
	transaction_end(c);
	return answer(c, "250 2.0.0 Seen, and thrown away\r\n");
}

/* Bytes as they come; NUL becomes another byte that stands in no command. What does not fit on a line is dropped. */
static bool client_feed(struct client *c, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool is_kept;

		if (bytes[i] != '\n') {
			if (c->length + 1 < sizeof(c->line))
				c->line[c->length++] = bytes[i] ? bytes[i] : '?';
			else
				c->is_over = true;
			continue;
		}
		if (c->length && c->line[c->length - 1] == '\r')
			c->length--;
		c->line[c->length] = 0;
		is_kept = line_take(c);
		c->length = 0;
		c->is_over = false;
		if (!is_kept)
			return false;
	}
	return true;
}

static void client_event(void *context, int fd, uint32_t events)
{
	struct client *c = context;
	char bytes[READ_ROOM];
	ssize_t length = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	(void)events;
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length > 0)
		c->bytes += (size_t)length;
	if (length <= 0 || c->bytes > CLIENT_BYTES || !client_feed(c, bytes, (size_t)length))
		client_close(c);
}

static void client_timeout(void *context)
{
	client_close(context);
}

/* ---- the listening socket ---- */

static void accept_event(void *context, int fd, uint32_t events)
{
	struct collector *owner = context;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c = NULL;

	(void)events;
	if (peer < 0)
		return;
	for (unsigned i = 0; i < COLLECTOR_CLIENTS && !c; i++)
		if (owner->client[i].fd < 0)
			c = &owner->client[i];
	if (!c) {
		close(peer);
		return;
	}
	c->fd = peer;
	if (loop_add_fd(owner->loop, peer, EPOLLIN, client_event, c, &c->source) < 0 ||
	    loop_add_timer(owner->loop, CLIENT_MS, 0, client_timeout, c, &c->timer) < 0 ||
	    !answer(c, "220 postern audit ESMTP\r\n"))
		client_close(c);
}

static int listen_at(const struct audit_request *request, struct err *e)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
				  .sin6_port = htons(request->collector_port)};
	const int on = 1, off = 0;
	char text[ADDR_TEXT_MAX];
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), code;

	/* One socket for both families: IPv4 is mapped, as addresses are here. */
	memcpy(&to.sin6_addr, request->collector.byte, sizeof(to.sin6_addr));
	if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	code = -errno;
	if (fd >= 0)
		close(fd);
	return err_set(e, code, "cannot collect mail at %s port %u: %s",
		       addr_format(&request->collector, text), request->collector_port,
		       strerror(-code));
}

int collector_open(struct collector **out, struct loop *loop, const struct audit_request *request,
		   collector_fn fn, void *context, struct err *e)
{
	struct collector *c = calloc(1, sizeof(*c));
	int code;

	*out = NULL;
	if (!c)
		return err_set(e, -ENOMEM, "no memory to collect mail");
	*c = (struct collector){.loop = loop, .fd = -1, .fn = fn, .context = context};
	snprintf(c->mailbox, sizeof(c->mailbox), "%s", request->send_to);
	for (unsigned i = 0; i < COLLECTOR_CLIENTS; i++)
		c->client[i] = (struct client){.collector = c, .fd = -1};
	code = listen_at(request, e);
	if (code < 0)
		goto fail;
	c->fd = code;
	code = loop_add_fd(loop, c->fd, EPOLLIN, accept_event, c, &c->source);
	if (code < 0) {
		err_set(e, code, "cannot wait for mail: %s", strerror(-code));
		goto fail;
	}
	*out = c;
	return 0;
fail:
	collector_close(c);
	return code;
}

uint16_t collector_port(const struct collector *c)
{
	struct sockaddr_in6 at = {0};
	socklen_t length = sizeof(at);

	return getsockname(c->fd, (struct sockaddr *)&at, &length) == 0 ? ntohs(at.sin6_port) : 0;
}

void collector_close(struct collector *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < COLLECTOR_CLIENTS; i++)
		client_close(&c->client[i]);
	loop_remove(c->loop, c->source);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}
