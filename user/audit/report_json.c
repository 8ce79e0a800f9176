/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report for programs: JSON Lines, a finding each and a summary at the end. postern-audit(8) documents the keys; REPORT_SCHEMA goes up when
 * one changes its meaning. The next baseline is the same report, so a baseline can be made by hand.
 */
#include <errno.h>
#include <stdlib.h>

#include "audit/check.h"
#include "audit/report_inside.h"
#include "base/version.h"
#include "base/when.h"

static json_t *text_new(const char *text)
{
	char clean[REPORT_LINE_MAX];

	return json_string(report_clean(text, clean, sizeof(clean)));
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? text_new(text) : json_null();
}

static json_t *lines_new(char *const *line, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, text_new(line[i]));
	return list;
}

static json_t *fix_new(const struct finding *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; f->fix && f->fix[i]; i++)
		json_array_append_new(list, text_new(f->fix[i]));
	return list;
}

static json_t *address_new(const struct finding *f)
{
	char address[ADDR_TEXT_MAX];

	return f->has_addr ? json_string(addr_format(&f->addr, address)) : json_null();
}

json_t *report_json_row(const struct finding *f)
{
	json_t *row = json_object();

	json_object_set_new(row, "schema", json_integer(REPORT_SCHEMA));
	json_object_set_new(row, "id", text_new(f->id));
	json_object_set_new(row, "status", json_string(audit_status_name(f->status)));
	json_object_set_new(row, "severity", json_string(severity_name(f->severity)));
	json_object_set_new(row, "target", text_new(f->target));
	json_object_set_new(row, "address", address_new(f));
	json_object_set_new(row, "port", f->port ? json_integer(f->port) : json_null());
	json_object_set_new(row, "vantage", text_or_null(vantage_name(f->vantage)));
	json_object_set_new(row, "finding", text_new(f->text));
	json_object_set_new(row, "evidence", lines_new(f->evidence, f->evidence_count));
	json_object_set_new(row, "fix", fix_new(f));
	json_object_set_new(row, "checklist", json_pack("[s]", f->check->advice));
	if (f->ladder)
		json_object_set_new(row, "ladder", json_string(ladder_name(f->ladder)));
	if (f->by_namespace)
		json_object_set_new(row, "namespace", json_true());
	if (f->fix)
		json_object_set_new(row, "server", json_string(server_kind_name(f->server)));
	if (f->enforce[0])
		json_object_set_new(row, "enforce", text_new(f->enforce));
	return row;
}

/* ---- the summary ---- */

static json_t *enforce_list(const struct report_view *v)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < v->count; i++)
		if (report_enforce_is_new(v, i))
			json_array_append_new(list, text_new(v->row[i].finding->enforce));
	return list;
}

static json_t *counts_new(const unsigned *count, unsigned many, const char *(*name)(unsigned))
{
	json_t *counts = json_object();

	for (unsigned i = 0; i < many; i++)
		if (name(i)[0])
			json_object_set_new(counts, name(i), json_integer(count[i]));
	return counts;
}

static const char *status_word(unsigned i)
{
	return audit_status_name((enum audit_status)i);
}

static const char *severity_word(unsigned i)
{
	return severity_name((enum severity)i);
}

static const char *change_word(unsigned i)
{
	return change_name((enum change)i);
}

static json_t *summary_new(const struct report *r, const struct report_view *v)
{
	char target[REPORT_PLACE_MAX], at[WHEN_TEXT_MAX];
	struct report_sum sum;
	json_t *row = json_object();

	report_view_sum(r, v, &sum);
	json_object_set_new(row, "schema", json_integer(REPORT_SCHEMA));
	json_object_set_new(row, "version", json_string(POSTERN_VERSION));
	json_object_set_new(row, "target", json_string(report_target(r, target, sizeof(target))));
	json_object_set_new(row, "at",
			    r->seen ? json_string(when_format(r->seen->at_s, at)) : json_null());
	json_object_set_new(row, "elapsed_ms", json_integer(r->elapsed_ms));
	json_object_set_new(row, "vantage_note",
			    text_or_null(r->vantage_note ? r->vantage_note : ""));
	json_object_set_new(row, "status", counts_new(sum.by_status, AUDIT_STATUSES, status_word));
	json_object_set_new(row, "severity",
			    counts_new(sum.by_severity, SEVERITIES, severity_word));
	if (v->has_baseline)
		json_object_set_new(row, "change", counts_new(sum.by_change, CHANGES, change_word));
	json_object_set_new(row, "only_changes", json_boolean(v->has_baseline && r->only_changes));
	json_object_set_new(row, "complete", json_boolean(!r->findings->is_short));
	json_object_set_new(row, "fail_on", json_string(severity_name(r->fail_on)));
	json_object_set_new(row, "counted", json_integer(sum.counted));
	json_object_set_new(row, "exit", json_integer(sum.exit_status));
	json_object_set_new(row, "enforce", enforce_list(v));
	return json_pack("{s:o}", "summary", row);
}

/* ---- the whole ---- */

json_t *report_json_gone(const json_t *old)
{
	static const char *const texts[] = {"id",      "status",  "severity", "target",
					    "address", "vantage", "finding"};
	char text[REPORT_LINE_MAX];
	json_t *row = json_object();

	json_object_set_new(row, "schema", json_integer(REPORT_SCHEMA));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_object_set_new(
			row, texts[i],
			text_or_null(report_gone_text(old, texts[i], text, sizeof(text))));
	json_object_set(row, "port", json_object_get(old, "port"));
	json_object_set_new(row, "evidence", json_array());
	json_object_set_new(row, "fix", json_array());
	json_object_set_new(row, "checklist", json_array());
	return row;
}

int report_flush(FILE *out, int ret)
{
	errno = 0;
	if (ret == 0 && fflush(out))
		ret = errno ? -errno : -EIO;
	return ret;
}

static json_t *gone_new(const json_t *old)
{
	json_t *row = report_json_gone(old);

	json_object_set_new(row, "change", json_string(change_name(CHANGE_GONE)));
	return row;
}

int report_json(const struct report *r, FILE *out)
{
	struct report_view v;
	int ret = report_view_open(r, &v);

	if (ret < 0)
		return ret;
	for (unsigned i = 0; ret == 0 && i < v.count; i++) {
		json_t *row = report_json_row(v.row[i].finding);

		if (v.has_baseline)
			json_object_set_new(row, "change",
					    v.row[i].change
						    ? json_string(change_name(v.row[i].change))
						    : json_null());
		ret = json_line(out, row);
	}
	for (unsigned i = 0; ret == 0 && i < v.gone_count; i++)
		ret = json_line(out, gone_new(v.gone[i]));
	if (ret == 0)
		ret = json_line(out, summary_new(r, &v));
	report_view_close(&v);
	return report_flush(out, ret);
}
