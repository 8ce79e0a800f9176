/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a running controller tells, as rows: the socket of its events, read line by line. For watch and top. A line that is no JSON
 * object is passed over.
 */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include "base/json.h"

#define STREAM_LINE_MAX (16 << 10) /* an event is some 300 bytes, a decision at most a few KB */

struct stream {
	int fd; /* -1: closed */
	size_t used;
	char buffer[STREAM_LINE_MAX];
};

/* To the controller of this instance. 0 or -errno: nobody listens there, or one may not. */
int stream_open(struct stream *s, const char *instance);
/*
 * What has come, once; does not wait. fn takes the reference and returns 0 to go on. 0; fn's value; -EPIPE: it is over, the controller
 * has ended or has cut us off for being too slow; -errno.
 */
int stream_read(struct stream *s, int (*fn)(void *context, json_t *row), void *context);
void stream_close(struct stream *s);

/* A text of a row, fit for a terminal: what is not printable is escaped, what is no text is "?". Returns buffer. */
const char *stream_text(const json_t *row, const char *key, char *buffer, size_t size);

#endif
