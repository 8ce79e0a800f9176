/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own name and a foreign domain: see audit_name.h.
 *
 * The name: what the operator says; else that of this host, if the DNS has it; else the one that our address leads to and back; else none,
 * and we greet by our address (RFC 5321, 4.1.3). From a namespace the address is one of documentation and has no name.
 *
 * The foreign domain: what the operator says; else our own name, if it is of another owner than what is audited: then no recipient is a
 * stranger, and it exists. After it one that nobody has.
 */
#include "audit/audit_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/orgdomain.h"
#include "dns/rdns.h"

#define ENDS_MAX 4 /* addresses of ours: one of each family, or few more */

struct end {
	struct audit_name *n;
	struct addr addr;
	struct rdns *rdns;
	char name[NAME_TEXT_MAX]; /* that leads back to it; "" none */
};

struct audit_name {
	struct audit_name_order order;
	audit_name_fn fn;
	void *context;
	unsigned pending;
	struct question *question[3];
	bool is_found, is_null,
		is_unknown; /* our host's name: it exists; takes no mail; no answer */
	struct end end[ENDS_MAX];
	unsigned end_count;
};

/* ---- what follows from the answers ---- */

static const struct end *end_of(const struct audit_name *n, const struct seen_address *a)
{
	for (unsigned i = 0; a->has_from && !a->by_namespace && i < n->end_count; i++)
		if (addr_equal(&n->end[i].addr, &a->from))
			return &n->end[i];
	return NULL;
}

static bool is_given(const struct audit_name *n)
{
	return n->order.request->helo[0];
}

static const char *own_name(const struct audit_name *n)
{
	return is_given(n) ? n->order.request->helo : n->order.host_name;
}

static const char *helo_of(const struct audit_name *n, const struct seen_address *a)
{
	const struct end *end = end_of(n, a);

	if (is_given(n) || n->is_found)
		return own_name(n);
	if (end && end->name[0])
		return end->name;
	/* Whether there is such a name could not be asked: it is likely. */
	return n->is_unknown ? own_name(n) : "";
}

static bool is_ours(const struct audit_name *n, const struct seen_address *a, const char *name)
{
	const struct audit_request *r = n->order.request;
	const char *at = strrchr(r->mailbox, '@');

	if (!strchr(name, '.') || name[0] == '[')
		return false;
	/* Of the name that leads back to us the address is known; of the other we asked. */
	if (name == own_name(n) && (!n->is_found || n->is_null))
		return false;
	return !orgdomain_is_same(name, r->domain) && !orgdomain_is_same(name, a->host->name) &&
	       !(at && orgdomain_is_same(name, at + 1));
}

static void address_settle(const struct audit_name *n, struct seen_address *a)
{
	const struct audit_request *r = n->order.request;
	const struct end *end = end_of(n, a);
	const char *helo = helo_of(n, a);
	unsigned count = 0;

	snprintf(a->helo, sizeof(a->helo), "%s", helo);
	memset(a->foreign, 0, sizeof(a->foreign));
	if (r->foreign[0]) {
		snprintf(a->foreign[0], sizeof(a->foreign[0]), "%s", r->foreign);
		return;
	}
	if (is_ours(n, a, helo))
		snprintf(a->foreign[count++], sizeof(a->foreign[0]), "%s", helo);
	else if (end && is_ours(n, a, end->name))
		snprintf(a->foreign[count++], sizeof(a->foreign[0]), "%s", end->name);
	snprintf(a->foreign[count], sizeof(a->foreign[0]), AUDIT_NAME_FOREIGN);
}

static void settle(const struct audit_name *n)
{
	struct seen *seen = n->order.seen;

	for (unsigned i = 0; i < seen->host_count; i++)
		for (unsigned j = 0; j < seen->host[i].address_count; j++)
			address_settle(n, &seen->host[i].address[j]);
}

static void answered(struct audit_name *n)
{
	if (--n->pending)
		return;
	settle(n);
	if (n->fn)
		n->fn(n->context);
}

/* ---- questions ---- */

static void name_answered(struct audit_name *n, const struct answer *a)
{
	n->is_found |= a->status == ANSWER_FOUND;
	n->is_unknown |= a->status > ANSWER_NONE;
	answered(n);
}

static void mx_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct audit_name *n = context;

	(void)latency_ms;
	n->question[0] = NULL;
	n->is_null = a->status == ANSWER_FOUND && a->count == 1 && !a->mx[0].name[0];
	name_answered(n, a);
}

static void a_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct audit_name *n = context;

	(void)latency_ms;
	n->question[1] = NULL;
	name_answered(n, a);
}

static void aaaa_answered(void *context, const struct answer *a, unsigned latency_ms)
{
	struct audit_name *n = context;

	(void)latency_ms;
	n->question[2] = NULL;
	name_answered(n, a);
}

static void name_ask(struct audit_name *n)
{
	static const struct {
		enum record record;
		resolver_fn fn;
	} asked[] = {
		{RECORD_MX, mx_answered}, {RECORD_A, a_answered}, {RECORD_AAAA, aaaa_answered}};
	const char *name = own_name(n);

	/* Nobody wants to know: the name stands as it is, and no domain is sought. */
	if (!strchr(name, '.') || name[0] == '[' || (is_given(n) && n->order.request->foreign[0]))
		return;
	for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		if (resolver_ask(n->order.resolver, name, asked[i].record, asked[i].fn, n,
				 &n->question[i]) == 0)
			n->pending++;
		else
			n->is_unknown = true;
	}
}

static void end_answered(void *context, const struct rdns_finding *f)
{
	struct end *end = context;

	end->rdns = NULL; /* it goes by itself */
	if (f->result == RDNS_PASS)
		snprintf(end->name, sizeof(end->name), "%s", f->host);
	answered(end->n);
}

static void end_ask(struct audit_name *n, const struct seen_address *a)
{
	struct end *end = &n->end[n->end_count];

	if (!a->has_from || a->by_namespace || end_of(n, a) || n->end_count == ENDS_MAX)
		return;
	*end = (struct end){.n = n, .addr = a->from};
	if (rdns_start(&end->rdns, n->order.resolver, &end->addr, end_answered, end) < 0)
		return;
	n->end_count++;
	n->pending++;
}

int audit_name_start(struct audit_name **out, const struct audit_name_order *order,
		     audit_name_fn fn, void *context)
{
	struct audit_name *n = calloc(1, sizeof(*n));
	struct seen *seen = order->seen;

	*out = NULL;
	if (!n)
		return -ENOMEM;
	*n = (struct audit_name){.order = *order, .fn = fn, .context = context};
	name_ask(n);
	for (unsigned i = 0; !is_given(n) && i < seen->host_count; i++)
		for (unsigned j = 0; j < seen->host[i].address_count; j++)
			end_ask(n, &seen->host[i].address[j]);
	if (n->pending)
		*out = n;
	else
		audit_name_stop(n);
	return 0;
}

void audit_name_stop(struct audit_name *n)
{
	if (!n)
		return;
	n->is_unknown |= n->pending != 0;
	settle(n);
	for (unsigned i = 0; i < sizeof(n->question) / sizeof(n->question[0]); i++)
		resolver_cancel(n->question[i]);
	for (unsigned i = 0; i < n->end_count; i++)
		rdns_stop(n->end[i].rdns);
	free(n);
}
