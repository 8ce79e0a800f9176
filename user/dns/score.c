/* SPDX-License-Identifier: BSD-2-Clause */
/* The score while answers are missing: see score.h. */
#include "dns/score.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {"pending", "listed", "clean", "unknown"};

	return names[v];
}

static bool is_policy(uint32_t code, const struct site_filter *policy, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (site_filter_matches(&policy[i], code))
			return true;
	return false;
}

void score_part_add(struct score_part *part, const struct sites *s, unsigned zone,
		    const uint32_t *codes, unsigned count, const struct site_filter *policy,
		    unsigned policy_count)
{
	part->sum = part->firm = 0;
	part->largest = INT32_MIN;
	for (unsigned i = 0; i < s->entry_count; i++) {
		const struct site_entry *entry = &s->entry[i];
		bool any = false, firm = false;

		if (entry->zone != zone)
			continue;
		for (unsigned k = 0; k < count; k++) {
			if (!outcome_is_listing(codes[k]) ||
			    !site_filter_matches(&entry->filter, codes[k]))
				continue;
			any = true;
			firm |= !is_policy(codes[k], policy, policy_count);
		}
		if (!any)
			continue;
		part->sum += entry->weight;
		part->firm += firm ? entry->weight : 0;
		if (entry->weight > part->largest)
			part->largest = entry->weight;
	}
}

/* What the parts come to. */
struct tally {
	int64_t total;
	int64_t low, high;  /* with all that is missing */
	int64_t high_asked; /* the same without suspended zones */
	int64_t wide;	    /* like low, with listings of whole /64 alone */
	bool pending;	    /* an answer may still come */
	bool missing;	    /* one will not */
	bool answered;	    /* one zone at least has said something */
	bool strong;	    /* a zone lists, not only what is weak */
};

static void tally_part(struct tally *t, const struct score_part *p, bool firm)
{
	int64_t sum = firm ? p->firm : p->sum;

	switch (p->outcome) {
	case OUTCOME_LISTED:
		t->total += sum;
		t->low += sum;
		t->high += sum;
		t->high_asked += sum;
		t->wide += p->wide || sum < 0 ? sum : 0;
		t->strong |= sum > 0 && !p->weak;
		t->answered |= !p->weak;
		return;
	case OUTCOME_CLEAN:
		t->answered |= !p->weak;
		return;
	case OUTCOME_PENDING:
		t->pending = true;
		break;
	default:
		t->missing = true;
	}
	/* A missing allow list counts as favourable, a missing block list for nothing. */
	t->low += p->low;
	t->wide += p->low;
	t->high += p->high;
	if (p->outcome != OUTCOME_SUSPENDED)
		t->high_asked += p->high;
}

static enum verdict tally_verdict(const struct tally *t, int64_t threshold)
{
	if (t->low >= threshold && t->strong)
		return VERDICT_LISTED;
	/* Where no zone can be asked at all nobody is clean. */
	if (t->high_asked < threshold && t->answered)
		return VERDICT_CLEAN;
	if (t->pending)
		return VERDICT_PENDING;
	/* All there is comes from what may not list by itself. */
	if (t->low >= threshold && !t->missing && t->answered)
		return VERDICT_CLEAN;
	return VERDICT_UNKNOWN;
}

/* Which answers made the decision: of a listing those that add to it and the allow lists, else all. */
static bool made_decision(const struct score_part *p, enum verdict v, bool firm)
{
	if (outcome_is_failure(p->outcome))
		return false;
	if (v != VERDICT_LISTED)
		return true;
	return p->low < 0 || (p->outcome == OUTCOME_LISTED && (firm ? p->firm : p->sum) > 0);
}

struct score score_decide(const struct score_part *parts, unsigned count, int64_t threshold,
			  bool firm)
{
	struct score out = {.ttl_s = UINT32_MAX};
	struct tally t = {0};
	int32_t largest = INT32_MIN;

	for (unsigned i = 0; i < count; i++)
		tally_part(&t, &parts[i], firm);
	out.total = t.total;
	out.verdict = tally_verdict(&t, threshold);
	/* A listing holds whatever is missing; a clean one may hang on a zone that was not asked. */
	out.partial = out.verdict == VERDICT_UNKNOWN ||
		      (out.verdict == VERDICT_CLEAN && t.high >= threshold && t.missing);
	out.wide = out.verdict == VERDICT_LISTED && t.wide >= threshold;
	for (unsigned i = 0; i < count; i++) {
		const struct score_part *p = &parts[i];

		if (made_decision(p, out.verdict, firm) && p->ttl_s < out.ttl_s)
			out.ttl_s = p->ttl_s;
		if (p->outcome == OUTCOME_LISTED && (firm ? p->firm : p->sum) > 0 && !p->weak &&
		    p->largest > largest) {
			largest = p->largest;
			out.named = i;
		}
	}
	return out;
}
