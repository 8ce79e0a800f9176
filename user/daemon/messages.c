/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a message must be: see messages.h. One table of types, each with its size and the function that holds it to its bounds. Only
 * what a count covers is looked at; what lies behind a count or behind the end of a text is nobody's.
 */
#include "daemon/messages.h"

#include <errno.h>

#include "base/json.h"
#include "conf/conf.h"
#include "feed/image.h"

/* No weight has more than 31 bits and no list more than 128 entries: sums of these cannot overflow. */
#define SCORE_MOST	((int64_t)1 << 40)
#define CLASSES_ALL	(DNS_CLASS_MX | DNS_CLASS_SUBMISSION)
#define PRINTABLE_FIRST ' '
#define PRINTABLE_LAST	'~'
#define ERRNO_MOST	4095 /* MAX_ERRNO of the kernel */

/* ---- parts ---- */

static bool is_boolean(uint64_t value)
{
	return value <= 1;
}

static bool is_score(int64_t value)
{
	return value >= -SCORE_MOST && value <= SCORE_MOST;
}

/* ---- types: each returns what is wrong, or NULL ---- */

static const char *check_ready(const union message *m)
{
	(void)m;
	return NULL;
}

static const char *check_ask(const union message *m)
{
	if (!is_boolean(m->ask.known) || !is_boolean(m->ask.unproven))
		return "a boolean is neither 0 nor 1";
	return NULL;
}

static const char *check_results(const struct message_verdict *v)
{
	if (v->asked > SITE_ZONES_MAX)
		return "there cannot be so many zones";
	if (v->result_count > MESSAGE_ZONES_MAX || v->result_count > v->asked)
		return "there cannot be so many results";
	for (uint32_t i = 0; i < v->result_count; i++) {
		const struct message_zone_result *r = &v->result[i];

		if (r->zone >= v->asked || (i && r->zone <= v->result[i - 1].zone))
			return "a result is of no zone, or out of order";
		if (r->outcome >= OUTCOMES)
			return "an outcome is none";
		if (!is_score(r->added))
			return "a score is out of bounds";
		if (r->ttl_s > MESSAGE_TTL_MAX_S)
			return "a time to live is too long";
		if (r->code_count > MESSAGE_CODES_MAX)
			return "there cannot be so many codes";
	}
	return NULL;
}

/* What a listing stands for, and that nothing else stands for it. */
static const char *check_listing(const struct message_verdict *v)
{
	bool listed = v->verdict == VERDICT_LISTED;

	if (v->verdict <= VERDICT_PENDING || v->verdict > VERDICT_UNKNOWN)
		return "the verdict is none";
	if (v->classes & ~(uint32_t)CLASSES_ALL || listed != !!v->classes)
		return "the port classes do not fit the verdict";
	if (v->bits != ADDR_BITS && (v->bits != ADDR_BITS / 2 || !listed || addr_is_v4(&v->addr)))
		return "the length is none that a verdict holds for";
	if (v->named != SITE_ZONES_MAX && (v->named >= v->asked || !listed))
		return "the zone that is named is none";
	return NULL;
}

static const char *check_verdict(const union message *m)
{
	const struct message_verdict *v = &m->verdict;
	const char *wrong = check_results(v);

	if (!wrong)
		wrong = check_listing(v);
	if (wrong)
		return wrong;
	if (!is_score(v->score) || !is_score(v->threshold) || !is_score(v->rdns_added))
		return "a score is out of bounds";
	if (v->ttl_s > MESSAGE_TTL_MAX_S)
		return "the time to live is too long";
	if (!is_boolean(v->partial) || !is_boolean(v->spent) || !is_boolean(v->rdns_generic) ||
	    !is_boolean(v->unproven))
		return "a boolean is neither 0 nor 1";
	if (v->rdns > RDNS_PERMERROR)
		return "the result of reverse DNS is none";
	if (!text_is_plain(v->text, sizeof(v->text)) ||
	    !text_is_plain(v->rdns_host, sizeof(v->rdns_host)))
		return "a text is not ended, or not printable";
	return NULL;
}

static const char *check_zone(const union message *m)
{
	const struct message_zone *z = &m->zone;

	if (z->zone >= SITE_ZONES_MAX)
		return "the zone is none";
	if (z->state > DNS_ZONE_UNREACHABLE)
		return "the state is none";
	if (!is_boolean(z->news) || !is_boolean(z->limit))
		return "a boolean is neither 0 nor 1";
	if (!text_is_plain(z->why, sizeof(z->why)))
		return "a text is not ended, or not printable";
	return NULL;
}

static const char *check_why(const union message *m)
{
	return m->why.port ? NULL : "the port is none";
}

static const char *check_because(const union message *m)
{
	const struct reply_because *b = &m->because.because;

	if (b->kind >= REPLY_KINDS)
		return "the kind of reason is none";
	if (!text_is_plain(b->by, sizeof(b->by)) || !text_is_plain(b->text, sizeof(b->text)))
		return "a text is not ended, or not printable";
	return NULL;
}

static const char *check_reject(const union message *m)
{
	const struct reply_said *s = &m->reject.said;

	if (!is_boolean(s->esmtp) || !is_boolean(s->tls) || !is_boolean(s->at_greeting))
		return "a boolean is neither 0 nor 1";
	if (!text_is_plain(s->reply, sizeof(s->reply)) ||
	    !text_is_plain(s->helo, sizeof(s->helo)) ||
	    !text_is_plain(s->sender, sizeof(s->sender)) ||
	    !text_is_plain(s->recipient, sizeof(s->recipient)))
		return "a text is not ended, or not printable";
	return NULL;
}

/* Counters may say anything: they are shown and nothing follows from them. */
static const char *check_busy(const union message *m)
{
	(void)m;
	return NULL;
}

static const char *check_delivery(const union message *m)
{
	const struct message_delivery *d = &m->delivery;

	if (d->wall_s < 0 || d->wall_s > MESSAGE_WALL_MAX_S)
		return "the time is none";
	if (!d->recipients || d->recipients > MESSAGE_RECIPIENTS_MAX)
		return "there cannot be so many recipients";
	if (!text_is_plain(d->host, sizeof(d->host)))
		return "a text is not ended, or not printable";
	return NULL;
}

/* A place that was never reached leads nowhere, and counters are shown and no more. */
static const char *check_followed(const union message *m)
{
	return m->followed.is_lost > 1 ? "a boolean is neither 0 nor 1" : NULL;
}

static const char *check_scrape(const union message *m)
{
	(void)m;
	return NULL;
}

static const char *check_page(const union message *m)
{
	const struct message_page *p = &m->page;

	if (!p->total && !p->offset && !p->length)
		return NULL;
	if (!p->total || p->total > MESSAGE_PAGE_MAX || !p->length || p->length > sizeof(p->text) ||
	    p->offset > p->total || p->length > p->total - p->offset)
		return "the piece is out of bounds";
	for (uint32_t i = 0; i < p->length; i++)
		if (p->text[i] != '\n' &&
		    (p->text[i] < PRINTABLE_FIRST || p->text[i] > PRINTABLE_LAST))
			return "a text is not printable";
	return NULL;
}

static const char *check_feed(const union message *m)
{
	const struct message_feed *f = &m->feed;

	if (f->result > 0 || f->result < -ERRNO_MOST)
		return "the result is none";
	if (f->length > IMAGE_BYTES_MAX || !f->length != !!f->result)
		return "the length does not fit the result";
	if (!text_is_plain(f->why, sizeof(f->why)))
		return "a text is not ended, or not printable";
	return NULL;
}

static bool is_network(const struct prefix *p)
{
	struct prefix cut;

	if (p->bits > ADDR_BITS)
		return false;
	cut = prefix_of(&p->addr, p->bits);
	return prefix_equal(&cut, p);
}

static const char *check_provider(const union message *m)
{
	const struct message_provider *p = &m->provider;
	uint32_t parts = (p->total + MESSAGE_NETWORKS_MAX - 1) / MESSAGE_NETWORKS_MAX;
	uint32_t rest;

	if (p->provider >= CONF_PROVIDERS_MAX)
		return "the provider is none";
	if (p->state > SPF_TEMPERROR || (p->state != SPF_FINE && p->total))
		return "the state is none, or has networks that it cannot have";
	if (p->total > SPF_NETWORKS_MAX || p->parts != (parts ? parts : 1) || p->part >= p->parts)
		return "the parts are out of bounds";
	rest = p->total - p->part * MESSAGE_NETWORKS_MAX;
	if (p->count != (rest < MESSAGE_NETWORKS_MAX ? rest : MESSAGE_NETWORKS_MAX))
		return "the count does not fit the part";
	if (p->ttl_s > MESSAGE_TTL_MAX_S)
		return "the time to live is too long";
	if (!text_is_plain(p->why, sizeof(p->why)) || !text_is_plain(p->note, sizeof(p->note)))
		return "a text is not ended, or not printable";
	for (uint32_t i = 0; i < p->count; i++) {
		if (!is_network(&p->network[i]))
			return "a network is none";
		if (i && prefix_compare(&p->network[i - 1], &p->network[i]) >= 0)
			return "the networks are out of order";
	}
	return NULL;
}

static const struct {
	const char *name;
	size_t size;
	const char *(*check)(const union message *m);
} kinds[MESSAGE_TYPES] = {
	[MESSAGE_READY] = {"READY", sizeof(struct message_ready), check_ready},
	[MESSAGE_ASK] = {"ASK", sizeof(struct message_ask), check_ask},
	[MESSAGE_VERDICT] = {"VERDICT", sizeof(struct message_verdict), check_verdict},
	[MESSAGE_ZONE] = {"ZONE", sizeof(struct message_zone), check_zone},
	[MESSAGE_WHY] = {"WHY", sizeof(struct message_why), check_why},
	[MESSAGE_BECAUSE] = {"BECAUSE", sizeof(struct message_because), check_because},
	[MESSAGE_REJECT] = {"REJECT", sizeof(struct message_reject), check_reject},
	[MESSAGE_BUSY] = {"BUSY", sizeof(struct message_busy), check_busy},
	[MESSAGE_PROVIDER] = {"PROVIDER", sizeof(struct message_provider), check_provider},
	[MESSAGE_DELIVERY] = {"DELIVERY", sizeof(struct message_delivery), check_delivery},
	[MESSAGE_FOLLOWED] = {"FOLLOWED", sizeof(struct message_followed), check_followed},
	[MESSAGE_SCRAPE] = {"SCRAPE", sizeof(struct message_scrape), check_scrape},
	[MESSAGE_PAGE] = {"PAGE", sizeof(struct message_page), check_page},
	[MESSAGE_FEED] = {"FEED", sizeof(struct message_feed), check_feed},
};

size_t message_size(enum message_type type)
{
	return type < MESSAGE_TYPES ? kinds[type].size : 0;
}

struct message_head message_head(enum message_type type)
{
	return (struct message_head){.type = type, .size = (uint32_t)message_size(type)};
}

const union message *message_check(const void *bytes, size_t length, uint32_t types, struct err *e)
{
	const union message *m = bytes;
	const char *wrong;

	if (length < sizeof(m->head)) {
		err_set(e, -EBADMSG, "a message of %zu bytes, which is less than a head", length);
		return NULL;
	}
	if (m->head.type >= MESSAGE_TYPES || !kinds[m->head.type].size ||
	    !(types & (1U << m->head.type))) {
		err_set(e, -EBADMSG, "a message of type %u, which has no place here", m->head.type);
		return NULL;
	}
	if (m->head.size != length || length != kinds[m->head.type].size) {
		err_set(e, -EBADMSG, "a message %s of %zu bytes, which says %u and should have %zu",
			kinds[m->head.type].name, length, m->head.size, kinds[m->head.type].size);
		return NULL;
	}
	wrong = kinds[m->head.type].check(m);
	if (wrong) {
		err_set(e, -EBADMSG, "a message %s in which %s", kinds[m->head.type].name, wrong);
		return NULL;
	}
	return m;
}
