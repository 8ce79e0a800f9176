/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encryption of each service that answers: offered, working, of today, with a certificate that proves who is there, and nothing carried
 * over from before it. Between servers encryption is opportunistic (RFC 7435): a certificate that proves nothing is better than none
 * there, so it is worth less than where people's programs send their passwords.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/look.h"

#define DAY_MAX 32
#define SOON_S	((int64_t)14 * 86400) /* who renews by a machine does so a month before */

static const char *day(int64_t at_s, char buffer[static DAY_MAX])
{
	time_t t = (time_t)at_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buffer, DAY_MAX, "%Y-%m-%d", &tm))
		snprintf(buffer, DAY_MAX, "?");
	return buffer;
}

static bool is_for_clients(const struct visit_log *v)
{
	return v->port != PORT_SMTP;
}

/* Of a certificate: between servers a low matter. */
static struct finding *about_certificate(const struct look *l, const char *part,
					 const struct seen_address *a, const struct visit_log *v)
{
	struct finding *f = LOOK_ADD(l, part, AUDIT_WARN, a);

	f->port = v->port;
	f->severity = is_for_clients(v) ? SEVERITY_MEDIUM : SEVERITY_LOW;
	finding_prove(f, "subject %s, issuer %s", v->tls.subject, v->tls.issuer);
	finding_prove(f, "names %s", v->tls.names[0] ? v->tls.names : "(none)");
	finding_fix(f, look_server(a, v->protocol));
	return f;
}

/* Of what both sides agreed on. */
static struct finding *about_agreement(const struct look *l, const char *part,
				       const struct seen_address *a, const struct visit_log *v)
{
	struct finding *f = LOOK_ADD(l, part, AUDIT_WARN, a);

	f->port = v->port;
	f->severity = SEVERITY_MEDIUM;
	finding_prove(f, "%s, %s", tls_version_name(v->tls.version), v->tls.cipher);
	finding_fix(f, look_server(a, v->protocol));
	return f;
}

static void times_judge(const struct look *l, const struct seen_address *a,
			const struct visit_log *v)
{
	const struct tls_facts *t = &v->tls;
	struct finding *f;
	char at[DAY_MAX];

	if (t->not_after_s < l->seen->at_s) {
		f = about_certificate(l, "expired", a, v);
		f->status = AUDIT_FAIL;
		f->severity = SEVERITY_MEDIUM;
		finding_say(f, "the certificate of port %u ended on %s", v->port,
			    day(t->not_after_s, at));
	} else if (t->not_before_s > l->seen->at_s) {
		f = about_certificate(l, "early", a, v);
		f->status = AUDIT_FAIL;
		f->severity = SEVERITY_MEDIUM;
		finding_say(f, "the certificate of port %u begins only on %s", v->port,
			    day(t->not_before_s, at));
	} else if (t->not_after_s - l->seen->at_s < SOON_S &&
		   t->not_after_s - t->not_before_s > 2 * SOON_S) {
		finding_say(about_certificate(l, "soon", a, v),
			    "the certificate of port %u ends soon, on %s", v->port,
			    day(t->not_after_s, at));
	}
}

static void names_judge(const struct look *l, const struct seen_address *a,
			const struct visit_log *v)
{
	const char *use =
		is_for_clients(v)
			? "programs of users must refuse it (RFC 8314, 4)"
			: "it proves nothing to other servers, and MTA-STS and DANE need it";
	const struct tls_facts *t = &v->tls;

	if (t->is_self_signed)
		finding_say(about_certificate(l, "self-signed", a, v),
			    "the certificate of port %u is signed by itself: %s", v->port, use);
	else if (!t->is_trusted)
		finding_say(about_certificate(l, "untrusted", a, v),
			    "the certificate of port %u is trusted by nobody (%s): %s", v->port,
			    t->untrusted, use);
	/* An address alone, audited as such, has no name that could stand in a certificate. */
	if (!t->has_name && a->host && a->host->name[0])
		finding_say(about_certificate(l, "name", a, v),
			    "the certificate of port %u is not for %s: %s", v->port, a->host->name,
			    use);
}

static void strength_judge(const struct look *l, const struct seen_address *a,
			   const struct visit_log *v)
{
	const struct tls_facts *t = &v->tls;
	struct finding *f;

	if (t->is_weak_key)
		finding_say(about_certificate(l, "key", a, v),
			    "the key of port %u is weak: %s of %u bits", v->port, t->key_kind,
			    t->key_bits);
	if (t->is_weak_signature && !t->is_self_signed)
		finding_say(about_certificate(l, "signature", a, v),
			    "the certificate of port %u is signed by a weak algorithm: %s", v->port,
			    t->signature);
	if (t->is_weak_cipher)
		finding_say(about_agreement(l, "cipher", a, v),
			    "port %u agrees on a broken cipher: %s", v->port, t->cipher);
	/* RFC 8996 */
	if (t->version == TLS_1_0 || t->version == TLS_1_1) {
		f = about_agreement(l, "version", a, v);
		f->status = AUDIT_FAIL;
		finding_say(f, "port %u speaks nothing newer than %s", v->port,
			    tls_version_name(t->version));
	}
}

/* The same certificate for the same kind of clients, on a port before: it was judged there. */
static bool is_judged(const struct seen_address *a, const struct visit_log *v)
{
	for (const struct visit_log *w = a->visits; w && w != v; w = w->next)
		if (look_is_chosen(a, w) && w->has_tls && w->purpose != PURPOSE_TLS_1_0 &&
		    w->purpose != PURPOSE_TLS_1_1 && w->purpose != PURPOSE_INJECTION &&
		    is_for_clients(w) == is_for_clients(v) &&
		    memcmp(w->tls.certificate_sha256, v->tls.certificate_sha256,
			   TLS_SHA256_BYTES) == 0 &&
		    w->tls.version == v->tls.version)
			return true;
	return false;
}

static void facts_judge(const struct look *l, const struct seen_address *a,
			const struct visit_log *v)
{
	unsigned from = l->out->count;
	struct finding *f;
	char at[DAY_MAX];

	if (!is_judged(a, v)) {
		if (v->tls.has_certificate) {
			times_judge(l, a, v);
			names_judge(l, a, v);
		}
		strength_judge(l, a, v);
	}
	if (l->out->count != from)
		return;
	f = LOOK_ADD(l, NULL, AUDIT_PASS, a);
	f->port = v->port;
	finding_prove(f, "%s, %s", tls_version_name(v->tls.version), v->tls.cipher);
	finding_say(f, "%s on port %u is encrypted: %s, certificate until %s",
		    protocol_name(v->protocol), v->port, tls_version_name(v->tls.version),
		    day(v->tls.not_after_s, at));
}

static void handshake_failed(const struct look *l, const struct seen_address *a,
			     const struct visit_log *v, const struct exchange *asked)
{
	struct finding *f = look_add(l, "handshake", AUDIT_FAIL, a, asked, NULL);

	/* Inside TLS from the start nothing was asked. */
	f->port = v->port;
	finding_fix(f, look_server(a, v->protocol));
	if (!asked)
		finding_prove(f, "connecting to port %u succeeded", v->port);
	finding_say(f, "on port %u %s", v->port, v->why);
}

/* Has it said what it offers? A refused EHLO that no HELO followed is about our name. */
static bool is_told(const struct visit_log *v, const struct exchange *said)
{
	if (v->protocol == PROTOCOL_SMTP)
		return look_is(said, RESPONSE_POSITIVE) ||
		       look_is(visit_find(v, WHAT_HELO), RESPONSE_POSITIVE);
	return look_answered(said);
}

/* One service: offered, and the handshake. */
static void service_judge(const struct look *l, const struct seen_address *a,
			  const struct visit_log *v)
{
	const struct exchange *asked = visit_find(v, WHAT_STARTTLS);
	const struct exchange *said =
		visit_find(v, v->protocol == PROTOCOL_SMTP ? WHAT_EHLO : WHAT_CAPA);
	const char *name = protocol_name(v->protocol);

	if (v->has_tls)
		facts_judge(l, a, v);
	else if (v->end == VISIT_TLS_FAILED)
		handshake_failed(l, a, v, asked);
	else if (look_is(asked, RESPONSE_NEGATIVE) || look_is(asked, RESPONSE_TRANSIENT))
		finding_say(look_add(l, "handshake", AUDIT_FAIL, a, asked, NULL),
			    "%s on port %u offers STARTTLS and then refuses it", name, v->port);
	else if (is_told(v, said) && v->end == VISIT_DONE)
		finding_say(look_add(l, "offered", AUDIT_FAIL, a, said, NULL),
			    "%s on port %u offers no encryption", name, v->port);
	else
		look_missing_at(l, NULL, a, v);
}

/* ---- old versions ---- */

static void old_judge(const struct look *l, const struct seen_address *a)
{
	static const enum purpose olds[] = {PURPOSE_TLS_1_0, PURPOSE_TLS_1_1};
	const struct visit_log *v = NULL;
	struct finding *f;

	for (unsigned i = 0; i < sizeof(olds) / sizeof(olds[0]); i++)
		for (const struct visit_log *w = a->visits; w && !v; w = w->next)
			if (w->purpose == olds[i] && w->has_tls)
				v = w;
	if (!v)
		return;
	f = about_agreement(l, "old", a, v);
	f->severity = SEVERITY_LOW;
	finding_say(f, "%s is still taken (RFC 8996)", tls_version_name(v->tls.version));
}

/* ---- what was said before TLS ---- */

/* RFC 3207, 4.2 and 6 */
static void injection_judge(const struct look *l, const struct seen_address *a)
{
	const struct visit_log *v = seen_visit(a, PURPOSE_INJECTION),
			       *plain = seen_visit(a, PURPOSE_STARTTLS);
	const struct exchange *injected, *asked;
	struct finding *f;

	if (!v || !look_answered(asked = visit_find(v, WHAT_STARTTLS)))
		return; /* not asked, or there is nothing to inject into: said elsewhere */
	if (!plain || !plain->has_tls)
		return; /* where TLS never works its failure tells nothing */
	injected = visit_find(v, WHAT_INJECTED);
	if (look_answered(injected) || v->discarded) {
		f = look_add(l, "injection", AUDIT_FAIL, a, asked, injected);
		f->severity = SEVERITY_HIGH;
		finding_say(f,
			    look_answered(injected)
				    ? "a command that stood behind STARTTLS in the clear is obeyed "
				      "inside TLS"
				    : "a command that stood behind STARTTLS in the clear is "
				      "answered, and clients may take that answer for one from "
				      "inside TLS");
	} else if (v->has_tls && look_answered(visit_find(v, WHAT_TLS_EHLO))) {
		finding_say(look_add(l, "injection", AUDIT_PASS, a, asked, NULL),
			    "what stood behind STARTTLS in the clear is thrown away");
	} else if (v->end == VISIT_CLOSED || v->end == VISIT_TLS_FAILED ||
		   asked->response.kind == RESPONSE_NEGATIVE ||
		   asked->response.kind == RESPONSE_TRANSIENT) {
		finding_say(look_add(l, "injection", AUDIT_PASS, a, asked, NULL),
			    "a command behind STARTTLS in the clear ends the connection");
	} else {
		look_missing(l, "injection", a, PURPOSE_INJECTION);
	}
}

static bool is_service(const struct visit_log *v)
{
	return v->purpose == PURPOSE_STARTTLS || v->purpose == PURPOSE_SUBMISSION ||
	       v->purpose == PURPOSE_POP3 || v->purpose == PURPOSE_IMAP;
}

CHECK_ADDRESS(check_starttls)
{
	unsigned from = l->out->count;

	for (const struct visit_log *v = a->visits; v; v = v->next)
		/* Inside TLS from the start: even a failed handshake shows that somebody is there. */
		if (is_service(v) && look_is_chosen(a, v) &&
		    (v->has_tls || (v->count && look_answered(&v->exchange[0])) ||
		     (v->implicit_tls && v->end == VISIT_TLS_FAILED)))
			service_judge(l, a, v);
	if (l->out->count == from && look_answers(l, a))
		look_missing(l, NULL, a, PURPOSE_STARTTLS);
	old_judge(l, a);
	injection_judge(l, a);
}
