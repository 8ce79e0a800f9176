/* SPDX-License-Identifier: BSD-2-Clause */
/* A provider's record was read: what becomes of it, and what is said. See policy/provider.h for what is believed. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/providers.h"
#include "daemon/state.h"
#include "policy/provider.h"

_Static_assert(SPF_NETWORKS_MAX == STORE_NETWORKS_MAX, "what is read is kept");
_Static_assert(NAME_TEXT_MAX == STORE_DOMAIN_MAX, "a name that is asked about is kept");

static const char *const state_names[] = {
	[PROVIDER_ASKING] = "asking",	[PROVIDER_GOOD] = "good",
	[PROVIDER_EMPTY] = "empty",	[PROVIDER_HELD] = "held",
	[PROVIDER_REFUSED] = "refused", [PROVIDER_UNREACHABLE] = "unreachable",
};

const char *provider_state_name(enum provider_state s)
{
	return state_names[s];
}

/* Said when it is news: a state, or a reason, that was another one. */
static bool is_news(const struct provider *one, enum provider_state state, const char *why)
{
	return one->state != state || strcmp(one->why, why) != 0;
}

static void state_set(struct providers *p, struct provider *one, enum provider_state state,
		      const char *why)
{
	one->state = state;
	snprintf(one->why, sizeof(one->why), "%s", why);
	p->changed = true;
}

static const char *goes_on(const struct provider *one)
{
	if (!one->known)
		return "what the gate has of it is trusted as before";
	return one->kept.count ? "the networks known of it are trusted as before"
			       : "nothing of it is trusted";
}

/* What is wrong with a record, and that the last good one holds. */
static void record_refuse(struct providers *p, struct provider *one, enum provider_state state,
			  const char *why)
{
	if (is_news(one, state, why)) {
		log_warning("provider %s: %s; %s", one->kept.domain, why, goes_on(one));
		if (state != PROVIDER_UNREACHABLE)
			recording_entry(p->d->contact.recording, PROVIDER_JOURNAL, NULL,
					"%s: %s; %s", one->kept.domain, why, goes_on(one));
	}
	state_set(p, one, state, why);
}

static unsigned lacking(const struct prefix *list, unsigned count, const struct prefix *other,
			unsigned other_count)
{
	unsigned lacks = count, k = 0;

	/* Both are sorted. */
	for (unsigned i = 0; i < count; i++) {
		while (k < other_count && prefix_compare(&other[k], &list[i]) < 0)
			k++;
		lacks -= k < other_count && prefix_equal(&other[k], &list[i]);
	}
	return lacks;
}

static void record_put(struct provider *one)
{
	memcpy(one->kept.network, one->part, sizeof(one->part[0]) * one->part_count);
	one->kept.count = one->part_count;
}

static void record_hold(struct provider *one, int64_t since_s)
{
	memcpy(one->kept.held, one->part, sizeof(one->part[0]) * one->part_count);
	one->kept.held_count = one->part_count;
	one->kept.held_wall_s = since_s;
}

static void record_take(struct providers *p, struct provider *one, const char *why_empty)
{
	unsigned came = lacking(one->part, one->part_count, one->kept.network, one->kept.count);
	unsigned went = lacking(one->kept.network, one->kept.count, one->part, one->part_count);

	record_put(one);
	log_info("provider %s: %u network%s trusted by its SPF record (%u new, %u gone)%s%s",
		 one->kept.domain, one->kept.count, one->kept.count == 1 ? " is" : "s are", came,
		 went, *why_empty ? ": " : "", why_empty);
	recording_entry(p->d->contact.recording, PROVIDER_JOURNAL, NULL,
			"%s: %u network%s trusted by its SPF record (%u new, %u gone)%s%s",
			one->kept.domain, one->kept.count, one->kept.count == 1 ? " is" : "s are",
			came, went, *why_empty ? ": " : "", why_empty);
	providers_apply(p);
}

static void record_judge(struct providers *p, struct provider *one, const char *why_empty)
{
	const struct provider_set fresh = {one->part, one->part_count};
	const struct provider_set in_force = {one->kept.network, one->kept.count};
	const struct provider_set held = {one->kept.held, one->kept.held_count};
	char when[WHEN_TEXT_MAX], why[ERR_TEXT_MAX + WHEN_TEXT_MAX + 32];
	int64_t now_s = now_wall_s(), since_s;
	struct err e = {0};

	if (!one->known) {
		one->blind = true;
		if (why_empty != one->waiting_why)
			snprintf(one->waiting_why, sizeof(one->waiting_why), "%s", why_empty);
	}
	switch (provider_judge(&in_force, &held, one->kept.held_wall_s, &fresh, now_s, &since_s,
			       &e)) {
	case PROVIDER_HOLD:
		snprintf(why, sizeof(why), "held back until %s: %s",
			 when_format(since_s + PROVIDER_HOLD_S, when), e.text);
		record_hold(one, since_s);
		record_refuse(p, one, PROVIDER_HELD, why);
		one->dirty = true;
		return;
	case PROVIDER_TAKE:
		record_take(p, one, why_empty);
		break;
	case PROVIDER_SAME:
		if (one->part_count && one->state != PROVIDER_ASKING && one->state != PROVIDER_GOOD)
			log_info("provider %s: its SPF record is as it was", one->kept.domain);
		if (!one->part_count && is_news(one, PROVIDER_EMPTY, why_empty))
			log_warning("provider %s: %s; nothing of it is trusted", one->kept.domain,
				    why_empty);
		break;
	}
	one->kept.held_count = 0;
	one->kept.held_wall_s = 0;
	one->kept.read_wall_s = now_s;
	one->dirty = true;
	state_set(p, one, one->part_count ? PROVIDER_GOOD : PROVIDER_EMPTY, why_empty);
}

/* Beside nothing every record would be believed. */
static void record_wait(struct providers *p, struct provider *one, const char *why_empty)
{
	one->waiting = true;
	snprintf(one->waiting_why, sizeof(one->waiting_why), "%s", why_empty);
	record_refuse(p, one, PROVIDER_ASKING,
		      "its record waits until the store tells what it named before");
}

/*
 * Without any store nobody will tell what was in force before. What a controller before us left in the gate stays then, and no record is
 * believed beside it; where there is nothing of that kind, the first one is, as that of a provider that is new.
 */
bool provider_is_to_be_judged(const struct providers *p, const struct provider *one)
{
	return one->known || (!p->d->store && !p->d->store_busy && p->gate_was_empty);
}

void provider_take_waiting(struct providers *p, struct provider *one)
{
	if (!one->waiting || !provider_is_to_be_judged(p, one))
		return;
	one->waiting = false;
	record_judge(p, one, one->waiting_why);
}

void provider_take(struct providers *p, struct provider *one, const struct message_provider *m)
{
	const struct provider_set fresh = {one->part, one->part_count};
	struct err e = {0};

	snprintf(one->note, sizeof(one->note), "%s", m->note);
	if (m->state == SPF_TEMPERROR)
		record_refuse(p, one, PROVIDER_UNREACHABLE, m->why);
	else if (m->state != SPF_FINE)
		record_refuse(p, one, PROVIDER_REFUSED, m->why);
	else if (provider_check(&fresh, &e))
		record_refuse(p, one, PROVIDER_REFUSED, e.text);
	else if (!provider_is_to_be_judged(p, one))
		record_wait(p, one, m->why);
	else
		record_judge(p, one, m->why);
}

void provider_expire(struct providers *p, struct provider *one)
{
	int64_t age_s = now_wall_s() - one->kept.read_wall_s;

	if (!one->kept.count || age_s < PROVIDER_KEEP_S)
		return;
	one->kept.count = one->kept.held_count = 0;
	one->kept.held_wall_s = 0;
	one->dirty = true;
	log_warning("provider %s: nobody has confirmed its networks for %d days; they are trusted "
		    "no more",
		    one->kept.domain, PROVIDER_KEEP_S / DAY_S);
	recording_entry(
		p->d->contact.recording, PROVIDER_JOURNAL, NULL,
		"%s: nobody has confirmed its networks for %d days; they are trusted no more",
		one->kept.domain, PROVIDER_KEEP_S / DAY_S);
	providers_apply(p);
}
