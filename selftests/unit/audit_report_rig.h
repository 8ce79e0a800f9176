/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings made by hand, for tests of reports: an ordinary audit of two hosts, and texts that mean harm. */
#ifndef SELFTESTS_AUDIT_REPORT_RIG_H
#define SELFTESTS_AUDIT_REPORT_RIG_H

#include "tap.h"

#include "audit/check.h"
#include "audit/report.h"

/* What a stream was written, ended by 0; the caller's. */
struct written {
	char *text;
	size_t length;
};

typedef int (*report_fn)(const struct report *r, FILE *out);

static inline struct written write_report(report_fn fn, const struct report *r)
{
	struct written w = {0};
	FILE *out = open_memstream(&w.text, &w.length);

	EXPECT(out && fn(r, out) == 0, "the report is written");
	if (out)
		fclose(out);
	return w;
}

static inline struct finding *rig_add(struct findings *f, const char *id, const char *part,
				      enum audit_status status, const struct seen_address *a,
				      const char *text)
{
	struct finding *row = finding_add(f, check_find(id), part, status, a);

	finding_say(row, "%s", text);
	if (!a)
		snprintf(row->target, sizeof(row->target), "example.org");
	return row;
}

/* A page's worth: every part of a report has something in it. */
struct sample {
	struct audit_request request;
	struct seen_address address[3];
	struct seen_host host[2];
	struct seen seen;
	struct findings findings;
	struct report report;
};

static inline void sample_hosts(struct sample *s)
{
	static const char *const names[] = {"mx1.example.org", "mx2.example.org"};
	static const char *const addresses[] = {"192.0.2.25", "2001:db8::25", "198.51.100.25"};

	s->seen = (struct seen){.host = s->host, .host_count = 2, .at_s = 1795336200};
	snprintf(s->seen.domain.name, sizeof(s->seen.domain.name), "example.org");
	for (unsigned i = 0; i < 3; i++) {
		addr_parse(addresses[i], &s->address[i].addr, NULL);
		s->address[i].host = &s->host[i / 2];
		s->address[i].vantage = VANTAGE_OUTSIDE;
		s->address[i].by_namespace = i < 2;
		s->address[i].may_intrude = i < 2;
		s->address[i].fingerprint.kind = i < 2 ? SERVER_POSTFIX : SERVER_EXIM;
		snprintf(s->address[i].consent, sizeof(s->address[i].consent), "%s",
			 i < 2 ? "an address of this host"
			       : "nobody said that the server is his (--own, or a TXT record)");
	}
	for (unsigned i = 0; i < 2; i++) {
		snprintf(s->host[i].name, sizeof(s->host[i].name), "%s", names[i]);
		s->host[i].preference = 10 * (i + 1);
		s->host[i].is_mx = true;
		s->host[i].address = &s->address[2 * i];
		s->host[i].address_count = i ? 1 : 2;
	}
}

static inline void sample_found(struct sample *s)
{
	static const char *const relay_fix[] = {
		"# main.cf", "mynetworks = 127.0.0.0/8 [::1]/128",
		"smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, "
		"reject_unauth_destination",
		NULL};
	static const char *const tls_fix[] = {"# main.cf", "smtpd_tls_auth_only = yes", NULL};
	struct findings *f = &s->findings;
	struct finding *row;

	row = rig_add(f, "banner", "version", AUDIT_FAIL, &s->address[0],
		      "the greeting names the product and its version, \"Postfix 3.7.11\"");
	row->port = 25;
	finding_prove(row, "< 220 mx1.example.org ESMTP Postfix 3.7.11 (Debian/GNU)");
	for (unsigned i = 0; i < 2; i++) {
		row = rig_add(f, "relay", NULL, AUDIT_FAIL, &s->address[i],
			      "the server takes mail from anybody for anybody: the percent hack "
			      "got through, <t8f2k%example.com@mx1.example.org>");
		row->port = 25;
		row->ladder = i ? LADDER_ACCEPTS : LADDER_SUSPECT;
		row->fix = relay_fix;
		row->server = SERVER_POSTFIX;
		finding_prove(row, "> MAIL FROM:<>");
		finding_prove(row, "< 250 2.1.0 Ok");
		finding_prove(row, "> RCPT TO:<t8f2k%%example.com@mx1.example.org>");
		finding_prove(row, "< 250 2.1.5 Ok");
	}
	row = rig_add(f, "auth-tls", NULL, AUDIT_FAIL, &s->address[0],
		      "passwords are taken in clear text: AUTH PLAIN LOGIN is offered before "
		      "STARTTLS");
	row->port = 587;
	row->fix = tls_fix;
	row->server = SERVER_POSTFIX;
	finding_prove(row, "> EHLO audit.example.net");
	finding_prove(row, "< 250-mx1.example.org");
	finding_prove(row, "< 250 AUTH PLAIN LOGIN");
	row = rig_add(f, "limits", NULL, AUDIT_WARN, NULL, "no gate limits connections");
	snprintf(row->enforce, sizeof(row->enforce), "postern enforce");
	rig_add(f, "null-sender", NULL, AUDIT_WARN, &s->address[2],
		"the empty sender is refused, so that bounces get lost")
		->port = 25;
}

static inline void sample_rest(struct sample *s)
{
	struct findings *f = &s->findings;
	struct finding *row;

	for (unsigned i = 0; i < 3; i++) {
		rig_add(f, "starttls", NULL, AUDIT_PASS, &s->address[i],
			"TLS 1.3, a trusted certificate for this name that is good for 61 days")
			->port = 25;
		rig_add(f, "rdns", NULL, AUDIT_PASS, &s->address[i], "its name leads back to it");
	}
	rig_add(f, "mx", NULL, AUDIT_PASS, NULL, "two hosts in two networks, both answer");
	rig_add(f, "spf", NULL, AUDIT_PASS, NULL, "v=spf1 mx -all: 1 lookup of at most 10");
	row = rig_add(f, "helo", NULL, AUDIT_INCONCLUSIVE, &s->address[2],
		      "the server asked us to come again later");
	row->port = 25;
	finding_prove(row, "< 450 4.7.1 Greylisted, see https://example.org/why?a=1&b=2");
	rig_add(f, "users", NULL, AUDIT_SKIPPED, NULL, "only the host itself can tell: --local");
	rig_add(f, "queue", NULL, AUDIT_SKIPPED, NULL, "only the host itself can tell: --local");
	rig_add(f, "dkim", NULL, AUDIT_NOT_APPLICABLE, NULL, "no selector was named (--dkim)");
	rig_add(f, "backups", NULL, AUDIT_NOT_CHECKABLE, NULL,
		check_find("backups")->not_checkable);
	rig_add(f, "teaching", NULL, AUDIT_NOT_CHECKABLE, NULL,
		check_find("teaching")->not_checkable);
}

static inline void sample_make(struct sample *s)
{
	*s = (struct sample){0};
	snprintf(s->request.domain, sizeof(s->request.domain), "example.org");
	sample_hosts(s);
	sample_found(s);
	sample_rest(s);
	s->report = (struct report){.request = &s->request,
				    .seen = &s->seen,
				    .findings = &s->findings,
				    .fail_on = SEVERITY_MEDIUM,
				    .elapsed_ms = 12345};
}

#endif
