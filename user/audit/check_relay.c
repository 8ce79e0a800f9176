/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the relay matrix says. An insider is relayed for by every mail server, so what is open to an inside vantage is no finding
 * against it; what is closed to an insider is closed to all.
 */
#include "audit/look.h"

#include <string.h>

#include "audit/relay.h"
#include "base/json.h"

#define WAYS_MAX    4 /* forms that got through, as evidence */
#define REASONS_MAX 12
#define LINE_MAX    200

struct reason {
	const char *why;
	unsigned count;
};

struct tally {
	unsigned recipients, forms, senders;
	struct reason reason[REASONS_MAX];
	unsigned reasons;
};

static void tally_reason(struct tally *t, const char *why)
{
	unsigned i = 0;

	while (i < t->reasons && strcmp(t->reason[i].why, why) != 0)
		i++;
	if (i == REASONS_MAX)
		return;
	t->reason[i].why = why;
	t->reason[i].count++;
	t->reasons += i == t->reasons;
}

static void tally_take(const struct relay_matrix *m, struct tally *t)
{
	bool has_sender[RELAY_SENDERS_MAX] = {0};

	*t = (struct tally){0};
	for (unsigned f = 0; f < relay_form_count; f++) {
		bool has_form = false;

		for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++) {
			const struct relay_cell *c = &m->cell[f][s];
			const char *why = "no answer";

			if (!c->is_asked)
				continue;
			if (c->rcpt)
				relay_judge_why(&c->rcpt->response, &why);
			tally_reason(t, why);
			t->recipients++;
			has_form = has_sender[s] = true;
		}
		t->forms += has_form;
	}
	for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
		t->senders += has_sender[s];
}

/* Who was asked about; the second one where a server has refused the first for itself. */
static const char *foreign_of(const struct seen_address *a, const struct relay_matrix *m)
{
	return a->foreign[1][0] && m->domains ? a->foreign[1] : a->foreign[0];
}

static void prove_tally(struct finding *f, const struct seen_address *a,
			const struct relay_matrix *m, const struct tally *t)
{
	char line[LINE_MAX];

	if (a->foreign[0][0])
		finding_prove(f, "the foreign domain: %s", foreign_of(a, m));
	finding_prove(
		f,
		"recipients asked about: %u (%u of %u forms, %u of %u senders, in %u connections)",
		t->recipients, t->forms, relay_form_count, t->senders, relay_sender_count,
		m->visits);
	for (unsigned i = 0; i < t->reasons; i++)
		finding_prove(f, "answers: %u %s", t->reason[i].count, t->reason[i].why);
	/* Senders refused at MAIL had nothing asked about. */
	if (m->mail_refused)
		finding_prove(f, "refused at MAIL: %s: %s",
			      relay_sender_name(RELAY_SENDER(m->mail_refused->index)),
			      response_format(&m->mail_refused->response, line, sizeof(line)));
}

static void prove_way(struct finding *f, const struct relay_matrix *m, unsigned form,
		      unsigned sender)
{
	const struct relay_cell *c = &m->cell[form][sender];

	finding_prove(f, "recipient: %s; sender: %s", relay_form_name(form),
		      relay_sender_name(sender));
	if (c->visit)
		finding_prove_exchange(
			f, visit_find_index(c->visit, WHAT_RELAY_MAIL, RELAY_INDEX(form, sender)));
	finding_prove_exchange(f, c->rcpt);
	finding_prove_exchange(f, c->data);
	if (c->sent && c->sent->response.kind != RESPONSE_NONE) {
		char line[LINE_MAX];

		finding_prove(f, "> (a message to a mailbox of our own)");
		finding_prove(f, "< %s", response_format(&c->sent->response, line, sizeof(line)));
	}
	if (c->is_returned)
		finding_prove(f, "the message came back to our collector");
	else if (c->is_taken && !c->sent)
		finding_prove(f, "(we hung up in front of the message: nothing was sent)");
}

/* The worst first, then others that were accepted. */
static void prove_ways(struct finding *f, const struct relay_matrix *m, unsigned worst)
{
	unsigned ways = 1;

	prove_way(f, m, RELAY_FORM(worst), RELAY_SENDER(worst));
	for (unsigned form = 0; form < relay_form_count; form++)
		for (unsigned s = 0; s < RELAY_SENDERS_MAX; s++)
			if (m->cell[form][s].word == RELAY_ACCEPTED && ways < WAYS_MAX &&
			    RELAY_INDEX(form, s) != worst) {
				prove_way(f, m, form, s);
				ways++;
			}
}

/* ---- one finding for each rung ---- */

static struct finding *add(const struct look *l, const struct seen_address *a,
			   enum audit_status status, enum ladder ladder)
{
	struct finding *f = LOOK_ADD(l, NULL, status, a);

	f->port = PORT_SMTP;
	f->ladder = ladder;
	return f;
}

static bool is_insider(const struct seen_address *a)
{
	return a->vantage == VANTAGE_LOOPBACK || a->vantage == VANTAGE_OWN ||
	       a->vantage == VANTAGE_INSIDE;
}

static const char *how_far(enum ladder l)
{
	switch (l) {
	case LADDER_CONFIRMED:
		return "delivered a message to";
	case LADDER_ACCEPTS:
		return "accepts a message for";
	default:
		return "accepts (at RCPT)";
	}
}

static void say_open(const struct look *l, const struct seen_address *a,
		     const struct relay_matrix *m, enum ladder ladder, unsigned worst)
{
	bool is_proof = !is_insider(a);
	enum audit_status status = AUDIT_FAIL;
	struct finding *f;
	struct tally t;

	/* The host itself is let through nearly everywhere; a neighbour often, and by mistake at times. */
	if (!is_proof)
		status = a->vantage == VANTAGE_INSIDE ? AUDIT_WARN : AUDIT_INCONCLUSIVE;
	f = add(l, a, status, ladder);
	if (status == AUDIT_FAIL && ladder == LADDER_SUSPECT)
		f->severity = SEVERITY_HIGH;
	finding_say(f, "%s %s a stranger elsewhere (recipient: %s; sender: %s)%s%s",
		    is_proof ? "an open relay: it" : "it", how_far(ladder),
		    relay_form_name(RELAY_FORM(worst)), relay_sender_name(RELAY_SENDER(worst)),
		    is_proof ? "" : "; but we were no stranger to it: seen from inside (",
		    is_proof ? "" : vantage_name(a->vantage));
	if (!is_proof) {
		size_t length = strlen(f->text);

		snprintf(f->text + length, sizeof(f->text) - length,
			 "), which proves nothing; audit it from elsewhere");
	}
	prove_ways(f, m, worst);
	tally_take(m, &t);
	prove_tally(f, a, m, &t);
	finding_fix(f, a->fingerprint.kind);
}

static void say_closed(const struct look *l, const struct seen_address *a,
		       const struct relay_matrix *m, const struct exchange *worst)
{
	struct finding *f = add(l, a, AUDIT_PASS, LADDER_CLOSED);
	const char *why = "refused";
	struct tally t;

	if (worst)
		relay_judge_why(&worst->response, &why);
	tally_take(m, &t);
	if (t.recipients)
		finding_say(f, "no relay: all %u forms are refused from %u senders (%s)", t.forms,
			    t.senders, why);
	else
		finding_say(f, "no relay: no sender is heard without logging in (%s)", why);
	finding_prove_exchange(f, worst);
	prove_tally(f, a, m, &t);
}

/* What was in the way, the most telling first. */
static void inconclusive_say(struct finding *f, const struct relay_matrix *m,
			     const struct exchange *worst)
{
	const char *why = "no answer";
	char line[LINE_MAX];
	bool is_accepted = worst && worst->what == WHAT_RELAY_RCPT &&
			   relay_judge_why(&worst->response, &why) == RELAY_ACCEPTED;

	if (is_accepted) {
		unsigned form = RELAY_FORM(worst->index), sender = RELAY_SENDER(worst->index);

		if (relay_matrix_local(m, form, sender) == RELAY_LOCAL_NO) {
			finding_say(
				f,
				"%s is accepted from %s, but that is taken back at DATA, or more "
				"answers come than were asked for: it proves nothing",
				relay_form_name(form), relay_sender_name(sender));
			return;
		}
		finding_say(f, "%s is accepted from %s, and %s: it may be a mailbox of its own",
			    relay_form_name(form), relay_sender_name(sender),
			    relay_matrix_local(m, form, sender) == RELAY_LOCAL_MAYBE
				    ? "so is any name in that domain (a catch-all)"
				    : "whether any name in that domain is was not answered");
		return;
	}
	if (worst && worst->what == WHAT_RELAY_MAIL)
		finding_say(f, "no sender was heard: %s",
			    response_format(&worst->response, line, sizeof(line)));
	else if (worst && relay_judge_why(&worst->response, &why) != RELAY_DENIED)
		finding_say(f, "refused for another reason than relaying (%s): %s%s", why,
			    response_format(&worst->response, line, sizeof(line)),
			    relay_judge(&worst->response) == RELAY_DOMAIN_WORD
				    ? "; name a domain of your own: --foreign"
				    : "");
	else
		finding_say(f, "the matrix was cut short%s%s",
			    m->last && m->last->why[0] ? ": " : "", m->last ? m->last->why : "");
}

static void say_inconclusive(const struct look *l, const struct seen_address *a,
			     const struct relay_matrix *m, const struct exchange *worst)
{
	struct finding *f = add(l, a, AUDIT_INCONCLUSIVE, LADDER_INCONCLUSIVE);
	struct tally t;

	inconclusive_say(f, m, worst);
	finding_prove_exchange(f, worst);
	tally_take(m, &t);
	prove_tally(f, a, m, &t);
	if (m->last && m->last->end != VISIT_DONE)
		finding_prove(f, "the last connection: %s: %s", visit_end_name(m->last->end),
			      m->last->why);
}

static void say_skipped(const struct look *l, const struct seen_address *a)
{
	const char *domain = l->request->domain[0] ? l->request->domain
			     : a->host		   ? a->host->name
						   : "";
	struct finding *f = add(l, a, AUDIT_SKIPPED, LADDER_NONE);

	finding_say(f,
		    "not tried without leave: --own, if the server is yours, or publish "
		    "_postern-audit%s%s TXT \"ok\"",
		    domain[0] ? "." : "", domain);
}

CHECK_ADDRESS(check_relay)
{
	static struct relay_matrix m;
	const struct exchange *worst;
	enum ladder ladder;

	if (!a->may_intrude) {
		say_skipped(l, a);
		return;
	}
	relay_matrix_take(a, &m);
	if (!m.visits) {
		if (look_answers(l, a))
			look_missing(l, NULL, a, PURPOSE_RELAY);
		return;
	}
	ladder = relay_ladder(a, &worst);
	if (ladder >= LADDER_SUSPECT && worst)
		say_open(l, a, &m, ladder, worst->index);
	else if (ladder == LADDER_CLOSED)
		say_closed(l, a, &m, worst);
	else
		say_inconclusive(l, a, &m, worst);
}
