/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading commands: see command.h. It is as tolerant as Postfix is, since the purpose is that a sender hears why it is refused: a
 * mailbox without <> is taken, parameters behind it are passed over, whatever they say.
 */
#include "reply/command.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "reply/line.h"

/* What is left of a line. */
struct rest {
	const char *at, *end;
};

static const struct {
	const char *verb;
	enum command_kind kind;
} verbs[] = {
	{"HELO", COMMAND_HELO},	  {"EHLO", COMMAND_EHLO},   {"STARTTLS", COMMAND_STARTTLS},
	{"MAIL", COMMAND_MAIL},	  {"RCPT", COMMAND_RCPT},   {"DATA", COMMAND_DATA},
	{"BDAT", COMMAND_DATA},	  {"RSET", COMMAND_RSET},   {"NOOP", COMMAND_NOOP},
	{"VRFY", COMMAND_VRFY},	  {"AUTH", COMMAND_AUTH},   {"QUIT", COMMAND_QUIT},
	{"EXPN", COMMAND_ABSENT}, {"HELP", COMMAND_ABSENT}, {"ETRN", COMMAND_ABSENT},
	{"TURN", COMMAND_ABSENT},
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void space_skip(struct rest *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
}

static struct rest word_take(struct rest *r)
{
	struct rest word = {.at = r->at};

	while (r->at < r->end && !is_space(*r->at))
		r->at++;
	word.end = r->at;
	return word;
}

/* Is it next, in any case of letters? Then it is taken. */
static bool text_take(struct rest *r, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(r->end - r->at) < length || strncasecmp(r->at, text, length) != 0)
		return false;
	r->at += length;
	return true;
}

static enum command_kind verb_read(const struct rest *word)
{
	size_t length = (size_t)(word->end - word->at);

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strlen(verbs[i].verb) == length &&
		    strncasecmp(word->at, verbs[i].verb, length) == 0)
			return verbs[i].kind;
	return COMMAND_UNKNOWN;
}

/* Behind '<', to the '>' that closes it: a quoted local part may hold others (RFC 5321, 4.1.2). */
static bool path_take(struct rest *r, struct rest *mailbox)
{
	bool quoted = false;

	mailbox->at = r->at;
	for (; r->at < r->end; r->at++) {
		if (*r->at == '\\' && r->end - r->at > 1)
			r->at++;
		else if (*r->at == '"')
			quoted = !quoted;
		else if (*r->at == '>' && !quoted)
			break;
	}
	mailbox->end = r->at;
	return r->at < r->end;
}

static bool mailbox_take(struct rest *r, const char *lead, struct rest *mailbox)
{
	space_skip(r);
	if (!text_take(r, lead))
		return false;
	space_skip(r);
	if (text_take(r, "<"))
		return path_take(r, mailbox);
	*mailbox = word_take(r);
	return mailbox->at < mailbox->end;
}

static struct command command_of(enum command_kind kind, const struct rest *text)
{
	return (struct command){
		.kind = kind, .text = text->at, .length = (size_t)(text->end - text->at)};
}

static struct command hello_read(enum command_kind kind, struct rest *r)
{
	struct rest name;

	space_skip(r);
	name = *r;
	while (name.end > name.at && is_space(name.end[-1]))
		name.end--;
	return command_of(name.at < name.end ? kind : COMMAND_HELLO_BAD, &name);
}

static struct command mailbox_read(enum command_kind kind, struct rest *r)
{
	struct rest mailbox = {.at = r->at, .end = r->at};

	if (kind == COMMAND_MAIL)
		return command_of(mailbox_take(r, "FROM:", &mailbox) ? kind : COMMAND_MAIL_BAD,
				  &mailbox);
	/* Nobody is not a recipient; nobody is a sender, of bounces. */
	if (!mailbox_take(r, "TO:", &mailbox) || mailbox.at == mailbox.end)
		kind = COMMAND_RCPT_BAD;
	return command_of(kind, &mailbox);
}

static bool is_too_long(enum command_kind kind, size_t length)
{
	/* Without CR LF. */
	return kind != COMMAND_MAIL && kind != COMMAND_RCPT && length > LINE_COMMAND_MAX - 2;
}

struct command command_read(const char *line, size_t length)
{
	struct rest r = {.at = line, .end = line + length}, word;
	enum command_kind kind;

	space_skip(&r);
	word = word_take(&r);
	kind = verb_read(&word);
	if (is_too_long(kind, length))
		return command_of(COMMAND_LONG, &(struct rest){line, line});
	switch (kind) {
	case COMMAND_HELO:
	case COMMAND_EHLO:
		return hello_read(kind, &r);
	case COMMAND_MAIL:
	case COMMAND_RCPT:
		return mailbox_read(kind, &r);
	case COMMAND_STARTTLS:
		space_skip(&r);
		if (r.at < r.end)
			kind = COMMAND_STARTTLS_BAD;
		break;
	default:
		break;
	}
	return command_of(kind, &(struct rest){line, line});
}
