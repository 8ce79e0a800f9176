/* SPDX-License-Identifier: BSD-2-Clause */
/* Versions are compared by their numbers: "2.3.19.1", "4.84_2" (Exim's own way to say that a release was mended), "9.0.1FP10". */
#include "audit/patches.h"

#include <ctype.h>

#define VERSION_NUMBER_MAX 1000000000ul /* foreign: no overflow by a thousand digits */

/* The next number and what stands behind it; -1 at the end of the numbers. */
static long next_number(const char **at)
{
	unsigned long n = 0;

	if (!isdigit((unsigned char)**at))
		return -1;
	for (; isdigit((unsigned char)**at); ++*at)
		if (n < VERSION_NUMBER_MAX)
			n = n * 10 + (unsigned long)(**at - '0');
	if (**at == '.' || **at == '_')
		++*at;
	return (long)n;
}

int version_compare(const char *a, const char *b)
{
	for (;;) {
		long x = next_number(&a), y = next_number(&b);

		if (x != y)
			return x < y ? -1 : 1;
		if (x < 0)
			return 0;
	}
}

bool patches_concerns(const struct patches_row *row, enum server_kind server, const char *version)
{
	return row->server == server && version_compare(version, row->from) >= 0 &&
	       version_compare(version, row->fixed) < 0;
}
