/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting bytes into lines: see lines.h. */
#include "maillog/lines.h"

#include <string.h>

static size_t kept(const struct maillog_lines *l)
{
	return l->length < sizeof(l->text) ? l->length : sizeof(l->text);
}

static void keep(struct maillog_lines *l, const char *bytes, size_t count)
{
	size_t room = sizeof(l->text) - kept(l);

	memcpy(l->text + kept(l), bytes, count < room ? count : room);
	l->length += count;
}

void maillog_lines_cut(struct maillog_lines *l, const char *bytes, size_t count, maillog_line_fn fn,
		       void *context)
{
	const char *end;

	for (; count && (end = memchr(bytes, '\n', count)); bytes = end + 1) {
		size_t n = (size_t)(end - bytes);

		count -= n + 1;
		if (!l->length && n <= sizeof(l->text)) { /* whole in what came: no copy */
			fn(context, bytes, n, n + 1);
			continue;
		}
		keep(l, bytes, n);
		n = l->length;
		fn(context, l->text, kept(l), n + 1);
		l->length = 0;
	}
	keep(l, bytes, count);
}
