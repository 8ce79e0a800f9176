/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the engine share: engine.c keeps the questions in order, ask.c does one. */
#ifndef DNS_ENGINE_H
#define DNS_ENGINE_H

#include "dns/health.h"
#include "dns/zones.h"

struct ask;

#define ENGINE_BUCKETS 4096 /* of questions by source: a chain of 16 when the queue is full */

struct dns_engine {
	struct loop *loop;
	struct resolver *resolver;
	struct dns_settings settings;
	struct zones zones;
	/* Questions: by source, those that wait in order, those under way. */
	struct ask *bucket[ENGINE_BUCKETS];
	uint64_t secret; /* of the hash: strangers choose their addresses */
	struct ask *first, *last, *running;
	unsigned waiting, active;
	struct loop_source *texts;   /* while reasons are waited for */
	struct loop_source *unasked; /* while some that had nobody to ask have not been told */
	/* Probes. */
	struct health *health[SITE_ZONES_MAX];
	struct loop_source *watch;
	unsigned probing;
	dns_done_fn probed;
	void *probed_context;
};

/* Somebody who waits for a verdict. */
struct waiter {
	struct waiter *next;
	dns_fn fn;
	void *context;
};

struct inquiry;

struct ask {
	struct dns_engine *engine;
	struct dns_question question;
	struct waiter *waiters;
	struct ask *hash_next, *next, *prev;
	struct inquiry *inquiry; /* NULL: waits */
};

/* ask.c: start it. Ends by ask_told() and then ask_finished(), from the loop. 0 or -ENOMEM. */
int ask_start(struct ask *a);
/* Forget all that is under way; the ask itself stays. */
void ask_stop(struct ask *a);

/* engine.c */
void ask_told(struct ask *a, const struct dns_verdict *verdict); /* tells the waiters */
void ask_finished(struct ask *a);				 /* nothing is under way any more */

#endif
