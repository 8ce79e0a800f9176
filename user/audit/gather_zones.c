/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do the lists that the local mail server asks work through this resolver? Each is asked for its test entries (RFC 5782, 5): of addresses
 * 127.0.0.2 is listed and 127.0.0.1 is not; of names TEST is listed and INVALID is not. A list that never lists, or refuses to
 * answer, guards nobody, and nothing in a mail log says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/gathering.h"
#include "audit/local.h"
#include "base/json.h"

#define ZONES_MAX 64 /* lists of one server; large ones ask ten */

struct zone_test {
	struct zone_facts facts;
	enum outcome must, must_not;
	const char *why; /* of an error code */
	unsigned waiting;
};

/* ---- judging ---- */

static void zone_judge(struct seen_zone *z, const struct zone_test *t)
{
	bool is_answered = !outcome_is_failure(t->must_not);
	const char *why = "";

	if (t->must == OUTCOME_REFUSING)
		why = t->why ? t->why : outcome_sentence(t->must);
	else if (outcome_is_failure(t->must) && t->must != OUTCOME_PENDING)
		why = outcome_sentence(t->must);
	else if (!is_answered && (t->must_not != OUTCOME_REFUSING || t->must == OUTCOME_PENDING))
		why = outcome_sentence(t->must_not);
	else if (t->must_not == OUTCOME_LISTED)
		why = "it lists what no list may list: it lists the world";
	else if (t->must == OUTCOME_CLEAN)
		why = "it does not list its test entry: it is empty, or answers others only";
	else
		z->works = true;
	snprintf(z->why, sizeof(z->why), "%s", why);
}

static void zone_answered(struct errand *e, const struct answer *a)
{
	struct gather *g = e->g;
	struct zone_test *t = &g->test[e->index];
	const char *why = NULL;
	enum outcome o = answer_outcome(a, &t->facts.errors, &why);

	*(enum outcome *)e->subject = o;
	if (why && !t->why)
		t->why = why;
	if (!--t->waiting)
		zone_judge(&g->seen->zone[e->index], t);
}

/* ---- asking ---- */

static void entry_ask(struct gather *g, unsigned index, const char *entry, enum outcome *out)
{
	char name[NAME_TEXT_MAX + SITE_DOMAIN_MAX];

	snprintf(name, sizeof(name), "%s.%s", entry, g->seen->zone[index].zone);
	*out = OUTCOME_TIMEOUT;
	if (strlen(name) < NAME_TEXT_MAX &&
	    errand_ask(g, name, RECORD_A, zone_answered, out, index))
		g->test[index].waiting++;
}

static void zone_ask(struct gather *g, unsigned index)
{
	static const struct addr listed = {{[10] = 0xff, 0xff, 127, 0, 0, 2}};
	struct seen_zone *z = &g->seen->zone[index];
	struct zone_test *t = &g->test[index];
	const char *dead = g->data ? zonedata_dead(g->data, z->zone) : NULL;
	char name[NAME_TEXT_MAX];

	if (dead || site_domain_check(z->zone, NULL) < 0) {
		snprintf(z->why, sizeof(z->why), "%s", dead ? dead : "that is no name of a list");
		return;
	}
	if (g->data)
		zonedata_facts(g->data, z->zone, &t->facts);
	t->must = OUTCOME_PENDING;
	if (z->is_names) {
		entry_ask(g, index, g->data ? zonedata_test_name(g->data, z->zone) : "TEST",
			  &t->must);
		entry_ask(g, index, "INVALID", &t->must_not);
	} else {
		name_of_listing(t->facts.has_test ? &t->facts.test : &listed, false, "x", name);
		name[strlen(name) - sizeof(".x") + 1] = '\0';
		/* Some have no test entries: then an answer at all is what there is. */
		if (!t->facts.untested)
			entry_ask(g, index, name, &t->must);
		entry_ask(g, index, "1.0.0.127", &t->must_not);
	}
	if (!t->waiting)
		snprintf(z->why, sizeof(z->why), "it could not be asked");
}

static void zone_add(void *context, const char *zone, const char *where, bool is_names)
{
	struct seen *s = context;
	struct seen_zone *z = &s->zone[s->zone_count];

	for (unsigned i = 0; i < s->zone_count; i++)
		if (strcmp(s->zone[i].zone, zone) == 0 && s->zone[i].is_names == is_names)
			return;
	if (s->zone_count == ZONES_MAX || strlen(zone) >= sizeof(z->zone))
		return;
	text_escape(zone, strlen(zone), z->zone, sizeof(z->zone));
	text_escape(where, strlen(where), z->where, sizeof(z->where));
	z->is_names = is_names;
	s->zone_count++;
}

static void nothing_answered(struct errand *e, const struct answer *a)
{
	(void)e;
	(void)a;
}

int gather_zones(struct gather *g, gather_fn fn, void *context, struct err *e)
{
	zone_tests_free(g);
	free(g->seen->zone);
	g->seen->zone_count = 0;
	g->seen->zone = calloc(ZONES_MAX, sizeof(*g->seen->zone));
	g->test = calloc(ZONES_MAX, sizeof(*g->test));
	if (!g->seen->zone || !g->test)
		return err_set(e, -ENOMEM, "no memory for the lists of the mail server");
	g->fn = fn;
	g->context = context;
	if (g->seen->local)
		seen_local_zones(g->seen->local, zone_add, g->seen);
	for (unsigned i = 0; i < g->seen->zone_count; i++)
		zone_ask(g, i);
	/* Whoever waits is told from the loop, even of nothing. */
	if (!g->pending && !errand_ask(g, "localhost", RECORD_A, nothing_answered, NULL, 0))
		return err_set(e, -EAGAIN, "the lists of the mail server cannot be asked now");
	return 0;
}

void zone_tests_free(struct gather *g)
{
	free(g->test);
	g->test = NULL;
}
