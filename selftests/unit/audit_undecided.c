/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that look like a verdict and are none: what everybody gets at postmaster, what a server says of a domain that it does not host,
 * what a port says of one user alone.
 */
#include "unit/audit_rig.h"

#define LINES_MAX 10

/* ---- lies, and to whom they are told ---- */

TEST(what_postmaster_gets_says_nothing_of_others)
{
	static const struct {
		const char *sentence, *recipient;
		enum audit_status status;
	} rows[] = {
		{"a user", "RCPT TO:<inbox@example.org>", AUDIT_WARN},
		{"postmaster", "RCPT TO:<postmaster@example.org>", AUDIT_INCONCLUSIVE},
		{"abuse, in capitals", "RCPT TO:<Abuse@example.org>", AUDIT_INCONCLUSIVE},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		const struct rig_line lines[LINES_MAX] = {
			{WHAT_HELO_FORGED, 0, "HELO mx.example.org", "250 mx"},
			{WHAT_RCPT_AFTER_FORGED, 0, rows[i].recipient, "250 Ok"},
			{WHAT_MAIL_NO_DOMAIN, 0, "MAIL FROM:<a@b.invalid>", "250 Ok"},
			{WHAT_RCPT_AFTER_NO_DOMAIN, 0, rows[i].recipient, "250 Ok"},
			{WHAT_MAIL_SPOOFED, 0, "MAIL FROM:<a@example.org>", "250 Ok"},
			{WHAT_RCPT_AFTER_SPOOFED, 0, rows[i].recipient, "250 Ok"},
		};
		const struct {
			const char *check, *id;
		} asked[] = {{"helo", "helo.forged"},
			     {"sender", "sender.domain"},
			     {"spf", "spf.enforced"}};
		struct rig r;

		rig_open(&r);
		rig_talk(rig_visit(&r, PURPOSE_SENDERS, PROTOCOL_SMTP, 25), lines, LINES_MAX);
		for (size_t k = 0; k < RIG_COUNT(asked); k++) {
			rig_check(&r, asked[k].check);
			for (unsigned n = 0; n < r.found.count; n++)
				if (strcmp(r.found.row[n]->id, asked[k].id) == 0)
					EXPECT(r.found.row[n]->status == rows[i].status,
					       "%s: %s: %s", rows[i].sentence, asked[k].id,
					       r.found.row[n]->text);
		}
		rig_close(&r);
	}
}

/* ---- domains that are hosted elsewhere ---- */

TEST(a_domain_that_is_not_hosted_there_proves_nothing)
{
	static const struct {
		const char *sentence;
		bool is_given, is_mx;
		const char *postmaster, *abuse, *unknown, *roles, *backscatter, *aliases;
	} rows[] = {
		{"guessed, and refused as foreign", false, false, "550 Invalid recipient",
		 "550 Invalid recipient", "550 Invalid recipient",
		 "roles.postmaster inconclusive, roles.abuse inconclusive",
		 "backscatter inconclusive", "aliases inconclusive"},
		{"guessed, and Exim does not route it", false, false, "550 Unrouteable address",
		 "550 Unrouteable address", "550 Unrouteable address",
		 "roles.postmaster inconclusive, roles.abuse inconclusive",
		 "backscatter inconclusive", "aliases inconclusive"},
		{"guessed, and hosted: nobody is postmaster", false, false,
		 "550 5.1.1 User unknown", "550 5.1.1 User unknown", "550 5.1.1 User unknown",
		 "roles.postmaster fail low, roles.abuse fail low", "backscatter inconclusive",
		 "aliases pass"},
		{"guessed, and hosted: abuse is there", false, false, "550 Invalid recipient",
		 "250 Ok", "550 Invalid recipient", "roles.postmaster fail low, roles.abuse pass",
		 "backscatter inconclusive", "aliases pass"},
		{"given, of a host that is no MX of it", true, false, "554 5.7.1 Relay denied",
		 "554 5.7.1 Relay denied", "554 5.7.1 Relay denied",
		 "roles.postmaster inconclusive, roles.abuse inconclusive",
		 "backscatter inconclusive", "aliases inconclusive"},
		{"given, of an MX of it: it must take its mail", true, true,
		 "554 5.7.1 Relay denied", "554 5.7.1 Relay denied", "554 5.7.1 Relay denied",
		 "roles.postmaster fail low, roles.abuse fail low", "backscatter inconclusive",
		 "aliases pass"},
		{"given, and hosted: abuse is missing", true, false, "250 Ok",
		 "550 Invalid recipient", "550 Invalid recipient",
		 "roles.postmaster pass, roles.abuse fail low", "backscatter pass", "aliases pass"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		const struct rig_line lines[LINES_MAX] = {
			{WHAT_RCPT_POSTMASTER, 0, "RCPT TO:<postmaster@x>", rows[i].postmaster},
			{WHAT_RCPT_ABUSE, 0, "RCPT TO:<abuse@x>", rows[i].abuse},
			{WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<zq@x>", rows[i].unknown},
			{WHAT_RCPT_ALIAS, 0, "RCPT TO:<staff@x>", rows[i].unknown},
		};
		struct rig r;

		rig_open(&r);
		r.host.is_mx = rows[i].is_mx;
		if (rows[i].is_given)
			snprintf(r.request.domain, sizeof(r.request.domain), "example.org");
		r.request.aliases.count = 1;
		snprintf(r.request.aliases.word[0], sizeof(r.request.aliases.word[0]), "staff");
		rig_talk(rig_visit(&r, PURPOSE_RECIPIENTS, PROTOCOL_SMTP, 25), lines, LINES_MAX);
		rig_expect(&r, "roles", rows[i].sentence, rows[i].roles);
		rig_expect(&r, "backscatter", rows[i].sentence, rows[i].backscatter);
		rig_expect(&r, "aliases", rows[i].sentence, rows[i].aliases);
		rig_close(&r);
	}
}

/* ---- submission ports ---- */

TEST(only_a_refusal_that_asks_for_a_login_shuts_a_port)
{
	static const struct {
		const char *sentence, *mail, *rcpt, *elsewhere, *verdict;
	} rows[] = {
		{"MAIL asks for it", "530 5.7.0 Authentication required", NULL, NULL,
		 "auth-required pass"},
		{"MAIL is refused to everybody", "550 5.7.1 No", NULL, NULL, "auth-required pass"},
		{"MAIL, by its sender", "553 5.1.8 Sender address rejected: Domain not found", NULL,
		 NULL, "auth-required inconclusive"},
		{"MAIL, before TLS", "530 5.7.0 Must issue a STARTTLS command first", NULL, NULL,
		 "auth-required inconclusive"},
		{"RCPT asks for it", "250 Ok", "550 authenticate first", "550 authenticate first",
		 "auth-required pass"},
		{"OpenSMTPD", "250 Ok", "530 5.5.1 Invalid command: Must run AUTH before any other",
		 NULL, "auth-required pass"},
		{"Postfix, permit_sasl_authenticated, reject", "250 Ok",
		 "554 5.7.1 <a@b>: Recipient address rejected: Access denied",
		 "554 5.7.1 <a@b>: Recipient address rejected: Access denied",
		 "auth-required pass"},
		{"it does not know the user", "250 Ok", "550 Invalid recipient",
		 "550 Invalid recipient", "auth-required inconclusive"},
		{"it does not relay", "250 Ok", "550 5.1.1 User unknown",
		 "554 5.7.1 Relay access denied", "auth-required inconclusive"},
		{"it takes mail for its own", "250 Ok", "250 Ok", "554 5.7.1 Relay access denied",
		 "auth-required fail high"},
		{"it relays", "250 Ok", "550 Invalid recipient", "250 Ok",
		 "auth-required fail high"},
		{"it greylists", "250 Ok", "450 4.2.0 Greylisted", "450 4.2.0 Greylisted",
		 "auth-required inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct rig r;
		struct visit_log *v;

		rig_open(&r);
		v = rig_visit(&r, PURPOSE_SUBMISSION, PROTOCOL_SMTP, 587);
		rig_say(v, WHAT_GREETING, 0, NULL, "220 mx");
		rig_say(v, WHAT_MAIL_BEFORE_AUTH, 0, "MAIL FROM:<a@b>", rows[i].mail);
		if (rows[i].rcpt)
			rig_say(v, WHAT_RCPT_BEFORE_AUTH, 0, "RCPT TO:<inbox@c>", rows[i].rcpt);
		if (rows[i].elsewhere)
			rig_say(v, WHAT_RCPT_FOREIGN_BEFORE_AUTH, 0, "RCPT TO:<zq@d>",
				rows[i].elsewhere);
		rig_expect(&r, "auth-required", rows[i].sentence, rows[i].verdict);
		rig_close(&r);
	}
}
