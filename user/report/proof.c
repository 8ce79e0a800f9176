/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling a proof, and the names of what is in it: see proof.h. What follows from it is in proof_conclude.c. */
#include "report/proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/grow.h"
#include "base/when.h"

#define LISTED	  "listed"
#define OTHERS	  "others" /* in the place of lists and limits beyond those that are told apart */
#define DAYS_MAX  64	   /* bits of proof_source.day */
#define BARS_MAX  200	   /* that can be told apart on a page: hours for eight days */
#define BOUNDS_S  15  /* a verdict of the DNS takes ten seconds at most; lines have whole seconds */
#define SESSION_S 300 /* so long may a client be silent before its message (RFC 5321, 4.5.3.2) */

int proof_new(struct proof **out, const struct proof_facts *facts)
{
	struct proof *p = calloc(1, sizeof(*p));
	int64_t span_s = facts->now_wall_s - facts->since_wall_s;

	if (!p)
		return -ENOMEM;
	p->facts = *facts;
	p->bucket_s = span_s > BARS_MAX * (int64_t)HOUR_S ? DAY_S : HOUR_S;
	*out = p;
	return 0;
}

void proof_free(struct proof *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->sources; i++) {
		free(p->source[i].lists);
		free(p->source[i].says);
		free(p->source[i].feed);
		for (unsigned acted = 0; acted < 2; acted++) {
			free(p->source[i].lists_of[acted]);
			free(p->source[i].feed_of[acted]);
		}
		for (size_t k = 0; k < p->source[i].domains; k++)
			free(p->source[i].domain[k]);
		free(p->source[i].domain);
	}
	free(p->told);
	free(p->source);
	free(p->row);
	free(p->bucket);
	free(p);
}

/* ---- reasons ---- */

static const struct {
	const char *name;
	enum proof_kind kind;
} kinds[] = {
	{LISTED, PROOF_LIST},	   {"open", PROOF_LIMIT},	  {"total_open", PROOF_LIMIT},
	{"rate", PROOF_LIMIT},	   {"network_rate", PROOF_LIMIT}, {"total_rate", PROOF_LIMIT},
	{"feed", PROOF_FEED},	   {"banned", PROOF_BAN},	  {"rule", PROOF_OPERATOR},
	{"block", PROOF_OPERATOR}, {"only", PROOF_ONLY},	  {"mapped", PROOF_MALFORMED},
	{"tags", PROOF_MALFORMED}, {"chain", PROOF_MALFORMED},	  {"fragment", PROOF_MALFORMED},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool kind_of(const char *name, enum proof_kind *out)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*out = kinds[i].kind;
			return true;
		}
	return false;
}

/* Its place in the table; PROOF_REASONS_MAX: it is no reason to refuse. */
static unsigned reason_find(struct proof *p, const char *name)
{
	struct proof_reason *r;
	enum proof_kind kind;

	for (unsigned i = 0; i < p->reasons; i++)
		if (strcmp(p->reason[i].name, name) == 0)
			return i;
	if (p->reasons == PROOF_REASONS_MAX || !kind_of(name, &kind))
		return PROOF_REASONS_MAX;
	r = &p->reason[p->reasons];
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->kind = kind;
	return p->reasons++;
}

/* Of several lists the first, which weighed most. A limit has blanks in it. Its place in the table; PROOF_DETAILS_MAX: there is none. */
static unsigned detail_count(struct proof_reason *r, const char *text, uint64_t connections)
{
	size_t length = r->kind == PROOF_LIST ? strcspn(text, " ") : strlen(text);
	unsigned i = 0;

	if (!length)
		return PROOF_DETAILS_MAX;
	while (i < r->details && (strlen(r->detail[i].name) != length ||
				  strncmp(r->detail[i].name, text, length) != 0))
		i++;
	if (i >= PROOF_DETAILS_MAX - 1) {
		i = PROOF_DETAILS_MAX - 1;
		length = strlen(text = OTHERS);
	}
	if (i == r->details)
		snprintf(r->detail[r->details++].name, STORE_DETAIL_MAX, "%.*s", (int)length, text);
	r->detail[i].connections += connections;
	return i;
}

uint64_t proof_share(const struct proof *p, const struct proof_source *s, unsigned reason,
		     bool acted)
{
	uint64_t sum = 0;

	for (size_t i = s->row; i < s->row + s->rows; i++)
		if (p->row[i].reason == reason && p->row[i].acted == acted)
			sum += p->row[i].connections;
	return sum;
}

static const char *detail_newest(const struct proof *p, const struct proof_source *s,
				 unsigned reason, const bool ways[static 2])
{
	const char *name = "";

	/* Rows are by time: a limit that was changed since counts no more. */
	for (size_t i = s->row + s->rows; i-- > s->row;)
		if (p->row[i].reason == reason && ways[p->row[i].acted] &&
		    p->row[i].detail < PROOF_DETAILS_MAX) {
			name = p->reason[reason].detail[p->row[i].detail].name;
			break;
		}
	return strcmp(name, OTHERS) ? name : "";
}

const char *proof_share_detail(const struct proof *p, const struct proof_source *s, unsigned reason)
{
	return detail_newest(p, s, reason, (const bool[2]){true, true});
}

const char *proof_share_detail_of(const struct proof *p, const struct proof_source *s,
				  unsigned reason, bool acted)
{
	return detail_newest(p, s, reason, (const bool[2]){!acted, acted});
}

uint64_t proof_reason_would(const struct proof_reason *r)
{
	return r->by_packet || r->judged < r->connections[0] ? r->connections[0] : r->judged;
}

/* ---- rows of the store ---- */

/* The bucket of a time; one before the beginning is of the first. NULL: out of memory, or it lies in the future. */
static struct proof_bucket *bucket_at(struct proof *p, int64_t wall_s)
{
	int64_t begin = p->facts.since_wall_s - p->facts.since_wall_s % p->bucket_s;
	size_t at = wall_s < begin ? 0 : (size_t)((wall_s - begin) / p->bucket_s);

	if (wall_s > p->facts.now_wall_s)
		return NULL;
	while (p->buckets <= at) {
		void *grown = grow(p->bucket, p->buckets, &p->bucket_room, sizeof(*p->bucket));

		if (!grown)
			return NULL;
		p->bucket = grown;
		p->bucket[p->buckets] =
			(struct proof_bucket){.wall_s = begin + (int64_t)p->buckets * p->bucket_s};
		p->buckets++;
	}
	return &p->bucket[at];
}

static void text_replace(char **at, const char *text)
{
	free(*at);
	*at = *text ? strdup(text) : NULL;
}

static struct proof_source *source_of(struct proof *p, const struct addr *a)
{
	void *grown;

	if (p->sources && addr_equal(&p->source[p->sources - 1].addr, a))
		return &p->source[p->sources - 1];
	grown = grow(p->source, p->sources, &p->source_room, sizeof(*p->source));
	if (!grown)
		return NULL;
	p->source = grown;
	p->source[p->sources] =
		(struct proof_source){.addr = *a, .row = p->rows, .reason = PROOF_REASONS_MAX};
	return &p->source[p->sources++];
}

int proof_add_refusal(struct proof *p, const struct store_refusal *r)
{
	unsigned reason = reason_find(p, r->reason);
	struct proof_reason *of = &p->reason[reason];
	struct proof_source *s;
	struct proof_bucket *b;
	void *grown;

	if (reason == PROOF_REASONS_MAX)
		return 0;
	s = source_of(p, &r->addr);
	grown = s ? grow(p->row, p->rows, &p->row_room, sizeof(*p->row)) : NULL;
	if (!grown)
		return -ENOMEM;
	p->row = grown;
	p->row[p->rows++] =
		(struct proof_row){.reason = reason,
				   .detail = detail_count(of, r->detail, r->connections),
				   .acted = r->acted,
				   .first_wall_s = r->first_wall_s,
				   .last_wall_s = r->last_wall_s,
				   .connections = r->connections};
	s->rows++;
	s->connections[r->acted] += r->connections;
	of->connections[r->acted] += r->connections;
	/* Silence is for every packet of a source; but at a limit only a SYN is judged in monitor mode. */
	of->by_packet =
		of->by_packet || (strcmp(r->action, "drop") == 0 && of->kind != PROOF_LIMIT);
	if (of->kind == PROOF_LIST) {
		text_replace(&s->lists, r->detail);
		text_replace(&s->lists_of[r->acted], r->detail);
		text_replace(&s->says, r->says);
	} else if (of->kind == PROOF_FEED) {
		text_replace(&s->feed, r->detail);
		text_replace(&s->feed_of[r->acted], r->detail);
	}
	b = bucket_at(p, r->first_wall_s);
	if (b)
		b->refused[reason] += r->connections;
	return 0;
}

/* Who began to watch within an hour is taken to have gone on until its end, or until now. */
static int64_t hour_watched_from(const struct proof *p, const struct store_hour *h)
{
	int64_t end_s = h->wall_s + HOUR_S;

	if (end_s > p->facts.now_wall_s)
		end_s = p->facts.now_wall_s;
	return end_s - h->wall_s > (int64_t)h->packets ? end_s - (int64_t)h->packets : h->wall_s;
}

int proof_add_hour(struct proof *p, const struct store_hour *h)
{
	/* Packets that begin no connection. A stranger who was held comes again, and is counted then. */
	static const char *const others[] = {"flow", "mapped", "tags", "chain", "fragment"};
	struct proof_bucket *b = bucket_at(p, h->wall_s);
	unsigned reason;
	uint64_t all = h->would + (strcmp(h->reason, "held") == 0 ? 0 : h->packets);

	if (!b)
		return h->wall_s > p->facts.now_wall_s ? 0 : -ENOMEM;
	if (strcmp(h->reason, STORE_HOUR_WATCHED) == 0) {
		b->watched_s += h->packets;
		b->monitor_s += h->would;
		p->watched_s += h->packets;
		p->monitor_s += h->would;
		if (!p->watched_from_s)
			p->watched_from_s = hour_watched_from(p, h);
		return 0;
	}
	/* Their SYN has been counted as a stranger's. */
	if (strcmp(h->reason, STORE_HOUR_FOUND) == 0) {
		reason = h->would ? reason_find(p, LISTED) : PROOF_REASONS_MAX;
		if (reason < PROOF_REASONS_MAX)
			p->reason[reason].judged += h->would;
		return 0;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(h->reason, others[i]) == 0)
			return 0;
	reason = h->would ? reason_find(p, h->reason) : PROOF_REASONS_MAX;
	if (reason < PROOF_REASONS_MAX)
		p->reason[reason].judged += h->would;
	b->all += all;
	p->all += all;
	return 0;
}

/* ---- who delivered ---- */

static int by_addr(const void *key, const void *source)
{
	const struct proof_source *s = source;

	return memcmp(key, s->addr.byte, sizeof(s->addr.byte));
}

struct proof_source *proof_find(const struct proof *p, const struct addr *a)
{
	return p->sources ? bsearch(a, p->source, p->sources, sizeof(*p->source), by_addr) : NULL;
}

void proof_add_decision(struct proof *p, const struct prefix *prefix, enum proof_decision d)
{
	struct addr last = prefix_last(prefix);
	size_t low = 0, high = p->sources;

	/* Sources are by address: those of a prefix stand together. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_addr(&prefix->addr, &p->source[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < p->sources && by_addr(&last, &p->source[low]) >= 0; low++) {
		struct proof_source *s = &p->source[low];

		/* Mapped IPv4 lies inside short IPv6 prefixes, and is none of theirs. */
		if (!prefix_has(prefix, &s->addr))
			continue;
		s->allowed = s->allowed || d == PROOF_ALLOW;
		s->trusted = s->trusted || d == PROOF_TRUST;
		s->blocked = s->blocked || d == PROOF_BLOCK;
	}
}

void proof_add_sender(struct proof *p, const struct store_sender *sender)
{
	struct proof_source *s = proof_find(p, &sender->addr);

	p->names_told = p->names_told || sender->host[0];
	if (!s)
		return;
	s->before = sender->messages;
	/* Its days between are not known: one or several is what matters. */
	s->days = sender->first_wall_s / DAY_S == sender->last_wall_s / DAY_S ? 1 : 2;
	if (sender->last_wall_s > s->last_wall_s)
		s->last_wall_s = sender->last_wall_s;
	if (!s->host[0])
		snprintf(s->host, sizeof(s->host), "%s", sender->host);
}

static void domain_note(struct proof_source *s, const char *from)
{
	const char *at = strrchr(from, '@');
	char **grown;

	if (!at || !at[1])
		return;
	for (size_t i = 0; i < s->domains; i++)
		if (strcasecmp(s->domain[i], at + 1) == 0)
			return;
	grown = s->domains < PROOF_DOMAINS_MAX
			? grow(s->domain, s->domains, &s->domain_room, sizeof(*s->domain))
			: NULL;
	if (grown) {
		s->domain = grown;
		s->domain[s->domains] = strdup(at + 1);
	}
	/* Without memory it is as one too many. */
	if (!grown || !s->domain[s->domains])
		s->domains_cut = true;
	else
		s->domains++;
}

static void day_note(const struct proof *p, struct proof_source *s, int64_t wall_s)
{
	int64_t day = wall_s / DAY_S - p->facts.since_wall_s / DAY_S;

	/* No report reaches back so far (STORE_REFUSAL_DAYS), but a log may have any time in it. */
	if (day >= 0 && day < DAYS_MAX)
		s->day |= 1ULL << day;
	if ((unsigned)__builtin_popcountll(s->day) > s->days)
		s->days = (unsigned)__builtin_popcountll(s->day);
}

/* A bit for each reason with a row that the connection of a delivery fell into. */
static uint32_t reasons_hit(const struct proof *p, const struct proof_source *s,
			    const struct maillog_event *e)
{
	int64_t slack = BOUNDS_S + (int64_t)p->facts.event_interval_s;
	int64_t to = e->connected_wall_s ? e->connected_wall_s : e->wall_s;
	int64_t from = e->connected_wall_s ? e->connected_wall_s : e->wall_s - SESSION_S;
	uint32_t hit = 0;

	for (size_t i = s->row; i < s->row + s->rows; i++) {
		const struct proof_row *r = &p->row[i];

		if (r->acted || from > r->last_wall_s + slack || to < r->first_wall_s - slack)
			continue;
		hit |= 1U << r->reason;
	}
	return hit;
}

void proof_hear(void *context, const struct maillog_event *e)
{
	struct proof *p = context;
	struct proof_source *s = proof_find(p, &e->addr);
	uint32_t hit;

	p->names_told = p->names_told || e->host[0];
	if (!s || e->wall_s < p->facts.since_wall_s || e->what == MAILLOG_CONNECT)
		return;
	if (e->host[0])
		snprintf(s->host, sizeof(s->host), "%s", e->host);
	if (e->what == MAILLOG_REJECT) {
		s->rejected++;
		return;
	}
	if (e->wall_s > s->last_wall_s)
		s->last_wall_s = e->wall_s;
	day_note(p, s, e->wall_s);
	domain_note(s, e->from);
	hit = reasons_hit(p, s, e);
	if (!hit) {
		s->apart++;
		return;
	}
	s->messages++;
	s->recipients += e->recipients;
	s->hit |= hit;
}

/* ---- names ---- */

const char *proof_state_name(enum proof_state s)
{
	static const char *const names[] = {"none", "left", "suspect", "settled", "apart"};

	return names[s];
}

const char *proof_verdict_name(enum proof_verdict v)
{
	static const char *const names[] = {"ready", "explain", "blind", "early"};

	return names[v];
}

const char *proof_kind_name(enum proof_kind k)
{
	static const char *const names[] = {"list", "limit", "feed",	 "ban",
					    "rule", "only",  "malformed"};

	return names[k];
}

const char *proof_reason_note(const struct proof_reason *r)
{
	if (r->kind == PROOF_OPERATOR)
		return "your own, not summed";
	return r->kind == PROOF_BAN ? "repeated offences" : "";
}
