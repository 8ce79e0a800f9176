/* SPDX-License-Identifier: BSD-2-Clause */
/* Optimal string alignment distance; three rows suffice, since a swap looks two rows back. */
#include "cli/nearest.h"

#include <string.h>

#define NEAREST_LETTERS_MIN 2 /* even short words may be this far off */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned d = a < b ? a : b;

	return d < c ? d : c;
}

unsigned nearest_distance(const char *a, const char *b)
{
	unsigned rows[3][NEAREST_WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAREST_WORD_MAX || lb > NEAREST_WORD_MAX)
		return NEAREST_WORD_MAX;
	for (unsigned j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3];
		const unsigned *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned differs = a[i - 1] != b[j - 1];

			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[la % 3][lb];
}

void nearest_try(const char *word, const char *candidate, const char **best, unsigned *distance)
{
	unsigned far = (unsigned)strlen(word) / 3, d;

	if (far < NEAREST_LETTERS_MIN)
		far = NEAREST_LETTERS_MIN;
	d = nearest_distance(word, candidate);
	/* Nothing of the candidate would be left. */
	if (d > far || d >= strlen(candidate))
		return;
	if (!*best || d < *distance) {
		*best = candidate;
		*distance = d;
	}
}
