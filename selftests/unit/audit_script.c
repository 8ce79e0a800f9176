/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts against servers that are tables: what is said, in which order, with which consent, and that no server is made to count more
 * errors than it bears.
 */
#include "audit/script.h"
#include "unit/audit_walk.h"

#define TEXT_MAX   32768 /* with the longest line */
#define ROUNDS_MAX 64
#define RANDOM	   "posternxyz"

struct stage {
	struct rig rig;
	struct script_facts facts;
	enum protocol protocol;
	char said[TEXT_MAX];
	unsigned refused;
	struct visit_log *log;
};

static void stage_open(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	rig_open(&s->rig);
	s->facts = (struct script_facts){.request = &s->rig.request,
					 .seen = &s->rig.seen,
					 .address = &s->rig.address,
					 .helo = "audit.example.net",
					 .domain = "example.org",
					 .foreign = "example.com",
					 .random = RANDOM,
					 .may_intrude = true};
}

/* One visit; false: there is none. */
static bool stage_visit(struct stage *s, enum purpose purpose, unsigned round,
			const struct walk_row *rows)
{
	struct script *script = script_new(purpose, round, &s->facts);

	s->said[0] = '\0';
	s->refused = 0;
	if (!script)
		return false;
	s->log = rig_visit(&s->rig, purpose, s->protocol, 25);
	walk(script_next, script, s->log, rows, s->said, sizeof(s->said));
	for (unsigned i = 0; i < s->log->count; i++)
		s->refused += s->log->exchange[i].response.kind >= RESPONSE_TRANSIENT;
	script_free(script);
	return true;
}

static const struct walk_row takes_all[] = {
	{"[greeting]", "220 mx"},
	{"EHLO", "250-mx\n250-SIZE 1000\n250-AUTH NTLM LOGIN\n250 STARTTLS"},
	{"AUTH", "334 "},
	{"TlRM", "334 TlRMTVNTUAACAAAA"},
	{"*", "501 5.7.0 cancelled"},
	{"STARTTLS", "220 go"},
	{"QUIT", "221 bye"},
	{"DATA", "354 go on"},
	{"", "250 2.0.0 Ok"},
	{NULL, NULL},
};
static const struct walk_row refuses_all[] = {
	{"[greeting]", "220 mx"},
	{"EHLO", "250-mx\n250-SIZE 1000\n250-AUTH NTLM LOGIN\n250 STARTTLS"},
	{"QUIT", "221 bye"},
	{"", "550 5.5.1 no"},
	{NULL, NULL},
};
static const struct walk_row refuses_recipients[] = {
	{"[greeting]", "220 mx"},
	{"EHLO", "250-mx\n250 SIZE 1000"},
	{"QUIT", "221 bye"},
	{"MAIL", "250 ok"},
	{"RSET", "250 ok"},
	{"", "550 5.5.1 no"},
	{NULL, NULL},
};
static const struct walk_row is_plain[] = {
	{"[greeting]", "220 mx"},
	{"EHLO", "502 5.5.1 what"},
	{"QUIT", "221 bye"},
	{"", "250 ok"},
	{NULL, NULL},
};

TEST(script_says_what_it_should)
{
	static const struct {
		const char *sentence;
		enum purpose purpose;
		unsigned round;
		const struct walk_row *server;
		bool may_intrude;
		const char *said;
	} rows[] = {
		{"without consent only greeting, EHLO and QUIT", PURPOSE_HELLO, 0, takes_all, false,
		 "[greeting]|EHLO audit.example.net|QUIT"},
		{"with consent what discloses", PURPOSE_HELLO, 0, takes_all, true,
		 "[greeting]|EHLO audit.example.net|HELP|XAUDIT|VRFY " RANDOM
		 "@example.org|VRFY postmaster@example.org|EXPN postmaster|AUTH LOGIN|*|AUTH NTLM|"
		 "TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA=|*|QUIT"},
		{"HELO where EHLO is refused, and AUTH is asked even so", PURPOSE_HELLO, 0,
		 is_plain, true,
		 "[greeting]|EHLO audit.example.net|HELO audit.example.net|HELP|XAUDIT|VRFY " RANDOM
		 "@example.org|VRFY postmaster@example.org|EXPN postmaster|AUTH PLAIN|QUIT"},
		{"STARTTLS without consent", PURPOSE_STARTTLS, 0, takes_all, false,
		 "[greeting]|EHLO audit.example.net|STARTTLS|[tls]|EHLO audit.example.net|QUIT"},
		{"not where it is not offered", PURPOSE_STARTTLS, 0, is_plain, false,
		 "[greeting]|EHLO audit.example.net|HELO audit.example.net|QUIT"},
		{"size: one more than the limit", PURPOSE_SIZE, 0, takes_all, true,
		 "[greeting]|EHLO audit.example.net|MAIL FROM:<> SIZE=1001|RSET|QUIT"},
		{"senders: a recipient after each, RSET between", PURPOSE_SENDERS, 0, takes_all,
		 true,
		 "[greeting]|EHLO audit.example.net|MAIL FROM:<>|RCPT TO:<postmaster@example.org>|"
		 "RSET|MAIL FROM:<" RANDOM "@" RANDOM
		 ".invalid>|RCPT TO:<postmaster@example.org>|RSET|"
		 "MAIL FROM:<postmaster@example.com>|RCPT TO:<postmaster@example.org>|RSET|QUIT"},
		{"no recipient after a refused sender", PURPOSE_SENDERS, 0, refuses_all, true,
		 "[greeting]|EHLO audit.example.net|MAIL FROM:<>|MAIL FROM:<" RANDOM "@" RANDOM
		 ".invalid>|MAIL FROM:<postmaster@example.com>|QUIT"},
		{"HELO with its own name", PURPOSE_SENDERS, 1, takes_all, true,
		 "[greeting]|HELO mx.example.org|MAIL FROM:<>|RCPT TO:<postmaster@example.org>|"
		 "RSET|QUIT"},
		{"HELO with a bare address", PURPOSE_SENDERS, 2, refuses_all, true,
		 "[greeting]|HELO 198.51.100.9|QUIT"},
		{"DATA is not said where a recipient was taken before MAIL", PURPOSE_SENDERS, 3,
		 takes_all, true,
		 "[greeting]|EHLO audit.example.net|RCPT TO:<postmaster@example.org>|QUIT"},
		{"recipients", PURPOSE_RECIPIENTS, 0, takes_all, true,
		 "[greeting]|EHLO audit.example.net|MAIL FROM:<>|RCPT TO:<postmaster@example.org>|"
		 "RCPT TO:<abuse@example.org>|RCPT TO:<" RANDOM "@example.org>|RSET|QUIT"},
		{"another sender where the empty one is refused", PURPOSE_RECIPIENTS, 0,
		 refuses_all, true,
		 "[greeting]|EHLO audit.example.net|MAIL FROM:<>|"
		 "MAIL FROM:<postmaster@audit.example.net>|QUIT"},
		{"submission without consent", PURPOSE_SUBMISSION, 0, takes_all, false,
		 "[greeting]|EHLO audit.example.net|STARTTLS|[tls]|EHLO audit.example.net|QUIT"},
		{"submission with it", PURPOSE_SUBMISSION, 0, refuses_all, true,
		 "[greeting]|EHLO audit.example.net|AUTH LOGIN|STARTTLS|AUTH NTLM|"
		 "MAIL FROM:<postmaster@audit.example.net>|QUIT"},
		{"a command behind STARTTLS", PURPOSE_INJECTION, 0, refuses_all, true,
		 "[greeting]|EHLO audit.example.net|STARTTLS\r\nNOOP|QUIT"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct stage s;

		stage_open(&s);
		s.facts.may_intrude = rows[i].may_intrude;
		rig_say(rig_visit(&s.rig, PURPOSE_STARTTLS, PROTOCOL_SMTP, 25), WHAT_STARTTLS, 0,
			"STARTTLS", "220 go");
		EXPECT(stage_visit(&s, rows[i].purpose, rows[i].round, rows[i].server) &&
			       strcmp(s.said, rows[i].said) == 0,
		       "%s: %s", rows[i].sentence, s.said);
		rig_close(&s.rig);
	}
}

TEST(script_is_silent_without_consent)
{
	static const enum purpose intruding[] = {
		PURPOSE_INJECTION, PURPOSE_SENDERS, PURPOSE_RECIPIENTS, PURPOSE_LONG_LINE,
		PURPOSE_SIZE,	   PURPOSE_RELAY,   PURPOSE_ACTIVE,	PURPOSE_QUOTA,
	};
	struct stage s;

	stage_open(&s);
	s.facts.may_intrude = false;
	s.rig.request.active = true;
	for (size_t i = 0; i < RIG_COUNT(intruding); i++)
		EXPECT(!script_new(intruding[i], 0, &s.facts), "purpose %u", intruding[i]);
	rig_close(&s.rig);
}

TEST(script_says_nothing_that_needs_consent_without_it)
{
	static const char *const harmless[] = {"[greeting]", "[tls]",	 "EHLO ",  "HELO ",
					       "STARTTLS",   "QUIT",	 "CAPA",   "STLS",
					       "a1 CAPA",    "a4 START", "a5 CAPA"};
	static const struct walk_row imap[] = {
		{"[greeting]", "* OK ready"},
		{"a1", "* CAPABILITY IMAP4rev1 ID STARTTLS\na1 OK done"},
		{"a4", "a4 OK go"},
		{"", "a9 OK"},
		{NULL, NULL}};
	struct stage s;

	for (enum purpose p = PURPOSE_HELLO; p <= PURPOSE_QUOTA; p++) {
		bool is_box = p == PURPOSE_IMAP;

		stage_open(&s);
		s.facts.may_intrude = false;
		s.protocol = is_box ? PROTOCOL_IMAP : PROTOCOL_SMTP;
		rig_say(rig_visit(&s.rig, PURPOSE_STARTTLS, PROTOCOL_SMTP, 25), WHAT_STARTTLS, 0,
			"STARTTLS", "220 go");
		if (stage_visit(&s, p, 0, is_box ? imap : takes_all))
			for (char *at = strtok(s.said, "|"); at; at = strtok(NULL, "|")) {
				bool is_known = false;

				for (size_t i = 0; i < RIG_COUNT(harmless); i++)
					is_known = is_known || strncmp(at, harmless[i],
								       strlen(harmless[i])) == 0;
				EXPECT(is_known, "purpose %u says %s", p, at);
			}
		rig_close(&s.rig);
	}
}

static void budget_test(enum purpose purpose, unsigned round, const struct walk_row *server)
{
	struct stage s;

	stage_open(&s);
	s.rig.request.aliases.count = AUDIT_LIST_MAX;
	for (unsigned i = 0; i < AUDIT_LIST_MAX; i++)
		snprintf(s.rig.request.aliases.word[i], AUDIT_WORD_MAX, "list%u", i);
	if (stage_visit(&s, purpose, round, server))
		EXPECT(s.refused <= SCRIPT_REFUSED_MAX && strstr(s.said, "QUIT"),
		       "purpose %u, round %u: %u refused in %.200s", purpose, round, s.refused,
		       s.said);
	rig_close(&s.rig);
}

/* RELAY and ACTIVE have tests of their own. */
TEST(script_keeps_the_budget_of_errors)
{
	for (enum purpose p = PURPOSE_HELLO; p <= PURPOSE_IMAP; p++)
		for (unsigned round = 0; p != PURPOSE_RELAY && round < ROUNDS_MAX; round++) {
			budget_test(p, round, refuses_all);
			budget_test(p, round, refuses_recipients);
		}
}

TEST(script_asks_every_alias_once)
{
	static const struct walk_row server[] = {{"[greeting]", "220 mx"}, {"EHLO", "250 mx"},
						 {"RCPT", "550 5.1.1 no"}, {"QUIT", "221 bye"},
						 {"", "250 ok"},	   {NULL, NULL}};
	unsigned asked[AUDIT_LIST_MAX] = {0}, count = 13;
	struct stage s;

	stage_open(&s);
	s.rig.request.aliases.count = count;
	for (unsigned i = 0; i < count; i++)
		snprintf(s.rig.request.aliases.word[i], AUDIT_WORD_MAX, i ? "list%u" : "a@b.org",
			 i);
	for (unsigned round = 0; stage_visit(&s, PURPOSE_RECIPIENTS, round, server); round++)
		for (unsigned i = 0; i < s.log->count; i++) {
			const struct exchange *x = &s.log->exchange[i];
			char expected[TEXT_MAX];

			if (x->what != WHAT_RCPT_ALIAS || !EXPECT(x->index < count, "in range"))
				continue;
			asked[x->index]++;
			snprintf(expected, sizeof(expected),
				 x->index ? "RCPT TO:<list%u@example.org>" : "RCPT TO:<a@b.org>",
				 x->index);
			EXPECT(strcmp(x->sent, expected) == 0, "%s", x->sent);
		}
	for (unsigned i = 0; i < count; i++)
		EXPECT(asked[i] == 1, "alias %u: %u times", i, asked[i]);
	rig_close(&s.rig);
}

TEST(script_measures_long_lines)
{
	static const unsigned octets[] = {513, 1024, 16384};
	struct stage s;

	for (unsigned i = 0; i < RIG_COUNT(octets); i++) {
		const struct exchange *x = NULL;

		stage_open(&s);
		ENSURE(stage_visit(&s, PURPOSE_LONG_LINE, i, refuses_all), "round %u", i);
		for (unsigned k = 0; k < s.log->count; k++)
			if (s.log->exchange[k].what == WHAT_LONG)
				x = &s.log->exchange[k];
		ENSURE(x, "a long line");
		EXPECT(x->index == octets[i] && strlen(x->sent) + 2 == octets[i], "%u: %zu",
		       octets[i], strlen(x->sent) + 2);
		rig_close(&s.rig);
	}
	stage_open(&s);
	EXPECT(!stage_visit(&s, PURPOSE_LONG_LINE, RIG_COUNT(octets), takes_all), "no more");
	rig_close(&s.rig);
}

TEST(script_waits_for_an_answer_to_what_was_injected)
{
	const struct exchange *x;
	struct stage s;

	stage_open(&s);
	rig_say(rig_visit(&s.rig, PURPOSE_STARTTLS, PROTOCOL_SMTP, 25), WHAT_STARTTLS, 0,
		"STARTTLS", "220 go");
	ENSURE(stage_visit(&s, PURPOSE_INJECTION, 0, takes_all), "a visit");
	EXPECT(strcmp(s.said, "[greeting]|EHLO audit.example.net|STARTTLS\r\nNOOP|[tls]|[read]|"
			      "EHLO audit.example.net|QUIT") == 0,
	       "%s", s.said);
	x = visit_find(s.log, WHAT_INJECTED);
	EXPECT(x && x->response.kind == RESPONSE_POSITIVE, "the answer is found again");
	rig_close(&s.rig);
}

TEST(script_cuts_a_data_that_goes_on)
{
	static const struct walk_row server[] = {{"[greeting]", "220 mx"}, {"EHLO", "250 mx"},
						 {"RCPT", "503 no"},	   {"DATA", "354 go on"},
						 {"", "250 ok"},	   {NULL, NULL}};
	struct stage s;

	stage_open(&s);
	EXPECT(stage_visit(&s, PURPOSE_SENDERS, 3, server) && strstr(s.said, "|DATA|[cut]"), "%s",
	       s.said);
	rig_close(&s.rig);
}

/* A default run: whatever the server takes, DATA is never said after a recipient, and never gone on with. */
TEST(script_never_sends_a_message)
{
	struct stage s;

	for (enum purpose p = PURPOSE_HELLO; p <= PURPOSE_IMAP; p++)
		for (unsigned round = 0; p != PURPOSE_RELAY && round < ROUNDS_MAX; round++) {
			const char *data;

			stage_open(&s);
			stage_visit(&s, p, round, takes_all);
			data = strstr(s.said, "|DATA");
			EXPECT(!data || strcmp(data, "|DATA|[cut]") == 0, "%s", s.said);
			rig_close(&s.rig);
		}
}

TEST(script_speaks_pop3_and_imap)
{
	static const struct walk_row pop3[] = {{"[greeting]", "+OK"},
					       {"CAPA", "+OK\nSTLS\nUSER\n.\n"},
					       {"STLS", "+OK"},
					       {"", "-ERR"},
					       {NULL, NULL}};
	static const struct walk_row imap[] = {
		{"[greeting]", "* OK ready"},
		{"a1", "* CAPABILITY IMAP4rev1 IDLE STARTTLS LOGINDISABLED\na1 OK done"},
		{"a4", "a4 OK go"},
		{"a5", "* CAPABILITY IMAP4rev1\na5 OK done"},
		{"", "a3 NO"},
		{NULL, NULL}};
	struct stage s;

	stage_open(&s);
	s.protocol = PROTOCOL_POP3;
	EXPECT(stage_visit(&s, PURPOSE_POP3, 0, pop3) &&
		       strcmp(s.said, "[greeting]|CAPA|USER " RANDOM "|STLS|CAPA|QUIT") == 0,
	       "%s", s.said);
	s.facts.implicit_tls = true;
	EXPECT(stage_visit(&s, PURPOSE_POP3, 0, pop3) &&
		       strcmp(s.said, "[greeting]|CAPA|QUIT") == 0,
	       "inside TLS no name is tried: %s", s.said);
	s.facts.implicit_tls = false;
	s.protocol = PROTOCOL_IMAP;
	EXPECT(stage_visit(&s, PURPOSE_IMAP, 0, imap) &&
		       strcmp(s.said, "[greeting]|a1 CAPABILITY|a3 LOGIN " RANDOM " " RANDOM
				      "|a4 STARTTLS|a5 CAPABILITY|QUIT") == 0,
	       "IDLE is no ID: %s", s.said);
	rig_close(&s.rig);
}

TEST(script_leaves_out_what_it_has_no_value_for)
{
	struct stage s;

	stage_open(&s);
	snprintf(s.rig.request.mailbox, sizeof(s.rig.request.mailbox), "x>\r\nDATA@example.org");
	EXPECT(stage_visit(&s, PURPOSE_SENDERS, 1, takes_all) &&
		       strcmp(s.said, "[greeting]|HELO mx.example.org|MAIL FROM:<>|RSET|QUIT") == 0,
	       "no command within a value: %s", s.said);
	rig_close(&s.rig);
}

TEST(script_random_is_a_name)
{
	char a[SCRIPT_RANDOM_MAX], b[SCRIPT_RANDOM_MAX];

	ENSURE(script_random(a) == 0 && script_random(b) == 0, "random");
	EXPECT(strcmp(a, b) != 0 && strlen(a) == SCRIPT_RANDOM_MAX - 1, "%s, %s", a, b);
	EXPECT(strspn(a, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(a), "%s", a);
}
