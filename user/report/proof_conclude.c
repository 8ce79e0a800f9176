/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows from a proof that is filled: who has to be explained, by which reason he is judged, and whether it may be enforced. See proof.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/generic.h"
#include "dns/orgdomain.h"
#include "report/proof.h"

#define LATE_S                                                                                     \
	600 /* a server writes of each connection: so long after its last line it has stopped */
#define ORG_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789.-"

/*
 * What a source was refused for in earnest: it delivers no more, so whatever it delivered at other times counts. Where no log tells of times,
 * what it would have been refused for is enough.
 */
static uint32_t untimed_hits(const struct proof *p, const struct proof_source *s)
{
	uint32_t hit = 0;

	for (size_t i = s->row; i < s->row + s->rows; i++) {
		enum proof_kind kind = p->reason[p->row[i].reason].kind;

		if ((p->row[i].acted || p->log != PROOF_LOG_READ) &&
		    (kind == PROOF_LIST || kind == PROOF_FEED || kind == PROOF_BAN))
			hit |= 1U << p->row[i].reason;
	}
	return hit;
}

static bool is_operators_alone(const struct proof *p, const struct proof_source *s)
{
	for (size_t i = s->row; i < s->row + s->rows; i++)
		if (p->reason[p->row[i].reason].kind != PROOF_OPERATOR)
			return false;
	return true;
}

unsigned proof_lists(const struct proof *p, const struct proof_source *s)
{
	unsigned count = 0;

	if (p->reason[s->reason].kind == PROOF_FEED)
		return 1;
	for (const char *at = s->lists ? s->lists : ""; *at; at += strspn(at, " ")) {
		at += strcspn(at, " ");
		count++;
	}
	return count;
}

static void signs_find(const struct proof *p, struct proof_source *s)
{
	struct standing_evidence e = {.names_told = p->names_told,
				      .named = s->host[0] != '\0',
				      .days = s->days,
				      .lists = proof_lists(p, s),
				      .messages = s->messages + s->apart,
				      .rejected = s->rejected};

	s->generic = e.named && generic_is_name(s->host, &s->addr);
	e.generic = s->generic;
	if (s->before > e.messages)
		e.messages = s->before;
	s->signs = standing_signs(&e);
}

/* Trust lifts lists, and keeps bans away; a limit and a feed do not heed it. Whom the operator blocks he does not want. */
static bool is_settled(const struct proof_source *s, enum proof_kind kind)
{
	return s->allowed || s->blocked ||
	       (s->trusted && (kind == PROOF_LIST || kind == PROOF_BAN));
}

/* What settles most comes first: allow lifts all of it, trust lists and bans, and what is left is a limit, which delays and turns nobody away. */
static unsigned weight_of(enum proof_kind kind)
{
	static const unsigned weights[] = {
		[PROOF_FEED] = 5, [PROOF_ONLY] = 4,  [PROOF_LIST] = 3,
		[PROOF_BAN] = 2,  [PROOF_LIMIT] = 1, [PROOF_MALFORMED] = 0};

	return weights[kind];
}

/* Of these reasons the heaviest that is not settled, else the heaviest; PROOF_REASONS_MAX of none. */
static unsigned reason_heaviest(const struct proof *p, const struct proof_source *s, uint32_t hit)
{
	unsigned found = PROOF_REASONS_MAX;

	for (unsigned i = 0; i < p->reasons; i++) {
		enum proof_kind kind = p->reason[i].kind, best;

		if (!(hit >> i & 1))
			continue;
		best = found < PROOF_REASONS_MAX ? p->reason[found].kind : kind;
		if (found == PROOF_REASONS_MAX ||
		    (is_settled(s, best) == is_settled(s, kind) ? weight_of(kind) > weight_of(best)
								: is_settled(s, best)))
			found = i;
	}
	return found;
}

static enum proof_state state_of(const struct proof *p, struct proof_source *s)
{
	bool delivered = s->apart || s->before;

	if (is_operators_alone(p, s))
		return PROOF_NOTHING;
	if (!s->messages && delivered)
		s->hit = untimed_hits(p, s);
	s->reason = reason_heaviest(p, s, s->hit);
	if (s->reason < PROOF_REASONS_MAX) {
		signs_find(p, s);
		if (is_settled(s, p->reason[s->reason].kind))
			return PROOF_SETTLED;
		return standing_is_suspect(s->signs) ? PROOF_SUSPECT : PROOF_LEFT;
	}
	if (!s->apart)
		return PROOF_NOTHING;
	s->reason = p->row[s->row].reason;
	return PROOF_APART;
}

/* What came in the time of a file that is not read may have delivered. */
static bool is_in_hole(const struct proof *p, const struct proof_row *r)
{
	return r->first_wall_s <= p->log_hole_until_s &&
	       r->last_wall_s + LATE_S > p->log_hole_from_s;
}

static bool is_blind(const struct proof *p, const struct proof_row *r)
{
	return p->log != PROOF_LOG_READ || r->last_wall_s < p->span.first_wall_s ||
	       r->first_wall_s > p->span.last_wall_s + LATE_S || is_in_hole(p, r);
}

/* Once for each reason and way; and what lies where the log does not reach. */
static void source_count(struct proof *p, const struct proof_source *s)
{
	uint64_t seen[2] = {0};
	bool blind = false, counted[2] = {false};

	for (size_t i = s->row; i < s->row + s->rows; i++) {
		const struct proof_row *r = &p->row[i];

		if (!(seen[r->acted] >> r->reason & 1))
			p->reason[r->reason].sources[r->acted]++;
		seen[r->acted] |= 1ULL << r->reason;
		if (p->reason[r->reason].kind == PROOF_OPERATOR)
			continue;
		counted[r->acted] = true;
		if (!r->acted && !is_settled(s, p->reason[r->reason].kind) && is_blind(p, r)) {
			p->blind_connections += r->connections;
			blind = true;
			p->blind_late = p->blind_late || r->first_wall_s > p->span.last_wall_s;
		}
	}
	p->blind_sources += blind;
	p->refused_sources[0] += counted[0];
	p->refused_sources[1] += counted[1];
	p->any_sources += counted[0] || counted[1];
}

/* More signs first, then more days, then more messages. */
static int by_standing(const void *a, const void *b)
{
	const struct proof_source *x = ((const struct proof_told *)a)->source,
				  *y = ((const struct proof_told *)b)->source;

	if (standing_count(x->signs) != standing_count(y->signs))
		return standing_count(x->signs) < standing_count(y->signs) ? 1 : -1;
	if (x->days != y->days)
		return x->days < y->days ? 1 : -1;
	if (x->messages != y->messages)
		return x->messages < y->messages ? 1 : -1;
	return memcmp(x->addr.byte, y->addr.byte, sizeof(x->addr.byte));
}

static int order(struct proof *p)
{
	p->told = calloc(p->sources ? p->sources : 1, sizeof(*p->told));
	if (!p->told)
		return -ENOMEM;
	for (size_t i = 0; i < p->sources; i++)
		if (p->source[i].state != PROOF_NOTHING)
			p->told[p->told_count++].source = &p->source[i];
	qsort(p->told, p->told_count, sizeof(*p->told), by_standing);
	return 0;
}

const struct proof_source *proof_next(const struct proof *p, enum proof_state state,
				      unsigned provider, size_t *at)
{
	while (*at < p->told_count) {
		const struct proof_source *s = p->told[(*at)++].source;

		if (s->state == state && s->provider == provider)
			return s;
	}
	return NULL;
}

static int by_connections(const void *a, const void *b)
{
	const struct proof_detail *x = a, *y = b;

	return x->connections != y->connections ? (x->connections < y->connections ? 1 : -1)
						: strcmp(x->name, y->name);
}

/* The list that named most comes first: those behind the first few are but a number in a text. */
static void details_order(struct proof *p)
{
	unsigned now[PROOF_REASONS_MAX][PROOF_DETAILS_MAX];

	for (unsigned i = 0; i < p->reasons; i++) {
		struct proof_reason *r = &p->reason[i];

		for (unsigned k = 0; k < r->details; k++)
			r->detail[k].was = k;
		qsort(r->detail, r->details, sizeof(*r->detail), by_connections);
		for (unsigned k = 0; k < r->details; k++)
			now[i][r->detail[k].was] = k;
	}
	for (size_t i = 0; i < p->rows; i++)
		if (p->row[i].detail < PROOF_DETAILS_MAX)
			p->row[i].detail = now[p->row[i].reason][p->row[i].detail];
}

/* ---- providers ---- */

struct named {
	char domain[NAME_TEXT_MAX];
	struct proof_source *source;
};

static int by_domain(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->domain, ((const struct named *)b)->domain);
}

static bool is_configured(const struct proof *p, const char *domain)
{
	for (unsigned i = 0; i < p->facts.trust_spf_count; i++)
		if (strcasecmp(p->facts.trust_spf[i].text, domain) == 0)
			return true;
	return false;
}

/*
 * What trust lifts; and a name that may stand in a configuration. One that stands there already has done what it can: the SPF record does not name
 * this source.
 */
static bool may_be_providers(const struct proof *p, const struct proof_source *s,
			     char domain[static NAME_TEXT_MAX])
{
	if (s->state != PROOF_LEFT || !s->host[0] || s->generic ||
	    (p->reason[s->reason].kind != PROOF_LIST && p->reason[s->reason].kind != PROOF_BAN))
		return false;
	return orgdomain_of(s->host, domain) && !domain[strspn(domain, ORG_LETTERS)] &&
	       !is_configured(p, domain);
}

/* The largest first; equal ones as they are offered, which is by name. So many have room in the configuration's setting. */
static void provider_offer(struct proof *p, const struct proof_provider *of)
{
	unsigned most = CONF_PROVIDERS_MAX - p->facts.trust_spf_count, at = p->providers;

	if (most > PROOF_PROVIDERS_MAX)
		most = PROOF_PROVIDERS_MAX;
	while (at && p->provider[at - 1].sources < of->sources)
		at--;
	if (of->honest < PROOF_PROVIDER_LEAST || of->honest * PROOF_PROVIDER_SHARE < of->sources ||
	    at >= most)
		return;
	if (p->providers < most)
		p->providers++;
	memmove(&p->provider[at + 1], &p->provider[at],
		(p->providers - at - 1) * sizeof(*p->provider));
	p->provider[at] = *of;
}

static int providers_find(struct proof *p)
{
	struct named *all = calloc(p->count[PROOF_LEFT] + 1, sizeof(*all));
	struct proof_provider run = {0};
	size_t count = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < p->sources; i++) {
		p->source[i].provider = PROOF_PROVIDERS_MAX;
		if (may_be_providers(p, &p->source[i], all[count].domain))
			all[count++].source = &p->source[i];
	}
	qsort(all, count, sizeof(*all), by_domain);
	for (size_t i = 0; i < count; i++) {
		run.sources++;
		run.honest += standing_count(all[i].source->signs) == STANDING_SIGNS;
		if (i + 1 < count && by_domain(&all[i], &all[i + 1]) == 0)
			continue;
		memcpy(run.domain, all[i].domain, sizeof(run.domain));
		provider_offer(p, &run);
		run = (struct proof_provider){0};
	}
	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < p->providers; k++)
			if (strcmp(p->provider[k].domain, all[i].domain) == 0)
				all[i].source->provider = k;
	free(all);
	return 0;
}

int proof_conclude(struct proof *p)
{
	int r;

	if (p->log == PROOF_LOG_READ && !p->span.understood)
		p->log = PROOF_LOG_STRANGE;
	details_order(p);
	for (size_t i = 0; i < p->sources; i++) {
		p->source[i].state = state_of(p, &p->source[i]);
		p->count[p->source[i].state]++;
		source_count(p, &p->source[i]);
	}
	for (unsigned i = 0; i < p->reasons; i++) {
		if (p->reason[i].kind == PROOF_OPERATOR)
			continue;
		p->refused[0] += proof_reason_would(&p->reason[i]);
		p->refused[1] += p->reason[i].connections[1];
	}
	if (p->count[PROOF_LEFT])
		p->verdict = PROOF_EXPLAIN;
	else if (p->blind_connections)
		p->verdict = PROOF_BLIND;
	else if (!p->watched_from_s || (!p->facts.enforcing && (p->watched_s < PROOF_EARLY_S ||
								p->all < PROOF_EARLY_CONNECTIONS)))
		p->verdict = PROOF_EARLY;
	else
		p->verdict = PROOF_READY;
	r = order(p);
	return r ? r : providers_find(p);
}

int proof_exit(const struct proof *p)
{
	return p->verdict == PROOF_READY ? 0 : PROOF_EXIT_LEFT;
}
