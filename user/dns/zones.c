/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered of each zone: see zones.h. */
#include "dns/zones.h"

#include <stdio.h>
#include <string.h>

#include "base/when.h"

/* Of a zone that does not do well: the next probe after a minute, then twice as late each time. */
#define BACK_OFF_LEAST_S 60
#define BACK_OFF_MOST_S	 3600
/* One out of reach may come back any second, with the resolver. */
#define REACH_LEAST_S 5
#define REACH_MOST_S  60
/* One error code may be meant for one address; three in a row are meant for us. */
#define REFUSING_STREAK 3
/* Lost packets come in bunches; ten in a row are an outage. */
#define FAILURE_STREAK 10
/* Sources that never completed a handshake: their part of a day's questions, since a forged SYN can be sent twice. */
#define UNPROVEN_DAY_PART 10
/* The operator's published limit: told at this percentage, so that there is time to do something. */
#define LIMIT_TELL_PERCENT 80
/* Known senders: of fewer nothing follows; more than a fifth listed is madness. */
#define KNOWN_LEAST 20
#define KNOWN_PART  5
/* So many listings and nothing else: no evidence, since strangers choose who connects, but worth a probe before its time. */
#define LISTED_RUN    16
#define HURRY_LEAST_S 10 /* between two such probes */
/* New latencies count for an eighth, as TCP smooths its round trips (RFC 6298). */
#define LATENCY_PART 8

const char *dns_zone_state_name(enum dns_zone_state s)
{
	static const char *const names[] = {"good", "suspended", "refusing", "unreachable"};

	return names[s];
}

static unsigned back_off(unsigned last_s, bool unreachable)
{
	unsigned least = unreachable ? REACH_LEAST_S : BACK_OFF_LEAST_S;
	unsigned most = unreachable ? REACH_MOST_S : BACK_OFF_MOST_S;

	last_s *= 2;
	return last_s < least ? least : last_s > most ? most : last_s;
}

void zones_set_state(struct zones *z, unsigned zone, enum dns_zone_state state, const char *why,
		     uint64_t now_ns)
{
	struct zone *it = &z->zone[zone];
	bool changed = it->state != state;
	struct dns_news news = {.zone = zone, .state = state, .why = it->why};

	it->state = state;
	it->streak = 0;
	it->known_asked = it->known_listed = it->listed_run = 0;
	it->probed_ns = now_ns;
	snprintf(it->why, sizeof(it->why), "%s", why);
	if (state == DNS_ZONE_GOOD) {
		it->back_off_s = 0;
		it->next_probe_ns = now_ns + z->settings->probe_every_s * NS_PER_S;
	} else {
		it->back_off_s = back_off(it->back_off_s, state == DNS_ZONE_UNREACHABLE);
		it->next_probe_ns = now_ns + it->back_off_s * NS_PER_S;
	}
	news.name = z->settings->reply_name[zone];
	if (changed && z->news)
		z->news(z->news_context, &news);
}

/* ---- budgets ---- */

static void limit_tell(struct zones *z, unsigned zone)
{
	struct zone *it = &z->zone[zone];
	uint32_t limit = z->settings->facts[zone].day_limit;
	char why[ZONES_WHY_MAX];
	struct dns_news news = {.zone = zone, .state = it->state, .why = why, .limit = true};

	if (!limit || it->limit_told ||
	    (uint64_t)it->day_asked * 100 < (uint64_t)limit * LIMIT_TELL_PERCENT)
		return;
	it->limit_told = true;
	snprintf(why, sizeof(why), "%u questions in a day, of %u that its operator allows for free",
		 it->day_asked, limit);
	news.name = z->settings->reply_name[zone];
	if (z->news)
		z->news(z->news_context, &news);
}

static void windows_turn(struct zone *it, uint64_t now_s)
{
	if (it->second != now_s) {
		it->second = now_s;
		it->second_asked = it->second_unproven = 0;
	}
	if (!it->day_start_s || now_s - it->day_start_s >= DAY_S) {
		it->day_start_s = now_s;
		it->day_asked = it->day_unproven = 0;
		it->limit_told = false;
	}
}

static bool is_spent(const struct zone *it, const struct dns_settings *s, bool unproven)
{
	if (it->second_asked >= s->budget_per_s || it->day_asked >= s->budget_per_day)
		return true;
	return unproven && (it->second_unproven >= s->unproven_per_s ||
			    it->day_unproven >= s->budget_per_day / UNPROVEN_DAY_PART);
}

enum outcome zones_charge(struct zones *z, unsigned zone, bool unproven, uint64_t now_ns)
{
	struct zone *it = &z->zone[zone];

	/* Out of reach is no fault of the zone's: it stays a gap in the score, as if it had been asked in vain. */
	if (it->state != DNS_ZONE_GOOD)
		return it->state == DNS_ZONE_UNREACHABLE ? OUTCOME_UNREACHABLE : OUTCOME_SUSPENDED;
	windows_turn(it, now_ns / NS_PER_S);
	if (is_spent(it, z->settings, unproven)) {
		it->over_budget++;
		return OUTCOME_BUDGET;
	}
	it->second_asked++;
	it->day_asked++;
	it->second_unproven += unproven;
	it->day_unproven += unproven;
	limit_tell(z, zone);
	return OUTCOME_PENDING;
}

/* ---- what came back ---- */

static void note_failure(struct zones *z, unsigned zone, enum outcome outcome, const char *why,
			 uint64_t now_ns)
{
	struct zone *it = &z->zone[zone];
	char text[ZONES_WHY_MAX];

	if (it->state != DNS_ZONE_GOOD)
		return;
	it->streak++;
	if (outcome == OUTCOME_PARKED)
		zones_set_state(z, zone, DNS_ZONE_SUSPENDED, outcome_sentence(outcome), now_ns);
	else if (outcome == OUTCOME_REFUSING && it->streak >= REFUSING_STREAK)
		zones_set_state(z, zone, DNS_ZONE_REFUSING, why ? why : "", now_ns);
	else if (outcome != OUTCOME_REFUSING && it->streak >= FAILURE_STREAK) {
		snprintf(text, sizeof(text), "%s, %u times in a row", outcome_sentence(outcome),
			 it->streak);
		zones_set_state(z, zone, DNS_ZONE_UNREACHABLE, text, now_ns);
	}
}

void zones_note(struct zones *z, unsigned zone, enum outcome outcome, const char *why,
		unsigned latency_ms, uint64_t now_ns)
{
	struct zone *it = &z->zone[zone];

	it->asked++;
	it->outcome[outcome]++;
	if (outcome != OUTCOME_TIMEOUT)
		it->latency_ms =
			it->latency_ms
				? (it->latency_ms * (LATENCY_PART - 1) + latency_ms) / LATENCY_PART
				: latency_ms;
	if (outcome_is_failure(outcome)) {
		note_failure(z, zone, outcome, why, now_ns);
		return;
	}
	it->streak = 0;
	it->listed_run = outcome == OUTCOME_LISTED ? it->listed_run + 1 : 0;
	if (it->listed_run >= LISTED_RUN && it->state == DNS_ZONE_GOOD &&
	    now_ns - it->probed_ns >= HURRY_LEAST_S * NS_PER_S)
		it->next_probe_ns = now_ns;
}

void zones_note_known(struct zones *z, unsigned zone, bool listed, uint64_t now_ns)
{
	struct zone *it = &z->zone[zone];

	if (it->state != DNS_ZONE_GOOD)
		return;
	it->known_asked++;
	it->known_listed += listed;
	if (it->known_asked >= KNOWN_LEAST && it->known_listed * KNOWN_PART > it->known_asked)
		zones_set_state(z, zone, DNS_ZONE_SUSPENDED,
				"it lists more than a fifth of the senders known for good", now_ns);
}
