/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Honest or not? What is known of a sender who delivered mail while a list or a limit stood against it. Three signs speak for it, and each can
 * be said in a sentence. No points and no weights: whoever reads a report must be able to follow, and to object.
 */
#ifndef POLICY_STANDING_H
#define POLICY_STANDING_H

#include <stdbool.h>
#include <stdint.h>

enum standing_sign {
	STANDING_NAME =
		1, /* its verified host name is its own, and not one of a range of customers */
	STANDING_AGAIN = 2, /* it delivered on more than one day: spam comes in waves */
	STANDING_LITTLE =
		4, /* one list at most, and the mail server took more from it than it turned down */
};
#define STANDING_SIGNS 3

struct standing_evidence {
	bool names_told; /* the mail server tells verified names at all (OpenSMTPD does not) */
	bool named, generic;
	unsigned days;	/* on which it delivered */
	unsigned lists; /* that name it; a feed is one */
	uint64_t messages, rejected;
};

/* The signs that speak for it, as bits. Where no name is told, a missing one is not held against it. */
unsigned standing_signs(const struct standing_evidence *e);
unsigned standing_count(unsigned signs);
/*
 * It looks like spam: without a name of its own, and without both of the other signs. A name of its own is enough to be looked at by a
 * person.
 */
bool standing_is_suspect(unsigned signs);
/* "name", "again", "little" */
const char *standing_name(enum standing_sign sign);

#endif
