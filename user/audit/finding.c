/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings: see finding.h. */
#include "audit/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/check.h"
#include "audit/fix.h"
#include "base/grow.h"
#include "base/json.h"

#define PROVED_LINES_MAX 12 /* of one response: its first and last */

/* What is returned when memory is short. */
static struct finding nowhere;

static void finding_free(struct finding *f)
{
	for (unsigned i = 0; i < f->evidence_count; i++)
		free(f->evidence[i]);
	free(f->evidence);
	free(f);
}

void findings_free(struct findings *f)
{
	for (unsigned i = 0; i < f->count; i++)
		finding_free(f->row[i]);
	free(f->row);
	*f = (struct findings){0};
}

static struct finding *finding_new(struct findings *f)
{
	struct finding **rows = grow(f->row, f->count, &f->room, sizeof(struct finding *)), *row;

	if (!rows)
		return NULL;
	f->row = rows;
	row = calloc(1, sizeof(*row));
	if (row)
		f->row[f->count++] = row;
	return row;
}

struct finding *finding_add(struct findings *f, const struct check *c, const char *part,
			    enum audit_status status, const struct seen_address *a)
{
	struct finding *row = finding_new(f);

	if (!row) {
		f->is_short = true;
		return &nowhere;
	}
	row->check = c;
	snprintf(row->id, sizeof(row->id), "%s%s%s", c->id, part ? "." : "", part ? part : "");
	row->status = status;
	if (status == AUDIT_FAIL)
		row->severity = c->severity;
	else if (status == AUDIT_WARN)
		row->severity = c->severity < SEVERITY_MEDIUM ? c->severity : SEVERITY_MEDIUM;
	if (!a)
		return row;
	snprintf(row->target, sizeof(row->target), "%s", a->host ? a->host->name : "");
	row->addr = a->addr;
	row->has_addr = true;
	row->vantage = a->vantage;
	row->by_namespace = a->by_namespace;
	return row;
}

void finding_say(struct finding *f, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(f->text, sizeof(f->text), format, arguments);
	va_end(arguments);
}

static void prove(struct finding *f, char *line)
{
	char **lines = NULL;

	if (line && f != &nowhere && f->evidence_count < FINDING_EVIDENCE_MAX)
		lines = realloc(f->evidence, (f->evidence_count + 1) * sizeof(*lines));
	if (!lines) {
		free(line);
		return;
	}
	f->evidence = lines;
	f->evidence[f->evidence_count++] = line;
}

void finding_prove(struct finding *f, const char *format, ...)
{
	char *line = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&line, format, arguments) < 0)
		line = NULL;
	va_end(arguments);
	prove(f, line);
}

static void prove_line(struct finding *f, const struct response *r, unsigned i)
{
	char shown[FINDING_TEXT_MAX];
	size_t length;
	const char *line = response_line(r, i, &length);
	bool is_last = i + 1 == r->line_count;

	if (!line)
		return;
	text_escape(line, length, shown, sizeof(shown));
	if (!r->code)
		finding_prove(f, "< %s", shown);
	else
		finding_prove(f, "< %d%c%s", r->code, is_last ? ' ' : '-', shown);
}

void finding_prove_exchange(struct finding *f, const struct exchange *x)
{
	const struct response *r;

	if (!x)
		return;
	r = &x->response;
	if (x->sent)
		finding_prove(f, "> %s", x->sent);
	if (r->kind == RESPONSE_NONE)
		finding_prove(f, "< (nothing)");
	for (unsigned i = 0; i < r->line_count; i++) {
		if (i == PROVED_LINES_MAX / 2 && r->line_count > PROVED_LINES_MAX) {
			unsigned left_out = r->line_count - PROVED_LINES_MAX;

			finding_prove(f, "< (%u lines more)", left_out);
			i += left_out;
		}
		prove_line(f, r, i);
	}
}

void finding_fix(struct finding *f, enum server_kind server)
{
	f->server = server;
	f->fix = fix_for(f->id, server);
}

bool finding_counts(const struct finding *f, enum severity least)
{
	return (f->status == AUDIT_FAIL || f->status == AUDIT_WARN) && f->severity >= least;
}
