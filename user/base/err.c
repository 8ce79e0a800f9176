/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sentences of failure: see err.h. The new sentence is made beside the old one, since callers pass
 * e->text as an argument of the sentence that replaces it.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char cut_mark[] = "...";

/* What snprintf said of a text in a buffer of ERR_TEXT_MAX: mark it when it was cut. */
static void text_end(char *text, int length)
{
	if (length >= ERR_TEXT_MAX)
		memcpy(text + ERR_TEXT_MAX - sizeof(cut_mark), cut_mark, sizeof(cut_mark));
}

int err_set(struct err *e, int code, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (!e)
		return code;
	va_start(ap, format);
	text_end(text, vsnprintf(text, sizeof(text), format, ap));
	va_end(ap);
	e->code = code;
	memcpy(e->text, text, sizeof(text));
	return code;
}

int err_prefix(struct err *e, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	int length, more;

	/* Nobody kept the code; a caller that returns this must still not report success. */
	if (!e)
		return -EIO;
	va_start(ap, format);
	length = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (length < ERR_TEXT_MAX) {
		more = snprintf(text + length, sizeof(text) - length, ": %s", e->text);
		length += more;
	}
	text_end(text, length);
	memcpy(e->text, text, sizeof(text));
	return e->code;
}

bool err_is_for_later(int code)
{
	return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}
