/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report as a page to read, send and print: one file that asks nobody for anything, which its content policy holds the browser to. Everything
 * that is not ours in here is escaped (HTML Living Standard, 13.1.2 and 13.1.4); no foreign text ever becomes an attribute.
 */
#include <errno.h>
#include <string.h>

#include "audit/check.h"
#include "audit/report_inside.h"
#include "base/page.h"
#include "base/version.h"
#include "base/when.h"
#include "base/words.h"

/* ---- text ---- */

static void put(FILE *out, const char *text)
{
	char clean[REPORT_LINE_MAX];

	report_clean(text, clean, sizeof(clean));
	page_put(out, clean);
}

/* before, the text, behind: the outer two are ours. */
static void element(FILE *out, const char *before, const char *text, const char *behind)
{
	fputs(before, out);
	put(out, text);
	fputs(behind, out);
}

static void section_open(FILE *out, const char *id, const char *title, unsigned count)
{
	fprintf(out, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s", id, id, title);
	if (count)
		fprintf(out, " <span class=\"soft\">(%u)</span>", count);
	fputs("</h2>\n", out);
}

static void section_close(FILE *out)
{
	fputs("</section>\n", out);
}

/* ---- the top ---- */

static void tile(FILE *out, const char *class, unsigned count, const char *word, const char *link)
{
	fputs("<li>", out);
	if (count && link)
		fprintf(out, "<a class=\"%s\" href=\"#%s\"><b>%u</b> %s</a>", class, link, count,
			word);
	else
		fprintf(out, "<span class=\"%s\"><b>%u</b> %s</span>", count ? class : "none",
			count, word);
	fputs("</li>\n", out);
}

static void tiles_write(FILE *out, const struct report_view *v, const struct report_sum *sum)
{
	unsigned shown[SEVERITIES] = {0}, parts[PART_NOT_CHECKABLE + 1] = {0};
	unsigned not_checked = sum->by_status[AUDIT_SKIPPED] + sum->by_status[AUDIT_NOT_CHECKABLE];

	for (unsigned i = 0; i < v->count; i++) {
		parts[v->row[i].part]++;
		shown[v->row[i].finding->severity] += v->row[i].part == PART_FINDINGS;
	}
	fputs("<ul class=\"tiles\">\n", out);
	for (unsigned s = SEVERITIES; s-- > 0;) {
		const char *name = severity_name((enum severity)s);

		tile(out, name, sum->by_severity[s], name, shown[s] ? name : NULL);
	}
	tile(out, "none", sum->by_status[AUDIT_INCONCLUSIVE], "inconclusive",
	     parts[PART_INCONCLUSIVE] ? "inconclusive" : NULL);
	tile(out, "pass", sum->by_status[AUDIT_PASS], "passed",
	     parts[PART_PASSED] ? "passed" : NULL);
	tile(out, "none", not_checked, "not checked",
	     parts[PART_SKIPPED] + parts[PART_NOT_CHECKABLE] ? "unchecked" : NULL);
	fputs("</ul>\n", out);
}

static void address_write(FILE *out, const struct seen_address *a)
{
	char address[ADDR_TEXT_MAX];
	const char *server = server_kind_name(a->fingerprint.kind);
	const char *from = vantage_name(a->vantage);

	element(out, "<dd>", addr_format(&a->addr, address), "");
	fprintf(out, "%s%s", server[0] ? ", " : "", server);
	if (from[0])
		fprintf(out, ", seen from %s%s%s", a->vantage == VANTAGE_OWN ? "its " : "", from,
			a->by_namespace ? " (through a network namespace)" : "");
	if (!a->may_intrude) {
		fputs("<br><span class=\"soft\">greeting, EHLO and STARTTLS only", out);
		element(out, a->consent[0] ? ": " : "", a->consent, "</span>");
	}
	fputs("</dd>\n", out);
}

static void hosts_write(FILE *out, const struct seen *seen)
{
	if (!seen->host_count)
		return;
	fputs("<dl>\n", out);
	for (unsigned i = 0; i < seen->host_count; i++) {
		const struct seen_host *h = &seen->host[i];

		element(out, "<dt>", h->name[0] ? h->name : "by its address", "");
		if (h->is_mx && seen->domain.mx == ANSWER_NONE)
			fputs(" <span class=\"soft\">no MX record</span>", out);
		else if (h->is_mx)
			fprintf(out, " <span class=\"soft\">MX %u</span>", h->preference);
		fprintf(out, "%s</dt>\n", h->is_backend ? " (behind the front end)" : "");
		for (unsigned j = 0; j < h->address_count; j++)
			address_write(out, &h->address[j]);
		if (!h->address_count)
			fputs("<dd>no address</dd>\n", out);
	}
	fputs("</dl>\n", out);
}

static void top_write(FILE *out, const struct report *r, const struct report_view *v)
{
	char target[REPORT_PLACE_MAX], at[WHEN_TEXT_MAX], text[REPORT_LINE_MAX];
	struct report_sum sum;

	report_view_sum(r, v, &sum);
	report_target(r, target, sizeof(target));
	report_clean(target, text, sizeof(text));
	page_open(out, "Audit of ", text);
	element(out, "<header>\n<p class=\"brand\">Mail server audit</p>\n<h1>", target,
		"</h1>\n<p class=\"soft\">");
	if (r->seen)
		fprintf(out, "<time datetime=\"%s\">%s</time>, in %u s, ",
			when_format(r->seen->at_s, at), when_format(r->seen->at_s, at),
			(r->elapsed_ms + MS_PER_S - 1) / MS_PER_S);
	fprintf(out, "by postern %s</p>\n</header>\n<main>\n", POSTERN_VERSION);
	section_open(out, "summary", "Summary", 0);
	report_verdict(r, &sum, text, sizeof(text));
	/* A sentence of its own here. */
	if (text[0] == 'n')
		text[0] = 'N';
	element(out, "<p class=\"verdict\">", text, ".</p>\n");
	if (r->only_changes && r->baseline)
		fputs("<p>Only what has changed since the baseline is listed below.</p>\n", out);
	tiles_write(out, v, &sum);
	if (r->seen)
		hosts_write(out, r->seen);
	if (r->vantage_note && r->vantage_note[0])
		element(out, "<p>Not seen from outside, as clients see it: ", r->vantage_note,
			".</p>\n");
	section_close(out);
}

/* ---- findings ---- */

static void pre_write(FILE *out, char *const *line, unsigned count)
{
	fputs("<pre>", out);
	for (unsigned i = 0; i < count; i++)
		element(out, "", line[i], "\n");
	fputs("</pre>\n", out);
}

static void evidence_write(FILE *out, const struct finding *f)
{
	if (!f->evidence_count)
		return;
	fprintf(out, "<details%s><summary>Evidence (%u line%s)</summary>\n",
		f->severity >= SEVERITY_HIGH ? " open" : "", f->evidence_count,
		plural(f->evidence_count));
	pre_write(out, f->evidence, f->evidence_count);
	fputs("</details>\n", out);
}

static void fix_write(FILE *out, const struct report_view *v, unsigned i)
{
	const struct finding *f = v->row[i].finding;
	const char *server = server_kind_name(f->server), *shown = report_fix_shown_for(v, i);

	if (f->enforce[0])
		element(out, "<h4>postern can enforce this at once</h4>\n<pre>", f->enforce,
			"</pre>\n");
	if (!f->fix)
		return;
	fprintf(out, "<h4>Fix%s%s</h4>\n", server[0] ? " for " : "", server);
	if (shown) {
		element(out, "<p>As for <span class=\"id\">", shown, "</span>, above.</p>\n");
		return;
	}
	fputs("<pre>", out);
	for (unsigned line = 0; f->fix[line]; line++)
		element(out, "", f->fix[line], "\n");
	fputs("</pre>\n", out);
}

static void change_write(FILE *out, enum change change)
{
	if (change)
		fprintf(out, "<span class=\"tag\">%s</span>", change_name(change));
}

static void finding_write(FILE *out, const struct report *r, const struct report_view *v,
			  unsigned i)
{
	const struct finding *f = v->row[i].finding;
	char text[REPORT_LINE_MAX];

	fprintf(out, "<article class=\"%s %s\">\n<p><span class=\"tag\">%s</span>",
		f->status == AUDIT_FAIL ? "fail" : "warn", severity_name(f->severity),
		f->status == AUDIT_FAIL ? "FAIL" : "WARN");
	change_write(out, v->row[i].change);
	element(out, "<span class=\"id\">", f->id, "</span></p>\n");
	element(out, "<h3>", f->text, "");
	if (f->ladder)
		element(out, " (ladder: ", ladder_name(f->ladder), ")");
	fputs("</h3>\n", out);
	element(out, "<p class=\"where\">",
		report_places(r, v, i, report_says_the_same, text, sizeof(text)), "");
	element(out, "", report_vantage(f, text, sizeof(text)), "</p>\n");
	element(out, "<p>Advice: ", f->check->advice, ".</p>\n");
	evidence_write(out, f);
	fix_write(out, v, i);
	fputs("</article>\n", out);
}

static void findings_write(FILE *out, const struct report *r, const struct report_view *v)
{
	bool is_open = false;

	for (unsigned i = 0; i < v->count && v->row[i].part == PART_FINDINGS; i++) {
		enum severity s = v->row[i].finding->severity;

		if (report_was_said(v, i, report_says_the_same))
			continue;
		if (!i || v->row[i - 1].finding->severity != s) {
			if (is_open)
				section_close(out);
			section_open(out, severity_name(s), report_severity_title(s),
				     report_count_alike(v, i));
			is_open = true;
		}
		finding_write(out, r, v, i);
	}
	if (is_open)
		section_close(out);
}

/* ---- the rest ---- */

static void list_open(FILE *out, const char *id, const char *title, unsigned count)
{
	section_open(out, id, title, count);
	fputs("<dl class=\"table\">\n", out);
}

static void list_close(FILE *out)
{
	fputs("</dl>\n", out);
	section_close(out);
}

/* A list of ids, each with its sentence and the places it is true of. */
static void passed_write(FILE *out, const struct report *r, const struct report_view *v)
{
	char places[REPORT_LINE_MAX];
	bool is_open = false;

	for (unsigned i = 0; i < v->count; i++) {
		const struct finding *f = v->row[i].finding;

		if (v->row[i].part != PART_PASSED || report_was_said(v, i, report_says_the_same))
			continue;
		if (!is_open)
			list_open(out, "passed", "Passed", report_count_alike(v, i));
		is_open = true;
		element(out, "<dt><span class=\"id\">", f->id, "</span> ");
		change_write(out, v->row[i].change);
		element(out, "</dt>\n<dd>", f->text, "<br><span class=\"soft\">");
		element(out, "",
			report_places(r, v, i, report_says_the_same, places, sizeof(places)),
			"</span></dd>\n");
	}
	if (is_open)
		list_close(out);
}

static void inconclusive_write(FILE *out, const struct report *r, const struct report_view *v)
{
	char text[REPORT_LINE_MAX];
	bool is_open = false;

	for (unsigned i = 0; i < v->count; i++) {
		const struct finding *f = v->row[i].finding;

		if (v->row[i].part != PART_INCONCLUSIVE || report_reason_was_said(v, i) ||
		    report_was_said(v, i, report_holds_up_the_same))
			continue;
		if (!is_open)
			list_open(out, "inconclusive", "Inconclusive", report_count_alike(v, i));
		is_open = true;
		report_reason_ids(v, i, text, sizeof(text));
		element(out, "<dt><span class=\"id\">", text, "</span></dt>\n");
		element(out, "<dd>", f->text, "<br><span class=\"soft\">");
		report_places(r, v, i, report_holds_up_the_same, text, sizeof(text));
		element(out, "", text, "</span>\n");
		evidence_write(out, f);
		fputs("</dd>\n", out);
	}
	if (is_open)
		list_close(out);
}

static void gone_write(FILE *out, const struct report_view *v)
{
	char text[REPORT_PLACE_MAX];

	if (!v->gone_count)
		return;
	list_open(out, "gone", "Gone since the baseline", v->gone_count);
	for (unsigned i = 0; i < v->gone_count; i++) {
		report_gone_text(v->gone[i], "id", text, sizeof(text));
		element(out, "<dt><span class=\"id\">", text, "</span></dt>\n");
		report_gone_text(v->gone[i], "finding", text, sizeof(text));
		element(out, "<dd>", text, "<br><span class=\"soft\">");
		element(out, "", report_place_gone(v->gone[i], text, sizeof(text)),
			"</span></dd>\n");
	}
	list_close(out);
}

/* Not applicable, skipped, not checkable: what and why is all there is to say. */
static void reasons_write(FILE *out, const struct report *r, const struct report_view *v)
{
	char text[REPORT_LINE_MAX];
	bool is_open = false;

	for (unsigned i = 0; i < v->count; i++) {
		const struct report_row *row = &v->row[i];

		if (row->part < PART_SKIPPED || report_reason_was_said(v, i) ||
		    report_was_said(v, i, report_holds_up_the_same))
			continue;
		if (!is_open)
			list_open(out, "unchecked", "What was not checked, and why", 0);
		is_open = true;
		report_reason_ids(v, i, text, sizeof(text));
		element(out, "<dt><span class=\"id\">", text, "</span></dt>\n");
		fprintf(out, "<dd><strong>%s</strong>: ", audit_status_name(row->finding->status));
		element(out, "", row->finding->text, "");
		if (row->part == PART_NOT_APPLICABLE)
			element(out, "<br><span class=\"soft\">",
				report_places(r, v, i, report_holds_up_the_same, text,
					      sizeof(text)),
				"</span>");
		if (row->part == PART_NOT_CHECKABLE)
			element(out, "<br><span class=\"soft\">", row->finding->check->advice,
				"</span>");
		fputs("</dd>\n", out);
	}
	if (is_open)
		list_close(out);
}

static void enforce_write(FILE *out, const struct report_view *v)
{
	bool is_open = false;

	for (unsigned i = 0; i < v->count; i++) {
		if (!report_enforce_is_new(v, i))
			continue;
		if (!is_open) {
			section_open(out, "enforce", "What postern can enforce now", 0);
			fputs("<pre>", out);
			is_open = true;
		}
		element(out, "", v->row[i].finding->enforce, "\n");
	}
	if (!is_open)
		return;
	fputs("</pre>\n", out);
	section_close(out);
}

int report_html(const struct report *r, FILE *out)
{
	struct report_view v;
	int ret = report_view_open(r, &v);

	if (ret < 0)
		return ret;
	top_write(out, r, &v);
	if (v.has_baseline && r->only_changes && !v.count && !v.gone_count)
		fputs("<p>Nothing has changed since the baseline.</p>\n", out);
	findings_write(out, r, &v);
	inconclusive_write(out, r, &v);
	gone_write(out, &v);
	passed_write(out, r, &v);
	enforce_write(out, &v);
	reasons_write(out, r, &v);
	fputs("</main>\n<footer>\n<p>What is inconclusive, skipped or not checkable is never "
	      "counted as passed.</p>\n</footer>\n</body>\n</html>\n",
	      out);
	report_view_close(&v);
	return report_flush(out, ferror(out) ? -EIO : 0);
}
