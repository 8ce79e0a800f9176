/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtpd_*_restrictions: lists of the DNS that smtpd itself asks about a client, and tables of clients. Postfix goes through a list of
 * restrictions in order, the first that decides ends it, and it alone: what another list refuses is refused (SMTPD_ACCESS_README). The gate
 * adds weights up. So a list that refuses by itself weighs as much as the threshold, and one that lets in as much as all that stand
 * behind it, wherever it stands.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/import.h"

#define CLASSES_MAX 16 /* restriction classes in the place of a restriction */
#define RBL_MAX	    SITE_FILTERS_MAX
#define NUMBER_MAX  16

static const char *const lists[] = {
	"smtpd_client_restrictions",	  "smtpd_helo_restrictions",
	"smtpd_sender_restrictions",	  "smtpd_relay_restrictions",
	"smtpd_recipient_restrictions",	  "smtpd_data_restrictions",
	"smtpd_end_of_data_restrictions",
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))
/* A table that no check_*_access stands before is one of clients in the first of them (postconf(5), smtpd_client_restrictions). */
#define LIST_OF_CLIENTS 0
#define CHECK		"check_"

enum restriction {
	R_OTHER, /* goes on in Postfix, and need not be told of */
	R_END,	 /* nothing behind it is reached */
	R_WARN,
	R_RBL,
	R_DNSWL,
	R_NAMES, /* lists of names, which only SMTP tells */
	R_TABLE,
	R_NO_NAME,
	R_WRONG_NAME,
};

/* postconf(5). Those with an argument take the next word. */
static const struct {
	const char *name;
	enum restriction what;
	bool has_argument;
} known[] = {
	{"permit", R_END, false},
	{"reject", R_END, false},
	{"defer", R_END, false},
	{"warn_if_reject", R_WARN, false},
	{"reject_rbl_client", R_RBL, true},
	{"reject_rbl", R_RBL, true},
	{"permit_dnswl_client", R_DNSWL, true},
	{"permit_rhswl_client", R_NAMES, true},
	{"reject_rhsbl_client", R_NAMES, true},
	{"reject_rhsbl_reverse_client", R_NAMES, true},
	{"reject_rhsbl_helo", R_NAMES, true},
	{"reject_rhsbl_sender", R_NAMES, true},
	{"reject_rhsbl_recipient", R_NAMES, true},
	{"check_client_access", R_TABLE, true},
	{"reject_unknown_reverse_client_hostname", R_NO_NAME, false},
	{"reject_unknown_client_hostname", R_WRONG_NAME, false},
	{"reject_unknown_client", R_WRONG_NAME, false},
};

struct step {
	enum restriction what;
	bool only_warns;
	char name[64], argument[CONF_TEXT_MAX];
};

static enum restriction restriction_of(const char *word, bool *has_argument)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, word) == 0) {
			*has_argument = known[i].has_argument;
			return known[i].what;
		}
	*has_argument = strncmp(word, CHECK, strlen(CHECK)) == 0;
	return R_OTHER;
}

struct steps {
	const char *at;
	bool has_clients; /* a table alone is one of clients */
};

/* The next restriction that says something to us; false at the end. */
static bool step_next(struct steps *in, struct step *out)
{
	char word[CONF_TEXT_MAX];
	bool has_argument, only_warns = false;

	while (postfix_word(&in->at, word, sizeof(word))) {
		enum restriction what = restriction_of(word, &has_argument);

		if (what == R_WARN) {
			only_warns = true;
			continue;
		}
		if (what == R_END && !only_warns)
			return false;
		*out = (struct step){.what = what, .only_warns = only_warns};
		snprintf(out->name, sizeof(out->name), "%.63s", word);
		if (has_argument && !postfix_word(&in->at, out->argument, sizeof(out->argument)))
			return false;
		if (what == R_OTHER && !has_argument && in->has_clients && strchr(word, ':')) {
			out->what = what = R_TABLE;
			snprintf(out->name, sizeof(out->name), "check_client_access");
			memcpy(out->argument, word, sizeof(word));
		}
		if (what != R_OTHER && what != R_END)
			return true;
		only_warns = false;
	}
	return false;
}

/* One of smtpd's lists from its beginning; false: it has none. */
static bool list_begin(const struct postfix *p, size_t list, struct postfix_value *v,
		       struct steps *out)
{
	if (!postfix_get(p, POSTFIX_SMTPD, lists[list], v))
		return false;
	*out = (struct steps){.at = v->text, .has_clients = list == LIST_OF_CLIENTS};
	return true;
}

static bool is_refusing(const struct step *s)
{
	return !s->only_warns &&
	       (s->what == R_RBL || s->what == R_NO_NAME || s->what == R_WRONG_NAME);
}

/* ---- what refuses ---- */

/* Lists of the DNS, each once; "" stands for names that lack. */
struct refusing {
	char site[RBL_MAX][CONF_TEXT_MAX];
	unsigned count;
};

/* false: it is there already. */
static bool refusing_add(struct refusing *r, const char *site)
{
	for (unsigned i = 0; i < r->count; i++)
		if (strcmp(r->site[i], site) == 0)
			return false;
	if (r->count < RBL_MAX)
		snprintf(r->site[r->count++], sizeof(r->site[0]), "%s", site);
	return true;
}

static void refusing_behind(struct steps at, struct refusing *r)
{
	struct step s;

	while (step_next(&at, &s))
		if (is_refusing(&s))
			(void)refusing_add(r, s.argument);
}

/* The end of the first one, or NULL: nothing refuses. */
static const char *refusing_first(struct steps at)
{
	struct step s;

	while (step_next(&at, &s))
		if (is_refusing(&s))
			return at.at;
	return NULL;
}

/* ---- one restriction ---- */

struct walk {
	const struct postfix *postfix;
	struct import_rows *rows;
	unsigned threshold;
	char from[IMPORT_FROM_MAX];
	struct refusing seen; /* asked in several lists of restrictions: it weighs once */
	struct refusing outweighed;
};

static void rbl_take(struct walk *w, const struct step *s)
{
	char site[2 * CONF_TEXT_MAX];

	/* It has no weight of its own: what looks like one is a fault there. */
	snprintf(site, sizeof(site), "%s*%u", s->argument, w->threshold);
	if (!refusing_add(&w->seen, s->argument))
		return;
	(void)import_carry(w->rows, "dnsbl.sites", site, w->from,
			   "one listing is enough: its weight is the threshold");
}

/* Behind all places at which this one lets in. */
static unsigned outweighed_count(struct walk *w, const char *site)
{
	struct postfix_value v;
	struct steps at;
	struct step s;

	w->outweighed.count = 0;
	for (size_t i = 0; i < LISTS; i++)
		if (list_begin(w->postfix, i, &v, &at))
			while (step_next(&at, &s))
				if (s.what == R_DNSWL && strcmp(s.argument, site) == 0)
					refusing_behind(at, &w->outweighed);
	return w->outweighed.count;
}

static void dnswl_take(struct walk *w, const struct step *s)
{
	char site[2 * CONF_TEXT_MAX];
	unsigned count;

	if (!refusing_add(&w->seen, s->argument))
		return;
	if (w->seen.count == RBL_MAX) {
		import_leave(w->rows, "dnsbl.sites", s->argument, w->from,
			     "there are more lists than a configuration takes");
		return;
	}
	count = outweighed_count(w, s->argument);
	if (!count) {
		import_leave(w->rows, "dnsbl.sites", s->argument, w->from,
			     "no list stands behind it that it could outweigh");
		return;
	}
	snprintf(site, sizeof(site), "%s*-%u", s->argument, count * w->threshold);
	(void)import_carry(w->rows, "dnsbl.sites", site, w->from,
			   "it lets in: its weight is that of all lists behind it");
}

static void name_take(struct walk *w, const struct step *s)
{
	char number[NUMBER_MAX];

	snprintf(number, sizeof(number), "%u", w->threshold);
	(void)import_carry(w->rows, "rdns.none", number, w->from, "");
	if (s->what == R_WRONG_NAME)
		(void)import_carry(w->rows, "rdns.mismatch", number, w->from, "");
	(void)import_carry(w->rows, "rdns.alone", "true", w->from, "");
}

static void step_take(struct walk *w, const struct step *s)
{
	if (s->only_warns && s->what != R_DNSWL && s->what != R_TABLE) {
		import_leave(w->rows, "", s->argument, w->from,
			     "warn_if_reject: it only logs; the gate does so for all in monitor "
			     "mode");
		return;
	}
	switch (s->what) {
	case R_RBL:
		rbl_take(w, s);
		break;
	case R_DNSWL:
		dnswl_take(w, s);
		break;
	case R_NAMES:
		import_leave(w->rows, "", s->argument, w->from,
			     "a list of names, which are told only in SMTP: Postfix goes on asking "
			     "it");
		break;
	case R_NO_NAME:
	case R_WRONG_NAME:
		name_take(w, s);
		break;
	default:
		break;
	}
}

static void list_walk(struct walk *w, size_t list)
{
	struct postfix_value v;
	struct steps at;
	struct step s;

	if (!list_begin(w->postfix, list, &v, &at))
		return;
	while (step_next(&at, &s)) {
		snprintf(w->from, sizeof(w->from), "%s in %.120s", s.name, v.from);
		step_take(w, &s);
	}
}

/* ---- classes ---- */

/* What a table sends only some clients or recipients to (postconf(5), smtpd_restriction_classes). */
static void classes_walk(struct walk *w, const struct postfix *p)
{
	struct postfix_value classes, v;
	char word[CONF_TEXT_MAX];
	unsigned count = 0;
	struct step s;

	if (!postfix_get(p, POSTFIX_SMTPD, "smtpd_restriction_classes", &classes))
		return;
	for (const char *at = classes.text;
	     count++ < CLASSES_MAX && postfix_word(&at, word, sizeof(word));) {
		if (!postfix_get(p, POSTFIX_SMTPD, word, &v))
			continue;
		for (struct steps in = {.at = v.text}; step_next(&in, &s);)
			if (s.what == R_RBL || s.what == R_DNSWL)
				import_leave(w->rows, "dnsbl.sites", s.argument, v.from,
					     "a restriction class: it holds for those alone whom a "
					     "table sends there");
	}
}

void import_smtpd(const struct postfix *p, unsigned threshold, struct import_rows *out)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (!w) {
		out->is_short = true;
		return;
	}
	w->postfix = p;
	w->rows = out;
	w->threshold = threshold;
	for (size_t i = 0; i < LISTS; i++)
		list_walk(w, i);
	classes_walk(w, p);
	/* A threshold that no postscreen gave. */
	if (!import_find(out, "dnsbl.threshold") &&
	    (import_find(out, "dnsbl.sites") || import_find(out, "rdns.alone")))
		(void)import_carry(out, "dnsbl.threshold", "1", "reject_rbl_client",
				   "one listing is enough");
	free(w);
}

unsigned import_smtpd_asks(const struct postfix *p)
{
	struct postfix_value v;
	struct steps at;
	unsigned count = 0;

	for (size_t i = 0; i < LISTS; i++)
		count += list_begin(p, i, &v, &at) && refusing_first(at);
	return count;
}

void import_smtpd_tables(const struct postfix *p,
			 void (*fn)(void *context, const struct access_table *table), void *context)
{
	struct postfix_value v;
	struct steps at;
	struct step s;
	char from[IMPORT_FROM_MAX];
	const char *first;

	for (size_t i = 0; i < LISTS; i++) {
		if (!list_begin(p, i, &v, &at))
			continue;
		first = refusing_first(at);
		while (step_next(&at, &s)) {
			struct access_table table = {.spec = s.argument,
						     .from = from,
						     .stage = ACCESS_SCREEN + 1 + (unsigned)i,
						     .only_logs = s.only_warns};

			if (s.what != R_TABLE)
				continue;
			table.spares = first && at.at < first;
			snprintf(from, sizeof(from), "%s in %.120s", s.name, v.from);
			fn(context, &table);
		}
	}
}
