/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gatherer: what is asked for at the start, the errands, and the end. What answers mean is in gather_domain.c, gather_host.c and
 * gather_lists.c. What could not be asked counts as not answered, never as not there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/gathering.h"

/* ---- errands ---- */

struct errand *errand_new(struct gather *g, errand_fn fn, void *subject, unsigned index)
{
	struct errand *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	*e = (struct errand){
		.g = g, .next = g->errands, .fn = fn, .subject = subject, .index = index};
	if (e->next)
		e->next->prev = e;
	g->errands = e;
	g->pending++;
	return e;
}

static void errand_remove(struct gather *g, struct errand *e)
{
	if (e->prev)
		e->prev->next = e->next;
	else
		g->errands = e->next;
	if (e->next)
		e->next->prev = e->prev;
}

void errand_drop(struct errand *e)
{
	errand_remove(e->g, e);
	e->g->pending--;
	free(e);
}

void errand_end(struct errand *e)
{
	struct gather *g = e->g;

	errand_remove(g, e);
	free(e);
	if (--g->pending)
		return;
	if (!g->test)
		consents_settle(g);
	g->fn(g->context);
}

static void errand_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct errand *e = context;

	(void)latency_ms;
	e->question = NULL;
	e->fn(e, a);
	errand_end(e);
}

bool errand_ask(struct gather *g, const char *name, enum record record, errand_fn fn, void *subject,
		unsigned index)
{
	struct errand *e = errand_new(g, fn, subject, index);

	if (!e)
		return false;
	snprintf(e->name, sizeof(e->name), "%s", name);
	if (resolver_ask(g->resolver, e->name, record, errand_answered, e, &e->question) == 0)
		return true;
	errand_drop(e);
	return false;
}

/* ---- the whole ---- */

/* Nothing of it is known yet; 0 would say that all was found. */
static void domain_forget(struct seen_domain *d)
{
	memset(d, 0, sizeof(*d));
	d->mx = d->dmarc.status = d->mta_sts = d->tls_rpt = ANSWER_TIMEOUT;
	d->spf.state = SPF_TEMPERROR;
	snprintf(d->spf.why, sizeof(d->spf.why), "it could not be asked for");
	for (unsigned i = 0; i < sizeof(d->dkim) / sizeof(d->dkim[0]); i++)
		d->dkim[i].status = ANSWER_TIMEOUT;
}

static void host_start(struct gather *g, const char *text)
{
	struct addr addr;

	if (addr_parse(text, &addr, NULL) == 0)
		host_add(g, "", &addr, false);
	else
		host_add(g, text, NULL, false);
}

static void backends_start(struct gather *g)
{
	const struct audit_list *list = &g->request->backends;

	for (unsigned i = 0; i < list->count; i++) {
		struct addr addr;
		bool is_addr = addr_parse(list->word[i], &addr, NULL) == 0;

		if (is_addr || site_domain_check(list->word[i], NULL) == 0)
			host_add(g, list->word[i], is_addr ? &addr : NULL, true);
	}
}

/* Names stand in sentences as they are: other bytes than those of host names are refused here. */
static int names_check(const struct audit_request *request, struct err *e)
{
	struct addr addr;

	if (request->domain[0] && site_domain_check(request->domain, e) < 0)
		return err_prefix(e, "the domain to be audited");
	if (request->host[0] && addr_parse(request->host, &addr, NULL) < 0 &&
	    site_domain_check(request->host, e) < 0)
		return err_prefix(e, "the host to be audited");
	return 0;
}

int gather_start(struct gather **out, struct loop *loop, const struct audit_request *request,
		 struct dns_engine *engine, const struct zonedata *data, struct seen *seen,
		 gather_fn fn, void *context, struct err *e)
{
	struct gather *g;

	if (names_check(request, e) < 0)
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (g && !seen->host)
		seen->host = calloc(GATHER_HOSTS_MAX, sizeof(*seen->host));
	if (!g || !seen->host) {
		free(g);
		return err_set(e, -ENOMEM, "no memory for what the DNS says");
	}
	*g = (struct gather){.loop = loop,
			     .request = request,
			     .engine = engine,
			     .resolver = dns_resolver(engine),
			     .data = data,
			     .seen = seen,
			     .fn = fn,
			     .context = context};
	domain_forget(&seen->domain);
	lists_probe(g);
	if (request->domain[0])
		domain_ask(g);
	if (request->host[0])
		host_start(g, request->host);
	backends_start(g);
	if (!g->pending) {
		gather_stop(g);
		return err_set(e, -EAGAIN, "nothing can be asked of the DNS: too much waits there");
	}
	*out = g;
	return 0;
}

void gather_stop(struct gather *g)
{
	if (!g)
		return;
	for (struct errand *e = g->errands, *next; e; e = next) {
		next = e->next;
		resolver_cancel(e->question);
		rdns_stop(e->rdns);
		spf_stop(e->spf);
		if (e->is_engine)
			dns_forget(g->engine, e);
		free(e);
	}
	zone_tests_free(g);
	free(g);
}
