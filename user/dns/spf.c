/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk over an SPF record and all that it includes: see spf.h. Questions are asked at once and not one after the other, since what
 * matters is the sum. A record is a frame; its parent is the one that includes it, by which loops are found. Counting goes on to a
 * bound past the limit, so that its owner learns how far he is over it.
 */
#include "dns/spf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

#define COUNTED_MAX 30 /* lookups; whoever needs three times the limit need not know by how much */

enum way { WAY_ROOT, WAY_INCLUDE, WAY_REDIRECT };

struct frame {
	struct spf_walk *walk;
	struct frame *next, *parent;
	enum way way;
	char domain[NAME_TEXT_MAX];
	struct question *question;
};

/* A lookup for what a, mx or exists names: is there anything at all? */
struct lookup {
	struct spf_walk *walk;
	struct lookup *next;
	enum record record;
	bool is_host; /* without an A record it is asked for AAAA */
	char name[NAME_TEXT_MAX];
	struct question *question;
};

struct spf_walk {
	struct resolver *r;
	struct frame *frames;
	struct lookup *lookups;
	unsigned pending;
	struct spf_finding finding;
	struct spf_record record; /* the one that is being walked */
	spf_fn fn;
	void *context;
};

/* ---- what was found ---- */

/* The first fault is told; one that cannot be found out is none while there is another. */
__attribute__((format(printf, 3, 4))) static void fault(struct spf_walk *w, enum spf_state state,
							const char *format, ...)
{
	va_list arguments;

	if (w->finding.state == SPF_BROKEN || w->finding.state == state)
		return;
	w->finding.state = state;
	va_start(arguments, format);
	vsnprintf(w->finding.why, sizeof(w->finding.why), format, arguments);
	va_end(arguments);
}

static void count_void(struct spf_walk *w, const char *name)
{
	if (++w->finding.void_lookups > SPF_VOID_LOOKUPS_MAX)
		fault(w, SPF_BROKEN, "%s is the third name that leads to nothing, and %d may", name,
		      SPF_VOID_LOOKUPS_MAX);
}

static void step_done(struct spf_walk *w)
{
	if (--w->pending)
		return;
	if (w->finding.lookups > SPF_LOOKUPS_MAX) {
		w->finding.is_costly_alone = w->finding.state != SPF_BROKEN;
		fault(w, SPF_BROKEN, "it costs %s%u lookups, and %d are allowed",
		      w->finding.lookups >= COUNTED_MAX ? "at least " : "", w->finding.lookups,
		      SPF_LOOKUPS_MAX);
	}
	w->fn(w->context, &w->finding);
	spf_stop(w);
}

/* ---- a, mx, exists ---- */

static int lookup_ask(struct lookup *l);

static void lookup_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct lookup *l = context;
	struct spf_walk *w = l->walk;

	(void)latency_ms;
	l->question = NULL;
	if (a->status > ANSWER_NONE) {
		fault(w, SPF_TEMPERROR, "nobody answers about %s", l->name);
	} else if (a->status == ANSWER_NONE && l->is_host && l->record == RECORD_A) {
		l->record = RECORD_AAAA;
		if (lookup_ask(l) == 0)
			return;
		fault(w, SPF_TEMPERROR, "%s cannot be asked about now", l->name);
	} else if (a->status == ANSWER_NONE) {
		count_void(w, l->name);
	} else if (l->record == RECORD_MX && a->count > SPF_MX_NAMES_MAX) {
		fault(w, SPF_BROKEN, "%s has more than %d MX hosts", l->name, SPF_MX_NAMES_MAX);
	}
	step_done(w);
}

static int lookup_ask(struct lookup *l)
{
	return resolver_ask(l->walk->r, l->name, l->record, lookup_answered, l, &l->question);
}

static void lookup_start(struct spf_walk *w, enum record record, bool is_host, const char *name)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l) {
		fault(w, SPF_TEMPERROR, "there is no memory for it");
		return;
	}
	*l = (struct lookup){.walk = w, .next = w->lookups, .record = record, .is_host = is_host};
	snprintf(l->name, sizeof(l->name), "%s", name);
	w->lookups = l;
	if (lookup_ask(l) == 0)
		w->pending++;
	else
		fault(w, SPF_TEMPERROR, "%s cannot be asked about now", name);
}

/* ---- records ---- */

static int frame_start(struct spf_walk *w, struct frame *parent, enum way way, const char *domain);

static bool leads_back(const struct frame *f, const char *domain)
{
	for (; f; f = f->parent)
		if (strcasecmp(f->domain, domain) == 0)
			return true;
	return false;
}

static void follow(struct frame *f, const struct spf_term *t)
{
	struct spf_walk *w = f->walk;

	if (leads_back(f, t->value))
		fault(w, SPF_BROKEN, "%s of %s leads back to %s: it never ends", t->name, f->domain,
		      t->value);
	else if (frame_start(w, f, strcmp(t->name, "include") == 0 ? WAY_INCLUDE : WAY_REDIRECT,
			     t->value) < 0)
		fault(w, SPF_TEMPERROR, "%s cannot be asked about now", t->value);
}

/* A term that costs a lookup. */
static void term_walk(struct frame *f, const struct spf_term *t)
{
	struct spf_walk *w = f->walk;
	const char *name = t->value[0] ? t->value : f->domain;

	if (w->finding.lookups == COUNTED_MAX)
		return;
	w->finding.lookups++;
	w->finding.has_ptr |= strcmp(t->name, "ptr") == 0;
	/* ptr asks about the sender; a name with macros depends on him. */
	if (t->has_macros || strcmp(t->name, "ptr") == 0)
		return;
	if (strcmp(t->name, "include") == 0 || strcmp(t->name, "redirect") == 0)
		follow(f, t);
	else if (strcmp(t->name, "mx") == 0)
		lookup_start(w, RECORD_MX, false, name);
	else
		lookup_start(w, RECORD_A, strcmp(t->name, "a") == 0, name);
}

/* Where the record of the domain itself ends, or the one that it hands over to (6.1). */
static bool is_own(const struct frame *f)
{
	for (; f; f = f->parent)
		if (f->way == WAY_INCLUDE)
			return false;
	return true;
}

static void terms_walk(struct frame *f, unsigned count)
{
	struct spf_walk *w = f->walk;
	const struct spf_term *redirect = NULL;

	for (unsigned i = 0; i < count; i++) {
		const struct spf_term *t = &w->record.term[i];

		/* Mechanisms behind all are never looked at, nor is redirect beside it (5.1). */
		if (strcmp(t->name, "all") == 0) {
			if (is_own(f))
				w->finding.all = t->qualifier;
			return;
		}
		if (!t->qualifier && t->costs)
			redirect = t;
		else if (t->costs)
			term_walk(f, t);
	}
	if (redirect)
		term_walk(f, redirect);
}

static void record_missing(struct frame *f)
{
	struct spf_walk *w = f->walk;

	if (f->way == WAY_ROOT)
		w->finding.state = SPF_NONE;
	else /* 5.2 and 6.1: "none" of theirs is permerror of ours */
		fault(w, SPF_BROKEN, "%s to %s leads to no SPF record",
		      f->way == WAY_INCLUDE ? "include" : "redirect", f->domain);
}

static void record_walk(struct frame *f, const struct answer *a)
{
	struct spf_walk *w = f->walk;
	struct err e = {0};
	int ret = spf_record_read(a, f->domain, &w->record, &e);

	if (f->way == WAY_ROOT) {
		w->finding.records = w->record.found;
		if (w->record.found)
			text_escape(w->record.text, strlen(w->record.text), w->finding.record,
				    sizeof(w->finding.record));
	}
	if (ret == -ENOENT)
		record_missing(f);
	else if (ret < 0)
		fault(w, ret == -EMSGSIZE ? SPF_TEMPERROR : SPF_BROKEN, "%s", e.text);
	else
		terms_walk(f, w->record.count);
}

static void record_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct frame *f = context;
	struct spf_walk *w = f->walk;

	(void)latency_ms;
	f->question = NULL;
	if (a->status > ANSWER_NONE) {
		fault(w, SPF_TEMPERROR, "nobody answers about %s", f->domain);
	} else if (a->status == ANSWER_NONE) {
		if (f->way != WAY_ROOT)
			count_void(w, f->domain);
		record_missing(f);
	} else {
		record_walk(f, a);
	}
	step_done(w);
}

static int frame_start(struct spf_walk *w, struct frame *parent, enum way way, const char *domain)
{
	struct frame *f = calloc(1, sizeof(*f));
	size_t length = strlen(domain);
	int ret;

	if (!f)
		return -ENOMEM;
	*f = (struct frame){.walk = w, .next = w->frames, .parent = parent, .way = way};
	snprintf(f->domain, sizeof(f->domain), "%.*s",
		 (int)(length - (length && domain[length - 1] == '.')), domain);
	w->frames = f;
	ret = resolver_ask(w->r, f->domain, RECORD_TXT, record_answered, f, &f->question);
	w->pending += ret == 0;
	return ret;
}

int spf_start(struct spf_walk **out, struct resolver *r, const char *domain, spf_fn fn,
	      void *context)
{
	struct spf_walk *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	w->r = r;
	w->fn = fn;
	w->context = context;
	w->finding.state = SPF_FINE;
	ret = frame_start(w, NULL, WAY_ROOT, domain);
	if (ret < 0)
		spf_stop(w);
	else
		*out = w;
	return ret;
}

void spf_stop(struct spf_walk *w)
{
	if (!w)
		return;
	while (w->frames) {
		struct frame *f = w->frames;

		w->frames = f->next;
		resolver_cancel(f->question);
		free(f);
	}
	while (w->lookups) {
		struct lookup *l = w->lookups;

		w->lookups = l->next;
		resolver_cancel(l->question);
		free(l);
	}
	free(w);
}
