/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is remembered of each zone: how it does, what it was asked, what is left of its budget. A zone that has lapsed, gone mad or
 * refuses us is suspended: it is not asked and counts for nothing, until a probe (health.h) finds it well.
 */
#ifndef DNS_ZONES_H
#define DNS_ZONES_H

#include "dns/dns.h"

#define ZONES_WHY_MAX 160

struct zone {
	enum dns_zone_state state;
	char why[ZONES_WHY_MAX];
	uint64_t asked, over_budget;
	uint64_t outcome[OUTCOMES];
	unsigned latency_ms;
	unsigned streak; /* failures one after the other */
	/* Budgets: what was asked in this second, and in these 24 hours; in all, and by the unproven. */
	uint64_t second, day_start_s;
	uint32_t second_asked, second_unproven, day_asked, day_unproven;
	bool limit_told;
	/* Known senders since the last probe. */
	unsigned known_asked, known_listed;
	/* Probes. */
	uint64_t probed_ns, next_probe_ns;
	unsigned back_off_s;
	unsigned listed_run; /* answers that were listings, one after the other */
};

struct zones {
	const struct dns_settings *settings;
	struct zone zone[SITE_ZONES_MAX];
	dns_news_fn news;
	void *news_context;
};

/* May it be asked? OUTCOME_PENDING: yes, and it is charged. Else OUTCOME_SUSPENDED or OUTCOME_BUDGET. */
enum outcome zones_charge(struct zones *z, unsigned zone, bool unproven, uint64_t now_ns);
/* An answer has come, or not. */
void zones_note(struct zones *z, unsigned zone, enum outcome outcome, const char *why,
		unsigned latency_ms, uint64_t now_ns);
/* A sender known for good was listed by it, or not. */
void zones_note_known(struct zones *z, unsigned zone, bool listed, uint64_t now_ns);
/* Tells the news when the state is another one, and says when to probe again. */
void zones_set_state(struct zones *z, unsigned zone, enum dns_zone_state state, const char *why,
		     uint64_t now_ns);

#endif
