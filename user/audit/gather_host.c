/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DNS says of a host: its addresses, their names, its TLSA records, and whether somebody who may say so lets it be tried. The
 * owner of a domain cannot consent for another's server: who speaks for a host is its own registered domain. And nobody there can for an
 * address that only means something here: a stranger's name can lead to any neighbour of ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit/gathering.h"
#include "dns/global.h"
#include "dns/orgdomain.h"

/* ---- consent ---- */

bool consent_is_said(const struct answer_texts *texts)
{
	for (unsigned i = 0; i < texts->count; i++)
		if (texts->text[i].length == sizeof(CONSENT_TEXT) - 1 &&
		    memcmp(texts->text[i].byte, CONSENT_TEXT, sizeof(CONSENT_TEXT) - 1) == 0)
			return true;
	return false;
}

static void consent_answered(struct errand *e, const struct answer *a)
{
	struct consent *c = e->subject;

	answer_texts(a, e->name, &e->g->texts);
	c->is_given = consent_is_said(&e->g->texts);
}

/* Asks once for each domain. Its index, or -1 where nobody can consent. */
static int consent_find(struct gather *g, const char *host)
{
	char domain[NAME_TEXT_MAX], name[NAME_TEXT_MAX + sizeof(CONSENT_LABEL)];
	struct consent *c = &g->consent[g->consent_count];

	if (!orgdomain_of(host, domain))
		return -1;
	for (unsigned i = 0; i < g->consent_count; i++)
		if (strcmp(g->consent[i].domain, domain) == 0)
			return (int)i;
	snprintf(name, sizeof(name), CONSENT_LABEL ".%s", domain);
	if (g->consent_count == GATHER_CONSENTS_MAX || strlen(name) >= NAME_TEXT_MAX ||
	    !errand_ask(g, name, RECORD_TXT, consent_answered, c, 0))
		return -1;
	snprintf(c->domain, sizeof(c->domain), "%s", domain);
	return (int)g->consent_count++;
}

/* Under the audited domain, and of the same owner: who holds a public suffix does not hold what is under it. */
static bool is_of_domain(const struct gather *g, const char *host)
{
	const char *domain = g->seen->domain.name;

	return domain[0] && name_is_under(host, domain) && orgdomain_is_same(host, domain);
}

static void consent_seek(struct gather *g, struct arrival *at, const char *host)
{
	if (!is_of_domain(g, host))
		at->consent = consent_find(g, host);
}

static void consent_write(const struct gather *g, const struct arrival *at, struct seen_address *a)
{
	const char *host = at->host->name, *domain = NULL, *private = global_unreachable(&a->addr);
	bool is_given = false;

	if (private) {
		snprintf(a->consent, sizeof(a->consent), "nobody can consent in the DNS for %s",
			 private);
		return;
	}
	if (at->consent >= 0) {
		domain = g->consent[at->consent].domain;
		is_given = g->consent[at->consent].is_given;
	} else if (host[0] && is_of_domain(g, host)) {
		domain = g->seen->domain.name;
		is_given = g->seen->domain.consents;
	}
	a->may_intrude = is_given;
	if (!domain)
		snprintf(a->consent, sizeof(a->consent), "nobody can consent for it in the DNS");
	else
		snprintf(a->consent, sizeof(a->consent),
			 "%s publishes %s" CONSENT_LABEL " \"" CONSENT_TEXT "\"", domain,
			 is_given ? "" : "no ");
}

void consents_settle(struct gather *g)
{
	for (unsigned i = 0; i < g->seen->host_count; i++)
		for (unsigned k = 0; k < g->seen->host[i].address_count; k++)
			consent_write(g, &g->arrival[i], &g->seen->host[i].address[k]);
}

/* ---- DANE ---- */

static void tlsa_answered(struct errand *e, const struct answer *a)
{
	struct seen_host *h = e->subject;

	dane_take(a, &h->dane);
}

/* Until it is answered nothing is known. */
static void tlsa_ask(struct gather *g, struct seen_host *h, unsigned index)
{
	char name[NAME_TEXT_MAX + sizeof("_25._tcp.")];

	h->dane.status = ANSWER_TIMEOUT;
	snprintf(name, sizeof(name), "_25._tcp.%s", h->name);
	if (strlen(name) < NAME_TEXT_MAX)
		errand_ask(g, name, RECORD_TLSA, tlsa_answered, h, index);
}

/* ---- addresses ---- */

static void rdns_found(void *context, const struct rdns_finding *f)
{
	struct errand *e = context;
	struct seen_address *a = e->subject;
	struct arrival *at = &e->g->arrival[e->index];

	e->rdns = NULL; /* it goes by itself */
	a->rdns = f->result;
	a->rdns_generic = f->generic;
	snprintf(a->rdns_host, sizeof(a->rdns_host), "%s", f->host);
	/* A host that was given as an address has the name that leads back to it. */
	if (f->result == RDNS_PASS && !a->host->name[0]) {
		snprintf(a->host->name, sizeof(a->host->name), "%s", f->host);
		tlsa_ask(e->g, a->host, e->index);
		consent_seek(e->g, at, f->host);
	}
	errand_end(e);
}

static void address_ask(struct gather *g, struct seen_address *a, unsigned index)
{
	struct errand *e = errand_new(g, NULL, a, index);

	a->rdns = RDNS_TEMPERROR;
	if (e && rdns_start(&e->rdns, g->resolver, &a->addr, rdns_found, e) < 0)
		errand_drop(e);
	lists_ask(g, a);
}

static void host_settle(struct gather *g, unsigned index)
{
	struct arrival *at = &g->arrival[index];
	struct seen_host *h = at->host;

	h->address = calloc(at->count ? at->count : 1, sizeof(*h->address));
	if (!h->address) {
		h->a = h->aaaa = ANSWER_TIMEOUT;
		return;
	}
	h->address_count = at->count;
	for (unsigned i = 0; i < at->count; i++) {
		h->address[i].addr = at->addr[i];
		h->address[i].host = h;
		/* Of a store nothing else is asked: nobody sends from it. */
		if (!h->is_backend)
			address_ask(g, &h->address[i], index);
	}
	if (at->count && h->is_mx && g->seen->domain.mx == ANSWER_NONE)
		g->seen->domain.implicit_mx = true;
}

static void address_take(struct arrival *at, const struct addr *a)
{
	for (unsigned i = 0; i < at->count; i++)
		if (addr_equal(&at->addr[i], a))
			return;
	if (at->count < SEEN_ADDRESSES_MAX)
		at->addr[at->count++] = *a;
}

static void a_answered(struct errand *e, const struct answer *a)
{
	struct arrival *at = e->subject;

	at->host->a = a->status;
	at->host->is_alias |= a->is_alias;
	for (unsigned i = 0; a->status == ANSWER_FOUND && i < a->count; i++) {
		struct addr found = addr_from_v4((struct in_addr){.s_addr = htonl(a->code[i])});

		address_take(at, &found);
	}
	if (!--at->waiting)
		host_settle(e->g, e->index);
}

static void aaaa_answered(struct errand *e, const struct answer *a)
{
	struct arrival *at = e->subject;

	at->host->aaaa = a->status;
	at->host->is_alias |= a->is_alias;
	for (unsigned i = 0; a->status == ANSWER_FOUND && i < a->count; i++)
		address_take(at, &a->addr[i]);
	if (!--at->waiting)
		host_settle(e->g, e->index);
}

static void host_ask(struct gather *g, struct arrival *at, unsigned index)
{
	struct seen_host *h = at->host;

	/* Both are counted before one is sent. */
	at->waiting = 2;
	if (!errand_ask(g, h->name, RECORD_A, a_answered, at, index))
		at->waiting--;
	if (!errand_ask(g, h->name, RECORD_AAAA, aaaa_answered, at, index))
		at->waiting--;
	tlsa_ask(g, h, index);
	consent_seek(g, at, h->name);
}

static struct seen_host *host_find(const struct seen *s, const char *name)
{
	for (unsigned i = 0; i < s->host_count; i++)
		if (name[0] && strcasecmp(s->host[i].name, name) == 0)
			return &s->host[i];
	return NULL;
}

struct seen_host *host_add(struct gather *g, const char *name, const struct addr *addr,
			   bool is_backend)
{
	unsigned index = g->seen->host_count;
	struct seen_host *h = host_find(g->seen, name);
	struct arrival *at = &g->arrival[index];

	if (h || index == GATHER_HOSTS_MAX)
		return h;
	h = &g->seen->host[g->seen->host_count++];
	h->a = h->aaaa = h->dane.status = ANSWER_TIMEOUT;
	snprintf(h->name, sizeof(h->name), "%s", name);
	h->is_backend = is_backend;
	at->host = h;
	at->consent = -1;
	if (addr) {
		h->a = addr_is_v4(addr) ? ANSWER_FOUND : ANSWER_NONE;
		h->aaaa = addr_is_v4(addr) ? ANSWER_NONE : ANSWER_FOUND;
		h->dane.status = ANSWER_NONE;
		address_take(at, addr);
		host_settle(g, index);
	} else if (strchr(name, '?')) {
		/* A byte that no host has: there is nobody to ask for. */
		h->a = h->aaaa = h->dane.status = ANSWER_NONE;
	} else {
		host_ask(g, at, index);
	}
	return h;
}
