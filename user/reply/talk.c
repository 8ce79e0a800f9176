/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversation: see talk.h. Wording and codes are those of Postfix's own dummy engine (postscreen(8)), codes by RFC 5321 and
 * RFC 3463. PIPELINING is not offered, as it is not there: who is refused anyway may well wait for each answer, and
 * no answer needs room beside others. It is borne when it comes. No reply repeats what a client said.
 */
#include "reply/talk.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

const char *talk_state_name(enum talk_state state)
{
	static const char *const names[] = {
		[TALK_UNGREETED] = "ungreeted", [TALK_READY] = "ready",
		[TALK_SENDER] = "sender",	[TALK_ASKED] = "asked",
		[TALK_SECURING] = "securing",	[TALK_REFUSED] = "refused",
		[TALK_LEAVING] = "leaving",
	};

	return state < TALK_STATES ? names[state] : "?";
}

/* ---- what is said ---- */

static const char *const sayings[SAYINGS] = {
	[SAY_OK] = "250 2.0.0 Ok",
	[SAY_SENDER_OK] = "250 2.1.0 Ok",
	[SAY_BEGIN_TLS] = "220 2.0.0 Ready to start TLS",
	[SAY_TLS_BUSY] = "454 4.7.0 TLS not available now",
	[SAY_CANNOT_VERIFY] = "252 2.0.0 Cannot verify: try to send",
	[SAY_BYE] = "221 2.0.0 Bye",
	[SAY_AGAIN] = "421 4.3.2 Try again",
	[SAY_TOO_MUCH] = "421 4.7.0 Error: too much",
	[SAY_TOO_SLOW] = "421 4.4.2 Error: timeout exceeded",
	[SAY_HELLO_BAD] = "501 5.5.4 Syntax: EHLO hostname",
	[SAY_MAIL_BAD] = "501 5.5.4 Syntax: MAIL FROM:<address>",
	[SAY_RCPT_BAD] = "501 5.5.4 Syntax: RCPT TO:<address>",
	[SAY_NO_ARGUMENT] = "501 5.5.4 Syntax: no parameters allowed",
	[SAY_NESTED] = "503 5.5.1 Error: nested MAIL command",
	[SAY_NEED_MAIL] = "503 5.5.1 Error: need MAIL command",
	[SAY_NEED_RCPT] = "503 5.5.1 Error: need RCPT command",
	[SAY_NO_AUTH] = "503 5.5.1 Error: authentication not enabled",
	[SAY_TLS_AGAIN] = "503 5.5.1 Error: TLS already active",
	[SAY_ABSENT] = "502 5.5.1 Error: command not implemented",
	[SAY_UNKNOWN] = "502 5.5.2 Error: command not recognized",
	[SAY_LONG] = "500 5.5.2 Error: line too long",
	[SAY_REFUSED_ALREADY] = "503 5.5.1 Error: refused; only QUIT is possible",
};

static void out_add(struct talk *t, const char *text)
{
	size_t length = strlen(text);

	/* Cannot be: room for the longest was seen to before. Half a reply is worse than none. */
	if (length + 2 > sizeof(t->out) - t->out_length)
		return;
	memcpy(t->out + t->out_length, text, length);
	memcpy(t->out + t->out_length + length, "\r\n", 2);
	t->out_length += length + 2;
}

static void out_name(struct talk *t, const char *code, const char *rest)
{
	char text[TALK_REPLY_MAX];

	snprintf(text, sizeof(text), "%s%.*s%s", code, REPLY_NAME_MAX - 1, t->settings->name, rest);
	out_add(t, text);
}

static void say(struct talk *t, enum talk_saying says)
{
	switch (says) {
	case SAY_NOTHING:
		break;
	case SAY_GREETING:
		out_name(t, "220 ", " ESMTP");
		break;
	case SAY_HELLO:
		out_name(t, "250 ", "");
		break;
	case SAY_EXTENSIONS:
		out_name(t, "250-", "");
		if (t->offers_tls && !t->has_tls)
			out_add(t, "250-STARTTLS");
		out_add(t, "250-ENHANCEDSTATUSCODES");
		out_add(t, "250-8BITMIME");
		/* Or who needs it gives its mail up for good, before it hears that it should only wait. */
		out_add(t, "250 SMTPUTF8");
		break;
	case SAY_REFUSAL:
		out_add(t, t->refusal);
		break;
	default:
		out_add(t, sayings[says]);
	}
}

/* ---- the protocol ---- */

static struct talk_step step_to(enum talk_state next, enum talk_saying says)
{
	return (struct talk_step){.next = next, .says = says};
}

/* Commands that mean the same whether a sender is named or not. */
static struct talk_step transition_any(enum talk_state state, unsigned input)
{
	switch (input) {
	case COMMAND_HELO:
		return step_to(TALK_READY, SAY_HELLO);
	case COMMAND_EHLO:
		return step_to(TALK_READY, SAY_EXTENSIONS);
	case COMMAND_HELLO_BAD:
		return step_to(state, SAY_HELLO_BAD);
	case COMMAND_STARTTLS:
		return step_to(TALK_SECURING, SAY_BEGIN_TLS);
	case COMMAND_STARTTLS_BAD:
		return step_to(state, SAY_NO_ARGUMENT);
	case TALK_TLS_ABSENT:
		return step_to(state, SAY_ABSENT);
	case TALK_TLS_AGAIN:
		return step_to(state, SAY_TLS_AGAIN);
	case TALK_TLS_BUSY:
		return step_to(state, SAY_TLS_BUSY);
	case COMMAND_MAIL_BAD:
		return step_to(state, SAY_MAIL_BAD);
	case COMMAND_RSET:
		return step_to(TALK_READY, SAY_OK);
	case COMMAND_NOOP:
		return step_to(state, SAY_OK);
	case COMMAND_VRFY:
		return step_to(state, SAY_CANNOT_VERIFY);
	case COMMAND_AUTH:
		return step_to(state, SAY_NO_AUTH);
	case COMMAND_QUIT:
		return step_to(TALK_LEAVING, SAY_BYE);
	case COMMAND_ABSENT:
		return step_to(state, SAY_ABSENT);
	case COMMAND_UNKNOWN:
		return step_to(state, SAY_UNKNOWN);
	case COMMAND_LONG:
		return step_to(state, SAY_LONG);
	case TALK_TOO_MUCH:
		return step_to(TALK_LEAVING, SAY_TOO_MUCH);
	case TALK_TOO_SLOW:
		return step_to(TALK_LEAVING, SAY_TOO_SLOW);
	default:
		return step_to(state, SAY_NOTHING);
	}
}

/* A name in HELO is not asked for: what is refused anyway need not be introduced. */
static struct talk_step transition_ready(unsigned input)
{
	switch (input) {
	case COMMAND_MAIL:
		return step_to(TALK_SENDER, SAY_SENDER_OK);
	case COMMAND_RCPT:
	case COMMAND_RCPT_BAD:
		return step_to(TALK_READY, SAY_NEED_MAIL);
	case COMMAND_DATA:
		return step_to(TALK_READY, SAY_NEED_RCPT);
	default:
		return transition_any(TALK_READY, input);
	}
}

static struct talk_step transition_sender(unsigned input)
{
	switch (input) {
	case COMMAND_MAIL:
		return step_to(TALK_SENDER, SAY_NESTED);
	case COMMAND_RCPT:
		return step_to(TALK_ASKED, SAY_NOTHING);
	case COMMAND_RCPT_BAD:
		return step_to(TALK_SENDER, SAY_RCPT_BAD);
	case COMMAND_DATA:
		return step_to(TALK_SENDER, SAY_NEED_RCPT);
	default:
		return transition_any(TALK_SENDER, input);
	}
}

/* Only the reason leads on. */
static struct talk_step transition_waiting(enum talk_state state, unsigned input)
{
	switch (input) {
	case TALK_TOLD_FOR_GOOD:
		return step_to(state == TALK_ASKED ? TALK_SENDER : TALK_REFUSED, SAY_REFUSAL);
	case TALK_TOLD_FOR_NOW:
		/* In a greeting it can only be 421, and that closes (RFC 5321, 3.8). */
		return step_to(state == TALK_ASKED ? TALK_SENDER : TALK_LEAVING, SAY_REFUSAL);
	case TALK_TOLD_NOTHING:
		return step_to(TALK_LEAVING, SAY_AGAIN);
	case TALK_TOO_MUCH:
		return step_to(TALK_LEAVING, SAY_TOO_MUCH);
	case TALK_TOO_SLOW:
		return step_to(TALK_LEAVING, SAY_TOO_SLOW);
	default:
		return step_to(state, SAY_NOTHING);
	}
}

/* RFC 5321, 3.1: the server waits for QUIT, and answers 503 to all else. */
static struct talk_step transition_refused(unsigned input)
{
	switch (input) {
	case COMMAND_QUIT:
		return step_to(TALK_LEAVING, SAY_BYE);
	case TALK_TOO_MUCH:
		return step_to(TALK_LEAVING, SAY_TOO_MUCH);
	case TALK_TOO_SLOW:
		return step_to(TALK_LEAVING, SAY_TOO_SLOW);
	case TALK_TOLD_FOR_GOOD:
	case TALK_TOLD_FOR_NOW:
	case TALK_TOLD_NOTHING:
	case TALK_SECURED:
		return step_to(TALK_REFUSED, SAY_NOTHING);
	default:
		return step_to(TALK_REFUSED, SAY_REFUSED_ALREADY);
	}
}

struct talk_step talk_transition(enum talk_state state, unsigned input)
{
	switch (state) {
	case TALK_READY:
		return transition_ready(input);
	case TALK_SENDER:
		return transition_sender(input);
	case TALK_UNGREETED:
	case TALK_ASKED:
		return transition_waiting(state, input);
	case TALK_REFUSED:
		return transition_refused(input);
	case TALK_SECURING:
		if (input == TALK_SECURED)
			return step_to(TALK_READY, SAY_NOTHING);
		/* In the midst of a handshake no text can be said. */
		if (input == TALK_TOO_MUCH || input == TALK_TOO_SLOW)
			return step_to(TALK_LEAVING, SAY_NOTHING);
		return step_to(state, SAY_NOTHING);
	default:
		return step_to(state, SAY_NOTHING);
	}
}

/* ---- a talk ---- */

static void keep(char *to, size_t size, const struct command *c)
{
	text_escape(c->text, c->length, to, size);
}

/* What is remembered of a command that was taken. */
static void remember(struct talk *t, unsigned input, const struct command *c, enum talk_saying says)
{
	if (says == SAY_HELLO || says == SAY_EXTENSIONS) {
		t->is_esmtp = says == SAY_EXTENSIONS;
		keep(t->helo, sizeof(t->helo), c);
	} else if (says == SAY_SENDER_OK) {
		keep(t->sender, sizeof(t->sender), c);
	} else if (says == SAY_BEGIN_TLS) {
		/* What was said in the clear counts no more (RFC 3207, 4.2). */
		t->is_esmtp = false;
		t->helo[0] = t->sender[0] = '\0';
	}
	if (input == COMMAND_RCPT && t->state == TALK_ASKED)
		keep(t->recipient, sizeof(t->recipient), c);
}

static unsigned input_told(const struct talk *t)
{
	switch (t->kind) {
	case REPLY_LISTED:
	case REPLY_RULE:
		return TALK_TOLD_FOR_GOOD;
	case REPLY_LIMIT:
		return TALK_TOLD_FOR_NOW;
	default:
		return TALK_TOLD_NOTHING;
	}
}

static void advance(struct talk *t, struct talk_step step, enum talk_event *event)
{
	t->state = step.next;
	say(t, step.says);
	if (step.says == SAY_REFUSAL)
		*event = TALK_REFUSED_ONE;
	else if (step.says == SAY_BEGIN_TLS)
		*event = TALK_START_TLS;
}

static unsigned input_of(const struct talk *t, const struct command *c)
{
	if (c->kind != COMMAND_STARTTLS && c->kind != COMMAND_STARTTLS_BAD)
		return c->kind;
	if (!t->offers_tls)
		return TALK_TLS_ABSENT;
	if (t->has_tls)
		return TALK_TLS_AGAIN;
	return t->is_tls_busy && c->kind == COMMAND_STARTTLS ? TALK_TLS_BUSY : (unsigned)c->kind;
}

static void command_take(struct talk *t, const struct command *c, enum talk_event *event)
{
	unsigned input = input_of(t, c);
	struct talk_step step = talk_transition(t->state, input);
	bool is_too_much = ++t->commands > TALK_COMMANDS_MAX;

	if (step.says >= SAY_ERRORS)
		is_too_much |= ++t->errors > TALK_ERRORS_MAX;
	if (step.next == TALK_ASKED)
		is_too_much |= ++t->recipients > TALK_RECIPIENTS_MAX;
	if (is_too_much && input != COMMAND_QUIT)
		step = talk_transition(t->state, input = TALK_TOO_MUCH);
	advance(t, step, event);
	remember(t, input, c, step.says);
	if (t->state == TALK_ASKED && t->is_told)
		advance(t, talk_transition(t->state, input_told(t)), event);
}

void talk_open(struct talk *t, const struct reply_settings *settings, bool offers_tls,
	       const struct addr *addr, uint16_t port)
{
	memset(t, 0, sizeof(*t));
	t->settings = settings;
	t->offers_tls = offers_tls;
	t->addr = *addr;
	t->port = port;
	t->state = settings->at_greeting ? TALK_UNGREETED : TALK_READY;
	if (t->state == TALK_READY)
		say(t, SAY_GREETING);
}

bool talk_is_listening(const struct talk *t)
{
	switch (t->state) {
	case TALK_READY:
	case TALK_SENDER:
	case TALK_REFUSED:
		return sizeof(t->out) - t->out_length >= TALK_REPLY_MAX;
	default:
		return t->state == TALK_LEAVING;
	}
}

size_t talk_take(struct talk *t, const char *bytes, size_t length, enum talk_event *event)
{
	struct command c = {.kind = COMMAND_LONG, .text = ""};
	enum line_result result;
	size_t taken;

	*event = TALK_NO_EVENT;
	if (t->state == TALK_LEAVING)
		return length;
	if (!talk_is_listening(t))
		return 0;
	taken = line_take(&t->line, bytes, length, &result);
	if (result == LINE_MORE)
		return taken;
	if (result == LINE_WHOLE)
		c = command_read(t->line.byte, t->line.length);
	command_take(t, &c, event);
	return t->state == TALK_SECURING ? length : taken;
}

void talk_tell(struct talk *t, const struct reply_because *because, enum talk_event *event)
{
	struct reply_because b = *because;

	*event = TALK_NO_EVENT;
	if (t->is_told)
		return;
	/* The texts were checked on the way; a reader of foreign bytes relies on nothing. */
	b.by[sizeof(b.by) - 1] = b.text[sizeof(b.text) - 1] = '\0';
	t->is_told = true;
	t->kind = b.kind < REPLY_KINDS ? b.kind : (uint32_t)REPLY_NOTHING;
	if (t->kind != REPLY_NOTHING)
		refusal_write(&b, &t->addr, t->settings->contact, t->settings->at_greeting,
			      t->refusal);
	advance(t, talk_transition(t->state, input_told(t)), event);
}

void talk_secured(struct talk *t)
{
	enum talk_event none;

	if (t->state != TALK_SECURING)
		return;
	t->has_tls = true;
	advance(t, talk_transition(t->state, TALK_SECURED), &none);
}

void talk_end(struct talk *t, enum talk_input why)
{
	enum talk_event none;

	advance(t, talk_transition(t->state, why), &none);
}

void talk_sent(struct talk *t, size_t length)
{
	if (length > t->out_length)
		length = t->out_length;
	t->out_length -= length;
	memmove(t->out, t->out + length, t->out_length);
}

void talk_said(const struct talk *t, struct reply_said *out)
{
	memset(out, 0, sizeof(*out));
	out->addr = t->addr;
	out->port = t->port;
	out->esmtp = t->is_esmtp;
	out->tls = t->has_tls;
	out->at_greeting = t->settings->at_greeting;
	snprintf(out->reply, sizeof(out->reply), "%s", t->refusal);
	if (out->at_greeting)
		return;
	memcpy(out->helo, t->helo, sizeof(out->helo));
	memcpy(out->sender, t->sender, sizeof(out->sender));
	memcpy(out->recipient, t->recipient, sizeof(out->recipient));
}
