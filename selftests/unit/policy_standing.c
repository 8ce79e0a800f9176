/* SPDX-License-Identifier: BSD-2-Clause */
/* The signs of an honest sender, and who looks like spam. */
#include "policy/standing.h"

#include <string.h>

#include "tap.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define N	    STANDING_NAME
#define A	    STANDING_AGAIN
#define L	    STANDING_LITTLE

static const struct {
	const char *sentence;
	struct standing_evidence
		evidence; /* names told, named, generic, days, lists, messages, rejected */
	unsigned signs;
	bool suspect;
} rows[] = {
	{"an old friend", {true, true, false, 9, 1, 9, 0}, N | A | L, false},
	{"on no list, over a limit", {true, true, false, 2, 0, 9, 0}, N | A | L, false},
	{"its first mail", {true, true, false, 1, 1, 1, 0}, N | L, false},
	{"its first mail, on two lists", {true, true, false, 1, 2, 1, 0}, N, false},
	{"a home that delivers each day", {true, true, true, 5, 1, 9, 0}, A | L, false},
	{"a home in a wave of spam", {true, true, true, 1, 1, 9, 0}, L, true},
	{"no name, each day, on three lists", {true, false, false, 5, 3, 9, 0}, A, true},
	{"no name, each day, mostly turned down", {true, false, false, 5, 1, 9, 9}, A, true},
	{"no name, each day, now and then turned down",
	 {true, false, false, 5, 1, 9, 8},
	 A | L,
	 false},
	{"nothing for it", {true, false, false, 1, 4, 1, 7}, 0, true},
	{"where no names are told, none is missed", {false, false, false, 1, 4, 1, 7}, N, false},
};

TEST(signs)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned signs = standing_signs(&rows[i].evidence);

		EXPECT(signs == rows[i].signs && standing_is_suspect(signs) == rows[i].suspect,
		       "%s: %u", rows[i].sentence, signs);
	}
	EXPECT(standing_count(N | L) == 2 && standing_count(0) == 0, "the count");
	EXPECT(!strcmp(standing_name(N), "name") && !strcmp(standing_name(A), "again") &&
		       !strcmp(standing_name(L), "little"),
	       "the names");
}
