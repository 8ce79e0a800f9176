/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit as a whole. It has two halves: what needs privileges or files is done first (trusted certificates, the resolver's
 * configuration, what is read on the host as raw bytes, sockets in a namespace of our own); then privileges go, and only then are foreign
 * bytes read: the DNS, the servers, and what was collected.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/check.h"
#include "base/loop.h"
#include "dns/dns.h"

struct audit;

struct audit_progress {
	unsigned done, all; /* steps; all may grow */
	const char *at;	    /* "mx1.example.org 192.0.2.1: relay" */
};
typedef void (*audit_progress_fn)(void *context, const struct audit_progress *p);

/*
 * Prepare, with the caller's privileges. The request is copied. settings: the resolver and lists (its sites are asked about the audited
 * addresses); data is used until audit_free(). gate may be NULL; it is taken (gate.h, seen_gate_free). 0 or -errno.
 */
int audit_new(struct audit **out, struct loop *loop, const struct audit_request *request,
	      const struct dns_settings *settings, const struct zonedata *data,
	      struct seen_gate *gate, struct err *e);
void audit_on_progress(struct audit *a, audit_progress_fn fn, void *context);
/* How many descriptors it will need at most (drop.h). */
unsigned audit_files(const struct audit *a);
/* Audit, without privileges; runs the loop until all is seen, and judges it. 0 or -errno (nothing could be seen at all). */
int audit_run(struct audit *a, struct err *e);
const struct seen *audit_seen(const struct audit *a);
const struct findings *audit_findings(const struct audit *a);
/* Why this host's own addresses could not be visited from outside; "" they could, or need not be. */
const char *audit_vantage_note(const struct audit *a);
void audit_free(struct audit *a); /* NULL is fine */

#endif
