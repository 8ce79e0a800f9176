/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child as the keeper sees it: see child.h. It is in one of three states: there is none and a timer runs until the next
 * start; it was born and a timer runs until it must be ready; it is up. Whatever goes wrong with it leads through
 * child_lose(), so that every death is counted, said and answered by a start.
 */
#include "daemon/child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/said.h"

#define READY_WAIT_MS                                                                              \
	(30 * MS_PER_S) /* all zones are tested in 20, a certificate is read at once */
#define BACK_OFF_MAX_S 60
#define LIVED_LONG_S   60 /* who lived so long did not die of being started */
#define WHY_MAX	       (ERR_TEXT_MAX + 64)

static const char *const meaning[CHILD_KINDS] = {
	[CHILD_RESOLVER] = "strangers get in unasked until then",
	[CHILD_RESPONDER] =
		"until then what you block is refused without a word, and all others get in",
	[CHILD_FOLLOWER] = "who delivers mail until then is read from the log afterwards",
	[CHILD_PROVIDERS] = "providers are trusted by the networks that are known of them",
	[CHILD_METER] = "metrics wait until then, and mail does not",
};

struct child {
	struct loop *loop;
	struct nursery *nursery;
	enum child_kind kind;
	uint32_t types;
	const struct child_calls *calls;
	void *context;
	struct channel *channel; /* NULL: not there */
	pid_t pid;
	bool up;
	uint64_t started_ns;
	unsigned deaths, back_off_s;
	struct loop_source *timer; /* until the start, or until it must be ready */
	struct said said;	   /* why it cannot be started */
};

static void child_start(void *context);

static void timer_stop(struct child *c)
{
	loop_remove(c->loop, c->timer);
	c->timer = NULL;
}

static void timer_set(struct child *c, uint64_t ms, loop_timer_fn fn)
{
	timer_stop(c);
	if (loop_add_timer(c->loop, ms, 0, fn, c, &c->timer) < 0) {
		c->timer = NULL;
		log_error("the %s: no timer can be made; a reload starts it again",
			  child_name(c->kind));
	}
}

/* At once the first time, then after 1, 2, 4 ... s. Returns the wait. */
static unsigned start_later(struct child *c)
{
	unsigned wait_s = c->back_off_s;

	c->back_off_s = wait_s ? 2 * wait_s : 1;
	if (c->back_off_s > BACK_OFF_MAX_S)
		c->back_off_s = BACK_OFF_MAX_S;
	timer_set(c, (uint64_t)wait_s * MS_PER_S, child_start);
	return wait_s;
}

static void child_end(struct child *c)
{
	timer_stop(c);
	if (!c->channel)
		return;
	channel_close(c->channel);
	nursery_end_child(c->nursery, c->pid);
	c->channel = NULL;
	c->pid = 0;
	c->up = false;
}

static void child_lose(struct child *c, const char *why)
{
	char wait[DURATION_TEXT_MAX];
	pid_t pid = c->pid;
	unsigned wait_s;

	child_end(c);
	c->deaths++;
	if (now_boot_ns() - c->started_ns >= LIVED_LONG_S * NS_PER_S)
		c->back_off_s = 0;
	wait_s = start_later(c);
	log_error("the %s (process %d) %s; it is started again %s%s: %s", child_name(c->kind), pid,
		  why, wait_s ? "in " : "at once", wait_s ? duration_describe(wait_s, wait) : "",
		  meaning[c->kind]);
	c->calls->gone(c->context);
}

/* ---- what it says ---- */

static void child_heard(void *context, const void *bytes, size_t length)
{
	struct child *c = context;
	char why[WHY_MAX];
	struct err e = {0};
	const union message *m = message_check(bytes, length, c->types | 1U << MESSAGE_READY, &e);

	if (!m) {
		snprintf(why, sizeof(why), "sent %s, and was ended", e.text);
		child_lose(c, why);
		return;
	}
	if (m->head.type == MESSAGE_READY && c->up) {
		child_lose(c, "was ready already, and was ended");
		return;
	}
	if (m->head.type == MESSAGE_READY) {
		c->up = true;
		timer_stop(c);
		log_info("the %s is ready (process %d)", child_name(c->kind), c->pid);
	}
	if (c->types & 1U << m->head.type)
		c->calls->message(c->context, m);
}

static void child_ended(void *context)
{
	child_lose(context, "is gone");
}

static void child_late(void *context)
{
	child_lose(context, "did not get ready, and was ended");
}

/* ---- birth ---- */

static int child_bear(struct child *c, struct err *e)
{
	const void *settings = NULL;
	size_t length = 0;
	int extra = -1, fd = -1, ret;

	ret = c->calls->prepare(c->context, &settings, &length, &extra, e);
	if (ret < 0)
		return ret;
	c->pid = nursery_spawn(c->nursery, c->kind, settings, length, extra, &fd, e);
	if (extra >= 0)
		close(extra);
	if (c->pid < 0) {
		ret = c->pid;
		c->pid = 0;
		return ret;
	}
	ret = channel_open(&c->channel, c->loop, fd, sizeof(union message), child_heard,
			   child_ended, c, e);
	if (ret < 0) {
		nursery_end_child(c->nursery, c->pid);
		c->pid = 0;
	}
	return ret;
}

static void child_start(void *context)
{
	struct child *c = context;
	struct err e = {0};

	timer_stop(c);
	c->started_ns = now_boot_ns();
	if (child_bear(c, &e) < 0) {
		(void)start_later(c);
		if (said_anew(&c->said, e.text))
			log_error("the %s cannot be started: %s; tried again: %s",
				  child_name(c->kind), e.text, meaning[c->kind]);
		return;
	}
	(void)said_settle(&c->said);
	timer_set(c, READY_WAIT_MS, child_late);
}

int child_open(struct child **out, struct loop *loop, struct nursery *n, enum child_kind kind,
	       uint32_t types, const struct child_calls *calls, void *context, struct err *e)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(e, -ENOMEM, "no memory for the %s", child_name(kind));
	*c = (struct child){.loop = loop,
			    .nursery = n,
			    .kind = kind,
			    .types = types,
			    .calls = calls,
			    .context = context};
	*out = c; /* before it is born: prepare() may ask about it */
	child_start(c);
	return 0;
}

int child_send(struct child *c, const void *message, size_t length)
{
	return c->channel ? channel_send(c->channel, message, length) : -EPIPE;
}

void child_on_room(struct child *c, loop_timer_fn fn, void *context)
{
	if (c->channel)
		channel_on_room(c->channel, fn, context);
}

void child_pause(struct child *c, bool paused)
{
	if (c->channel)
		channel_pause(c->channel, paused);
}

bool child_is_up(const struct child *c)
{
	return c->up;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

unsigned child_deaths(const struct child *c)
{
	return c->deaths;
}

void child_renew(struct child *c)
{
	bool was_there = c->channel;

	child_end(c);
	c->back_off_s = 0;
	if (was_there)
		c->calls->gone(c->context);
	child_start(c);
}

void child_close(struct child *c)
{
	if (!c)
		return;
	child_end(c);
	free(c);
}
