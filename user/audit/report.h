/* SPDX-License-Identifier: BSD-2-Clause */
/* The same findings for people, for programs, for a browser, for a monitoring system. Lower layers do not print: these write to the stream they are given. */
#ifndef AUDIT_REPORT_H
#define AUDIT_REPORT_H

#include <stdio.h>

#include "audit/audit.h"
#include "base/json.h"

#define REPORT_SCHEMA 1 /* of the JSON; goes up when a key changes its meaning or goes */

enum change { CHANGE_NONE, CHANGE_NEW, CHANGE_WORSE, CHANGE_BETTER, CHANGE_GONE };

struct baseline;

struct report {
	const struct audit_request *request;
	const struct seen *seen; /* NULL: findings alone */
	const struct findings *findings;
	enum severity fail_on;
	const struct baseline *baseline; /* NULL none */
	bool only_changes;
	bool colour;	/* of the text */
	unsigned width; /* columns of the terminal; 0: 80 */
	unsigned elapsed_ms;
};

/* How many of what; the exit status (0 clean, 1 findings, 4 only inconclusive). */
struct report_sum {
	unsigned by_status[AUDIT_STATUSES];
	unsigned by_severity[SEVERITIES]; /* of fail and warn */
	unsigned counted;		  /* at or above fail_on */
	int exit_status;
};
void report_sum(const struct report *r, struct report_sum *out);

/* Each 0 or -errno (of the stream). */
int report_text(const struct report *r, FILE *out);
int report_json(const struct report *r, FILE *out); /* JSON Lines */
int report_html(const struct report *r, FILE *out); /* one self-contained page */
int report_nagios(
	const struct report *r,
	FILE *out); /* one line and performance data; *out_status 0..3 by report_nagios_status() */
int report_nagios_status(const struct report *r);

/* ---- baselines: the JSON Lines of an earlier report ---- */

/* Reads length bytes; a line that is none of ours is an error. 0 or -errno. */
int baseline_read(struct baseline **out, const char *text, size_t length, struct err *e);
void baseline_free(struct baseline *b); /* NULL is fine */
enum change baseline_change(const struct baseline *b, const struct finding *f);
/* Those of the baseline that are not among the findings any more: fn for each JSON row. */
void baseline_gone(const struct baseline *b, const struct findings *f,
		   void (*fn)(void *context, const json_t *row), void *context);

#endif
