/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Networks of providers in pn_allow. The kernel goes by the longest entry there, so a provider's network must not stand inside what is
 * allowed: it would make of "never judged" a mere "trusted". Those are left out, as are prefixes that somebody else has an entry for; and
 * since rules change, this is done anew when they do. What lacks is added before what is stale goes.
 *
 * They may take half of the table and no more, or the operator could not write a rule any more; who comes first in trust_spf comes
 * first here.
 *
 * Between the look at the table and the change of it a command could write a rule for the same prefix, which would then be taken for
 * ours: so both stand under the lock under which rules are changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/log.h"
#include "base/when.h"
#include "daemon/providers.h"
#include "daemon/state.h"

#define ROOM_PART 2 /* the half of tables.allow */

struct prefix_list {
	struct prefix *prefix;
	size_t count, room;
};

/* What stands in pn_allow: of providers; of others, with what is allowed among it apart. */
struct standing {
	struct prefix_list ours, others, allowed;
	bool has_length[ADDR_BITS + 1]; /* among what is allowed */
	uint64_t now_ns, expiry_ns;	/* of what goes first; 0: nothing does */
};

static int list_add(struct prefix_list *list, const struct prefix *p)
{
	void *grown = grow(list->prefix, list->count, &list->room, sizeof(*list->prefix));

	if (!grown)
		return -ENOMEM;
	list->prefix = grown;
	list->prefix[list->count++] = *p;
	return 0;
}

static int order(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void list_sort(struct prefix_list *list)
{
	if (list->count)
		qsort(list->prefix, list->count, sizeof(*list->prefix), order);
}

static bool list_has(const struct prefix_list *list, const struct prefix *p)
{
	return list->count &&
	       bsearch(p, list->prefix, list->count, sizeof(*list->prefix), order) != NULL;
}

static int standing_add(void *context, const struct rule_entry *r)
{
	struct standing *s = context;
	int rc;

	if (r->rule.origin == PN_ORIGIN_SPF)
		return list_add(&s->ours, &r->prefix);
	/* To the kernel it is gone already. */
	if (!rule_is_live(r->rule.expires, s->now_ns))
		return 0;
	if (r->rule.expires && (!s->expiry_ns || r->rule.expires < s->expiry_ns))
		s->expiry_ns = r->rule.expires;
	rc = list_add(&s->others, &r->prefix);
	if (rc == 0 && r->rule.action == PN_ALLOW) {
		rc = list_add(&s->allowed, &r->prefix);
		s->has_length[r->prefix.bits] = true;
	}
	return rc;
}

/* A search for each length that occurs there: with tables of their full size, a walk over all of them would take minutes. */
static bool is_allowed(const struct standing *s, const struct prefix *p)
{
	for (unsigned bits = 0; bits <= p->bits; bits++) {
		struct prefix wider = prefix_of(&p->addr, (uint8_t)bits);

		if (s->has_length[bits] && prefix_covers(&wider, p) &&
		    list_has(&s->allowed, &wider))
			return true;
	}
	return false;
}

static bool all_known(const struct providers *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (!provider_is_to_be_judged(p, &p->list[i]))
			return false;
	return true;
}

/* Does one that comes first have it? Then it has room by that one, or has none. */
static bool is_shared(const struct providers *p, unsigned i, const struct prefix *network)
{
	for (unsigned k = 0; k < i; k++) {
		const struct store_provider *kept = &p->list[k].kept;

		if (kept->count &&
		    bsearch(network, kept->network, kept->count, sizeof(*network), order))
			return true;
	}
	return false;
}

/* What is to stand there, each once: at most so many. *left_out: for want of room. */
static int wanted_collect(struct providers *p, const struct standing *s, size_t room,
			  struct prefix_list *wanted, size_t *left_out)
{
	*left_out = 0;
	for (unsigned i = 0; i < p->count; i++) {
		struct provider *one = &p->list[i];

		one->fitting = 0;
		for (unsigned k = 0; k < one->kept.count; k++) {
			const struct prefix *network = &one->kept.network[k];

			if (list_has(&s->others, network) || is_allowed(s, network))
				one->fitting++;
			else if (is_shared(p, i, network))
				continue;
			else if (wanted->count == room)
				++*left_out;
			else if (list_add(wanted, network))
				return -ENOMEM;
		}
	}
	list_sort(wanted);
	for (unsigned i = 0; i < p->count; i++)
		for (unsigned k = 0; k < p->list[i].kept.count; k++)
			p->list[i].fitting += list_has(wanted, &p->list[i].kept.network[k]);
	return 0;
}

/* What lacks there. */
static int gate_add(struct gate *g, const struct standing *s, const struct prefix_list *wanted,
		    struct err *e)
{
	for (size_t i = 0; i < wanted->count; i++) {
		int rc;

		if (list_has(&s->ours, &wanted->prefix[i]))
			continue;
		rc = rules_allow(g, &wanted->prefix[i], PN_TRUST, PN_ORIGIN_SPF, 0, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* take_away: what stands there beyond that goes, and where there was no room makes it. */
static int gate_change(struct gate *g, const struct standing *s, const struct prefix_list *wanted,
		       bool take_away, struct err *e)
{
	int added = gate_add(g, s, wanted, e);

	if (added && added != -ENOSPC)
		return added;
	for (size_t i = 0; i < s->ours.count && take_away; i++) {
		int rc;

		if (list_has(wanted, &s->ours.prefix[i]))
			continue;
		rc = rules_disallow(g, &s->ours.prefix[i], e);
		if (rc && rc != -ENOENT)
			return rc;
	}
	return added && take_away ? gate_add(g, s, wanted, e) : added;
}

static void gate_apply(struct providers *p)
{
	size_t room = p->d->conf.tables.allow / ROOM_PART, left_out = 0;
	struct prefix_list wanted = {0};
	struct standing s = {.now_ns = now_boot_ns()};
	struct err e = {0};
	int rc = rules_each_allow(p->d->gate, standing_add, &s, &e);

	p->applied_ns = s.now_ns;
	p->expiry_ns = s.expiry_ns;
	p->changed = true;
	if (rc == 0 && !p->gate_seen) {
		p->gate_seen = true;
		p->gate_was_empty = s.ours.count == 0;
	}
	list_sort(&s.ours);
	list_sort(&s.others);
	list_sort(&s.allowed);
	if (rc == 0)
		rc = wanted_collect(p, &s, room, &wanted, &left_out);
	if (rc == 0)
		/* Until the store has been read, what a controller before us left is all that is known. */
		rc = gate_change(p->d->gate, &s, &wanted, all_known(p), &e);
	if (rc == -ENOMEM)
		err_set(&e, rc, "out of memory");
	if (rc == 0 && left_out)
		err_set(&e, -ENOSPC,
			"%zu networks have no room, since providers may take half of the table: "
			"raise "
			"tables.allow",
			left_out);
	if (!e.code)
		(void)said_settle(&p->full_said);
	else if (said_anew(&p->full_said, e.text))
		log_warning(
			"providers: %s; who is not in the table is asked about like all strangers",
			e.text);
	free(s.ours.prefix);
	free(s.others.prefix);
	free(s.allowed.prefix);
	free(wanted.prefix);
}

void providers_apply(struct providers *p)
{
	struct store *s = p->d->store;
	int rc = s ? store_lock(s, NULL) : 0;

	p->overdue = rc == -EBUSY;
	if (p->overdue)
		return;
	/* Where it cannot be had at all, no command gets it either. */
	gate_apply(p);
	if (s && rc == 0)
		store_unlock(s);
}
