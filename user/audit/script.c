/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts: one function walks the rows of a table (script_rows.h), leaves out what does not apply, and keeps within what servers bear.
 * The relay matrix and what is active have scripts of their own.
 */
#include "audit/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "audit/active.h"
#include "audit/relay.h"
#include "audit/script_rows.h"

#define ALIASES_OF_VISIT 6 /* each should be refused: within SCRIPT_REFUSED_MAX with both MAILs */
#define RANDOM_PREFIX	 "postern" /* for who reads the mail log */

int script_random(char out[static SCRIPT_RANDOM_MAX])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567"; /* 32: no bias */
	size_t at = strlen(RANDOM_PREFIX);
	uint8_t bytes[SCRIPT_RANDOM_MAX];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	memcpy(out, RANDOM_PREFIX, at);
	for (; at < SCRIPT_RANDOM_MAX - 1; at++)
		out[at] = letters[bytes[at] % (sizeof(letters) - 1)];
	out[at] = '\0';
	return 0;
}

/* ---- which script ---- */

static bool is_harmless(enum purpose purpose)
{
	switch (purpose) {
	case PURPOSE_HELLO:
	case PURPOSE_STARTTLS:
	case PURPOSE_TLS_1_0:
	case PURPOSE_TLS_1_1:
	case PURPOSE_SUBMISSION:
	case PURPOSE_POP3:
	case PURPOSE_IMAP:
		return true;
	default:
		return false;
	}
}

/* What an earlier visit has shown makes no visit. */
static bool is_worth(enum purpose purpose, const struct script_facts *facts)
{
	const struct visit_log *hello = seen_visit(facts->address, PURPOSE_HELLO);
	const struct exchange *x;

	switch (purpose) {
	case PURPOSE_TLS_1_0:
	case PURPOSE_TLS_1_1:
	case PURPOSE_INJECTION:
		x = seen_exchange(facts->address, PURPOSE_STARTTLS, WHAT_STARTTLS);
		return x && x->response.kind == RESPONSE_POSITIVE;
	case PURPOSE_QUOTA:
		/* One answer to the password is enough, be it a refusal: servers count those. */
		return facts->request->imap_user[0] &&
		       !seen_exchange(facts->address, PURPOSE_QUOTA, WHAT_QUOTA_LOGIN);
	case PURPOSE_SIZE:
		return !hello || script_offered(hello, "SIZE");
	default:
		return true;
	}
}

/* Further rounds of recipients are aliases, a few at a time. */
static bool aliases_choose(struct script *s, unsigned round)
{
	unsigned count = s->facts->request->aliases.count;

	if (round == 0)
		return true;
	s->alias_first = (round - 1) * ALIASES_OF_VISIT;
	if (s->alias_first >= count)
		return false;
	s->alias_count = count - s->alias_first;
	if (s->alias_count > ALIASES_OF_VISIT)
		s->alias_count = ALIASES_OF_VISIT;
	return true;
}

static bool table_choose(struct script *s, enum purpose purpose, unsigned round)
{
	if (!is_worth(purpose, s->facts))
		return false;
	if (purpose == PURPOSE_LONG_LINE)
		s->octets = script_long_octets(round);
	if (purpose == PURPOSE_RECIPIENTS && !aliases_choose(s, round))
		return false;
	s->table = script_smtp_table(purpose, round);
	if (!s->table)
		s->table = script_mail_table(purpose, round);
	if (!s->table && round == 0)
		s->table = script_box_table(purpose);
	return s->table;
}

struct script *script_new(enum purpose purpose, unsigned round, const struct script_facts *facts)
{
	struct script *s = NULL;
	bool has_words;

	if (facts->may_intrude || is_harmless(purpose))
		s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->facts = facts;
	if (purpose == PURPOSE_RELAY)
		has_words = (s->relay = relay_script_new(round, facts));
	else if (purpose == PURPOSE_ACTIVE)
		has_words = facts->request->active && (s->active = active_script_new(round, facts));
	else
		has_words = table_choose(s, purpose, round);
	if (has_words)
		return s;
	script_free(s);
	return NULL;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	if (s->relay)
		relay_script_free(s->relay);
	if (s->active)
		active_script_free(s->active);
	free(s->text);
	free(s);
}

/* ---- the rows ---- */

static const struct response *answer_of(const struct visit_log *log, enum what what)
{
	for (unsigned i = log->count; i-- > 0;)
		if (log->exchange[i].what == what)
			return &log->exchange[i].response;
	return NULL;
}

static bool is_met(const struct script_row *row, const struct visit_log *log)
{
	const struct response *r = row->when == IF_ALWAYS ? NULL : answer_of(log, row->of);

	if (row->when == IF_ALWAYS)
		return true;
	if (!r)
		return false;
	switch (row->when) {
	case IF_ACCEPTED:
		return r->kind == RESPONSE_POSITIVE;
	case IF_REFUSED:
		return r->kind == RESPONSE_TRANSIENT || r->kind == RESPONSE_NEGATIVE;
	case IF_MORE:
		return r->kind == RESPONSE_MORE;
	default:
		return false;
	}
}

static bool row_applies(const struct script *s, const struct script_row *row,
			const struct visit_log *log)
{
	/* Enough: what is begun is ended, and nothing more is asked. */
	if (s->refused >= SCRIPT_REFUSED_MAX && row->kind != STEP_QUIT && row->kind != STEP_CUT)
		return false;
	if (row->flags & ROW_INTRUDES && !s->facts->may_intrude)
		return false;
	if (row->flags & ROW_CLEAR && s->facts->implicit_tls)
		return false;
	if (row->flags & ROW_IN_MAIL && !s->in_mail)
		return false;
	if (row->flags & ROW_NO_MAIL && s->in_mail)
		return false;
	if (row->flags & ROW_PROVED && !script_is_proved(log))
		return false;
	if (!is_met(row, log))
		return false;
	return !row->offered || script_offered(log, row->offered);
}

static bool is_mail(unsigned what)
{
	switch (what) {
	case WHAT_MAIL:
	case WHAT_MAIL_BEFORE_AUTH:
	case WHAT_MAIL_NO_DOMAIN:
	case WHAT_MAIL_NULL:
	case WHAT_MAIL_SIZE:
	case WHAT_MAIL_SPOOFED:
		return true;
	default:
		return false;
	}
}

static void answer_note(struct script *s, const struct exchange *last)
{
	const struct response *r = &last->response;

	if (r->kind == RESPONSE_TRANSIENT || r->kind == RESPONSE_NEGATIVE)
		s->refused++;
	if (is_mail(last->what) && r->kind == RESPONSE_POSITIVE)
		s->in_mail = true;
	/* RFC 5321, 4.1.1.1 and 4.1.1.5; RFC 3207, 4.2: each ends a transaction. */
	else if (last->what == WHAT_RSET || last->what == WHAT_TLS_EHLO)
		s->in_mail = false;
}

/* Fills the step; false: the row has no text here. */
static bool row_step(struct script *s, const struct script_row *row, const struct visit_log *log,
		     struct step *out)
{
	*out = (struct step){.kind = row->kind,
			     .what = row->what,
			     .index = row->index,
			     .shape = row->shape,
			     .shown = row->shown,
			     .patience_ms = row->patience_ms};
	if (row->what == WHAT_LONG)
		out->index = s->octets;
	if (row->flags & ROW_EACH)
		out->index = s->alias_first + s->each;
	if (!row->text)
		return true;
	free(s->text);
	s->text = script_text(s, row->text, log);
	out->text = s->text;
	return s->text;
}

static void row_leave(struct script *s, const struct script_row *row)
{
	if (row->flags & ROW_EACH && s->each + 1 < s->alias_count) {
		s->each++;
	} else {
		s->at++;
		s->each = 0;
	}
}

static bool table_next(struct script *s, const struct visit_log *log, struct step *out)
{
	while (s->at < s->table->count) {
		const struct script_row *row = &s->table->row[s->at];
		bool has_step = row_applies(s, row, log) && row_step(s, row, log, out);

		row_leave(s, row);
		if (has_step)
			return true;
	}
	return false;
}

bool script_next(void *script, const struct visit_log *log, const struct exchange *last,
		 struct step *out)
{
	struct script *s = script;

	if (s->relay)
		return relay_script_next(s->relay, log, last, out);
	if (s->active)
		return active_script_next(s->active, log, last, out);
	if (last)
		answer_note(s, last);
	return table_next(s, log, out);
}
