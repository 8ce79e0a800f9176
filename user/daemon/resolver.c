/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resolver: the child that asks the DNS. Questions come from the keeper, verdicts go back, and each second what is new about
 * the zones. No verdict is lost and memory stays bounded: so many questions may be without an answer that the keeper
 * has taken; past that no further one is read, they wait in the socket, and then the keeper is told that there is no room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/channel.h"
#include "base/drop.h"
#include "base/json.h"
#include "base/log.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"

/* Questions without a verdict that was taken: 6 MB when all of them wait as verdicts. */
#define ASKED_MAX 4096
/*
 * One timer for each of the 256 questions that the engine has under way, a few sockets for each of 8 servers, and the loop.
 */
#define FILES_MAX      512
#define ZONES_EVERY_MS 1000
/* Zones are tested before anybody is judged by them; one that takes longer than this would answer nobody in time either. */
#define TESTS_WAIT_MS 20000

/* A verdict that could not be sent yet. */
struct waiting {
	struct waiting *next;
	struct message_verdict verdict;
};

struct zone_said {
	struct message_zone last; /* as it was sent */
	bool news, limit;	  /* to be told as such */
	char limit_why[sizeof(((struct message_zone *)0)->why)];
};

struct resolving {
	struct loop *loop;
	struct channel *channel;
	struct dns_engine *engine;
	struct loop_source *tests_timer;
	bool ready, awaits_room;
	unsigned asked; /* without a verdict that was taken */
	struct waiting *first, **last;
	struct zone_said zone[SITE_ZONES_MAX];
	int status;
};

static void resolver_room(void *context);

static void resolver_fail(struct resolving *r, const char *what, int code)
{
	log_error("resolver: %s: %s", what, strerror(-code));
	r->status = EXIT_FAILURE;
	loop_stop(r->loop);
}

/* ---- verdicts ---- */

static uint32_t ttl_bound(uint32_t ttl_s)
{
	return ttl_s < MESSAGE_TTL_MAX_S ? ttl_s : MESSAGE_TTL_MAX_S;
}

static void result_fill(struct message_zone_result *out, uint32_t zone,
			const struct dns_zone_result *from)
{
	*out = (struct message_zone_result){.zone = zone,
					    .outcome = from->outcome,
					    .added = from->added,
					    .ttl_s = ttl_bound(from->ttl_s)};
	while (out->code_count < from->code_count && out->code_count < MESSAGE_CODES_MAX) {
		out->code[out->code_count] = from->code[out->code_count];
		out->code_count++;
	}
}

/* Listings before failures, if there is not room for all; those of a kind in the order of the configuration. */
static void results_fill(struct message_verdict *out, const struct dns_verdict *v)
{
	bool taken[SITE_ZONES_MAX] = {false};
	unsigned count = 0;

	for (int listed = 1; listed >= 0; listed--)
		for (unsigned i = 0; i < v->zone_count && count < MESSAGE_ZONES_MAX; i++) {
			enum outcome o = v->zone[i].outcome;

			if (o == OUTCOME_CLEAN || o == OUTCOME_PENDING ||
			    (o == OUTCOME_LISTED) != listed)
				continue;
			taken[i] = true;
			count++;
		}
	for (unsigned i = 0; i < v->zone_count; i++)
		if (taken[i])
			result_fill(&out->result[out->result_count++], i, &v->zone[i]);
}

static void verdict_fill(struct message_verdict *out, const struct dns_verdict *v)
{
	*out = (struct message_verdict){
		.head = message_head(MESSAGE_VERDICT),
		.addr = v->addr,
		.score = v->score,
		.threshold = v->threshold,
		.verdict = v->verdict,
		.classes = v->verdict == VERDICT_LISTED ? v->classes : 0,
		.bits = v->bits,
		.ttl_s = ttl_bound(v->ttl_s),
		.partial = v->partial,
		.spent = v->spent,
		.unproven = v->unproven,
		.named = v->named ? (uint32_t)(v->named - v->zone) : SITE_ZONES_MAX,
		.asked = v->zone_count,
		.rdns = v->rdns,
		.rdns_generic = v->rdns_generic,
		.rdns_added = v->rdns_added,
	};
	results_fill(out, v);
	if (v->named)
		snprintf(out->text, sizeof(out->text), "%s", v->named->text);
	text_escape(v->rdns_host, strlen(v->rdns_host), out->rdns_host, sizeof(out->rdns_host));
}

/* ---- sending ---- */

static void await_room(struct resolving *r)
{
	if (r->awaits_room)
		return;
	r->awaits_room = true;
	channel_on_room(r->channel, resolver_room, r);
}

/* Questions are read while there is room for their verdicts, and when the zones have been tested. */
static void reading_adjust(struct resolving *r)
{
	channel_pause(r->channel, !r->ready || r->asked >= ASKED_MAX);
}

/* The end of the channel shows itself: then nothing needs to be kept. */
static void verdict_send(struct resolving *r, const struct message_verdict *v)
{
	int ret = r->first ? -EAGAIN : channel_send(r->channel, v, sizeof(*v));
	struct waiting *w;

	if (ret != -EAGAIN) {
		r->asked--;
		return;
	}
	w = malloc(sizeof(*w));
	if (!w) {
		resolver_fail(r, "a verdict cannot be kept", -ENOMEM);
		return;
	}
	*w = (struct waiting){.verdict = *v};
	*r->last = w;
	r->last = &w->next;
	await_room(r);
}

static void waiting_send(struct resolving *r)
{
	while (r->first) {
		struct waiting *w = r->first;

		if (channel_send(r->channel, &w->verdict, sizeof(w->verdict)) == -EAGAIN) {
			await_room(r);
			return;
		}
		r->asked--;
		r->first = w->next;
		if (!r->first)
			r->last = &r->first;
		free(w);
	}
}

static void zone_send(struct resolving *r, unsigned zone)
{
	struct zone_said *said = &r->zone[zone];
	struct dns_zone_status status;
	struct message_zone m;
	const char *why;

	dns_zone_status(r->engine, zone, &status);
	why = said->limit ? said->limit_why : status.why;
	m = (struct message_zone){.head = message_head(MESSAGE_ZONE),
				  .zone = zone,
				  .state = status.state,
				  .asked = status.asked,
				  .listed = status.listed,
				  .errors = status.errors,
				  .over_budget = status.over_budget,
				  .latency_ms = status.latency_ms};
	text_escape(why, strlen(why), m.why, sizeof(m.why));
	if (!said->news && !said->limit && memcmp(&m, &said->last, sizeof(m)) == 0)
		return;
	m.news = said->news;
	m.limit = said->limit;
	if (channel_send(r->channel, &m, sizeof(m)) == -EAGAIN) {
		/* Numbers can wait for the next second, news for the next room. */
		if (said->news || said->limit)
			await_room(r);
		return;
	}
	said->news = said->limit = false;
	m.news = m.limit = 0;
	said->last = m;
}

static void zones_send(void *context)
{
	struct resolving *r = context;

	for (unsigned i = 0; i < dns_zone_count(r->engine); i++)
		zone_send(r, i);
}

static void resolver_room(void *context)
{
	struct resolving *r = context;

	r->awaits_room = false;
	for (unsigned i = 0; i < dns_zone_count(r->engine); i++)
		if (r->zone[i].news || r->zone[i].limit)
			zone_send(r, i);
	waiting_send(r);
	reading_adjust(r);
}

/* ---- zones ---- */

static void zone_news(void *context, const struct dns_news *news)
{
	struct resolving *r = context;
	struct zone_said *said = &r->zone[news->zone];

	if (news->limit) {
		said->limit = true;
		snprintf(said->limit_why, sizeof(said->limit_why), "%s", news->why);
	} else {
		said->news = true;
	}
	zone_send(r, news->zone);
}

static void resolver_ready(void *context)
{
	static struct message_ready ready;
	struct resolving *r = context;

	loop_remove(r->loop, r->tests_timer);
	r->tests_timer = NULL;
	if (r->ready)
		return;
	r->ready = true;
	zones_send(r);
	ready.head = message_head(MESSAGE_READY);
	/* The first messages of all: there is room, or nobody is there. */
	if (channel_send(r->channel, &ready, sizeof(ready)) == -EAGAIN)
		resolver_fail(r, "the keeper cannot be told that all is ready", -EAGAIN);
	reading_adjust(r);
}

/* ---- questions ---- */

static void verdict_came(void *context, const struct dns_verdict *v)
{
	struct resolving *r = context;
	struct message_verdict m;

	verdict_fill(&m, v);
	verdict_send(r, &m);
	reading_adjust(r);
}

/* Who cannot be asked about is unknown, and gets in. */
static void verdict_unknown(struct resolving *r, const struct addr *a)
{
	const struct dns_verdict v = {.addr = *a,
				      .verdict = VERDICT_UNKNOWN,
				      .partial = true,
				      .bits = ADDR_BITS,
				      .ttl_s = TTL_PARTIAL_MOST_S,
				      .rdns_host = ""};

	verdict_came(r, &v);
}

static void question_came(void *context, const void *bytes, size_t length)
{
	struct resolving *r = context;
	struct err e = {0};
	const union message *m = message_check(bytes, length, 1U << MESSAGE_ASK, &e);
	struct dns_question q;

	if (!m) {
		log_error("resolver: %s", e.text);
		r->status = EXIT_FAILURE;
		loop_stop(r->loop);
		return;
	}
	/* Lists speak of who may send to port 25, and their verdicts are used for it alone. */
	q = (struct dns_question){.addr = m->ask.addr,
				  .classes = DNS_CLASS_MX,
				  .known = m->ask.known,
				  .unproven = m->ask.unproven};
	r->asked++;
	if (dns_ask(r->engine, &q, verdict_came, r, NULL) < 0)
		verdict_unknown(r, &q.addr);
	else
		reading_adjust(r);
}

static void keeper_gone(void *context)
{
	struct resolving *r = context;

	loop_stop(r->loop);
}

/* ---- life ---- */

static int resolver_watch(struct resolving *r, struct err *e)
{
	int ret;

	dns_on_news(r->engine, zone_news, r);
	ret = loop_add_timer(r->loop, TESTS_WAIT_MS, 0, resolver_ready, r, &r->tests_timer);
	if (ret == 0)
		ret = loop_add_timer(r->loop, ZONES_EVERY_MS, ZONES_EVERY_MS, zones_send, r, NULL);
	if (ret == 0)
		ret = dns_probe_zones(r->engine, resolver_ready, r);
	if (ret == 0)
		ret = dns_watch_zones(r->engine);
	if (ret < 0)
		return err_set(e, ret, "cannot look after the lists: %s", strerror(-ret));
	if (!dns_zone_count(r->engine))
		resolver_ready(r);
	return 0;
}

static int resolver_start(struct resolving *r, int channel, const void *settings, size_t length,
			  struct err *e)
{
	static const struct drop drop = {.files = FILES_MAX};
	int ret;

	if (length != sizeof(struct dns_settings))
		return err_set(e, -EBADMSG, "the settings have %zu bytes instead of %zu", length,
			       sizeof(struct dns_settings));
	ret = loop_new(&r->loop);
	if (ret < 0)
		return err_set(e, ret, "cannot make the event loop: %s", strerror(-ret));
	ret = dns_open(&r->engine, r->loop, settings, e);
	if (ret == 0)
		ret = drop_calls(&drop, e);
	if (ret == 0)
		ret = channel_open(&r->channel, r->loop, channel, sizeof(struct message_ask),
				   question_came, keeper_gone, r, e);
	if (ret < 0)
		return ret;
	reading_adjust(r);
	return resolver_watch(r, e);
}

static void resolver_free(struct resolving *r)
{
	while (r->first) {
		struct waiting *w = r->first;

		r->first = w->next;
		free(w);
	}
	channel_close(r->channel);
	dns_close(r->engine);
	loop_free(r->loop);
	free(r);
}

int resolver_run(int channel, const void *settings, size_t length)
{
	struct resolving *r = calloc(1, sizeof(*r));
	struct err e = {0};
	int ret, status;

	if (!r)
		return EXIT_FAILURE;
	r->last = &r->first;
	ret = resolver_start(r, channel, settings, length, &e);
	if (ret == 0) {
		ret = loop_run(r->loop);
		if (ret < 0)
			err_set(&e, ret, "the event loop broke: %s", strerror(-ret));
	}
	if (ret < 0) {
		log_error("resolver: %s", e.text);
		r->status = EXIT_FAILURE;
	}
	status = r->status;
	resolver_free(r);
	return status;
}
