/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that go by a number, so that nobody is told of "1 entries". */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdint.h>

/* What makes a plural of a word that takes an s. */
static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static inline const char *words_entries(uint64_t count)
{
	return count == 1 ? "entry" : "entries";
}

#endif
