/* SPDX-License-Identifier: BSD-2-Clause */
/* What a domain publishes so that others can judge mail in its name: SPF, DMARC, DKIM; and how mail is to come to it: MTA-STS, TLS-RPT, DANE. */
#include <stdio.h>
#include <string.h>

#include "audit/look.h"

#define RSA_BITS_LEAST 1024 /* RFC 8301, 3.2: shorter keys must not be used */
#define RSA_BITS_GOOD  2048 /* and these should be */
#define HEX_MAX	       (2 * ANSWER_DATA_MAX + 1)
#define MAILBOX_CODE   1 /* x.1.y of RFC 3463: the address was refused, whoever sent it */

static void say_unanswered(const struct look *l, const char *what)
{
	finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
		    "the %s record of %s could not be found out: no answer came", what,
		    l->seen->domain.name);
}

/* ---- SPF ---- */

static void spf_publish(struct finding *f, const struct seen_domain *d)
{
	if (d->spf.record[0])
		finding_prove(f, "%s. TXT \"%s\"", d->name, d->spf.record);
}

static void spf_missing(const struct look *l, const struct seen_domain *d)
{
	struct finding *f = LOOK_ADD(l, "missing", AUDIT_FAIL, NULL);

	finding_say(f, "%s has no SPF record: anybody may send in its name", d->name);
	finding_prove(f, "publish: %s. TXT \"v=spf1 %s-all\"", d->name, d->null_mx ? "" : "mx ");
}

static void spf_broken(const struct look *l, const struct seen_domain *d)
{
	bool is_two = d->spf.records > 1;
	struct finding *f;

	if (d->spf.state == SPF_BROKEN && !d->spf.is_costly_alone) {
		f = LOOK_ADD(l, is_two ? "two" : "broken", AUDIT_FAIL, NULL);
		finding_say(f, "the SPF record of %s is broken, and none of it counts: %s", d->name,
			    d->spf.why);
		spf_publish(f, d);
		if (is_two)
			finding_prove(f, "publish: one record with the terms of all");
	}
	if (d->spf.lookups > SPF_LOOKUPS_MAX) {
		f = LOOK_ADD(l, "lookups", AUDIT_FAIL, NULL);
		finding_say(f,
			    "the SPF record of %s costs %u lookups or more, and at %d others give "
			    "up (RFC 7208, 4.6.4)",
			    d->name, d->spf.lookups, SPF_LOOKUPS_MAX);
		spf_publish(f, d);
		finding_prove(f, "publish: ip4: and ip6: networks in place of include:, a and mx, "
				 "which cost nothing");
	}
}

static void spf_all(const struct look *l, const struct seen_domain *d)
{
	bool is_open = d->spf.all == '+';
	struct finding *f;

	if (d->spf.all == '-' || d->spf.all == '~' || d->spf.state != SPF_FINE)
		return;
	f = LOOK_ADD(l, "all", is_open ? AUDIT_FAIL : AUDIT_WARN, NULL);
	if (is_open) {
		f->severity = SEVERITY_HIGH;
		finding_say(f, "the SPF record of %s ends in +all: everybody may send in its name",
			    d->name);
	} else if (d->spf.all) {
		finding_say(f, "the SPF record of %s ends in ?all, which says nothing of others",
			    d->name);
	} else {
		finding_say(f,
			    "the SPF record of %s does not end in all: it says nothing of others",
			    d->name);
	}
	spf_publish(f, d);
	finding_prove(f, "publish: the same record, ending in -all (or ~all while you try it)");
}

CHECK_DOMAIN(check_spf)
{
	const struct seen_domain *d = &l->seen->domain;
	struct finding *f;

	if (d->spf.state == SPF_TEMPERROR) {
		f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL);
		finding_say(f, "the SPF record of %s could not be followed: %s", d->name,
			    d->spf.why);
		spf_publish(f, d);
		return;
	}
	if (d->spf.state == SPF_NONE) {
		spf_missing(l, d);
		return;
	}
	spf_broken(l, d);
	spf_all(l, d);
	if (d->spf.has_ptr) {
		f = LOOK_ADD(l, "ptr", AUDIT_WARN, NULL);
		f->severity = SEVERITY_LOW;
		finding_say(f,
			    "the SPF record of %s uses ptr, which is slow and not to be used "
			    "(RFC 7208, 5.5)",
			    d->name);
		spf_publish(f, d);
	}
	if (d->spf.state != SPF_FINE || (d->spf.all != '-' && d->spf.all != '~'))
		return;
	f = LOOK_ADD(l, NULL, AUDIT_PASS, NULL);
	finding_say(f, "the SPF record of %s is valid, costs %u of %d lookups and ends in %call",
		    d->name, d->spf.lookups, SPF_LOOKUPS_MAX, d->spf.all);
	spf_publish(f, d);
}

static enum audit_status spoof_judge(const struct seen_address *a, const struct exchange *mail,
				     const struct exchange *rcpt)
{
	const struct response *r = &mail->response;

	if (r->kind == RESPONSE_POSITIVE) {
		if (!rcpt)
			return AUDIT_INCONCLUSIVE;
		r = &rcpt->response;
		if (r->kind == RESPONSE_POSITIVE)
			return look_is_role(rcpt) ? AUDIT_INCONCLUSIVE : AUDIT_WARN;
	}
	/* A mailbox that is not there is refused to everybody; 4xx may be greylisting. */
	if (r->kind != RESPONSE_NEGATIVE || (r->has_enhanced && r->enhanced[1] == MAILBOX_CODE))
		return AUDIT_INCONCLUSIVE;
	if (rcpt && r == &rcpt->response && (look_is_for_all(a, rcpt) || look_is_relay_word(r)))
		return AUDIT_INCONCLUSIVE;
	return AUDIT_PASS;
}

CHECK_ADDRESS(check_spf_enforced)
{
	static const char *const said[AUDIT_STATUSES] = {
		[AUDIT_PASS] = "mail that claims to be from a domain with -all is refused",
		[AUDIT_WARN] = "mail that claims to be from a domain with -all is taken: SPF of "
			       "others is not obeyed before DATA",
		[AUDIT_INCONCLUSIVE] =
			"whether SPF of others is obeyed could not be told: the answers were about "
			"something else",
	};
	const struct exchange *mail = seen_exchange(a, PURPOSE_SENDERS, WHAT_MAIL_SPOOFED),
			      *rcpt = seen_exchange(a, PURPOSE_SENDERS, WHAT_RCPT_AFTER_SPOOFED);
	enum audit_status status;
	struct finding *f;

	if (!mail || (a->host && a->host->is_backend))
		return;
	status = spoof_judge(a, mail, rcpt);
	/* Who stands inside may send in every name. */
	if (status == AUDIT_WARN && a->vantage != VANTAGE_OUTSIDE && a->vantage != VANTAGE_NONE)
		status = AUDIT_INCONCLUSIVE;
	f = LOOK_ADD(l, "enforced", status, a);
	if (status == AUDIT_INCONCLUSIVE && rcpt && rcpt->response.kind == RESPONSE_POSITIVE &&
	    look_is_role(rcpt))
		finding_say(f, "mail that claims to be from a domain with -all is taken for "
			       "postmaster, to whom some servers let everybody write: name another "
			       "mailbox by --mailbox");
	else if (status == AUDIT_INCONCLUSIVE && rcpt && rcpt->response.kind == RESPONSE_POSITIVE)
		finding_say(f, "mail that claims to be from a domain with -all was taken, but from "
			       "here the server may trust everybody");
	else
		finding_say(f, "%s", said[status]);
	finding_prove_exchange(f, mail);
	if (rcpt)
		finding_prove_exchange(f, rcpt);
}

/* ---- DMARC ---- */

static void dmarc_publish(struct finding *f, const struct seen_domain *d)
{
	if (d->dmarc.record[0])
		finding_prove(f, "%s. TXT \"%s\"", d->dmarc.at, d->dmarc.record);
}

static void dmarc_weak(const struct look *l, const struct seen_domain *d, const char *part,
		       const char *what)
{
	struct finding *f = LOOK_ADD(l, part, AUDIT_WARN, NULL);

	f->severity = SEVERITY_LOW;
	finding_say(f, "the DMARC record of %s %s", d->name, what);
	dmarc_publish(f, d);
}

/* What holds for the domain: it may be a subdomain of where the record stands (RFC 7489, 6.3, sp). */
static enum dmarc_policy dmarc_effective(const struct seen_domain *d)
{
	static const char label[] = "_dmarc.";
	const char *at = d->dmarc.at;

	if (strncmp(at, label, sizeof(label) - 1) == 0)
		at += sizeof(label) - 1;
	if (strcmp(at, d->name) != 0 && d->dmarc.subdomain_policy != DMARC_NO_POLICY)
		return d->dmarc.subdomain_policy;
	return d->dmarc.policy;
}

static void dmarc_judge(const struct look *l, const struct seen_domain *d)
{
	enum dmarc_policy policy = dmarc_effective(d);
	unsigned from = l->out->count;
	struct finding *f;

	if (d->dmarc.why[0]) {
		f = LOOK_ADD(l, d->dmarc.records > 1 ? "two" : "broken",
			     policy == DMARC_NO_POLICY ? AUDIT_FAIL : AUDIT_WARN, NULL);
		finding_say(f, "the DMARC record of %s is faulty: %s", d->name, d->dmarc.why);
		dmarc_publish(f, d);
	}
	if (policy == DMARC_NO_POLICY)
		return;
	if (policy == DMARC_POLICY_NONE)
		dmarc_weak(l, d, "none",
			   "asks nobody to do anything (p=none): raise it to quarantine once the "
			   "reports are clean");
	else if (d->dmarc.percent < 100)
		dmarc_weak(l, d, "percent", "holds for a part of the mail only (pct)");
	if (!d->dmarc.has_reports)
		dmarc_weak(l, d, "reports",
			   "asks for no reports (rua): nobody learns of forgeries");
	if (l->out->count != from)
		return;
	f = LOOK_ADD(l, NULL, AUDIT_PASS, NULL);
	finding_say(f, "%s has a DMARC record: %s", d->name, dmarc_policy_name(policy));
	dmarc_publish(f, d);
}

CHECK_DOMAIN(check_dmarc)
{
	const struct seen_domain *d = &l->seen->domain;
	struct finding *f;

	if (d->dmarc.status > ANSWER_NONE) {
		say_unanswered(l, "DMARC");
	} else if (d->dmarc.records) {
		dmarc_judge(l, d);
	} else {
		f = LOOK_ADD(l, "missing", AUDIT_FAIL, NULL);
		finding_say(f, "%s has no DMARC record: others do as they please with forgeries",
			    d->name);
		finding_prove(f,
			      "publish: _dmarc.%s. TXT \"v=DMARC1; p=quarantine; "
			      "rua=mailto:postmaster@%s\"",
			      d->name, d->name);
	}
}

/* ---- DKIM ---- */

static void dkim_key(const struct look *l, const struct seen_domain *d, unsigned i)
{
	const char *selector = d->dkim[i].selector, *part = NULL;
	unsigned bits = d->dkim[i].key_bits;
	enum audit_status status = AUDIT_PASS;
	char said[FINDING_TEXT_MAX];
	struct finding *f;

	snprintf(said, sizeof(said), "is there");
	if (d->dkim[i].status > ANSWER_NONE) {
		status = AUDIT_INCONCLUSIVE;
		snprintf(said, sizeof(said), "could not be found out: no answer came");
	} else if (d->dkim[i].status == ANSWER_NONE) {
		status = AUDIT_FAIL;
		part = "missing";
		snprintf(said, sizeof(said),
			 "is missing: what is signed with it cannot be verified");
	} else if (d->dkim[i].is_revoked) {
		status = AUDIT_WARN;
		part = "revoked";
		snprintf(said, sizeof(said), "is revoked (p= is empty)");
	} else if (d->dkim[i].is_broken || (d->dkim[i].is_rsa && !bits)) {
		status = AUDIT_FAIL;
		part = "broken";
		snprintf(said, sizeof(said), "cannot be read as one");
	} else if (d->dkim[i].is_rsa && bits < RSA_BITS_GOOD) {
		status = bits < RSA_BITS_LEAST ? AUDIT_FAIL : AUDIT_WARN;
		part = "short";
		snprintf(said, sizeof(said), "has %u bits, and %d are due (RFC 8301, 3.2)", bits,
			 RSA_BITS_GOOD);
	}
	f = LOOK_ADD(l, part, status, NULL);
	finding_say(f, "the DKIM key %s of %s %s", selector, d->name, said);
	if (d->dkim[i].record[0])
		finding_prove(f, "%s._domainkey.%s. TXT \"%s\"", selector, d->name,
			      d->dkim[i].record);
}

CHECK_DOMAIN(check_dkim)
{
	const struct seen_domain *d = &l->seen->domain;

	/* The DNS cannot be asked for all of them (RFC 6376, 3.1). */
	if (!d->dkim_count)
		finding_say(
			LOOK_ADD(l, NULL, AUDIT_SKIPPED, NULL),
			"no selector was named, and the DNS does not tell which there are: --dkim");
	for (unsigned i = 0; i < d->dkim_count; i++)
		dkim_key(l, d, i);
}

/* ---- MTA-STS and TLS-RPT ---- */

static void policy_record(const struct look *l, const char *what, enum answer_status status,
			  const char *label, const char *text, const char *advice)
{
	const struct seen_domain *d = &l->seen->domain;
	struct finding *f;

	if (status > ANSWER_NONE) {
		say_unanswered(l, what);
		return;
	}
	if (d->null_mx) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, NULL), "%s takes no mail",
			    d->name);
		return;
	}
	f = LOOK_ADD(l, status == ANSWER_FOUND ? NULL : "missing",
		     status == ANSWER_FOUND ? AUDIT_PASS : AUDIT_WARN, NULL);
	finding_say(f, "%s %s %s record", d->name,
		    status == ANSWER_FOUND ? "publishes its" : "publishes no", what);
	if (status == ANSWER_FOUND)
		finding_prove(f, "%s.%s. TXT \"%s\"", label, d->name, text);
	else
		finding_prove(f, "publish: %s.%s. TXT \"%s\"", label, d->name, advice);
}

CHECK_DOMAIN(check_mta_sts)
{
	const struct seen_domain *d = &l->seen->domain;

	policy_record(l, "MTA-STS", d->mta_sts, "_mta-sts", d->mta_sts_text,
		      "v=STSv1; id=(a new word at each change)");
}

CHECK_DOMAIN(check_tls_rpt)
{
	const struct seen_domain *d = &l->seen->domain;
	char advice[NAME_TEXT_MAX + sizeof("v=TLSRPTv1; rua=mailto:postmaster@")];

	snprintf(advice, sizeof(advice), "v=TLSRPTv1; rua=mailto:postmaster@%s", d->name);
	policy_record(l, "TLS-RPT", d->tls_rpt, "_smtp._tls", d->tls_rpt_text, advice);
}

/* ---- DANE ---- */

static const char *hex_write(const uint8_t *bytes, size_t length, char out[static HEX_MAX])
{
	if (length > ANSWER_DATA_MAX)
		length = ANSWER_DATA_MAX;
	out[0] = '\0';
	for (size_t i = 0; i < length; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return out;
}

static void dane_prove(struct finding *f, const struct seen_host *h)
{
	char hex[HEX_MAX];

	for (unsigned i = 0; i < h->dane.count; i++) {
		const struct answer_tlsa *t = &h->dane.record[i];

		finding_prove(f, "_25._tcp.%s. TLSA %u %u %u %s", h->name, t->usage, t->selector,
			      t->matching, hex_write(t->data, t->length, hex));
	}
}

static void dane_address(const struct look *l, const struct seen_host *h,
			 const struct seen_address *a)
{
	const struct visit_log *v = seen_visit(a, PURPOSE_STARTTLS);
	enum dane_match match = DANE_UNUSABLE;
	bool is_seen = v && v->has_tls && v->tls.has_certificate;
	char hex[HEX_MAX];
	struct finding *f;

	if (is_seen)
		match = dane_compare(&h->dane, v->tls.certificate_sha256, v->tls.key_sha256);
	if (is_seen && match == DANE_DIFFERS) {
		f = LOOK_ADD(l, "differs", AUDIT_FAIL, a);
		f->severity = SEVERITY_HIGH;
		finding_say(f,
			    "the certificate of %s is not the one in its TLSA records: who obeys "
			    "DANE does not deliver",
			    h->name);
		finding_prove(f, "publish: _25._tcp.%s. TLSA 3 1 1 %s", h->name,
			      hex_write(v->tls.key_sha256, TLS_SHA256_BYTES, hex));
	} else if (match == DANE_MATCHES && h->dane.is_authentic) {
		f = LOOK_ADD(l, NULL, AUDIT_PASS, a);
		finding_say(f, "the certificate of %s is the one in its TLSA records", h->name);
	} else if (match == DANE_MATCHES) {
		f = LOOK_ADD(l, "unsigned", AUDIT_INCONCLUSIVE, a);
		finding_say(f,
			    "the TLSA records of %s match, but this resolver does not say that "
			    "they are signed; unsigned they count for nothing",
			    h->name);
	} else {
		f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, a);
		finding_say(f, "the TLSA records of %s could not be compared: %s", h->name,
			    is_seen ? "only those of usage 3 with SHA-256 can be, and of them none "
				      "matches"
				    : "no certificate was seen");
	}
	dane_prove(f, h);
}

CHECK_HOST(check_dane)
{
	if (h->is_backend || !h->address_count)
		return;
	if (!h->name[0]) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, NULL),
			    "the address has no name, under which TLSA records could stand");
		return;
	}
	if (h->dane.status > ANSWER_NONE) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
			    "the TLSA records of %s could not be found out: no answer came; who "
			    "obeys DANE waits then",
			    h->name);
		return;
	}
	if (h->dane.status == ANSWER_NONE) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, NULL),
			    "%s publishes no TLSA records: DANE is not in use", h->name);
		return;
	}
	for (unsigned i = 0; i < h->address_count; i++)
		dane_address(l, h, &h->address[i]);
}
