/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children as the keeper keeps them: ready, ended for what they say, started again with back-off, renewed; and the real resolver in
 * its cage. responder_run() is this program's own.
 */
#include "daemon/child.h"

#include <sys/socket.h>

#include "base/when.h"
#include "dns/dns.h"
#include "nursery_rig.h"
#include "tap.h"

#define SERVED (1U << MESSAGE_READY | 1U << MESSAGE_WHY)

static void say(int channel, union message *m, enum message_type type)
{
	m->head = message_head(type);
	(void)send(channel, m, m->head.size, MSG_NOSIGNAL);
}

static void serve(int channel)
{
	union message m;
	ssize_t length;

	for (;;) {
		wait_readable(channel);
		length = recv(channel, &m, sizeof(m), 0);
		if (length <= 0)
			return;
		(void)send(channel, &m, (size_t)length, MSG_NOSIGNAL);
	}
}

int responder_run(int channel, int listener, const void *settings, size_t length)
{
	union message m = {0};
	char play = length ? *(const char *)settings : 0;

	(void)listener;
	if (play == PLAY_DIE)
		return 0;
	say(channel, &m, MESSAGE_READY);
	if (play == PLAY_LIE)
		say(channel, &m, MESSAGE_VERDICT);
	if (play == PLAY_SERVE)
		serve(channel);
	else
		for (;;)
			pause();
	return 0;
}

struct world {
	struct loop *loop;
	struct nursery *nursery;
	struct child *child;
	char play;
	unsigned births, gone, messages, ready;
	unsigned stop_births, stop_gone, stop_messages;
	uint64_t born_ns[8];
	uint32_t id; /* of the last WHY that came back */
	bool refuse, impatient;
	union message last;
};

static void look(struct world *w)
{
	if ((w->stop_births && w->births >= w->stop_births) ||
	    (w->stop_gone && w->gone >= w->stop_gone) ||
	    (w->stop_messages && w->messages >= w->stop_messages))
		loop_stop(w->loop);
}

static int prepare(void *context, const void **settings, size_t *length, int *extra, struct err *e)
{
	struct world *w = context;

	*settings = &w->play;
	*length = 1;
	*extra = -1;
	if (w->births < 8)
		w->born_ns[w->births] = now_boot_ns();
	w->births++;
	look(w);
	return w->refuse ? err_set(e, -EIO, "not now") : 0;
}

static void message(void *context, const union message *m)
{
	struct world *w = context;

	w->messages++;
	memcpy(&w->last, m, m->head.size);
	look(w);
}

static void gone(void *context)
{
	struct world *w = context;

	w->gone++;
	look(w);
}

static const struct child_calls calls = {.prepare = prepare, .message = message, .gone = gone};

static void give_up(void *context)
{
	struct world *w = context;

	w->impatient = true;
	loop_stop(w->loop);
}

static bool world_open(struct world *w, enum play play)
{
	struct err e = {0};

	memset(w, 0, sizeof(*w));
	w->play = (char)play;
	return EXPECT(nursery_open(&w->nursery, &e) == 0, "%s", e.text) &&
	       EXPECT(loop_new(&w->loop) == 0, "a loop") &&
	       EXPECT(loop_add_timer(w->loop, PATIENCE_MS, 0, give_up, w, NULL) == 0, "a timer") &&
	       EXPECT(child_open(&w->child, w->loop, w->nursery, CHILD_RESPONDER, SERVED, &calls, w,
				 &e) == 0,
		      "%s", e.text);
}

static void world_close(struct world *w)
{
	EXPECT(!w->impatient, "waited in vain");
	child_close(w->child);
	loop_free(w->loop);
	nursery_close(w->nursery);
}

static void run_until(struct world *w, unsigned births, unsigned gone_count, unsigned messages)
{
	w->stop_births = births;
	w->stop_gone = gone_count;
	w->stop_messages = messages;
	EXPECT(loop_run(w->loop) == 0 && !w->impatient, "run: %u births, %u gone, %u messages",
	       w->births, w->gone, w->messages);
	w->stop_births = w->stop_gone = w->stop_messages = 0;
}

TEST(a_child_is_up_when_it_says_so_and_serves)
{
	struct message_why why = {.head = message_head(MESSAGE_WHY), .id = 7, .port = 25};
	struct world w;

	ENSURE(world_open(&w, PLAY_SERVE), "open");
	EXPECT(!child_is_up(w.child) && child_pid(w.child) > 0, "born, and not up");
	run_until(&w, 0, 0, 1);
	EXPECT(child_is_up(w.child) && w.last.head.type == MESSAGE_READY, "up");
	EXPECT(child_send(w.child, &why, sizeof(why)) == 0, "send");
	run_until(&w, 0, 0, 2);
	EXPECT(w.last.head.type == MESSAGE_WHY && w.last.why.id == 7, "it came back");
	EXPECT(!w.gone && !child_deaths(w.child), "and all is well");
	world_close(&w);
}

TEST(a_child_that_is_killed_is_missed_and_comes_again_at_once)
{
	struct message_why why = {.head = message_head(MESSAGE_WHY), .port = 25};
	struct world w;
	pid_t first;

	ENSURE(world_open(&w, PLAY_SERVE), "open");
	run_until(&w, 0, 0, 1);
	first = child_pid(w.child);
	kill(first, SIGKILL);
	run_until(&w, 0, 1, 0);
	EXPECT(!child_is_up(w.child) && !child_pid(w.child) && child_deaths(w.child) == 1,
	       "it is not there");
	EXPECT(child_send(w.child, &why, sizeof(why)) == -EPIPE, "nor can it be told anything");
	run_until(&w, 0, 0, 2);
	EXPECT(child_is_up(w.child) && child_pid(w.child) != first && w.births == 2, "again");
	world_close(&w);
}

TEST(a_child_that_says_what_has_no_place_is_ended)
{
	struct world w;
	pid_t first;

	ENSURE(world_open(&w, PLAY_LIE), "open");
	first = child_pid(w.child);
	run_until(&w, 0, 1, 0);
	EXPECT(w.messages == 1 && child_deaths(w.child) == 1, "%u messages, %u deaths", w.messages,
	       child_deaths(w.child));
	EXPECT(is_dead_soon(first), "it would have hung for ever");
	w.play = PLAY_SERVE;
	run_until(&w, 0, 0, 2);
	EXPECT(child_is_up(w.child), "the next one is better");
	world_close(&w);
}

TEST(one_that_always_dies_is_started_more_and_more_seldom)
{
	struct world w;
	uint64_t waited_ms[3];

	ENSURE(world_open(&w, PLAY_DIE), "open");
	run_until(&w, 4, 0, 0);
	for (int i = 0; i < 3; i++)
		waited_ms[i] = (w.born_ns[i + 1] - w.born_ns[i]) / 1000000;
	EXPECT(waited_ms[0] < 900, "at once the first time: %lu ms", waited_ms[0]);
	EXPECT(waited_ms[1] >= 990 && waited_ms[1] < 1900, "then after 1 s: %lu ms", waited_ms[1]);
	EXPECT(waited_ms[2] >= 1990 && waited_ms[2] < 3900, "then after 2 s: %lu ms", waited_ms[2]);
	EXPECT(child_deaths(w.child) == 3 && w.gone == 3, "%u deaths", child_deaths(w.child));
	world_close(&w);
}

TEST(one_that_cannot_be_prepared_is_tried_again)
{
	struct world w;

	ENSURE(world_open(&w, PLAY_SERVE), "open");
	run_until(&w, 0, 0, 1);
	w.refuse = true;
	child_renew(w.child);
	EXPECT(!child_pid(w.child) && w.gone == 1, "there is none");
	w.refuse = false;
	run_until(&w, 0, 0, 2);
	EXPECT(child_is_up(w.child) && child_deaths(w.child) == 0, "and now there is");
	world_close(&w);
}

TEST(renewing_ends_one_that_hangs_and_counts_as_no_death)
{
	struct world w;
	pid_t first;

	ENSURE(world_open(&w, PLAY_HANG), "open");
	run_until(&w, 0, 0, 1);
	first = child_pid(w.child);
	w.play = PLAY_SERVE;
	child_renew(w.child);
	EXPECT(w.gone == 1 && w.births == 2 && child_pid(w.child) != first, "another one, at once");
	EXPECT(is_dead_soon(first), "the first is gone");
	run_until(&w, 0, 0, 2);
	EXPECT(child_is_up(w.child) && child_deaths(w.child) == 0, "with new settings");
	world_close(&w);
}

TEST(closing_ends_it_in_silence)
{
	struct world w;
	pid_t pid;

	ENSURE(world_open(&w, PLAY_HANG), "open");
	run_until(&w, 0, 0, 1);
	pid = child_pid(w.child);
	child_close(w.child);
	w.child = NULL;
	EXPECT(w.gone == 0 && is_dead_soon(pid), "it is gone, and nobody is told");
	world_close(&w);
}

/* ---- the resolver ---- */

static struct dns_settings dns;

static int prepare_resolver(void *context, const void **settings, size_t *length, int *extra,
			    struct err *e)
{
	struct world *w = context;

	(void)e;
	w->births++;
	*settings = &dns;
	*length = w->play == PLAY_LIE ? sizeof(dns) - 1 : sizeof(dns);
	*extra = -1;
	look(w);
	return 0;
}

static const struct child_calls resolver_calls = {
	.prepare = prepare_resolver, .message = message, .gone = gone};

static bool resolver_open_child(struct world *w)
{
	struct err e = {0};

	child_close(w->child);
	w->births = 0;
	dns = (struct dns_settings){
		.server = {{.addr = {{[10] = 0xff, 0xff, 127, 0, 0, 1}}, .port = 9}},
		.server_count = 1,
		.timeout_ms = 1000,
		.threshold = 3,
		.listed_ttl = {60, 3600},
		.clean_ttl = {60, 3600},
		.probe_every_s = 300,
		.budget_per_s = 100,
		.budget_per_day = 1000};
	return EXPECT(child_open(&w->child, w->loop, w->nursery, CHILD_RESOLVER,
				 1U << MESSAGE_VERDICT | 1U << MESSAGE_ZONE | 1U << MESSAGE_READY,
				 &resolver_calls, w, &e) == 0,
		      "%s", e.text);
}

TEST(the_resolver_answers_every_question)
{
	struct message_ask ask = {.head = message_head(MESSAGE_ASK),
				  .addr = {{[10] = 0xff, 0xff, 198, 51, 100, 1}}};
	struct world w;

	SKIP_IF_SANITIZED();
	ENSURE(world_open(&w, PLAY_SERVE) && resolver_open_child(&w), "open");
	w.messages = 0;
	run_until(&w, 0, 0, 1);
	EXPECT(w.last.head.type == MESSAGE_READY && child_is_up(w.child),
	       "without zones there is nothing to wait for");
	/* 198.51.100.0/24 is for documentation. */
	EXPECT(child_send(w.child, &ask, sizeof(ask)) == 0, "send");
	run_until(&w, 0, 0, 2);
	EXPECT(w.last.head.type == MESSAGE_VERDICT && w.last.verdict.verdict == VERDICT_UNKNOWN &&
		       addr_equal(&w.last.verdict.addr, &ask.addr),
	       "an address that is never asked about is unknown");
	ask.addr = (struct addr){{[10] = 0xff, 0xff, 8, 8, 8, 8}};
	EXPECT(child_send(w.child, &ask, sizeof(ask)) == 0, "send");
	run_until(&w, 0, 0, 3);
	EXPECT(w.last.verdict.verdict == VERDICT_UNKNOWN && w.last.verdict.asked == 0 &&
		       w.last.verdict.threshold == 3,
	       "there is no zone that could know: verdict %u", w.last.verdict.verdict);
	EXPECT(child_deaths(w.child) == 0, "and it lives");
	/* What no keeper would say ends it. */
	ask.known = 7;
	EXPECT(child_send(w.child, &ask, sizeof(ask)) == 0, "send");
	run_until(&w, 0, 1, 0);
	EXPECT(child_deaths(w.child) == 1, "it does not trust the keeper either");
	world_close(&w);
}

TEST(a_resolver_with_settings_of_another_size_does_not_start)
{
	struct world w;

	ENSURE(world_open(&w, PLAY_LIE), "open");
	ENSURE(resolver_open_child(&w), "open");
	w.gone = 0;
	run_until(&w, 0, 1, 0);
	EXPECT(!child_is_up(w.child) && child_deaths(w.child) == 1, "it ended");
	world_close(&w);
}
