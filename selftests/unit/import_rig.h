/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration of Postfix in memory, and what is made of it as lines. */
#ifndef SELFTESTS_UNIT_IMPORT_RIG_H
#define SELFTESTS_UNIT_IMPORT_RIG_H

#include <stdlib.h>
#include <string.h>

#include "cli/import.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define SCREEN	    "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"
#define SMTPD	    "25 inet n - n - - smtpd\n"

static inline struct import_piece piece(const char *text)
{
	return (struct import_piece){.bytes = strdup(text), .length = strlen(text)};
}

/* main: as postconf -x and -n print it. table: what "cidr:/t" and "hash:/t" have; NULL nobody looked. */
static inline struct import_source *source_make(const char *main_, const char *services,
						const char *master, const char *table)
{
	struct import_source *s = calloc(1, sizeof(*s));

	s->all = piece(main_);
	s->own = piece(main_);
	s->services = piece(services);
	s->master = piece(master);
	if (table) {
		snprintf(s->answer[0].want.spec, IMPORT_SPEC_MAX, "cidr:/t");
		s->answer[0].said = piece(table);
		snprintf(s->answer[1].want.spec, IMPORT_SPEC_MAX, "hash:/t");
		s->answer[1].said = piece(table);
		s->answer_count = 2;
	}
	return s;
}

static inline void source_free(struct import_source *s)
{
	free(s->all.bytes);
	free(s->own.bytes);
	free(s->services.bytes);
	free(s->master.bytes);
	for (unsigned i = 0; i < s->answer_count; i++)
		free(s->answer[i].said.bytes);
	free(s);
}

/* "key=value" of what was carried, "!key=value" of what was left, a line each. */
static inline void rows_text(const struct import_rows *r, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->count && used < size; i++)
		if (r->row[i].fate != IMPORT_ADVICE)
			used += (size_t)snprintf(out + used, size - used, "%s%s=%s\n",
						 r->row[i].fate == IMPORT_LEFT ? "!" : "",
						 r->row[i].key, r->row[i].value);
}

static inline void convert(struct import_source *s, char *out, size_t size)
{
	struct import_rows rows;

	out[0] = '\0';
	if (import_rows_new(&rows, NULL) == 0 && import_convert(s, &rows) == 0)
		rows_text(&rows, out, size);
	import_rows_free(&rows);
	source_free(s);
}

#endif
