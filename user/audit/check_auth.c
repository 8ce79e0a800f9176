/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passwords: never asked for before TLS (RFC 8314, 3; RFC 4954, 4), and asked for where mail is submitted (RFC 6409, 4.3). What is only
 * offered counts too: a client that is told so sends its password.
 */
#include <stdio.h>
#include <string.h>

#include "audit/look.h"
#include "audit/relay.h"

#define MECHANISMS_MAX 256

/* ---- before TLS: SMTP ---- */

/* As a word of its own. */
static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; (at = strcasestr(at, word)); at += n)
		if ((at == words || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

static const struct exchange *find_clear(const struct visit_log *v, enum what what)
{
	for (unsigned i = 0; !v->implicit_tls && i < v->count; i++)
		if (v->exchange[i].what == what && !v->exchange[i].in_tls &&
		    look_answered(&v->exchange[i]))
			return &v->exchange[i];
	return NULL;
}

/* Of the visits to this port, the first that has it. */
static const struct exchange *find_clear_at(const struct seen_address *a, uint16_t port,
					    enum what what)
{
	const struct exchange *x = NULL;

	for (const struct visit_log *v = a->visits; v && !x; v = v->next)
		if (v->port == port)
			x = find_clear(v, what);
	return x;
}

static void smtp_judge(const struct look *l, const struct seen_address *a, uint16_t port)
{
	const struct exchange *ehlo = find_clear_at(a, port, WHAT_EHLO);
	const struct exchange *asked = find_clear_at(a, port, WHAT_AUTH_PLAIN_EARLY);
	char text[MECHANISMS_MAX];
	const char *mechanisms;
	struct finding *f;

	if (!ehlo)
		return;
	mechanisms = response_keyword(&ehlo->response, "AUTH", text, sizeof(text));
	if (look_is(asked, RESPONSE_MORE) || look_is(asked, RESPONSE_POSITIVE)) {
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, asked, ehlo),
			    "SMTP takes a password in clear text");
	} else if (mechanisms && (has_word(mechanisms, "PLAIN") || has_word(mechanisms, "LOGIN"))) {
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, ehlo, asked),
			    "SMTP offers to take a password in clear text: AUTH %s", mechanisms);
	} else if (mechanisms) {
		f = look_add(l, NULL, AUDIT_WARN, a, ehlo, asked);
		f->severity = SEVERITY_LOW;
		finding_say(f,
			    "SMTP offers AUTH before TLS; no password goes in clear text by %s, "
			    "but whoever listens may guess it",
			    mechanisms[0] ? mechanisms : "that");
	} else {
		finding_say(look_add(l, NULL, AUDIT_PASS, a, ehlo, asked),
			    "SMTP offers no AUTH before TLS");
	}
}

/* ---- before TLS: POP3 and IMAP ---- */

/* RFC 2449, 6.3: CAPA lists USER where it is taken. */
static void pop_judge(const struct look *l, const struct seen_address *a, const struct visit_log *v)
{
	const struct exchange *user = find_clear(v, WHAT_POP_USER);
	const struct exchange *capa = find_clear(v, WHAT_CAPA);
	char text[MECHANISMS_MAX];
	const char *sasl = look_is(capa, RESPONSE_POSITIVE)
				   ? response_keyword(&capa->response, "SASL", text, sizeof(text))
				   : NULL;
	bool is_offered = sasl && (has_word(sasl, "PLAIN") || has_word(sasl, "LOGIN"));

	if (look_is(user, RESPONSE_POSITIVE))
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, user, NULL),
			    "POP3 takes a password in clear text");
	else if (is_offered || (!user && look_is(capa, RESPONSE_POSITIVE) &&
				response_keyword(&capa->response, "USER", text, sizeof(text))))
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, capa, user),
			    "POP3 offers to take a password in clear text");
	else if (user || look_is(capa, RESPONSE_POSITIVE))
		finding_say(look_add(l, NULL, AUDIT_PASS, a, capa, user),
			    "POP3 takes no password before TLS");
	else
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, &v->exchange[0], NULL),
			    "POP3 says nothing of passwords: %s", visit_end_name(v->end));
}

/* RFC 9051, 7.1: PRIVACYREQUIRED; BAD is a LOGIN that was not even looked at. */
static bool is_refused_unseen(const struct response *r)
{
	return response_says(r, "[PRIVACYREQUIRED]") || response_says(r, "disallowed") ||
	       response_says(r, "TLS") || response_says(r, "disabled") || response_says(r, " BAD ");
}

/* The capabilities, from CAPABILITY or the greeting's own list. */
static bool imap_says(const struct exchange *capa, const struct exchange *greeting,
		      const char *word)
{
	const struct exchange *x = look_is(capa, RESPONSE_POSITIVE) ? capa : greeting;

	return look_answered(x) && response_says(&x->response, word);
}

static void imap_judge(const struct look *l, const struct seen_address *a,
		       const struct visit_log *v)
{
	const struct exchange *login = find_clear(v, WHAT_IMAP_LOGIN);
	const struct exchange *capa = find_clear(v, WHAT_CAPA);
	const struct exchange *greeting = find_clear(v, WHAT_GREETING);
	bool is_disabled = imap_says(capa, greeting, "LOGINDISABLED");

	if (imap_says(capa, greeting, "AUTH=PLAIN") || imap_says(capa, greeting, "AUTH=LOGIN"))
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, capa ? capa : greeting, login),
			    "IMAP offers to take a password in clear text");
	else if (login && !is_refused_unseen(&login->response) && !is_disabled)
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, login, NULL),
			    "IMAP takes a password in clear text");
	else if (is_disabled || login)
		finding_say(look_add(l, NULL, AUDIT_PASS, a, capa ? capa : greeting, login),
			    "IMAP takes no password before TLS");
	else if (look_is(capa, RESPONSE_POSITIVE))
		/* RFC 9051, 6.2.3: LOGIN is there unless LOGINDISABLED says otherwise. */
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, capa, NULL),
			    "IMAP offers to take a password in clear text: no LOGINDISABLED");
	else
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, &v->exchange[0], NULL),
			    "IMAP says nothing of passwords: %s", visit_end_name(v->end));
}

CHECK_ADDRESS(check_auth_tls)
{
	unsigned from = l->out->count;

	smtp_judge(l, a, PORT_SMTP);
	smtp_judge(l, a, PORT_SUBMISSION);
	for (const struct visit_log *v = a->visits; v; v = v->next) {
		if (v->implicit_tls || !v->count || !look_answered(&v->exchange[0]) ||
		    !look_is_chosen(a, v))
			continue;
		if (v->purpose == PURPOSE_POP3)
			pop_judge(l, a, v);
		else if (v->purpose == PURPOSE_IMAP)
			imap_judge(l, a, v);
	}
	if (l->out->count == from && look_answers(l, a))
		look_missing(l, NULL, a, PURPOSE_HELLO);
}

/* ---- on submission ports ---- */

/* A refusal of the sender (RFC 3463, 3.2: X.1.X), or of who has not begun TLS: with another sender, inside TLS, it might be taken. */
static bool is_about_else(const struct response *r)
{
	enum relay_word word = relay_judge(r);

	return (r->has_enhanced && r->enhanced[1] == 1) || response_says(r, "STARTTLS") ||
	       word == RELAY_SENDER_WORD || word == RELAY_DOMAIN_WORD;
}

/*
 * Refused at MAIL is refused to everybody. At RCPT only a refusal that asks for a login says so: who does not know the user, or does not
 * relay for strangers, might take mail for others.
 */
static bool is_shut_to_strangers(const struct exchange *mail, const struct exchange *rcpt,
				 const struct exchange *elsewhere)
{
	if (look_is(mail, RESPONSE_NEGATIVE))
		return look_is_auth_word(&mail->response) || !is_about_else(&mail->response);
	return (look_answered(rcpt) && look_is_auth_word(&rcpt->response)) ||
	       (look_answered(elsewhere) && look_is_auth_word(&elsewhere->response));
}

static void undecided_say(const struct look *l, const struct seen_address *a,
			  const struct visit_log *v, const struct exchange *mail,
			  const struct exchange *rcpt)
{
	const struct exchange *last = look_answered(rcpt) ? rcpt : mail;
	struct finding *f = look_add(l, NULL, AUDIT_INCONCLUSIVE, a, mail, rcpt);

	if (look_is_helo_word(&last->response))
		finding_say(f, LOOK_HELO_REFUSED);
	else if (last->response.kind == RESPONSE_TRANSIENT)
		finding_say(f, "port %u puts off who has not authenticated", v->port);
	else if (last->response.kind == RESPONSE_POSITIVE)
		finding_say(f,
			    "port %u takes a sender without a password, but no recipient could be "
			    "named, at whom it might be refused",
			    v->port);
	else
		finding_say(f, "port %u refuses who has not authenticated, but for another reason",
			    v->port);
}

static void submission_judge(const struct look *l, const struct seen_address *a,
			     const struct visit_log *v)
{
	const struct exchange *mail = visit_find(v, WHAT_MAIL_BEFORE_AUTH);
	const struct exchange *rcpt = visit_find(v, WHAT_RCPT_BEFORE_AUTH);
	const struct exchange *elsewhere = visit_find(v, WHAT_RCPT_FOREIGN_BEFORE_AUTH);
	struct finding *f;

	if (!look_answered(mail)) {
		if (a->may_intrude) {
			look_missing_at(l, NULL, a, v);
			return;
		}
		f = LOOK_ADD(l, NULL, AUDIT_SKIPPED, a);
		f->port = v->port;
		finding_say(f, "whether port %u wants a password needs consent: --own", v->port);
	} else if (look_is(elsewhere, RESPONSE_POSITIVE)) {
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, mail, elsewhere),
			    "anybody sends by port %u without a password, to strangers too",
			    v->port);
	} else if (look_is(rcpt, RESPONSE_POSITIVE)) {
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, mail, rcpt),
			    "anybody sends by port %u without a password", v->port);
	} else if (is_shut_to_strangers(mail, rcpt, elsewhere)) {
		finding_say(look_add(l, NULL, AUDIT_PASS, a, mail,
				     look_answered(rcpt) ? rcpt : elsewhere),
			    "nobody sends by port %u without a password", v->port);
	} else {
		undecided_say(l, a, v, mail, rcpt);
	}
}

static bool is_shut(const struct visit_log *v)
{
	return v->end == VISIT_REFUSED || v->end == VISIT_SILENT;
}

/* "587 (the connection was refused), 465 (...)" */
static void shut_say(const struct look *l, const struct seen_address *a, enum audit_status status)
{
	struct finding *f = LOOK_ADD(l, NULL, status, a);
	const char *between = " ";

	finding_say(f, "no submission port answered from here:");
	for (const struct visit_log *v = a->visits; v; v = v->next) {
		size_t length = strlen(f->text);

		if (v->purpose != PURPOSE_SUBMISSION || !look_is_chosen(a, v))
			continue;
		snprintf(f->text + length, sizeof(f->text) - length, "%s%u (%s)", between, v->port,
			 v->why[0] ? v->why : visit_end_name(v->end));
		between = ", ";
	}
}

/* Of two ports one is enough: that the other one is closed is worth no word. */
CHECK_ADDRESS(check_auth_required)
{
	bool is_any = false, is_answered = false, is_decided = true;

	for (const struct visit_log *v = a->visits; v; v = v->next) {
		if (v->purpose != PURPOSE_SUBMISSION || !look_is_chosen(a, v))
			continue;
		is_any = true;
		if (v->count && look_answered(&v->exchange[0])) {
			is_answered = true;
			submission_judge(l, a, v);
		} else if (!is_shut(v)) {
			is_decided = false;
		}
	}
	if (!is_any)
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, a),
			    "no submission port was looked at");
	else if (!is_answered)
		shut_say(l, a, is_decided ? AUDIT_NOT_APPLICABLE : AUDIT_INCONCLUSIVE);
}
