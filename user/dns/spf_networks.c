/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gathering the networks of an SPF record: see spf_networks.h. The limits are those of RFC 7208, 4.6.4, so that what no receiver would
 * evaluate is not trusted here. All is asked at once: one task for each record and each host. An answer that is missing makes the whole
 * unknown, since half of a provider would look like one who has shrunk.
 *
 * SPF goes through its terms in order, and this does not: what a term with '-', '~' or '?' covers is left out wherever it stands. So it
 * trusts rather too few; those are asked about like all strangers.
 */
#include "dns/spf_networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MX_NAMES_MAX  10 /* RFC 7208, 4.6.4 */
#define EXCLUDED_MAX  64
#define DOMAIN_SHOWN  100 /* bytes of a name in a sentence, so that two of them fit */
#define REASON_SHOWN  256
#define TTL_UNKNOWN_S UINT32_MAX

enum task_kind { TASK_RECORD, TASK_INCLUDE, TASK_REDIRECT, TASK_MX, TASK_HOST };

/* A name that is asked about. */
struct task {
	struct spf_gather *g;
	struct task *next, *parent; /* parent: of a record, the one that leads to it */
	enum task_kind kind;
	enum record record;
	char qualifier;
	int bits4, bits6; /* of a, mx: what becomes of an address; -1: itself */
	bool is_void;	  /* TASK_HOST: the first of its two questions found nothing */
	bool is_of_mx;	  /* whose hosts are no lookups of their own */
	char name[NAME_TEXT_MAX];
	struct question *question;
};

struct spf_gather {
	struct resolver *r;
	struct task *tasks;
	unsigned pending, lookups, voids;
	struct spf_networks found;
	struct prefix excluded[EXCLUDED_MAX];
	unsigned excluded_count;
	char all; /* how the record ends; 0: without all */
	struct answer_texts texts;
	struct spf_term term[SPF_TERMS_MAX];
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
	size_t length = strlen(g->found.note);

	if (!length)
		snprintf(g->found.note, sizeof(g->found.note) - sizeof(more), "left out: %s %.*s",
			 what, DOMAIN_SHOWN, name);
	else if (!strstr(g->found.note, more))
		memcpy(g->found.note + length, more, sizeof(more));
}

static void network_add(struct spf_gather *g, const struct addr *a, int bits, char qualifier)
{
	struct prefix p = prefix_of(a, (uint8_t)bits);

	if (qualifier == '+') {
		if (g->found.count < SPF_NETWORKS_MAX)
			g->found.network[g->found.count++] = p;
		else
			fault(g, SPF_BROKEN, "it names more than %d networks", SPF_NETWORKS_MAX);
	} else if (g->excluded_count < EXCLUDED_MAX) {
		g->excluded[g->excluded_count++] = p;
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

static int prefix_order(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool is_excluded(const struct spf_gather *g, const struct prefix *p)
{
	for (unsigned i = 0; i < g->excluded_count; i++)
		if (prefix_covers(&g->excluded[i], p) || prefix_covers(p, &g->excluded[i]))
			return true;
	return false;
}

/* Sorted, a prefix stands before what lies in it. What was kept is gone through whole: IPv4 lies in the midst of a ::/N, and not in it. */
static void networks_compact(struct spf_gather *g)
{
	struct spf_networks *f = &g->found;
	unsigned kept = 0;

	qsort(f->network, f->count, sizeof(f->network[0]), prefix_order);
	for (unsigned i = 0; i < f->count; i++) {
		char text[PREFIX_TEXT_MAX];
		bool inside = false;

		for (unsigned k = kept; k-- > 0 && !inside;)
			inside = prefix_covers(&f->network[k], &f->network[i]);
		if (inside)
			continue;
		if (is_excluded(g, &f->network[i])) {
			note(g, "a part is excluded of", prefix_format(&f->network[i], text));
			continue;
		}
		f->network[kept++] = f->network[i];
	}
	f->count = kept;
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
		fault(g, SPF_TEMPERROR, "%.*s cannot be asked about now", DOMAIN_SHOWN, t->name);
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
		      DOMAIN_SHOWN, t->name, SPF_VOID_LOOKUPS_MAX);
}

/* ---- a and mx ---- */

static void host_start(const struct task *from, const char *name, bool is_of_mx)
{
	struct task *t = task_new(from->g, TASK_HOST, name);

	if (!t)
		return;
	t->qualifier = from->qualifier;
	t->bits4 = from->bits4;
	t->bits6 = from->bits6;
	t->is_of_mx = is_of_mx;
	task_ask(t);
}

static void mx_answered(struct task *t, const struct answer *a)
{
	if (a->status == ANSWER_NONE) {
		count_void(t->g, t);
		return;
	}
	if (a->count > MX_NAMES_MAX)
		fault(t->g, SPF_BROKEN, "%.*s has more than %d MX hosts", DOMAIN_SHOWN, t->name,
		      MX_NAMES_MAX);
	for (unsigned i = 0; i < a->count && i < MX_NAMES_MAX; i++)
		if (a->mx[i].name[0])
			host_start(t, a->mx[i].name, true);
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
		network_add(t->g, &one, bits_of(&one, t->bits4, t->bits6), t->qualifier);
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

static void follow(struct task *from, enum task_kind kind, const char *name)
{
	struct spf_gather *g = from->g;
	size_t length = strlen(name);
	struct task *t;

	length -= length && name[length - 1] == '.';
	for (const struct task *f = from; f; f = f->parent)
		if (strlen(f->name) == length && strncasecmp(f->name, name, length) == 0) {
			fault(g, SPF_BROKEN, "%.*s leads back to itself: it never ends",
			      DOMAIN_SHOWN, f->name);
			return;
		}
	t = task_new(g, kind, name);
	if (!t)
		return;
	t->parent = from;
	task_ask(t);
}

static void term_address(struct spf_gather *g, const struct spf_term *t)
{
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
	network_add(g, &a,
		    strcmp(t->name, "ip4") == 0 ? bits_of(&a, t->bits4, -1)
						: (t->bits6 < 0 ? ADDR_BITS : t->bits6),
		    t->qualifier);
}

/* A term that costs a lookup. */
static void term_follow(struct task *from, const struct spf_term *t)
{
	const char *name = t->value[0] ? t->value : from->name;
	struct spf_gather *g = from->g;
	struct task *host;

	/* Past the limit it is broken anyhow: nobody makes us ask for more. */
	if (++g->lookups > SPF_LOOKUPS_MAX)
		return;
	if (strcmp(t->name, "redirect") == 0 && !t->has_macros) {
		follow(from, TASK_REDIRECT, name);
	} else if (t->has_macros || strcmp(t->name, "ptr") == 0 || strcmp(t->name, "exists") == 0 ||
		   (strcmp(t->name, "include") == 0 && t->qualifier != '+')) {
		note(g, t->name, name);
	} else if (strcmp(t->name, "include") == 0) {
		follow(from, TASK_INCLUDE, name);
	} else {
		host = task_new(g, strcmp(t->name, "mx") == 0 ? TASK_MX : TASK_HOST, name);
		if (!host)
			return;
		host->qualifier = t->qualifier;
		host->bits4 = t->bits4;
		host->bits6 = t->bits6;
		task_ask(host);
	}
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
	const struct spf_term *redirect = NULL;

	for (unsigned i = 0; i < count; i++) {
		const struct spf_term *t = &g->term[i];

		/* Behind all nothing is looked at, nor a redirect beside it (5.1). */
		if (strcmp(t->name, "all") == 0) {
			if (t->qualifier == '+')
				fault(g, SPF_BROKEN,
				      "the record of %.*s ends in +all: it is open to everybody",
				      DOMAIN_SHOWN, from->name);
			if (is_own(from))
				g->all = t->qualifier;
			return;
		}
		if (strcmp(t->name, "ip4") == 0 || strcmp(t->name, "ip6") == 0)
			term_address(g, t);
		else if (!t->qualifier && t->costs)
			redirect = t;
		else if (t->costs)
			term_follow(from, t);
	}
	if (redirect)
		term_follow(from, redirect);
}

static void record_answered(struct task *t, const struct answer *a)
{
	char record[ANSWER_TEXT_WHOLE_MAX + 1];
	struct spf_gather *g = t->g;
	unsigned found, count;
	struct err e = {0};

	g->texts.count = 0;
	if (a->status == ANSWER_NONE && t->kind != TASK_RECORD)
		count_void(g, t);
	if (a->status != ANSWER_NONE)
		answer_texts(a, t->name, &g->texts);
	found = spf_record_take(&g->texts, record);
	/* 5.2 and 6.1: "none" of theirs is permerror of ours. */
	if (!found && t->kind == TASK_RECORD)
		fault(g, SPF_NONE, "%.*s publishes no SPF record", DOMAIN_SHOWN, t->name);
	else if (!found)
		fault(g, SPF_BROKEN, "%.*s, which it names, has no SPF record", DOMAIN_SHOWN,
		      t->name);
	else if (found > 1)
		fault(g, SPF_BROKEN, "%.*s has %u SPF records, and only one may stand there",
		      DOMAIN_SHOWN, t->name, found);
	else if (spf_parse(record, g->term, &count, &e) < 0)
		fault(g, SPF_BROKEN, "in the record of %.*s, %.*s", DOMAIN_SHOWN, t->name,
		      REASON_SHOWN, e.text);
	else
		record_terms(t, count);
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
		fault(g, SPF_TEMPERROR, "nobody answers about %.*s", DOMAIN_SHOWN, t->name);
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
