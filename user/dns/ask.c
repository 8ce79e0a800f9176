/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One question about one source: all zones and reverse DNS at once, the score after each answer, a verdict as soon as one can be
 * given, the reason of the zone that is named, the telling. What is still under way then is waited for in silence: only so does a
 * zone that is always late come to be known for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/when.h"
#include "dns/engine.h"
#include "dns/rdns.h"

/* The verdict is there; its reason is worth waiting for a little. People wait longer. */
#define TEXT_WAIT_MS	   500
#define TEXT_WAIT_WHOLE_MS 2000
#define TEXT_TICK_MS                                                                               \
	50 /* how late that may be noticed: one timer for all, since there may be thousands a second */

struct asking {
	struct inquiry *inquiry;
	unsigned zone;
	struct question *question, *text;
};

struct inquiry {
	struct ask *ask;
	unsigned zones;
	unsigned pending; /* answers under way */
	unsigned texts;	  /* reasons under way */
	bool starting, told, texts_asked;
	uint64_t text_due_ns; /* when reasons are waited for no longer */
	struct rdns *rdns;
	struct rdns_finding finding;
	char host[NAME_TEXT_MAX];
	struct score_part part[SITE_ZONES_MAX + 1]; /* the last is reverse DNS */
	struct asking asking[SITE_ZONES_MAX];
	struct dns_zone_result result[]; /* by zone */
};

static void inquiry_step(struct inquiry *q);

/* ---- verdicts ---- */

struct decision {
	struct score score;
	unsigned classes; /* that are listed */
};

/* For every class that was asked about; pending while one of them is. */
static struct decision decide(const struct inquiry *q)
{
	static const struct {
		enum dns_class class_;
		bool firm;
	} classes[] = {{DNS_CLASS_MX, false}, {DNS_CLASS_SUBMISSION, true}};
	const struct dns_question *asked = &q->ask->question;
	int64_t threshold = q->ask->engine->settings.threshold;
	struct decision out = {0};
	bool first = true;

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct score s;

		if (!(asked->classes & classes[i].class_))
			continue;
		s = score_decide(q->part, q->zones + 1, threshold, classes[i].firm);
		if (s.verdict == VERDICT_PENDING)
			return (struct decision){.score = s};
		if (s.verdict == VERDICT_LISTED)
			out.classes |= classes[i].class_;
		if (first || (s.verdict == VERDICT_LISTED && out.score.verdict != VERDICT_LISTED))
			out.score = s;
		first = false;
	}
	return out;
}

static void tell(struct inquiry *q, const struct decision *d)
{
	const struct dns_settings *s = &q->ask->engine->settings;
	const struct dns_question *asked = &q->ask->question;
	bool listed = d->score.verdict == VERDICT_LISTED;
	struct dns_verdict v = {
		.addr = asked->addr,
		.verdict = d->score.verdict,
		.classes = d->classes,
		.score = d->score.total,
		.threshold = s->threshold,
		.partial = d->score.partial,
		.unproven = asked->unproven,
		.bits = ADDR_BITS,
		.zone = q->result,
		.zone_count = q->zones,
		.rdns = q->finding.result,
		.rdns_generic = q->finding.generic,
		.rdns_host = q->host,
	};

	if (listed) {
		/* Reverse DNS may list alone, and has no zone. */
		v.named = d->score.named < q->zones ? &q->result[d->score.named] : NULL;
		if (d->score.wide && !addr_is_v4(&asked->addr))
			v.bits = ADDR_BITS / 2;
	}
	if (q->part[q->zones].outcome == OUTCOME_LISTED)
		v.rdns_added = q->part[q->zones].sum;
	for (unsigned i = 0; i < q->zones; i++)
		v.spent |= q->part[i].outcome == OUTCOME_BUDGET;
	v.ttl_s = ttl_of_verdict(d->score.ttl_s, listed ? &s->listed_ttl : &s->clean_ttl,
				 d->score.partial);
	q->told = true;
	ask_told(q->ask, &v);
}

/* ---- reasons ---- */

static void text_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct asking *asking = context;
	struct inquiry *q = asking->inquiry;
	struct dns_zone_result *result = &q->result[asking->zone];

	(void)latency_ms;
	asking->text = NULL;
	q->texts--;
	if (a->status == ANSWER_FOUND && a->count)
		text_escape(a->text.byte, a->text.length, result->text, sizeof(result->text));
	inquiry_step(q);
}

static void text_ask(struct inquiry *q, unsigned zone)
{
	struct dns_engine *d = q->ask->engine;
	struct asking *asking = &q->asking[zone];
	char name[NAME_TEXT_MAX];

	if (zones_charge(&d->zones, zone, false, now_monotonic_ns()) != OUTCOME_PENDING)
		return;
	d->zones.zone[zone].asked++;
	name_of_listing(&q->ask->question.addr, false, d->settings.sites.zone[zone], name);
	if (resolver_ask(d->resolver, name, RECORD_TXT, text_answered, asking, &asking->text) == 0)
		q->texts++;
}

static void texts_cancel(struct inquiry *q)
{
	for (unsigned i = 0; i < q->zones; i++) {
		resolver_cancel(q->asking[i].text);
		q->asking[i].text = NULL;
	}
	q->texts = 0;
}

/* Those that have not come by now do not matter. */
static void texts_tick(void *context)
{
	struct dns_engine *d = context;
	uint64_t now_ns = now_monotonic_ns();
	bool waiting = false;

	for (struct ask *a = d->running, *next; a; a = next) {
		struct inquiry *q = a->inquiry;

		next = a->next;
		if (!q->texts)
			continue;
		if (now_ns < q->text_due_ns) {
			waiting = true;
			continue;
		}
		texts_cancel(q);
		inquiry_step(q);
	}
	if (!waiting) {
		loop_remove(d->loop, d->texts);
		d->texts = NULL;
	}
}

/* Only after a hit: of the zone that is named, or for people of each that lists. */
static void texts_ask(struct inquiry *q, const struct decision *d)
{
	struct dns_engine *engine = q->ask->engine;
	bool whole = q->ask->question.whole;

	q->texts_asked = true;
	for (unsigned i = 0; i < q->zones; i++)
		if (q->part[i].outcome == OUTCOME_LISTED &&
		    (whole || (d->score.verdict == VERDICT_LISTED && i == d->score.named)))
			text_ask(q, i);
	q->text_due_ns =
		now_monotonic_ns() + (whole ? TEXT_WAIT_WHOLE_MS : TEXT_WAIT_MS) * NS_PER_MS;
	/* Without a timer there is no waiting. */
	if (q->texts && !engine->texts &&
	    loop_add_timer(engine->loop, TEXT_TICK_MS, TEXT_TICK_MS, texts_tick, engine,
			   &engine->texts) < 0)
		texts_cancel(q);
}

/* ---- answers ---- */

static void note_known(struct inquiry *q, unsigned zone)
{
	struct score_part *part = &q->part[zone];

	if (q->ask->question.known && !outcome_is_failure(part->outcome))
		zones_note_known(&q->ask->engine->zones, zone,
				 part->outcome == OUTCOME_LISTED && part->sum > 0,
				 now_monotonic_ns());
}

static void zone_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct asking *asking = context;
	struct inquiry *q = asking->inquiry;
	struct dns_engine *d = q->ask->engine;
	const struct zone_facts *facts = &d->settings.facts[asking->zone];
	struct dns_zone_result *result = &q->result[asking->zone];
	struct score_part *part = &q->part[asking->zone];

	asking->question = NULL;
	q->pending--;
	part->outcome = answer_outcome(a, &facts->errors, &result->why);
	part->ttl_s = a->ttl_s;
	if (a->status == ANSWER_FOUND) {
		result->code_count = a->count;
		memcpy(result->code, a->code, a->count * sizeof(a->code[0]));
	}
	if (part->outcome == OUTCOME_LISTED)
		score_part_add(part, &d->settings.sites, asking->zone, a->code, a->count,
			       facts->policy, facts->policy_count);
	result->outcome = part->outcome;
	result->added = part->outcome == OUTCOME_LISTED ? part->sum : 0;
	result->ttl_s = a->ttl_s;
	result->latency_ms = latency_ms;
	if (!result->why && outcome_is_failure(part->outcome))
		result->why = outcome_sentence(part->outcome);
	zones_note(&d->zones, asking->zone, part->outcome, result->why, latency_ms,
		   now_monotonic_ns());
	note_known(q, asking->zone);
	inquiry_step(q);
}

static void rdns_answered(void *context, const struct rdns_finding *finding)
{
	struct inquiry *q = context;
	const struct dns_settings *s = &q->ask->engine->settings;
	struct score_part *part = &q->part[q->zones];

	q->rdns = NULL; /* it goes by itself */
	q->pending--;
	q->finding = *finding;
	memcpy(q->host, finding->host, strlen(finding->host) + 1);
	/* What cannot add anything makes no decision. */
	part->ttl_s = part->high ? finding->ttl_s : UINT32_MAX;
	part->outcome = finding->result == RDNS_TEMPERROR ? OUTCOME_SERVFAIL : OUTCOME_LISTED;
	if (finding->result == RDNS_PERMERROR)
		part->sum = s->rdns.none;
	else if (finding->result == RDNS_FAIL)
		part->sum = s->rdns.mismatch;
	if (finding->generic)
		part->sum += s->rdns.generic;
	part->firm = part->sum;
	inquiry_step(q);
}

/* ---- the whole ---- */

/* After each thing that has happened: what is to be done next? May free q. */
static void inquiry_step(struct inquiry *q)
{
	struct ask *ask = q->ask;
	struct decision d;

	if (q->starting)
		return;
	if (!q->told) {
		d = decide(q);
		if (ask->question.whole ? q->pending > 0 : d.score.verdict == VERDICT_PENDING)
			return;
		if (!q->texts_asked)
			texts_ask(q, &d);
		if (q->texts)
			return;
		tell(q, &d);
	}
	if (!q->pending)
		ask_finished(ask);
}

static void rdns_ask(struct inquiry *q)
{
	const struct dns_settings *s = &q->ask->engine->settings;
	struct score_part *part = &q->part[q->zones];
	int64_t named = (int64_t)s->rdns.mismatch + s->rdns.generic;

	part->weak = !s->rdns.alone;
	part->outcome = OUTCOME_CLEAN;
	part->ttl_s = UINT32_MAX;
	if (!named && !s->rdns.none && !q->ask->question.whole)
		return;
	part->high = named > s->rdns.none ? named : s->rdns.none;
	part->outcome = OUTCOME_SERVFAIL;
	if (rdns_start(&q->rdns, q->ask->engine->resolver, &q->ask->question.addr, rdns_answered,
		       q) < 0)
		return;
	part->outcome = OUTCOME_PENDING;
	q->pending++;
}

static void zone_ask(struct inquiry *q, unsigned zone)
{
	struct dns_engine *d = q->ask->engine;
	const struct dns_question *asked = &q->ask->question;
	struct dns_zone_result *result = &q->result[zone];
	struct asking *asking = &q->asking[zone];
	struct score_part *part = &q->part[zone];
	char name[NAME_TEXT_MAX];

	*asking = (struct asking){.inquiry = q, .zone = zone};
	result->zone = d->settings.reply_name[zone];
	site_bounds(&d->settings.sites, zone, &part->low, &part->high);
	part->wide = d->settings.facts[zone].wide;
	part->outcome = zones_charge(&d->zones, zone, asked->unproven, now_monotonic_ns());
	if (part->outcome == OUTCOME_PENDING) {
		name_of_listing(&asked->addr, false, d->settings.sites.zone[zone], name);
		if (resolver_ask(d->resolver, name, RECORD_A, zone_answered, asking,
				 &asking->question) == 0)
			q->pending++;
		else
			part->outcome = OUTCOME_BUDGET; /* the queue is full: as bad as no budget */
	}
	result->outcome = part->outcome;
	if (part->outcome == OUTCOME_SUSPENDED)
		result->why = d->zones.zone[zone].why;
	else if (part->outcome != OUTCOME_PENDING)
		result->why = outcome_sentence(part->outcome);
}

/* Of those that had nobody to ask: from the loop, so that the answer never comes before the asking is over. */
static void first_steps(void *context)
{
	struct dns_engine *d = context;

	loop_remove(d->loop, d->unasked);
	d->unasked = NULL;
	for (struct ask *a = d->running, *next; a; a = next) {
		next = a->next;
		if (!a->inquiry->pending && !a->inquiry->told && !a->inquiry->texts)
			inquiry_step(a->inquiry);
	}
}

int ask_start(struct ask *a)
{
	struct dns_engine *d = a->engine;
	unsigned zones = d->settings.sites.zone_count;
	struct inquiry *q = calloc(1, sizeof(*q) + zones * sizeof(q->result[0]));
	int ret = 0;

	if (!q)
		return -ENOMEM;
	q->ask = a;
	q->zones = zones;
	q->starting = true;
	for (unsigned i = 0; i < zones; i++)
		zone_ask(q, i);
	rdns_ask(q);
	q->starting = false;
	a->inquiry = q;
	/* Nothing could be asked: no answer will make the first step. */
	if (!q->pending && !d->unasked)
		ret = loop_add_timer(d->loop, 0, 0, first_steps, d, &d->unasked);
	if (ret < 0) {
		a->inquiry = NULL;
		free(q);
	}
	return ret;
}

void ask_stop(struct ask *a)
{
	struct inquiry *q = a->inquiry;

	if (!q)
		return;
	rdns_stop(q->rdns);
	for (unsigned i = 0; i < q->zones; i++) {
		resolver_cancel(q->asking[i].question);
		resolver_cancel(q->asking[i].text);
	}
	free(q);
	a->inquiry = NULL;
}
