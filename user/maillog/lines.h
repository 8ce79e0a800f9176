/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as they come, cut into lines: for who reads a log, and for who must know as well where in it each line ends. */
#ifndef MAILLOG_LINES_H
#define MAILLOG_LINES_H

#include <stddef.h>

#define MAILLOG_LINE_MAX 8192 /* bytes; rsyslog's own bound. What is longer is cut */

/* Of the line that is coming. Begins as zeros. */
struct maillog_lines {
	size_t length; /* so far; what does not fit is counted and passed over */
	char text[MAILLOG_LINE_MAX];
};

/* A line without its end, MAILLOG_LINE_MAX of it at the most; it took so many bytes, its end included. */
typedef void (*maillog_line_fn)(void *context, const char *line, size_t length, size_t took);

/* Hands on each line that ends in these bytes; what follows the last one is kept until its end comes. */
void maillog_lines_cut(struct maillog_lines *l, const char *bytes, size_t count, maillog_line_fn fn,
		       void *context);

#endif
