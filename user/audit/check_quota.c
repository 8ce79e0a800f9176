/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the size of a mailbox limited, as its server tells who is logged in to it (RFC 9208)? A limit that the server does not tell may be there
 * all the same, so that none is told is a warning. The answer comes from the server: numbers are read with their bounds, and shown as
 * they were said.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/look.h"
#include "audit/script.h"

#define PART	     "imap"
#define DECIMAL	     10
#define KIB_PER_MIB  1024 /* RFC 9208, 5.1: STORAGE counts units of 1024 octets */
#define LINE_MAX_LEN 512  /* bytes of one QUOTA response that are read; ten resources are 200 */

struct limits {
	bool has_storage, has_messages, is_odd;
	uint64_t storage_kib; /* the least, where there are several roots */
};

/* One resource: "STORAGE 10 512000". Returns behind it, or NULL where it is none. */
static const char *resource_read(const char *at, struct limits *out)
{
	size_t name = strcspn(at, " ");
	bool is_storage = name == strlen("STORAGE") && strncasecmp(at, "STORAGE", name) == 0;
	bool is_message = name == strlen("MESSAGE") && strncasecmp(at, "MESSAGE", name) == 0;
	uint64_t number[2];

	at += name;
	for (unsigned i = 0; i < 2; i++) {
		char *end;

		if (at[0] != ' ' || !isdigit((unsigned char)at[1]))
			return NULL;
		errno = 0;
		number[i] = strtoull(at + 1, &end, DECIMAL);
		if (errno)
			return NULL;
		at = end;
	}
	if (is_storage && (!out->has_storage || number[1] < out->storage_kib))
		out->storage_kib = number[1];
	out->has_storage = out->has_storage || is_storage;
	out->has_messages = out->has_messages || is_message;
	return at;
}

/* Behind "* QUOTA ": the root, an astring (RFC 9051, 9), and the resources in parentheses. */
static void quota_read(const char *at, struct limits *out)
{
	if (*at == '"') {
		for (at++; *at && *at != '"'; at++)
			if (*at == '\\' && at[1])
				at++;
		at += *at == '"';
	} else {
		at += strcspn(at, " ");
	}
	if (at[0] != ' ' || at[1] != '(') {
		out->is_odd = true;
		return;
	}
	at += 2;
	while (at && *at && *at != ')') {
		at = resource_read(at, out);
		if (at && *at == ' ')
			at++;
	}
	out->is_odd = out->is_odd || !at || *at != ')';
}

static void answer_read(const struct response *r, struct limits *out)
{
	static const char head[] = "* QUOTA ";
	char text[LINE_MAX_LEN];
	const char *line;
	size_t length;

	*out = (struct limits){0};
	for (unsigned i = 0; (line = response_line(r, i, &length)); i++) {
		if (length < strlen(head) || strncasecmp(line, head, strlen(head)) != 0)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)length, line);
		if (length >= sizeof(text))
			out->is_odd = true;
		else
			quota_read(text + strlen(head), out);
	}
}

static void limit_say(const struct look *l, const struct seen_address *a, const struct exchange *x)
{
	struct limits limits;
	struct finding *f;

	answer_read(&x->response, &limits);
	if (limits.is_odd)
		finding_say(look_add(l, PART, AUDIT_INCONCLUSIVE, a, x, NULL),
			    "what the IMAP server says of the limit cannot be read");
	else if (!limits.has_storage)
		finding_say(look_add(l, PART, AUDIT_WARN, a, x, NULL),
			    limits.has_messages
				    ? "the number of messages in a mailbox is limited, its size not"
				    : "the size of a mailbox is not limited, says the IMAP server");
	else {
		f = look_add(l, PART, AUDIT_PASS, a, x, NULL);
		finding_say(f, "the size of a mailbox is limited, says the IMAP server");
		finding_prove(f, "limit: %" PRIu64 " KiB (%" PRIu64 " MiB)", limits.storage_kib,
			      limits.storage_kib / KIB_PER_MIB);
	}
}

/* Why the password was not said at this visit, or NULL: nothing stood against it. */
static const char *obstacle_of(const struct seen_address *a, const struct visit_log *v)
{
	const struct exchange *greeting = v->count ? &v->exchange[0] : NULL;

	if (v->has_tls && !v->tls.is_trusted)
		return "its certificate is not trusted (--trust)";
	if (v->has_tls && !a->host->name[0])
		return "an address proves nothing; name the host instead (--host NAME)";
	if (v->has_tls && !v->tls.has_name)
		return "its certificate has not the name of the host";
	if (v->has_tls && !script_is_proved(v))
		return "its certificate has expired, or is not valid yet";
	if (!v->has_tls && look_answered(greeting) && v->end == VISIT_DONE)
		return "it offers no TLS";
	return NULL;
}

/* The visit that got furthest says why. */
static void untold_say(const struct look *l, const struct seen_address *a)
{
	const struct visit_log *v = seen_visit(a, PURPOSE_QUOTA);
	const char *obstacle = v ? obstacle_of(a, v) : NULL;
	struct finding *f;

	if (!obstacle) {
		look_missing_at(l, PART, a, v);
		return;
	}
	f = LOOK_ADD(l, PART, AUDIT_INCONCLUSIVE, a);
	f->port = v->port;
	finding_say(f, "the password was not said to the IMAP server: %s", obstacle);
}

CHECK_ADDRESS(check_quota_imap)
{
	const struct exchange *login =
				      look_find(a, PURPOSE_QUOTA, WHAT_QUOTA_LOGIN, LOOK_ANY_INDEX),
			      *capa = look_find(a, PURPOSE_QUOTA, WHAT_QUOTA_CAPA, LOOK_ANY_INDEX),
			      *quota = look_find(a, PURPOSE_QUOTA, WHAT_QUOTA, LOOK_ANY_INDEX);

	if (!l->request->imap_user[0] || a->host->is_backend || !look_may_intrude(l, a))
		return;
	if (!login)
		untold_say(l, a);
	else if (login->response.kind != RESPONSE_POSITIVE)
		finding_say(look_add(l, PART, AUDIT_INCONCLUSIVE, a, login, NULL),
			    "the IMAP server does not take the name and the password");
	else if (look_is(quota, RESPONSE_POSITIVE))
		limit_say(l, a, quota);
	else if (quota)
		finding_say(look_add(l, PART, AUDIT_INCONCLUSIVE, a, quota, NULL),
			    "the IMAP server refuses to tell the limit of the mailbox");
	else if (look_is(capa, RESPONSE_POSITIVE) && !response_says(&capa->response, "QUOTA"))
		finding_say(look_add(l, PART, AUDIT_WARN, a, capa, NULL),
			    "the IMAP server tells of no limit: it does not know QUOTA");
	else
		look_missing_at(l, PART, a, look_visit(a, login));
}
