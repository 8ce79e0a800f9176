/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tables of clients mean together. Postfix goes through each of its lists for itself: an OK ends that list alone, a REJECT in any of
 * them turns away (SMTPD_ACCESS_README). In the gate allow beats every block, every block beats trust, and within one kind the order
 * does not matter. So it is found out what becomes of the clients of each prefix that is in no narrower one: who is let in is trusted
 * (the lists of the DNS are not asked, limits still hold, as in Postfix), or allowed where what lies around is blocked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/import.h"

#define BLOCK_WITH "reply" /* as smtpd and postscreen say it to whom they turn away */

/* What the gate does with a prefix by what has been written so far. */
enum effect { EFFECT_NONE, EFFECT_TRUST, EFFECT_BLOCK, EFFECT_ALLOW };

struct around {
	struct prefix prefix;
	enum effect effect;
};

struct decision {
	const struct access_list *list;
	struct import_rows *rows;
	struct around around[ADDR_BITS + 1]; /* each lies in the one below it */
	unsigned depth;
};

/* ---- what Postfix does ---- */

/*
 * One list of Postfix from *at on, which is moved behind it: the first entry of a table that fits decides, unless it says to go on with the
 * next table. *by: the entry, or NULL.
 */
static enum access_verdict stage_decide(const struct access_list *a, size_t *at,
					const struct prefix *p, const struct access_entry **by)
{
	unsigned stage = a->entry[*at].stage,
		 done = 0; /* the table that has been settled; from 1 */
	enum access_verdict verdict = ACCESS_NONE;

	*by = NULL;
	for (; *at < a->count && a->entry[*at].stage == stage; ++*at) {
		const struct access_entry *entry = &a->entry[*at];

		if (entry->table == done || verdict > ACCESS_LOG ||
		    !prefix_covers(&entry->prefix, p))
			continue;
		done = entry->table;
		if (entry->verdict > verdict) {
			verdict = entry->verdict;
			*by = entry;
		}
		/* In postscreen "reject" ends the search also where it is only logged (postconf(5)). */
		if (stage == ACCESS_SCREEN && verdict == ACCESS_LOG)
			break;
	}
	while (*at < a->count && a->entry[*at].stage == stage)
		++*at;
	return verdict;
}

/* Where lists of the DNS turn away in several lists of Postfix, only who is let in before them in each of these is not asked about. */
static enum access_verdict decide(const struct access_list *a, const struct prefix *p,
				  const struct access_entry **by)
{
	enum access_verdict most = ACCESS_NONE;
	unsigned permits = 0;

	*by = NULL;
	for (size_t at = 0; at < a->count;) {
		const struct access_entry *entry;
		enum access_verdict verdict = stage_decide(a, &at, p, &entry);

		permits += verdict == ACCESS_PERMIT;
		if (verdict > most) {
			most = verdict;
			*by = entry;
		}
	}
	return most == ACCESS_PERMIT && permits < a->asks ? ACCESS_PASS : most;
}

/* ---- what the gate is told ---- */

static bool is_everybody(const struct prefix *p)
{
	return p->bits == (prefix_is_v4(p) ? ADDR_V4_LEAD_BITS : 0);
}

/* What cannot be written; NULL: nothing is lost. */
static const char *left_reason(enum access_verdict verdict, enum effect effect)
{
	if (verdict == ACCESS_PASS && effect == EFFECT_TRUST)
		return "lists of the DNS are asked about it, inside of what is let in before them: "
		       "the gate lets it in with the rest";
	switch (verdict) {
	case ACCESS_DUNNO:
		if (effect == EFFECT_BLOCK)
			return "neither let in nor turned away, inside of what is turned away: the "
			       "gate blocks it with the rest";
		if (effect != EFFECT_NONE)
			return "neither let in nor turned away, inside of what is let in: the gate "
			       "lets it in with the rest";
		return NULL;
	case ACCESS_LOG:
		return "Postfix only logs it (postscreen_denylist_action = ignore, or "
		       "warn_if_reject)";
	case ACCESS_PASS:
		return "an OK ends its own list of restrictions alone, and from there on: lists of "
		       "the DNS before it and in others are asked about it all the same";
	case ACCESS_REJECT:
		return "it lies in what must be allowed, and allow beats every block";
	default:
		return NULL;
	}
}

static enum effect effect_of(enum access_verdict verdict, enum effect around)
{
	switch (verdict) {
	case ACCESS_REJECT:
		return around == EFFECT_ALLOW ? around : EFFECT_BLOCK;
	case ACCESS_PERMIT:
		if (around == EFFECT_BLOCK)
			return EFFECT_ALLOW;
		return around == EFFECT_NONE ? EFFECT_TRUST : around;
	case ACCESS_PASS:
		return around == EFFECT_BLOCK ? EFFECT_ALLOW : around;
	default:
		return around;
	}
}

static void rule_write(const struct decision *d, const struct prefix *p, enum effect effect,
		       const char *from)
{
	static const char *const verbs[] = {NULL, "trust", "block", "allow"};
	char prefix[PREFIX_TEXT_MAX], line[CONF_TEXT_MAX];

	snprintf(line, sizeof(line), "%s%s because %.200s", prefix_format(p, prefix),
		 effect == EFFECT_BLOCK ? " with " BLOCK_WITH : "", from);
	import_rule(d->rows, verbs[effect], line, from);
}

static void prefix_convert(struct decision *d, const struct prefix *p)
{
	const struct access_entry *by;
	enum access_verdict verdict = decide(d->list, p, &by);
	enum effect around, effect;
	char prefix[PREFIX_TEXT_MAX], from[IMPORT_FROM_MAX];
	const char *why = NULL;

	while (d->depth && !prefix_covers(&d->around[d->depth - 1].prefix, p))
		d->depth--;
	around = d->depth ? d->around[d->depth - 1].effect : EFFECT_NONE;
	effect = effect_of(verdict, around);
	if (verdict != ACCESS_NONE)
		text_escape(by->from, strlen(by->from), from, sizeof(from));
	if (effect != around && is_everybody(p)) {
		why = "this is everybody";
		effect = around;
	} else if (effect != around) {
		rule_write(d, p, effect, from);
	} else if (verdict != ACCESS_PERMIT &&
		   !(verdict == ACCESS_REJECT && effect == EFFECT_BLOCK)) {
		why = left_reason(verdict, around);
	}
	/* What a wider entry says was told with that one, but where it is a narrower one that takes from it. */
	if (why &&
	    (prefix_equal(&by->prefix, p) || (verdict == ACCESS_PASS && around == EFFECT_TRUST)))
		import_leave(d->rows, "", prefix_format(p, prefix), from, "%s", why);
	d->around[d->depth++] = (struct around){.prefix = *p, .effect = effect};
}

/* IPv4 first: ::ffff:0:0/96 stands in the midst of what a wide prefix of IPv6 has around it, and does not lie in it. */
static int prefix_order(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int family = (int)prefix_is_v4(y) - (int)prefix_is_v4(x);

	return family ? family : prefix_compare(x, y);
}

void access_convert(const struct access_list *a, struct import_rows *out)
{
	struct decision *d = calloc(1, sizeof(*d));
	struct prefix *list = calloc(a->count + 1, sizeof(*list));

	if (d && list) {
		*d = (struct decision){.list = a, .rows = out};
		for (size_t i = 0; i < a->count; i++)
			list[i] = a->entry[i].prefix;
		qsort(list, a->count, sizeof(*list), prefix_order);
		for (size_t i = 0; i < a->count; i++)
			if (i == 0 || !prefix_equal(&list[i - 1], &list[i]))
				prefix_convert(d, &list[i]);
	} else {
		out->is_short = true;
	}
	free(list);
	free(d);
}
