/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report for people at a terminal: who was audited and from where, what was found, the worst first, each with its evidence and what to
 * paste, then shortly what passed, what was not checked and why, and what the gate can enforce at once. Colour only helps the eye: every word
 * that it stresses says the same without it. Sentences are wrapped; what is meant to be pasted never is.
 */
#include <errno.h>
#include <string.h>

#include "audit/check.h"
#include "audit/report_inside.h"
#include "base/version.h"
#include "base/when.h"
#include "base/wrap.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     40  /* narrower, indents would be all that is left */
#define WIDTH_MAX     120 /* longer lines are hard to read */
#define INDENT	      2
#define LABEL_WIDTH   18 /* of the ids of what passed; the longest are longer */
/* Bytes of a line of evidence: some three lines of a terminal. The other reports have all of it. */
#define EVIDENCE_SHOWN 240

/* ECMA-48, 8.3.117 (SGR) */
#define SGR_END	   "\033[0m"
#define SGR_STRONG "\033[1m"
#define SGR_DIM	   "\033[2m"
#define SGR_GREEN  "\033[32m"
#define SGR_YELLOW "\033[33m"
#define SGR_RED	   "\033[31m"
#define SGR_ALARM  "\033[1;31m"

struct page {
	FILE *out;
	unsigned width;
	bool colour;
};

static void stress(const struct page *p, const char *sgr)
{
	if (p->colour)
		fputs(sgr, p->out);
}

/* Words from column at, further lines from column hang. */
static void flow(const struct page *p, unsigned at, unsigned hang, const char *text)
{
	const struct wrap w = {.out = p->out, .width = p->width};
	char clean[REPORT_LINE_MAX];

	(void)wrap_print(&w, report_clean(text, clean, sizeof(clean)), at, hang);
	fputc('\n', p->out);
}

static void indented(const struct page *p, unsigned indent, const char *text)
{
	fprintf(p->out, "%*s", (int)indent, "");
	flow(p, indent, indent, text);
}

/* As it is, in one line: to be pasted. */
static void verbatim(const struct page *p, unsigned indent, const char *text)
{
	char clean[REPORT_LINE_MAX];

	fprintf(p->out, "%*s%s\n", (int)indent, "", report_clean(text, clean, sizeof(clean)));
}

static void heading(const struct page *p, const char *sgr, const char *text, unsigned count)
{
	fputc('\n', p->out);
	stress(p, sgr);
	if (count)
		fprintf(p->out, "%s (%u)", text, count);
	else
		fputs(text, p->out);
	stress(p, SGR_END);
	fputc('\n', p->out);
}

/* ---- the head ---- */

static void address_write(const struct page *p, const struct seen_address *a)
{
	char text[REPORT_LINE_MAX], address[ADDR_TEXT_MAX];
	const char *server = server_kind_name(a->fingerprint.kind);
	const char *from = vantage_name(a->vantage);

	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", addr_format(&a->addr, address),
		 server[0] ? ": " : "", server, from[0] ? ", seen from " : "",
		 a->vantage == VANTAGE_OWN ? "its " : "", from,
		 a->by_namespace ? " (through a network namespace)" : "");
	fprintf(p->out, "%*s", 2 * INDENT, "");
	flow(p, 2 * INDENT, 3 * INDENT, text);
	if (a->may_intrude)
		return;
	snprintf(text, sizeof(text), "greeting, EHLO and STARTTLS only%s%s",
		 a->consent[0] ? ": " : "", a->consent);
	indented(p, 3 * INDENT, text);
}

static void hosts_write(const struct page *p, const struct seen *seen)
{
	for (unsigned i = 0; i < seen->host_count; i++) {
		const struct seen_host *h = &seen->host[i];
		char text[REPORT_LINE_MAX], preference[sizeof(" (MX 4294967295)")] = "";

		if (h->is_mx && seen->domain.mx == ANSWER_NONE)
			snprintf(preference, sizeof(preference), " (no MX record)");
		else if (h->is_mx)
			snprintf(preference, sizeof(preference), " (MX %u)", h->preference);
		snprintf(text, sizeof(text), "%s%s%s%s", h->name, preference,
			 h->is_backend ? " (behind the front end)" : "",
			 h->address_count ? "" : ": no address");
		if (h->name[0])
			indented(p, INDENT, text);
		for (unsigned j = 0; j < h->address_count; j++)
			address_write(p, &h->address[j]);
	}
}

static void head_write(const struct page *p, const struct report *r, const struct report_sum *sum)
{
	char target[REPORT_PLACE_MAX], at[WHEN_TEXT_MAX], text[REPORT_LINE_MAX];

	stress(p, SGR_STRONG);
	fprintf(p->out, "Audit of %s", report_target(r, target, sizeof(target)));
	stress(p, SGR_END);
	fputc('\n', p->out);
	if (r->seen)
		fprintf(p->out, "%s, in %u s, by postern %s\n", when_format(r->seen->at_s, at),
			(r->elapsed_ms + MS_PER_S - 1) / MS_PER_S, POSTERN_VERSION);
	if (r->seen)
		hosts_write(p, r->seen);
	if (r->vantage_note && r->vantage_note[0]) {
		snprintf(text, sizeof(text), "Not seen from outside, as clients see it: %s",
			 r->vantage_note);
		indented(p, INDENT, text);
	}
	fputc('\n', p->out);
	flow(p, 0, INDENT, report_counts(sum, text, sizeof(text)));
	flow(p, 0, INDENT, report_verdict(r, sum, text, sizeof(text)));
}

/* ---- findings ---- */

static const char *severity_sgr(enum severity s)
{
	static const char *const sgr[SEVERITIES] = {
		[SEVERITY_INFO] = SGR_STRONG,	 [SEVERITY_LOW] = SGR_STRONG,
		[SEVERITY_MEDIUM] = SGR_YELLOW,	 [SEVERITY_HIGH] = SGR_RED,
		[SEVERITY_CRITICAL] = SGR_ALARM,
	};

	return sgr[s];
}

static void evidence_write(const struct page *p, const struct finding *f)
{
	char clean[REPORT_LINE_MAX];

	if (!f->evidence_count)
		return;
	stress(p, SGR_DIM);
	for (unsigned line = 0; line < f->evidence_count; line++) {
		report_clean(f->evidence[line], clean, sizeof(clean));
		fprintf(p->out, "%*s%.*s%s\n", 3 * INDENT, "", EVIDENCE_SHOWN, clean,
			strlen(clean) > EVIDENCE_SHOWN ? "..." : "");
	}
	stress(p, SGR_END);
}

static void fix_write(const struct page *p, const struct report_view *v, unsigned i)
{
	const struct finding *f = v->row[i].finding;
	const char *server = server_kind_name(f->server), *shown = report_fix_shown_for(v, i);
	char id[FINDING_TEXT_MAX];

	if (!f->fix)
		return;
	fprintf(p->out, "%*sFix%s%s:", 2 * INDENT, "", server[0] ? " for " : "", server);
	if (shown) {
		fprintf(p->out, " as for %s, above\n", report_clean(shown, id, sizeof(id)));
		return;
	}
	fputc('\n', p->out);
	for (unsigned line = 0; f->fix[line]; line++)
		verbatim(p, 3 * INDENT, f->fix[line]);
}

static void finding_write(const struct page *p, const struct report *r, const struct report_view *v,
			  unsigned i)
{
	const struct finding *f = v->row[i].finding;
	const char *change = change_name(v->row[i].change);
	char places[REPORT_LINE_MAX], vantage[REPORT_PLACE_MAX], id[FINDING_TEXT_MAX];
	char text[2 * REPORT_LINE_MAX];
	unsigned used;

	fprintf(p->out, "%*s", INDENT, "");
	stress(p, severity_sgr(f->severity));
	fprintf(p->out, "%s", f->status == AUDIT_FAIL ? "FAIL" : "WARN");
	stress(p, SGR_END);
	used = INDENT + strlen("FAIL");
	used += (unsigned)fprintf(p->out, " %s%s%s%s  ", report_clean(f->id, id, sizeof(id)),
				  change[0] ? " (" : "", change, change[0] ? ")" : "");
	snprintf(text, sizeof(text), "%s%s",
		 report_places(r, v, i, report_says_the_same, places, sizeof(places)),
		 report_vantage(f, vantage, sizeof(vantage)));
	flow(p, used, 3 * INDENT, text);
	snprintf(text, sizeof(text), "%s%s%s%s", f->text, f->ladder ? " (ladder: " : "",
		 ladder_name(f->ladder), f->ladder ? ")" : "");
	indented(p, 2 * INDENT, text);
	evidence_write(p, f);
	fix_write(p, v, i);
	if (f->enforce[0]) {
		fprintf(p->out, "%*sAt once: ", 2 * INDENT, "");
		verbatim(p, 0, f->enforce);
	}
	snprintf(text, sizeof(text), "Advice: %s", f->check->advice);
	indented(p, 2 * INDENT, text);
}

static void findings_write(const struct page *p, const struct report *r,
			   const struct report_view *v)
{
	for (unsigned i = 0; i < v->count && v->row[i].part == PART_FINDINGS; i++) {
		enum severity s = v->row[i].finding->severity;

		if (report_was_said(v, i, report_says_the_same))
			continue;
		if (!i || v->row[i - 1].finding->severity != s)
			heading(p, severity_sgr(s), report_severity_title(s),
				report_count_alike(v, i));
		else
			fputc('\n', p->out);
		finding_write(p, r, v, i);
	}
}

static void gone_write(const struct page *p, const struct report_view *v)
{
	char text[REPORT_LINE_MAX], id[FINDING_TEXT_MAX], place[REPORT_PLACE_MAX],
		said[FINDING_TEXT_MAX];

	if (v->gone_count)
		heading(p, SGR_GREEN, "Gone since the baseline", v->gone_count);
	for (unsigned i = 0; i < v->gone_count; i++) {
		report_place_gone(v->gone[i], place, sizeof(place));
		snprintf(text, sizeof(text), "%s%s%s: %s",
			 report_gone_text(v->gone[i], "id", id, sizeof(id)), place[0] ? "  " : "",
			 place, report_gone_text(v->gone[i], "finding", said, sizeof(said)));
		fprintf(p->out, "%*s", INDENT, "");
		flow(p, INDENT, 2 * INDENT, text);
	}
}

/* ---- what needs no evidence ---- */

/* "starttls  TLS 1.3, ... [mx1 192.0.2.1 port 25; mx2 ...]" */
static void short_write(const struct page *p, const struct report *r, const struct report_view *v,
			unsigned i)
{
	const struct finding *f = v->row[i].finding;
	const char *change = change_name(v->row[i].change);
	char text[2 * REPORT_LINE_MAX], id[FINDING_TEXT_MAX], places[REPORT_LINE_MAX];
	unsigned label;

	fprintf(p->out, "%*s", INDENT, "");
	label = (unsigned)fprintf(p->out, "%-*s ", LABEL_WIDTH,
				  report_clean(f->id, id, sizeof(id)));
	snprintf(text, sizeof(text), "%s%s%s%s: %s", f->text, change[0] ? " (" : "", change,
		 change[0] ? ")" : "",
		 report_places(r, v, i, report_says_the_same, places, sizeof(places)));
	flow(p, INDENT + label, INDENT + LABEL_WIDTH + 1, text);
}

static void passed_write(const struct page *p, const struct report *r, const struct report_view *v)
{
	bool is_first = true;

	for (unsigned i = 0; i < v->count; i++) {
		if (v->row[i].part != PART_PASSED)
			continue;
		if (is_first)
			heading(p, SGR_GREEN, "Passed", report_count_alike(v, i));
		is_first = false;
		if (!report_was_said(v, i, report_says_the_same))
			short_write(p, r, v, i);
	}
}

/* Rows of this part with the same reason are one line: "users, queue: only the host itself can tell: --local". */
static void reasons_write(const struct page *p, const struct report *r, const struct report_view *v,
			  enum report_part part, const char *sgr, const char *title)
{
	bool is_first = true, has_place = part == PART_INCONCLUSIVE || part == PART_NOT_APPLICABLE;
	char text[2 * REPORT_LINE_MAX], ids[REPORT_LINE_MAX / 2], places[REPORT_LINE_MAX] = "";

	for (unsigned i = 0; i < v->count; i++) {
		const struct finding *f = v->row[i].finding;

		if (v->row[i].part != part || report_reason_was_said(v, i) ||
		    report_was_said(v, i, report_holds_up_the_same))
			continue;
		if (is_first)
			heading(p, sgr, title, report_count_alike(v, i));
		is_first = false;
		if (has_place)
			report_places(r, v, i, report_holds_up_the_same, places, sizeof(places));
		snprintf(text, sizeof(text), "%s: %s%s%s%s",
			 report_reason_ids(v, i, ids, sizeof(ids)), f->text, places[0] ? " (" : "",
			 places, places[0] ? ")" : "");
		fprintf(p->out, "%*s", INDENT, "");
		flow(p, INDENT, 2 * INDENT, text);
		if (part == PART_INCONCLUSIVE)
			evidence_write(p, f);
	}
}

static void enforce_write(const struct page *p, const struct report_view *v)
{
	bool is_first = true;

	for (unsigned i = 0; i < v->count; i++) {
		if (!report_enforce_is_new(v, i))
			continue;
		if (is_first)
			heading(p, SGR_STRONG, "What postern can enforce now", 0);
		is_first = false;
		verbatim(p, INDENT, v->row[i].finding->enforce);
	}
}

static unsigned width_of(const struct report *r)
{
	unsigned width = r->width ? r->width : WIDTH_DEFAULT;

	return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

int report_text(const struct report *r, FILE *out)
{
	const struct page p = {.out = out, .width = width_of(r), .colour = r->colour};
	struct report_view v;
	struct report_sum sum;
	int ret = report_view_open(r, &v);

	if (ret < 0)
		return ret;
	report_view_sum(r, &v, &sum);
	head_write(&p, r, &sum);
	if (v.has_baseline && r->only_changes && !v.count && !v.gone_count)
		fputs("\nNothing has changed since the baseline.\n", out);
	findings_write(&p, r, &v);
	reasons_write(&p, r, &v, PART_INCONCLUSIVE, SGR_YELLOW, "Inconclusive");
	gone_write(&p, &v);
	passed_write(&p, r, &v);
	reasons_write(&p, r, &v, PART_NOT_APPLICABLE, SGR_STRONG, "Not applicable");
	reasons_write(&p, r, &v, PART_SKIPPED, SGR_STRONG, "Not checked");
	reasons_write(&p, r, &v, PART_NOT_CHECKABLE, SGR_STRONG, "Not checkable by any tool here");
	enforce_write(&p, &v);
	report_view_close(&v);
	return report_flush(out, ferror(out) ? -EIO : 0);
}
