/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit of a mailbox by IMAP: to whom the password is said, and what is made of what the server tells.
 */
#include "audit/script.h"
#include "base/when.h"
#include "unit/audit_walk.h"

#define USER	 "inbox"
#define PASSWORD "cor\"rect\\ horse"
#define QUOTED	 "\"cor\\\"rect\\\\ horse\""
#define SAID_MAX 1024

/* ---- to whom it is said ---- */

struct proof {
	const char *sentence;
	bool has_tls, is_trusted, has_name, is_expired, may_intrude, has_user;
	const char *said;
};

static const struct walk_row server[] = {
	{"[greeting]", "* OK ready"},
	{"q1", "* CAPABILITY IMAP4rev1 STARTTLS\nq1 OK"},
	{"q2", "q2 BAD later"},
	{"q3", "q3 OK in"},
	{"q4", "* CAPABILITY IMAP4rev1 QUOTA\nq4 OK"},
	{"q5", "* QUOTAROOT INBOX u\n* QUOTA u (STORAGE 1 2)\nq5 OK"},
	{"", "* BYE\nbye OK"},
	{NULL, NULL},
};

static void tls_set(struct visit_log *log, const struct proof *row)
{
	int64_t now_s = now_wall_s();

	log->has_tls = row->has_tls;
	log->tls.has_certificate = row->has_tls;
	log->tls.is_trusted = row->is_trusted;
	log->tls.has_name = row->has_name;
	log->tls.not_before_s = now_s - 2 * DAY_S;
	log->tls.not_after_s = row->is_expired ? now_s - DAY_S : now_s + DAY_S;
}

static void rig_login(struct rig *r)
{
	rig_open(r);
	strcpy(r->request.imap_user, USER);
	strcpy(r->request.imap_password, PASSWORD);
}

TEST(a_password_goes_to_no_server_but_the_one_that_is_meant)
{
	static const char all[] =
		"[greeting]|q3 LOGIN \"inbox\" " QUOTED "|q4 CAPABILITY|q5 GETQUOTAROOT INBOX|QUIT";
	static const char none[] = "[greeting]|QUIT";
	static const struct proof rows[] = {
		{"one that is proved", true, true, true, false, true, true, all},
		{"not in clear text", false, true, true, false, true, true, none},
		{"not to an unknown authority's", true, false, true, false, true, true, none},
		{"not to another name's", true, true, false, false, true, true, none},
		{"not to one that has expired", true, true, true, true, true, true, none},
		{"not without consent", true, true, true, false, false, true, NULL},
		{"not without a name", true, true, true, false, true, false, NULL},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct script_facts facts;
		struct script *script;
		char said[SAID_MAX] = "";
		struct rig r;

		rig_login(&r);
		if (!rows[i].has_user)
			r.request.imap_user[0] = '\0';
		facts = (struct script_facts){.request = &r.request,
					      .seen = &r.seen,
					      .address = &r.address,
					      .may_intrude = rows[i].may_intrude,
					      .implicit_tls = true};
		script = script_new(PURPOSE_QUOTA, 0, &facts);
		EXPECT(!script == !rows[i].said, "%s: a visit", rows[i].sentence);
		if (script) {
			struct visit_log *log = rig_visit(&r, PURPOSE_QUOTA, PROTOCOL_IMAP, 993);

			tls_set(log, &rows[i]);
			walk(script_next, script, log, server, said, sizeof(said));
			EXPECT(strcmp(said, rows[i].said) == 0, "%s: %s", rows[i].sentence, said);
		}
		script_free(script);
		rig_close(&r);
	}
}

TEST(a_password_is_said_once)
{
	struct script_facts facts;
	struct script *script;
	struct rig r;

	rig_login(&r);
	facts = (struct script_facts){
		.request = &r.request, .seen = &r.seen, .address = &r.address, .may_intrude = true};
	rig_visit(&r, PURPOSE_QUOTA, PROTOCOL_IMAP, 993)->end = VISIT_REFUSED;
	script = script_new(PURPOSE_QUOTA, 0, &facts);
	EXPECT(script, "a port that is closed has not heard it");
	script_free(script);
	rig_say(r.address.visits, WHAT_QUOTA_LOGIN, 0, "q3 LOGIN (...)", "q3 NO");
	EXPECT(!script_new(PURPOSE_QUOTA, 0, &facts), "one that has refused it is not asked again");
	rig_close(&r);
}

/* ---- what is made of it ---- */

#define IN                                                                                         \
	{WHAT_GREETING, 0, NULL, "* OK"},                                                          \
	{                                                                                          \
		WHAT_QUOTA_LOGIN, 0, "q3 LOGIN (...)", "q3 OK"                                     \
	}
#define KNOWS                                                                                      \
	{                                                                                          \
		WHAT_QUOTA_CAPA, 0, "q4 CAPABILITY", "* CAPABILITY IMAP4rev1 QUOTA\nq4 OK"         \
	}
#define TELLS(it)                                                                                  \
	{                                                                                          \
		WHAT_QUOTA, 0, "q5 GETQUOTAROOT INBOX", it                                         \
	}
#define LINES_MAX 5

TEST(what_the_server_tells_of_the_limit_is_judged)
{
	static const struct {
		const char *sentence;
		struct rig_line lines[LINES_MAX];
		const char *verdict, *proof; /* a part of its evidence; NULL any */
	} rows[] = {
		{"a limit",
		 {IN, KNOWS,
		  TELLS("* QUOTAROOT INBOX \"User quota\"\n* QUOTA \"User quota\" "
			"(STORAGE 10 1048576)\nq5 OK")},
		 "mailbox-quota.imap pass",
		 "1048576 KiB (1024 MiB)"},
		{"beside others, in small letters, with a root that has a parenthesis",
		 {IN, KNOWS, TELLS("* quota \"a \\\") (x\" (MESSAGE 1 2 storage 0 5)\nq5 OK")},
		 "mailbox-quota.imap pass",
		 "5 KiB"},
		{"the least of two",
		 {IN, KNOWS, TELLS("* QUOTA a (STORAGE 1 900)\n* QUOTA b (STORAGE 1 80)\nq5 OK")},
		 "mailbox-quota.imap pass",
		 "80 KiB"},
		{"an empty root",
		 {IN, KNOWS, TELLS("* QUOTAROOT INBOX \"\"\n* QUOTA \"\" ()\nq5 OK")},
		 "mailbox-quota.imap warn low",
		 NULL},
		{"no root",
		 {IN, KNOWS, TELLS("* QUOTAROOT INBOX\nq5 OK")},
		 "mailbox-quota.imap warn low",
		 NULL},
		{"messages alone",
		 {IN, KNOWS, TELLS("* QUOTA a (MESSAGE 1 20)\nq5 OK")},
		 "mailbox-quota.imap warn low",
		 NULL},
		{"QUOTA is not known",
		 {IN, {WHAT_QUOTA_CAPA, 0, "q4 CAPABILITY", "* CAPABILITY IMAP4rev1\nq4 OK"}},
		 "mailbox-quota.imap warn low",
		 NULL},
		{"the password is refused",
		 {{WHAT_GREETING, 0, NULL, "* OK"},
		  {WHAT_QUOTA_LOGIN, 0, "q3 LOGIN (...)", "q3 NO [AUTHENTICATIONFAILED] no"}},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"the question is",
		 {IN, KNOWS, TELLS("q5 NO not you")},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"no number",
		 {IN, KNOWS, TELLS("* QUOTA a (STORAGE x 9)\nq5 OK")},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"half of it",
		 {IN, KNOWS, TELLS("* QUOTA a (STORAGE 1\nq5 OK")},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"no end",
		 {IN, KNOWS, TELLS("* QUOTA a (STORAGE 1 2\nq5 OK")},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"too large a number",
		 {IN, KNOWS, TELLS("* QUOTA a (STORAGE 1 99999999999999999999999)\nq5 OK")},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"a negative one",
		 {IN, KNOWS, TELLS("* QUOTA a (STORAGE 1 -1)\nq5 OK")},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"nothing else",
		 {IN, KNOWS, TELLS("* QUOTA \nq5 OK")},
		 "mailbox-quota.imap inconclusive",
		 NULL},
		{"it closes", {IN, KNOWS, TELLS(NULL)}, "mailbox-quota.imap inconclusive", NULL},
		{"it greets and offers no TLS",
		 {{WHAT_GREETING, 0, NULL, "* OK"}},
		 "mailbox-quota.imap inconclusive",
		 NULL},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct rig r;
		bool is_proved = !rows[i].proof;

		rig_login(&r);
		rig_talk(rig_visit(&r, PURPOSE_QUOTA, PROTOCOL_IMAP, 993), rows[i].lines,
			 LINES_MAX);
		rig_expect(&r, "mailbox-quota", rows[i].sentence, rows[i].verdict);
		for (unsigned k = 0; k < r.found.row[0]->evidence_count && rows[i].proof; k++)
			is_proved |= strstr(r.found.row[0]->evidence[k], rows[i].proof) != NULL;
		EXPECT(is_proved, "%s: %s", rows[i].sentence, rows[i].proof);
		rig_close(&r);
	}
}

TEST(a_mailbox_that_nobody_named_is_not_judged)
{
	struct rig r;

	rig_open(&r);
	rig_expect(&r, "mailbox-quota", "no name", "");
	rig_close(&r);
	rig_login(&r);
	r.address.may_intrude = false;
	rig_expect(&r, "mailbox-quota", "no consent", "mailbox-quota skipped");
	rig_close(&r);
	rig_login(&r);
	rig_expect(&r, "mailbox-quota", "no visit", "mailbox-quota.imap inconclusive");
	rig_close(&r);
}

/* Why the password was not said stands in the finding. */
TEST(an_obstacle_is_named)
{
	static const struct {
		struct proof proof;
		const char *why;
	} rows[] = {
		{{"", true, false, true, false, true, true, ""}, "not trusted"},
		{{"", true, true, false, false, true, true, ""}, "not the name"},
		{{"an address", true, true, false, false, true, true, ""}, "--host NAME"},
		{{"", true, true, true, true, true, true, ""}, "expired"},
		{{"", false, false, false, false, true, true, ""}, "no TLS"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct visit_log *log;
		struct rig r;

		rig_login(&r);
		if (rows[i].proof.sentence[0])
			r.host.name[0] = '\0';
		log = rig_visit(&r, PURPOSE_QUOTA, PROTOCOL_IMAP, 143);
		rig_say(log, WHAT_GREETING, 0, NULL, "* OK");
		tls_set(log, &rows[i].proof);
		rig_check(&r, "mailbox-quota");
		ENSURE(r.found.count == 1, "a finding");
		EXPECT(strstr(r.found.row[0]->text, rows[i].why), "%s", r.found.row[0]->text);
		rig_close(&r);
	}
}
