/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between two processes of ours: see channel.h. A channel that is closed in one of its own callbacks is only marked, and
 * freed when that has returned. Descriptors that somebody sends along are never taken: the kernel closes them, and the channel ends.
 */
#include "base/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * What the kernel keeps for one sender, with its own bookkeeping of 0.7 to 2.3 KB for a message, before the sender has to wait. The
 * kernel doubles the number that is asked for: 4 MB, some 5000 questions or 1700 long verdicts.
 */
#define SEND_BUFFER_BYTES (2 << 20)
#define BATCH                                                                                      \
	64 /* messages per wake-up, so that a busy sender leaves the rest of the loop its turn */

struct channel {
	struct loop *loop;
	struct loop_source *source;
	int fd;
	bool paused, ended, busy, closed;
	channel_message_fn on_message;
	channel_end_fn on_end;
	void *context;
	loop_timer_fn on_room; /* NULL: nobody waits */
	void *room_context;
	size_t most;
	_Alignas(max_align_t) unsigned char message[];
};

int channel_pair(int ends[2], struct err *e)
{
	static const int size = SEND_BUFFER_BYTES;
	int ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		ret = -errno;
		return err_set(e, ret, "cannot make a pair of sockets: %s", strerror(-ret));
	}
	/* Without CAP_NET_ADMIN as much as net.core.wmem_max gives: then the sender waits earlier. */
	for (int i = 0; i < 2; i++)
		if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

static void channel_await(struct channel *c)
{
	uint32_t events = (c->paused ? 0U : EPOLLIN) | (c->on_room ? EPOLLOUT : 0U);

	if (c->source)
		(void)loop_set_events(c->loop, c->source, events);
}

static void channel_end(struct channel *c)
{
	if (c->ended || c->closed)
		return;
	c->ended = true;
	loop_remove(c->loop, c->source);
	c->source = NULL;
	c->on_end(c->context);
}

/* One message, handed on. False when there is none now, or the end was reached. */
static bool channel_take(struct channel *c)
{
	struct iovec into = {.iov_base = c->message, .iov_len = c->most};
	struct msghdr head = {.msg_iov = &into, .msg_iovlen = 1};
	ssize_t length = recvmsg(c->fd, &head, MSG_DONTWAIT);

	if (length < 0) {
		/* The other end closed without having read all; what it sent before is still to come. */
		if (errno == EINTR || errno == ECONNRESET)
			return true;
		if (errno != EAGAIN)
			channel_end(c);
		return false;
	}
	if (!length || (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		channel_end(c);
		return false;
	}
	c->on_message(c->context, c->message, (size_t)length);
	return !c->closed && !c->paused;
}

static void channel_event(void *context, int fd, uint32_t events)
{
	struct channel *c = context;
	loop_timer_fn on_room = c->on_room;

	(void)fd;
	c->busy = true;
	if (on_room && (events & EPOLLOUT)) {
		c->on_room = NULL;
		channel_await(c);
		on_room(c->room_context);
	}
	if (!c->closed && !c->paused && (events & ~(uint32_t)EPOLLOUT)) {
		for (int i = 0; i < BATCH && channel_take(c); i++)
			;
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		/* Nobody is left to be answered, and the kernel would report it over and over. */
		channel_end(c);
	}
	c->busy = false;
	if (c->closed)
		free(c);
}

int channel_open(struct channel **out, struct loop *loop, int fd, size_t most,
		 channel_message_fn on_message, channel_end_fn on_end, void *context, struct err *e)
{
	struct channel *c = calloc(1, sizeof(*c) + most);
	int ret = -ENOMEM;

	if (c) {
		*c = (struct channel){.loop = loop,
				      .fd = fd,
				      .most = most,
				      .on_message = on_message,
				      .on_end = on_end,
				      .context = context};
		ret = loop_add_fd(loop, fd, EPOLLIN, channel_event, c, &c->source);
	}
	if (ret < 0) {
		close(fd);
		free(c);
		return err_set(e, ret, "cannot wait for messages: %s", strerror(-ret));
	}
	*out = c;
	return 0;
}

int channel_send(struct channel *c, const void *message, size_t length)
{
	ssize_t sent;

	if (c->ended || c->closed)
		return -EPIPE;
	/* A message of no bytes looks like the end. */
	if (!length)
		return -EINVAL;
	do {
		sent = send(c->fd, message, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	/* ENOBUFS: the kernel has no memory now. */
	return errno == ENOBUFS ? -EAGAIN : -errno;
}

void channel_on_room(struct channel *c, loop_timer_fn fn, void *context)
{
	c->on_room = fn;
	c->room_context = context;
	channel_await(c);
}

void channel_pause(struct channel *c, bool paused)
{
	c->paused = paused;
	channel_await(c);
}

void channel_close(struct channel *c)
{
	if (!c || c->closed)
		return;
	c->closed = true;
	loop_remove(c->loop, c->source);
	c->source = NULL;
	close(c->fd);
	if (!c->busy)
		free(c);
}
