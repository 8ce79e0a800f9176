/* SPDX-License-Identifier: BSD-2-Clause */
/* What was observed, from its beginning to its end: see seen.h. */
#include "audit/seen.h"

#include <stdlib.h>

#include "audit/gate.h"
#include "audit/local.h"

static void address_free(struct seen_address *a)
{
	while (a->visits) {
		struct visit_log *v = a->visits;

		a->visits = v->next;
		visit_log_free(v);
	}
	free(a->listing);
}

void seen_free(struct seen *s)
{
	for (unsigned i = 0; i < s->host_count; i++) {
		for (unsigned j = 0; j < s->host[i].address_count; j++)
			address_free(&s->host[i].address[j]);
		free(s->host[i].address);
	}
	free(s->host);
	free(s->zone);
	seen_local_free(s->local);
	seen_gate_free(s->gate);
	*s = (struct seen){0};
}

void seen_add_visit(struct seen_address *a, struct visit_log *v)
{
	struct visit_log **link = &a->visits;

	while (*link)
		link = &(*link)->next;
	v->next = NULL;
	*link = v;
}

static bool is_answered(const struct visit_log *v)
{
	return v->count && response_is_whole(&v->exchange[0].response);
}

const struct visit_log *seen_visit(const struct seen_address *a, enum purpose purpose)
{
	const struct visit_log *first = NULL;

	for (const struct visit_log *v = a->visits; v; v = v->next) {
		if (v->purpose != purpose)
			continue;
		if (is_answered(v))
			return v;
		if (!first)
			first = v;
	}
	return first;
}

const struct exchange *seen_exchange(const struct seen_address *a, enum purpose purpose,
				     enum what what)
{
	for (const struct visit_log *v = a->visits; v; v = v->next) {
		const struct exchange *x = v->purpose == purpose ? visit_find(v, what) : NULL;

		if (x)
			return x;
	}
	return NULL;
}
