/* SPDX-License-Identifier: BSD-2-Clause */
/* What the checks of the wire make of dialogues: a sentence, what was said, and the verdict. */
#include "audit/fix.h"
#include "audit/fix_data.h"
#include "audit/patches.h"
#include "unit/audit_rig.h"

#define LINES_MAX 10

struct row {
	const char *sentence, *check;
	enum purpose purpose;
	struct rig_line line[LINES_MAX];
	const char *verdict;
};

static void expect_row(const struct row *row)
{
	struct rig r;

	rig_open(&r);
	rig_talk(rig_visit(&r, row->purpose, PROTOCOL_SMTP, 25), row->line, LINES_MAX);
	rig_expect(&r, row->check, row->sentence, row->verdict);
	rig_close(&r);
}

#define GREETING                                                                                   \
	{                                                                                          \
		WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"                                 \
	}
#define EHLO_SAYS(words)                                                                           \
	{                                                                                          \
		WHAT_EHLO, 0, "EHLO a", "250-mx.example.org\n250-PIPELINING\n" words               \
	}

/* clang-format off */
static const struct row rows[] = {
	/* VRFY */
	{"252 to both tells nothing", "vrfy", PURPOSE_HELLO,
	 {GREETING, {WHAT_VRFY_RANDOM, 0, "VRFY x", "252 2.0.0 x"}, {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "252 2.0.0 postmaster"}}, "vrfy pass"},
	{"502 to both", "vrfy", PURPOSE_HELLO,
	 {{WHAT_VRFY_RANDOM, 0, "VRFY x", "502 5.5.1 VRFY command is disabled"}, {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "502 5.5.1 VRFY command is disabled"}}, "vrfy pass"},
	{"550 to one and 252 to the other tells", "vrfy", PURPOSE_HELLO,
	 {{WHAT_VRFY_RANDOM, 0, "VRFY x", "550 5.1.1 <x>: Recipient address rejected"}, {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "252 2.0.0 postmaster"}}, "vrfy fail low"},
	{"250 tells", "vrfy", PURPOSE_HELLO,
	 {{WHAT_VRFY_RANDOM, 0, "VRFY x", "550 <x@example.net> Unrouteable address"}, {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "250 <postmaster@example.net> is deliverable"}}, "vrfy fail low"},
	{"250 to both is an answer too", "vrfy", PURPOSE_HELLO,
	 {{WHAT_VRFY_RANDOM, 0, "VRFY x", "250 x"}, {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "250 y"}}, "vrfy fail low"},
	{"450 decides nothing", "vrfy", PURPOSE_HELLO,
	 {{WHAT_VRFY_RANDOM, 0, "VRFY x", "450 4.7.1 later"}, {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "252 y"}}, "vrfy inconclusive"},
	{"one answer is none", "vrfy", PURPOSE_HELLO,
	 {GREETING, {WHAT_VRFY_RANDOM, 0, "VRFY x", "252 2.0.0 x"}, {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", NULL}}, "vrfy inconclusive"},
	/* EXPN */
	{"EXPN is refused", "expn", PURPOSE_HELLO, {{WHAT_EXPN, 0, "EXPN postmaster", "502 5.7.0 Sorry, we do not allow this operation"}}, "expn pass"},
	{"252 tells nothing", "expn", PURPOSE_HELLO, {{WHAT_EXPN, 0, "EXPN postmaster", "252 EXPN disabled"}}, "expn pass"},
	{"250 is a member", "expn", PURPOSE_HELLO, {{WHAT_EXPN, 0, "EXPN postmaster", "250 <inbox@example.net>"}}, "expn fail low"},
	{"421 decides nothing", "expn", PURPOSE_HELLO, {{WHAT_EXPN, 0, "EXPN postmaster", "421 too many"}}, "expn inconclusive"},
	{"no answer decides nothing", "expn", PURPOSE_HELLO, {GREETING}, "expn inconclusive"},
	/* HELP */
	{"HELP that names Sendmail", "help", PURPOSE_HELLO, {{WHAT_HELP, 0, "HELP", "214-2.0.0 This is sendmail version 8.14.4\n214 2.0.0 End"}}, "help fail low"},
	{"HELP that names Sendmail alone", "help", PURPOSE_HELLO, {{WHAT_HELP, 0, "HELP", "214-2.0.0 This is sendmail\n214 2.0.0 End"}}, "help fail info"},
	{"HELP that lists commands", "help", PURPOSE_HELLO, {{WHAT_HELP, 0, "HELP", "214-Commands supported:\n214 AUTH HELO EHLO"}}, "help pass"},
	{"HELP that is refused", "help", PURPOSE_HELLO, {{WHAT_HELP, 0, "HELP", "502 5.5.2 Error: command not recognized"}}, "help pass"},
	/* banner */
	{"a masked banner", "banner", PURPOSE_HELLO, {GREETING}, "banner pass"},
	{"masked, and recognised all the same", "banner", PURPOSE_HELLO, {GREETING, {WHAT_UNKNOWN, 0, "X", "500 unrecognized command"}}, "banner pass"},
	{"a product alone is for information", "banner", PURPOSE_HELLO, {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP Postfix"}}, "banner.product warn info"},
	{"a product, its version, its system and an inside", "banner", PURPOSE_HELLO,
	 {{WHAT_GREETING, 0, NULL, "220 mail.lan ESMTP Postfix (3.7.11) (Debian/GNU)"}},
	 "banner.product warn info, banner.version fail low, banner.os fail low, banner.inside fail low"},
	/* patches */
	{"no version, nothing learnt", "patches", PURPOSE_HELLO, {GREETING}, "patches not applicable"},
	{"an old Exim", "patches", PURPOSE_HELLO, {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP Exim 4.91 now"}}, "patches warn medium"},
	{"a newer one", "patches", PURPOSE_HELLO, {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP Exim 4.98.2 now"}}, "patches pass"},
	/* HELO */
	{"both lies are taken", "helo", PURPOSE_SENDERS,
	 {{WHAT_HELO_FORGED, 0, "HELO mx.example.org", "250 mx"}, {WHAT_RCPT_AFTER_FORGED, 0, "RCPT TO:<a>", "250 Ok"},
	  {WHAT_HELO_ADDRESS, 0, "HELO 198.51.100.9", "250 mx"}, {WHAT_RCPT_AFTER_FORGED, 1, "RCPT TO:<a>", "250 Ok"}},
	 "helo.forged warn low, helo.address warn low"},
	{"one is refused at once, one at the recipient", "helo", PURPOSE_SENDERS,
	 {{WHAT_HELO_FORGED, 0, "HELO mx.example.org", "550 that is my own name"},
	  {WHAT_HELO_ADDRESS, 0, "HELO 198.51.100.9", "250 mx"}, {WHAT_RCPT_AFTER_FORGED, 1, "RCPT TO:<a>", "504 5.5.2 <198.51.100.9>: Helo command rejected: need fully-qualified hostname"}},
	 "helo.forged pass, helo.address pass"},
	{"a recipient who is refused to all tells nothing", "helo", PURPOSE_SENDERS,
	 {{WHAT_HELO_FORGED, 0, "HELO mx.example.org", "250 mx"}, {WHAT_RCPT_AFTER_FORGED, 0, "RCPT TO:<a>", "550 5.1.1 unknown"},
	  {WHAT_HELO_ADDRESS, 0, "HELO 198.51.100.9", "250 mx"}, {WHAT_RCPT_AFTER_FORGED, 1, "RCPT TO:<a>", "554 5.7.1 Helo rejected"},
	  {WHAT_RCPT_AFTER_NULL, 0, "RCPT TO:<a>", "550 5.1.1 unknown"}},
	 "helo.forged inconclusive, helo.address pass"},
	{"taken, and no recipient was named", "helo", PURPOSE_SENDERS,
	 {{WHAT_HELO_FORGED, 0, "HELO mx.example.org", "250 mx"}, {WHAT_HELO_ADDRESS, 0, "HELO 198.51.100.9", "450 4.2.0 Greylisted"}},
	 "helo.forged inconclusive, helo.address inconclusive"},
	/* MAIL */
	{"Postfix's 450 for no domain is a refusal, and order is kept", "sender", PURPOSE_SENDERS,
	 {{WHAT_MAIL_NO_DOMAIN, 0, "MAIL FROM:<x@x.invalid>", "250 2.1.0 Ok"}, {WHAT_RCPT_AFTER_NO_DOMAIN, 0, "RCPT TO:<a>", "450 4.1.8 <x@x.invalid>: Sender address rejected: Domain not found"},
	  {WHAT_RCPT_EARLY, 0, "RCPT TO:<a>", "503 5.5.1 Error: need MAIL command"}, {WHAT_DATA_EARLY, 0, "DATA", "503 5.5.1 Error: need RCPT command"}},
	 "sender.domain pass, sender.order pass"},
	{"greylisting is none", "sender", PURPOSE_SENDERS,
	 {{WHAT_MAIL_NO_DOMAIN, 0, "MAIL FROM:<x@x.invalid>", "250 2.1.0 Ok"}, {WHAT_RCPT_AFTER_NO_DOMAIN, 0, "RCPT TO:<a>", "450 4.2.0 Greylisted, come back"},
	  {WHAT_RCPT_EARLY, 0, "RCPT TO:<a>", "503 no"}, {WHAT_DATA_EARLY, 0, "DATA", "503 no"}},
	 "sender.domain inconclusive, sender.order pass"},
	{"the enhanced code alone tells of a refusal", "sender", PURPOSE_SENDERS,
	 {{WHAT_MAIL_NO_DOMAIN, 0, "MAIL FROM:<x@x.invalid>", "451 4.1.8 no"}, {WHAT_RCPT_EARLY, 0, "RCPT TO:<a>", "503 no"}, {WHAT_DATA_EARLY, 0, "DATA", "503 no"}},
	 "sender.domain pass, sender.order pass"},
	{"whatever sender, whatever order", "sender", PURPOSE_SENDERS,
	 {{WHAT_MAIL_NO_DOMAIN, 0, "MAIL FROM:<x@x.invalid>", "250 Ok"}, {WHAT_RCPT_AFTER_NO_DOMAIN, 0, "RCPT TO:<a>", "250 Ok"}, {WHAT_RCPT_EARLY, 0, "RCPT TO:<a>", "250 Ok"}},
	 "sender.domain warn low, sender.order fail low"},
	{"DATA before all", "sender", PURPOSE_SENDERS,
	 {{WHAT_MAIL_NO_DOMAIN, 0, "MAIL FROM:<x@x.invalid>", "550 no such domain"}, {WHAT_RCPT_EARLY, 0, "RCPT TO:<a>", "503 no"}, {WHAT_DATA_EARLY, 0, "DATA", "354 go ahead"}},
	 "sender.domain pass, sender.order fail low"},
	/* the empty sender */
	{"taken, as it must be", "null-sender", PURPOSE_SENDERS, {{WHAT_MAIL_NULL, 0, "MAIL FROM:<>", "250 Ok"}, {WHAT_RCPT_AFTER_NULL, 0, "RCPT TO:<a>", "250 Ok"}}, "null-sender pass"},
	{"refused", "null-sender", PURPOSE_SENDERS, {{WHAT_MAIL_NULL, 0, "MAIL FROM:<>", "550 5.7.1 no bounces"}}, "null-sender warn low"},
	{"refused at the recipient", "null-sender", PURPOSE_SENDERS, {{WHAT_MAIL_NULL, 0, "MAIL FROM:<>", "250 Ok"}, {WHAT_RCPT_AFTER_NULL, 0, "RCPT TO:<a>", "554 5.7.1 <>: Sender address rejected: Access denied"}}, "null-sender warn low"},
	{"an unknown recipient is no refusal of it", "null-sender", PURPOSE_SENDERS, {{WHAT_MAIL_NULL, 0, "MAIL FROM:<>", "250 Ok"}, {WHAT_RCPT_AFTER_NULL, 0, "RCPT TO:<a>", "550 5.1.1 unknown"}}, "null-sender pass"},
	/* SIZE */
	{"a limit", "size", PURPOSE_HELLO, {EHLO_SAYS("250 SIZE 10240000")}, "size pass, size.over inconclusive"},
	{"none announced", "size", PURPOSE_HELLO, {EHLO_SAYS("250 HELP")}, "size fail low"},
	{"SIZE 0 is none", "size", PURPOSE_HELLO, {EHLO_SAYS("250 SIZE 0")}, "size fail low"},
	{"SIZE alone is none", "size", PURPOSE_HELLO, {EHLO_SAYS("250 SIZE")}, "size fail low"},
	{"no number is none", "size", PURPOSE_HELLO, {EHLO_SAYS("250 SIZE 12x")}, "size fail low"},
	{"beyond all numbers is none", "size", PURPOSE_HELLO, {EHLO_SAYS("250 SIZE 99999999999999999999999")}, "size fail low"},
	{"a limit that is hardly one", "size", PURPOSE_HELLO, {EHLO_SAYS("250 SIZE 109951162777600")}, "size warn low, size.over inconclusive"},
	{"too small to be allowed", "size", PURPOSE_HELLO, {EHLO_SAYS("250 SIZE 1000")}, "size warn low, size.over inconclusive"},
	/* recipients */
	{"an unknown user is refused", "backscatter", PURPOSE_RECIPIENTS, {{WHAT_RCPT_POSTMASTER, 0, "RCPT TO:<postmaster@d>", "250 Ok"}, {WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<x@d>", "550 5.1.1 unknown"}}, "backscatter pass"},
	{"an unknown user is taken", "backscatter", PURPOSE_RECIPIENTS, {{WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<x@d>", "250 2.1.5 Ok"}}, "backscatter fail medium"},
	{"greylisting decides nothing", "backscatter", PURPOSE_RECIPIENTS, {{WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<x@d>", "451 4.7.1 later"}}, "backscatter inconclusive"},
	{"a server of another domain tells nothing", "backscatter", PURPOSE_RECIPIENTS, {{WHAT_RCPT_POSTMASTER, 0, "RCPT TO:<postmaster@d>", "554 5.7.1 Relay access denied"}, {WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<x@d>", "554 5.7.1 Relay access denied"}}, "backscatter inconclusive"},
	{"no sender was taken, so none was named", "backscatter", PURPOSE_RECIPIENTS, {GREETING, {WHAT_MAIL, 0, "MAIL FROM:<>", "550 no"}}, "backscatter inconclusive"},
	{"both roles", "roles", PURPOSE_RECIPIENTS, {{WHAT_RCPT_POSTMASTER, 0, "RCPT TO:<postmaster@d>", "250 Ok"}, {WHAT_RCPT_ABUSE, 0, "RCPT TO:<abuse@d>", "250 Ok"}}, "roles.postmaster pass, roles.abuse pass"},
	{"our own name is refused, not the recipient", "roles", PURPOSE_RECIPIENTS, {{WHAT_RCPT_POSTMASTER, 0, "RCPT TO:<postmaster@d>", "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname"}, {WHAT_RCPT_ABUSE, 0, "RCPT TO:<abuse@d>", "503 HELO or EHLO required"}}, "roles.postmaster inconclusive, roles.abuse inconclusive"},
	{"nor is the unknown user", "backscatter", PURPOSE_RECIPIENTS, {{WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<x@d>", "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname"}}, "backscatter inconclusive"},
	{"nor the empty sender", "null-sender", PURPOSE_SENDERS, {{WHAT_MAIL_NULL, 0, "MAIL FROM:<>", "503 HELO or EHLO required"}}, "null-sender inconclusive"},
	{"nor the sender without a domain", "sender", PURPOSE_SENDERS, {{WHAT_MAIL_NO_DOMAIN, 0, "MAIL FROM:<x@x.invalid>", "503 HELO or EHLO required"}, {WHAT_RCPT_EARLY, 0, "RCPT TO:<a>", "503 no"}, {WHAT_DATA_EARLY, 0, "DATA", "503 no"}}, "sender.domain inconclusive, sender.order pass"},
	{"no abuse", "roles", PURPOSE_RECIPIENTS, {{WHAT_RCPT_POSTMASTER, 0, "RCPT TO:<postmaster@d>", "450 later"}, {WHAT_RCPT_ABUSE, 0, "RCPT TO:<abuse@d>", "550 5.1.1 unknown"}}, "roles.postmaster inconclusive, roles.abuse fail low"},
	{"no aliases were named", "aliases", PURPOSE_RECIPIENTS, {GREETING}, "aliases not applicable"},
	/* AUTH */
	{"no AUTH in clear", "auth-tls", PURPOSE_HELLO, {EHLO_SAYS("250 STARTTLS"), {WHAT_AUTH_PLAIN_EARLY, 0, "AUTH PLAIN", "503 5.5.1 Error: authentication not enabled"}}, "auth-tls pass"},
	{"PLAIN is offered in clear", "auth-tls", PURPOSE_HELLO, {EHLO_SAYS("250 AUTH CRAM-MD5 PLAIN")}, "auth-tls fail high"},
	{"LOGIN in the old form", "auth-tls", PURPOSE_HELLO, {EHLO_SAYS("250 AUTH=LOGIN")}, "auth-tls fail high"},
	{"not offered, but taken", "auth-tls", PURPOSE_HELLO, {EHLO_SAYS("250 STARTTLS"), {WHAT_AUTH_PLAIN_EARLY, 0, "AUTH PLAIN", "334 "}}, "auth-tls fail high"},
	{"a challenge in clear gives no password away", "auth-tls", PURPOSE_HELLO, {EHLO_SAYS("250 AUTH CRAM-MD5 SCRAM-SHA-256")}, "auth-tls warn low"},
	{"GSS-PLAIN is not PLAIN", "auth-tls", PURPOSE_HELLO, {EHLO_SAYS("250 AUTH X-PLAIN")}, "auth-tls warn low"},
};
/* clang-format on */

TEST(checks_judge_dialogues)
{
	for (size_t i = 0; i < RIG_COUNT(rows); i++)
		expect_row(&rows[i]);
}

TEST(checks_say_nothing_good_of_silence)
{
	static const char *const ids[] = {"banner",    "patches",  "help",	    "vrfy",
					  "expn",      "helo",	   "sender",	    "null-sender",
					  "long-line", "size",	   "backscatter",   "roles",
					  "starttls",  "auth-tls", "auth-required", "aliases"};

	for (size_t i = 0; i < RIG_COUNT(ids); i++)
		for (unsigned state = 0; state < 8; state++) {
			struct visit_log *v;
			struct rig r;

			rig_open(&r);
			snprintf(r.request.aliases.word[0], AUDIT_WORD_MAX, "all@example.org");
			r.request.aliases.count = 1;
			r.address.is_answering = state & 1;
			r.address.may_intrude = state & 2;
			if (state & 4) {
				v = rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25);
				v->end = VISIT_TIMEOUT;
				snprintf(v->why, sizeof(v->why), "no greeting in 35 s");
			}
			rig_check(&r, ids[i]);
			EXPECT(r.found.count, "%s says something", ids[i]);
			for (unsigned f = 0; f < r.found.count; f++)
				EXPECT(r.found.row[f]->status == AUDIT_INCONCLUSIVE ||
					       r.found.row[f]->status == AUDIT_SKIPPED ||
					       r.found.row[f]->status == AUDIT_NOT_APPLICABLE,
				       "%s, state %u: %s", ids[i], state,
				       audit_status_name(r.found.row[f]->status));
			rig_close(&r);
		}
}

TEST(nothing_is_judged_without_consent_or_without_a_server)
{
	static const char *const ids[] = {"vrfy",	 "expn",   "help",
					  "helo",	 "sender", "null-sender",
					  "backscatter", "roles",  "long-line"};
	static const struct rig_line lines[] = {
		{WHAT_VRFY_RANDOM, 0, "VRFY x", "250 x"},
		{WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "250 x"},
		{WHAT_EXPN, 0, "EXPN x", "250 x"},
		{WHAT_HELP, 0, "HELP", "214 sendmail"},
	};

	for (size_t i = 0; i < RIG_COUNT(ids); i++) {
		char said[RIG_SAID_MAX], skipped[RIG_SAID_MAX];
		struct rig r;

		rig_open(&r);
		rig_talk(rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25), lines, RIG_COUNT(lines));
		r.address.may_intrude = false;
		snprintf(skipped, sizeof(skipped), "%s skipped", ids[i]);
		rig_expect(&r, ids[i], "no consent", skipped);
		r.address.may_intrude = true;
		r.address.is_answering = false;
		snprintf(said, sizeof(said), "%s inconclusive", ids[i]);
		rig_expect(&r, ids[i], "no server", said);
		rig_close(&r);
	}
}

/* ---- lengths, sizes, aliases ---- */

TEST(long_lines_are_refused_or_cut_off)
{
	static const struct {
		const char *sentence, *answers[3]; /* NULL: closed */
		const char *shorts[3];		   /* to the same command, short; NULL: not said */
		const char *verdict, *text;
	} cases[] = {
		{"all refused",
		 {"500 5.5.2 too long", "500 5.5.2 too long", NULL},
		 {"250 mx", "250 mx", NULL},
		 "long-line pass",
		 "a command line of 513 octets is refused"},
		{"one is taken",
		 {"250 Ok", "250 Ok", "500 too long"},
		 {NULL, NULL, "250 mx"},
		 "long-line warn low",
		 "a command line of 1024 octets is taken"},
		{"all are answered by closing",
		 {NULL, NULL, NULL},
		 {NULL},
		 "long-line pass",
		 "a command line of 513 octets is refused"},
		{"all are", {"250 Ok", "250 Ok", "250 Ok"}, {NULL}, "long-line warn low", NULL},
		{"what is refused short as well says nothing",
		 {"501 syntax", "501 syntax", "500 5.0.0 Command line too long"},
		 {"501 syntax", "501 syntax", "250 mx"},
		 "long-line pass",
		 "a command line of 16384 octets is refused"},
		{"all of it",
		 {"501 syntax", "501 syntax", "501 syntax"},
		 {"501 syntax", "501 syntax", "501 syntax"},
		 "long-line inconclusive",
		 NULL},
	};
	static const unsigned octets[] = {513, 1024, 16384};

	for (size_t i = 0; i < RIG_COUNT(cases); i++) {
		struct rig r;

		rig_open(&r);
		for (unsigned k = 0; k < RIG_COUNT(octets); k++) {
			struct visit_log *v = rig_visit(&r, PURPOSE_LONG_LINE, PROTOCOL_SMTP, 25);

			rig_say(v, WHAT_LONG, octets[k], "HELO   ... a", cases[i].answers[k]);
			if (cases[i].shorts[k])
				rig_say(v, WHAT_LONG_SHORT, 0, "HELO  a", cases[i].shorts[k]);
			v->end = cases[i].answers[k] ? VISIT_DONE : VISIT_CLOSED;
		}
		rig_expect(&r, "long-line", cases[i].sentence, cases[i].verdict);
		EXPECT(!cases[i].text || !strcmp(r.found.row[0]->text, cases[i].text), "%s: %s",
		       cases[i].sentence, r.found.row[0]->text);
		rig_close(&r);
	}
}

TEST(size_is_kept_to)
{
	static const struct {
		const char *answer, *verdict;
	} cases[] = {
		{"552 5.3.4 Message size exceeds fixed limit", "size pass, size.over pass"},
		{"250 Ok", "size pass, size.over warn low"},
		{"452 4.3.4 later", "size pass, size.over inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(cases); i++) {
		struct rig r;

		rig_open(&r);
		rig_say(rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25), WHAT_EHLO, 0, "EHLO a",
			"250-mx\n250 SIZE 20480000");
		rig_say(rig_visit(&r, PURPOSE_SIZE, PROTOCOL_SMTP, 25), WHAT_MAIL_SIZE, 0,
			"MAIL FROM:<> SIZE=20480001", cases[i].answer);
		rig_expect(&r, "size", cases[i].answer, cases[i].verdict);
		rig_close(&r);
	}
}

TEST(aliases_are_closed_each)
{
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	snprintf(r.request.aliases.word[0], AUDIT_WORD_MAX, "all@example.org");
	snprintf(r.request.aliases.word[1], AUDIT_WORD_MAX, "staff@example.org");
	snprintf(r.request.aliases.word[2], AUDIT_WORD_MAX, "board@example.org");
	r.request.aliases.count = 3;
	v = rig_visit(&r, PURPOSE_RECIPIENTS, PROTOCOL_SMTP, 25);
	rig_say(v, WHAT_RCPT_ALIAS, 0, "RCPT TO:<all@example.org>", "250 Ok");
	rig_say(v, WHAT_RCPT_ALIAS, 1, "RCPT TO:<staff@example.org>", "550 5.7.1 not for you");
	rig_expect(&r, "aliases", "one open, one closed, one not asked",
		   "aliases fail low, aliases pass, aliases inconclusive");
	rig_close(&r);
}

/* ---- versions and fixes ---- */

TEST(versions_compare_by_their_numbers)
{
	static const struct {
		const char *a, *b;
		int sign;
	} cases[] = {
		{"4.96", "4.96", 0},
		{"4.9", "4.96", -1},
		{"4.100", "4.99", 1},
		{"4.96", "4.96.1", -1},
		{"8.17.1.9", "8.18", -1},
		{"2.3.19.1", "2.3.21.1", -1},
		{"4.84_2", "4.84", 1},
		{"9.0.1FP10", "9.0.1", 0},
		{"3.7.11", "3.7.9", 1},
		{"99999999999999999999", "1", 1},
		{"", "1", -1},
		{"3.6.1-4+deb12u1", "3.6.1", 0},
	};

	for (size_t i = 0; i < RIG_COUNT(cases); i++) {
		int sign = version_compare(cases[i].a, cases[i].b);

		EXPECT(sign == cases[i].sign && version_compare(cases[i].b, cases[i].a) == -sign,
		       "%s and %s: %d", cases[i].a, cases[i].b, sign);
	}
}

TEST(patches_know_which_branch_is_mended)
{
	static const struct {
		enum server_kind kind;
		const char *version;
		bool is_concerned;
	} cases[] = {
		{SERVER_POSTFIX, "3.4.23", true},   {SERVER_POSTFIX, "3.5.22", true},
		{SERVER_POSTFIX, "3.5.23", false},  {SERVER_POSTFIX, "3.7.8", true},
		{SERVER_POSTFIX, "3.7.11", false},  {SERVER_POSTFIX, "3.8.3", true},
		{SERVER_POSTFIX, "3.9.0", false},   {SERVER_EXIM, "4.96", true},
		{SERVER_EXIM, "4.98", false},	    {SERVER_SENDMAIL, "8.17.1.9", true},
		{SERVER_SENDMAIL, "8.18.1", false}, {SERVER_HARAKA, "2.8.8", true},
		{SERVER_UNKNOWN, "1.0", false},
	};

	for (size_t i = 0; i < RIG_COUNT(cases); i++) {
		bool is_concerned = false;

		for (unsigned k = 0; k < patches_row_count; k++)
			is_concerned |=
				patches_concerns(&patches_rows[k], cases[i].kind, cases[i].version);
		EXPECT(is_concerned == cases[i].is_concerned, "%s %s",
		       server_kind_name(cases[i].kind), cases[i].version);
	}
}

TEST(fixes_are_for_findings_that_exist_and_begin_with_a_place)
{
	static const struct fix_row *const tables[] = {fix_postfix,   fix_exim,	    fix_sendmail,
						       fix_opensmtpd, fix_exchange, fix_dovecot,
						       fix_courier,   fix_cyrus};

	for (size_t i = 0; i < RIG_COUNT(tables); i++)
		for (const struct fix_row *row = tables[i]; row->id; row++) {
			char id[FINDING_ID_MAX];

			snprintf(id, sizeof(id), "%.*s", (int)strcspn(row->id, "."), row->id);
			EXPECT(check_find(id), "table %zu: '%s' is a check", i, row->id);
			EXPECT(!row->lines[FIX_LINES_MAX - 1], "'%s' has an end", row->id);
			EXPECT(!row->lines[0] || strncmp(row->lines[0], "# ", 2) == 0,
			       "table %zu: '%s' says where", i, row->id);
		}
}

TEST(fix_of_a_part_is_its_own_or_that_of_the_check)
{
	const char *const *fix = fix_for("banner.version", SERVER_POSTFIX);

	ENSURE(fix && fix[0] && fix[1], "that of the check");
	EXPECT(!strcmp(fix[0], "# main.cf") && !strcmp(fix[1], "smtpd_banner = $myhostname ESMTP"),
	       "%s", fix[1]);
	EXPECT(!fix_for("banner.inside", SERVER_POSTFIX), "none, and not that of the check");
	EXPECT(!fix_for("banner", SERVER_UNKNOWN), "an unknown server");
	EXPECT(!fix_for("nonsense", SERVER_POSTFIX), "an unknown finding");
	EXPECT(fix_for("vrfy", SERVER_EXIM) && fix_for("auth-tls", SERVER_DOVECOT), "others");
}
