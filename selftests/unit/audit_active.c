/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples and false ends of messages: to whom they go, what they look like, and what the answers mean. */
#include "audit/active.h"
#include "audit/check.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STEPS_MAX    16
#define ROUNDS_MAX   32
#define MESSAGE_ROOM 4096

/* What a server is, by the endings that it takes. */
struct server {
	const char *takes[4];	   /* bytes around the dot */
	const char *after_message; /* the answer to a message */
	const char *to_sender;	   /* to MAIL from its own domain; NULL: 250 */
};

static struct play {
	struct seen_address address;
	struct audit_request request;
	struct script_facts facts;
	struct visit_log visit[ROUNDS_MAX];
	struct exchange exchange[ROUNDS_MAX][STEPS_MAX];
	char text[ROUNDS_MAX][STEPS_MAX][128];
	unsigned visits, strangers, senders_of_nobody;
	const char *waiting; /* an answer nobody has read yet */
} p;

static void play_new(void)
{
	p = (struct play){0};
	addr_parse("192.0.2.25", &p.address.addr, NULL);
	p.address.may_intrude = true;
	p.address.vantage = VANTAGE_OUTSIDE;
	p.request.active = true;
	snprintf(p.request.mailbox, sizeof(p.request.mailbox), "inbox@example.net");
	p.facts = (struct script_facts){.request = &p.request,
					.address = &p.address,
					.helo = "probe.example.com",
					.domain = "example.net",
					.foreign = "example.org",
					.random = "zq1x2y3z4",
					.may_intrude = true};
}

static const char *to_message(const struct server *server, const char *text)
{
	for (size_t i = 0; i < COUNT(server->takes) && server->takes[i]; i++) {
		const char *at = strstr(text, server->takes[i]);

		/* That of CRLF-led endings is in others: only right behind the x. */
		if (at && at[-1] == 'x' && strncmp(at + strlen(server->takes[i]), "XAUDIT", 6) == 0)
			p.waiting = "500 5.5.2 What?";
	}
	return server->after_message;
}

static const char *answer(const struct server *server, const struct step *step)
{
	const char *text = step->text ? step->text : "", *said = p.waiting;

	p.waiting = NULL;
	if (said)
		return said;
	if (step->kind == STEP_RAW)
		return to_message(server, text);
	if (step->kind == STEP_READ)
		return "220 mx.example.net";
	if (strcmp(text, "DATA") == 0)
		return "354 Go on";
	if (strncmp(text, "MAIL FROM:<>", 12) == 0)
		p.senders_of_nobody++;
	else if (strncmp(text, "MAIL", 4) == 0 && server->to_sender)
		return server->to_sender;
	if (strncmp(text, "RCPT", 4) == 0)
		p.strangers += strcmp(text, "RCPT TO:<inbox@example.net>") != 0;
	return "250 2.0.0 Ok";
}

static void play_visit(const struct server *server, struct active_script *script)
{
	struct visit_log *v = &p.visit[p.visits];
	const struct exchange *last = NULL;
	struct step step;

	*v = (struct visit_log){.purpose = PURPOSE_ACTIVE, .exchange = p.exchange[p.visits]};
	p.waiting = NULL;
	while (v->count < STEPS_MAX && active_script_next(script, v, last, &step)) {
		struct exchange *x = &v->exchange[v->count];
		char *room = p.text[p.visits][v->count++];
		const char *said = answer(server, &step);

		*x = (struct exchange){.what = step.what, .index = step.index};
		snprintf(room, sizeof(p.text[0][0]), "%s\n", said + 4);
		x->response = (struct response){.code = atoi(said), .text = room, .line_count = 1};
		x->response.kind = said[0] == '2'   ? RESPONSE_POSITIVE
				   : said[0] == '3' ? RESPONSE_MORE
				   : said[0] == '4' ? RESPONSE_TRANSIENT
						    : RESPONSE_NEGATIVE;
		last = x;
		if (step.kind == STEP_QUIT)
			break;
	}
	p.visits++;
}

static void play(const struct server *server)
{
	struct active_script *script;

	for (unsigned round = 0; p.visits < ROUNDS_MAX; round++) {
		script = active_script_new(round, &p.facts);
		if (!script)
			break;
		play_visit(server, script);
		active_script_free(script);
		seen_add_visit(&p.address, &p.visit[p.visits - 1]);
	}
}

TEST(messages_are_whole_and_bear_their_sample)
{
	static const char *const has[ACTIVE_SAMPLES] = {
		[SAMPLE_EICAR] = "STANDARD-ANTIVIRUS-TEST-"
				 "FILE!$H+H*\r\n",
		[SAMPLE_GTUBE] = "STANDARD-ANTI-UBE-TEST-"
				 "EMAIL*C.34X\r\n",
		[SAMPLE_EXE] = "filename=\"sample.exe\"",
		[SAMPLE_SCR] = "filename=\"sample.scr\"",
		[SAMPLE_PIF] = "filename=\"sample.pif\"",
		[SAMPLE_VBS] = "filename=\"sample.vbs\"",
	};
	char text[MESSAGE_ROOM];

	for (unsigned i = 0; i < ACTIVE_SAMPLES; i++) {
		size_t length = active_message(i, "a@b.example", "inbox@example.net", "zq1", text,
					       sizeof(text));
		const char *end = strstr(text, "\r\n.\r\n");

		ENSURE(length && length == strlen(text), "%s fits", active_sample_name(i));
		EXPECT(strstr(text, has[i]), "%s: %s", active_sample_name(i), text);
		EXPECT(end && end + 5 == text + length, "%s ends once", active_sample_name(i));
		EXPECT(!active_message(i, "a@b.example", "inbox@example.net", "zq1", text, 100),
		       "%s does not fit", active_sample_name(i));
	}
	EXPECT(!active_message(ACTIVE_SAMPLES, "a@b", "c@d", "t", text, sizeof(text)), "no more");
}

TEST(nothing_is_sent_unasked_or_without_leave)
{
	play_new();
	p.request.active = false;
	EXPECT(!active_script_new(0, &p.facts), "not asked for");
	play_new();
	p.facts.may_intrude = false;
	EXPECT(!active_script_new(0, &p.facts), "no leave");
	play_new();
	p.request.mailbox[0] = 0;
	EXPECT(!active_script_new(0, &p.facts), "no mailbox");
	play_new();
	snprintf(p.request.mailbox, sizeof(p.request.mailbox), "a>\r\nRCPT TO:<b@c");
	EXPECT(!active_script_new(0, &p.facts), "a mailbox that is none");
}

TEST(all_goes_to_the_one_mailbox)
{
	static const struct server server = {.after_message = "250 2.0.0 queued"};

	play_new();
	play(&server);
	EXPECT(p.visits == ACTIVE_SAMPLES + active_ending_count, "%u visits", p.visits);
	EXPECT(p.strangers == 0, "%u strangers", p.strangers);
	EXPECT(p.senders_of_nobody == 0, "nobody sends nothing");
}

TEST(a_server_that_refuses_its_own_domain_hears_nobody)
{
	static const struct server server = {.after_message = "250 2.0.0 queued",
					     .to_sender = "550 5.7.1 Not you"};

	play_new();
	play(&server);
	EXPECT(p.senders_of_nobody == p.visits, "%u of %u", p.senders_of_nobody, p.visits);
}

/* The finding of the check by its id. */
static void expect_finding(const char *sentence, const char *check, const char *id,
			   void (*fn)(const struct look *, const struct seen_address *),
			   enum audit_status status, const char *says)
{
	struct findings out = {0};
	const struct look look = {.check = check_find(check), .request = &p.request, .out = &out};
	bool is_found = false;

	fn(&look, &p.address);
	for (unsigned i = 0; i < out.count; i++) {
		const struct finding *f = out.row[i];

		if (strcmp(f->id, id) != 0)
			continue;
		is_found = true;
		EXPECT(f->status == status && strstr(f->text, says), "%s: %s: %s: %s", sentence, id,
		       audit_status_name(f->status), f->text);
	}
	EXPECT(is_found, "%s: %s", sentence, id);
	findings_free(&out);
}

TEST(samples_are_refused_or_not)
{
	static const struct {
		const char *sentence;
		struct server server;
		enum audit_status status;
		const char *says;
	} rows[] = {
		{"refused", {.after_message = "554 5.7.1 Virus"}, AUDIT_PASS, "is refused"},
		{"accepted",
		 {.after_message = "250 2.0.0 queued"},
		 AUDIT_FAIL,
		 "cannot be seen from here"},
		{"put off",
		 {.after_message = "451 4.7.1 Try later"},
		 AUDIT_INCONCLUSIVE,
		 "451 4.7.1 Try later"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		play_new();
		play(&rows[i].server);
		expect_finding(rows[i].sentence, "antivirus", "antivirus.eicar",
			       check_antivirus_active, rows[i].status, rows[i].says);
		expect_finding(rows[i].sentence, "antispam", "antispam.gtube",
			       check_antispam_active, rows[i].status, rows[i].says);
		expect_finding(rows[i].sentence, "attachments", "attachments.vbs",
			       check_attachments, rows[i].status, rows[i].says);
	}
	play_new();
	p.address.may_intrude = false;
	expect_finding("no leave", "antivirus", "antivirus.eicar", check_antivirus_active,
		       AUDIT_SKIPPED, "--own");
}

TEST(false_ends_are_found)
{
	static const struct {
		const char *sentence;
		struct server server;
		enum audit_status status;
		const char *says;
	} rows[] = {
		{"none", {.after_message = "250 2.0.0 queued"}, AUDIT_PASS, "CRLF.CRLF alone"},
		{"LF.LF",
		 {.after_message = "250 2.0.0 queued", .takes = {"\n.\n"}},
		 AUDIT_FAIL,
		 "LF.LF ends"},
		{"CR.CRLF",
		 {.after_message = "250 2.0.0 queued", .takes = {"\r.\r\n"}},
		 AUDIT_FAIL,
		 "CR.CRLF ends"},
		{"CRLF.LF alone smuggles nothing",
		 {.after_message = "250 2.0.0 queued", .takes = {"\r\n.\n"}},
		 AUDIT_PASS,
		 "CRLF.CRLF alone"},
		{"bare LF is refused as a whole",
		 {.after_message = "521 5.5.2 Bare LF"},
		 AUDIT_PASS,
		 "CRLF.CRLF alone"},
		{"put off",
		 {.after_message = "451 4.7.1 Later"},
		 AUDIT_INCONCLUSIVE,
		 "could be tried"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		play_new();
		play(&rows[i].server);
		expect_finding(rows[i].sentence, "smuggling", "smuggling", check_smuggling,
			       rows[i].status, rows[i].says);
	}
}
