/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What servers tell everybody of themselves. A product is no secret worth much, its version and what lies behind it are. A masked banner
 * hides no server from who looks at its replies: that is said, and is no fault.
 */

#include "audit/look.h"
#include "audit/patches.h"

static const enum protocol protocols[] = {PROTOCOL_SMTP, PROTOCOL_POP3, PROTOCOL_IMAP};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static void take(const struct seen_address *a, enum protocol protocol, struct fingerprint *f)
{
	fingerprint_take(a->visits, protocol, a->host ? a->host->name : "", f);
}

/* The first visit of this protocol that was let in: who is turned away at the door (421, 554) has not seen the banner. */
static const struct visit_log *greeted(const struct seen_address *a, enum protocol protocol)
{
	for (const struct visit_log *v = a->visits; v; v = v->next)
		if (v->protocol == protocol && v->count &&
		    look_is(&v->exchange[0], RESPONSE_POSITIVE))
			return v;
	return NULL;
}

static struct finding *told(const struct look *l, const char *part, const struct seen_address *a,
			    const struct fingerprint *fp, const struct fingerprint_source *by)
{
	struct finding *f = LOOK_ADD(l, part, AUDIT_FAIL, a);

	f->port = by->visit ? by->visit->port : 0;
	finding_prove_exchange(f, by->exchange);
	finding_fix(f, fp->kind);
	return f;
}

static void banner_judge(const struct look *l, const struct seen_address *a, enum protocol protocol)
{
	const struct visit_log *v = greeted(a, protocol);
	const char *name = protocol_name(protocol);
	struct fingerprint fp;
	struct finding *f;

	if (!v)
		return;
	take(a, protocol, &fp);
	/* Most say it in the answer to EHLO, if not before. */
	if (!fp.product[0] && protocol == PROTOCOL_SMTP && v->end != VISIT_DONE &&
	    !look_find(a, PURPOSE_HELLO, WHAT_EHLO, LOOK_ANY_INDEX)) {
		look_missing(l, NULL, a, PURPOSE_HELLO);
		return;
	}
	if (fp.product[0]) {
		f = told(l, "product", a, &fp, &fp.product_by);
		f->status = AUDIT_WARN;
		f->severity = SEVERITY_INFO;
		finding_say(f, "%s names its product (%s): %s", name, fp.where, fp.product);
	}
	if (fp.version[0])
		finding_say(told(l, "version", a, &fp, &fp.version_by),
			    "%s tells its version: %s %s", name, fp.product, fp.version);
	if (fp.os[0])
		finding_say(told(l, "os", a, &fp, &fp.os_by), "%s tells the operating system: %s",
			    name, fp.os);
	if (fp.inside[0])
		finding_say(told(l, "inside", a, &fp, &fp.inside_by),
			    "%s tells what the inside is called: %s", name, fp.inside);
	if (fp.product[0] || fp.os[0] || fp.inside[0])
		return;
	f = LOOK_ADD(l, NULL, AUDIT_PASS, a);
	f->port = v->port;
	finding_prove_exchange(f, fp.by_replies ? fp.product_by.exchange : &v->exchange[0]);
	if (fp.by_replies)
		finding_say(f,
			    "%s names neither product nor version; by its replies it is %s all "
			    "the same",
			    name, server_kind_name(fp.kind));
	else
		finding_say(f, "%s names neither product nor version", name);
}

CHECK_ADDRESS(check_banner)
{
	bool is_any = false;

	for (size_t i = 0; i < PROTOCOLS; i++) {
		is_any |= greeted(a, protocols[i]) != NULL;
		banner_judge(l, a, protocols[i]);
	}
	if (!is_any && look_answers(l, a))
		look_missing(l, NULL, a, PURPOSE_HELLO);
}

CHECK_ADDRESS(check_help)
{
	struct exchange said;
	struct visit_log alone = {.protocol = PROTOCOL_SMTP, .exchange = &said, .count = 1};
	struct fingerprint fp;
	const struct exchange *x;
	struct finding *f;

	if (!look_may(l, a))
		return;
	x = look_find(a, PURPOSE_HELLO, WHAT_HELP, LOOK_ANY_INDEX);
	if (!x) {
		look_missing(l, NULL, a, PURPOSE_HELLO);
		return;
	}
	said = *x;
	fingerprint_take(&alone, PROTOCOL_SMTP, "", &fp);
	if (fp.product[0]) {
		f = look_add(l, NULL, AUDIT_FAIL, a, x, NULL);
		/* As in the banner: a product alone is no secret worth much. */
		if (!fp.version[0])
			f->severity = SEVERITY_INFO;
		finding_say(f, "HELP names the product: %s%s%s", fp.product,
			    fp.version[0] ? " " : "", fp.version);
	} else if (x->response.kind == RESPONSE_POSITIVE)
		finding_say(look_add(l, NULL, AUDIT_PASS, a, x, NULL),
			    "HELP names no product, at most commands");
	else if (x->response.kind == RESPONSE_TRANSIENT)
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, x, NULL),
			    "HELP is put off for now");
	else
		finding_say(look_add(l, NULL, AUDIT_PASS, a, x, NULL), "HELP is refused");
}

/* ---- patches ---- */

/* Distributions mend without another number: so this is never more than a warning. */
static void patches_judge(const struct look *l, const struct seen_address *a,
			  const struct fingerprint *fp)
{
	const struct patches_row *last = NULL;
	struct finding *f;

	for (unsigned i = 0; i < patches_row_count; i++)
		if (patches_concerns(&patches_rows[i], fp->kind, fp->version) &&
		    (!last || version_compare(patches_rows[i].fixed, last->fixed) > 0))
			last = &patches_rows[i];
	f = LOOK_ADD(l, NULL, last ? AUDIT_WARN : AUDIT_PASS, a);
	f->port = fp->version_by.visit ? fp->version_by.visit->port : 0;
	finding_prove_exchange(f, fp->version_by.exchange);
	if (!last) {
		finding_say(f, "no hole of %s %s is in the table of %s; what came later is not",
			    fp->product, fp->version, PATCHES_DATE);
		return;
	}
	for (unsigned i = 0; i < patches_row_count; i++)
		if (patches_concerns(&patches_rows[i], fp->kind, fp->version))
			finding_prove(f, "%s", patches_rows[i].what);
	finding_say(f,
		    "%s %s calls itself older than %s, which mends known holes; distributions mend "
		    "without another number, and --local knows those",
		    fp->product, fp->version, last->fixed);
}

CHECK_ADDRESS(check_patches)
{
	bool is_any = false, is_greeted = false;

	for (size_t i = 0; i < PROTOCOLS; i++) {
		struct fingerprint fp;

		is_greeted |= greeted(a, protocols[i]) != NULL;
		take(a, protocols[i], &fp);
		if (!fp.version[0])
			continue;
		is_any = true;
		patches_judge(l, a, &fp);
	}
	/* The packages are asked already. */
	if (is_any || l->seen->local || (!is_greeted && !look_answers(l, a)))
		return;
	if (!is_greeted) {
		look_missing(l, NULL, a, PURPOSE_HELLO);
		return;
	}
	finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, a),
		    "it tells no version, so nothing is learnt from outside; --local asks the "
		    "packages");
}
