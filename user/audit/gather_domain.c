/* SPDX-License-Identifier: BSD-2-Clause */
/* What a domain publishes: its MX hosts, and the texts by which others judge mail in its name. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "audit/gathering.h"
#include "base/json.h"
#include "dns/dkim.h"
#include "dns/orgdomain.h"

/* ---- MX ---- */

static void mx_sort(struct answer_mx *mx, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		const struct answer_mx held = mx[i];
		unsigned at = i;

		for (; at && mx[at - 1].preference > held.preference; at--)
			mx[at] = mx[at - 1];
		mx[at] = held;
	}
}

static void mx_take(struct gather *g, const struct answer *a)
{
	struct seen_domain *d = &g->seen->domain;
	struct answer_mx mx[ANSWER_MX_MAX];
	unsigned nulls = 0;

	memcpy(mx, a->mx, a->count * sizeof(mx[0]));
	mx_sort(mx, a->count);
	d->mx_count = a->count;
	for (unsigned i = 0; i < a->count; i++) {
		struct seen_host *h;

		if (!mx[i].name[0]) {
			nulls++;
			continue;
		}
		if (g->request->host[0])
			continue;
		h = host_add(g, mx[i].name, NULL, false);
		if (!h)
			continue;
		h->is_mx = true;
		h->preference = mx[i].preference;
	}
	d->null_mx = nulls && nulls == a->count;
	d->is_mixed_null = nulls && nulls < a->count;
}

static void mx_answered(struct errand *e, const struct answer *a)
{
	struct gather *g = e->g;
	struct seen_host *h;

	g->seen->domain.mx = a->status;
	if (a->status == ANSWER_FOUND) {
		mx_take(g, a);
	} else if (a->status == ANSWER_NONE && !g->request->host[0]) {
		/* RFC 5321, 5.1: the domain itself, if it has an address. */
		h = host_add(g, g->seen->domain.name, NULL, false);
		if (h)
			h->is_mx = true;
	}
}

/* ---- texts ---- */

static void spf_walked(void *context, const struct spf_finding *finding)
{
	struct errand *e = context;

	e->spf = NULL; /* it goes by itself */
	e->g->seen->domain.spf = *finding;
	errand_end(e);
}

static void spf_ask(struct gather *g)
{
	struct errand *e = errand_new(g, NULL, NULL, 0);

	if (e && spf_start(&e->spf, g->resolver, g->seen->domain.name, spf_walked, e) < 0)
		errand_drop(e);
}

static void dmarc_answered(struct errand *e, const struct answer *a)
{
	struct gather *g = e->g;
	struct dmarc_finding *f = &g->seen->domain.dmarc;
	char parent[NAME_TEXT_MAX], name[NAME_TEXT_MAX + sizeof("_dmarc.")];

	f->status = a->status;
	answer_texts(a, e->name, &g->texts);
	if (a->status > ANSWER_NONE || dmarc_take(&g->texts, e->name, f))
		return;
	f->status = ANSWER_NONE;
	/* RFC 7489, 6.6.3: then the organizational domain's holds. */
	if (e->index || !orgdomain_of(g->seen->domain.name, parent) ||
	    strcasecmp(parent, g->seen->domain.name) == 0)
		return;
	snprintf(name, sizeof(name), "_dmarc.%s", parent);
	if (!errand_ask(g, name, RECORD_TXT, dmarc_answered, NULL, 1))
		f->status = ANSWER_TIMEOUT;
}

static void dkim_answered(struct errand *e, const struct answer *a)
{
	struct gather *g = e->g;
	struct dkim_key key;

	g->seen->domain.dkim[e->index].status = a->status;
	answer_texts(a, e->name, &g->texts);
	for (unsigned i = 0; i < g->texts.count; i++) {
		const struct answer_text *t = &g->texts.text[i];
		bool is_key = dkim_parse((const char *)t->byte, t->length, &key) == 0;

		text_escape(t->byte, t->length, g->seen->domain.dkim[e->index].record,
			    sizeof(g->seen->domain.dkim[e->index].record));
		g->seen->domain.dkim[e->index].is_broken = !is_key;
		if (!is_key)
			continue;
		g->seen->domain.dkim[e->index].is_revoked = key.is_revoked;
		g->seen->domain.dkim[e->index].is_rsa = key.is_rsa;
		g->seen->domain.dkim[e->index].key_bits = key.key_bits;
		return;
	}
}

static void dkim_ask(struct gather *g)
{
	struct seen_domain *d = &g->seen->domain;
	const struct audit_list *list = &g->request->selectors;
	char name[2 * NAME_TEXT_MAX + sizeof("._domainkey.")];

	for (unsigned i = 0; i < list->count && i < sizeof(d->dkim) / sizeof(d->dkim[0]); i++) {
		text_escape(list->word[i], strlen(list->word[i]), d->dkim[i].selector,
			    sizeof(d->dkim[i].selector));
		d->dkim_count = i + 1;
		snprintf(name, sizeof(name), "%s._domainkey.%s", list->word[i], d->name);
		if (strlen(name) < NAME_TEXT_MAX)
			errand_ask(g, name, RECORD_TXT, dkim_answered, NULL, i);
	}
}

/* A record by its version tag; NONE when none of the texts is one. */
static enum answer_status versioned_take(struct errand *e, const struct answer *a,
					 const char *version, char *text, size_t size)
{
	struct gather *g = e->g;
	size_t length = strlen(version);

	answer_texts(a, e->name, &g->texts);
	for (unsigned i = 0; i < g->texts.count; i++) {
		const struct answer_text *t = &g->texts.text[i];

		if (t->length < length || memcmp(t->byte, version, length) != 0)
			continue;
		text_escape(t->byte, t->length, text, size);
		return ANSWER_FOUND;
	}
	return a->status == ANSWER_FOUND ? ANSWER_NONE : a->status;
}

static void mta_sts_answered(struct errand *e, const struct answer *a)
{
	struct seen_domain *d = &e->g->seen->domain;

	d->mta_sts = versioned_take(e, a, "v=STSv1", d->mta_sts_text, sizeof(d->mta_sts_text));
}

static void tls_rpt_answered(struct errand *e, const struct answer *a)
{
	struct seen_domain *d = &e->g->seen->domain;

	d->tls_rpt = versioned_take(e, a, "v=TLSRPTv1", d->tls_rpt_text, sizeof(d->tls_rpt_text));
}

static void consent_answered(struct errand *e, const struct answer *a)
{
	struct gather *g = e->g;

	answer_texts(a, e->name, &g->texts);
	g->seen->domain.consents = consent_is_said(&g->texts);
}

static void text_ask(struct gather *g, const char *label, errand_fn fn)
{
	char name[2 * NAME_TEXT_MAX];

	snprintf(name, sizeof(name), "%s.%s", label, g->seen->domain.name);
	if (strlen(name) < NAME_TEXT_MAX)
		errand_ask(g, name, RECORD_TXT, fn, NULL, 0);
}

void domain_ask(struct gather *g)
{
	struct seen_domain *d = &g->seen->domain;

	snprintf(d->name, sizeof(d->name), "%s", g->request->domain);
	errand_ask(g, d->name, RECORD_MX, mx_answered, NULL, 0);
	spf_ask(g);
	text_ask(g, "_dmarc", dmarc_answered);
	text_ask(g, "_mta-sts", mta_sts_answered);
	text_ask(g, "_smtp._tls", tls_rpt_answered);
	text_ask(g, CONSENT_LABEL, consent_answered);
	dkim_ask(g);
}
