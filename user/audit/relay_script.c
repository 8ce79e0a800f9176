/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said at relay visits. Each visit asks what is still worth asking (relay_choose.c). Servers count errors: stock Postfix slows down at
 * 10 of them, stock Exim closes after three of syntax. So a visit ends before either.
 *
 * No message is sent. Of a form that was accepted a visit of its own asks for DATA and hangs up in front of the first byte of the message;
 * an unfinished message is thrown away (RFC 5321, 3.3: only the final dot makes the server responsible). Only with a mailbox of the
 * operator's own to send to does a message go there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/collector.h"
#include "audit/relay_inside.h"
#include "base/hash.h"

#define ROUNDS_MAX   48	 /* visits to one address; a closed server needs some 18 */
#define FAILURES_MAX 3	 /* visits that failed, one after the other: the server wants no more */
#define LATE_WAIT_MS 200 /* for an answer too many, beside two ways there and back */
#define LATE_MOST_MS 1000

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
	size_t length = strlen(mailbox);

	if (!script_is_mailbox(mailbox) || length >= sizeof(s->send_to))
		return false;
	memcpy(s->send_to, mailbox, length + 1);
	memcpy(s->send_local, mailbox, (size_t)(strrchr(mailbox, '@') - mailbox));
	return true;
}

/* Bound to server, form and sender, so that a token that comes back says which it was. */
static void token_make(struct relay_script *s, const struct script_facts *facts)
{
	const struct addr *addr = &facts->address->addr;
	uint64_t hash = hash_add(HASH_START, addr->byte, sizeof(addr->byte));

	snprintf(s->token, sizeof(s->token), "%s%03x%08x", facts->random,
		 RELAY_INDEX(s->pair[0].form, s->pair[0].sender), (uint32_t)(hash ^ hash >> 32));
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
	if (!relay_choose(s, m))
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
static struct relay_pair *pick(struct relay_script *s)
{
	struct relay_pair *other = NULL;

	if (s->refusals >= SCRIPT_REFUSED_MAX)
		return NULL;
	for (unsigned i = 0; i < s->pair_count; i++) {
		struct relay_pair *p = &s->pair[i];
		bool is_odd =
			relay_form_is_odd(p->form) ||
			((!s->at || p->sender != s->at->sender) && relay_sender_is_odd(p->sender));

		if (p->is_done || (is_odd && s->odd >= SCRIPT_SYNTAX_MAX))
			continue;
		if (s->at && p->sender == s->at->sender)
			return p;
		if (!other)
			other = p;
	}
	return other;
}

static unsigned index_of(const struct relay_pair *p)
{
	return RELAY_INDEX(p->form, p->sender);
}

static bool say_mail(struct relay_script *s, struct step *out, struct relay_pair *p)
{
	char path[RELAY_PATH_MAX];

	s->at = p;
	s->odd += relay_sender_is_odd(p->sender);
	snprintf(s->command, sizeof(s->command), "MAIL FROM:%s",
		 relay_sender(p->sender, &s->room.names, path));
	return say(s, out, WHAT_RELAY_MAIL, index_of(p), s->command);
}

static bool say_rcpt(struct relay_script *s, struct step *out, struct relay_pair *p)
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
	struct relay_pair *p = pick(s);

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

/*
 * A server that answers twice to an earlier command is one answer behind: what looks like an acceptance is of that command, and the refusal is on
 * its way. So before an acceptance is believed a moment is waited for it.
 */
static bool await_late(const struct relay_script *s, const struct visit_log *log, struct step *out)
{
	unsigned patience_ms = LATE_WAIT_MS, slowest_ms = 0;

	/* That to RCPT may have come before it was asked for; the greeting's is of courtesy. */
	for (unsigned i = 1; i < log->count; i++)
		if (log->exchange[i].latency_ms > slowest_ms)
			slowest_ms = log->exchange[i].latency_ms;
	patience_ms += slowest_ms < LATE_MOST_MS ? 2 * slowest_ms : LATE_MOST_MS;

	*out = (struct step){.kind = STEP_READ,
			     .what = WHAT_RELAY_LATE,
			     .index = index_of(s->at),
			     .patience_ms =
				     patience_ms < LATE_MOST_MS ? patience_ms : LATE_MOST_MS};
	return true;
}

static bool after_rcpt(struct relay_script *s, bool is_accepted, struct step *out)
{
	const struct relay_pair *before = s->at;
	struct relay_pair *p;

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

	if (s->is_over ||
	    (last && last->response.kind == RESPONSE_NONE && last->what != WHAT_RELAY_LATE))
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
		return is_positive ? await_late(s, log, out) : after_rcpt(s, false, out);
	case WHAT_RELAY_LATE:
		return after_rcpt(s, is_positive || last->response.kind == RESPONSE_NONE, out);
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
