/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences as lines of a terminal. Nothing here is escaped, and a byte is a column. */
#include "cli/fill.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WIDTH	      80 /* of the least terminal that people have */
#define FACT_INDENT   2
#define FACT_COLUMN   11	  /* "  dnsbl    listed: ..." */
#define FACT_COMMANDS "  change " /* they are pasted, so none is divided */

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

static size_t fill_blank(const char *text)
{
	return strcspn(text, " \n");
}

static size_t fill_comma(const char *text)
{
	size_t length = fill_blank(text);

	while (text[length] == ' ' && (!length || text[length - 1] != ','))
		length += 1 + fill_blank(text + length + 1);
	return length;
}

static unsigned fill(const char *text, unsigned column, unsigned indent,
		     size_t (*word)(const char *text))
{
	bool is_first = true;

	while (*text && *text != '\n') {
		unsigned room = column + 1 < WIDTH ? WIDTH - column - 1 : 0;
		size_t length = word(text);

		if (word == fill_word)
			length = fill_cut(text, length, room);
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

unsigned fill_print(const char *text, unsigned column, unsigned indent)
{
	return fill(text, column, indent, fill_word);
}

void fill_facts(const char *text)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		bool is_fact = text[0] == ' ' && end - text > FACT_COLUMN;
		unsigned column = is_fact ? FACT_COLUMN : 0;

		printf("%.*s", (int)column, text);
		(void)fill(text + column, column, is_fact ? FACT_COLUMN : FACT_INDENT,
			   strncmp(text, FACT_COMMANDS, strlen(FACT_COMMANDS)) == 0 ? fill_comma
										    : fill_blank);
		putchar('\n');
	}
}
