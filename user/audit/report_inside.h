/* SPDX-License-Identifier: BSD-2-Clause */
/* What the writers of reports share: the order of findings, what has changed, words for places, and cleaning of texts. */
#ifndef AUDIT_REPORT_INSIDE_H
#define AUDIT_REPORT_INSIDE_H

#include "audit/report.h"

#define REPORT_PLACE_MAX (FINDING_TEXT_MAX + 128) /* a target, an address, a port and a vantage */
#define REPORT_LINE_MAX	 4096			  /* of evidence that is shown */

/* In this order they are shown. */
enum report_part {
	PART_FINDINGS, /* fail and warn */
	PART_INCONCLUSIVE,
	PART_PASSED,
	PART_SKIPPED,
	PART_NOT_APPLICABLE,
	PART_NOT_CHECKABLE,
};

struct report_row {
	const struct finding *finding;
	enum change change;
	enum report_part part;
	unsigned number; /* in the findings: what keeps the order */
};

struct report_view {
	struct report_row *row; /* those that are shown: by part, the worst first */
	unsigned count;
	struct report_row *all; /* each, in the findings' order */
	const json_t **gone;	/* rows of the baseline */
	unsigned gone_count;
	bool has_baseline;
};

/* 0 or -ENOMEM. */
int report_view_open(const struct report *r, struct report_view *out);
void report_view_close(struct report_view *v);
void report_view_sum(const struct report *r, const struct report_view *v, struct report_sum *out);

/*
 * Findings are escaped by who wrote them, and rows of a baseline by nobody. What is shown passes here once more: what is not printable ASCII
 * becomes \xHH. Backslashes stay, since most are the escapes of others. Returns buffer.
 */
const char *report_clean(const char *text, char *buffer, size_t size);

/* Behind what stands in the buffer of size bytes, as far as there is room. */
__attribute__((format(printf, 3, 4))) void report_append(char *buffer, size_t size,
							 const char *format, ...);
/* Rows from number i on that stand under the same heading. */
unsigned report_count_alike(const struct report_view *v, unsigned i);
/* The heading of findings of this severity. */
const char *report_severity_title(enum severity s);
/* ", from outside (a network namespace)"; "" where there is no vantage. Returns buffer. */
const char *report_vantage(const struct finding *f, char *buffer, size_t size);
/* "mx.example.org 192.0.2.1 port 25, from outside". Returns buffer, clean. */
const char *report_place(const struct finding *f, char *buffer, size_t size);
/* That of a row of a baseline. */
const char *report_place_gone(const json_t *row, char *buffer, size_t size);
/* A text of a row of a baseline, clean; "" none. Returns buffer. */
const char *report_gone_text(const json_t *row, const char *key, char *buffer, size_t size);
/* What was audited: the domain, or the host. Returns buffer, clean. */
const char *report_target(const struct report *r, char *buffer, size_t size);
/* "3 findings (1 critical, 2 low), 20 passed, 2 inconclusive, 9 not checked". Returns buffer. */
const char *report_counts(const struct report_sum *sum, char *buffer, size_t size);
/* "nothing at or above medium", and what that means for the exit status. Returns buffer. */
const char *report_verdict(const struct report *r, const struct report_sum *sum, char *buffer,
			   size_t size);
/* Is it the first row before number i with this command that enforces something? Each is said once. */
bool report_enforce_is_new(const struct report_view *v, unsigned i);
/* The id of the earlier row that has shown the fix of row i; NULL none. */
const char *report_fix_shown_for(const struct report_view *v, unsigned i);

/* ---- report_group.c: many places, one sentence ---- */

typedef bool (*report_alike_fn)(const struct report_view *v, unsigned i, unsigned j);
/* Do rows i and j say the same of two places? */
bool report_says_the_same(const struct report_view *v, unsigned i, unsigned j);
/* Of what was not decided: are both the first to give the same reason, each in its place, for the same checks? */
bool report_holds_up_the_same(const struct report_view *v, unsigned i, unsigned j);
/* Was row i said together with an earlier one? */
bool report_was_said(const struct report_view *v, unsigned i, report_alike_fn alike);
/* Where what row i says is so: "all 4 addresses, port 25", or each of them. Returns buffer, clean. */
const char *report_places(const struct report *r, const struct report_view *v, unsigned i,
			  report_alike_fn alike, char *buffer, size_t size);
/* Do both say the same sentence with the same evidence, wherever? */
bool report_same_words(const struct report_view *v, unsigned i, unsigned j);
/* Of what was not decided: has an earlier row than i the same reason? */
bool report_reason_was_said(const struct report_view *v, unsigned i);
/* The ids that share the reason of row i: "users, queue". Returns buffer, clean. */
const char *report_reason_ids(const struct report_view *v, unsigned i, char *buffer, size_t size);

/* One line of JSON, without what has changed. */
json_t *report_json_row(const struct finding *f);
/* The same again from a row of a baseline: what a finding is known by, cleaned, and no more. */
json_t *report_json_gone(const json_t *old);

/* The end of writing: what went wrong before, or at the last flush. 0 or -errno. */
int report_flush(FILE *out, int ret);

#endif
