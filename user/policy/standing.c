/* SPDX-License-Identifier: BSD-2-Clause */
/* The signs of an honest sender: see standing.h. */
#include "policy/standing.h"

#define DAYS_AGAIN 2
#define LISTS_FEW  1 /* lists err, but seldom two of them about the same address */

unsigned standing_signs(const struct standing_evidence *e)
{
	unsigned signs = 0;

	if (!e->names_told || (e->named && !e->generic))
		signs |= STANDING_NAME;
	if (e->days >= DAYS_AGAIN)
		signs |= STANDING_AGAIN;
	if (e->lists <= LISTS_FEW && e->rejected < e->messages)
		signs |= STANDING_LITTLE;
	return signs;
}

unsigned standing_count(unsigned signs)
{
	return (unsigned)__builtin_popcount(signs);
}

bool standing_is_suspect(unsigned signs)
{
	const unsigned others = STANDING_AGAIN | STANDING_LITTLE;

	return !(signs & STANDING_NAME) && (signs & others) != others;
}

const char *standing_name(enum standing_sign sign)
{
	switch (sign) {
	case STANDING_NAME:
		return "name";
	case STANDING_AGAIN:
		return "again";
	case STANDING_LITTLE:
		break;
	}
	return "little";
}
