/* SPDX-License-Identifier: BSD-2-Clause */
/* What was not answered, or not to its end, proves nothing: neither a pass nor a fault comes of it. */
#include "unit/audit_rig.h"

#define LINES_MAX 6

static void cut_off(struct visit_log *v)
{
	v->exchange[v->count - 1].response.oddities |= ODD_UNENDED;
}

TEST(a_banner_is_what_a_guest_sees)
{
	static const struct {
		const char *sentence, *greeting;
		enum visit_end end;
		bool is_cut;
		const char *verdict;
	} rows[] = {
		{"let in", "220 mx.example.org ESMTP", VISIT_DONE, false, "banner pass"},
		{"told to come again", "421 4.7.0 try again later", VISIT_TURNED_AWAY, false,
		 "banner inconclusive"},
		{"sent away", "554 5.7.1 no", VISIT_TURNED_AWAY, false, "banner inconclusive"},
		{"half a greeting", "220-mx.example.org", VISIT_TIMEOUT, true,
		 "banner inconclusive"},
		{"a line without end", "220 mx.aaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaa", VISIT_FLOODED,
		 true, "banner inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct visit_log *v;
		struct rig r;

		rig_open(&r);
		v = rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25);
		rig_say(v, WHAT_GREETING, 0, NULL, rows[i].greeting);
		v->end = rows[i].end;
		if (rows[i].is_cut)
			cut_off(v);
		rig_expect(&r, "banner", rows[i].sentence, rows[i].verdict);
		rig_close(&r);
	}
}

TEST(half_an_answer_is_none)
{
	static const struct {
		const char *sentence, *check;
		enum purpose purpose;
		struct rig_line line[LINES_MAX];
		const char *verdict;
	} rows[] = {
		{"a user who is refused, and more is to come",
		 "backscatter",
		 PURPOSE_RECIPIENTS,
		 {{WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<x@y>", "550-5.1.1 who"}},
		 "backscatter inconclusive"},
		{"a user who is taken, and more is to come",
		 "backscatter",
		 PURPOSE_RECIPIENTS,
		 {{WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<x@y>", "250-2.1.5 ok"}},
		 "backscatter inconclusive"},
		{"EXPN",
		 "expn",
		 PURPOSE_HELLO,
		 {{WHAT_EXPN, 0, "EXPN postmaster", "502-no"}},
		 "expn inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct visit_log *v;
		struct rig r;

		rig_open(&r);
		v = rig_visit(&r, rows[i].purpose, PROTOCOL_SMTP, 25);
		rig_talk(v, rows[i].line, LINES_MAX);
		cut_off(v);
		v->end = VISIT_TIMEOUT;
		rig_expect(&r, rows[i].check, rows[i].sentence, rows[i].verdict);
		EXPECT(seen_visit(&r.address, rows[i].purpose) == v, "it was made all the same");
		rig_close(&r);
	}
}

TEST(time_that_ran_out_refuses_no_encryption)
{
	static const struct {
		const char *sentence, *answer;
		enum visit_end end;
		const char *verdict;
	} rows[] = {
		{"go on, and the time was over", "220 2.0.0 go on", VISIT_TIMEOUT,
		 "starttls inconclusive"},
		{"not now", "454 4.7.0 TLS not available", VISIT_DONE,
		 "starttls.handshake fail medium"},
		{"no", "502 5.5.1 no", VISIT_DONE, "starttls.handshake fail medium"},
		{"silence", NULL, VISIT_TIMEOUT, "starttls inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct visit_log *v;
		struct rig r;

		rig_open(&r);
		v = rig_visit(&r, PURPOSE_STARTTLS, PROTOCOL_SMTP, 25);
		rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
		rig_say(v, WHAT_EHLO, 0, "EHLO a", "250-mx.example.org\n250 STARTTLS");
		rig_say(v, WHAT_STARTTLS, 0, "STARTTLS", rows[i].answer);
		v->end = rows[i].end;
		rig_expect(&r, "starttls", rows[i].sentence, rows[i].verdict);
		rig_close(&r);
	}
}

TEST(a_handshake_fails_at_its_own_port)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = rig_visit(&r, PURPOSE_POP3, PROTOCOL_POP3, 995);
	v->implicit_tls = true;
	v->end = VISIT_TLS_FAILED;
	snprintf(v->why, sizeof(v->why), "the TLS handshake failed");
	rig_expect(&r, "starttls", "995", "starttls.handshake fail medium");
	EXPECT(r.found.row[0]->port == 995, "%u", r.found.row[0]->port);
	rig_close(&r);
}

TEST(silent_ports_may_have_nobody_behind_them)
{
	struct rig r;

	rig_open(&r);
	r.address.is_answering = false;
	r.address.port[0] = (struct seen_port){3306, PORT_FILTERED};
	r.address.port[1] = (struct seen_port){445, PORT_FILTERED};
	r.address.port_count = 2;
	rig_expect(&r, "ports", "nobody", "ports inconclusive");
	r.address.port[1].state = PORT_CLOSED;
	rig_expect(&r, "ports", "somebody shuts a port", "ports pass");
	rig_close(&r);
}

/* ---- submission ---- */

static struct visit_log *submission(struct rig *r, uint16_t port, enum visit_end end)
{
	struct visit_log *v = rig_visit(r, PURPOSE_SUBMISSION, PROTOCOL_SMTP, port);

	v->end = end;
	return v;
}

TEST(one_submission_port_is_enough)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = submission(&r, 587, VISIT_DONE);
	rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
	rig_say(v, WHAT_MAIL_BEFORE_AUTH, 0, "MAIL FROM:<a@b>", "530 5.7.0 authenticate");
	submission(&r, 465, VISIT_REFUSED);
	rig_expect(&r, "auth-required", "465 is closed", "auth-required pass");
	rig_close(&r);

	rig_open(&r);
	submission(&r, 587, VISIT_REFUSED);
	submission(&r, 465, VISIT_SILENT);
	rig_expect(&r, "auth-required", "both are", "auth-required not applicable");
	EXPECT(strstr(r.found.row[0]->text, "587 (refused), 465 (silent)"), "%s",
	       r.found.row[0]->text);
	rig_close(&r);

	rig_open(&r);
	submission(&r, 587, VISIT_TIMEOUT);
	submission(&r, 465, VISIT_REFUSED);
	rig_expect(&r, "auth-required", "one hangs", "auth-required inconclusive");
	rig_close(&r);
}

TEST(a_refusal_for_another_reason_is_no_password)
{
	static const struct {
		const char *sentence, *answer, *verdict;
	} rows[] = {
		{"a password", "530 5.7.0 Authentication required", "auth-required pass"},
		{"nobody outside", "554 5.7.1 <x>: Client host rejected", "auth-required pass"},
		{"the sender's domain", "550 5.1.8 no such domain", "auth-required inconclusive"},
		{"encryption", "530 5.7.0 Must issue a STARTTLS command first",
		 "auth-required inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct visit_log *v;
		struct rig r;

		rig_open(&r);
		v = submission(&r, 587, VISIT_DONE);
		rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
		rig_say(v, WHAT_MAIL_BEFORE_AUTH, 0, "MAIL FROM:<a@b>", rows[i].answer);
		rig_expect(&r, "auth-required", rows[i].sentence, rows[i].verdict);
		rig_close(&r);
	}
}

/* An audit from afar can never decide what only a log knows: that must not keep it from being clean. */
TEST(what_only_a_log_knows_is_skipped)
{
	struct rig r;

	rig_open(&r);
	rig_say(rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25), WHAT_EHLO, 0, "EHLO a",
		"250-mx.example.org\n250 SIZE");
	rig_expect(&r, "source", "Postfix from afar", "source skipped");
	rig_close(&r);
}

/* Servers that refuse every recipient refuse forgeries too, and not for that. */
TEST(a_refusal_for_everybody_obeys_no_spf)
{
	static const struct {
		const char *sentence, *ordinary, *spoofed, *verdict;
	} rows[] = {
		{"the forgery alone", "250 2.1.5 Ok", "550 5.7.23 SPF fails", "spf.enforced pass"},
		{"each of them", "554 5.7.1 no", "554 5.7.1 no", "spf.enforced inconclusive"},
		{"relaying", NULL, "554 5.7.1 Relay access denied", "spf.enforced inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct visit_log *v;
		struct rig r;

		rig_open(&r);
		v = rig_visit(&r, PURPOSE_SENDERS, PROTOCOL_SMTP, 25);
		rig_say(v, WHAT_RCPT_AFTER_NULL, 0, "RCPT TO:<a@b>", rows[i].ordinary);
		rig_say(v, WHAT_MAIL_SPOOFED, 0, "MAIL FROM:<a@b>", "250 2.1.0 Ok");
		rig_say(v, WHAT_RCPT_AFTER_SPOOFED, 0, "RCPT TO:<a@b>", rows[i].spoofed);
		rig_expect(&r, "spf", rows[i].sentence, rows[i].verdict);
		rig_close(&r);
	}
}

TEST(tls_that_never_works_throws_nothing_away)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	for (unsigned purpose = PURPOSE_STARTTLS; purpose <= PURPOSE_INJECTION; purpose++) {
		v = rig_visit(&r, (enum purpose)purpose, PROTOCOL_SMTP, 25);
		rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
		rig_say(v, WHAT_STARTTLS, 0, "STARTTLS", "220 2.0.0 go on");
		v->end = VISIT_TLS_FAILED;
		snprintf(v->why, sizeof(v->why), "the TLS handshake failed");
	}
	rig_expect(&r, "starttls", "it closes", "starttls.handshake fail medium");
	rig_close(&r);
}

/* Why nothing was asked: the first visit says it. */
TEST(what_was_not_asked_has_the_reason_of_the_first_visit)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25);
	rig_say(v, WHAT_GREETING, 0, NULL, "421 4.3.2 busy");
	v->end = VISIT_TURNED_AWAY;
	v->has_local = true;
	snprintf(v->why, sizeof(v->why), "421 4.3.2 busy");
	for (unsigned i = 0; i < check_count; i++) {
		if (!checks[i].address)
			continue;
		rig_check(&r, checks[i].id);
		for (unsigned k = 0; k < r.found.count; k++) {
			const struct finding *f = r.found.row[k];

			EXPECT(f->status != AUDIT_PASS && f->status != AUDIT_FAIL, "%s: %s", f->id,
			       f->text);
			EXPECT(f->status != AUDIT_INCONCLUSIVE ||
				       strcmp(f->check->id, "limits") == 0 ||
				       strstr(f->text, "421 4.3.2 busy") ||
				       strcmp(f->check->id, "ports") == 0 ||
				       strcmp(f->check->id, "rdns") == 0,
			       "%s: %s", f->id, f->text);
		}
	}
	rig_close(&r);
}
