/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Visiting: see visit.h. Whatever the other end does, each state ends within its limit and all of them within one for the whole, and
 * what was seen until then is in the log. The visit is freed when it has ended, so everything that may end it says so (GO_OVER).
 */
#include "audit/visit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/visit_inside.h"
#include "base/when.h"

#define QUIT_MS	      3000  /* a goodbye is not worth more */
#define LONG_MS	      10000 /* milliseconds that nobody counts */
#define QUOTE_MAX     60    /* bytes of what was sent, in a sentence */
#define TIME_TEXT_MAX 16

/* ---- states ---- */

static const char *const state_names[VISIT_STATES] = {
	[VISIT_CONNECTING] = "connecting", [VISIT_SHAKING] = "shaking hands",
	[VISIT_ASKING] = "asking",	   [VISIT_SENDING] = "sending",
	[VISIT_AWAITING] = "awaiting",	   [VISIT_QUITTING] = "quitting",
	[VISIT_ENDED] = "ended",
};

static const char *const event_names[VISIT_EVENTS] = {
	[VISIT_UP] = "up",	   [VISIT_TO_TLS] = "to TLS",	     [VISIT_SECURE] = "secure",
	[VISIT_TO_SAY] = "to say", [VISIT_TO_READ] = "to read",	     [VISIT_TO_QUIT] = "to quit",
	[VISIT_SAID] = "said",	   [VISIT_SAID_MUTE] = "said, mute", [VISIT_ANSWERED] = "answered",
	[VISIT_OVER] = "over",
};

const char *visit_state_name(enum visit_state s)
{
	return state_names[s];
}

const char *visit_event_name(enum visit_event e)
{
	return event_names[e];
}

enum visit_state visit_state_after(enum visit_state s, enum visit_event e)
{
	/* Nothing leads back to connecting, which is 0: an empty place never happens. */
	static const enum visit_state after[VISIT_STATES][VISIT_EVENTS] = {
		[VISIT_CONNECTING] = {[VISIT_UP] = VISIT_ASKING, [VISIT_TO_TLS] = VISIT_SHAKING},
		[VISIT_SHAKING] = {[VISIT_SECURE] = VISIT_ASKING},
		[VISIT_ASKING] = {[VISIT_TO_SAY] = VISIT_SENDING,
				  [VISIT_TO_READ] = VISIT_AWAITING,
				  [VISIT_TO_QUIT] = VISIT_QUITTING},
		[VISIT_SENDING] = {[VISIT_SAID] = VISIT_AWAITING, [VISIT_SAID_MUTE] = VISIT_ASKING},
		[VISIT_AWAITING] =
			{[VISIT_ANSWERED] = VISIT_ASKING, [VISIT_TO_TLS] = VISIT_SHAKING},
	};
	enum visit_state to = after[s][e];

	return to == VISIT_CONNECTING ? VISIT_ENDED : to;
}

static unsigned limit_of(const struct visit *v)
{
	const struct visit_order *o = &v->order;

	switch (v->state) {
	case VISIT_CONNECTING:
		return o->connect_ms;
	case VISIT_AWAITING:
		if (!v->greeted)
			return o->greeting_ms;
		return v->step.patience_ms ? v->step.patience_ms : o->answer_ms;
	case VISIT_QUITTING:
		return o->answer_ms < QUIT_MS ? o->answer_ms : QUIT_MS;
	case VISIT_SHAKING:
	case VISIT_SENDING:
	case VISIT_ASKING:
	case VISIT_ENDED:
	default:
		return o->answer_ms;
	}
}

static uint64_t whole_deadline(const struct visit *v)
{
	return v->begun_ns + v->order.whole_ms * NS_PER_MS;
}

static void enter(struct visit *v, enum visit_state state)
{
	uint64_t now = now_monotonic_ns();

	v->state = state;
	v->deadline_ns = now + limit_of(v) * NS_PER_MS;
	if (v->deadline_ns > whole_deadline(v))
		v->deadline_ns = whole_deadline(v);
	/* The time of an answer begins where what was asked has gone out. */
	if (state == VISIT_AWAITING || state == VISIT_QUITTING)
		v->asked_ns = now;
}

enum go visit_move(struct visit *v, enum visit_event event)
{
	enum visit_state to = visit_state_after(v->state, event);

	if (v->order.trace)
		v->order.trace(v->order.trace_context, v->state, event, to);
	enter(v, to);
	return GO_ON;
}

/* ---- the end ---- */

static void visit_free(struct visit *v)
{
	loop_remove(v->loop, v->source);
	loop_remove(v->loop, v->timer);
	visit_wire_close(&v->wire);
	response_reader_free(v->reader);
	visit_log_free(v->log);
	free(v->out);
	free(v);
}

enum go visit_over(struct visit *v, enum visit_end end, const char *format, ...)
{
	struct visit_log *log = v->log;
	visit_fn fn = v->fn;
	void *context = v->context;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(log->why, sizeof(log->why), format, ap);
	va_end(ap);
	log->end = end;
	log->elapsed_ms = (unsigned)((now_monotonic_ns() - v->begun_ns) / NS_PER_MS);
	visit_move(v, VISIT_OVER);
	v->log = NULL;
	visit_free(v);
	fn(context, log);
	return GO_OVER;
}

/* Nothing that went wrong after the goodbye is of interest. */
enum go visit_over_well(struct visit *v)
{
	return visit_over(v, VISIT_DONE, "%s", "");
}

/* "20 s", "150 ms". Long ones are rounded: what is left of an audit's time is no round number. */
static const char *time_format(unsigned ms, char buffer[static TIME_TEXT_MAX])
{
	bool in_seconds = ms >= LONG_MS || (ms >= MS_PER_S && ms % MS_PER_S == 0);

	(void)snprintf(buffer, TIME_TEXT_MAX, "%u %s",
		       in_seconds ? (ms + MS_PER_S / 2) / MS_PER_S : ms, in_seconds ? "s" : "ms");
	return buffer;
}

/* " after "EHLO x"", or " instead of a greeting" */
static const char *where_format(const struct visit *v, char *buffer, size_t size)
{
	const struct exchange *last = visit_log_last(v->log);

	if (!v->greeted)
		(void)snprintf(buffer, size, " instead of a greeting");
	else if (last && last->sent)
		(void)snprintf(buffer, size, " after \"%.*s\"", QUOTE_MAX, last->sent);
	else
		buffer[0] = '\0';
	return buffer;
}

/* What a failed connect(2) means. An ICMP "port unreachable" (a firewall that rejects) cannot be told from a RST by it. */
static enum visit_end unconnected_of(int code)
{
	switch (-code) {
	case ECONNREFUSED:
	case ECONNRESET:
		return VISIT_REFUSED;
	case ETIMEDOUT:
		return VISIT_SILENT;
	case ENOMEM:
	case ENOBUFS:
		return VISIT_FAILED;
	default:
		return VISIT_UNREACHABLE;
	}
}

static const char *unconnected_text(enum visit_end end)
{
	switch (end) {
	case VISIT_REFUSED:
		return "the connection was refused";
	case VISIT_SILENT:
		return "no answer to a SYN";
	case VISIT_FAILED:
		return "no connection can be made here";
	default:
		return "the address cannot be reached";
	}
}

enum go visit_over_closed(struct visit *v, ssize_t n)
{
	char where[VISIT_WHY_MAX];

	where_format(v, where, sizeof(where));
	if (n == -ETIMEDOUT)
		return visit_over(v, VISIT_TIMEOUT, "the connection died%s", where);
	if (n == -ECONNRESET || n == -EPIPE)
		return visit_over(v, VISIT_CLOSED, "the server reset the connection%s", where);
	if (n == -EPROTO)
		return visit_over(v, VISIT_CLOSED, "the server broke the TLS connection%s", where);
	return visit_over(v, VISIT_CLOSED, "the server closed the connection%s%s%s", where,
			  n < 0 ? ": " : "", n < 0 ? strerror((int)-n) : "");
}

/* ---- the other states ---- */

static enum go connected(struct visit *v)
{
	int code = visit_wire_error(&v->wire);

	if (code == -ECONNREFUSED)
		return visit_over(v, VISIT_REFUSED, "%s", unconnected_text(VISIT_REFUSED));
	if (code < 0)
		return visit_over(v, unconnected_of(code), "%s: %s",
				  unconnected_text(unconnected_of(code)), strerror(-code));
	v->log->has_local = visit_wire_local(&v->wire, &v->log->local);
	if (!v->order.implicit_tls)
		return visit_move(v, VISIT_UP);
	if (!v->order.tls)
		return visit_over(v, VISIT_FAILED, "TLS cannot be had");
	return visit_move(v, VISIT_TO_TLS);
}

static enum go shake_hands(struct visit *v)
{
	int ret = visit_wire_secure(&v->wire, &v->order);
	char why[VISIT_WHY_MAX / 2] = "";

	if (ret == -EAGAIN)
		return GO_WAIT;
	if (ret == -ENOMEM)
		return visit_over(v, VISIT_FAILED, "no memory for TLS");
	if (ret < 0) {
		tls_why(v->wire.tls, why, sizeof(why));
		return visit_over(v, VISIT_TLS_FAILED, "the TLS handshake failed%s%s",
				  *why ? ": " : "", why);
	}
	tls_facts(v->wire.tls, &v->log->tls);
	v->log->has_tls = true;
	return visit_move(v, VISIT_SECURE);
}

/* What could not be sent may have been answered: a server that has heard enough says so, and closes. */
static enum go send_out(struct visit *v)
{
	ssize_t n;

	while (v->out_at < v->out_length) {
		n = visit_wire_write(&v->wire, v->out + v->out_at, v->out_length - v->out_at);
		if (n == -EAGAIN)
			return GO_WAIT;
		if (n < 0) {
			v->out_at = v->out_length;
			return v->state == VISIT_QUITTING ? GO_ON : visit_move(v, VISIT_SAID);
		}
		v->out_at += (size_t)n;
	}
	if (v->state == VISIT_QUITTING)
		return GO_ON;
	return visit_move(v, v->step.kind == STEP_MUTE ? VISIT_SAID_MUTE : VISIT_SAID);
}

static enum go quit(struct visit *v)
{
	return v->out_at < v->out_length ? send_out(v) : visit_await(v);
}

static enum go step_on(struct visit *v)
{
	switch (v->state) {
	case VISIT_CONNECTING:
		return connected(v);
	case VISIT_SHAKING:
		return shake_hands(v);
	case VISIT_ASKING:
		return visit_ask(v);
	case VISIT_SENDING:
		return send_out(v);
	case VISIT_AWAITING:
		return visit_await(v);
	case VISIT_QUITTING:
		return quit(v);
	case VISIT_ENDED:
	default:
		return visit_over(v, VISIT_FAILED, "the visit went where none goes");
	}
}

/* ---- the loop ---- */

static void on_limit(void *context);

/* Waits for the wire and for the end of the state's time. */
static int wait_on(struct visit *v)
{
	uint64_t now = now_monotonic_ns(), left_ms;
	int ret = 0;

	if (v->waits_for != v->wire.wait_for) {
		v->waits_for = v->wire.wait_for;
		ret = loop_set_events(v->loop, v->source, v->waits_for);
	}
	if (ret < 0 || v->armed_ns == v->deadline_ns)
		return ret;
	loop_remove(v->loop, v->timer);
	v->timer = NULL;
	v->armed_ns = v->deadline_ns;
	left_ms = v->deadline_ns > now ? (v->deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	return loop_add_timer(v->loop, left_ms, 0, on_limit, v, &v->timer);
}

static void go_on(struct visit *v)
{
	enum go go;
	int ret;

	do
		go = step_on(v);
	while (go == GO_ON);
	if (go == GO_OVER)
		return;
	ret = wait_on(v);
	if (ret < 0)
		visit_over(v, VISIT_FAILED, "it cannot be waited for: %s", strerror(-ret));
}

static void on_wire(void *context, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	go_on(context);
}

static void over_unanswered(struct visit *v)
{
	char time[TIME_TEXT_MAX], where[VISIT_WHY_MAX];
	bool is_greeting = !v->greeted;

	if (v->step.patience_ms && !response_waiting(v->reader)) {
		visit_move(v, VISIT_ANSWERED);
		go_on(v);
		return;
	}
	time_format(limit_of(v), time);
	where_format(v, where, sizeof(where));
	if (visit_take_rest(v) != GO_WAIT)
		return;
	if (is_greeting)
		visit_over(v, VISIT_TIMEOUT, "no greeting within %s", time);
	else
		visit_over(v, VISIT_TIMEOUT, "no whole answer within %s%s", time, where);
}

static void over_whole(struct visit *v)
{
	char time[TIME_TEXT_MAX];

	if (v->state == VISIT_AWAITING && visit_take_rest(v) != GO_WAIT)
		return;
	visit_over(v, VISIT_TIMEOUT, "the whole visit took longer than %s",
		   time_format(v->order.whole_ms, time));
}

static void on_limit(void *context)
{
	struct visit *v = context;
	char time[TIME_TEXT_MAX];

	time_format(limit_of(v), time);
	if (v->doom != VISIT_DONE)
		visit_over(v, v->doom, "%s", v->doom_why);
	else if (v->state == VISIT_QUITTING)
		(void)(visit_take_rest(v) == GO_WAIT && visit_over_well(v));
	else if (v->state == VISIT_CONNECTING)
		visit_over(v, VISIT_SILENT, "no answer to a SYN within %s", time);
	else if (now_monotonic_ns() >= whole_deadline(v))
		over_whole(v);
	else if (v->state == VISIT_SHAKING)
		visit_over(v, VISIT_TLS_FAILED, "no TLS handshake within %s", time);
	else if (v->state == VISIT_AWAITING)
		over_unanswered(v);
	else
		visit_over(v, VISIT_TIMEOUT, "it takes nothing more for %s", time);
}

/* ---- begin and end ---- */

static void limits_fill(struct visit_order *o)
{
	const struct {
		unsigned *limit, usual;
	} limits[] = {{&o->greeting_ms, VISIT_GREETING_MS},
		      {&o->answer_ms, VISIT_ANSWER_MS},
		      {&o->connect_ms, VISIT_CONNECT_MS},
		      {&o->whole_ms, VISIT_WHOLE_MS}};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (!*limits[i].limit)
			*limits[i].limit = limits[i].usual;
}

/* What cannot even begin ends from the loop too, so that callers have one way only. */
static void doom(struct visit *v, enum visit_end end, const char *why)
{
	v->doom = end;
	(void)snprintf(v->doom_why, sizeof(v->doom_why), "%s", why);
	v->deadline_ns = v->begun_ns;
	v->wire.wait_for = 0;
}

static int begin(struct visit *v)
{
	bool is_ours;
	int ret = visit_wire_connect(&v->wire, &v->order, &is_ours);

	if (ret < 0) {
		char why[VISIT_WHY_MAX];

		enum visit_end end = is_ours ? VISIT_FAILED : unconnected_of(ret);

		(void)snprintf(why, sizeof(why), "%s: %s",
			       is_ours ? "no socket" : unconnected_text(end), strerror(-ret));
		doom(v, end, why);
	} else {
		v->waits_for = v->wire.wait_for;
		ret = loop_add_fd(v->loop, v->wire.fd, v->waits_for, on_wire, v, &v->source);
		if (ret < 0)
			return ret;
	}
	v->waits_for = v->wire.wait_for;
	return wait_on(v);
}

int visit_start(struct visit **out, struct loop *loop, const struct visit_order *order, visit_fn fn,
		void *context)
{
	struct visit *v = calloc(1, sizeof(*v));
	int ret = -ENOMEM;

	if (!v)
		return ret;
	v->order = *order;
	limits_fill(&v->order);
	v->loop = loop;
	v->fn = fn;
	v->context = context;
	v->wire.fd = -1;
	v->begun_ns = now_monotonic_ns();
	enter(v, VISIT_CONNECTING);
	v->log = visit_log_new(order);
	if (v->log)
		ret = response_reader_new(&v->reader, order->protocol);
	if (ret == 0)
		ret = begin(v);
	if (ret < 0) {
		visit_free(v);
		return ret;
	}
	*out = v;
	return 0;
}

void visit_stop(struct visit *v)
{
	if (v)
		visit_free(v);
}
