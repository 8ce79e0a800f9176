/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gathering the networks of an SPF record: see spf_networks.h. The limits are those of RFC 7208, 4.6.4, so that what no receiver would
 * evaluate is not trusted here. All is asked at once: one task for each record and each host. An answer that is missing makes the whole
 * unknown, since half of a provider would look like one who has shrunk.
 *
 * The first term that matches a sender decides (4.6.2). So a network is left out, whole, when a term with '-', '~' or '?' in front of it
 * covers a part of it: in its own record, or in one that leads to it in front of the term that does; a term inside an include decides
 * nothing outside of it (5.2). Behind a term with '-', '~' or '?' of which nobody can say whom it matches (an include, exists, ptr, macros)
 * all of its record is left out. Who is left out is asked about like all strangers.
 */
#include "dns/spf_networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXCLUDED_MAX  64
#define TTL_UNKNOWN_S UINT32_MAX
#define PLACE_LAST    SPF_TERMS_MAX /* of redirect, wherever it stands (RFC 7208, 6.1) */

enum task_kind { TASK_RECORD, TASK_INCLUDE, TASK_REDIRECT, TASK_MX, TASK_HOST };

/* A name that is asked about. */
struct task {
	struct spf_gather *g;
	struct task *next,
		*parent; /* of a record, the one that leads to it; of a host, the one that names it */
	unsigned term;	 /* and the place in there of the term that does */
	enum task_kind kind;
	enum record record;
	char qualifier;
	int bits4, bits6; /* of a, mx: what becomes of an address; -1: itself */
	bool is_void;	  /* TASK_HOST: the first of its two questions found nothing */
	bool is_of_mx;	  /* whose hosts are no lookups of their own */
	char name[NAME_TEXT_MAX];
	struct question *question;
};

/* A network, and where it stands. */
struct named {
	struct prefix prefix;
	const struct task *record;
	unsigned term;
};

struct spf_gather {
	struct resolver *r;
	struct task *tasks;
	unsigned pending, lookups, voids;
	struct spf_networks found;
	struct named named[SPF_NETWORKS_MAX], excluded[EXCLUDED_MAX];
	unsigned named_count, excluded_count;
	bool has_more_notes;
	char all;		  /* how the record ends; 0: without all */
	struct spf_record record; /* the one that is being gone through */
	spf_networks_fn fn;
	void *context;
};

/* ---- what was found ---- */

/* The first fault is told; one of the record before one of the DNS. */
__attribute__((format(printf, 3, 4))) static void fault(struct spf_gather *g, enum spf_state state,
							const char *format, ...)
{
	va_list arguments;

	if (g->found.state == SPF_BROKEN || g->found.state == SPF_NONE || g->found.state == state)
		return;
	g->found.state = state;
	va_start(arguments, format);
	vsnprintf(g->found.why, sizeof(g->found.why), format, arguments);
	va_end(arguments);
}

/* The first is noted, and that there are more. */
static void note(struct spf_gather *g, const char *what, const char *name)
{
	static const char more[] = ", and more";
	char text[SPF_NOTE_MAX - sizeof(more)];

	snprintf(text, sizeof(text), "left out: %s %.*s", what, SPF_DOMAIN_SHOWN, name);
	if (!g->found.note[0]) {
		memcpy(g->found.note, text, sizeof(text));
	} else if (!g->has_more_notes && strcmp(g->found.note, text) != 0) {
		memcpy(g->found.note + strlen(g->found.note), more, sizeof(more));
		g->has_more_notes = true;
	}
}

/* By the term of that place of a record. */
static void network_add(const struct task *record, unsigned term, char qualifier,
			const struct addr *a, int bits)
{
	struct named one = {prefix_of(a, (uint8_t)bits), record, term};
	struct spf_gather *g = record->g;

	if (qualifier == '+') {
		if (g->named_count < SPF_NETWORKS_MAX)
			g->named[g->named_count++] = one;
		else
			fault(g, SPF_BROKEN, "it names more than %d networks", SPF_NETWORKS_MAX);
	} else if (g->excluded_count < EXCLUDED_MAX) {
		g->excluded[g->excluded_count++] = one;
	} else {
		fault(g, SPF_BROKEN, "it excludes more than %d networks", EXCLUDED_MAX);
	}
}

/* The length in the mapped form; -1 stands for the address alone. */
static int bits_of(const struct addr *a, int bits4, int bits6)
{
	if (addr_is_v4(a))
		return bits4 < 0 ? ADDR_BITS : bits4 + ADDR_V4_LEAD_BITS;
	return bits6 < 0 ? ADDR_BITS : bits6;
}

static int named_order(const void *a, const void *b)
{
	const struct named *one = a, *other = b;

	return prefix_compare(&one->prefix, &other->prefix);
}

/* Does a term of this record, in front of that place, take a part of p? */
static bool is_taken(const struct spf_gather *g, const struct task *record, unsigned term,
		     const struct prefix *p)
{
	for (unsigned i = 0; i < g->excluded_count; i++) {
		const struct named *x = &g->excluded[i];

		if (x->record == record && x->term < term &&
		    (prefix_covers(&x->prefix, p) || prefix_covers(p, &x->prefix)))
			return true;
	}
	return false;
}

static bool is_excluded(const struct spf_gather *g, const struct named *one)
{
	unsigned term = one->term;

	for (const struct task *t = one->record; t; term = t->term, t = t->parent)
		if (is_taken(g, t, term, &one->prefix))
			return true;
	return false;
}

static bool lies_in(const struct spf_networks *f, const struct prefix *p)
{
	for (unsigned i = f->count; i-- > 0;)
		if (prefix_covers(&f->network[i], p))
			return true;
	return false;
}

/* Sorted, a prefix stands before what lies in it. What was kept is gone through whole: IPv4 lies in the midst of a ::/N, and not in it. */
static void networks_compact(struct spf_gather *g)
{
	struct spf_networks *f = &g->found;

	qsort(g->named, g->named_count, sizeof(g->named[0]), named_order);
	for (unsigned i = 0; i < g->named_count; i++) {
		const struct prefix *p = &g->named[i].prefix;
		char text[PREFIX_TEXT_MAX];

		if (lies_in(f, p))
			continue;
		if (is_excluded(g, &g->named[i]))
			note(g, "a part is excluded of", prefix_format(p, text));
		else
			f->network[f->count++] = *p;
	}
}

static void step_done(struct spf_gather *g)
{
	if (--g->pending)
		return;
	if (g->lookups > SPF_LOOKUPS_MAX)
		fault(g, SPF_BROKEN, "it costs more than the %d lookups that are allowed",
		      SPF_LOOKUPS_MAX);
	if (g->found.ttl_s == TTL_UNKNOWN_S)
		g->found.ttl_s = 0;
	networks_compact(g);
	if (g->found.state != SPF_FINE)
		g->found.count = 0;
	else if (!g->found.count && g->all)
		snprintf(g->found.why, sizeof(g->found.why),
			 "it names no network, and ends in %call", g->all);
	else if (!g->found.count)
		snprintf(g->found.why, sizeof(g->found.why), "it names no network");
	g->fn(g->context, &g->found);
	spf_networks_stop(g);
}

/* ---- tasks ---- */

static void task_answered(void *context, const struct answer *a, unsigned latency_ms);

static void task_ask(struct task *t)
{
	struct spf_gather *g = t->g;

	if (resolver_ask(g->r, t->name, t->record, task_answered, t, &t->question) == 0)
		g->pending++;
	else
		fault(g, SPF_TEMPERROR, "%.*s cannot be asked about now", SPF_DOMAIN_SHOWN,
		      t->name);
}

static struct task *task_new(struct spf_gather *g, enum task_kind kind, const char *name)
{
	static const enum record records[] = {
		[TASK_RECORD] = RECORD_TXT,   [TASK_INCLUDE] = RECORD_TXT,
		[TASK_REDIRECT] = RECORD_TXT, [TASK_MX] = RECORD_MX,
		[TASK_HOST] = RECORD_A,
	};
	struct task *t = calloc(1, sizeof(*t));
	size_t length = strlen(name);

	if (!t) {
		fault(g, SPF_TEMPERROR, "there is no memory for it");
		return NULL;
	}
	*t = (struct task){
		.g = g, .next = g->tasks, .kind = kind, .record = records[kind], .qualifier = '+'};
	snprintf(t->name, sizeof(t->name), "%.*s",
		 (int)(length - (length && name[length - 1] == '.')), name);
	g->tasks = t;
	return t;
}

static void count_void(struct spf_gather *g, const struct task *t)
{
	if (++g->voids > SPF_VOID_LOOKUPS_MAX)
		fault(g, SPF_BROKEN, "%.*s is the third name that leads to nothing, and %d may",
		      SPF_DOMAIN_SHOWN, t->name, SPF_VOID_LOOKUPS_MAX);
}

/* ---- a and mx ---- */

static void mx_host_start(const struct task *mx, const char *name)
{
	struct task *t = task_new(mx->g, TASK_HOST, name);

	if (!t)
		return;
	t->parent = mx->parent;
	t->term = mx->term;
	t->qualifier = mx->qualifier;
	t->bits4 = mx->bits4;
	t->bits6 = mx->bits6;
	t->is_of_mx = true;
	task_ask(t);
}

static void mx_answered(struct task *t, const struct answer *a)
{
	if (a->status == ANSWER_NONE) {
		count_void(t->g, t);
		return;
	}
	if (a->count > SPF_MX_NAMES_MAX)
		fault(t->g, SPF_BROKEN, "%.*s has more than %d MX hosts", SPF_DOMAIN_SHOWN, t->name,
		      SPF_MX_NAMES_MAX);
	for (unsigned i = 0; i < a->count && i < SPF_MX_NAMES_MAX; i++)
		if (a->mx[i].name[0])
			mx_host_start(t, a->mx[i].name);
}

/* Both families, one after the other, since each sender has but one. */
static void host_answered(struct task *t, const struct answer *a)
{
	for (unsigned i = 0; a->status == ANSWER_FOUND && i < a->count; i++) {
		struct addr one;

		if (t->record == RECORD_A)
			one = addr_from_v4((struct in_addr){htonl(a->code[i])});
		else
			one = a->addr[i];
		network_add(t->parent, t->term, t->qualifier, &one,
			    bits_of(&one, t->bits4, t->bits6));
	}
	if (t->record == RECORD_A) {
		t->is_void = a->status == ANSWER_NONE;
		t->record = RECORD_AAAA;
		task_ask(t);
	} else if (t->is_void && a->status == ANSWER_NONE && !t->is_of_mx) {
		count_void(t->g, t);
	}
}

/* ---- records ---- */

static void follow(struct task *from, unsigned term, enum task_kind kind, const char *name)
{
	struct spf_gather *g = from->g;
	size_t length = strlen(name);
	struct task *t;

	length -= length && name[length - 1] == '.';
	for (const struct task *f = from; f; f = f->parent)
		if (strlen(f->name) == length && strncasecmp(f->name, name, length) == 0) {
			fault(g, SPF_BROKEN, "%.*s leads back to itself: it never ends",
			      SPF_DOMAIN_SHOWN, f->name);
			return;
		}
	t = task_new(g, kind, name);
	if (!t)
		return;
	t->parent = from;
	t->term = term;
	task_ask(t);
}

static void term_address(struct task *record, unsigned term)
{
	const struct spf_term *t = &record->g->record.term[term];
	struct in6_addr v6;
	struct in_addr v4;
	struct addr a;

	if (inet_pton(AF_INET, t->value, &v4) == 1)
		a = addr_from_v4(v4);
	else if (inet_pton(AF_INET6, t->value, &v6) == 1)
		a = addr_from_v6(&v6);
	else
		return; /* the grammar has made sure that it is one */
	/* An IPv6 length counts the bits of the mapped form, whatever it is the length of. */
	network_add(record, term, t->qualifier, &a,
		    strcmp(t->name, "ip4") == 0 ? bits_of(&a, t->bits4, -1)
						: (t->bits6 < 0 ? ADDR_BITS : t->bits6));
}

/* Does it match whom nobody can tell without the sender? */
static bool is_of_sender(const struct spf_term *t)
{
	return t->has_macros || strcmp(t->name, "ptr") == 0 || strcmp(t->name, "exists") == 0;
}

/* Does it end the evaluation for some, without a pass, of whom nothing is known here? */
static bool is_blind(const struct spf_term *t)
{
	return t->qualifier && t->qualifier != '+' && t->costs &&
	       (is_of_sender(t) || strcmp(t->name, "include") == 0);
}

/* A term that costs a lookup. */
static void term_follow(struct task *from, unsigned term)
{
	struct spf_gather *g = from->g;
	const struct spf_term *t = &g->record.term[term];
	const char *name = t->value[0] ? t->value : from->name;
	struct task *host;

	/* Past the limit it is broken anyhow: nobody makes us ask for more. */
	if (++g->lookups > SPF_LOOKUPS_MAX)
		return;
	if (is_blind(t))
		return;
	if (is_of_sender(t)) {
		note(g, t->name, name);
	} else if (strcmp(t->name, "redirect") == 0) {
		follow(from, PLACE_LAST, TASK_REDIRECT, name);
	} else if (strcmp(t->name, "include") == 0) {
		follow(from, term, TASK_INCLUDE, name);
	} else {
		host = task_new(g, strcmp(t->name, "mx") == 0 ? TASK_MX : TASK_HOST, name);
		if (!host)
			return;
		host->parent = from;
		host->term = term;
		host->qualifier = t->qualifier;
		host->bits4 = t->bits4;
		host->bits6 = t->bits6;
		task_ask(host);
	}
}

/* A term behind one that may have matched any sender: it costs what it costs, and lets nobody pass for sure. */
static void term_behind(struct spf_gather *g, const struct spf_term *t,
			const struct spf_term *blind)
{
	char what[sizeof("all behind -") + sizeof(blind->name)];

	g->lookups += t->costs;
	snprintf(what, sizeof(what), "all behind %c%s", blind->qualifier, blind->name);
	if (t->qualifier == '+' || (!t->qualifier && t->costs))
		note(g, what, blind->value);
}

/* Where the record of the domain itself ends, or the one that it hands over to (RFC 7208, 6.1). */
static bool is_own(const struct task *t)
{
	while (t->kind == TASK_REDIRECT)
		t = t->parent;
	return t->kind == TASK_RECORD;
}

static void record_terms(struct task *from, unsigned count)
{
	struct spf_gather *g = from->g;
	const struct spf_term *blind = NULL;
	unsigned redirect = count;

	for (unsigned i = 0; i < count; i++) {
		const struct spf_term *t = &g->record.term[i];

		/* Behind all nothing is looked at, nor a redirect beside it (5.1). */
		if (strcmp(t->name, "all") == 0) {
			if (t->qualifier == '+')
				fault(g, SPF_BROKEN,
				      "the record of %.*s ends in +all: it is open to everybody",
				      SPF_DOMAIN_SHOWN, from->name);
			if (is_own(from))
				g->all = t->qualifier;
			return;
		}
		if (!t->qualifier && t->costs)
			redirect = i;
		else if (blind)
			term_behind(g, t, blind);
		else if (strcmp(t->name, "ip4") == 0 || strcmp(t->name, "ip6") == 0)
			term_address(from, i);
		else if (t->costs)
			term_follow(from, i);
		if (!blind && is_blind(t))
			blind = t;
	}
	if (redirect == count)
		return;
	if (blind)
		term_behind(g, &g->record.term[redirect], blind);
	else
		term_follow(from, redirect);
}

static void record_answered(struct task *t, const struct answer *a)
{
	struct spf_gather *g = t->g;
	struct err e = {0};
	int ret = a->status == ANSWER_NONE ? -ENOENT : spf_record_read(a, t->name, &g->record, &e);

	if (a->status == ANSWER_NONE && t->kind != TASK_RECORD)
		count_void(g, t);
	/* 5.2 and 6.1: "none" of theirs is permerror of ours. */
	if (ret == -ENOENT && t->kind == TASK_RECORD)
		fault(g, SPF_NONE, "%.*s publishes no SPF record", SPF_DOMAIN_SHOWN, t->name);
	else if (ret == -ENOENT)
		fault(g, SPF_BROKEN, "%.*s, which it names, has no SPF record", SPF_DOMAIN_SHOWN,
		      t->name);
	else if (ret < 0)
		fault(g, SPF_BROKEN, "%s", e.text);
	else
		record_terms(t, g->record.count);
}

static void task_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct task *t = context;
	struct spf_gather *g = t->g;

	(void)latency_ms;
	t->question = NULL;
	if (a->status == ANSWER_FOUND && a->ttl_s < g->found.ttl_s)
		g->found.ttl_s = a->ttl_s;
	if (a->status > ANSWER_NONE)
		fault(g, SPF_TEMPERROR, "nobody answers about %.*s", SPF_DOMAIN_SHOWN, t->name);
	else if (t->kind == TASK_MX)
		mx_answered(t, a);
	else if (t->kind == TASK_HOST)
		host_answered(t, a);
	else
		record_answered(t, a);
	step_done(g);
}

/* ---- life ---- */

int spf_networks_start(struct spf_gather **out, struct resolver *r, const char *domain,
		       spf_networks_fn fn, void *context)
{
	struct spf_gather *g = calloc(1, sizeof(*g));
	struct task *t;

	if (!g)
		return -ENOMEM;
	g->r = r;
	g->fn = fn;
	g->context = context;
	g->found.state = SPF_FINE;
	g->found.ttl_s = TTL_UNKNOWN_S;
	t = task_new(g, TASK_RECORD, domain);
	if (t)
		task_ask(t);
	if (!g->pending) {
		spf_networks_stop(g);
		return t ? -EAGAIN : -ENOMEM;
	}
	*out = g;
	return 0;
}

void spf_networks_stop(struct spf_gather *g)
{
	if (!g)
		return;
	while (g->tasks) {
		struct task *t = g->tasks;

		g->tasks = t->next;
		resolver_cancel(t->question);
		free(t);
	}
	free(g);
}
