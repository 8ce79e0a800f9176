/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows from a running controller: see stream.h. */
#include "cli/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/instance.h"

int stream_open(struct stream *s, const char *instance)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[INSTANCE_PATH_MAX];
	int rc;

	_Static_assert(INSTANCE_PATH_MAX <= sizeof(address.sun_path), "fits a socket address");
	strcpy(address.sun_path, instance_path(instance, INSTANCE_EVENTS, path));
	s->used = 0;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	if (connect(s->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	rc = -errno;
	stream_close(s);
	return rc;
}

/* Whole lines are handed on; what is left of the last moves to the front. */
static int lines_take(struct stream *s, int (*fn)(void *context, json_t *row), void *context)
{
	char *line = s->buffer, *end;
	int rc = 0;

	while (rc == 0 && (end = memchr(line, '\n', s->used - (size_t)(line - s->buffer)))) {
		json_t *row = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);

		if (json_is_object(row))
			rc = fn(context, row);
		else
			json_decref(row);
		line = end + 1;
	}
	s->used -= (size_t)(line - s->buffer);
	memmove(s->buffer, line, s->used);
	return rc;
}

int stream_read(struct stream *s, int (*fn)(void *context, json_t *row), void *context)
{
	ssize_t n = recv(s->fd, s->buffer + s->used, sizeof(s->buffer) - s->used, MSG_DONTWAIT);
	int rc;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	s->used += (size_t)n;
	rc = lines_take(s, fn, context);
	return rc == 0 && s->used == sizeof(s->buffer) ? -EBADMSG : rc;
}

void stream_close(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

const char *stream_text(const json_t *row, const char *key, char *buffer, size_t size)
{
	const char *text = json_string_value(json_object_get(row, key));

	if (!text)
		text = "?";
	/* What its writer has escaped is not escaped twice. */
	if (text_is_plain(text, size))
		return strcpy(buffer, text);
	return text_escape(text, strlen(text), buffer, size);
}
