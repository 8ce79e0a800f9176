/* SPDX-License-Identifier: BSD-2-Clause */
/* What a visit has seen: see visit.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/visit_inside.h"
#include "base/json.h"

#define SENT_MAX                                                                                   \
	512 /* bytes of what was sent that are kept, escaped: the longest form of a recipient fits */

static const char *const ends[VISIT_ENDS] = {
	[VISIT_DONE] = "done",
	[VISIT_REFUSED] = "refused",
	[VISIT_UNREACHABLE] = "unreachable",
	[VISIT_SILENT] = "silent",
	[VISIT_TIMEOUT] = "timeout",
	[VISIT_CLOSED] = "closed",
	[VISIT_TURNED_AWAY] = "turned away",
	[VISIT_FLOODED] = "flooded",
	[VISIT_ALIEN] = "alien",
	[VISIT_TLS_FAILED] = "TLS failed",
	[VISIT_FAILED] = "failed",
};

const char *visit_end_name(enum visit_end e)
{
	return ends[e];
}

struct visit_log *visit_log_new(const struct visit_order *o)
{
	struct visit_log *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->purpose = o->purpose;
	v->protocol = o->protocol;
	v->port = o->port;
	v->implicit_tls = o->implicit_tls;
	return v;
}

void visit_log_free(struct visit_log *v)
{
	if (!v)
		return;
	for (unsigned i = 0; i < v->count; i++) {
		free(v->exchange[i].sent);
		response_free(&v->exchange[i].response);
	}
	free(v->exchange);
	free(v);
}

int visit_log_add(struct visit_log *v, const struct step *s, const void *sent, size_t length,
		  bool in_tls)
{
	struct exchange x = {.what = s->what, .index = s->index, .in_tls = in_tls};
	struct exchange *grown;
	char text[SENT_MAX];

	if (v->count == VISIT_EXCHANGES_MAX)
		return -E2BIG;
	grown = reallocarray(v->exchange, v->count + 1, sizeof(x));
	if (!grown)
		return -ENOMEM;
	v->exchange = grown;
	if (sent) {
		x.sent = strdup(text_escape(sent, length, text, sizeof(text)));
		if (!x.sent)
			return -ENOMEM;
	}
	v->exchange[v->count++] = x;
	return 0;
}

struct exchange *visit_log_last(const struct visit_log *v)
{
	return v->count ? &v->exchange[v->count - 1] : NULL;
}

const struct exchange *visit_find(const struct visit_log *v, unsigned what)
{
	for (unsigned i = 0; i < v->count; i++)
		if (v->exchange[i].what == what)
			return &v->exchange[i];
	return NULL;
}

const struct exchange *visit_find_index(const struct visit_log *v, unsigned what, unsigned index)
{
	for (unsigned i = 0; i < v->count; i++)
		if (v->exchange[i].what == what && v->exchange[i].index == index)
			return &v->exchange[i];
	return NULL;
}
