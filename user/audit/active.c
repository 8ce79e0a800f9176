/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages to one's own mailbox that a well kept server refuses, and messages that a careless one ends too early. None does anything: the
 * EICAR and GTUBE texts are agreed upon for tests, and the attachments only bear the names of programs.
 *
 * Smuggling: the message goes on behind a false end with a command that nobody knows. A server that sees the end only where it is answers
 * once, to the whole; then it is asked NOOP, and its answer is positive. One that took the false end answers the unknown command
 * before that: the answer that is read for NOOP is a refusal, or lay there before it was asked for.
 */
#include "audit/active.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_MAX 4096
#define COMMAND_MAX 640
#define MAILBOX_MAX 320

/* In two pieces each, or our own source would be refused where it is scanned. eicar.org; SpamAssassin, sample-spam.txt. */
#define EICAR                                                                                      \
	"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-"                                             \
	"ANTIVIRUS-TEST-FILE!$H+H*"
#define GTUBE                                                                                      \
	"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-"                                              \
	"ANTI-UBE-TEST-EMAIL*C.34X"

/* "MZ", as such files begin, and then a sentence: "MZ An inert sample of an audit. It does nothing." in base64. */
#define INERT_PROGRAM "TVogQW4gaW5lcnQgc2FtcGxlIG9mIGFuIGF1ZGl0LiBJdCBkb2VzIG5vdGhpbmcuCg=="
#define INERT_SCRIPT  "' An inert sample of an audit. It does nothing."

static const struct {
	const char *name, *file, *type, *encoding,
		*text; /* file NULL: in the text of the message */
} samples[ACTIVE_SAMPLES] = {
	[SAMPLE_EICAR] = {"the EICAR test file", "eicar.com", "application/octet-stream", "7bit",
			  EICAR},
	[SAMPLE_GTUBE] = {"the GTUBE test text", NULL, NULL, NULL, GTUBE},
	[SAMPLE_EXE] = {".exe", "sample.exe", "application/octet-stream", "base64", INERT_PROGRAM},
	[SAMPLE_SCR] = {".scr", "sample.scr", "application/octet-stream", "base64", INERT_PROGRAM},
	[SAMPLE_PIF] = {".pif", "sample.pif", "application/octet-stream", "base64", INERT_PROGRAM},
	[SAMPLE_VBS] = {".vbs", "sample.vbs", "text/plain", "7bit", INERT_SCRIPT},
};

const struct active_ending active_endings[] = {
	{"LF.LF", "\n.\n", true},      {"LF.CRLF", "\n.\r\n", true}, {"LF.CR", "\n.\r", true},
	{"CR.CRLF", "\r.\r\n", true},  {"CR.CR", "\r.\r", true},     {"CR.LF", "\r.\n", true},
	{"CRLF.LF", "\r\n.\n", false},
};
const unsigned active_ending_count = sizeof(active_endings) / sizeof(active_endings[0]);

#define SMUGGLED_COMMAND "XAUDIT"

const char *active_sample_name(unsigned sample)
{
	return sample < ACTIVE_SAMPLES ? samples[sample].name : "";
}

/* ---- messages ---- */

static size_t header(const char *from, const char *to, const char *token, const char *subject,
		     char *buffer, size_t size)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	int length;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	length = snprintf(buffer, size,
			  "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s@audit.invalid>\r\n"
			  "Subject: audit: %s\r\nAuto-Submitted: auto-generated\r\n"
			  "MIME-Version: 1.0\r\n",
			  date, from[0] ? from : "postmaster@localhost", to, token, subject);
	return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}

size_t active_message(unsigned sample, const char *from, const char *to, const char *token,
		      char *buffer, size_t size)
{
	size_t at;
	int length;

	if (sample >= ACTIVE_SAMPLES)
		return 0;
	at = header(from, to, token, samples[sample].name, buffer, size);
	if (!at)
		return 0;
	if (!samples[sample].file)
		length = snprintf(buffer + at, size - at,
				  "Content-Type: text/plain\r\n\r\n%s\r\n.\r\n",
				  samples[sample].text);
	else
		length =
			snprintf(buffer + at, size - at,
				 "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n"
				 "--%s\r\nContent-Type: text/plain\r\n\r\n"
				 "A test of the filters of this server, ordered by who runs it.\r\n"
				 "--%s\r\nContent-Type: %s; name=\"%s\"\r\n"
				 "Content-Transfer-Encoding: %s\r\n"
				 "Content-Disposition: attachment; filename=\"%s\"\r\n\r\n"
				 "%s\r\n--%s--\r\n.\r\n",
				 token, token, token, samples[sample].type, samples[sample].file,
				 samples[sample].encoding, samples[sample].file,
				 samples[sample].text, token);
	return length < 0 || (size_t)length >= size - at ? 0 : at + (size_t)length;
}

static size_t smuggle(const struct active_ending *ending, const char *from, const char *to,
		      const char *token, char *buffer, size_t size)
{
	size_t at = header(from, to, token, ending->name, buffer, size);
	int length;

	if (!at)
		return 0;
	length = snprintf(buffer + at, size - at, "\r\nx%s" SMUGGLED_COMMAND "\r\n.\r\n",
			  ending->bytes);
	return length < 0 || (size_t)length >= size - at ? 0 : at + (size_t)length;
}

/* ---- the visit ---- */

struct active_script {
	unsigned round;
	const struct script_facts *facts;
	char from[MAILBOX_MAX], to[MAILBOX_MAX], token[32];
	bool is_from_nobody, is_over;
	char command[COMMAND_MAX], message[MESSAGE_MAX];
};

/* It goes into commands and headers. */
static bool is_mailbox(const char *text)
{
	return strlen(text) < MAILBOX_MAX && script_is_mailbox(text);
}

struct active_script *active_script_new(unsigned round, const struct script_facts *facts)
{
	struct active_script *s;

	if (!facts->may_intrude || !facts->request->active ||
	    !is_mailbox(facts->request->mailbox) || round >= ACTIVE_SAMPLES + active_ending_count)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->round = round;
	s->facts = facts;
	snprintf(s->to, sizeof(s->to), "%s", facts->request->mailbox);
	snprintf(s->token, sizeof(s->token), "%s%02x", facts->random, round);
	/* Who bounces a sample bounces it to us, or else to the mailbox itself: never to a stranger. */
	if (facts->request->send_to[0] && is_mailbox(facts->request->send_to))
		snprintf(s->from, sizeof(s->from), "%s", facts->request->send_to);
	else
		snprintf(s->from, sizeof(s->from), "%s", s->to);
	return s;
}

static bool say(struct step *out, enum what what, unsigned index, const char *text)
{
	*out = (struct step){.kind = STEP_SAY, .what = what, .index = index, .text = text};
	return true;
}

static bool quit(struct active_script *s, struct step *out)
{
	s->is_over = true;
	*out = (struct step){.kind = STEP_QUIT, .what = WHAT_QUIT};
	return true;
}

static bool is_sample(const struct active_script *s)
{
	return s->round < ACTIVE_SAMPLES;
}

static unsigned index_of(const struct active_script *s)
{
	return is_sample(s) ? s->round : s->round - ACTIVE_SAMPLES;
}

static bool say_mail(struct active_script *s, struct step *out)
{
	snprintf(s->command, sizeof(s->command), "MAIL FROM:<%s>", s->from);
	return say(out, WHAT_ACTIVE_MAIL, s->round, s->command);
}

/* A server that refuses mail from its own domain by strangers is right; then from nobody. */
static bool after_mail_refused(struct active_script *s, struct step *out)
{
	if (s->is_from_nobody)
		return quit(s, out);
	s->is_from_nobody = true;
	s->from[0] = 0;
	return say_mail(s, out);
}

static bool after_rcpt(struct active_script *s, bool is_positive, struct step *out)
{
	if (is_positive)
		return say(out, WHAT_ACTIVE_DATA, s->round, "DATA");
	return s->is_from_nobody ? quit(s, out) : say(out, WHAT_RSET, 0, "RSET");
}

static bool say_message(struct active_script *s, struct step *out)
{
	size_t length = is_sample(s) ? active_message(s->round, s->from, s->to, s->token,
						      s->message, sizeof(s->message))
				     : smuggle(&active_endings[index_of(s)], s->from, s->to,
					       s->token, s->message, sizeof(s->message));

	*out = (struct step){.kind = STEP_RAW,
			     .what = WHAT_ACTIVE_SENT,
			     .index = s->round,
			     .text = s->message,
			     .length = length};
	return length != 0;
}

static bool after_sent(struct active_script *s, struct step *out)
{
	if (is_sample(s))
		return quit(s, out);
	return say(out, WHAT_SMUGGLED, index_of(s), "NOOP");
}

static bool say_hello(struct active_script *s, const struct visit_log *log, struct step *out,
		      const char *verb, enum what what)
{
	char helo[SCRIPT_HELO_MAX];

	snprintf(s->command, sizeof(s->command), "%s %s", verb, script_helo(s->facts, log, helo));
	return say(out, what, 0, s->command);
}

bool active_script_next(struct active_script *s, const struct visit_log *log,
			const struct exchange *last, struct step *out)
{
	bool is_positive = last && last->response.kind == RESPONSE_POSITIVE;

	if (s->is_over || (last && last->response.kind == RESPONSE_NONE))
		return false;
	if (!last) {
		*out = (struct step){.kind = STEP_READ, .what = WHAT_GREETING};
		return true;
	}
	switch (last->what) {
	case WHAT_GREETING:
		return is_positive ? say_hello(s, log, out, "EHLO", WHAT_EHLO) : quit(s, out);
	case WHAT_EHLO:
		return is_positive ? say_mail(s, out) : say_hello(s, log, out, "HELO", WHAT_HELO);
	case WHAT_HELO:
		return is_positive ? say_mail(s, out) : quit(s, out);
	case WHAT_RSET:
		return after_mail_refused(s, out);
	case WHAT_ACTIVE_MAIL:
		if (!is_positive)
			return after_mail_refused(s, out);
		snprintf(s->command, sizeof(s->command), "RCPT TO:<%s>", s->to);
		return say(out, WHAT_ACTIVE_RCPT, s->round, s->command);
	case WHAT_ACTIVE_RCPT:
		return after_rcpt(s, is_positive, out);
	case WHAT_ACTIVE_DATA:
		return last->response.kind == RESPONSE_MORE ? say_message(s, out) : quit(s, out);
	case WHAT_ACTIVE_SENT:
		return after_sent(s, out);
	default:
		return quit(s, out);
	}
}

void active_script_free(struct active_script *s)
{
	free(s);
}
