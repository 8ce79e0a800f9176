/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lists say of the audited addresses. They are probed first: one that is empty, has lapsed or refuses us says nothing, and what it
 * answers is told as its error and never as a listing.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/gathering.h"

/* "127.0.0.2 127.0.0.4" */
static void codes_write(const struct dns_zone_result *r, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < r->code_count && used < size; i++) {
		struct in_addr in = {.s_addr = htonl(r->code[i])};
		char text[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &in, text, sizeof(text));
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "", text);
	}
}

static void listing_take(const struct gather *g, const struct dns_zone_result *r,
			 struct seen_listing *out)
{
	const char *page = g->data ? zonedata_removal(g->data, r->zone) : NULL;

	snprintf(out->zone, sizeof(out->zone), "%s", r->zone);
	snprintf(out->why, sizeof(out->why), "%s", r->why ? r->why : "");
	snprintf(out->text, sizeof(out->text), "%s", r->text);
	snprintf(out->removal, sizeof(out->removal), "%s", page ? page : "");
	codes_write(r, out->codes, sizeof(out->codes));
	out->outcome = r->outcome;
	if (r->outcome != OUTCOME_LISTED || r->added > 0)
		return;
	/* An allow list, or a code that the configuration does not mean. */
	out->outcome = OUTCOME_CLEAN;
	snprintf(out->why, sizeof(out->why), "%s",
		 r->added < 0 ? "it is an allow list, and lists the address"
			      : "its answer is none of those that are meant");
}

static void verdict_told(void *context, const struct dns_verdict *v)
{
	struct errand *e = context;
	struct seen_address *a = e->subject;

	if (v->zone_count)
		a->listing = calloc(v->zone_count, sizeof(*a->listing));
	if (a->listing) {
		for (unsigned i = 0; i < v->zone_count; i++)
			listing_take(e->g, &v->zone[i], &a->listing[i]);
		a->listing_count = v->zone_count;
	}
	errand_end(e);
}

void lists_ask(struct gather *g, struct seen_address *a)
{
	const struct dns_question q = {.addr = a->addr, .classes = DNS_CLASS_MX, .whole = true};
	struct errand *e;

	if (!g->is_probed || !dns_zone_count(g->engine))
		return;
	e = errand_new(g, NULL, a, 0);
	if (!e)
		return;
	e->is_engine = true;
	/* Private addresses are never asked about; the check says so. */
	if (dns_ask(g->engine, &q, verdict_told, e, NULL) < 0)
		errand_drop(e);
}

static void lists_probed(void *context)
{
	struct errand *e = context;
	struct gather *g = e->g;

	g->is_probed = true;
	for (unsigned i = 0; i < g->seen->host_count; i++)
		for (unsigned k = 0; k < g->seen->host[i].address_count; k++)
			if (!g->seen->host[i].is_backend)
				lists_ask(g, &g->seen->host[i].address[k]);
	errand_end(e);
}

void lists_probe(struct gather *g)
{
	struct errand *e;

	if (!dns_zone_count(g->engine))
		return;
	e = errand_new(g, NULL, NULL, 0);
	if (!e)
		return;
	e->is_engine = true;
	if (dns_probe_zones(g->engine, lists_probed, e) < 0)
		errand_drop(e);
}
