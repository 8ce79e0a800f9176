/* SPDX-License-Identifier: BSD-2-Clause */
/* What somebody probably meant: the nearest of some known words, by edit distance. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* Longest word compared; longer ones are like nothing. */
#define NEAREST_WORD_MAX 32

/* Insertions, deletions, replacements and swaps of neighbours from a to b. Words too long: NEAREST_WORD_MAX. */
unsigned nearest_distance(const char *a, const char *b);

/*
 * *best keeps the nearest candidate so far (NULL at first) and *distance its distance. A candidate that would need more
 * than a third of the word rewritten (or two letters) is no suggestion.
 */
void nearest_try(const char *word, const char *candidate, const char **best, unsigned *distance);

#endif
