/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is worth asking at the next relay visit, by what the earlier ones brought: first each sender with the plain form; then every form
 * from the first sender that was taken, from the domain's own postmaster (who is often let through) and from nobody (as bounces are); and
 * as soon as something was accepted, whether DATA is as well.
 */
#include <string.h>

#include "audit/relay_inside.h"

#define TRIES_MAX      2 /* visits in which one cell is asked about */
#define DATA_TRIES_MAX 4
#define SEND_TRIES_MAX 6
#define DATA_FORMS_MAX 6 /* forms that are followed up to DATA: more would prove no more */
#define SENDS_MAX      3 /* messages that are sent at most */
#define AUTH_ENOUGH    3 /* senders who were told to authenticate: all will be */

/* ---- what is worth asking ---- */

/* Names that are one lead to the same text twice: the first form has it. */
static bool is_form_known(const struct relay_names *names, unsigned form)
{
	char one[RELAY_PATH_MAX], other[RELAY_PATH_MAX];

	if (!relay_form(form, names, one)[0])
		return false;
	for (unsigned f = 0; f < form && form < relay_form_count; f++)
		if (strcmp(relay_form(f, names, other), one) == 0)
			return false;
	return true;
}

static bool is_sender_known(const struct relay_names *names, unsigned sender)
{
	char one[RELAY_PATH_MAX], other[RELAY_PATH_MAX];

	if (!relay_sender(sender, names, one)[0])
		return false;
	for (unsigned s = 0; s < sender; s++)
		if (strcmp(relay_sender(s, names, other), one) == 0)
			return false;
	return true;
}

static bool is_relay(const struct relay_matrix *m, unsigned form, unsigned sender)
{
	const struct relay_cell *c = &m->cell[form][sender];

	return c->is_asked && c->word == RELAY_ACCEPTED &&
	       relay_matrix_local(m, form, sender) == RELAY_LOCAL_NO;
}

/* A server that relays for every stranger in the plainest way needs no further question. */
static bool is_wide_open(const struct relay_matrix *m)
{
	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
		if (!relay_sender_is_inside(s) && m->cell[RELAY_PLAIN][s].is_taken)
			return true;
	return false;
}

static bool is_cell_pending(const struct relay_script *s, const struct relay_cell *c)
{
	if (!c->is_asked)
		return true;
	if (c->word == RELAY_DOMAIN_WORD)
		return c->domains < s->domains;
	/* What was put off would be put off again: only silence is worth another try. */
	return c->word == RELAY_NO_WORD && c->tries < TRIES_MAX;
}

static bool is_pending(const struct relay_script *s, const struct relay_matrix *m, unsigned form,
		       unsigned sender)
{
	return is_cell_pending(s, &m->cell[form][sender]) &&
	       m->sender[sender] != RELAY_SENDER_WORD && m->sender[sender] != RELAY_OTHERWISE &&
	       (m->sender[sender] == RELAY_ACCEPTED || m->sender_tries[sender] < TRIES_MAX ||
		(m->wants_tls && m->sender_tries[sender] <= TRIES_MAX));
}

static void add(struct relay_script *s, unsigned form, unsigned sender)
{
	if (s->pair_count < RELAY_PAIRS_MAX)
		s->pair[s->pair_count++] = (struct relay_pair){.form = (uint8_t)form,
							       .sender = (uint8_t)sender,
							       .is_odd = relay_form_is_odd(form)};
}

/* A server's parser knows no senders: what it took for an address once is none of its syntax errors, and what it did not never will be. */
enum parse { PARSE_UNKNOWN, PARSE_FAILS, PARSE_WORKS };

static bool is_syntax_code(int code)
{
	/* RFC 5321, 4.2.3 and 4.3.2; 550 beside the same words is a policy, which may know senders. */
	return code == 500 || code == 501 || code == 553 || code == 555;
}

static enum parse parse_of(const struct relay_matrix *m, unsigned form)
{
	enum parse p = PARSE_UNKNOWN;

	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++) {
		const struct relay_cell *c = &m->cell[form][s];

		if (!c->is_asked || !c->rcpt || c->word == RELAY_NO_WORD)
			continue;
		if (!is_syntax_code(c->rcpt->response.code))
			return PARSE_WORKS;
		if (c->word == RELAY_SYNTAX)
			p = PARSE_FAILS;
	}
	return p;
}

/*
 * Would a server take any name there? Only asked where a form was accepted that it matters for. And is it the sender that is refused? Then
 * one of its own is refused as well.
 */
static void add_probes(struct relay_script *s, const struct relay_matrix *m)
{
	for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++) {
		bool is_wanted[RELAY_OUTERS] = {0};

		for (unsigned f = 0; f < relay_form_count; f++)
			if (m->cell[f][sender].word == RELAY_ACCEPTED)
				is_wanted[relay_form_outer(f)] = true;
		is_wanted[RELAY_OUTER_HOSTED] |=
			relay_cell_is_temporary(&m->cell[RELAY_PLAIN][sender]);
		for (unsigned o = RELAY_OUTER_HOSTED; o < RELAY_OUTERS; o++)
			if (is_wanted[o] && is_pending(s, m, RELAY_PROBE(o), sender) &&
			    is_form_known(&s->room.names, RELAY_PROBE(o)))
				add(s, RELAY_PROBE(o), sender);
	}
}

static void add_senders(struct relay_script *s, const struct relay_matrix *m)
{
	for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++)
		if (is_pending(s, m, RELAY_PLAIN, sender) &&
		    is_sender_known(&s->room.names, sender))
			add(s, RELAY_PLAIN, sender);
}

static bool is_sender_good(const struct relay_matrix *m, unsigned sender)
{
	return m->sender[sender] == RELAY_ACCEPTED &&
	       m->cell[RELAY_PLAIN][sender].word != RELAY_SENDER_WORD;
}

static bool is_form_through(const struct relay_matrix *m, unsigned form)
{
	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
		if (is_relay(m, form, s))
			return true;
	return false;
}

static void add_forms(struct relay_script *s, const struct relay_matrix *m, unsigned sender)
{
	/* Who may send in the plain form may send in every other. */
	if (!is_sender_good(m, sender) || is_relay(m, RELAY_PLAIN, sender))
		return;
	for (unsigned f = RELAY_PLAIN + 1; f < relay_form_count; f++) {
		enum parse p = parse_of(m, f);

		if (p == PARSE_FAILS || !is_pending(s, m, f, sender) || is_form_through(m, f) ||
		    !is_form_known(&s->room.names, f))
			continue;
		add(s, f, sender);
		s->pair[s->pair_count - 1].is_odd &= p == PARSE_UNKNOWN;
	}
}

static void add_matrix(struct relay_script *s, const struct relay_matrix *m)
{
	unsigned first = 0;

	while (first < RELAY_SENDERS_MAX && !is_sender_good(m, first))
		first++;
	if (first < RELAY_SENDERS_MAX)
		add_forms(s, m, first);
	if (first != RELAY_FROM_POSTMASTER_HOSTED)
		add_forms(s, m, RELAY_FROM_POSTMASTER_HOSTED);
	if (first != RELAY_FROM_NOBODY)
		add_forms(s, m, RELAY_FROM_NOBODY);
}

/* ---- what a visit is for ---- */

static bool choose_data(struct relay_script *s, const struct relay_matrix *m)
{
	unsigned done = 0;

	for (unsigned f = 0; f < relay_form_count; f++)
		for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++)
			done += m->cell[f][sender].is_data;
	for (unsigned f = 0; f < relay_form_count && done < DATA_FORMS_MAX; f++)
		for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++) {
			const struct relay_cell *c = &m->cell[f][sender];

			if (!is_relay(m, f, sender) || c->is_data || c->tries >= DATA_TRIES_MAX)
				continue;
			s->errand = ERRAND_DATA;
			add(s, f, sender);
			return true;
		}
	return false;
}

/* A catch-all that takes any name hides a relay behind it: then only a message tells. */
static bool choose_send(struct relay_script *s, const struct relay_matrix *m)
{
	unsigned sent = 0;

	for (unsigned f = 0; f < relay_form_count; f++)
		for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++)
			sent += m->cell[f][sender].is_sent;
	for (unsigned f = 0; f < relay_form_count && sent < SENDS_MAX; f++)
		for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++) {
			const struct relay_cell *c = &m->cell[f][sender];

			if (c->word != RELAY_ACCEPTED || c->is_sent || c->tries >= SEND_TRIES_MAX)
				continue;
			s->errand = ERRAND_SEND;
			add(s, f, sender);
			return true;
		}
	return false;
}

static unsigned told_to_authenticate(const struct relay_matrix *m)
{
	unsigned count = 0;

	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
		count += m->sender[s] == RELAY_DENIED;
	return count;
}

bool relay_choose(struct relay_script *s, const struct relay_matrix *m)
{
	if (choose_data(s, m))
		return true;
	if (told_to_authenticate(m) >= AUTH_ENOUGH)
		return false;
	if (!is_wide_open(m)) {
		add_probes(s, m);
		if (!s->pair_count)
			add_senders(s, m);
		if (!s->pair_count)
			add_matrix(s, m);
	}
	return s->pair_count || (s->send_to[0] && choose_send(s, m));
}
