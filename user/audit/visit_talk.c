/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said at a visit, and what comes back: see visit.h. Servers that say more than they were asked are kept in step as well as can
 * be: what lies there before a command is sent cannot be its answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/visit_inside.h"
#include "base/when.h"

#define READ_BYTES 4096
/* Of what is said unasked. As much as a response may have. */
#define EARLY_BYTES_MAX RESPONSE_BYTES_MAX
#define CODE_CLOSING	421 /* RFC 5321, 3.8: at any time, to any command */

static enum go over_alien(struct visit *v, const struct response *r)
{
	char said[VISIT_WHY_MAX / 2];

	return visit_over(v, VISIT_ALIEN, "what answers does not speak %s: \"%s\"",
			  protocol_name(v->order.protocol), response_format(r, said, sizeof(said)));
}

static enum go over_flooded(struct visit *v)
{
	return visit_over(
		v, VISIT_FLOODED,
		"it says more than anybody has to say (a line of %d bytes, %d lines or %d bytes)",
		RESPONSE_LINE_MAX, RESPONSE_LINES_MAX, RESPONSE_BYTES_MAX);
}

/* ---- responses ---- */

/* How many bytes of text are the secret, as it is or as a quoted string has it; 0: it does not begin here. */
static size_t secret_at(const char *text, const char *secret)
{
	const char *at = text;

	for (; *secret; secret++, at++) {
		if (*at == '\\' && at[1] == *secret && (*secret == '"' || *secret == '\\'))
			at++;
		if (*at != *secret)
			return 0;
	}
	return (size_t)(at - text);
}

/* Nobody's report is the place for a password, though the server that read it may say it aloud. */
static void hide_secret(const struct visit *v, struct response *r)
{
	const char *secret = v->has_told ? v->order.secret : NULL;

	for (char *at = r->text; secret && at && *at; at++) {
		size_t length = secret_at(at, secret);

		if (!length)
			continue;
		memset(at, '*', length);
		at += length - 1;
	}
}

static enum response_step response_take(const struct visit *v, struct response *r)
{
	enum response_step step = response_next(v->reader, r);

	if (step != RESPONSE_WANTS)
		hide_secret(v, r);
	return step;
}

/* A farewell that nobody asked for, instead of an answer. */
static bool is_farewell(const struct visit *v, const struct response *r)
{
	if (v->order.protocol == PROTOCOL_IMAP)
		return (r->oddities & ODD_UNENDED) && r->kind == RESPONSE_NEGATIVE &&
		       response_says(r, "* BYE");
	return r->code == CODE_CLOSING;
}

static enum go over_turned_away(struct visit *v, const struct response *r)
{
	char said[VISIT_WHY_MAX];

	return visit_over(v, VISIT_TURNED_AWAY, "%s", response_format(r, said, sizeof(said)));
}

/* What lies there before TLS would be taken for what the server said inside it (RFC 3207, 4.2). */
static enum go begin_tls(struct visit *v)
{
	char bytes[READ_BYTES];
	ssize_t n;

	v->log->discarded += response_discard(v->reader);
	while (v->log->discarded < EARLY_BYTES_MAX &&
	       (n = visit_wire_read(&v->wire, bytes, sizeof(bytes))) > 0)
		v->log->discarded += (size_t)n;
	return visit_move(v, VISIT_TO_TLS);
}

static void keep_answer(struct visit *v, const struct response *r)
{
	struct exchange *x = visit_log_last(v->log);

	x->response = *r;
	x->latency_ms = (unsigned)((now_monotonic_ns() - v->asked_ns) / NS_PER_MS);
}

/* Takes the response; the greeting, or the answer to what was sent. */
static enum go take_answer(struct visit *v, const struct response *r)
{
	bool is_greeting = !v->greeted;

	keep_answer(v, r);
	v->greeted = true;
	if (v->state == VISIT_QUITTING)
		return visit_over_well(v);
	if (is_farewell(v, r))
		return over_turned_away(v, r);
	if (is_greeting && r->kind == RESPONSE_MORE)
		return over_alien(v, r);
	if (is_greeting && r->kind != RESPONSE_POSITIVE)
		return over_turned_away(v, r);
	if (r->oddities & ODD_UNENDED)
		return GO_WAIT; /* whoever found the end of it knows how the visit ends */
	if (v->step.kind == STEP_TLS && r->kind == RESPONSE_POSITIVE)
		return begin_tls(v);
	return visit_move(v, VISIT_ANSWERED);
}

/* Takes what nobody asked for. */
static enum go take_early(struct visit *v, struct response *r)
{
	struct exchange *x = visit_log_last(v->log);
	bool is_end = is_farewell(v, r);
	enum go go = GO_ON;

	/* While another command is under way already, it was said after the one before. */
	if (v->state == VISIT_AWAITING && v->log->count > 1)
		x--;
	x->response.oddities |= ODD_EARLY;
	if (is_end)
		go = over_turned_away(v, r);
	response_free(r);
	return go;
}

/* What waits in the reader. GO_WAIT: no whole response does. */
static enum go take_waiting(struct visit *v)
{
	struct response r;

	switch (response_take(v, &r)) {
	case RESPONSE_WHOLE:
		if (!v->owes)
			return take_answer(v, &r);
		v->owes = false;
		return take_early(v, &r);
	case RESPONSE_FLOOD:
		keep_answer(v, &r);
		return v->state == VISIT_QUITTING ? visit_over_well(v) : over_flooded(v);
	case RESPONSE_ALIEN:
		keep_answer(v, &r);
		return v->state == VISIT_QUITTING ? visit_over_well(v) : over_alien(v, &r);
	case RESPONSE_WANTS:
	default:
		return GO_WAIT;
	}
}

enum go visit_take_rest(struct visit *v)
{
	struct response r;
	enum response_step step = response_last(v->reader, &r);

	hide_secret(v, &r);
	if (step == RESPONSE_WHOLE && !v->owes)
		return take_answer(v, &r);
	if (step == RESPONSE_ALIEN && !v->owes) {
		keep_answer(v, &r);
		return v->state == VISIT_QUITTING ? visit_over_well(v) : over_alien(v, &r);
	}
	response_free(&r);
	return GO_WAIT;
}

/* More bytes for the reader. n: what reading came to. */
static enum go feed(struct visit *v, const char *bytes, ssize_t n)
{
	int ret = response_feed(v->reader, bytes, (size_t)n);

	if (ret == -EMSGSIZE)
		return over_flooded(v);
	return ret < 0 ? visit_over(v, VISIT_FAILED, "no memory for what it says") : GO_ON;
}

enum go visit_await(struct visit *v)
{
	char bytes[READ_BYTES];
	enum go go = take_waiting(v);
	ssize_t n;

	if (go != GO_WAIT)
		return go;
	n = visit_wire_read(&v->wire, bytes, sizeof(bytes));
	if (n == -EAGAIN)
		return GO_WAIT;
	if (n > 0)
		return feed(v, bytes, n);
	go = visit_take_rest(v);
	if (go != GO_WAIT)
		return go;
	return v->state == VISIT_QUITTING ? visit_over_well(v) : visit_over_closed(v, n);
}

/* ---- the script ---- */

/* What waits in the reader, of which nothing was asked for. */
static enum go throw_waiting(struct visit *v)
{
	struct response r;
	enum go go = GO_ON;

	while (go == GO_ON && response_waiting(v->reader)) {
		enum response_step step = response_take(v, &r);

		if (step == RESPONSE_WANTS)
			break;
		if (step == RESPONSE_WHOLE) {
			go = take_early(v, &r);
			continue;
		}
		go = step == RESPONSE_FLOOD ? over_flooded(v) : over_alien(v, &r);
		response_free(&r);
	}
	return go;
}

/* Whatever lies there before something is said. GO_ON: now it can be said. */
static enum go throw_early(struct visit *v)
{
	char bytes[READ_BYTES];
	enum go go = throw_waiting(v);
	ssize_t n;

	while (go == GO_ON && (n = visit_wire_read(&v->wire, bytes, sizeof(bytes))) > 0) {
		v->early_bytes += (size_t)n;
		go = v->early_bytes > EARLY_BYTES_MAX ? over_flooded(v) : feed(v, bytes, n);
		if (go == GO_ON)
			go = throw_waiting(v);
	}
	if (go == GO_ON)
		v->owes = response_waiting(v->reader);
	return go;
}

static const char *goodbye_of(enum protocol p)
{
	return p == PROTOCOL_IMAP ? "bye LOGOUT" : "QUIT";
}

/* The bytes of a step, with CR LF where it is a line. 0 or -ENOMEM. */
static int compose(struct visit *v, const char *text, size_t length, bool is_line)
{
	char *out = malloc(length + sizeof("\r\n"));

	if (!out)
		return -ENOMEM;
	memcpy(out, text, length);
	memcpy(out + length, "\r\n", sizeof("\r\n"));
	free(v->out);
	v->out = out;
	v->out_length = is_line ? length + strlen("\r\n") : length;
	v->out_at = 0;
	return 0;
}

/* IMAP: what is said begins with the tag that its answer will have. */
static void expect(struct visit *v, const char *text, size_t length)
{
	const char *space = text ? memchr(text, ' ', length) : NULL;
	size_t tag = space ? (size_t)(space - text) : length;

	if (text && tag < sizeof(v->tag)) {
		memcpy(v->tag, text, tag);
		v->tag[tag] = '\0';
	}
	response_expect(v->reader, v->step.shape, v->tag);
}

static enum go say(struct visit *v, const char *text)
{
	bool is_line = v->step.kind != STEP_RAW && v->step.kind != STEP_MUTE;
	size_t length = is_line ? strlen(text) : v->step.length, shown = length;
	int ret = compose(v, text, length, is_line);

	while (!is_line && shown && (text[shown - 1] == '\n' || text[shown - 1] == '\r'))
		shown--;
	v->has_told = v->has_told || v->step.shown;
	if (ret == 0)
		ret = v->step.shown ? visit_log_add(v->log, &v->step, v->step.shown,
						    strlen(v->step.shown), v->wire.in_tls)
				    : visit_log_add(v->log, &v->step, text, shown, v->wire.in_tls);
	if (ret < 0)
		return visit_over(v, VISIT_FAILED,
				  ret == -E2BIG ? "more was to be said than is allowed"
						: "no memory for what is said");
	expect(v, text, length);
	return visit_move(v, v->step.kind == STEP_QUIT ? VISIT_TO_QUIT : VISIT_TO_SAY);
}

static enum go listen_on(struct visit *v)
{
	int ret = visit_log_add(v->log, &v->step, NULL, 0, v->wire.in_tls);

	if (ret < 0)
		return visit_over(v, VISIT_FAILED, "no memory for what it says");
	response_expect(v->reader, v->step.shape, v->tag);
	return visit_move(v, VISIT_TO_READ);
}

enum go visit_ask(struct visit *v)
{
	bool was_mute = v->step.kind == STEP_MUTE;
	struct step step = {.kind = STEP_CUT};
	const char *text;
	enum go go;

	if (!v->order.script(v->order.script_context, v->log, visit_log_last(v->log), &step) ||
	    step.kind == STEP_CUT)
		return visit_over_well(v);
	text = step.text;
	v->step = step;
	v->step.text = NULL;
	if (step.kind == STEP_READ)
		return listen_on(v);
	if (!v->greeted)
		return visit_over(v, VISIT_FAILED, "the script would speak before the greeting");
	if (step.kind == STEP_TLS && (!v->order.tls || v->wire.in_tls))
		return visit_over(v, VISIT_FAILED, "the script asks for TLS that cannot be had");
	if (step.kind == STEP_QUIT) {
		if (!text)
			text = goodbye_of(v->order.protocol);
		if (v->order.protocol == PROTOCOL_IMAP)
			v->step.shape = SHAPE_TAGGED;
	}
	go = was_mute ? GO_ON : throw_early(v);
	return go == GO_ON ? say(v, text ? text : "") : go;
}
