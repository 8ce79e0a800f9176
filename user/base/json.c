/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON Lines and escaping: see json.h. */
#include "base/json.h"

#include <errno.h>
#include <string.h>

#include "base/when.h"

static const char cut_mark[] = "...";
#define CUT_LENGTH (sizeof(cut_mark) - 1)
#define UNIT_MAX   4 /* "\xHH" */

int json_line(FILE *out, json_t *row)
{
	char *text;
	int ret = 0;

	if (!row)
		return -ENOMEM;
	text = json_dumps(row, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
	json_decref(row);
	if (!text)
		return -ENOMEM;
	errno = 0;
	if (fputs(text, out) == EOF || fputc('\n', out) == EOF)
		ret = errno ? -errno : -EIO;
	free(text);
	return ret;
}

json_t *json_time_wall(int64_t wall_s)
{
	char text[WHEN_TEXT_MAX];

	return wall_s ? json_string(when_format(wall_s, text)) : json_null();
}

const char *json_text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

uint64_t json_count_of(const json_t *row, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(row, key));

	return n > 0 ? (uint64_t)n : 0;
}

static size_t byte_escape(unsigned char byte, char unit[static UNIT_MAX])
{
	static const char digits[] = "0123456789abcdef";

	if (byte >= ' ' && byte < 0x7f && byte != '\\') {
		unit[0] = (char)byte;
		return 1;
	}
	unit[0] = '\\';
	if (byte == '\\') {
		unit[1] = '\\';
		return 2;
	}
	unit[1] = 'x';
	unit[2] = digits[byte >> 4];
	unit[3] = digits[byte & 0xf];
	return UNIT_MAX;
}

const char *text_escape(const void *bytes, size_t length, char *buffer, size_t size)
{
	const unsigned char *from = bytes;
	size_t at = 0, cut = 0, n, mark;
	char unit[UNIT_MAX];

	if (!size)
		return buffer;
	for (size_t i = 0; i < length; i++) {
		n = byte_escape(from[i], unit);
		if (at + n >= size) {
			/* Never half a unit: go back to the last whole one the mark fits behind. */
			mark = size - 1 < CUT_LENGTH ? size - 1 : CUT_LENGTH;
			memcpy(buffer + cut, cut_mark, mark);
			at = cut + mark;
			break;
		}
		memcpy(buffer + at, unit, n);
		at += n;
		if (at + CUT_LENGTH < size)
			cut = at;
	}
	buffer[at] = '\0';
	return buffer;
}

bool text_is_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!text[i])
			return true;
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return false;
}
