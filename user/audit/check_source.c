/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose address the mail server sees. A server behind a proxy that translates (a container engine's for IPv6, as a rule) sees the proxy
 * as the client of all: blocks, limits and lists meet the wrong one, and where the proxy's address may relay, the world may.
 *
 * Two witnesses: the answer to EHLO, in which Exim, Sendmail, OpenSMTPD and Exchange name the client; and, on the host, the mail log,
 * by recipients that only this audit has asked for.
 */
#include "audit/look.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "audit/local.h"
#include "audit/local_inside.h"
#include "base/json.h"

#define SOURCES_MAX 8 /* of one token: one for each address that was visited */
#define TOKEN_MAX   NAME_TEXT_MAX
#define VISITS_FEW  3 /* of which a log may lack one or two by chance */

/* ---- what EHLO says ---- */

/* "mx.example.org Hello probe.example.net [203.0.113.77]": the last address in brackets; our own literal stands before it. */
static bool greeted_as(const struct response *r, struct addr *out)
{
	bool found = false;
	size_t length;
	const char *line = response_line(r, 0, &length);

	for (size_t i = 0; line && i < length; i++) {
		char text[ADDR_TEXT_MAX];
		size_t n = 0;

		if (line[i] != '[')
			continue;
		i++;
		if (length - i > 5 && strncasecmp(line + i, "IPv6:", 5) == 0)
			i += 5;
		while (i < length && n + 1 < sizeof(text) &&
		       (isxdigit((unsigned char)line[i]) || line[i] == ':' || line[i] == '.'))
			text[n++] = line[i++];
		text[n] = '\0';
		if (i < length && line[i] == ']' && addr_parse(text, out, NULL) == 0)
			found = true;
	}
	return found;
}

static bool is_private(const struct addr *a)
{
	const struct prefix p = prefix_of(a, ADDR_BITS);

	return prefix_is_private(&p);
}

static const struct visit_log *visit_with_ehlo(const struct seen_address *a,
					       const struct exchange **ehlo, struct addr *named)
{
	for (const struct visit_log *v = a->visits; v; v = v->next) {
		*ehlo = v->protocol == PROTOCOL_SMTP && v->has_local ? visit_find(v, WHAT_EHLO)
								     : NULL;
		if (*ehlo && greeted_as(&(*ehlo)->response, named))
			return v;
	}
	return NULL;
}

static struct finding *hidden_say(const struct look *l, const struct seen_address *a,
				  const char *part, const struct addr *ours,
				  const struct addr *named, const char *by)
{
	char entry[LOCAL_ENTRY_MAX], us[ADDR_TEXT_MAX], them[ADDR_TEXT_MAX];
	bool is_trusted =
		l->seen->local && seen_local_trusts(l->seen->local, named, entry, sizeof(entry));
	struct finding *f = LOOK_ADD(l, part, AUDIT_FAIL, a);

	addr_format(ours, us);
	addr_format(named, them);
	if (is_trusted) {
		f->severity = SEVERITY_CRITICAL;
		finding_say(
			f,
			"the server takes clients for %s, for which it relays: an open relay to "
			"all who come this way",
			them);
		finding_prove(f, "relayed for: %s", entry);
	} else {
		finding_say(f,
			    "the server does not see who its clients are: it took us, %s, for %s",
			    us, them);
	}
	finding_prove(f, "connected from %s; %s names %s", us, by, them);
	finding_fix(f, a->fingerprint.kind);
	return f;
}

/* Whether it was us or the server that stands behind a translation cannot be told from two addresses. */
static bool is_our_translation(const struct addr *ours, const struct addr *named)
{
	return is_private(ours) && !is_private(named);
}

/* True when it has said something. */
static bool greeting_check(const struct look *l, const struct seen_address *a)
{
	const struct exchange *ehlo;
	struct addr named;
	const struct visit_log *v = visit_with_ehlo(a, &ehlo, &named);
	struct finding *f;

	if (!v)
		return false;
	if (addr_equal(&named, &v->local)) {
		f = LOOK_ADD(l, NULL, AUDIT_PASS, a);
		finding_say(f, "the server sees our own address");
	} else if (is_our_translation(&v->local, &named)) {
		f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, a);
		finding_say(f, "our address is translated on the way: whether the server sees that "
			       "of its clients cannot be told from here");
	} else {
		f = hidden_say(l, a, NULL, &v->local, &named, "the answer to EHLO");
	}
	finding_prove_exchange(f, ehlo);
	return true;
}

/* ---- what the log says ---- */

/* Of "RCPT TO:<t@example.org>" the path, where its local part is of our own drawing. */
static bool token_of(const struct exchange *x, char token[static TOKEN_MAX])
{
	const char *open = x->sent ? strchr(x->sent, '<') : NULL,
		   *close = open ? strrchr(open, '>') : NULL;

	if ((x->what != WHAT_RCPT_UNKNOWN && x->what != WHAT_RELAY_RCPT &&
	     x->what != WHAT_RCPT_BEFORE_AUTH) ||
	    !close || close - open < 2 || close - open >= TOKEN_MAX)
		return false;
	snprintf(token, TOKEN_MAX, "%.*s", (int)(close - open - 1), open + 1);
	return true;
}

/* Did a visit to some address of this run come from there? The same recipient may have been asked for at several. */
static bool is_ours(const struct seen *seen, const struct addr *source)
{
	for (unsigned i = 0; i < seen->host_count; i++)
		for (unsigned j = 0; j < seen->host[i].address_count; j++)
			for (const struct visit_log *v = seen->host[i].address[j].visits; v;
			     v = v->next)
				if (v->has_local && addr_equal(&v->local, source))
					return true;
	return false;
}

struct trial {
	unsigned found;		    /* tokens that the log knows */
	bool is_named, is_hidden;   /* our address stands there; another one does */
	struct addr ours, stranger; /* hidden: who was named instead */
};

static void token_try(const struct look *l, const struct visit_log *v, const char *token,
		      struct trial *t)
{
	struct addr source[SOURCES_MAX];
	unsigned count = seen_local_sources(l->seen->local, token, source, SOURCES_MAX);
	bool is_named = false;

	t->found += count != 0;
	for (unsigned i = 0; i < count; i++)
		is_named |= addr_equal(&source[i], &v->local);
	t->is_named |= is_named;
	for (unsigned i = 0; i < count && !is_named; i++) {
		if (is_ours(l->seen, &source[i]))
			continue;
		t->is_hidden = true;
		t->ours = v->local;
		t->stranger = source[i];
	}
}

static bool log_check(const struct look *l, const struct seen_address *a)
{
	struct trial t = {0};

	for (const struct visit_log *v = a->visits; v; v = v->next)
		for (unsigned i = 0; v->has_local && i < v->count; i++) {
			char token[TOKEN_MAX];

			if (token_of(&v->exchange[i], token))
				token_try(l, v, token, &t);
		}
	if (t.is_hidden)
		(void)hidden_say(l, a, "log", &t.ours, &t.stranger, "the mail log");
	else if (t.is_named)
		finding_say(LOOK_ADD(l, "log", AUDIT_PASS, a),
			    "the mail log names our own address");
	return t.is_hidden || t.is_named;
}

/* A stranger to this run: no visit of ours came from there. */
static bool is_stranger(const void *context, const struct addr *source)
{
	return !is_ours(context, source);
}

/*
 * A server that takes us for somebody it relays for refuses nothing, and so names no recipient in its log. But it names who connects: where
 * we did so several times and never stand there, whoever connected as often instead is what we are taken for.
 */
static bool absence_check(const struct look *l, const struct seen_address *a)
{
	unsigned visits = 0, named = 0, most;
	struct addr ours, stranger;
	struct finding *f;

	for (const struct visit_log *v = a->visits; v; v = v->next) {
		if (!v->has_local || v->protocol != PROTOCOL_SMTP || v->implicit_tls ||
		    !visit_find(v, WHAT_GREETING))
			continue;
		visits++;
		ours = v->local;
		named += seen_local_connects(l->seen->local, &v->local);
	}
	if (visits < VISITS_FEW)
		return false;
	if (named) {
		finding_say(LOOK_ADD(l, "log", AUDIT_PASS, a),
			    "the mail log names our own address");
		return true;
	}
	most = seen_local_busiest(l->seen->local, is_stranger, l->seen, &stranger);
	if (most < visits)
		return false;
	f = hidden_say(l, a, "log", &ours, &stranger, "the mail log");
	finding_prove(f, "%u connections of ours are not in it; %u are of that one", visits, most);
	return true;
}

static void log_is_mute(const struct look *l, const struct seen_address *a)
{
	struct finding *f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, a);
	char shown[LOCAL_PATH_MAX];

	finding_say(f, "neither the answer to EHLO nor the mail log names our address: is it "
		       "that server's log (--mail-log)?");
	for (unsigned i = 0; i < l->seen->local->log_count; i++) {
		const char *name = l->seen->local->log[i].name;

		finding_prove(f, "looked into %s",
			      text_escape(name, strlen(name), shown, sizeof(shown)));
	}
}

CHECK_ADDRESS(check_source)
{
	bool is_said;

	if (!look_answers(l, a))
		return;
	is_said = greeting_check(l, a);
	if (l->seen->local && (log_check(l, a) || absence_check(l, a)))
		is_said = true;
	if (is_said)
		return;
	/* A server that does not say whom it sees has no fault, and no audit from afar could decide it. */
	if (!l->seen->local)
		finding_say(LOOK_ADD(l, NULL, AUDIT_SKIPPED, a),
			    "the answer to EHLO does not name our address: only the mail log on "
			    "the host itself can tell: --local");
	else
		log_is_mute(l, a);
}

CHECK_LOCAL(check_source_local)
{
	if (!local->log_count)
		finding_say(LOOK_ADD(l, "log", AUDIT_INCONCLUSIVE, NULL),
			    "no mail log was found here");
}
