/* SPDX-License-Identifier: BSD-2-Clause */
/* What the checks of what was said on the wire have in common. */
#include "audit/look.h"

#include <stdio.h>
#include <string.h>

#include "audit/relay.h"

/* RFC 4954, 6 */
#define CODE_AUTH_REQUIRED 530
#define CODE_AUTH_FAILED   535

static void why_ended(const struct visit_log *v, char why[static LOOK_WHY_MAX])
{
	if (!v)
		snprintf(why, LOOK_WHY_MAX,
			 "it was not asked, for the time was over or the server had enough");
	else if (v->end == VISIT_DONE)
		snprintf(why, LOOK_WHY_MAX, "it was not said at that visit");
	else if (v->why[0] && !v->has_local)
		snprintf(why, LOOK_WHY_MAX, "%s", v->why); /* not connected: that says it all */
	else if (v->why[0])
		snprintf(why, LOOK_WHY_MAX, "%s: %s", visit_end_name(v->end), v->why);
	else
		snprintf(why, LOOK_WHY_MAX, "%s", visit_end_name(v->end));
}

bool look_answers(const struct look *l, const struct seen_address *a)
{
	char why[LOOK_WHY_MAX];
	struct finding *f;

	if (a->is_answering)
		return true;
	why_ended(seen_visit(a, PURPOSE_HELLO), why);
	f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, a);
	f->port = PORT_SMTP;
	finding_say(f, "it did not answer on port 25: %s", why);
	return false;
}

bool look_may_intrude(const struct look *l, const struct seen_address *a)
{
	if (a->may_intrude)
		return true;
	finding_say(LOOK_ADD(l, NULL, AUDIT_SKIPPED, a),
		    "it needs consent: --own, or _postern-audit TXT \"ok\" in the domain%s%s",
		    a->consent[0] ? "; " : "", a->consent);
	return false;
}

bool look_may(const struct look *l, const struct seen_address *a)
{
	return look_answers(l, a) && look_may_intrude(l, a);
}

bool look_answered(const struct exchange *x)
{
	return x && response_is_whole(&x->response);
}

bool look_is(const struct exchange *x, enum response_kind kind)
{
	return look_answered(x) && x->response.kind == kind;
}

const struct exchange *look_find(const struct seen_address *a, enum purpose purpose, enum what what,
				 unsigned index)
{
	for (const struct visit_log *v = a->visits; v; v = v->next)
		for (unsigned i = 0; v->purpose == purpose && i < v->count; i++)
			if (v->exchange[i].what == what && look_answered(&v->exchange[i]) &&
			    (index == LOOK_ANY_INDEX || v->exchange[i].index == index))
				return &v->exchange[i];
	return NULL;
}

const struct visit_log *look_visit(const struct seen_address *a, const struct exchange *x)
{
	for (const struct visit_log *v = a->visits; x && v; v = v->next)
		for (unsigned i = 0; i < v->count; i++)
			if (&v->exchange[i] == x)
				return v;
	return NULL;
}

enum server_kind look_server(const struct seen_address *a, enum protocol protocol)
{
	struct fingerprint f;

	if (protocol == PROTOCOL_SMTP)
		return a->fingerprint.kind;
	fingerprint_take(a->visits, protocol, a->host ? a->host->name : "", &f);
	return f.kind;
}

struct finding *look_add(const struct look *l, const char *part, enum audit_status status,
			 const struct seen_address *a, const struct exchange *x,
			 const struct exchange *y)
{
	struct finding *f = LOOK_ADD(l, part, status, a);
	const struct visit_log *v = look_visit(a, x ? x : y);

	f->port = v ? v->port : PORT_SMTP;
	finding_prove_exchange(f, x);
	finding_prove_exchange(f, y);
	if (status == AUDIT_FAIL || status == AUDIT_WARN)
		finding_fix(f, look_server(a, v ? v->protocol : PROTOCOL_SMTP));
	return f;
}

void look_missing_at(const struct look *l, const char *part, const struct seen_address *a,
		     const struct visit_log *v)
{
	const struct visit_log *first = seen_visit(a, PURPOSE_HELLO);
	struct finding *f = LOOK_ADD(l, part, AUDIT_INCONCLUSIVE, a);
	char why[LOOK_WHY_MAX];

	/* After a first visit that came to nothing no others are made. */
	if (!v && first && first->end != VISIT_DONE)
		v = first;
	why_ended(v, why);
	f->port = v ? v->port : PORT_SMTP;
	finding_say(f, "there is no answer that would tell: %s", why);
	/* What was said last shows how far it went. */
	if (v && v->count)
		finding_prove_exchange(f, &v->exchange[v->count - 1]);
}

void look_missing(const struct look *l, const char *part, const struct seen_address *a,
		  enum purpose purpose)
{
	look_missing_at(l, part, a, seen_visit(a, purpose));
}

static bool is_better(const struct visit_log *v, const struct visit_log *than)
{
	if (!than || (v->end == VISIT_DONE) != (than->end == VISIT_DONE))
		return !than || v->end == VISIT_DONE;
	return v->count > than->count;
}

bool look_is_chosen(const struct seen_address *a, const struct visit_log *v)
{
	const struct visit_log *best = NULL;

	for (const struct visit_log *w = a->visits; w; w = w->next)
		if (w->purpose == v->purpose && w->port == v->port && is_better(w, best))
			best = w;
	return best == v;
}

const struct exchange *look_ordinary(const struct seen_address *a)
{
	return look_find(a, PURPOSE_SENDERS, WHAT_RCPT_AFTER_NULL, LOOK_ANY_INDEX);
}

bool look_is_for_all(const struct seen_address *a, const struct exchange *x)
{
	const struct exchange *control = look_ordinary(a);

	return control && control->response.kind != RESPONSE_POSITIVE &&
	       look_is_same(&control->response, &x->response);
}

bool look_is_relay_word(const struct response *r)
{
	return response_says(r, "relay");
}

static bool is_taken(const struct seen_address *a, enum what what)
{
	return look_is(look_find(a, PURPOSE_RECIPIENTS, what, LOOK_ANY_INDEX), RESPONSE_POSITIVE);
}

bool look_is_elsewhere(const struct look *l, const struct seen_address *a)
{
	const struct exchange *x =
		look_find(a, PURPOSE_RECIPIENTS, WHAT_RCPT_POSTMASTER, LOOK_ANY_INDEX);
	const char *why;
	enum relay_word word;

	if (!look_is(x, RESPONSE_NEGATIVE) || is_taken(a, WHAT_RCPT_ABUSE) ||
	    is_taken(a, WHAT_RCPT_UNKNOWN))
		return false;
	word = relay_judge_why(&x->response, &why);
	if (!l->request->domain[0] && !l->request->mailbox[0])
		return word != RELAY_UNKNOWN || strcmp(why, RELAY_WHY_UNKNOWN) != 0;
	/* An MX of the domain must take its mail. OpenSMTPD has the same words for a domain as for a user. */
	return !(a->host && a->host->is_mx) && (look_is_relay_word(&x->response) ||
						response_says(&x->response, "invalid recipient"));
}

bool look_is_role(const struct exchange *x)
{
	return x && x->sent &&
	       (strcasestr(x->sent, "<postmaster@") || strcasestr(x->sent, "<abuse@"));
}

/* RFC 4954, 6: 530 5.7.0, 535 5.7.8, 538 5.7.11; RFC 3463, 3.8: 5.7.1 is a policy, whose words tell which. */
bool look_is_auth_word(const struct response *r)
{
	if (r->kind != RESPONSE_NEGATIVE || response_says(r, "STARTTLS"))
		return false;
	return r->code == CODE_AUTH_REQUIRED || r->code == CODE_AUTH_FAILED ||
	       (r->has_enhanced && r->enhanced[1] == 7 && r->enhanced[2] == 0) ||
	       response_says(r, "authent") || response_says(r, "smtp auth") ||
	       response_says(r, "run auth") || response_says(r, "log in") ||
	       response_says(r, "logged in") ||
	       (response_says(r, "access denied") && !look_is_relay_word(r));
}

bool look_is_helo_word(const struct response *r)
{
	return r->kind != RESPONSE_POSITIVE &&
	       (response_says(r, "helo") || response_says(r, "ehlo"));
}

bool look_is_same(const struct response *a, const struct response *b)
{
	return a->code == b->code && a->has_enhanced == b->has_enhanced &&
	       (!a->has_enhanced || memcmp(a->enhanced, b->enhanced, sizeof(a->enhanced)) == 0);
}
