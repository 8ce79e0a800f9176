/* SPDX-License-Identifier: BSD-2-Clause */
/* What the checks make of encryption and passwords: certificates, versions, injection, POP3, IMAP, submission. */
#include "unit/audit_rig.h"

#define LINES_MAX 10

/* ---- TLS ---- */

static void secure(struct visit_log *v)
{
	v->has_tls = true;
	v->tls = (struct tls_facts){.version = TLS_1_3,
				    .has_certificate = true,
				    .is_trusted = true,
				    .has_name = true,
				    .not_before_s = 1790000000,
				    .not_after_s = 1830000000,
				    .key_bits = 2048};
}

static struct visit_log *starttls_visit(struct rig *r, enum purpose purpose, uint16_t port)
{
	struct visit_log *v = rig_visit(r, purpose, PROTOCOL_SMTP, port);

	rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
	rig_say(v, WHAT_EHLO, 0, "EHLO a", "250-mx.example.org\n250 STARTTLS");
	rig_say(v, WHAT_STARTTLS, 0, "STARTTLS", "220 2.0.0 Ready to start TLS");
	secure(v);
	return v;
}

static void name_is_other(struct visit_log *v)
{
	v->tls.has_name = false;
}

static void is_over(struct visit_log *v)
{
	v->tls.not_after_s = 1799999999;
}

static void is_early(struct visit_log *v)
{
	v->tls.not_before_s = 1800000001;
}

static void is_nearly_over(struct visit_log *v)
{
	v->tls.not_after_s = 1800086400;
}

static void is_self_signed(struct visit_log *v)
{
	v->tls.is_self_signed = true;
	v->tls.is_trusted = false;
}

static void is_old(struct visit_log *v)
{
	v->tls.version = TLS_1_1;
}

static void has_weak_cipher(struct visit_log *v)
{
	v->tls.is_weak_cipher = true;
}

static void has_weak_key(struct visit_log *v)
{
	v->tls.is_weak_key = true;
}

static void fails(struct visit_log *v)
{
	v->has_tls = false;
	v->end = VISIT_TLS_FAILED;
}

static void is_well(struct visit_log *v)
{
	(void)v;
}

TEST(certificates_are_judged_by_who_reads_them)
{
	static const struct {
		const char *sentence;
		void (*change)(struct visit_log *v);
		uint16_t port;
		const char *verdict;
	} cases[] = {
		{"all is well", is_well, 25, "starttls pass"},
		{"another name, between servers", name_is_other, 25, "starttls.name warn low"},
		{"another name, for users", name_is_other, 587, "starttls.name warn medium"},
		{"it is over", is_over, 25, "starttls.expired fail medium"},
		{"it has not begun", is_early, 25, "starttls.early fail medium"},
		{"it ends tomorrow", is_nearly_over, 25, "starttls.soon warn low"},
		{"it vouches for itself", is_self_signed, 25, "starttls.self-signed warn low"},
		{"nothing newer than 1.1", is_old, 25, "starttls.version fail medium"},
		{"a broken cipher", has_weak_cipher, 25, "starttls.cipher warn medium"},
		{"a weak key", has_weak_key, 25, "starttls.key warn low"},
		{"the handshake fails", fails, 25, "starttls.handshake fail medium"},
	};

	for (size_t i = 0; i < RIG_COUNT(cases); i++) {
		enum purpose purpose = cases[i].port == 25 ? PURPOSE_STARTTLS : PURPOSE_SUBMISSION;
		struct rig r;

		rig_open(&r);
		cases[i].change(starttls_visit(&r, purpose, cases[i].port));
		rig_expect(&r, "starttls", cases[i].sentence, cases[i].verdict);
		rig_close(&r);
	}
}

TEST(encryption_that_is_not_offered_fails)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = rig_visit(&r, PURPOSE_STARTTLS, PROTOCOL_SMTP, 25);
	rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
	rig_say(v, WHAT_EHLO, 0, "EHLO a", "250-mx.example.org\n250 HELP");
	v = rig_visit(&r, PURPOSE_POP3, PROTOCOL_POP3, 110);
	rig_say(v, WHAT_GREETING, 0, NULL, "+OK ready");
	rig_say(v, WHAT_CAPA, 0, "CAPA", "+OK\nUIDL\n.");
	v = rig_visit(&r, PURPOSE_IMAP, PROTOCOL_IMAP, 143);
	rig_say(v, WHAT_GREETING, 0, NULL, "* OK ready");
	rig_say(v, WHAT_CAPA, 0, "a1 CAPABILITY", "* CAPABILITY IMAP4rev1\na1 OK done");
	rig_expect(&r, "starttls", "none of three",
		   "starttls.offered fail medium, starttls.offered fail medium, "
		   "starttls.offered fail medium");
	EXPECT(r.found.row[1]->port == 110 && r.found.row[2]->port == 143, "each at its port");
	v->end = VISIT_TIMEOUT;
	rig_check(&r, "starttls");
	EXPECT(r.found.row[2]->status == AUDIT_INCONCLUSIVE, "a visit cut short proves nothing");
	rig_close(&r);
}

TEST(a_refused_name_is_no_lack_of_encryption)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = rig_visit(&r, PURPOSE_STARTTLS, PROTOCOL_SMTP, 25);
	rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
	rig_say(v, WHAT_EHLO, 0, "EHLO vm", "550 5.7.1 That is not your name");
	rig_expect(&r, "starttls", "EHLO is refused", "starttls inconclusive");
	rig_say(v, WHAT_HELO, 0, "HELO vm", "250 mx.example.org");
	rig_expect(&r, "starttls", "HELO is not", "starttls.offered fail medium");
	rig_close(&r);
}

TEST(one_certificate_is_judged_once_for_users)
{
	struct rig r;

	rig_open(&r);
	name_is_other(starttls_visit(&r, PURPOSE_SUBMISSION, 587));
	name_is_other(starttls_visit(&r, PURPOSE_SUBMISSION, 465));
	name_is_other(starttls_visit(&r, PURPOSE_STARTTLS, 25));
	rig_check(&r, "starttls");
	EXPECT(r.found.count == 3 && r.found.row[0]->status == AUDIT_WARN &&
		       r.found.row[1]->status == AUDIT_PASS &&
		       r.found.row[2]->severity == SEVERITY_LOW,
	       "%u", r.found.count);
	rig_close(&r);
}

TEST(old_versions_are_found)
{
	struct rig r;

	rig_open(&r);
	starttls_visit(&r, PURPOSE_STARTTLS, 25);
	is_old(starttls_visit(&r, PURPOSE_TLS_1_1, 25));
	rig_expect(&r, "starttls", "1.1 is taken", "starttls pass, starttls.old warn low");
	EXPECT(strncmp(r.found.row[1]->evidence[0], "TLS 1.1", 7) == 0, "what was agreed on");
	rig_close(&r);
	rig_open(&r);
	starttls_visit(&r, PURPOSE_STARTTLS, 25);
	fails(starttls_visit(&r, PURPOSE_TLS_1_0, 25));
	rig_expect(&r, "starttls", "1.0 is not", "starttls pass");
	rig_close(&r);
	rig_open(&r);
	is_old(starttls_visit(&r, PURPOSE_STARTTLS, 25));
	rig_check(&r, "starttls");
	EXPECT(strncmp(r.found.row[0]->evidence[0], "TLS 1.1", 7) == 0,
	       "not the certificate is what is wrong");
	rig_close(&r);
}

TEST(injection_is_obeyed_or_not)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	starttls_visit(&r, PURPOSE_STARTTLS, 25);
	v = starttls_visit(&r, PURPOSE_INJECTION, 25);
	rig_say(v, WHAT_TLS_EHLO, 0, "EHLO a", "250-mx.example.org\n250 HELP");
	rig_expect(&r, "starttls", "thrown away", "starttls pass, starttls.injection pass");
	rig_say(v, WHAT_INJECTED, 0, NULL, "250-mx.example.org\n250 HELP");
	rig_expect(&r, "starttls", "one answer too many",
		   "starttls pass, starttls.injection fail high");
	v->count--;
	response_free(&v->exchange[v->count].response);
	v->discarded = 8;
	rig_expect(&r, "starttls", "answered in the clear",
		   "starttls pass, starttls.injection fail high");
	v->discarded = 0;
	v->has_tls = false;
	v->end = VISIT_CLOSED;
	rig_expect(&r, "starttls", "closed for it", "starttls pass, starttls.injection pass");
	v->end = VISIT_TIMEOUT;
	rig_expect(&r, "starttls", "silence", "starttls pass, starttls.injection inconclusive");
	rig_close(&r);
}

/* ---- passwords of POP3 and IMAP, submission ---- */

TEST(passwords_go_in_clear_or_not)
{
	static const struct {
		const char *sentence;
		enum protocol protocol;
		struct rig_line line[LINES_MAX];
		const char *verdict;
	} cases[] = {
		{"USER is taken",
		 PROTOCOL_POP3,
		 {{WHAT_CAPA, 0, "CAPA", "+OK\nUSER\n."}, {WHAT_POP_USER, 0, "USER x", "+OK"}},
		 "auth-tls fail high"},
		{"USER is refused",
		 PROTOCOL_POP3,
		 {{WHAT_CAPA, 0, "CAPA", "+OK\nSTLS\nSASL\n."},
		  {WHAT_POP_USER, 0, "USER x",
		   "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) "
		   "connections."}},
		 "auth-tls pass"},
		{"USER is offered, and was not tried",
		 PROTOCOL_POP3,
		 {{WHAT_CAPA, 0, "CAPA", "+OK\nUSER\nSTLS\n."}},
		 "auth-tls fail high"},
		{"SASL PLAIN is offered",
		 PROTOCOL_POP3,
		 {{WHAT_CAPA, 0, "CAPA", "+OK\nSASL PLAIN LOGIN\n."}},
		 "auth-tls fail high"},
		{"no CAPA, no USER",
		 PROTOCOL_POP3,
		 {{WHAT_GREETING, 0, NULL, "+OK"}, {WHAT_CAPA, 0, "CAPA", "-ERR what"}},
		 "auth-tls inconclusive"},
		{"LOGINDISABLED",
		 PROTOCOL_IMAP,
		 {{WHAT_CAPA, 0, "a1 CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\na1 OK"}},
		 "auth-tls pass"},
		{"the password was looked at",
		 PROTOCOL_IMAP,
		 {{WHAT_CAPA, 0, "a1 CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\na1 OK"},
		  {WHAT_IMAP_LOGIN, 0, "a3 LOGIN x y",
		   "a3 NO [AUTHENTICATIONFAILED] Authentication failed."}},
		 "auth-tls fail high"},
		{"and here it was not",
		 PROTOCOL_IMAP,
		 {{WHAT_CAPA, 0, "a1 CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\na1 OK"},
		  {WHAT_IMAP_LOGIN, 0, "a3 LOGIN x y",
		   "a3 NO [PRIVACYREQUIRED] Plaintext authentication disallowed"}},
		 "auth-tls pass"},
		{"AUTH=PLAIN in clear",
		 PROTOCOL_IMAP,
		 {{WHAT_CAPA, 0, "a1 CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\na1 OK"}},
		 "auth-tls fail high"},
		{"no LOGINDISABLED",
		 PROTOCOL_IMAP,
		 {{WHAT_CAPA, 0, "a1 CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\na1 OK"}},
		 "auth-tls fail high"},
		{"inside TLS all is well",
		 PROTOCOL_SMTP,
		 {{WHAT_EHLO, 0, "EHLO a", "250 mx"}},
		 "auth-tls inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(cases); i++) {
		enum protocol p = cases[i].protocol;
		struct visit_log *v;
		struct rig r;

		rig_open(&r);
		v = rig_visit(&r,
			      p == PROTOCOL_POP3   ? PURPOSE_POP3
			      : p == PROTOCOL_IMAP ? PURPOSE_IMAP
						   : PURPOSE_SUBMISSION,
			      p,
			      p == PROTOCOL_POP3   ? 110
			      : p == PROTOCOL_IMAP ? 143
						   : 465);
		v->implicit_tls = p == PROTOCOL_SMTP;
		rig_talk(v, cases[i].line, LINES_MAX);
		rig_expect(&r, "auth-tls", cases[i].sentence, cases[i].verdict);
		rig_close(&r);
	}
}

TEST(submission_wants_a_password)
{
	static const struct {
		const char *sentence, *mail, *rcpt, *verdict;
		enum visit_end end;
	} cases[] = {
		{"refused at MAIL", "530 5.7.0 Authentication required", NULL, "auth-required pass",
		 VISIT_DONE},
		{"refused at RCPT", "250 Ok", "554 5.7.1 Access denied", "auth-required pass",
		 VISIT_DONE},
		{"taken", "250 Ok", "250 Ok", "auth-required fail high", VISIT_DONE},
		{"MAIL alone", "250 Ok", NULL, "auth-required inconclusive", VISIT_DONE},
		{"put off", "450 later", NULL, "auth-required inconclusive", VISIT_DONE},
		{"closed", NULL, NULL, "auth-required not applicable", VISIT_REFUSED},
		{"it hangs", NULL, NULL, "auth-required inconclusive", VISIT_TIMEOUT},
	};

	for (size_t i = 0; i < RIG_COUNT(cases); i++) {
		struct visit_log *v;
		struct rig r;

		rig_open(&r);
		v = rig_visit(&r, PURPOSE_SUBMISSION, PROTOCOL_SMTP, 587);
		v->end = cases[i].end;
		if (cases[i].mail) {
			rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
			rig_say(v, WHAT_MAIL_BEFORE_AUTH, 0, "MAIL FROM:<a@b>", cases[i].mail);
			if (cases[i].rcpt)
				rig_say(v, WHAT_RCPT_BEFORE_AUTH, 0, "RCPT TO:<a@b>",
					cases[i].rcpt);
		}
		rig_expect(&r, "auth-required", cases[i].sentence, cases[i].verdict);
		rig_close(&r);
	}
}

TEST(a_visit_made_again_is_judged_once)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = rig_visit(&r, PURPOSE_SUBMISSION, PROTOCOL_SMTP, 587);
	v->end = VISIT_TURNED_AWAY;
	rig_say(v, WHAT_GREETING, 0, NULL, "421 too many");
	v = rig_visit(&r, PURPOSE_SUBMISSION, PROTOCOL_SMTP, 587);
	rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP");
	rig_say(v, WHAT_MAIL_BEFORE_AUTH, 0, "MAIL FROM:<a@b>", "530 5.7.0 no");
	rig_expect(&r, "auth-required", "the second", "auth-required pass");
	rig_close(&r);
}
