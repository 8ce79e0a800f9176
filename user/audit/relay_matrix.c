/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all relay visits of an address come to: a cell for each form and sender, and the ladder over them. It is made anew from the visits each
 * time, so that script and check cannot disagree, and so that a test needs visits made by hand and nothing else.
 */
#include "audit/relay.h"

#include <stdlib.h>
#include <string.h>

/* Where the server's name is not known, or is the domain it hosts, so many forms are left. Fewer asked: the matrix was cut short. */
#define FORMS_LEAST 18

static bool is_cell(unsigned index)
{
	return RELAY_FORM(index) < RELAY_FORMS_MAX && RELAY_SENDER(index) < RELAY_SENDERS_MAX;
}

static void take_mail(struct relay_matrix *m, const struct exchange *x)
{
	unsigned s = RELAY_SENDER(x->index);
	const char *why;
	enum relay_word word = relay_judge_why(&x->response, &why);

	m->sender_tries[s]++;
	if (word != RELAY_ACCEPTED && word != RELAY_NO_WORD)
		m->mail_refused = x;
	if (x->response.code == 530 && response_says(&x->response, "STARTTLS")) {
		m->wants_tls = true;
		word = RELAY_NO_WORD;
	} else if (word == RELAY_DENIED)
		m->wants_auth = true;
	else if (word == RELAY_DOMAIN_WORD ||
		 (word != RELAY_ACCEPTED && x->response.kind == RESPONSE_NEGATIVE))
		word = RELAY_SENDER_WORD; /* here the domain is the sender's */
	if (word == RELAY_ACCEPTED || m->sender[s] != RELAY_ACCEPTED)
		m->sender[s] = word;
}

/* An acceptance stays, whatever is said later; a refusal stays beside a word that decides nothing. */
static void take_rcpt(struct relay_cell *c, const struct visit_log *v, const struct exchange *x)
{
	enum relay_word word = relay_judge(&x->response);
	bool is_open = !c->is_asked || c->word == RELAY_NO_WORD || c->word == RELAY_OTHERWISE ||
		       c->word == RELAY_DOMAIN_WORD;

	c->is_asked = true;
	c->tries++;
	c->domains += word == RELAY_DOMAIN_WORD;
	if (word == RELAY_NO_WORD && c->rcpt)
		return;
	if (!is_open && word != RELAY_ACCEPTED)
		return;
	c->word = word;
	c->rcpt = x;
	c->visit = v;
}

/* The answer that was one behind. */
static void take_late(struct relay_cell *c, const struct visit_log *v, const struct exchange *x)
{
	if (x->response.kind == RESPONSE_NONE || c->visit != v || c->word != RELAY_ACCEPTED)
		return;
	if (x->response.kind == RESPONSE_POSITIVE) {
		c->is_unsure = true;
		return;
	}
	c->word = relay_judge(&x->response);
	c->rcpt = x;
}

static void take_data(struct relay_cell *c, const struct visit_log *v, const struct exchange *x)
{
	c->is_data = true;
	if (x->response.kind == RESPONSE_MORE)
		c->is_taken = true;
	if (!c->data || c->is_taken) {
		c->data = x;
		c->visit = v;
	}
	/* Some servers say no only here. */
	if (!c->is_taken && x->response.kind == RESPONSE_NEGATIVE)
		c->word = RELAY_DENIED;
}

static void take(struct relay_matrix *m, const struct visit_log *v, const struct exchange *x)
{
	struct relay_cell *c;

	if (!is_cell(x->index))
		return;
	c = &m->cell[RELAY_FORM(x->index)][RELAY_SENDER(x->index)];
	switch (x->what) {
	case WHAT_RELAY_MAIL:
		take_mail(m, x);
		break;
	case WHAT_RELAY_RCPT:
		take_rcpt(c, v, x);
		if (c->domains > m->domains)
			m->domains = c->domains;
		break;
	case WHAT_RELAY_LATE:
		take_late(c, v, x);
		break;
	case WHAT_RELAY_DATA:
		m->taken_back += x->response.kind == RESPONSE_NEGATIVE;
		m->taken += x->response.kind == RESPONSE_MORE;
		take_data(c, v, x);
		break;
	case WHAT_RELAY_SENT:
		c->is_sent = true;
		c->sent = x;
		break;
	case WHAT_RELAY_RETURNED:
		c->is_returned = true;
		break;
	default:
		break;
	}
}

/* Is a recipient refused by a word that tells nothing of relaying, and may be about the sender? */
bool relay_cell_is_temporary(const struct relay_cell *c)
{
	const char *why;

	return c->is_asked && c->rcpt && c->word == RELAY_OTHERWISE &&
	       relay_judge_why(&c->rcpt->response, &why) == RELAY_OTHERWISE &&
	       strcmp(why, RELAY_WHY_TEMPORARY) == 0;
}

/* Where one of the server's own gets the same, whoever the recipient is, it is the sender who could not be verified. */
static void senders_settle(struct relay_matrix *m)
{
	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++) {
		if (!relay_cell_is_temporary(&m->cell[RELAY_PROBE(RELAY_OUTER_HOSTED)][s]))
			continue;
		for (unsigned f = 0; f < relay_form_count; f++)
			if (relay_cell_is_temporary(&m->cell[f][s]))
				m->cell[f][s].word = RELAY_SENDER_WORD;
	}
}

void relay_matrix_take(const struct seen_address *a, struct relay_matrix *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned f = 0; f < RELAY_FORMS_MAX; f++)
		for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
			out->cell[f][s].word = RELAY_NO_WORD;
	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
		out->sender[s] = RELAY_NO_WORD;
	for (const struct visit_log *v = a->visits; v; v = v->next) {
		if (v->purpose != PURPOSE_RELAY)
			continue;
		out->visits++;
		out->last = v;
		out->floods += v->end == VISIT_FLOODED;
		for (unsigned i = 0; i < v->count; i++)
			take(out, v, &v->exchange[i]);
	}
	senders_settle(out);
}

enum relay_local relay_matrix_local(const struct relay_matrix *m, unsigned form, unsigned sender)
{
	enum relay_outer outer = relay_form_outer(form);

	if (outer == RELAY_OUTER_FOREIGN)
		return RELAY_LOCAL_NO;
	switch (m->cell[RELAY_PROBE(outer)][sender].word) {
	case RELAY_ACCEPTED:
		return RELAY_LOCAL_MAYBE;
	case RELAY_DENIED:
	case RELAY_SYNTAX:
	case RELAY_UNKNOWN:
		return RELAY_LOCAL_NO;
	default:
		return RELAY_LOCAL_UNKNOWN;
	}
}

/* ---- the ladder ---- */

static enum ladder cell_ladder(const struct relay_matrix *m, unsigned form, unsigned sender)
{
	const struct relay_cell *c = &m->cell[form][sender];

	if (c->is_returned)
		return LADDER_CONFIRMED;
	if (!c->is_asked)
		return LADDER_NONE;
	switch (c->word) {
	case RELAY_ACCEPTED:
		if (relay_matrix_local(m, form, sender) != RELAY_LOCAL_NO)
			return LADDER_INCONCLUSIVE;
		if (c->is_taken)
			return LADDER_ACCEPTS;
		/* All that was followed up was taken back: this would be as well, as far as one can tell. */
		if (c->is_unsure || (m->floods && !m->taken))
			return LADDER_INCONCLUSIVE;
		return m->taken_back && !m->taken ? LADDER_INCONCLUSIVE : LADDER_SUSPECT;
	case RELAY_DENIED:
		return LADDER_CLOSED;
	case RELAY_SYNTAX:
		/* Of an ordinary address that is no word about relaying. */
		return form == RELAY_PLAIN ? LADDER_INCONCLUSIVE : LADDER_CLOSED;
	case RELAY_UNKNOWN:
		/* Nobody but a relay can know who is unknown elsewhere. */
		return relay_form_outer(form) == RELAY_OUTER_FOREIGN ? LADDER_INCONCLUSIVE
								     : LADDER_CLOSED;
	case RELAY_SENDER_WORD:
		return LADDER_NONE;
	default:
		return LADDER_INCONCLUSIVE;
	}
}

static const struct exchange *cell_proof(const struct relay_cell *c, enum ladder l)
{
	if (l == LADDER_CONFIRMED && c->sent)
		return c->sent;
	return l == LADDER_ACCEPTS ? c->data : c->rcpt;
}

/* Every sender was told to authenticate: then no recipient is ever asked about, and none needs to be. */
static bool is_shut_to_strangers(const struct relay_matrix *m)
{
	if (!m->wants_auth)
		return false;
	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
		if (m->sender[s] == RELAY_ACCEPTED)
			return false;
	return true;
}

enum ladder relay_ladder(const struct seen_address *a, const struct exchange **worst)
{
	struct relay_matrix m;
	enum ladder verdict = LADDER_NONE;
	unsigned asked = 0;

	*worst = NULL;
	relay_matrix_take(a, &m);
	if (is_shut_to_strangers(&m)) {
		*worst = m.mail_refused;
		return LADDER_CLOSED;
	}
	for (unsigned f = 0; f < relay_form_count; f++) {
		enum ladder form = LADDER_NONE;

		for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++) {
			enum ladder l = cell_ladder(&m, f, s);

			form = l > form ? l : form;
			if (l <= verdict)
				continue;
			verdict = l;
			*worst = cell_proof(&m.cell[f][s], l);
		}
		asked += form != LADDER_NONE;
		/* Without a word on the ordinary form the odd ones prove nothing. */
		if (f == RELAY_PLAIN && form == LADDER_NONE)
			verdict = LADDER_INCONCLUSIVE;
	}
	if (verdict <= LADDER_CLOSED && asked < FORMS_LEAST)
		verdict = LADDER_INCONCLUSIVE;
	if (!*worst)
		*worst = m.mail_refused;
	return verdict;
}

/* ---- tokens ---- */

static bool is_marked(const struct visit_log *v, unsigned index)
{
	return visit_find_index(v, WHAT_RELAY_RETURNED, index) != NULL;
}

static bool visit_mark(struct visit_log *v, unsigned index)
{
	struct exchange *more = realloc(v->exchange, (v->count + 1) * sizeof(*more));

	if (!more)
		return false;
	v->exchange = more;
	more[v->count++] = (struct exchange){.what = WHAT_RELAY_RETURNED, .index = index};
	return true;
}

/*
 * Calls for each message that was sent. The token of each is in its text, which is kept escaped; it is of letters and digits, so it
 * stands there as it was.
 */
static unsigned sent_walk(struct seen_address *a, const char *token)
{
	unsigned count = 0;

	for (struct visit_log *v = a->visits; v; v = v->next) {
		const struct exchange *x =
			v->purpose == PURPOSE_RELAY ? visit_find(v, WHAT_RELAY_SENT) : NULL;

		if (!x || is_marked(v, x->index))
			continue;
		if (!token)
			count += x->response.kind == RESPONSE_POSITIVE;
		else if (x->sent && strstr(x->sent, token))
			count += visit_mark(v, x->index);
	}
	return count;
}

static unsigned seen_walk(const struct seen *seen, const char *token)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seen->host_count; i++)
		for (unsigned j = 0; j < seen->host[i].address_count; j++)
			count += sent_walk(&seen->host[i].address[j], token);
	return count;
}

unsigned relay_awaited(const struct seen *seen)
{
	return seen_walk(seen, NULL);
}

bool relay_returned(struct seen *seen, const char *token)
{
	/* A short word would be found in any message. */
	return strlen(token) >= RELAY_TOKEN_LEAST && seen_walk(seen, token) != 0;
}
