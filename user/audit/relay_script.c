/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said at relay visits. Each visit looks at what the earlier ones brought, and asks what is still worth asking: first each sender with
 * the plain form; then every form from the first sender that was taken, from the domain's own postmaster (who is often let through) and from
 * nobody (as bounces are). Servers count errors: stock Postfix slows down at 10 of them, stock Exim closes after three of syntax. So a visit
 * ends before either.
 *
 * No message is sent. Of a form that was accepted a visit of its own asks for DATA and hangs up in front of the first byte of the message;
 * an unfinished message is thrown away (RFC 5321, 3.3: only the final dot makes the server responsible). Only with a mailbox of the
 * operator's own to send to does a message go there.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/collector.h"
#include "audit/relay.h"

#define ROUNDS_MAX	48 /* visits to one address; a closed server needs some 18 */
#define FAILURES_MAX	3  /* visits that failed, one after the other: the server wants no more */
#define REFUSALS_MAX	8  /* of one visit */
#define ODD_MAX		2  /* forms of one visit that may count as syntax errors */
#define TRIES_MAX	2  /* visits in which one cell is asked about */
#define DATA_TRIES_MAX	4
#define SEND_TRIES_MAX	6
#define DATA_FORMS_MAX	6 /* forms that are followed up to DATA: more would prove no more */
#define SENDS_MAX	3 /* messages that are sent at most */
#define AUTH_ENOUGH	3 /* senders who were told to authenticate: all will be */
#define PAIRS_MAX	(RELAY_FORMS_MAX * 3 + RELAY_SENDERS_MAX)
#define COMMAND_MAX	(RELAY_PATH_MAX + 32)
#define MESSAGE_MAX	2048
#define TOKEN_ROOM	48
#define MAILBOX_OWN_MAX 256

enum errand { ERRAND_ASK, ERRAND_DATA, ERRAND_SEND };

struct pair {
	uint8_t form, sender;
	bool is_odd, is_done;
};

struct relay_script {
	enum errand errand;
	const struct script_facts *facts;
	struct relay_names_room room;
	unsigned domains; /* foreign ones that there are */
	char send_to[MAILBOX_OWN_MAX], send_local[MAILBOX_OWN_MAX];
	char token[TOKEN_ROOM];
	struct pair pair[PAIRS_MAX];
	unsigned pair_count, refusals, odd;
	struct pair *at;
	bool wants_tls, is_over;
	char command[COMMAND_MAX], message[MESSAGE_MAX];
};

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
	if (s->pair_count < PAIRS_MAX)
		s->pair[s->pair_count++] = (struct pair){.form = (uint8_t)form,
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
	for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++)
		for (unsigned o = RELAY_OUTER_HOSTED; o < RELAY_OUTERS; o++) {
			bool is_wanted = o == RELAY_OUTER_HOSTED &&
					 relay_cell_is_temporary(&m->cell[RELAY_PLAIN][sender]);

			for (unsigned f = 0; f < relay_form_count; f++)
				is_wanted |= relay_form_outer(f) == o &&
					     m->cell[f][sender].word == RELAY_ACCEPTED;
			if (is_wanted && is_pending(s, m, RELAY_PROBE(o), sender) &&
			    is_form_known(&s->room.names, RELAY_PROBE(o)))
				add(s, RELAY_PROBE(o), sender);
		}
}

static void add_senders(struct relay_script *s, const struct relay_matrix *m)
{
	for (unsigned sender = 0; sender < RELAY_SENDERS_MAX; sender++)
		if (is_sender_known(&s->room.names, sender) &&
		    is_pending(s, m, RELAY_PLAIN, sender))
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

		if (!is_form_known(&s->room.names, f) || !is_pending(s, m, f, sender) ||
		    is_form_through(m, f) || p == PARSE_FAILS)
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

static bool choose(struct relay_script *s, const struct relay_matrix *m)
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

/* Has the server had enough of us? */
static bool is_given_up(const struct seen_address *a)
{
	unsigned failures = 0;

	for (const struct visit_log *v = a->visits; v; v = v->next)
		if (v->purpose == PURPOSE_RELAY)
			failures = v->end == VISIT_DONE ? 0 : failures + 1;
	return failures >= FAILURES_MAX;
}

/* Only what needs no quoting: it is put into all forms. The local part becomes the token, the rest the foreign domain. */
static bool send_to_take(struct relay_script *s, const char *mailbox)
{
	const char *at = strrchr(mailbox, '@');
	size_t length = strlen(mailbox);

	if (!at || at == mailbox || !at[1] || length >= sizeof(s->send_to))
		return false;
	for (const char *c = mailbox; *c; c++)
		if (c != at && !isalnum((unsigned char)*c) && !strchr("._+-", *c))
			return false;
	memcpy(s->send_to, mailbox, length + 1);
	memcpy(s->send_local, mailbox, (size_t)(at - mailbox));
	return true;
}

/* Bound to server, form and sender, so that a token that comes back says which it was. FNV-1a. */
static void token_make(struct relay_script *s, const struct script_facts *facts)
{
	uint32_t hash = 2166136261u;

	for (unsigned i = 0; i < sizeof(facts->address->addr.byte); i++)
		hash = (hash ^ facts->address->addr.byte[i]) * 16777619u;
	snprintf(s->token, sizeof(s->token), "%s%03x%08x", facts->random,
		 RELAY_INDEX(s->pair[0].form, s->pair[0].sender), hash);
}

/* The first foreign domain, until a server has refused it for itself. */
static void foreign_choose(struct relay_script *s, const struct relay_matrix *m)
{
	const char *next = s->facts->foreign_next;
	bool has_next = next && next[0];

	s->domains = has_next ? 2 : 1;
	if (has_next && m->domains)
		s->room.names.foreign = next;
}

struct relay_script *relay_script_new(unsigned round, const struct script_facts *facts)
{
	struct relay_script *s;
	struct relay_matrix *m;

	if (!facts->may_intrude || round >= ROUNDS_MAX || is_given_up(facts->address))
		return NULL;
	s = calloc(1, sizeof(*s));
	m = malloc(sizeof(*m));
	if (!s || !m)
		goto none;
	relay_names_take(facts, &s->room);
	s->facts = facts;
	send_to_take(s, facts->request->send_to);
	relay_matrix_take(facts->address, m);
	foreign_choose(s, m);
	s->wants_tls = m->wants_tls;
	if (!choose(s, m))
		goto none;
	if (s->errand == ERRAND_SEND) {
		token_make(s, facts);
		s->room.names.token = s->send_local;
		s->room.names.foreign = strrchr(s->send_to, '@') + 1;
	}
	free(m);
	return s;
none:
	free(m);
	free(s);
	return NULL;
}

/* ---- the visit ---- */

static bool say(struct relay_script *s, struct step *out, enum what what, unsigned index,
		const char *text)
{
	*out = (struct step){.kind = STEP_SAY, .what = what, .index = index, .text = text};
	s->is_over = false;
	return true;
}

static bool quit(struct relay_script *s, struct step *out)
{
	s->is_over = true;
	*out = (struct step){.kind = STEP_QUIT, .what = WHAT_QUIT};
	return true;
}

/* The next one that the budget allows, of the same sender if there is one. */
static struct pair *pick(struct relay_script *s)
{
	struct pair *other = NULL;

	if (s->refusals >= REFUSALS_MAX)
		return NULL;
	for (unsigned i = 0; i < s->pair_count; i++) {
		struct pair *p = &s->pair[i];
		bool is_odd =
			relay_form_is_odd(p->form) ||
			((!s->at || p->sender != s->at->sender) && relay_sender_is_odd(p->sender));

		if (p->is_done || (is_odd && s->odd >= ODD_MAX))
			continue;
		if (s->at && p->sender == s->at->sender)
			return p;
		if (!other)
			other = p;
	}
	return other;
}

static unsigned index_of(const struct pair *p)
{
	return RELAY_INDEX(p->form, p->sender);
}

static bool say_mail(struct relay_script *s, struct step *out, struct pair *p)
{
	char path[RELAY_PATH_MAX];

	s->at = p;
	s->odd += relay_sender_is_odd(p->sender);
	snprintf(s->command, sizeof(s->command), "MAIL FROM:%s",
		 relay_sender(p->sender, &s->room.names, path));
	return say(s, out, WHAT_RELAY_MAIL, index_of(p), s->command);
}

static bool say_rcpt(struct relay_script *s, struct step *out, struct pair *p)
{
	char path[RELAY_PATH_MAX];

	s->at = p;
	p->is_done = true;
	s->odd += p->is_odd;
	snprintf(s->command, sizeof(s->command), "RCPT TO:%s",
		 relay_form(p->form, &s->room.names, path));
	return say(s, out, WHAT_RELAY_RCPT, index_of(p), s->command);
}

static bool begin(struct relay_script *s, struct step *out)
{
	struct pair *p = pick(s);

	return p ? say_mail(s, out, p) : quit(s, out);
}

/* Nobody else from this sender now: it was refused. */
static bool after_mail_refused(struct relay_script *s, struct step *out)
{
	s->refusals++;
	for (unsigned i = 0; i < s->pair_count; i++)
		s->pair[i].is_done |= s->pair[i].sender == s->at->sender;
	s->at = NULL;
	return begin(s, out);
}

static bool after_rcpt(struct relay_script *s, const struct exchange *last, struct step *out)
{
	bool is_accepted = last->response.kind == RESPONSE_POSITIVE;
	const struct pair *before = s->at;
	struct pair *p;

	s->refusals += !is_accepted;
	if (s->errand != ERRAND_ASK)
		return is_accepted ? say(s, out, WHAT_RELAY_DATA, index_of(before), "DATA")
				   : quit(s, out);
	/* An open relay is looked at first: the rest may be pointless. */
	p = is_accepted && before->form == RELAY_PLAIN ? NULL : pick(s);
	if (!p)
		return quit(s, out);
	if (p->sender == before->sender)
		return say_rcpt(s, out, p);
	return say(s, out, WHAT_RSET, 0, "RSET");
}

static bool say_message(struct relay_script *s, const struct visit_log *log, struct step *out)
{
	char path[RELAY_PATH_MAX], date[64], helo[SCRIPT_HELO_MAX];
	time_t now = time(NULL);
	struct tm tm;
	int length;

	/* The C locale's names, as RFC 5322, 3.3 wants them. */
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	relay_sender(s->at->sender, &s->room.names, path);
	length =
		snprintf(s->message, sizeof(s->message),
			 "X-Postern-Audit: %s%s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n"
			 "From: %s\r\nTo: <%s>\r\nSubject: relay test\r\n"
			 "Auto-Submitted: auto-generated\r\n\r\n"
			 "An audit of the mail server %s, ordered by who runs it, sent this\r\n"
			 "to see whether that server relays for strangers. It does.\r\n\r\n"
			 "%s%s\r\n.\r\n",
			 COLLECTOR_MARK, s->token, date, s->token, script_helo(s->facts, log, helo),
			 strcmp(path, "<>") ? path : "<postmaster@localhost>", s->send_to,
			 s->room.literal, COLLECTOR_MARK, s->token);
	if (length < 0 || (size_t)length >= sizeof(s->message))
		return false;
	*out = (struct step){.kind = STEP_RAW,
			     .what = WHAT_RELAY_SENT,
			     .index = index_of(s->at),
			     .text = s->message,
			     .length = (size_t)length};
	return true;
}

static bool after_data(struct relay_script *s, const struct visit_log *log,
		       const struct exchange *last, struct step *out)
{
	if (last->response.kind != RESPONSE_MORE)
		return quit(s, out);
	if (s->errand == ERRAND_SEND)
		return say_message(s, log, out);
	s->is_over = true;
	*out = (struct step){.kind = STEP_CUT};
	return true;
}

static bool say_hello(struct relay_script *s, const struct visit_log *log, struct step *out,
		      const char *verb, enum what what)
{
	char helo[SCRIPT_HELO_MAX];

	snprintf(s->command, sizeof(s->command), "%s %s", verb, script_helo(s->facts, log, helo));
	return say(s, out, what, 0, s->command);
}

static bool after_ehlo(struct relay_script *s, const struct visit_log *log,
		       const struct exchange *last, struct step *out)
{
	if (last->response.kind == RESPONSE_POSITIVE) {
		if (!s->wants_tls || last->in_tls)
			return begin(s, out);
		*out = (struct step){.kind = STEP_TLS, .what = WHAT_STARTTLS, .text = "STARTTLS"};
		return true;
	}
	if (last->what != WHAT_EHLO)
		return quit(s, out);
	return say_hello(s, log, out, "HELO", WHAT_HELO);
}

bool relay_script_next(struct relay_script *s, const struct visit_log *log,
		       const struct exchange *last, struct step *out)
{
	bool is_positive = last && last->response.kind == RESPONSE_POSITIVE;

	if (s->is_over || (last && last->response.kind == RESPONSE_NONE))
		return false;
	if (!last) {
		*out = (struct step){.kind = STEP_READ, .what = WHAT_GREETING};
		return true;
	}
	switch (last->what) {
	case WHAT_GREETING:
		return is_positive ? say_hello(s, log, out, "EHLO", WHAT_EHLO) : quit(s, out);
	case WHAT_STARTTLS:
		return is_positive ? say_hello(s, log, out, "EHLO", WHAT_TLS_EHLO) : quit(s, out);
	case WHAT_EHLO:
	case WHAT_TLS_EHLO:
	case WHAT_HELO:
		return after_ehlo(s, log, last, out);
	case WHAT_RSET:
		s->at = NULL;
		return begin(s, out);
	case WHAT_RELAY_MAIL:
		return is_positive ? say_rcpt(s, out, s->at) : after_mail_refused(s, out);
	case WHAT_RELAY_RCPT:
		return after_rcpt(s, last, out);
	case WHAT_RELAY_DATA:
		return after_data(s, log, last, out);
	case WHAT_RELAY_SENT:
		/* No goodbye: the visit must have ended before the message can be back, or nobody knows its token. */
		return false;
	default:
		return quit(s, out);
	}
}

void relay_script_free(struct relay_script *s)
{
	free(s);
}
