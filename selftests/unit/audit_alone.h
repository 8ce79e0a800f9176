/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What checks ask of visits, for tests that make their observations by hand and visit nobody. Weak: where the linker takes the real ones,
 * they count.
 */
#ifndef SELFTESTS_UNIT_AUDIT_ALONE_H
#define SELFTESTS_UNIT_AUDIT_ALONE_H

#include "audit/gate.h"
#include "audit/local.h"
#include "audit/visit.h"

#include <string.h>

#define ALONE __attribute__((weak))

ALONE const struct exchange *visit_find(const struct visit_log *v, unsigned what)
{
	for (unsigned i = 0; i < v->count; i++)
		if (v->exchange[i].what == what)
			return &v->exchange[i];
	return NULL;
}

ALONE const char *visit_end_name(enum visit_end e)
{
	return e == VISIT_SILENT ? "silent" : "other";
}

ALONE void visit_log_free(struct visit_log *v)
{
	(void)v;
}

ALONE const char *response_line(const struct response *r, unsigned i, size_t *length)
{
	if (i >= r->line_count)
		return NULL;
	*length = strcspn(r->text, "\n");
	return r->text;
}

ALONE void seen_local_free(struct seen_local *l)
{
	(void)l;
}

ALONE void seen_gate_free(struct seen_gate *g)
{
	(void)g;
}

#endif
