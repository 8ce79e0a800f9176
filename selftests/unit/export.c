/* SPDX-License-Identifier: BSD-2-Clause */
/* What is exported as blocked is what the gate refuses: exceptions and the trusted are taken out. */
#include "cli/export.h"

#include "base/when.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

/*
 * Entries in a text: "203.0.113.0/24" is the operator's block, "?" before it makes it one that was found, "~" a trusted prefix, "!" an
 * allowed one; "@5" behind it lets it end in 5 minutes.
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
		char *minutes = strchr(w, '@');
		struct err err = {0};

		if (minutes) {
			*minutes = '\0';
			e.expires_boot_ns =
				now_boot_ns() + strtoull(minutes + 1, NULL, 10) * 60 * NS_PER_S;
		}
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
		/* Also where he is trusted in a network that was found: the narrowest entry decides. */
		{"?203.0.113.0/24 ~203.0.113.16/28 203.0.113.20",
		 "203.0.113.0/24 !203.0.113.16/28 203.0.113.20"},
		{"?203.0.113.0/24 ~203.0.113.20 203.0.113.20", "203.0.113.0/24 203.0.113.20"},
		/* Who is only trusted in what is allowed is not let in whatever a block says. */
		{"!203.0.113.0/24 ~203.0.113.16/28 203.0.113.20 ?203.0.113.21 203.0.113.32",
		 "203.0.113.20"},
		{"!203.0.113.20 ~203.0.113.20 203.0.113.20", ""},
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

/* A listing that stands longer than a timed block does not hold against the trusted inside of it, and the block does. */
TEST(a_timed_block_of_the_operator_is_not_lost_in_a_listing)
{
	struct export_list l = {0};
	char got[256];

	entries_add(&l, "203.0.113.0/24@5 ?203.0.113.0/24@50 ?203.0.113.0/24 ~203.0.113.7");
	export_settle(&l);
	entries_name(&l, got, sizeof(got));
	EXPECT(!strcmp(got, "203.0.113.0/24"), "got %s", got);
	free(l.entry);
}

/* Of each length one who is trusted and one who is blocked, each inside of the ones before. */
TEST(entries_lie_in_each_other_as_deep_as_they_can)
{
	struct export_list l = {0};
	struct export_entry e = {.origin = "x"};
	char got[16];

	for (unsigned bits = 0; bits <= ADDR_BITS; bits++)
		for (unsigned i = 0; i < 2; i++) {
			e.prefix.bits = (uint8_t)bits;
			e.is_trust = i == 0;
			EXPECT(!export_add(&l, &e), "memory");
		}
	export_settle(&l);
	entries_name(&l, got, sizeof(got));
	EXPECT(l.count == ADDR_BITS + 1 && l.entry[ADDR_BITS].around == ADDR_BITS, "%zu: %s",
	       l.count, got);
	free(l.entry);
}

/* "blocked4 203.0.113.0/24 allowed4 203.0.113.7": what nft(8) is given, without comments of the entries. */
static void elements_name(const struct export_list *l, char *out, size_t size)
{
	char line[256], set[16], prefix[PREFIX_TEXT_MAX];
	FILE *file = tmpfile();
	size_t length = 0;

	*out = '\0';
	if (!EXPECT(file, "no temporary file"))
		return;
	export_print_nft(l, file);
	rewind(file);
	while (fgets(line, sizeof(line), file) && length < size)
		if (sscanf(line, "add element inet postern %15s", set) == 1)
			length += (size_t)snprintf(out + length, size - length, "%s%s",
						   length ? " " : "", set);
		else if (strstr(line, " comment ") && sscanf(line, "%49s", prefix) == 1)
			length += (size_t)snprintf(out + length, size - length, " %s", prefix);
		else if (strstr(line, "ends first"))
			length += (size_t)snprintf(out + length, size - length, "%s# ",
						   length ? " " : "");
	fclose(file);
}

/* The sets take no overlaps, and what is blocked inside of an exception must not be in it. */
TEST(sets_for_nftables_let_in_nobody_who_is_blocked)
{
	static const struct {
		const char *given, *elements;
	} cases[] = {
		{"203.0.113.7 203.0.113.0/24", "blocked4 203.0.113.0/24"},
		{"?203.0.113.0/24 ~203.0.113.16/28",
		 "blocked4 203.0.113.0/24 allowed4 203.0.113.16/28"},
		{"?203.0.113.0/24 ~203.0.113.16/28 203.0.113.20",
		 "blocked4 203.0.113.0/24 allowed4 203.0.113.16/30 203.0.113.21 203.0.113.22/31 "
		 "203.0.113.24/29"},
		{"?203.0.113.0/24 ~203.0.113.16/28 203.0.113.16/29 203.0.113.24/29",
		 "blocked4 203.0.113.0/24"},
		/* Exceptions inside of exceptions, with no block between them, with one, and behind it. */
		{"?203.0.113.0/24 ~203.0.113.16/28 ~203.0.113.20",
		 "blocked4 203.0.113.0/24 allowed4 203.0.113.16/28"},
		{"?203.0.113.0/24 ~203.0.113.16/28 203.0.113.16/29 !203.0.113.20 ~203.0.113.30",
		 "blocked4 203.0.113.0/24 allowed4 203.0.113.24/29 203.0.113.20"},
		{"?203.0.113.0/24 ~203.0.113.16/28@5 ~203.0.113.20@9 ~203.0.113.21@4",
		 "#  blocked4 203.0.113.0/24 allowed4 203.0.113.16/28"},
		{"?2001:db8::/32 ~2001:db8::/47 2001:db8:1::/48 203.0.113.9",
		 "blocked4 203.0.113.9 blocked6 2001:db8::/32 allowed6 2001:db8::/48"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct export_list l = {0};
		char got[512];

		entries_add(&l, cases[i].given);
		export_settle(&l);
		elements_name(&l, got, sizeof(got));
		EXPECT(!strcmp(got, cases[i].elements), "%s: got %s", cases[i].given, got);
		free(l.entry);
	}
}
