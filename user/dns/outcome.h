/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an answer of a zone means. Only NXDOMAIN and NODATA are clean, only an answer inside 127.0.0.0/8 that is no error
 * code is a listing; all else says nothing about the address, and mail gets in.
 */
#ifndef DNS_OUTCOME_H
#define DNS_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/site.h"

#define OUTCOME_CODES_MAX  64 /* addresses of one answer that are looked at; lists give a handful */
#define OUTCOME_ERRORS_MAX 12 /* error codes of one zone */
#define OUTCOME_WHY_MAX	   80

/*   OUTCOME(ID, name, is_failure, sentence) */
#define OUTCOMES_TABLE(OUTCOME)                                                                    \
	OUTCOME(PENDING, "pending", true, "no answer has come yet")                                \
	OUTCOME(LISTED, "listed", false, "the zone lists the address")                             \
	OUTCOME(CLEAN, "clean", false, "the zone does not list the address")                       \
	OUTCOME(REFUSING, "refusing", true, "the zone refuses to answer us")                       \
	OUTCOME(PARKED, "parked", true,                                                            \
		"the answer lies outside 127.0.0.0/8: the zone has lapsed")                        \
	OUTCOME(SERVFAIL, "servfail", true, "the resolver says SERVFAIL")                          \
	OUTCOME(REFUSED, "refused", true, "the resolver says REFUSED")                             \
	OUTCOME(MALFORMED, "malformed", true, "the answer is not one")                             \
	OUTCOME(TIMEOUT, "timeout", true, "no answer came in time")                                \
	OUTCOME(SUSPENDED, "suspended", true, "not asked: the zone is suspended")                  \
	OUTCOME(BUDGET, "budget", true, "not asked: the budget of questions is spent")             \
	OUTCOME(UNREACHABLE, "unreachable", true,                                                  \
		"not asked: the zone has not answered for a while")

enum outcome {
#define OUTCOME_ENUM(ID, name, is_failure, sentence) OUTCOME_##ID,
	OUTCOMES_TABLE(OUTCOME_ENUM)
#undef OUTCOME_ENUM
		OUTCOMES,
};

const char *outcome_name(enum outcome o);
const char *outcome_sentence(enum outcome o);
/* Says it nothing about the address? */
bool outcome_is_failure(enum outcome o);

/* Codes by which one zone says that it does not answer, beside those that hold for all. */
struct outcome_errors {
	struct site_filter filter[OUTCOME_ERRORS_MAX];
	char why[OUTCOME_ERRORS_MAX][OUTCOME_WHY_MAX];
	unsigned count;
};

/*
 * Of an answer with addresses (host order). OUTCOME_LISTED, OUTCOME_REFUSING or OUTCOME_PARKED; *why says what an error
 * means, in memory of errors or of the program. An error among listings is an error: what the rest is worth is unknown.
 */
enum outcome outcome_of_codes(const uint32_t *codes, unsigned count,
			      const struct outcome_errors *errors, const char **why);
/* Can this code be a listing at all? What outcome_of_codes() let through has codes for which it is false: 127.0.0.1. */
bool outcome_is_listing(uint32_t code);

#endif
