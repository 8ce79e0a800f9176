/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts of scripts: placeholders and their values, and what a server has offered. A value with anything in it that could
 * end a command or an address is no value: then the row is left out.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/script_rows.h"

#define VALUE_MAX    512 /* bytes: an address with both its names (RFC 5321, 4.5.3.1) and more */
#define KEYWORD_MAX  32
#define SIZE_SANE    (UINT64_MAX / 2) /* a limit beyond it is none */
#define LONG_COMMAND "HELO "
#define CRLF_OCTETS  2
/* RFC 5737: of documentation, where our own end is not known. */
#define SOME_ADDRESS "192.0.2.1"
/* Its record is "v=spf1 -all": it sends no mail (RFC 6761, 6.5; IANA). */
#define SPOOFED_ELSE "example.com"

/* ---- what was offered ---- */

/* The last exchange in which the server told what it can do. */
static const struct exchange *introduced(const struct visit_log *log)
{
	for (unsigned i = log->count; i-- > 0;) {
		unsigned what = log->exchange[i].what;

		if ((what == WHAT_EHLO || what == WHAT_TLS_EHLO || what == WHAT_CAPA ||
		     what == WHAT_QUOTA_CAPA) &&
		    log->exchange[i].response.kind == RESPONSE_POSITIVE)
			return &log->exchange[i];
	}
	return NULL;
}

/* "ID" is not in "IDLE": a word ends where no letter, digit or hyphen follows. */
static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strcasestr(at, word)); at++) {
		unsigned char before = at == text ? ' ' : (unsigned char)at[-1];
		unsigned char behind = (unsigned char)at[length];

		if (!isalnum(before) && before != '-' && !isalnum(behind) && behind != '-')
			return true;
	}
	return false;
}

bool script_offered(const struct visit_log *log, const char *offered)
{
	const struct exchange *x = introduced(log);
	const char *space = strchr(offered, ' ');
	char keyword[KEYWORD_MAX], value[VALUE_MAX];
	const char *behind;

	if (!x || !x->response.text)
		return false;
	/* RFC 9051, 7.2.2: all of IMAP's capabilities stand on one line. */
	if (log->protocol == PROTOCOL_IMAP)
		return has_word(x->response.text, offered);
	snprintf(keyword, sizeof(keyword), "%.*s",
		 space ? (int)(space - offered) : (int)strlen(offered), offered);
	behind = response_keyword(&x->response, keyword, value, sizeof(value));
	return behind && (!space || has_word(behind, space + 1));
}

/* ---- values ---- */

/* Printable, without a blank, brackets of a path, or what could begin another placeholder's mischief. */
static bool is_plain(const char *text)
{
	if (!text[0])
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text >= 0x7f || *text == '<' || *text == '>')
			return false;
	return true;
}

/* RFC 5321, 4.1.3 */
static void literal_format(const struct addr *a, char out[static VALUE_MAX])
{
	char text[ADDR_TEXT_MAX];

	snprintf(out, VALUE_MAX, "[%s%s]", addr_is_v4(a) ? "" : "IPv6:", addr_format(a, text));
}

static void value_server(const struct script *s, const struct visit_log *log, char *out)
{
	const struct seen_host *host = s->facts->address->host;

	(void)log;
	if (host && host->name[0])
		snprintf(out, VALUE_MAX, "%s", host->name);
	else
		literal_format(&s->facts->address->addr, out);
}

static void value_bare(const struct script *s, const struct visit_log *log, char *out)
{
	char text[ADDR_TEXT_MAX];

	(void)s;
	snprintf(out, VALUE_MAX, "%s",
		 log->has_local ? addr_format(&log->local, text) : SOME_ADDRESS);
}

/* Whom no server treats in a way of his own: the mailbox that was named, or where anybody is taken, anybody; else postmaster is left. */
static void value_recipient(const struct script *s, const struct visit_log *log, char *out)
{
	const struct exchange *x =
		seen_exchange(s->facts->address, PURPOSE_RECIPIENTS, WHAT_RCPT_UNKNOWN);

	(void)log;
	if (s->facts->request->mailbox[0])
		snprintf(out, VALUE_MAX, "%s", s->facts->request->mailbox);
	else if (x && x->response.kind == RESPONSE_POSITIVE)
		snprintf(out, VALUE_MAX, "%s@%s", s->facts->random, s->facts->domain);
	else
		snprintf(out, VALUE_MAX, "postmaster@%s", s->facts->domain);
}

/* The audited domain, where its record ends in -all: nobody else can be hurt by it. */
static void value_spoofed(const struct script *s, const struct visit_log *log, char *out)
{
	const struct seen_domain *domain = &s->facts->seen->domain;

	(void)log;
	snprintf(out, VALUE_MAX, "%s",
		 domain->name[0] && domain->spf.all == '-' ? domain->name : SPOOFED_ELSE);
}

static void value_mechanism(const struct script *s, const struct visit_log *log, char *out)
{
	bool is_login = script_offered(log, "AUTH LOGIN") && !script_offered(log, "AUTH PLAIN");

	(void)s;
	snprintf(out, VALUE_MAX, "%s", is_login ? "LOGIN" : "PLAIN");
}

/* One more than the limit of EHLO; none where there is no limit (RFC 1870, 4: 0). */
static void value_oversize(const struct script *s, const struct visit_log *log, char *out)
{
	const struct exchange *x = introduced(log);
	char text[VALUE_MAX];
	const char *value = x ? response_keyword(&x->response, "SIZE", text, sizeof(text)) : NULL;
	uint64_t limit = value && isdigit((unsigned char)value[0]) ? strtoull(value, NULL, 10) : 0;

	(void)s;
	if (limit && limit < SIZE_SANE)
		snprintf(out, VALUE_MAX, "%" PRIu64, limit + 1);
}

/* An alias without a domain is one of the audited. */
static void value_alias(const struct script *s, const struct visit_log *log, char *out)
{
	const struct audit_list *list = &s->facts->request->aliases;
	unsigned i = s->alias_first + s->each;
	const char *word = i < list->count ? list->word[i] : "";

	(void)log;
	if (word[0] && !strchr(word, '@'))
		snprintf(out, VALUE_MAX, "%s@%s", word, s->facts->domain);
	else
		snprintf(out, VALUE_MAX, "%s", word);
}

bool script_is_mailbox(const char *text)
{
	const char *at = strrchr(text, '@');

	if (!at || at == text || !at[1])
		return false;
	for (const char *c = text; *c; c++)
		if (c != at && !isalnum((unsigned char)*c) && !strchr("._+-", *c))
			return false;
	return true;
}

const char *script_helo(const struct script_facts *facts, const struct visit_log *log,
			char out[static SCRIPT_HELO_MAX])
{
	char literal[VALUE_MAX];
	struct addr some;

	if (facts->helo && facts->helo[0]) {
		snprintf(out, SCRIPT_HELO_MAX, "%s", facts->helo);
		return out;
	}
	(void)addr_parse(SOME_ADDRESS, &some, NULL);
	literal_format(log->has_local ? &log->local : &some, literal);
	snprintf(out, SCRIPT_HELO_MAX, "%.*s", (int)SCRIPT_HELO_MAX - 1, literal);
	return out;
}

static void value_helo(const struct script *s, const struct visit_log *log, char *out)
{
	char name[SCRIPT_HELO_MAX];

	snprintf(out, VALUE_MAX, "%s", script_helo(s->facts, log, name));
}

/* An ordinary sender. Who writes from an address literal is refused by many for that. */
static void value_sender(const struct script *s, const struct visit_log *log, char *out)
{
	const char *helo = s->facts->helo;
	bool is_name = helo && helo[0] && helo[0] != '[';

	(void)log;
	snprintf(out, VALUE_MAX, "postmaster@%s", is_name ? helo : s->facts->foreign);
}

/* Nobody, elsewhere. */
static void value_stranger(const struct script *s, const struct visit_log *log, char *out)
{
	(void)log;
	snprintf(out, VALUE_MAX, "%s@%s", s->facts->random, s->facts->foreign);
}

static void value_domain(const struct script *s, const struct visit_log *log, char *out)
{
	(void)log;
	snprintf(out, VALUE_MAX, "%s", s->facts->domain);
}

static void value_random(const struct script *s, const struct visit_log *log, char *out)
{
	(void)log;
	snprintf(out, VALUE_MAX, "%s", s->facts->random);
}

static const struct {
	const char *name;
	void (*fill)(const struct script *s, const struct visit_log *log, char *out);
} values[] = {
	{"helo", value_helo},	    {"domain", value_domain},	    {"random", value_random},
	{"server", value_server},   {"bare", value_bare},	    {"recipient", value_recipient},
	{"spoofed", value_spoofed}, {"mechanism", value_mechanism}, {"oversize", value_oversize},
	{"alias", value_alias},	    {"sender", value_sender},	    {"stranger", value_stranger},
};

/* ---- texts ---- */

/* RFC 9051, 4.3: a quoted string. Bytes that cannot stand in one were refused when they were read. */
static void quoted_write(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static bool is_name(const char *name, size_t length, const char *wanted)
{
	return strlen(wanted) == length && memcmp(name, wanted, length) == 0;
}

static bool value_write(const struct script *s, const char *name, size_t length,
			const struct visit_log *log, FILE *out)
{
	char value[VALUE_MAX] = "";

	/* A value of the table has no blanks. */
	if (is_name(name, length, "credentials")) {
		quoted_write(s->facts->request->imap_user, out);
		fputc(' ', out);
		quoted_write(s->facts->request->imap_password, out);
		return s->facts->request->imap_user[0] && s->facts->request->imap_password[0];
	}
	/* Too long for a value of the table. */
	if (is_name(name, length, "filler")) {
		size_t rest = strlen(LONG_COMMAND) + CRLF_OCTETS;

		value_helo(s, log, value);
		for (size_t i = rest + strlen(value); i < s->octets; i++)
			fputc(' ', out);
		return true;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (is_name(name, length, values[i].name))
			values[i].fill(s, log, value);
	fputs(value, out);
	return is_plain(value);
}

char *script_text(const struct script *s, const char *format, const struct visit_log *log)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool is_known = true;

	if (!out)
		return NULL;
	while (*format && is_known) {
		size_t plain = strcspn(format, "{");
		const char *end = strchr(format + plain, '}');

		fwrite(format, 1, plain, out);
		format += plain;
		if (!*format || !end)
			break;
		is_known = value_write(s, format + 1, (size_t)(end - format - 1), log, out);
		format = end + 1;
	}
	if (fclose(out) == 0 && is_known)
		return text;
	free(text);
	return NULL;
}
