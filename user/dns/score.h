/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The score while answers are still missing, as an interval: what is known, and what the rest can add at the least and at
 * the most. A verdict falls as soon as no missing answer could turn it, so one slow zone holds nobody up, and an
 * allow list that is late never loses its weight. A zone that failed stays a gap for good: who is neither surely
 * listed nor surely clean is unknown, and gets in.
 */
#ifndef DNS_SCORE_H
#define DNS_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/outcome.h"
#include "dns/site.h"

enum verdict { VERDICT_PENDING, VERDICT_LISTED, VERDICT_CLEAN, VERDICT_UNKNOWN };

/* What one zone says, or reverse DNS. */
struct score_part {
	int64_t low, high; /* what it can add before it has answered: low <= 0 <= high */
	int64_t sum;	   /* LISTED: what its matching entries add */
	int64_t firm;	   /* the same without codes that are policy (dynamic ranges) */
	enum outcome outcome;
	int32_t largest; /* the largest weight that matched */
	uint32_t ttl_s;
	bool wide; /* an IPv6 listing stands for the whole /64 */
	bool weak; /* counts, but never lists by itself: reverse DNS */
};

struct score {
	enum verdict verdict;
	int64_t total;	/* over the answers that are there */
	bool partial;	/* a zone that is missing could turn it: to be asked again soon */
	bool wide;	/* listings of whole /64 alone suffice for it */
	unsigned named; /* the largest contributor to a listing, an index of parts */
	uint32_t
		ttl_s; /* the least over the answers that made the decision; UINT32_MAX when there was none */
};

/*
 * Add up the entries of a zone that match its codes: sum, firm, largest of the part. policy: codes that are policy, may be
 * NULL. Each entry adds once, however many codes match it.
 */
void score_part_add(struct score_part *part, const struct sites *s, unsigned zone,
		    const uint32_t *codes, unsigned count, const struct site_filter *policy,
		    unsigned policy_count);

/* firm: leave out what is policy, for submission ports. */
struct score score_decide(const struct score_part *parts, unsigned count, int64_t threshold,
			  bool firm);

const char *verdict_name(enum verdict v); /* "pending", "listed", "clean", "unknown" */

#endif
