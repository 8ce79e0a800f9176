/* SPDX-License-Identifier: BSD-2-Clause */
/* What the responder says to what it hears, without a socket: dialogues, every command in every state, every bound. */
#include "reply/talk.h"

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SAID_MAX     (64 * 1024)

#define GREETING "220 mx.example ESMTP\r\n"
#define EHLO	 "250-mx.example\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
#define EHLO_TLS                                                                                   \
	"250-mx.example\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 "        \
	"SMTPUTF8\r\n"
#define OK	  "250 2.0.0 Ok\r\n"
#define SENDER_OK "250 2.1.0 Ok\r\n"
#define BYE	  "221 2.0.0 Bye\r\n"
#define TOO_MUCH  "421 4.7.0 Error: too much\r\n"
#define TOO_SLOW  "421 4.4.2 Error: timeout exceeded\r\n"
#define AGAIN	  "421 4.3.2 Try again\r\n"
#define LISTED                                                                                     \
	"550 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example; Spam "        \
	"source; "                                                                                 \
	"https://example.org/pm\r\n"
#define LIMIT                                                                                      \
	"450 4.7.1 Service unavailable; client [192.0.2.1] Too many connections; "                 \
	"https://example.org/pm\r\n"
#define UNKNOWN	    "502 5.5.2 Error: command not recognized\r\n"
#define ABSENT	    "502 5.5.1 Error: command not implemented\r\n"
#define LONG_LINE   "500 5.5.2 Error: line too long\r\n"
#define NEED_MAIL   "503 5.5.1 Error: need MAIL command\r\n"
#define NEED_RCPT   "503 5.5.1 Error: need RCPT command\r\n"
#define NESTED	    "503 5.5.1 Error: nested MAIL command\r\n"
#define MAIL_BAD    "501 5.5.4 Syntax: MAIL FROM:<address>\r\n"
#define RCPT_BAD    "501 5.5.4 Syntax: RCPT TO:<address>\r\n"
#define HELLO_BAD   "501 5.5.4 Syntax: EHLO hostname\r\n"
#define NO_ARGUMENT "501 5.5.4 Syntax: no parameters allowed\r\n"
#define BEGIN_TLS   "220 2.0.0 Ready to start TLS\r\n"
#define REFUSED                                                                                    \
	"554 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example; Spam "        \
	"source; "                                                                                 \
	"https://example.org/pm\r\n"
#define ALREADY "503 5.5.1 Error: refused; only QUIT is possible\r\n"

static struct reply_settings settings = {
	.name = "mx.example", .contact = "https://example.org/pm", .connections = 10};
static struct reply_settings settings_greeting = {.name = "mx.example",
						  .contact = "https://example.org/pm",
						  .at_greeting = true,
						  .connections = 10};

static const struct reply_because becauses[] = {
	[REPLY_LISTED] = {.kind = REPLY_LISTED, .by = "bl.example", .text = "Spam source"},
	[REPLY_RULE] = {.kind = REPLY_RULE},
	[REPLY_LIMIT] = {.kind = REPLY_LIMIT, .text = "Too many connections"},
	[REPLY_NOTHING] = {.kind = REPLY_NOTHING},
};
#define TOLD_NOT REPLY_KINDS

/* ---- a talk whose output is always read ---- */

struct scene {
	struct talk talk;
	char said[SAID_MAX]; /* to the client */
	size_t length;
	unsigned refused, tls; /* events */
};

static void hear(struct scene *s)
{
	memcpy(s->said + s->length, s->talk.out, s->talk.out_length);
	s->length += s->talk.out_length;
	s->said[s->length] = '\0';
	talk_sent(&s->talk, s->talk.out_length);
}

static void count(struct scene *s, enum talk_event event)
{
	s->refused += event == TALK_REFUSED_ONE;
	s->tls += event == TALK_START_TLS;
}

/* Says bytes, so many at a time. How many were taken. */
static size_t speak(struct scene *s, const char *bytes, size_t length, size_t step)
{
	enum talk_event event;
	size_t at = 0, n;

	hear(s);
	while (at < length) {
		n = talk_take(&s->talk, bytes + at, length - at < step ? length - at : step,
			      &event);
		count(s, event);
		hear(s);
		if (!n)
			break;
		at += n;
	}
	return at;
}

static void tell(struct scene *s, unsigned kind)
{
	enum talk_event event;

	if (kind == TOLD_NOT)
		return;
	talk_tell(&s->talk, &becauses[kind], &event);
	count(s, event);
	hear(s);
}

static struct scene *scene_new(const struct reply_settings *with, bool offers_tls)
{
	static struct scene s;
	struct addr a;

	memset(&s, 0, sizeof(s));
	addr_parse("192.0.2.1", &a, NULL);
	talk_open(&s.talk, with, offers_tls, &a, 4711);
	return &s;
}

/* ---- dialogues ---- */

static const struct {
	const char *sentence;
	unsigned told; /* before it says anything */
	bool tls, at_greeting;
	const char *in, *out;
} dialogues[] = {
	{"a whole session", REPLY_LISTED, false, false,
	 "EHLO client.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n",
	 GREETING EHLO SENDER_OK LISTED BYE},
	{"each recipient is refused", REPLY_LISTED, false, false,
	 "HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\nQUIT\r\n",
	 GREETING "250 mx.example\r\n" SENDER_OK LISTED LISTED NEED_RCPT BYE},
	{"a rule has no list and no text", REPLY_RULE, false, false,
	 "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\n",
	 GREETING SENDER_OK "550 5.7.1 Service unavailable; client [192.0.2.1] blocked; "
			    "https://example.org/pm\r\n"},
	{"a limit is for now", REPLY_LIMIT, false, false, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
	 GREETING SENDER_OK LIMIT},
	{"nothing stands against it any more", REPLY_NOTHING, false, false,
	 "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n", GREETING EHLO SENDER_OK AGAIN},
	{"the reason is not known yet", TOLD_NOT, false, false,
	 "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n", GREETING EHLO SENDER_OK},
	{"letters in any case, spaces where they do not belong", REPLY_LISTED, false, false,
	 " ehlo x\r\nmail from: <a@b>\r\nRcpt To:c@d NOTIFY=NEVER\r\nqUIT \r\n",
	 GREETING EHLO SENDER_OK LISTED BYE},
	{"bare LF ends a line, and CR before it is nothing", REPLY_LISTED, false, false,
	 "EHLO x\nNOOP\r\r\nQUIT\n", GREETING EHLO OK BYE},
	{"a CR alone does not", REPLY_LISTED, false, false, "NOOP\rQUIT\r\nQUIT\r\n",
	 GREETING UNKNOWN BYE},
	{"NUL is a byte like others", REPLY_LISTED, false, false, "NO\0OP\r\nQUIT\r\n",
	 GREETING UNKNOWN BYE},
	{"an empty line", REPLY_LISTED, false, false, "\r\n\nQUIT\r\n",
	 GREETING UNKNOWN UNKNOWN BYE},
	{"a name is asked for", REPLY_LISTED, false, false, "EHLO\r\nHELO  \r\n",
	 GREETING HELLO_BAD HELLO_BAD},
	{"what is not done here", REPLY_LISTED, false, false,
	 "EXPN x\r\nHELP\r\nETRN x\r\nTURN\r\nSTARTTLS\r\n",
	 GREETING ABSENT ABSENT ABSENT ABSENT ABSENT},
	{"out of order", REPLY_LISTED, false, false,
	 "RCPT TO:<a@b>\r\nDATA\r\nBDAT 3 LAST\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nDATA\r\n",
	 GREETING NEED_MAIL NEED_RCPT NEED_RCPT SENDER_OK NESTED NEED_RCPT},
	{"RSET and EHLO forget the sender", REPLY_LISTED, false, false,
	 "MAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<a@b>\r\nMAIL FROM:<a@b>\r\nEHLO x\r\nRCPT "
	 "TO:<a@b>\r\n",
	 GREETING SENDER_OK OK NEED_MAIL SENDER_OK EHLO NEED_MAIL},
	{"syntax of mailboxes", REPLY_LISTED, false, false,
	 "MAIL\r\nMAIL FROM:\r\nMAIL FROM:<a@b\r\nMAIL TO:<a@b>\r\nMAIL FROM:<a@b>\r\nRCPT "
	 "TO:<>\r\n"
	 "RCPT TO:\r\nRCPT FROM:<a@b>\r\n",
	 GREETING MAIL_BAD MAIL_BAD MAIL_BAD MAIL_BAD SENDER_OK RCPT_BAD RCPT_BAD RCPT_BAD},
	{"VRFY and AUTH", REPLY_LISTED, false, false, "VRFY x\r\nAUTH PLAIN eA==\r\n",
	 GREETING "252 2.0.0 Cannot verify: try to send\r\n"
		  "503 5.5.1 Error: authentication not enabled\r\n"},
	{"nothing is heard behind QUIT", REPLY_LISTED, false, false, "QUIT\r\nNOOP\r\n",
	 GREETING BYE},
	{"TLS is offered", REPLY_LISTED, true, false, "EHLO x\r\nSTARTTLS now\r\nSTARTTLS\r\n",
	 GREETING EHLO_TLS NO_ARGUMENT BEGIN_TLS},
	{"what is pipelined behind STARTTLS is not looked at", REPLY_LISTED, true, false,
	 "EHLO x\r\nSTARTTLS\r\nNOOP\r\nMAIL FROM:<evil@example>\r\n", GREETING EHLO_TLS BEGIN_TLS},
	{"HTTP is cut short", REPLY_LISTED, false, false,
	 "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: "
	 "b\r\n",
	 GREETING UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN TOO_MUCH},
	{"at the greeting", REPLY_LISTED, false, true,
	 "EHLO x\r\nMAIL FROM:<a@b>\r\nNOOP\r\nQUIT\r\n", REFUSED ALREADY ALREADY ALREADY BYE},
	{"at the greeting nothing is said before the reason is known", TOLD_NOT, false, true,
	 "EHLO x\r\n", ""},
	{"at the greeting a limit closes", REPLY_LIMIT, false, true, "EHLO x\r\n",
	 "421 4.7.1 Service unavailable; client [192.0.2.1] Too many connections; "
	 "https://example.org/pm\r\n"},
	{"at the greeting nothing closes too", REPLY_NOTHING, false, true, "EHLO x\r\n", AGAIN},
};

/* The length of a row's input: only one has a NUL inside. */
static size_t in_length(const char *in)
{
	return strcmp(in, "NO") == 0 ? sizeof("NO\0OP\r\nQUIT\r\n") - 1 : strlen(in);
}

TEST(dialogues_go_as_the_table_says_however_the_bytes_are_cut)
{
	static const size_t steps[] = {1, 2, 7, SAID_MAX};

	for (size_t i = 0; i < COUNT(dialogues); i++)
		for (size_t j = 0; j < COUNT(steps); j++) {
			struct scene *s =
				scene_new(dialogues[i].at_greeting ? &settings_greeting : &settings,
					  dialogues[i].tls);

			tell(s, dialogues[i].told);
			speak(s, dialogues[i].in, in_length(dialogues[i].in), steps[j]);
			EXPECT(strcmp(s->said, dialogues[i].out) == 0, "%s (by %zu): said %s",
			       dialogues[i].sentence, steps[j], s->said);
		}
}

TEST(a_reason_that_comes_late_goes_on_where_the_talk_waits)
{
	static const char in[] = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n";
	struct scene *s = scene_new(&settings, false);
	size_t at = speak(s, in, sizeof(in) - 1, SAID_MAX);

	EXPECT(s->talk.state == TALK_ASKED && strcmp(in + at, "QUIT\r\n") == 0,
	       "it stops behind RCPT: %s, left %s", talk_state_name(s->talk.state), in + at);
	EXPECT(!talk_is_listening(&s->talk) && s->refused == 0, "and takes nothing");
	tell(s, REPLY_LISTED);
	EXPECT(s->refused == 1, "one was refused");
	tell(s, REPLY_NOTHING);
	speak(s, in + at, sizeof(in) - 1 - at, SAID_MAX);
	EXPECT(strcmp(s->said, GREETING EHLO SENDER_OK LISTED BYE) == 0,
	       "the first reason counts: %s", s->said);
}

TEST(tls_begins_anew_and_is_offered_once)
{
	struct scene *s = scene_new(&settings, true);

	tell(s, REPLY_LISTED);
	speak(s, "EHLO clear\r\nMAIL FROM:<clear@x>\r\nSTARTTLS\r\n", 44, SAID_MAX);
	ENSURE(s->talk.state == TALK_SECURING && s->tls == 1, "%s", talk_state_name(s->talk.state));
	EXPECT(!talk_is_listening(&s->talk), "not a byte is taken in the clear");
	EXPECT(!s->talk.helo[0] && !s->talk.sender[0] && !s->talk.is_esmtp, "nothing is kept");
	talk_secured(&s->talk);
	s->length = 0;
	speak(s, "RCPT TO:<a@b>\r\nEHLO y\r\nSTARTTLS\r\n", 33, SAID_MAX);
	EXPECT(strcmp(s->said, NEED_MAIL EHLO "503 5.5.1 Error: TLS already active\r\n") == 0,
	       "said %s", s->said);
}

TEST(what_comes_in_one_piece_with_starttls_is_taken_and_thrown_away)
{
	static const char in[] = "STARTTLS\r\nMAIL FROM:<smuggled@x>\r\nRCPT";
	struct scene *s = scene_new(&settings, true);

	EXPECT(speak(s, in, sizeof(in) - 1, SAID_MAX) == sizeof(in) - 1, "all of it");
	talk_secured(&s->talk);
	s->length = 0;
	speak(s, "NOOP\r\n", 6, SAID_MAX);
	EXPECT(strcmp(s->said, OK) == 0 && !s->talk.sender[0], "said %s", s->said);
}

TEST(where_too_many_have_tls_it_is_refused_for_now)
{
	struct scene *s = scene_new(&settings, true);

	hear(s);
	s->length = 0;
	s->talk.is_tls_busy = true;
	speak(s, "STARTTLS x\r\nSTARTTLS\r\nNOOP\r\n", 28, SAID_MAX);
	EXPECT(strcmp(s->said, NO_ARGUMENT "454 4.7.0 TLS not available now\r\n" OK) == 0,
	       "said %s", s->said);
}

/* ---- every command in every state ---- */

static const char *const lines[COMMAND_KINDS] = {
	[COMMAND_HELO] = "HELO x",
	[COMMAND_EHLO] = "EHLO x",
	[COMMAND_HELLO_BAD] = "EHLO",
	[COMMAND_STARTTLS] = "STARTTLS",
	[COMMAND_STARTTLS_BAD] = "STARTTLS x",
	[COMMAND_MAIL] = "MAIL FROM:<a@b> SIZE=1",
	[COMMAND_MAIL_BAD] = "MAIL a@b",
	[COMMAND_RCPT] = "RCPT TO:<a@b>",
	[COMMAND_RCPT_BAD] = "RCPT TO:<>",
	[COMMAND_DATA] = "DATA",
	[COMMAND_RSET] = "RSET",
	[COMMAND_NOOP] = "NOOP x",
	[COMMAND_VRFY] = "VRFY x",
	[COMMAND_AUTH] = "AUTH LOGIN",
	[COMMAND_QUIT] = "QUIT",
	[COMMAND_ABSENT] = "HELP",
	[COMMAND_UNKNOWN] = "MAILX",
};

TEST(each_line_is_the_command_it_looks_like)
{
	for (unsigned i = 0; i < COMMAND_KINDS; i++)
		if (lines[i]) {
			struct command c = command_read(lines[i], strlen(lines[i]));

			EXPECT(c.kind == i, "%s is %u", lines[i], c.kind);
		}
}

/* r, s: what is said in TALK_READY and TALK_SENDER, and where it leads. */
static const struct {
	unsigned input;
	enum talk_state r_next;
	enum talk_saying r_says;
	enum talk_state s_next;
	enum talk_saying s_says;
} protocol[] = {
	{COMMAND_HELO, TALK_READY, SAY_HELLO, TALK_READY, SAY_HELLO},
	{COMMAND_EHLO, TALK_READY, SAY_EXTENSIONS, TALK_READY, SAY_EXTENSIONS},
	{COMMAND_HELLO_BAD, TALK_READY, SAY_HELLO_BAD, TALK_SENDER, SAY_HELLO_BAD},
	{COMMAND_STARTTLS, TALK_SECURING, SAY_BEGIN_TLS, TALK_SECURING, SAY_BEGIN_TLS},
	{COMMAND_STARTTLS_BAD, TALK_READY, SAY_NO_ARGUMENT, TALK_SENDER, SAY_NO_ARGUMENT},
	{COMMAND_MAIL, TALK_SENDER, SAY_SENDER_OK, TALK_SENDER, SAY_NESTED},
	{COMMAND_MAIL_BAD, TALK_READY, SAY_MAIL_BAD, TALK_SENDER, SAY_MAIL_BAD},
	{COMMAND_RCPT, TALK_READY, SAY_NEED_MAIL, TALK_ASKED, SAY_NOTHING},
	{COMMAND_RCPT_BAD, TALK_READY, SAY_NEED_MAIL, TALK_SENDER, SAY_RCPT_BAD},
	{COMMAND_DATA, TALK_READY, SAY_NEED_RCPT, TALK_SENDER, SAY_NEED_RCPT},
	{COMMAND_RSET, TALK_READY, SAY_OK, TALK_READY, SAY_OK},
	{COMMAND_NOOP, TALK_READY, SAY_OK, TALK_SENDER, SAY_OK},
	{COMMAND_VRFY, TALK_READY, SAY_CANNOT_VERIFY, TALK_SENDER, SAY_CANNOT_VERIFY},
	{COMMAND_AUTH, TALK_READY, SAY_NO_AUTH, TALK_SENDER, SAY_NO_AUTH},
	{COMMAND_QUIT, TALK_LEAVING, SAY_BYE, TALK_LEAVING, SAY_BYE},
	{COMMAND_ABSENT, TALK_READY, SAY_ABSENT, TALK_SENDER, SAY_ABSENT},
	{COMMAND_UNKNOWN, TALK_READY, SAY_UNKNOWN, TALK_SENDER, SAY_UNKNOWN},
	{COMMAND_LONG, TALK_READY, SAY_LONG, TALK_SENDER, SAY_LONG},
	{TALK_TLS_ABSENT, TALK_READY, SAY_ABSENT, TALK_SENDER, SAY_ABSENT},
	{TALK_TLS_AGAIN, TALK_READY, SAY_TLS_AGAIN, TALK_SENDER, SAY_TLS_AGAIN},
	{TALK_TLS_BUSY, TALK_READY, SAY_TLS_BUSY, TALK_SENDER, SAY_TLS_BUSY},
	{TALK_TOLD_FOR_GOOD, TALK_READY, SAY_NOTHING, TALK_SENDER, SAY_NOTHING},
	{TALK_TOLD_FOR_NOW, TALK_READY, SAY_NOTHING, TALK_SENDER, SAY_NOTHING},
	{TALK_TOLD_NOTHING, TALK_READY, SAY_NOTHING, TALK_SENDER, SAY_NOTHING},
	{TALK_SECURED, TALK_READY, SAY_NOTHING, TALK_SENDER, SAY_NOTHING},
	{TALK_TOO_MUCH, TALK_LEAVING, SAY_TOO_MUCH, TALK_LEAVING, SAY_TOO_MUCH},
	{TALK_TOO_SLOW, TALK_LEAVING, SAY_TOO_SLOW, TALK_LEAVING, SAY_TOO_SLOW},
};

static void expect_step(enum talk_state state, unsigned input, enum talk_state next,
			enum talk_saying says)
{
	struct talk_step step = talk_transition(state, input);

	EXPECT(step.next == next && step.says == says, "%s, input %u: %s, saying %u",
	       talk_state_name(state), input, talk_state_name(step.next), step.says);
}

TEST(every_input_has_its_step_where_commands_are_taken)
{
	ENSURE(COUNT(protocol) == TALK_INPUTS, "every input has a row: %zu", COUNT(protocol));
	for (size_t i = 0; i < COUNT(protocol); i++) {
		expect_step(TALK_READY, protocol[i].input, protocol[i].r_next, protocol[i].r_says);
		expect_step(TALK_SENDER, protocol[i].input, protocol[i].s_next, protocol[i].s_says);
	}
}

/* The other states know few inputs; all else leaves them as they are. */
static const struct {
	enum talk_state state;
	unsigned input;
	enum talk_state next;
	enum talk_saying says;
} waiting[] = {
	{TALK_UNGREETED, TALK_TOLD_FOR_GOOD, TALK_REFUSED, SAY_REFUSAL},
	{TALK_UNGREETED, TALK_TOLD_FOR_NOW, TALK_LEAVING, SAY_REFUSAL},
	{TALK_UNGREETED, TALK_TOLD_NOTHING, TALK_LEAVING, SAY_AGAIN},
	{TALK_UNGREETED, TALK_TOO_MUCH, TALK_LEAVING, SAY_TOO_MUCH},
	{TALK_UNGREETED, TALK_TOO_SLOW, TALK_LEAVING, SAY_TOO_SLOW},
	{TALK_ASKED, TALK_TOLD_FOR_GOOD, TALK_SENDER, SAY_REFUSAL},
	{TALK_ASKED, TALK_TOLD_FOR_NOW, TALK_SENDER, SAY_REFUSAL},
	{TALK_ASKED, TALK_TOLD_NOTHING, TALK_LEAVING, SAY_AGAIN},
	{TALK_ASKED, TALK_TOO_MUCH, TALK_LEAVING, SAY_TOO_MUCH},
	{TALK_ASKED, TALK_TOO_SLOW, TALK_LEAVING, SAY_TOO_SLOW},
	{TALK_SECURING, TALK_SECURED, TALK_READY, SAY_NOTHING},
	{TALK_SECURING, TALK_TOO_MUCH, TALK_LEAVING, SAY_NOTHING},
	{TALK_SECURING, TALK_TOO_SLOW, TALK_LEAVING, SAY_NOTHING},
};

TEST(a_state_that_waits_goes_on_only_by_what_it_waits_for)
{
	static const enum talk_state states[] = {TALK_UNGREETED, TALK_ASKED, TALK_SECURING,
						 TALK_LEAVING};

	for (size_t i = 0; i < COUNT(states); i++)
		for (unsigned input = 0; input < TALK_INPUTS; input++) {
			size_t row = 0;

			while (row < COUNT(waiting) &&
			       (waiting[row].state != states[i] || waiting[row].input != input))
				row++;
			if (row < COUNT(waiting))
				expect_step(states[i], input, waiting[row].next, waiting[row].says);
			else
				expect_step(states[i], input, states[i], SAY_NOTHING);
		}
}

TEST(refused_in_the_greeting_only_quit_is_left)
{
	for (unsigned input = 0; input < COMMAND_KINDS; input++)
		if (input == COMMAND_QUIT)
			expect_step(TALK_REFUSED, input, TALK_LEAVING, SAY_BYE);
		else
			expect_step(TALK_REFUSED, input, TALK_REFUSED, SAY_REFUSED_ALREADY);
	expect_step(TALK_REFUSED, TALK_TOO_SLOW, TALK_LEAVING, SAY_TOO_SLOW);
	expect_step(TALK_REFUSED, TALK_TOLD_NOTHING, TALK_REFUSED, SAY_NOTHING);
}

/* ---- bounds ---- */

static char big[8 * LINE_MAX_BYTES];

/* A line of that many bytes with its end, which begins so. */
static size_t line_of(const char *begin, size_t bytes)
{
	memset(big, 'x', bytes);
	for (size_t i = 0; begin[i]; i++)
		big[i] = begin[i];
	big[bytes - 2] = '\r';
	big[bytes - 1] = '\n';
	return bytes;
}

TEST(a_line_has_its_bound_and_what_is_longer_is_gone_whole)
{
	static const struct {
		const char *begin;
		size_t bytes;
		const char *out;
	} rows[] = {
		{"NOOP ", LINE_COMMAND_MAX, OK},
		{"NOOP ", LINE_COMMAND_MAX + 1, LONG_LINE},
		{"HELO ", LINE_COMMAND_MAX + 1, LONG_LINE},
		{"MAIL FROM:<a@b> ", LINE_COMMAND_MAX + 1, SENDER_OK},
		{"MAIL FROM:<a@b> ", LINE_MAX_BYTES, SENDER_OK},
		{"MAIL FROM:<a@b> ", LINE_MAX_BYTES + 1, LONG_LINE},
		{"QUIT\r", LINE_MAX_BYTES, LONG_LINE},
		{"NOOP ", sizeof(big), LONG_LINE},
	};
	static const size_t steps[] = {1, 100, LINE_MAX_BYTES, SAID_MAX};

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t j = 0; j < COUNT(steps); j++) {
			struct scene *s = scene_new(&settings, false);
			size_t length = line_of(rows[i].begin, rows[i].bytes);

			hear(s);
			s->length = 0;
			speak(s, big, length, steps[j]);
			EXPECT(strcmp(s->said, rows[i].out) == 0, "%s of %zu by %zu: %s",
			       rows[i].begin, rows[i].bytes, steps[j], s->said);
			s->length = 0;
			speak(s, "NOOP\r\n", 6, steps[j]);
			EXPECT(strcmp(s->said, OK) == 0, "and then it goes on: %s", s->said);
		}
}

TEST(an_endless_line_is_answered_never_and_kept_nowhere)
{
	struct scene *s = scene_new(&settings, false);

	memset(big, 'x', sizeof(big));
	hear(s);
	for (unsigned i = 0; i < 100; i++)
		speak(s, big, sizeof(big), SAID_MAX);
	EXPECT(strcmp(s->said, GREETING) == 0 && s->talk.line.length < LINE_MAX_BYTES,
	       "%zu bytes kept", s->talk.line.length);
}

/* Says a line so often; how often it got this answer before something else came. */
static unsigned repeat(struct scene *s, const char *line, unsigned times, const char *answer)
{
	unsigned n = 0;

	for (; n < times; n++) {
		s->length = 0;
		speak(s, line, strlen(line), SAID_MAX);
		if (strcmp(s->said, answer) != 0)
			break;
	}
	return n;
}

TEST(errors_commands_and_recipients_are_counted)
{
	struct scene *s = scene_new(&settings, false);
	unsigned n;

	hear(s);
	n = repeat(s, "FOO\r\n", 1000, UNKNOWN);
	EXPECT(n == TALK_ERRORS_MAX && strcmp(s->said, TOO_MUCH) == 0, "%u errors: %s", n, s->said);
	EXPECT(s->talk.state == TALK_LEAVING, "and it leaves");

	s = scene_new(&settings, false);
	hear(s);
	n = repeat(s, "NOOP\r\n", 1000, OK);
	EXPECT(n == TALK_COMMANDS_MAX && strcmp(s->said, TOO_MUCH) == 0, "%u commands: %s", n,
	       s->said);

	s = scene_new(&settings, false);
	tell(s, REPLY_LISTED);
	speak(s, "MAIL FROM:<a@b>\r\n", 17, SAID_MAX);
	n = repeat(s, "RCPT TO:<a@b>\r\n", 1000, LISTED);
	EXPECT(n == TALK_RECIPIENTS_MAX && strcmp(s->said, TOO_MUCH) == 0, "%u recipients: %s", n,
	       s->said);
	EXPECT(s->refused == TALK_RECIPIENTS_MAX, "%u refused", s->refused);

	s = scene_new(&settings_greeting, false);
	tell(s, REPLY_LISTED);
	n = repeat(s, "NOOP\r\n", 1000, ALREADY);
	EXPECT(n == TALK_ERRORS_MAX && strcmp(s->said, TOO_MUCH) == 0, "%u after 554: %s", n,
	       s->said);
}

TEST(output_that_is_not_read_stops_the_input)
{
	struct scene *s = scene_new(&settings, true);
	enum talk_event event;
	size_t taken = 0, n = 0;

	do
		taken += n = talk_take(&s->talk, "EHLO x\r\n", 8, &event);
	while (n && taken < SAID_MAX);
	EXPECT(!n && s->talk.out_length > TALK_OUT_MAX - TALK_REPLY_MAX &&
		       s->talk.out_length <= TALK_OUT_MAX,
	       "%zu bytes wait", s->talk.out_length);
	talk_sent(&s->talk, TALK_REPLY_MAX);
	EXPECT(talk_take(&s->talk, "EHLO x\r\n", 8, &event) == 8, "with room it goes on");
}

TEST(time_that_is_up_is_said)
{
	struct scene *s = scene_new(&settings, false);

	talk_end(&s->talk, TALK_TOO_SLOW);
	hear(s);
	EXPECT(strcmp(s->said, GREETING TOO_SLOW) == 0 && s->talk.state == TALK_LEAVING, "%s",
	       s->said);
	talk_end(&s->talk, TALK_TOO_MUCH);
	EXPECT(!s->talk.out_length, "and once only");
}

TEST(a_reason_without_an_end_or_kind_is_borne)
{
	struct scene *s = scene_new(&settings, false);
	static struct reply_because b = {.kind = REPLY_LISTED};
	enum talk_event event;

	memset(b.by, 'b', sizeof(b.by));
	memset(b.text, 't', sizeof(b.text));
	talk_tell(&s->talk, &b, &event);
	EXPECT(strlen(s->talk.refusal) <= TALK_REPLY_MAX - 2, "%s", s->talk.refusal);
	s = scene_new(&settings, false);
	b.kind = 77;
	talk_tell(&s->talk, &b, &event);
	EXPECT(s->talk.kind == REPLY_NOTHING, "kind %u", s->talk.kind);
}

/* ---- what was learnt ---- */

TEST(what_was_said_is_kept_escaped_and_cut)
{
	static const char in[] =
		"EHLO a\x01"
		"b\\c \x7f\r\nMAIL FROM:<\"x>y\"@b> SIZE=3\r\nRCPT TO:<@r:c@d\xc3\xa9>\r\n";
	struct scene *s = scene_new(&settings, false);
	struct reply_said said;

	tell(s, REPLY_LISTED);
	speak(s, in, sizeof(in) - 1, SAID_MAX);
	talk_said(&s->talk, &said);
	EXPECT(strcmp(said.helo, "a\\x01b\\\\c \\x7f") == 0, "helo %s", said.helo);
	EXPECT(strcmp(said.sender, "\"x>y\"@b") == 0, "sender %s", said.sender);
	EXPECT(strcmp(said.recipient, "@r:c@d\\xc3\\xa9") == 0, "recipient %s", said.recipient);
	EXPECT(said.port == 4711 && said.esmtp == 1 && said.tls == 0 && !said.at_greeting, "facts");
	EXPECT(strncmp(said.reply, LISTED, strlen(LISTED) - 2) == 0 &&
		       strlen(said.reply) == strlen(LISTED) - 2,
	       "reply %s", said.reply);

	s = scene_new(&settings, false);
	tell(s, REPLY_LISTED);
	speak(s, big, line_of("HELO \x01\x01\x01", LINE_COMMAND_MAX), SAID_MAX);
	EXPECT(strlen(s->talk.helo) < sizeof(s->talk.helo) &&
		       strcmp(s->talk.helo + strlen(s->talk.helo) - 3, "...") == 0,
	       "helo %s", s->talk.helo);
}
