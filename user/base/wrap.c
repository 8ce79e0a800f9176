/* SPDX-License-Identifier: BSD-2-Clause */
/* See wrap.h: the one place that divides lines, for help, facts and reports. */
#include "base/wrap.h"

#include <stdbool.h>
#include <string.h>

static size_t word_of(const char *text, size_t room)
{
	(void)room;
	return strcspn(text, " ");
}

unsigned wrap_print(const struct wrap *w, const char *text, unsigned column, unsigned hang)
{
	size_t (*const word)(const char *text, size_t room) = w->word ? w->word : word_of;
	bool is_first = true; /* in its line */

	for (;;) {
		unsigned room = column + 1 < w->width ? w->width - column - 1 : 0;
		size_t length;

		text += strspn(text, " ");
		length = word(text, room);
		if (!length)
			return column;
		if (!is_first && length > room) {
			fprintf(w->out, "\n%*s", (int)hang, "");
			column = hang;
			is_first = true;
		}
		column +=
			(unsigned)fprintf(w->out, "%s%.*s", is_first ? "" : " ", (int)length, text);
		is_first = false;
		text += length;
	}
}
