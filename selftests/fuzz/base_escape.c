/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Escaping: printable, in its bounds, and lossless: what was escaped can be read back, up to where it was cut. The first two bytes
 * of the input are the room.
 */
#include "base/json.h"

#include "fuzz/fuzz.h"

#define SIZE_BYTES 2
#define CUT_MARK   "..."

static unsigned digit_of(char c)
{
	HOLDS((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* One byte read back from *at. */
static uint8_t byte_read(const char **at)
{
	const char *unit = *at;

	*at += 1;
	if (unit[0] != '\\')
		return (uint8_t)unit[0];
	*at += 1;
	if (unit[1] == '\\')
		return '\\';
	HOLDS(unit[1] == 'x');
	*at += 2;
	return (uint8_t)(digit_of(unit[2]) << 4 | digit_of(unit[3]));
}

static void check(const char *text, const uint8_t *data, size_t length)
{
	size_t text_length = strlen(text), read = 0;
	/* Whether the mark is one or three dots of the text itself shows the length alone. */
	bool may_be_cut = text_length >= strlen(CUT_MARK) &&
			  strcmp(text + text_length - strlen(CUT_MARK), CUT_MARK) == 0;

	for (const char *at = text; *at; read++) {
		if (may_be_cut && strcmp(at, CUT_MARK) == 0 && read < length &&
		    (length - read != strlen(CUT_MARK) ||
		     memcmp(data + read, CUT_MARK, strlen(CUT_MARK)) != 0))
			return;
		HOLDS(read < length && byte_read(&at) == data[read]);
	}
	HOLDS(read == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;
	size_t length, room;
	char *buffer;

	if (size < SIZE_BYTES)
		return 0;
	room = (size_t)data[0] << 8 | data[1];
	length = size - SIZE_BYTES;
	bytes = copy_of(data + SIZE_BYTES, length);
	buffer = malloc(room ? room : 1);
	HOLDS(buffer);
	HOLDS(text_escape(bytes, length, buffer, room) == buffer);
	if (room) {
		HOLDS(strnlen(buffer, room) < room && is_printable(buffer));
		/* Room for a mark at least: with less nobody can tell what it says. */
		if (room > strlen(CUT_MARK))
			check(buffer, bytes, length);
	}
	free(buffer);
	free(bytes);
	return 0;
}
