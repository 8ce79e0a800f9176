/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one reader of what a client sends: bytes in, lines out. It holds one line, never more, whatever comes. A line ends with LF,
 * with one CR before it, none or some: bare LF is dangerous only where a message follows that others read differently, and here none
 * is ever taken. A line that is too long is dropped to its end, and said to have been. Any other byte, NUL too, is part of a line.
 */
#ifndef REPLY_LINE_H
#define REPLY_LINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * With the line end. A command has 512 bytes (RFC 5321, 4.5.3.1.4); MAIL has some 500 more where its parameters are
 * used (RFC 4954, 3), which clients send here and there without having been offered them.
 */
#define LINE_COMMAND_MAX 512
#define LINE_MAX_BYTES	 1024

enum line_result {
	LINE_MORE,  /* not yet at its end */
	LINE_WHOLE, /* it is in byte[0..length), without line end */
	LINE_LONG,  /* it was too long, and is gone */
};

struct line {
	char byte[LINE_MAX_BYTES];
	size_t length;
	bool ended;    /* the next byte begins a new line */
	bool skipping; /* to the end of a line that is too long */
};

/* Takes bytes up to the end of one line; how many. */
size_t line_take(struct line *l, const char *bytes, size_t length, enum line_result *result);

#endif
