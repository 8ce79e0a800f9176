/* SPDX-License-Identifier: BSD-2-Clause */
/* What is exported as blocked is what the gate refuses: exceptions and the trusted are taken out. */
#include "cli/export.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

/*
 * Entries in a text: "203.0.113.0/24" is the operator's block, "?" before it makes it one that was found, "~" a trusted prefix, "!" an
 * allowed one.
 */
static void entries_add(struct export_list *l, const char *text)
{
	char words[256], *save = NULL;

	snprintf(words, sizeof(words), "%s", text);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct export_entry e = {.is_exception = *w == '!',
					 .is_trust = *w == '~',
					 .is_found = *w == '?',
					 .origin = "x"};
		struct err err = {0};

		EXPECT(!prefix_parse(w + (strchr("!~?", *w) != NULL), &e.prefix, &err), "%s: %s", w,
		       err.text);
		EXPECT(!export_add(l, &e), "memory");
	}
}

static void entries_name(const struct export_list *l, char *out, size_t size)
{
	char text[PREFIX_TEXT_MAX];
	size_t length = 0;

	*out = 0;
	for (size_t i = 0; i < l->count && length < size; i++)
		length += (size_t)snprintf(out + length, size - length, "%s%s%s", i ? " " : "",
					   l->entry[i].is_exception ? "!" : "",
					   prefix_format(&l->entry[i].prefix, text));
}

TEST(what_the_gate_refuses_is_what_is_exported)
{
	static const struct {
		const char *given, *settled;
	} cases[] = {
		{"203.0.113.7 203.0.113.0/24", "203.0.113.0/24 203.0.113.7"},
		{"203.0.113.7 203.0.113.7", "203.0.113.7"},
		{"203.0.113.0/24 !203.0.113.7", "203.0.113.0/24 !203.0.113.7"},
		{"203.0.113.9 !203.0.113.7", "203.0.113.9"},
		{"!203.0.113.0/24 203.0.113.7 ?203.0.113.8", ""},
		/* No list keeps out who is trusted. */
		{"?203.0.113.7 ~203.0.113.7", ""},
		{"?203.0.113.7 ?203.0.114.7 ~203.0.113.0/24", "203.0.114.7"},
		{"?203.0.113.0/24 ~203.0.113.7", "203.0.113.0/24 !203.0.113.7"},
		/* A block does. */
		{"203.0.113.7 ~203.0.113.7", "203.0.113.7"},
		{"203.0.113.7 ?203.0.113.7 ~203.0.113.7", "203.0.113.7"},
		{"203.0.113.0/24 ~203.0.113.7", "203.0.113.0/24"},
		{"203.0.112.0/22 ?203.0.113.0/24 ~203.0.113.7", "203.0.112.0/22 203.0.113.0/24"},
		{"?203.0.112.0/22 203.0.113.0/24 ~203.0.113.7", "203.0.112.0/22 203.0.113.0/24"},
		{"~203.0.113.7 ~203.0.113.0/24", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct export_list l = {0};
		char got[256];

		entries_add(&l, cases[i].given);
		export_settle(&l);
		entries_name(&l, got, sizeof(got));
		EXPECT(!strcmp(got, cases[i].settled), "%s: got %s", cases[i].given, got);
		free(l.entry);
	}
}
