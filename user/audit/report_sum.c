/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every report is made of: findings in their order, what has changed, how many there are of each kind and what that means for
 * the exit status. A clean audit is one in which nothing at or above the threshold was found, nor could have been
 * in what stayed undecided.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "audit/check.h"
#include "audit/report_inside.h"
#include "base/words.h"

#define UNIT_MAX 4 /* "\xHH" */

static const char *const change_names[CHANGES] = {
	[CHANGE_NONE] = "",	    [CHANGE_NEW] = "new",   [CHANGE_WORSE] = "worse",
	[CHANGE_BETTER] = "better", [CHANGE_GONE] = "gone",
};

const char *change_name(enum change c)
{
	return change_names[c];
}

/* ---- order ---- */

static enum report_part part_of(const struct finding *f)
{
	static const enum report_part parts[AUDIT_STATUSES] = {
		[AUDIT_PASS] = PART_PASSED,
		[AUDIT_FAIL] = PART_FINDINGS,
		[AUDIT_WARN] = PART_FINDINGS,
		[AUDIT_INCONCLUSIVE] = PART_INCONCLUSIVE,
		[AUDIT_NOT_APPLICABLE] = PART_NOT_APPLICABLE,
		[AUDIT_NOT_CHECKABLE] = PART_NOT_CHECKABLE,
		[AUDIT_SKIPPED] = PART_SKIPPED,
	};

	return parts[f->status];
}

static int row_compare(const void *one, const void *other)
{
	const struct report_row *a = one, *b = other;

	if (a->part != b->part)
		return a->part < b->part ? -1 : 1;
	if (a->part == PART_FINDINGS && a->finding->severity != b->finding->severity)
		return a->finding->severity > b->finding->severity ? -1 : 1;
	if (a->part == PART_FINDINGS && a->finding->status != b->finding->status)
		return a->finding->status == AUDIT_FAIL ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

static int changes_take(const struct report *r, struct report_view *v)
{
	enum change *change = calloc(r->findings->count + 1, sizeof(*change));
	int ret = -ENOMEM;

	v->has_baseline = true;
	v->gone = calloc(baseline_count(r->baseline) + 1, sizeof(const json_t *));
	if (change && v->gone)
		ret = baseline_compare(r->baseline, r->findings, change, v->gone, &v->gone_count);
	for (unsigned i = 0; ret == 0 && i < r->findings->count; i++)
		v->all[i].change = change[i];
	free(change);
	return ret;
}

int report_view_open(const struct report *r, struct report_view *out)
{
	unsigned count = r->findings->count;
	int ret = 0;

	*out = (struct report_view){0};
	out->all = calloc(count + 1, sizeof(*out->all));
	out->row = calloc(count + 1, sizeof(*out->row));
	if (!out->all || !out->row) {
		report_view_close(out);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct finding *f = r->findings->row[i];

		out->all[i] = (struct report_row){.finding = f, .part = part_of(f), .number = i};
	}
	if (r->baseline)
		ret = changes_take(r, out);
	if (ret < 0) {
		report_view_close(out);
		return ret;
	}
	for (unsigned i = 0; i < count; i++)
		if (!r->only_changes || !r->baseline || out->all[i].change)
			out->row[out->count++] = out->all[i];
	qsort(out->row, out->count, sizeof(*out->row), row_compare);
	return 0;
}

void report_view_close(struct report_view *v)
{
	free(v->all);
	free(v->row);
	free((void *)v->gone);
	*v = (struct report_view){0};
}

/* ---- counting ---- */

void report_view_sum(const struct report *r, const struct report_view *v, struct report_sum *out)
{
	bool only_changes = r->only_changes && v->has_baseline;

	*out = (struct report_sum){0};
	out->by_change[CHANGE_GONE] = v->gone_count;
	for (unsigned i = 0; i < r->findings->count; i++) {
		const struct report_row *row = &v->all[i];
		const struct finding *f = row->finding;
		bool is_news = row->change == CHANGE_NEW || row->change == CHANGE_WORSE;

		out->by_status[f->status]++;
		if (row->change)
			out->by_change[row->change]++;
		if (finding_counts(f, SEVERITY_INFO))
			out->by_severity[f->severity]++;
		out->counted += finding_counts(f, r->fail_on) && (!only_changes || is_news);
		/* Its own severity is that of no failure. */
		out->undecided +=
			f->status == AUDIT_INCONCLUSIVE && f->check->severity >= r->fail_on;
	}
	if (out->counted)
		out->exit_status = REPORT_FOUND;
	else if (out->undecided || r->findings->is_short)
		out->exit_status = REPORT_NOTHING;
}

void report_sum(const struct report *r, struct report_sum *out)
{
	struct report_view v;

	*out = (struct report_sum){.exit_status = REPORT_NOTHING};
	if (report_view_open(r, &v) < 0)
		return;
	report_view_sum(r, &v, out);
	report_view_close(&v);
}

/* ---- words ---- */

const char *report_clean(const char *text, char *buffer, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (const unsigned char *from = (const unsigned char *)text; *from; from++) {
		if (at + UNIT_MAX >= size)
			break;
		if (*from >= ' ' && *from < 0x7f) {
			buffer[at++] = (char)*from;
			continue;
		}
		buffer[at++] = '\\';
		buffer[at++] = 'x';
		buffer[at++] = digits[*from >> 4];
		buffer[at++] = digits[*from & 0xf];
	}
	buffer[at] = '\0';
	return buffer;
}

unsigned report_count_alike(const struct report_view *v, unsigned i)
{
	unsigned count = 0;

	for (unsigned j = i; j < v->count; j++)
		count += v->row[j].part == v->row[i].part &&
			 (v->row[i].part != PART_FINDINGS ||
			  v->row[j].finding->severity == v->row[i].finding->severity);
	return count;
}

const char *report_severity_title(enum severity s)
{
	static const char *const titles[SEVERITIES] = {
		[SEVERITY_INFO] = "For information", [SEVERITY_LOW] = "Low",
		[SEVERITY_MEDIUM] = "Medium",	     [SEVERITY_HIGH] = "High",
		[SEVERITY_CRITICAL] = "Critical",
	};

	return titles[s];
}

void report_append(char *buffer, size_t size, const char *format, ...)
{
	size_t used = strlen(buffer);
	va_list ap;

	va_start(ap, format);
	vsnprintf(buffer + used, size - used, format, ap);
	va_end(ap);
}

/* The same without the vantage. */
static const char *place_short(const struct finding *f, char *buffer, size_t size)
{
	char address[ADDR_TEXT_MAX] = "";

	report_clean(f->target, buffer, size);
	if (f->has_addr)
		addr_format(&f->addr, address);
	if (address[0] && strcmp(address, buffer) != 0)
		report_append(buffer, size, "%s%s", buffer[0] ? " " : "", address);
	if (f->port)
		report_append(buffer, size, " port %u", f->port);
	return buffer;
}

const char *report_vantage(const struct finding *f, char *buffer, size_t size)
{
	buffer[0] = '\0';
	if (f->vantage)
		report_append(buffer, size, ", from %s%s", f->vantage == VANTAGE_OWN ? "its " : "",
			      vantage_name(f->vantage));
	if (f->by_namespace)
		report_append(buffer, size, " (a network namespace)");
	return buffer;
}

const char *report_place(const struct finding *f, char *buffer, size_t size)
{
	char vantage[REPORT_PLACE_MAX];

	place_short(f, buffer, size);
	report_append(buffer, size, "%s", report_vantage(f, vantage, sizeof(vantage)));
	return buffer;
}

const char *report_gone_text(const json_t *row, const char *key, char *buffer, size_t size)
{
	const char *text = json_string_value(json_object_get(row, key));

	return report_clean(text ? text : "", buffer, size);
}

const char *report_place_gone(const json_t *row, char *buffer, size_t size)
{
	char address[REPORT_PLACE_MAX];
	json_int_t port = json_integer_value(json_object_get(row, "port"));

	report_gone_text(row, "target", buffer, size);
	report_gone_text(row, "address", address, sizeof(address));
	if (address[0] && strcmp(address, buffer) != 0)
		report_append(buffer, size, "%s%s", buffer[0] ? " " : "", address);
	if (port)
		report_append(buffer, size, " port %d", (int)port);
	return buffer;
}

const char *report_target(const struct report *r, char *buffer, size_t size)
{
	const struct audit_request *q = r->request;

	report_clean(q && q->domain[0] ? q->domain : q ? q->host : "", buffer, size);
	return buffer;
}

static void count_append(char *buffer, size_t size, unsigned count, const char *what)
{
	if (count)
		report_append(buffer, size, "%s%u %s", buffer[0] ? ", " : "", count, what);
}

const char *report_counts(const struct report_sum *sum, char *buffer, size_t size)
{
	unsigned found = sum->by_status[AUDIT_FAIL] + sum->by_status[AUDIT_WARN];
	const char *between = " (";

	buffer[0] = '\0';
	report_append(buffer, size, found ? "%u finding%s" : "no findings", found, plural(found));
	for (unsigned s = SEVERITIES; s-- > 0;) {
		if (!sum->by_severity[s])
			continue;
		report_append(buffer, size, "%s%u %s", between, sum->by_severity[s],
			      severity_name((enum severity)s));
		between = ", ";
	}
	report_append(buffer, size, "%s", found ? ")" : "");
	count_append(buffer, size, sum->by_status[AUDIT_PASS], "passed");
	count_append(buffer, size, sum->by_status[AUDIT_INCONCLUSIVE], "inconclusive");
	count_append(buffer, size,
		     sum->by_status[AUDIT_SKIPPED] + sum->by_status[AUDIT_NOT_CHECKABLE],
		     "not checked");
	count_append(buffer, size, sum->by_status[AUDIT_NOT_APPLICABLE], "not applicable");
	return buffer;
}

const char *report_verdict(const struct report *r, const struct report_sum *sum, char *buffer,
			   size_t size)
{
	const char *what = r->only_changes && r->baseline ? "that is new or worse " : "";
	const char *least = severity_name(r->fail_on);

	if (sum->counted)
		snprintf(buffer, size, "%u finding%s %sat %s or above", sum->counted,
			 plural(sum->counted), *what ? "new or worse, " : "", least);
	else if (sum->undecided)
		snprintf(buffer, size,
			 "nothing %sat %s or above was found, but %u stayed undecided", what, least,
			 sum->undecided);
	else
		snprintf(buffer, size, "nothing %sat %s or above", what, least);
	if (r->findings->is_short)
		report_append(buffer, size, "; memory was short, and something is missing here");
	return buffer;
}

/* ---- saying things once ---- */

bool report_enforce_is_new(const struct report_view *v, unsigned i)
{
	const struct report_row *row = &v->row[i];

	if (row->part > PART_INCONCLUSIVE || !row->finding->enforce[0])
		return false;
	for (unsigned j = 0; j < i; j++)
		if (v->row[j].part <= PART_INCONCLUSIVE &&
		    strcmp(v->row[j].finding->enforce, row->finding->enforce) == 0)
			return false;
	return true;
}

static bool has_same_evidence(const struct finding *a, const struct finding *b)
{
	if (a->evidence_count != b->evidence_count)
		return false;
	for (unsigned i = 0; i < a->evidence_count; i++)
		if (strcmp(a->evidence[i], b->evidence[i]) != 0)
			return false;
	return true;
}

bool report_same_words(const struct report_view *v, unsigned i, unsigned j)
{
	const struct report_row *a = &v->row[i], *b = &v->row[j];

	return a->part == b->part && a->change == b->change &&
	       strcmp(a->finding->text, b->finding->text) == 0 &&
	       has_same_evidence(a->finding, b->finding);
}

/*
 * What decides nothing often has one reason for many checks: do rows i and j have the same, in the same place (which does not matter where nothing
 * was tried) and with the same evidence?
 */
static bool same_reason(const struct report_view *v, unsigned i, unsigned j)
{
	const struct report_row *a = &v->row[i], *b = &v->row[j];
	char one[REPORT_PLACE_MAX], other[REPORT_PLACE_MAX];

	if (!report_same_words(v, i, j))
		return false;
	if (a->part == PART_SKIPPED || a->part == PART_NOT_CHECKABLE)
		return true;
	return strcmp(place_short(a->finding, one, sizeof(one)),
		      place_short(b->finding, other, sizeof(other))) == 0;
}

bool report_reason_was_said(const struct report_view *v, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (same_reason(v, j, i))
			return true;
	return false;
}

const char *report_reason_ids(const struct report_view *v, unsigned i, char *buffer, size_t size)
{
	const char *last = "";
	char id[FINDING_TEXT_MAX];

	buffer[0] = '\0';
	for (unsigned j = i; j < v->count; j++) {
		if (!same_reason(v, i, j) || strcmp(v->row[j].finding->id, last) == 0)
			continue;
		last = v->row[j].finding->id;
		report_append(buffer, size, "%s%s", buffer[0] ? ", " : "",
			      report_clean(last, id, sizeof(id)));
	}
	return buffer;
}
