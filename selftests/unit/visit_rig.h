/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of visits share: an order with limits so short that a visit which kept none would be noticed, and a loop until it is over.
 */
#ifndef SELFTESTS_UNIT_VISIT_RIG_H
#define SELFTESTS_UNIT_VISIT_RIG_H

#include "audit/visit.h"

#include "base/loop.h"
#include "tap.h"
#include "unit/peer_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIMIT_MS     150 /* of each state */
#define WHOLE_MS     600 /* of a visit */
#define SLACK_MS     400 /* a busy machine */
#define STEPS_MAX    8
#define TRACE_MAX    512

enum { FIRST, SECOND, THIRD, FOURTH, FIFTH };

/* A script that is a list. */
struct script {
	struct step step[STEPS_MAX];
	unsigned count, at;
	bool was_last_right; /* the exchange handed over is always the newest */
};

struct scene {
	struct loop *loop;
	struct visit_log *log;
	struct script script;
	struct visit_order order;
	unsigned calls;
	char trace[TRACE_MAX];
};

static inline bool next_step(void *context, const struct visit_log *log,
			     const struct exchange *last, struct step *out)
{
	struct script *s = context;

	s->was_last_right &= last == (log->count ? &log->exchange[log->count - 1] : NULL);
	if (s->at == s->count)
		return false;
	*out = s->step[s->at++];
	return true;
}

static inline void is_over(void *context, struct visit_log *log)
{
	struct scene *s = context;

	s->log = log;
	s->calls++;
	loop_stop(s->loop);
}

static inline void note(void *context, enum visit_state from, enum visit_event event,
			enum visit_state to)
{
	struct scene *s = context;
	size_t length = strlen(s->trace);

	EXPECT(visit_state_after(from, event) == to, "it moves by the table from %s",
	       visit_state_name(from));
	(void)snprintf(s->trace + length, sizeof(s->trace) - length, "%s; ",
		       visit_event_name(event));
}

static const struct step usual[] = {
	{.kind = STEP_READ, .what = FIRST},
	{.kind = STEP_SAY, .what = SECOND, .text = "EHLO me"},
	{.kind = STEP_SAY, .what = THIRD, .text = "MAIL FROM:<>"},
	{.kind = STEP_QUIT, .what = FOURTH},
};

static inline void scene_open(struct scene *s, const struct step *steps, unsigned count)
{
	*s = (struct scene){.order = {.greeting_ms = LIMIT_MS,
				      .answer_ms = LIMIT_MS,
				      .connect_ms = LIMIT_MS,
				      .whole_ms = WHOLE_MS,
				      .script = next_step,
				      .trace = note}};
	s->order.addr = addr_from_v4((struct in_addr){htonl(INADDR_LOOPBACK)});
	s->order.script_context = &s->script;
	s->order.trace_context = s;
	s->script.count = count;
	s->script.was_last_right = true;
	memcpy(s->script.step, steps, count * sizeof(*steps));
	EXPECT(loop_new(&s->loop) == 0, "a loop");
}

static inline void scene_close(struct scene *s)
{
	visit_log_free(s->log);
	loop_free(s->loop);
}

static inline void run(struct scene *s)
{
	struct visit *v;

	if (!EXPECT(visit_start(&v, s->loop, &s->order, is_over, s) == 0, "a visit"))
		return;
	EXPECT(s->calls == 0, "it ends from the loop");
	EXPECT(loop_run(s->loop) == 0 && s->calls == 1 && s->log, "it ends once");
	EXPECT(s->script.was_last_right, "the script is told of the newest exchange");
	EXPECT(s->log->elapsed_ms < WHOLE_MS + SLACK_MS, "%u ms", s->log->elapsed_ms);
	for (const char *c = s->log->why; *c; c++)
		EXPECT(*c >= ' ' && *c <= '~', "why is printable: %s", s->log->why);
	EXPECT(!s->log->why[0] == (s->log->end == VISIT_DONE), "it says why, or is done: %s",
	       s->log->why);
}

static inline void run_against(struct scene *s, struct peer *p, const struct act *acts, size_t cut)
{
	peer_start(p, acts, cut);
	s->order.port = p->port;
	run(s);
	peer_end(p);
}

#define EHLO_REPLY "250-mx.example\r\n250 SIZE 100\r\n"

#endif
