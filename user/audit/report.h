/* SPDX-License-Identifier: BSD-2-Clause */
/* The same findings for people, for programs, for a browser, for a monitoring system. Lower layers do not print: these write to the stream they are given. */
#ifndef AUDIT_REPORT_H
#define AUDIT_REPORT_H

#include <stdio.h>

#include "audit/audit.h"
#include "base/json.h"

#define REPORT_SCHEMA 1 /* of the JSON; goes up when a key changes its meaning or goes */

enum change { CHANGE_NONE, CHANGE_NEW, CHANGE_WORSE, CHANGE_BETTER, CHANGE_GONE };
#define CHANGES (CHANGE_GONE + 1)
const char *change_name(enum change c); /* "new"; "" for CHANGE_NONE */

struct baseline;

struct report {
	const struct audit_request *request;
	const struct seen *seen; /* NULL: findings alone */
	const struct findings *findings;
	enum severity fail_on;
	const struct baseline *baseline; /* NULL none */
	bool only_changes;		 /* since the baseline */
	bool colour;			 /* of the text */
	unsigned width;			 /* columns of the terminal; 0: 80 */
	unsigned elapsed_ms;
	const char *
		vantage_note; /* why own addresses were not seen from outside; NULL or "": they were */
};

/* How many of what; the exit status. */
struct report_sum {
	unsigned by_status[AUDIT_STATUSES];
	unsigned by_severity[SEVERITIES]; /* of fail and warn */
	unsigned by_change[CHANGES];	  /* zero without a baseline */
	unsigned counted;   /* at or above fail_on; with only_changes those that are new or worse */
	unsigned undecided; /* inconclusive, and might have been at or above fail_on */
	int exit_status;
};
#define REPORT_CLEAN   0
#define REPORT_FOUND   1 /* something is counted */
#define REPORT_NOTHING 4 /* nothing is counted, and something is undecided: that is not clean */
void report_sum(const struct report *r, struct report_sum *out);

/* Each 0 or -errno (of the stream). */
int report_text(const struct report *r, FILE *out);
int report_json(const struct report *r, FILE *out);   /* JSON Lines */
int report_html(const struct report *r, FILE *out);   /* one self-contained page */
int report_nagios(const struct report *r, FILE *out); /* one line, with performance data */
/* 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (Monitoring Plugins guidelines, "Plugin Return Codes") */
#define REPORT_NAGIOS_UNKNOWN 3
int report_nagios_status(const struct report *r);

/* ---- baselines: the JSON Lines of an earlier report ---- */

#define BASELINE_BYTES_MAX (8 * 1024 * 1024) /* of the text; a whole report is some 100 kB */

/*
 * Reads length bytes, which anybody may have written; none are an empty baseline, in which everything is new. A line that is
 * none of ours is an error, and so is a report of changes alone. 0 or -errno.
 */
int baseline_read(struct baseline **out, const char *text, size_t length, struct err *e);
void baseline_free(struct baseline *b); /* NULL is fine */

/*
 * Findings are the same when id, target, address and port are; where there are several of a kind, when their sentences are, digits apart.
 * change: findings->count of them. gone: those of the baseline that are there no more, borrowed, with room for baseline_count().
 * What could not be decided this time has neither changed nor gone. *gone_count: how many. 0 or -ENOMEM.
 */
unsigned baseline_count(const struct baseline *b);
int baseline_compare(const struct baseline *b, const struct findings *f, enum change *change,
		     const json_t **gone, unsigned *gone_count);
/*
 * The next baseline: what r found, and from the old one what could not be decided this time, so that an hour's silence forgets
 * nothing. 0 or -errno.
 */
int baseline_write(const struct report *r, FILE *out);

#endif
