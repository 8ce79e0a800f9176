/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines out of foreign bytes: see line.h. */
#include "reply/line.h"

#include <string.h>

static enum line_result line_end(struct line *l)
{
	bool was_long = l->skipping;

	l->ended = true;
	l->skipping = false;
	if (was_long) {
		l->length = 0;
		return LINE_LONG;
	}
	while (l->length && l->byte[l->length - 1] == '\r')
		l->length--;
	return LINE_WHOLE;
}

size_t line_take(struct line *l, const char *bytes, size_t length, enum line_result *result)
{
	const char *end = length ? memchr(bytes, '\n', length) : NULL;
	size_t part = end ? (size_t)(end - bytes) : length;

	if (l->ended) {
		l->ended = false;
		l->length = 0;
	}
	/* Room for the LF is kept, so that the bound means the same whether it is bare or not. */
	if (part > sizeof(l->byte) - 1 - l->length)
		l->skipping = true;
	if (!l->skipping && part) {
		memcpy(l->byte + l->length, bytes, part);
		l->length += part;
	}
	*result = end ? line_end(l) : LINE_MORE;
	return end ? part + 1 : part;
}
