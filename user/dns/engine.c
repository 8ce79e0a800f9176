/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: questions in the order in which they came, so many at a time, merged where they are about the same source; and
 * the watch over the zones. What one question does is in ask.c.
 */
#include "dns/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "dns/global.h"

/* More would only wait in the resolver's queue, and each has the room of its answers: some 20 KB with 30 zones. */
#define ACTIVE_MAX 256
/* Strangers at once: some MB; beyond it mail gets in unasked. */
#define WAITING_MAX    65536
#define WATCH_EVERY_MS 1000

/* ---- by source ---- */

static struct ask **bucket_of(struct dns_engine *d, const struct addr *a)
{
	struct prefix host = {.addr = *a, .bits = ADDR_BITS};

	return &d->bucket[prefix_hash(&host, d->secret) % ENGINE_BUCKETS];
}

static bool is_same(const struct dns_question *a, const struct dns_question *b)
{
	return addr_equal(&a->addr, &b->addr) && a->classes == b->classes && a->whole == b->whole;
}

static void bucket_remove(struct ask *a)
{
	struct ask **link = bucket_of(a->engine, &a->question.addr);

	while (*link && *link != a)
		link = &(*link)->hash_next;
	if (*link)
		*link = a->hash_next;
}

/* ---- in order ---- */

static void queue_append(struct dns_engine *d, struct ask *a)
{
	a->next = NULL;
	a->prev = d->last;
	if (d->last)
		d->last->next = a;
	else
		d->first = a;
	d->last = a;
	d->waiting++;
}

static struct ask *queue_take(struct dns_engine *d)
{
	struct ask *a = d->first;

	d->first = a->next;
	if (d->first)
		d->first->prev = NULL;
	else
		d->last = NULL;
	d->waiting--;
	return a;
}

static void running_add(struct dns_engine *d, struct ask *a)
{
	a->prev = NULL;
	a->next = d->running;
	if (a->next)
		a->next->prev = a;
	d->running = a;
	d->active++;
}

static void running_remove(struct dns_engine *d, struct ask *a)
{
	if (a->prev)
		a->prev->next = a->next;
	else
		d->running = a->next;
	if (a->next)
		a->next->prev = a->prev;
	d->active--;
}

static void ask_free(struct ask *a)
{
	while (a->waiters) {
		struct waiter *w = a->waiters;

		a->waiters = w->next;
		free(w);
	}
	free(a);
}

static void tell_unknown(struct ask *a)
{
	struct dns_verdict v = {.addr = a->question.addr,
				.verdict = VERDICT_UNKNOWN,
				.threshold = a->engine->settings.threshold,
				.partial = true,
				.bits = ADDR_BITS,
				.ttl_s = TTL_PARTIAL_MOST_S,
				.rdns_host = ""};

	ask_told(a, &v);
}

static void pump(struct dns_engine *d)
{
	while (d->first && d->active < ACTIVE_MAX) {
		struct ask *a = queue_take(d);

		if (ask_start(a) == 0) {
			running_add(d, a);
		} else {
			tell_unknown(a);
			ask_free(a);
		}
	}
}

void ask_told(struct ask *a, const struct dns_verdict *verdict)
{
	struct waiter *waiters = a->waiters;

	/* Who asks about this source from now on, and be it one who is told, starts anew. */
	bucket_remove(a);
	a->waiters = NULL;
	while (waiters) {
		struct waiter *w = waiters;

		waiters = w->next;
		w->fn(w->context, verdict);
		free(w);
	}
}

void ask_finished(struct ask *a)
{
	struct dns_engine *d = a->engine;

	ask_stop(a);
	running_remove(d, a);
	ask_free(a);
	pump(d);
}

static int ask_enter(struct dns_engine *d, const struct dns_question *question, struct ask **out)
{
	struct ask **bucket = bucket_of(d, &question->addr), *a;

	for (a = *bucket; a; a = a->hash_next) {
		if (!is_same(&a->question, question))
			continue;
		/* Known for good by one who knows, proven by one who saw it. */
		a->question.known |= question->known;
		a->question.unproven &= question->unproven;
		*out = a;
		return 0;
	}
	if (d->waiting >= WAITING_MAX)
		return -EAGAIN;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->engine = d;
	a->question = *question;
	a->hash_next = *bucket;
	*bucket = a;
	queue_append(d, a);
	*out = a;
	return 0;
}

int dns_ask(struct dns_engine *d, const struct dns_question *question, dns_fn fn, void *context,
	    struct err *e)
{
	const char *special = d->settings.ask_nonglobal ? NULL : global_refuse(&question->addr);
	char text[ADDR_TEXT_MAX];
	struct waiter *w;
	struct ask *a;
	int ret;

	if (special)
		return err_set(e, -EDOM, "%s is %s: lists are never asked about those",
			       addr_format(&question->addr, text), special);
	w = malloc(sizeof(*w));
	if (!w)
		return err_set(e, -ENOMEM, "no memory for a question to the DNS");
	ret = ask_enter(d, question, &a);
	if (ret < 0) {
		free(w);
		return err_set(e, ret, "too many questions to the DNS are waiting: %u", d->waiting);
	}
	*w = (struct waiter){.next = a->waiters, .fn = fn, .context = context};
	a->waiters = w;
	pump(d);
	return 0;
}

static void waiters_forget(struct ask *a, const void *context)
{
	for (struct waiter **link = &a->waiters, *w; (w = *link);) {
		if (w->context == context) {
			*link = w->next;
			free(w);
		} else {
			link = &w->next;
		}
	}
}

void dns_forget(struct dns_engine *d, const void *context)
{
	for (struct ask *a = d->first; a; a = a->next)
		waiters_forget(a, context);
	for (struct ask *a = d->running; a; a = a->next)
		waiters_forget(a, context);
	if (d->probed_context == context)
		d->probed = NULL;
}

/* ---- zones ---- */

static void zone_probed(void *context, unsigned zone, const struct health_seen *seen)
{
	struct dns_engine *d = context;
	char why[ZONES_WHY_MAX];
	enum dns_zone_state state = health_judge(seen, d->settings.facts[zone].untested, why);

	d->health[zone] = NULL; /* it goes by itself */
	d->probing--;
	for (unsigned i = 0; i < HEALTH_PROBES; i++)
		d->zones.zone[zone].asked += seen->outcome[i] != OUTCOME_PENDING;
	zones_set_state(&d->zones, zone, state, why, now_monotonic_ns());
	if (!d->probing && d->probed) {
		dns_done_fn fn = d->probed;

		d->probed = NULL;
		fn(d->probed_context);
	}
}

static int zone_probe(struct dns_engine *d, unsigned zone)
{
	int ret;

	if (d->health[zone])
		return 0;
	ret = health_start(&d->health[zone], d->resolver, &d->settings, zone, zone_probed, d);
	d->probing += ret == 0;
	return ret;
}

static void zones_look(void *context)
{
	struct dns_engine *d = context;
	uint64_t now = now_monotonic_ns();

	for (unsigned i = 0; i < d->settings.sites.zone_count; i++)
		if (now >= d->zones.zone[i].next_probe_ns)
			(void)zone_probe(d,
					 i); /* one that cannot be asked now is asked in a second */
}

int dns_watch_zones(struct dns_engine *d)
{
	if (d->watch)
		return 0;
	return loop_add_timer(d->loop, 0, WATCH_EVERY_MS, zones_look, d, &d->watch);
}

int dns_probe_zones(struct dns_engine *d, dns_done_fn fn, void *context)
{
	int ret = 0;

	d->probed = fn;
	d->probed_context = context;
	for (unsigned i = 0; i < d->settings.sites.zone_count && ret == 0; i++)
		ret = zone_probe(d, i);
	if (ret < 0)
		d->probed = NULL;
	return ret;
}

void dns_on_news(struct dns_engine *d, dns_news_fn fn, void *context)
{
	d->zones.news = fn;
	d->zones.news_context = context;
}

unsigned dns_zone_count(const struct dns_engine *d)
{
	return d->settings.sites.zone_count;
}

void dns_zone_status(const struct dns_engine *d, unsigned zone, struct dns_zone_status *out)
{
	const struct zone *z = &d->zones.zone[zone];

	*out = (struct dns_zone_status){.zone = d->settings.reply_name[zone],
					.state = z->state,
					.why = z->why,
					.asked = z->asked,
					.listed = z->outcome[OUTCOME_LISTED],
					.over_budget = z->over_budget,
					.latency_ms = z->latency_ms};
	memcpy(out->outcome, z->outcome, sizeof(out->outcome));
	for (enum outcome o = 0; o < OUTCOMES; o++)
		if (outcome_is_failure(o))
			out->errors += z->outcome[o];
}

/* ---- opening ---- */

struct resolver *dns_resolver(struct dns_engine *d)
{
	return d->resolver;
}

int dns_open(struct dns_engine **out, struct loop *loop, const struct dns_settings *settings,
	     struct err *e)
{
	struct dns_engine *d = calloc(1, sizeof(*d));
	int ret;

	if (!d)
		return err_set(e, -ENOMEM, "no memory for questions to the DNS");
	d->loop = loop;
	d->settings = *settings;
	d->zones.settings = &d->settings;
	d->secret = prefix_secret();
	ret = resolver_open(&d->resolver, loop, settings->server, settings->server_count,
			    settings->timeout_ms, e);
	if (ret < 0)
		free(d);
	else
		*out = d;
	return ret;
}

void dns_close(struct dns_engine *d)
{
	if (!d)
		return;
	loop_remove(d->loop, d->watch);
	loop_remove(d->loop, d->texts);
	loop_remove(d->loop, d->unasked);
	for (unsigned i = 0; i < SITE_ZONES_MAX; i++)
		health_stop(d->health[i]);
	while (d->first)
		ask_free(queue_take(d));
	while (d->running) {
		struct ask *a = d->running;

		d->running = a->next;
		ask_stop(a);
		ask_free(a);
	}
	resolver_close(d->resolver);
	free(d);
}
