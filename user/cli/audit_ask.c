/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the words of `postern audit` to what is asked for. Whatever is wrong with them is found here, before anything is sent to anybody: a
 * mistyped check would otherwise silently not be made.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/check.h"
#include "base/when.h"
#include "cli/audit.h"
#include "cli/fill.h"
#include "cli/nearest.h"
#include "dns/site.h"

#define SHOWN_MAX    80 /* of a word in a sentence */
#define PORT_MAX     65535
#define CHECK_INDENT 4
#define CHECK_COLUMN 15 /* of help: the longest id has 13 */
#define DECIMAL	     10

const struct sentence_option audit_options[] = {
	{"--host NAME|ADDR", "one host, instead of all MX hosts of the domain"},
	{"--own", "the servers are mine: also what is intrusive may be asked of them"},
	{"--local", "read on this host too: configuration, listeners, users, queue, logs"},
	{"--active", "also what changes something: samples to --mailbox"},
	{"--only IDS", "these checks alone (comma between them; they are listed below)"},
	{"--skip IDS", "all checks but these"},
	{"--helo NAME", "the name to greet servers with, instead of this host's"},
	{"--foreign DOMAIN",
	 "a domain of mine that the server does not host, for relay tests; else my own name"},
	{"--send-to ADDRESS",
	 "a mailbox of mine elsewhere: a suspected relay may send a mail there"},
	{"--collect ADDR:PORT", "take that mail here, as proof"},
	{"--mailbox ADDRESS",
	 "a mailbox of mine on the server: tried as a recipient; --active sends samples to it"},
	{"--imap-user NAME", "who may log in by IMAP, to ask how large that mailbox may get"},
	{"--imap-password FILE", "its password: the first line of this file"},
	{"--alias LIST", "internal aliases, which must be closed to outsiders"},
	{"--backend LIST", "hosts behind the front end, which must be closed on port 25"},
	{"--dkim LIST", "DKIM selectors in use"},
	{"--mail-log FILE", "the mail server's log, instead of the usual places"},
	{"--postfix DIR", "the instance of Postfix that --local reads, instead of the usual"},
	{"--exim FILE", "the same of Exim"},
	{"--dovecot FILE", "the same of Dovecot"},
	{"--smtpd FILE", "the same of OpenSMTPD"},
	{"--trust FILE", "trust these certificates too (PEM)"},
	{"--html FILE", "also write the report as a page"},
	{"--baseline FILE", "an earlier report (--json, or --update): say what has changed since"},
	{"--update", "make this report the next baseline"},
	{"--changes", "report only what has changed"},
	{"--fail-on critical|high|medium|low|info", "from which severity on a finding counts"},
	{"--nagios", "one line for a monitoring system, and its exit statuses"},
	{"--limit TIME", "of the whole (15m)"},
	{"--schedule [daily|weekly|TIME]", "write a systemd timer that does this, with a baseline"},
	{"--unschedule", "take the timer away"},
	{"--units DIR", "where units are written (" AUDIT_UNITS_DIR ")"},
	{NULL, NULL},
};

void audit_explain(void)
{
	putchar('\n');
	fill_print("Exit status: 0 nothing at or above --fail-on; 1 something is; 2 misused; 4 "
		   "nothing "
		   "was found, but something stayed inconclusive, or no report could be made. With "
		   "--nagios 0 fine, 1 warning, 2 high or critical, 3 unknown.",
		   0, 0);
	puts("\n\nChecks (for --only and --skip):");
	for (unsigned i = 0; i < check_count; i++) {
		printf("    %-*s ", CHECK_COLUMN, checks[i].id);
		fill_print(checks[i].advice, CHECK_INDENT + CHECK_COLUMN + 1,
			   CHECK_INDENT + CHECK_COLUMN + 1);
		putchar('\n');
	}
}

static const char *show(const char *word, char buffer[static SHOWN_MAX])
{
	return text_escape(word, strlen(word), buffer, SHOWN_MAX);
}

const char *audit_ask_target(const struct audit_ask *a)
{
	return a->request.domain[0] ? a->request.domain : a->request.host;
}

/* ---- words ---- */

/* A name in lower case and without a final dot. */
static int name_take(const char *option, const char *word, char out[static NAME_TEXT_MAX],
		     struct err *e)
{
	size_t length = strlen(word);

	if (length && word[length - 1] == '.')
		length--;
	if (length >= NAME_TEXT_MAX)
		return err_set(e, -EINVAL, "%s: the name is too long", option);
	for (size_t i = 0; i < length; i++)
		out[i] = (char)tolower((unsigned char)word[i]);
	out[length] = '\0';
	if (!length)
		return err_set(e, -EINVAL, "%s: the name is empty", option);
	if (site_domain_check(out, e)) {
		out[0] = '\0';
		return err_prefix(e, "%s", option);
	}
	return 0;
}

/* A name, or an address in the form that it is compared in. */
static int host_take(const char *option, const char *word, char out[static NAME_TEXT_MAX],
		     struct err *e)
{
	struct addr a;
	char text[ADDR_TEXT_MAX];

	if (addr_parse(word, &a, NULL))
		return name_take(option, word, out, e);
	snprintf(out, NAME_TEXT_MAX, "%s", addr_format(&a, text));
	return 0;
}

static bool is_plain(const char *word)
{
	for (const unsigned char *at = (const unsigned char *)word; *at; at++)
		if (*at <= ' ' || *at >= 0x7f || strchr("<>()[]\\,;:\"", *at))
			return false;
	return *word;
}

/* local@domain, with nothing in it that would need quotes (RFC 5321, 4.1.2). */
static int mailbox_take(const char *option, const char *word, char *out, size_t size, struct err *e)
{
	const char *at = strrchr(word, '@');
	char shown[SHOWN_MAX], domain[NAME_TEXT_MAX];

	if (!at || at == word || strchr(word, '@') != at || !is_plain(word) || strlen(word) >= size)
		return err_set(e, -EINVAL, "%s: \"%s\" is no mail address", option,
			       show(word, shown));
	if (name_take(option, at + 1, domain, e))
		return -EINVAL;
	snprintf(out, size, "%s", word);
	return 0;
}

static int file_take(const char *option, const char *word, char out[static NAME_TEXT_MAX],
		     struct err *e)
{
	if (strlen(word) >= NAME_TEXT_MAX)
		return err_set(e, -EINVAL, "%s: the path is longer than %d bytes", option,
			       NAME_TEXT_MAX - 1);
	snprintf(out, NAME_TEXT_MAX, "%s", word);
	return 0;
}

/* What can stand in a quoted string of IMAP (RFC 9051, 4.3). */
static int secret_take(const char *option, const char *word, char out[static AUDIT_SECRET_MAX],
		       struct err *e)
{
	const char *why = audit_secret_fault(word);

	if (why)
		return err_set(e, -EINVAL, "%s: it %s", option, why);
	snprintf(out, AUDIT_SECRET_MAX, "%s", word);
	return 0;
}

/* ---- lists ---- */

typedef int (*word_fn)(const char *option, const char *word, char out[static NAME_TEXT_MAX],
		       struct err *e);

static int list_take(const char *option, const char *text, word_fn fn, struct audit_list *out,
		     struct err *e)
{
	char word[NAME_TEXT_MAX];

	while (*text) {
		size_t length = strcspn(text, ",");

		if (!length || length >= sizeof(word))
			return err_set(e, -EINVAL, "%s: a word of the list is %s", option,
				       length ? "too long" : "empty");
		if (out->count == AUDIT_LIST_MAX)
			return err_set(e, -EINVAL, "%s: more than %d words", option,
				       AUDIT_LIST_MAX);
		memcpy(word, text, length);
		word[length] = '\0';
		if (fn(option, word, out->word[out->count], e))
			return -EINVAL;
		out->count++;
		text += length;
		if (*text == ',' && !*++text)
			return err_set(e, -EINVAL, "%s: a word of the list is empty", option);
	}
	return 0;
}

static int id_take(const char *option, const char *word, char out[static NAME_TEXT_MAX],
		   struct err *e)
{
	const char *near = NULL;
	unsigned distance = 0;
	char shown[SHOWN_MAX];

	snprintf(out, NAME_TEXT_MAX, "%s", word);
	if (check_find(word))
		return 0;
	for (unsigned i = 0; i < check_count; i++)
		nearest_try(word, checks[i].id, &near, &distance);
	return err_set(e, -EINVAL, "%s: there is no check \"%s\"%s%s%s", option, show(word, shown),
		       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* A local part, or a whole address. */
static int alias_take(const char *option, const char *word, char out[static NAME_TEXT_MAX],
		      struct err *e)
{
	char shown[SHOWN_MAX];

	if (!is_plain(word))
		return err_set(e, -EINVAL, "%s: \"%s\" is no alias", option, show(word, shown));
	snprintf(out, NAME_TEXT_MAX, "%s", word);
	return 0;
}

/* ---- options ---- */

/* "192.0.2.1:2525", "[2001:db8::1]:2525" */
static int collect_take(const char *word, struct audit_request *q, struct err *e)
{
	char text[ADDR_TEXT_MAX + 2], shown[SHOWN_MAX], *address = text, *end;
	const char *colon = strrchr(word, ':');
	size_t length = colon ? (size_t)(colon - word) : 0;
	unsigned long port = 0;

	if (!length || length >= sizeof(text) || !isdigit((unsigned char)colon[1]))
		goto bad;
	memcpy(text, word, length);
	text[length] = '\0';
	if (text[0] == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		address++;
	} else if (strchr(text, ':')) {
		goto bad;
	}
	port = strtoul(colon + 1, &end, DECIMAL);
	if (*end || !port || port > PORT_MAX || addr_parse(address, &q->collector, NULL))
		goto bad;
	q->collector_port = (uint16_t)port;
	q->collects = true;
	return 0;
bad:
	return err_set(e, -EINVAL, "--collect: \"%s\" is not ADDR:PORT (IPv6 in brackets)",
		       show(word, shown));
}

static int lists_take(const struct sentence *s, struct audit_request *q, struct err *e)
{
	const struct {
		const char *option;
		word_fn fn;
		struct audit_list *list;
	} lists[] = {
		{"--only", id_take, &q->only},	      {"--skip", id_take, &q->skip},
		{"--alias", alias_take, &q->aliases}, {"--backend", host_take, &q->backends},
		{"--dkim", name_take, &q->selectors},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *text = sentence_get(s, lists[i].option);

		if (text && list_take(lists[i].option, text, lists[i].fn, lists[i].list, e))
			return -EINVAL;
	}
	return 0;
}

static int texts_take(const struct sentence *s, struct audit_request *q, struct err *e)
{
	const struct {
		const char *option;
		word_fn fn;
		char *out;
	} texts[] = {
		{"--host", host_take, q->host},
		{"--helo", name_take, q->helo},
		{"--foreign", name_take, q->foreign},
		{"--mail-log", file_take, q->mail_log},
		{"--imap-user", secret_take, q->imap_user},
		{"--trust", file_take, q->trust_file},
		{"--postfix", file_take, q->postfix_config},
		{"--exim", file_take, q->exim_config},
		{"--dovecot", file_take, q->dovecot_config},
		{"--smtpd", file_take, q->smtpd_config},
	};
	const char *text;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text = sentence_get(s, texts[i].option);
		if (text && texts[i].fn(texts[i].option, text, texts[i].out, e))
			return -EINVAL;
	}
	text = sentence_get(s, "--send-to");
	if (text && mailbox_take("--send-to", text, q->send_to, sizeof(q->send_to), e))
		return -EINVAL;
	text = sentence_get(s, "--mailbox");
	if (text && mailbox_take("--mailbox", text, q->mailbox, sizeof(q->mailbox), e))
		return -EINVAL;
	text = sentence_get(s, "--collect");
	return text ? collect_take(text, q, e) : 0;
}

/* The word without an option: an address is a host, a name a domain. */
static int target_take(const struct sentence *s, struct audit_request *q, struct err *e)
{
	struct addr a;

	if (!s->word_count)
		return q->host[0] ? 0
				  : err_set(e, -EINVAL, "a domain is missing, or --host NAME|ADDR");
	if (addr_parse(s->word[0], &a, NULL))
		return name_take("the domain", s->word[0], q->domain, e);
	if (q->host[0])
		return err_set(e, -EINVAL, "two hosts are given; audit one after the other");
	return host_take("the host", s->word[0], q->host, e);
}

/* Options that make no sense without, or with, another. */
static int combination_check(const struct sentence *s, struct err *e)
{
	static const struct {
		const char *option, *other;
		bool needs; /* else they exclude each other */
	} rules[] = {
		{"--update", "--baseline", true},
		{"--changes", "--baseline", true},
		{"--collect", "--send-to", true},
		{"--schedule", "--unschedule", false},
		{"--schedule", "--nagios", false},
		{"--postfix", "--local", true},
		{"--exim", "--local", true},
		{"--dovecot", "--local", true},
		{"--smtpd", "--local", true},
		{"--imap-user", "--imap-password", true},
		{"--imap-password", "--imap-user", true},
	};
	/* The timer brings its own. */
	bool is_scheduled = sentence_get(s, "--schedule") || sentence_get(s, "--unschedule");

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		bool other = sentence_get(s, rules[i].other);

		if (!sentence_get(s, rules[i].option) || other == rules[i].needs)
			continue;
		if (rules[i].needs && is_scheduled && strcmp(rules[i].other, "--baseline") == 0)
			continue;
		return err_set(e, -EINVAL, "%s %s %s", rules[i].option,
			       rules[i].needs ? "needs" : "does not go with", rules[i].other);
	}
	if (sentence_get(s, "--units") && !is_scheduled)
		return err_set(e, -EINVAL, "--units needs --schedule or --unschedule");
	return 0;
}

int audit_ask_parse(const struct sentence *s, struct audit_ask *out, struct err *e)
{
	struct audit_request *q = &out->request;
	const char *fail_on = sentence_get(s, "--fail-on");
	uint64_t limit_s = 0;

	*out = (struct audit_ask){.fail_on = SEVERITY_MEDIUM};
	if (combination_check(s, e) || lists_take(s, q, e) || texts_take(s, q, e) ||
	    target_take(s, q, e) || sentence_get_duration(s, "--limit", &limit_s, e))
		return -EINVAL;
	/* The sentence took no other words. */
	if (fail_on)
		(void)severity_parse(fail_on, &out->fail_on);
	q->time_limit_s = limit_s ? (unsigned)limit_s : AUDIT_LIMIT_S;
	q->own = sentence_get(s, "--own");
	q->local = sentence_get(s, "--local");
	q->active = sentence_get(s, "--active");
	q->namespace_vantage = true;
	out->only_changes = sentence_get(s, "--changes");
	out->updates = sentence_get(s, "--update");
	out->nagios = sentence_get(s, "--nagios");
	out->html = sentence_get(s, "--html");
	out->baseline = sentence_get(s, "--baseline");
	out->imap_password = sentence_get(s, "--imap-password");
	return 0;
}
