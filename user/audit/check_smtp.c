/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What strangers may ask and say: who exists (VRFY, EXPN), who they claim to be (HELO, MAIL), in which order, how long, how much. The checks
 * of recipients are in check_recipients.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/look.h"

#define VALUE_MAX 64

#define CODE_CANNOT_VERIFY 252

/* ---- VRFY and EXPN (RFC 5321, 3.5) ---- */

static bool is_transient(const struct exchange *x)
{
	return look_is(x, RESPONSE_TRANSIENT);
}

/* 250, 251: a user, and where. 252 tells nothing (RFC 5321, 3.5.3). */
static bool is_told(const struct exchange *x)
{
	return look_is(x, RESPONSE_POSITIVE) && x->response.code != CODE_CANNOT_VERIFY;
}

CHECK_ADDRESS(check_vrfy)
{
	const struct exchange *nobody, *somebody;

	if (!look_may(l, a))
		return;
	nobody = look_find(a, PURPOSE_HELLO, WHAT_VRFY_RANDOM, LOOK_ANY_INDEX);
	somebody = look_find(a, PURPOSE_HELLO, WHAT_VRFY_POSTMASTER, LOOK_ANY_INDEX);
	if (!nobody || !somebody) {
		look_missing(l, NULL, a, PURPOSE_HELLO);
		return;
	}
	if (look_is_helo_word(&nobody->response) || look_is_helo_word(&somebody->response))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, nobody, somebody),
			    LOOK_HELO_REFUSED);
	else if (is_transient(nobody) || is_transient(somebody))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, nobody, somebody),
			    "VRFY is put off for now");
	else if (is_told(nobody) && is_told(somebody))
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, nobody, somebody), "VRFY is answered");
	else if (is_told(nobody) || is_told(somebody) ||
		 !look_is_same(&nobody->response, &somebody->response))
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, nobody, somebody),
			    "VRFY tells who exists: a user whom nobody has gets another answer "
			    "than postmaster");
	else
		finding_say(look_add(l, NULL, AUDIT_PASS, a, nobody, somebody),
			    "VRFY says the same of a user who exists and of one who does not");
}

CHECK_ADDRESS(check_expn)
{
	const struct exchange *x;

	if (!look_may(l, a))
		return;
	x = look_find(a, PURPOSE_HELLO, WHAT_EXPN, LOOK_ANY_INDEX);
	if (!x)
		look_missing(l, NULL, a, PURPOSE_HELLO);
	else if (look_is_helo_word(&x->response))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, x, NULL), LOOK_HELO_REFUSED);
	else if (is_transient(x))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, x, NULL),
			    "EXPN is put off for now");
	else if (is_told(x))
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, x, NULL),
			    "EXPN tells who stands behind an address");
	else
		finding_say(look_add(l, NULL, AUDIT_PASS, a, x, NULL), "EXPN tells nothing");
}

/* ---- HELO, MAIL ---- */

/* Said at once, or at the recipient: servers may wait with what they think of a client (Postfix: smtpd_delay_reject). */
struct lie {
	const char *part, *what; /* "helo.forged", "the server's own name in HELO" */
	const struct exchange *said, *recipient;
	bool by_our_name;			      /* said after an honest HELO */
	enum audit_status taken;		      /* what it is when it is taken */
	bool (*is_refusal)(const struct response *r); /* of 4xx; NULL: never */
};

static void lie_judge(const struct look *l, const struct seen_address *a, const struct lie *lie)
{
	const struct exchange *last = lie->recipient ? lie->recipient : lie->said;
	const struct exchange *before = lie->recipient ? lie->said : NULL;

	if (!last) {
		look_missing(l, lie->part, a, PURPOSE_SENDERS);
		return;
	}
	if (lie->by_our_name && look_is_helo_word(&last->response))
		finding_say(look_add(l, lie->part, AUDIT_INCONCLUSIVE, a, before, last),
			    LOOK_HELO_REFUSED);
	else if (last->response.kind == RESPONSE_POSITIVE && !lie->recipient)
		finding_say(look_add(l, lie->part, AUDIT_INCONCLUSIVE, a, before, last),
			    "%s is taken, but no recipient could be named, at whom it might be "
			    "refused",
			    lie->what);
	else if (last->response.kind == RESPONSE_POSITIVE && look_is_role(last))
		finding_say(look_add(l, lie->part, AUDIT_INCONCLUSIVE, a, before, last),
			    "%s is taken for postmaster, to whom some servers let everybody "
			    "write: name another mailbox by --mailbox",
			    lie->what);
	else if (last->response.kind == RESPONSE_POSITIVE)
		finding_say(look_add(l, lie->part, lie->taken, a, before, last), "%s is taken",
			    lie->what);
	else if (lie->recipient && look_is_for_all(a, last))
		finding_say(look_add(l, lie->part, AUDIT_INCONCLUSIVE, a, before, last),
			    "%s is not refused for itself: the recipient is refused to everybody",
			    lie->what);
	else if (last->response.kind == RESPONSE_NEGATIVE ||
		 (lie->is_refusal && lie->is_refusal(&last->response)))
		finding_say(look_add(l, lie->part, AUDIT_PASS, a, before, last), "%s is refused",
			    lie->what);
	else
		finding_say(look_add(l, lie->part, AUDIT_INCONCLUSIVE, a, before, last),
			    "%s is put off for now, as greylisting does it", lie->what);
}

/* Postfix: unknown_hostname_reject_code, 450 4.7.1. */
static bool is_about_helo(const struct response *r)
{
	return response_says(r, "helo");
}

CHECK_ADDRESS(check_helo)
{
	struct lie forged = {.part = "forged",
			     .what = "a client that gives the server's own name",
			     .taken = AUDIT_WARN,
			     .is_refusal = is_about_helo};
	struct lie bare = {.part = "address",
			   .what = "a client that gives a bare address for its name",
			   .taken = AUDIT_WARN,
			   .is_refusal = is_about_helo};

	if (!look_may(l, a))
		return;
	forged.said = look_find(a, PURPOSE_SENDERS, WHAT_HELO_FORGED, LOOK_ANY_INDEX);
	forged.recipient = look_find(a, PURPOSE_SENDERS, WHAT_RCPT_AFTER_FORGED, 0);
	lie_judge(l, a, &forged);
	bare.said = look_find(a, PURPOSE_SENDERS, WHAT_HELO_ADDRESS, LOOK_ANY_INDEX);
	bare.recipient = look_find(a, PURPOSE_SENDERS, WHAT_RCPT_AFTER_FORGED, 1);
	lie_judge(l, a, &bare);
}

/* RFC 3463, 3.2: X.1.8 is a bad sender's system address. Postfix says 450 for it (unknown_address_reject_code). */
static bool is_about_domain(const struct response *r)
{
	return (r->has_enhanced && r->enhanced[1] == 1 && r->enhanced[2] == 8) ||
	       response_says(r, "domain") || response_says(r, "sender verify");
}

static void order_judge(const struct look *l, const struct seen_address *a)
{
	const struct exchange *rcpt =
		look_find(a, PURPOSE_SENDERS, WHAT_RCPT_EARLY, LOOK_ANY_INDEX);
	const struct exchange *data =
		look_find(a, PURPOSE_SENDERS, WHAT_DATA_EARLY, LOOK_ANY_INDEX);

	if (look_is(rcpt, RESPONSE_POSITIVE))
		finding_say(look_add(l, "order", AUDIT_FAIL, a, rcpt, NULL),
			    "RCPT is taken before MAIL");
	else if (look_is(data, RESPONSE_POSITIVE) || look_is(data, RESPONSE_MORE))
		finding_say(look_add(l, "order", AUDIT_FAIL, a, data, NULL),
			    "DATA is taken before MAIL and RCPT");
	else if (!rcpt || !data)
		look_missing(l, "order", a, PURPOSE_SENDERS);
	else if (is_transient(rcpt) || is_transient(data))
		finding_say(look_add(l, "order", AUDIT_INCONCLUSIVE, a, rcpt, data),
			    "RCPT and DATA before MAIL are put off for now");
	else
		finding_say(look_add(l, "order", AUDIT_PASS, a, rcpt, data),
			    "RCPT and DATA before MAIL are refused");
}

CHECK_ADDRESS(check_sender)
{
	struct lie domain = {.part = "domain",
			     .what = "a sender whose domain does not exist",
			     .by_our_name = true,
			     .taken = AUDIT_WARN,
			     .is_refusal = is_about_domain};

	if (!look_may(l, a))
		return;
	domain.said = look_find(a, PURPOSE_SENDERS, WHAT_MAIL_NO_DOMAIN, LOOK_ANY_INDEX);
	domain.recipient = look_find(a, PURPOSE_SENDERS, WHAT_RCPT_AFTER_NO_DOMAIN, LOOK_ANY_INDEX);
	lie_judge(l, a, &domain);
	order_judge(l, a);
}

/*
 * The checklists want the empty sender to be a setting of its own, and some want it refused. RFC 5321, 4.5.5 and 6.1: bounces
 * and receipts come from it, and a server must take them.
 */
CHECK_ADDRESS(check_null_sender)
{
	const struct exchange *mail, *rcpt;

	if (!look_may(l, a))
		return;
	mail = look_find(a, PURPOSE_SENDERS, WHAT_MAIL_NULL, LOOK_ANY_INDEX);
	rcpt = look_ordinary(a);
	if (!mail)
		look_missing(l, NULL, a, PURPOSE_SENDERS);
	else if (look_is_helo_word(&mail->response) || (rcpt && look_is_helo_word(&rcpt->response)))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, mail, rcpt),
			    LOOK_HELO_REFUSED);
	else if (is_transient(mail) || is_transient(rcpt))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, mail, rcpt),
			    "the empty sender is put off for now, as greylisting does it");
	else if (mail->response.kind != RESPONSE_POSITIVE)
		finding_say(look_add(l, NULL, AUDIT_WARN, a, mail, NULL),
			    "the empty sender is refused: bounces of one's own mail are lost (RFC "
			    "5321, 4.5.5)");
	else if (look_is(rcpt, RESPONSE_NEGATIVE) && (response_says(&rcpt->response, "sender") ||
						      response_says(&rcpt->response, "bounce")))
		finding_say(look_add(l, NULL, AUDIT_WARN, a, mail, rcpt),
			    "the empty sender is refused at the recipient: bounces of one's own "
			    "mail are lost (RFC 5321, 4.5.5)");
	else
		finding_say(look_add(l, NULL, AUDIT_PASS, a, mail, rcpt),
			    "the empty sender is taken, as bounces need it (RFC 5321, 4.5.5); "
			    "checklists that want it refused are wrong in that");
}

/* ---- long lines (RFC 5321, 4.5.3.1.4: 512 octets with CR LF) ---- */

/* Refused short as well: then it was not the length. */
static bool is_undecided(const struct visit_log *v, const struct exchange *x)
{
	const struct exchange *control = visit_find(v, WHAT_LONG_SHORT);

	return look_answered(x) && look_answered(control) &&
	       control->response.kind != RESPONSE_POSITIVE;
}

/* Refused, or answered by closing. */
static bool is_cut_off(const struct visit_log *v, const struct exchange *x)
{
	if (look_answered(x))
		return x->response.kind == RESPONSE_NEGATIVE ||
		       x->response.kind == RESPONSE_TRANSIENT;
	return v->end == VISIT_CLOSED || v->end == VISIT_TURNED_AWAY;
}

CHECK_ADDRESS(check_long_line)
{
	const struct exchange *taken = NULL, *refused = NULL;
	unsigned taken_octets = 0, refused_octets = 0;

	if (!look_may(l, a))
		return;
	for (const struct visit_log *v = a->visits; v; v = v->next) {
		const struct exchange *x =
			v->purpose == PURPOSE_LONG_LINE ? visit_find(v, WHAT_LONG) : NULL;

		if (!x || is_undecided(v, x))
			continue;
		if (is_cut_off(v, x)) {
			if (!refused || x->index < refused_octets) {
				refused = x;
				refused_octets = x->index;
			}
		} else if (look_answered(x) && x->index > taken_octets) {
			taken = x;
			taken_octets = x->index;
		}
	}
	if (taken)
		finding_say(look_add(l, NULL, AUDIT_WARN, a, taken, NULL),
			    "a command line of %u octets is taken", taken_octets);
	else if (refused)
		finding_say(look_add(l, NULL, AUDIT_PASS, a, refused, NULL),
			    "a command line of %u octets is refused", refused_octets);
	else
		look_missing(l, NULL, a, PURPOSE_LONG_LINE);
}

/* ---- SIZE (RFC 1870) ---- */

#define SIZE_LEAST ((uint64_t)64 << 10) /* RFC 5321, 4.5.3.1.7: what must be taken */
#define SIZE_MOST  ((uint64_t)1 << 30)	/* a limit above this protects no disk */

static void size_over_judge(const struct look *l, const struct seen_address *a)
{
	const struct exchange *x = look_find(a, PURPOSE_SIZE, WHAT_MAIL_SIZE, LOOK_ANY_INDEX);

	if (!a->may_intrude)
		return;
	if (!x)
		look_missing(l, "over", a, PURPOSE_SIZE);
	else if (x->response.kind == RESPONSE_NEGATIVE)
		finding_say(look_add(l, "over", AUDIT_PASS, a, x, NULL),
			    "a message over the limit is refused before it is sent");
	else if (x->response.kind == RESPONSE_POSITIVE)
		finding_say(look_add(l, "over", AUDIT_WARN, a, x, NULL),
			    "a message over the limit that the server itself announces is not "
			    "refused before it is sent");
	else
		finding_say(look_add(l, "over", AUDIT_INCONCLUSIVE, a, x, NULL),
			    "a message over the limit is put off");
}

CHECK_ADDRESS(check_size)
{
	const struct exchange *ehlo;
	char text[VALUE_MAX], *end;
	const char *value;
	uint64_t size;

	if (!look_answers(l, a))
		return;
	ehlo = look_find(a, PURPOSE_HELLO, WHAT_EHLO, LOOK_ANY_INDEX);
	if (!look_is(ehlo, RESPONSE_POSITIVE)) {
		look_missing(l, NULL, a, PURPOSE_HELLO);
		return;
	}
	value = response_keyword(&ehlo->response, "SIZE", text, sizeof(text));
	if (!value) {
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, ehlo, NULL),
			    "no limit on the size of a message is announced");
		return;
	}
	errno = 0;
	size = strtoull(value, &end, 10);
	if (!*value || size == 0 || errno || *end) {
		/* RFC 1870, 3 */
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, ehlo, NULL),
			    "SIZE is announced, but without a limit");
		return;
	}
	if (size > SIZE_MOST)
		finding_say(look_add(l, NULL, AUDIT_WARN, a, ehlo, NULL),
			    "messages of %" PRIu64 " MiB are taken: that is hardly a limit",
			    size >> 20);
	else if (size < SIZE_LEAST)
		finding_say(look_add(l, NULL, AUDIT_WARN, a, ehlo, NULL),
			    "messages over %" PRIu64 " octets are refused, and 64 KiB must be "
			    "taken (RFC 5321, 4.5.3.1.7)",
			    size);
	else
		finding_say(look_add(l, NULL, AUDIT_PASS, a, ehlo, NULL),
			    "a message may have %" PRIu64 " KiB", size >> 10);
	size_over_judge(l, a);
}
