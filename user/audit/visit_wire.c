/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection of a visit: bytes, with TLS or without. See visit.h. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/visit_inside.h"

static socklen_t address_of(const struct visit_order *o, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (addr_is_v4(&o->addr)) {
		four->sin_family = AF_INET;
		four->sin_port = htons(o->port);
		memcpy(&four->sin_addr, o->addr.byte + ADDR_V4_LEAD_BITS / 8,
		       sizeof(four->sin_addr));
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(o->port);
	memcpy(&six->sin6_addr, o->addr.byte, sizeof(six->sin6_addr));
	return sizeof(*six);
}

static int socket_make(const struct visit_order *o, int family)
{
	int fd;

	if (o->socket)
		return o->socket(o->socket_context, family);
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int visit_wire_connect(struct visit_wire *w, const struct visit_order *o, bool *is_ours)
{
	struct sockaddr_storage to;
	socklen_t length = address_of(o, &to);
	int fd = socket_make(o, to.ss_family);

	*is_ours = fd < 0;
	w->fd = fd < 0 ? -1 : fd;
	w->wait_for = EPOLLOUT;
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int visit_wire_error(const struct visit_wire *w)
{
	int code = 0;
	socklen_t length = sizeof(code);

	return getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0 ? -errno : -code;
}

bool visit_wire_local(const struct visit_wire *w, struct addr *out)
{
	struct sockaddr_storage ss = {0};
	socklen_t length = sizeof(ss);

	return getsockname(w->fd, (struct sockaddr *)&ss, &length) == 0 &&
	       addr_from_sockaddr(&ss, out) == 0;
}

int visit_wire_secure(struct visit_wire *w, const struct visit_order *o)
{
	int ret;

	if (!w->tls) {
		ret = tls_connect(&w->tls, o->tls, w->fd, &o->wish);
		if (ret < 0)
			return ret;
	}
	ret = tls_handshake(w->tls, &w->wait_for);
	w->in_tls = ret == 0;
	return ret;
}

ssize_t visit_wire_read(struct visit_wire *w, void *buffer, size_t size)
{
	ssize_t n;

	w->wait_for = EPOLLIN;
	if (w->in_tls)
		return tls_read(w->tls, buffer, size, &w->wait_for);
	n = recv(w->fd, buffer, size, MSG_DONTWAIT);
	return n < 0 ? (err_is_for_later(errno) ? -EAGAIN : -errno) : n;
}

ssize_t visit_wire_write(struct visit_wire *w, const void *bytes, size_t length)
{
	ssize_t n;

	w->wait_for = EPOLLOUT;
	if (w->in_tls)
		return tls_write(w->tls, bytes, length, &w->wait_for);
	n = send(w->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? (err_is_for_later(errno) ? -EAGAIN : -errno) : n;
}

void visit_wire_close(struct visit_wire *w)
{
	tls_free(w->tls);
	w->tls = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
