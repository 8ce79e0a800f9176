/* SPDX-License-Identifier: BSD-2-Clause */
/* Where lines of help and of facts may be divided (base/wrap.h divides them). */
#include "cli/fill.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/wrap.h"

#define WIDTH	      80 /* of the least terminal that people have */
#define FACT_INDENT   2
#define FACT_COLUMN   11	  /* "  dnsbl    listed: ..." */
#define FACT_COMMANDS "  change " /* they are pasted, so none is divided */

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

/* A clause; alternatives may be divided behind a bar. */
static size_t fill_clause(const char *text, size_t room)
{
	size_t length = fill_word(text);

	for (size_t i = room < length ? room : 0; i > 0 && text[0] != '['; i--)
		if (text[i - 1] == '|')
			return i;
	return length;
}

static size_t fill_blank(const char *text, size_t room)
{
	(void)room;
	return strcspn(text, " \n");
}

static size_t fill_comma(const char *text, size_t room)
{
	size_t length = fill_blank(text, room);

	while (text[length] == ' ' && (!length || text[length - 1] != ','))
		length += 1 + fill_blank(text + length + 1, room);
	return length;
}

unsigned fill_print(const char *text, unsigned column, unsigned indent)
{
	const struct wrap w = {.out = stdout, .width = WIDTH, .word = fill_clause};

	return wrap_print(&w, text, column, indent);
}

void fill_facts(const char *text)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		bool is_fact = text[0] == ' ' && end - text > FACT_COLUMN;
		bool is_command = strncmp(text, FACT_COMMANDS, strlen(FACT_COMMANDS)) == 0;
		unsigned column = is_fact ? FACT_COLUMN : 0;
		const struct wrap w = {.out = stdout,
				       .width = WIDTH,
				       .word = is_command ? fill_comma : fill_blank};

		printf("%.*s", (int)column, text);
		(void)wrap_print(&w, text + column, column, is_fact ? FACT_COLUMN : FACT_INDENT);
		putchar('\n');
	}
}
