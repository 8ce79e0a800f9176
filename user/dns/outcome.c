/* SPDX-License-Identifier: BSD-2-Clause */
/* What an answer of a zone means: see outcome.h. */
#include "dns/outcome.h"

#include <stddef.h>

#define LOOPBACK_NET 127U	 /* RFC 5782, 2.1: answers lie in 127.0.0.0/8 */
#define ERROR_NET    0x7fffff00U /* 127.255.255.0/24, by convention of the large lists */
#define ERROR_MASK   0xffffff00U
#define CODE_NO_LISTING                                                                            \
	0x7f000001U /* 127.0.0.1: RFC 5782, 5; SURBL and URIBL mean "blocked" by it */

static const struct {
	const char *name, *sentence;
	bool is_failure;
} outcomes[] = {
#define OUTCOME_ROW(ID, name, is_failure, sentence) {name, sentence, is_failure},
	OUTCOMES_TABLE(OUTCOME_ROW)
#undef OUTCOME_ROW
};

const char *outcome_name(enum outcome o)
{
	return outcomes[o].name;
}

const char *outcome_sentence(enum outcome o)
{
	return outcomes[o].sentence;
}

bool outcome_is_failure(enum outcome o)
{
	return outcomes[o].is_failure;
}

/* The meanings that Spamhaus publishes and others have taken over. */
static const char *error_sentence(uint32_t code)
{
	switch (code & ~ERROR_MASK) {
	case 252:
		return "a typing error in the zone's name";
	case 254:
		return "asked through a public or unattributable resolver";
	case 255:
		return "too many questions";
	default:
		return "an error code";
	}
}

static bool is_error(uint32_t code, const struct outcome_errors *errors, const char **why)
{
	for (unsigned i = 0; errors && i < errors->count; i++) {
		if (site_filter_matches(&errors->filter[i], code)) {
			*why = errors->why[i];
			return true;
		}
	}
	if ((code & ERROR_MASK) != ERROR_NET)
		return false;
	*why = error_sentence(code);
	return true;
}

bool outcome_is_listing(uint32_t code)
{
	return code >> 24 == LOOPBACK_NET && code != CODE_NO_LISTING &&
	       (code & ERROR_MASK) != ERROR_NET;
}

enum outcome outcome_of_codes(const uint32_t *codes, unsigned count,
			      const struct outcome_errors *errors, const char **why)
{
	bool listed = false;

	*why = NULL;
	for (unsigned i = 0; i < count; i++)
		if (is_error(codes[i], errors, why))
			return OUTCOME_REFUSING;
	for (unsigned i = 0; i < count; i++) {
		if (codes[i] >> 24 != LOOPBACK_NET) {
			*why = "an answer outside 127.0.0.0/8";
			return OUTCOME_PARKED;
		}
		listed |= outcome_is_listing(codes[i]);
	}
	if (listed)
		return OUTCOME_LISTED;
	*why = "127.0.0.1, which is never a listing";
	return OUTCOME_REFUSING;
}
