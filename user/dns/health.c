/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a zone well: see health.h. */
#include "dns/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "dns/global.h"

struct probe {
	struct health *health;
	unsigned index;
	struct question *question;
};

struct health {
	const struct dns_settings *settings;
	unsigned zone, pending;
	struct health_seen seen;
	struct probe probe[HEALTH_PROBES];
	health_fn fn;
	void *context;
};

/* ---- judging ---- */

static enum dns_zone_state state_of_failure(enum outcome outcome, const char *meaning,
					    char why[static ZONES_WHY_MAX])
{
	if (outcome == OUTCOME_REFUSING) {
		snprintf(why, ZONES_WHY_MAX, "%s", meaning ? meaning : outcome_sentence(outcome));
		return DNS_ZONE_REFUSING;
	}
	snprintf(why, ZONES_WHY_MAX, "%s", outcome_sentence(outcome));
	return outcome == OUTCOME_PARKED ? DNS_ZONE_SUSPENDED : DNS_ZONE_UNREACHABLE;
}

static bool random_all_listed(const struct health_seen *seen)
{
	for (unsigned i = 0; i < HEALTH_RANDOM; i++)
		if (!seen->matched[i])
			return false;
	return true;
}

/* The first error code or parked answer among all probes, else the first silence, if nothing was answered. */
static const enum outcome *failure_of(const struct health_seen *seen)
{
	const enum outcome *silent = NULL;
	bool answered = false;

	for (unsigned i = 0; i < HEALTH_PROBES; i++) {
		const enum outcome *o = &seen->outcome[i];

		if (*o == OUTCOME_PENDING)
			continue;
		if (*o == OUTCOME_PARKED ||
		    (*o == OUTCOME_REFUSING && i != HEALTH_MUST_NOT && i != HEALTH_MUST_NOT_V6))
			return o;
		if (!outcome_is_failure(*o))
			answered = true;
		else if (!silent)
			silent = o;
	}
	return answered ? NULL : silent;
}

enum dns_zone_state health_judge(const struct health_seen *seen, bool untested,
				 char why[static ZONES_WHY_MAX])
{
	const enum outcome *failure = failure_of(seen), *o = seen->outcome;
	const char *fault = NULL;

	why[0] = '\0';
	if (failure)
		return state_of_failure(*failure, seen->why[failure - seen->outcome], why);
	if (random_all_listed(seen))
		fault = "it lists the world: each of eight random addresses";
	else if (untested)
		return DNS_ZONE_GOOD;
	else if (o[HEALTH_MUST_NOT] == OUTCOME_LISTED)
		fault = "it lists 127.0.0.1, which no zone may list";
	else if (o[HEALTH_MUST_NOT_V6] == OUTCOME_LISTED)
		fault = "it lists ::ffff:7f00:1, which no zone may list";
	/* Many zones know nothing of IPv6, some of nothing else. A test that failed to be answered proves nothing. */
	else if (o[HEALTH_MUST] == OUTCOME_CLEAN && o[HEALTH_MUST_V6] != OUTCOME_LISTED)
		fault = "it does not list its test entry: it is empty, or has none (see "
			"dnsbl.untested)";
	if (!fault)
		return DNS_ZONE_GOOD;
	snprintf(why, ZONES_WHY_MAX, "%s", fault);
	return DNS_ZONE_SUSPENDED;
}

/* ---- asking ---- */

static bool is_matched(const struct health *h, const struct answer *a)
{
	struct score_part part = {0};

	score_part_add(&part, &h->settings->sites, h->zone, a->code, a->count, NULL, 0);
	return part.largest != INT32_MIN;
}

static void probe_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct probe *p = context;
	struct health *h = p->health;
	const struct zone_facts *facts = &h->settings->facts[h->zone];
	enum outcome *o = &h->seen.outcome[p->index];

	(void)latency_ms;
	p->question = NULL;
	*o = answer_outcome(a, &facts->errors, &h->seen.why[p->index]);
	if (p->index >= HEALTH_PROBES_TEST)
		h->seen.matched[p->index - HEALTH_PROBES_TEST] =
			*o == OUTCOME_LISTED && is_matched(h, a);
	if (--h->pending)
		return;
	h->fn(h->context, h->zone, &h->seen);
	free(h);
}

static struct addr random_global(void)
{
	struct in_addr in = {0};
	struct addr a;

	do {
		/* Without randomness some fixed address serves nearly as well. */
		if (getrandom(&in.s_addr, sizeof(in.s_addr), 0) != sizeof(in.s_addr))
			in.s_addr = htonl(0x08080808);
		a = addr_from_v4(in);
	} while (global_refuse(&a));
	return a;
}

static int probe_ask(struct health *h, struct resolver *r, unsigned index)
{
	static const struct addr listed = {{[10] = 0xff, 0xff, 127, 0, 0, 2}},
				 unlisted = {{[10] = 0xff, 0xff, 127, 0, 0, 1}};
	const struct zone_facts *facts = &h->settings->facts[h->zone];
	bool mapped = index == HEALTH_MUST_V6 || index == HEALTH_MUST_NOT_V6;
	struct probe *p = &h->probe[index];
	char name[NAME_TEXT_MAX];
	struct addr a = unlisted;

	if (index == HEALTH_MUST || index == HEALTH_MUST_V6)
		a = listed;
	if (index == HEALTH_MUST && facts->has_test)
		a = facts->test;
	if (index >= HEALTH_PROBES_TEST)
		a = random_global();
	*p = (struct probe){.health = h, .index = index};
	name_of_listing(&a, mapped, h->settings->sites.zone[h->zone], name);
	return resolver_ask(r, name, RECORD_A, probe_answered, p, &p->question);
}

int health_start(struct health **out, struct resolver *r, const struct dns_settings *settings,
		 unsigned zone, health_fn fn, void *context)
{
	struct health *h = calloc(1, sizeof(*h));
	unsigned first = settings->facts[zone].untested ? HEALTH_PROBES_TEST : 0;
	int ret = 0;

	if (!h)
		return -ENOMEM;
	h->settings = settings;
	h->zone = zone;
	h->fn = fn;
	h->context = context;
	for (unsigned i = first; i < HEALTH_PROBES && ret == 0; i++, h->pending++)
		ret = probe_ask(h, r, i);
	if (ret < 0)
		health_stop(h);
	else
		*out = h;
	return ret;
}

void health_stop(struct health *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < HEALTH_PROBES; i++)
		resolver_cancel(h->probe[i].question);
	free(h);
}
