/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate's own state, as far as the audit judges it: read through user/kern before privileges go, from pinned maps and the configuration. */
#ifndef AUDIT_GATE_H
#define AUDIT_GATE_H

#include "audit/seen.h"
#include "conf/conf.h"

#define SEEN_GATE_LINKS_MAX 16

struct seen_gate {
	bool is_attached;
	char links[SEEN_TEXT_MAX]; /* "eth0 (native)" */
	bool enforces;		   /* the mode */
	bool controller_runs;
	bool has_rate, has_open, has_total;
	char limits[SEEN_TEXT_MAX]; /* "120/1m for each source, 50 open" */
	bool counters_move;	    /* in a self-test: a SYN of ours through the attached program */
	char self_test[SEEN_TEXT_MAX]; /* why not */
	bool asks_lists;	       /* dnsbl.sites */
	unsigned rules;		       /* the operator's */
	char why[SEEN_TEXT_MAX];       /* could not be read */
};

/* With privileges. instance names the gate. *out is never NULL with 0: one that is not attached says so. 0 or -errno. */
int seen_gate_read(struct seen_gate **out, const struct conf *conf, const char *instance,
		   struct err *e);
void seen_gate_free(struct seen_gate *g); /* NULL is fine */

#endif
