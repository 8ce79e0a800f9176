/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences as lines of a terminal. Their texts are the program's own: nothing here is escaped, and a byte is a column. */
#include "cli/fill.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 80 /* of the least terminal that people have */

/* What of a word goes on a line that has so much room: alternatives may be divided behind a bar. */
static size_t fill_cut(const char *text, size_t length, size_t room)
{
	for (size_t i = room < length ? room : 0; i > 0 && text[0] != '['; i--)
		if (text[i - 1] == '|')
			return i;
	return length;
}

size_t fill_word(const char *text)
{
	size_t length = 0;
	unsigned depth = 0;

	for (; text[length] && text[length] != '\n'; length++) {
		if (text[length] == ' ' && depth == 0)
			break;
		depth += text[length] == '[';
		depth -= text[length] == ']' && depth;
	}
	return length;
}

unsigned fill_print(const char *text, unsigned column, unsigned indent)
{
	bool is_first = true;

	while (*text && *text != '\n') {
		unsigned room = column + 1 < WIDTH ? WIDTH - column - 1 : 0;
		size_t length = fill_cut(text, fill_word(text), room);

		if (!is_first && length > room) {
			printf("\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		column += (unsigned)printf("%s%.*s", is_first ? "" : " ", (int)length, text);
		is_first = false;
		text += length;
		text += strspn(text, " ");
	}
	return column;
}
