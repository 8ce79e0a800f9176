/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks: one table, a row for each advice of the checklists. A row's functions look at what was seen and add findings; they do
 * nothing else. Every row says something in every report, and be it why it could not be checked.
 */
#ifndef AUDIT_CHECK_H
#define AUDIT_CHECK_H

#include "audit/finding.h"
#include "audit/request.h"
#include "audit/seen.h"

struct look {
	const struct check *check;
	const struct seen *seen;
	const struct audit_request *request;
	struct findings *out;
};

struct check {
	const char *id;
	const char *advice;	/* of the checklists, one sentence */
	unsigned kinds;		/* enum kind bits */
	enum severity severity; /* of a failure, unless the finding knows better */
	/* Each may be NULL. Called once; once for each host; for each address; once with --local; once when there is a gate or not. */
	void (*domain)(const struct look *l);
	void (*host)(const struct look *l, const struct seen_host *h);
	void (*address)(const struct look *l, const struct seen_address *a);
	void (*local)(const struct look *l, const struct seen_local *local);
	void (*gate)(const struct look *l,
		     const struct seen_gate *gate); /* NULL: none is attached */
	const char *
		not_checkable; /* why no tool at this layer can tell: then there are no functions */
};

extern const struct check checks[];
extern const unsigned check_count;
const struct check *check_find(const char *id); /* or NULL */

/* All that the request wants (only, skip). A row that was left out, or of which no function said anything, gets a finding that says why. */
void checks_run(const struct seen *seen, const struct audit_request *request, struct findings *out);

/* Shorthand for functions of checks: the finding for an address, or for the whole (a NULL). */
#define LOOK_ADD(l, part, status, a) finding_add((l)->out, (l)->check, part, status, a)

/* ---- the functions, by file ---- */

#define CHECK_ADDRESS(name) void name(const struct look *l, const struct seen_address *a)
#define CHECK_HOST(name)    void name(const struct look *l, const struct seen_host *h)
#define CHECK_DOMAIN(name)  void name(const struct look *l)
#define CHECK_LOCAL(name)   void name(const struct look *l, const struct seen_local *local)
#define CHECK_GATE(name)    void name(const struct look *l, const struct seen_gate *gate)

/* check_banner.c */
CHECK_ADDRESS(check_banner);
CHECK_ADDRESS(check_help);
CHECK_ADDRESS(check_patches);
/* check_tls.c */
CHECK_ADDRESS(check_starttls);
/* check_auth.c */
CHECK_ADDRESS(check_auth_tls);
CHECK_ADDRESS(check_auth_required);
/* check_smtp.c */
CHECK_ADDRESS(check_vrfy);
CHECK_ADDRESS(check_expn);
CHECK_ADDRESS(check_helo);
CHECK_ADDRESS(check_sender);
CHECK_ADDRESS(check_null_sender);
CHECK_ADDRESS(check_long_line);
CHECK_ADDRESS(check_size);
/* check_recipients.c */
CHECK_ADDRESS(check_backscatter);
CHECK_ADDRESS(check_aliases);
CHECK_ADDRESS(check_roles);
/* check_ports.c */
CHECK_ADDRESS(check_ports);
CHECK_HOST(check_backend);
/* check_relay.c */
CHECK_ADDRESS(check_relay);
/* check_active.c */
CHECK_ADDRESS(check_smuggling);
CHECK_ADDRESS(check_antivirus_active);
CHECK_ADDRESS(check_antispam_active);
CHECK_ADDRESS(check_attachments);
CHECK_ADDRESS(check_limits_active);
/* check_quota.c */
CHECK_ADDRESS(check_quota_imap);
/* check_source.c */
CHECK_ADDRESS(check_source);
CHECK_LOCAL(check_source_local);
/* check_dns.c */
CHECK_ADDRESS(check_rdns);
CHECK_DOMAIN(check_mx);
CHECK_ADDRESS(check_blacklisted);
/* check_spf.c */
CHECK_DOMAIN(check_spf);
CHECK_ADDRESS(check_spf_enforced);
CHECK_DOMAIN(check_dmarc);
CHECK_DOMAIN(check_dkim);
CHECK_DOMAIN(check_mta_sts);
CHECK_DOMAIN(check_tls_rpt);
CHECK_HOST(check_dane);
/* check_zones.c */
CHECK_LOCAL(check_dnsbl);
CHECK_LOCAL(check_surbl);
/* check_local.c */
CHECK_LOCAL(check_relay_local);
CHECK_LOCAL(check_queue);
CHECK_LOCAL(check_mailbox_quota);
/* check_listeners.c */
CHECK_LOCAL(check_ports_local);
/* check_host.c */
CHECK_LOCAL(check_patches_local);
CHECK_LOCAL(check_users);
CHECK_LOCAL(check_antivirus);
CHECK_LOCAL(check_antispam);
CHECK_LOCAL(check_logging);
/* check_gate.c */
CHECK_GATE(check_limits);
CHECK_GATE(check_blocklist);
CHECK_GATE(check_kill_file);
CHECK_GATE(check_dnsbl_gate);
CHECK_GATE(check_long_line_gate);
CHECK_GATE(check_report_abuse);

#endif
