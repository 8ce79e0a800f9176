/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report for a monitoring system: one line and performance data (Monitoring Plugins guidelines, "Plugin Output for Nagios" and
 * "Performance data"). A bar would begin the data, so that in what is foreign becomes \x7c.
 */

#include "audit/check.h"
#include "audit/report_inside.h"

#define NAGIOS_OK	0
#define NAGIOS_WARNING	1
#define NAGIOS_CRITICAL 2
#define SENTENCE_MAX	300 /* pagers cut long ones */

/* Of what is counted, the worst; with nothing counted SEVERITY_INFO. */
static int status_of(const struct report *r, const struct report_view *v)
{
	struct report_sum sum;
	enum severity worst = SEVERITY_INFO;

	report_view_sum(r, v, &sum);
	if (sum.exit_status == REPORT_NOTHING)
		return REPORT_NAGIOS_UNKNOWN;
	if (sum.exit_status == REPORT_CLEAN)
		return NAGIOS_OK;
	for (unsigned i = 0; i < v->count; i++)
		if (finding_counts(v->row[i].finding, r->fail_on) &&
		    v->row[i].change != CHANGE_BETTER && v->row[i].finding->severity > worst)
			worst = v->row[i].finding->severity;
	return worst >= SEVERITY_HIGH ? NAGIOS_CRITICAL : NAGIOS_WARNING;
}

int report_nagios_status(const struct report *r)
{
	struct report_view v;
	int status;

	if (report_view_open(r, &v) < 0)
		return REPORT_NAGIOS_UNKNOWN;
	status = status_of(r, &v);
	report_view_close(&v);
	return status;
}

static void write_escaped(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '|')
			fputs("\\x7c", out);
		else
			fputc(*text, out);
	}
}

/* What counts first, and how much more there is. */
static void sentence_write(const struct report *r, const struct report_view *v,
			   const struct report_sum *sum, FILE *out)
{
	char text[SENTENCE_MAX], place[REPORT_PLACE_MAX];
	const struct finding *f = v->count ? v->row[0].finding : NULL;

	if (!sum->counted || !f || v->row[0].part != PART_FINDINGS) {
		write_escaped(report_verdict(r, sum, text, sizeof(text)), out);
		return;
	}
	write_escaped(report_clean(f->id, text, sizeof(text)), out);
	fputs(": ", out);
	write_escaped(report_clean(f->text, text, sizeof(text)), out);
	write_escaped(" (", out);
	write_escaped(report_place(f, place, sizeof(place)), out);
	fputc(')', out);
	if (sum->counted > 1)
		fprintf(out, "; %u more", sum->counted - 1);
}

int report_nagios(const struct report *r, FILE *out)
{
	static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	char target[REPORT_PLACE_MAX];
	struct report_view v;
	struct report_sum sum;
	int ret = report_view_open(r, &v);

	if (ret < 0)
		return ret;
	report_view_sum(r, &v, &sum);
	fprintf(out, "AUDIT %s - ", words[status_of(r, &v)]);
	write_escaped(report_target(r, target, sizeof(target)), out);
	fputs(": ", out);
	sentence_write(r, &v, &sum, out);
	fputs(" |", out);
	for (unsigned s = SEVERITIES; s-- > 0;)
		fprintf(out, " %s=%u", severity_name((enum severity)s), sum.by_severity[s]);
	fprintf(out, " passed=%u inconclusive=%u time=%u.%03us\n", sum.by_status[AUDIT_PASS],
		sum.by_status[AUDIT_INCONCLUSIVE], r->elapsed_ms / 1000, r->elapsed_ms % 1000);
	report_view_close(&v);
	return report_flush(out, 0);
}
