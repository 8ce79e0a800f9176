/* SPDX-License-Identifier: BSD-2-Clause */
/* Reverse DNS: see rdns.h. */
#include "dns/rdns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/generic.h"

struct follow {
	struct rdns *rdns;
	struct question *question;
	char name[NAME_TEXT_MAX];
};

struct rdns {
	struct resolver *r;
	struct addr addr;
	struct question *question; /* for the names */
	struct follow follow[ANSWER_NAMES_MAX];
	unsigned count, pending;
	bool failed; /* one name could not be asked about */
	struct rdns_finding finding;
	rdns_fn fn;
	void *context;
};

const char *rdns_name(enum rdns_result r)
{
	static const char *const names[] = {"none", "pass", "fail", "temperror", "permerror"};

	return names[r];
}

static void least_ttl(struct rdns *r, const struct answer *a)
{
	if (a->ttl_s < r->finding.ttl_s)
		r->finding.ttl_s = a->ttl_s;
}

static void finish(struct rdns *r, enum rdns_result result, const char *host)
{
	r->finding.result = result;
	r->finding.host = host;
	r->finding.generic = *host && generic_is_name(host, &r->addr);
	r->fn(r->context, &r->finding);
	rdns_stop(r);
}

static bool leads_back(const struct rdns *r, const struct answer *a)
{
	bool v4 = addr_is_v4(&r->addr);

	for (unsigned i = 0; i < a->count; i++) {
		struct in_addr in = {.s_addr = v4 ? htonl(a->code[i]) : 0};
		struct addr found = v4 ? addr_from_v4(in) : a->addr[i];

		if (addr_equal(&found, &r->addr))
			return true;
	}
	return false;
}

static void name_followed(void *context, const struct answer *a, unsigned latency_ms)
{
	struct follow *f = context;
	struct rdns *r = f->rdns;

	(void)latency_ms;
	f->question = NULL;
	r->pending--;
	least_ttl(r, a);
	if (a->status == ANSWER_FOUND && leads_back(r, a)) {
		finish(r, RDNS_PASS, f->name);
		return;
	}
	r->failed |= a->status > ANSWER_NONE;
	if (!r->pending)
		finish(r, r->failed ? RDNS_TEMPERROR : RDNS_FAIL, r->follow[0].name);
}

static void names_found(void *context, const struct answer *a, unsigned latency_ms)
{
	struct rdns *r = context;
	enum record record = addr_is_v4(&r->addr) ? RECORD_A : RECORD_AAAA;

	(void)latency_ms;
	r->question = NULL;
	least_ttl(r, a);
	if (a->status > ANSWER_NONE) {
		finish(r, RDNS_TEMPERROR, "");
		return;
	}
	for (unsigned i = 0; a->status == ANSWER_FOUND && i < a->count; i++) {
		struct follow *f = &r->follow[r->count++];

		f->rdns = r;
		memcpy(f->name, a->name[i], sizeof(f->name));
		if (resolver_ask(r->r, f->name, record, name_followed, f, &f->question) < 0)
			r->failed = true;
		else
			r->pending++;
	}
	if (!r->pending)
		finish(r, r->failed ? RDNS_TEMPERROR : RDNS_PERMERROR,
		       r->count ? r->follow[0].name : "");
}

int rdns_start(struct rdns **out, struct resolver *resolver, const struct addr *a, rdns_fn fn,
	       void *context)
{
	struct rdns *r = calloc(1, sizeof(*r));
	char name[NAME_TEXT_MAX];
	int ret;

	if (!r)
		return -ENOMEM;
	*r = (struct rdns){.r = resolver, .addr = *a, .fn = fn, .context = context};
	r->finding.ttl_s = UINT32_MAX;
	ret = resolver_ask(resolver, name_of_reverse(a, name), RECORD_PTR, names_found, r,
			   &r->question);
	if (ret < 0)
		free(r);
	else
		*out = r;
	return ret;
}

void rdns_stop(struct rdns *r)
{
	if (!r)
		return;
	resolver_cancel(r->question);
	for (unsigned i = 0; i < r->count; i++)
		resolver_cancel(r->follow[i].question);
	free(r);
}
