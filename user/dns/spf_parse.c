/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grammar of SPF records (RFC 7208, 12), term by term. Whoever evaluates a record must fail on the first thing that is wrong (4.6),
 * so this is as strict as the text: what a lenient reader would let pass is what breaks somebody's mail.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "dns/spf.h"

#define VERSION	      "v=spf1"
#define VERSION_BYTES (sizeof(VERSION) - 1)
#define SHOWN_MAX     160
#define BITS4_MOST    32
#define BITS6_MOST    128
#define LETTERS	      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	      "0123456789"
#define MACRO_LETTERS "slodiphvSLODIPHV" /* c, r and t belong to exp= texts alone (7.2) */
#define DELIMITERS    ".-+,/_="

/* ---- small parts ---- */

static bool is_in(char c, const char *set)
{
	return c && strchr(set, c);
}

/* "%{l1r-}": what is between the brackets, up to the closing one. Where it ends, or NULL. */
static const char *macro_skip(const char *at)
{
	if (!is_in(*at, MACRO_LETTERS))
		return NULL;
	at++;
	/* How many parts are kept: none would leave nothing (7.3). */
	if (is_in(*at, DIGITS) && strtoul(at, NULL, 10) == 0)
		return NULL;
	at += strspn(at, DIGITS);
	at += *at == 'r' || *at == 'R';
	at += strspn(at, DELIMITERS);
	return *at == '}' ? at + 1 : NULL;
}

/* macro-string (7.1). *has: a '%' that stands for something; *ends: its last part was a macro; *last: the last dot outside of macros, or NULL. false: no macro-string. */
static bool macros_check(const char *text, bool *has, bool *ends, const char **last)
{
	*has = *ends = false;
	*last = NULL;
	for (const char *at = text; *at;) {
		*ends = false;
		if (*at != '%') {
			if (*at <= ' ' || *at > '~')
				return false;
			if (*at == '.' && at[1])
				*last = at;
			at++;
			continue;
		}
		at++;
		if (is_in(*at, "%_-")) {
			at++;
		} else {
			at = *at == '{' ? macro_skip(at + 1) : NULL;
			if (!at)
				return false;
		}
		*ends = *has = true;
	}
	return true;
}

/* A label of letters, digits and '-', not at its ends, and not of digits alone (7.1, toplabel). */
static bool is_top_label(const char *label, size_t length)
{
	return length && strspn(label, LETTERS DIGITS "-") == length &&
	       strspn(label, DIGITS) < length && label[0] != '-' && label[length - 1] != '-';
}

/* domain-spec (7.1): ends in a macro, or in "." and a top label. */
static bool is_domain_spec(const char *text, bool *has_macros)
{
	const char *last;
	size_t length;
	bool ends;

	if (!*text || !macros_check(text, has_macros, &ends, &last))
		return false;
	if (ends)
		return true;
	if (!last)
		return false;
	length = strlen(++last);
	length -= length && last[length - 1] == '.';
	return is_top_label(last, length);
}

/* Take "/N" off the end of the text, where there is one. false: it is no length. */
static bool bits_take(char *text, int most, int *out)
{
	char *slash = strrchr(text, '/');
	size_t length;
	long value;

	*out = -1;
	if (!slash || strspn(slash + 1, DIGITS) != strlen(slash + 1))
		return true;
	length = strlen(slash + 1);
	if (!length || length > 3 || (length > 1 && slash[1] == '0'))
		return false;
	value = strtol(slash + 1, NULL, 10);
	if (value > most)
		return false;
	*out = (int)value;
	*slash = '\0';
	return true;
}

/* "/24//64" (5.3 and 5.4, dual-cidr-length) off the end. */
static bool dual_bits_take(char *text, struct spf_term *t)
{
	char *slash = strrchr(text, '/');

	t->bits4 = t->bits6 = -1;
	if (slash && slash > text && slash[-1] == '/') {
		if (!bits_take(text, BITS6_MOST, &t->bits6) || t->bits6 < 0)
			return false;
		slash[-1] = '\0';
	}
	return bits_take(text, BITS4_MOST, &t->bits4);
}

/* ---- mechanisms and modifiers ---- */

enum argument {
	ARGUMENT_NONE,
	ARGUMENT_DOMAIN,
	ARGUMENT_MAY_DOMAIN,
	ARGUMENT_HOSTS,
	ARGUMENT_IP4,
	ARGUMENT_IP6
};

static const struct mechanism {
	const char *name;
	enum argument argument;
	bool costs; /* RFC 7208, 4.6.4 */
} mechanisms[] = {
	{"all", ARGUMENT_NONE, false},	    {"include", ARGUMENT_DOMAIN, true},
	{"a", ARGUMENT_HOSTS, true},	    {"mx", ARGUMENT_HOSTS, true},
	{"ptr", ARGUMENT_MAY_DOMAIN, true}, {"ip4", ARGUMENT_IP4, false},
	{"ip6", ARGUMENT_IP6, false},	    {"exists", ARGUMENT_DOMAIN, true},
};

static bool network_check(struct spf_term *t, char *value, int family)
{
	struct in6_addr any;
	int *bits = family == AF_INET ? &t->bits4 : &t->bits6;

	return bits_take(value, family == AF_INET ? BITS4_MOST : BITS6_MOST, bits) &&
	       inet_pton(family, value, &any) == 1;
}

/* value: with its ':' and '/', "" none. Why it is wrong, or NULL. */
static const char *argument_check(const struct mechanism *m, char *value, struct spf_term *t)
{
	bool has_value = *value == ':';
	const char *why = NULL;

	switch (m->argument) {
	case ARGUMENT_NONE:
		return *value ? "may have nothing behind its name" : NULL;
	case ARGUMENT_IP4:
	case ARGUMENT_IP6:
		if (!has_value ||
		    !network_check(t, value + 1, m->argument == ARGUMENT_IP4 ? AF_INET : AF_INET6))
			why = "needs an address or a network of its family";
		break;
	case ARGUMENT_HOSTS:
		if (!dual_bits_take(value, t))
			return "has a bad length behind its '/'";
		/* fall through */
	case ARGUMENT_MAY_DOMAIN:
		if (*value && (!has_value || !is_domain_spec(value + 1, &t->has_macros)))
			why = "names no domain";
		break;
	case ARGUMENT_DOMAIN:
		if (!has_value || !is_domain_spec(value + 1, &t->has_macros))
			why = "names no domain";
		break;
	}
	snprintf(t->value, sizeof(t->value), "%s", has_value ? value + 1 : "");
	return why;
}

static const char *mechanism_parse(char *text, struct spf_term *t)
{
	size_t length;

	t->qualifier = '+';
	if (is_in(*text, "+-?~"))
		t->qualifier = *text++;
	length = strcspn(text, ":/");
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		const struct mechanism *m = &mechanisms[i];

		if (strlen(m->name) != length || strncasecmp(m->name, text, length) != 0)
			continue;
		snprintf(t->name, sizeof(t->name), "%s", m->name);
		t->costs = m->costs;
		return argument_check(m, text + length, t);
	}
	return "is no mechanism";
}

/* name "=" value, where name is of letters, digits, '-', '_' and '.' (4.6.1). */
static bool is_modifier(const char *text)
{
	size_t length = strspn(text, LETTERS DIGITS "-_.");

	return length && is_in(*text, LETTERS) && text[length] == '=';
}

static const char *modifier_parse(const char *text, struct spf_term *t)
{
	size_t length = strcspn(text, "=");
	const char *last;
	bool ends;

	t->qualifier = 0;
	for (size_t i = 0; i < length && i + 1 < sizeof(t->name); i++)
		t->name[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
	text += length + 1;
	snprintf(t->value, sizeof(t->value), "%.*s", (int)sizeof(t->value) - 1, text);
	t->costs = strcmp(t->name, "redirect") == 0;
	if (t->costs || strcmp(t->name, "exp") == 0)
		return is_domain_spec(text, &t->has_macros) ? NULL : "names no domain";
	return macros_check(text, &t->has_macros, &ends, &last) ? NULL : "has a bad macro";
}

/* ---- the record ---- */

bool spf_is_record(const uint8_t *bytes, size_t length)
{
	return length >= VERSION_BYTES &&
	       strncasecmp((const char *)bytes, VERSION, VERSION_BYTES) == 0 &&
	       (length == VERSION_BYTES || bytes[VERSION_BYTES] == ' ');
}

bool spf_record_is_whole(const struct answer_texts *texts)
{
	for (unsigned i = 0; i < texts->count; i++)
		if (texts->text[i].is_cut &&
		    spf_is_record(texts->text[i].byte, texts->text[i].length))
			return false;
	return !texts->is_short;
}

/* How many of the texts are SPF records, and the first of them as a string. */
static unsigned record_take(const struct answer_texts *texts,
			    char record[static ANSWER_TEXT_WHOLE_MAX + 1])
{
	unsigned found = 0;

	for (unsigned i = 0; i < texts->count; i++) {
		const struct answer_text *t = &texts->text[i];

		if (!spf_is_record(t->byte, t->length) || found++)
			continue;
		memcpy(record, t->byte, t->length);
		record[t->length] = '\0';
		/* A byte 0 would hide what is behind it; as another control byte it is a fault of its term. */
		for (size_t k = 0; k < t->length; k++)
			if (!record[k])
				record[k] = '\x01';
	}
	return found;
}

/* redirect and exp stand there once at most (6). */
static bool is_repeated(const struct spf_term *terms, unsigned count)
{
	const struct spf_term *t = &terms[count];

	if (t->qualifier || (strcmp(t->name, "redirect") != 0 && strcmp(t->name, "exp") != 0))
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!terms[i].qualifier && strcmp(terms[i].name, t->name) == 0)
			return true;
	return false;
}

static int term_parse(const char *from, size_t length, struct spf_term *terms, unsigned count,
		      struct err *e)
{
	struct spf_term *t = &terms[count];
	char text[sizeof(t->value) + sizeof(t->name) + 8], shown[SHOWN_MAX];
	const char *why;

	memset(t, 0, sizeof(*t));
	t->bits4 = t->bits6 = -1;
	text_escape(from, length, shown, sizeof(shown));
	if (length >= sizeof(text))
		return err_set(e, -EINVAL, "'%s' is too long for any name", shown);
	memcpy(text, from, length);
	text[length] = '\0';
	why = is_modifier(text) ? modifier_parse(text, t) : mechanism_parse(text, t);
	if (!why && is_repeated(terms, count))
		why = "stands there twice";
	return why ? err_set(e, -EINVAL, "'%s' %s", shown, why) : 0;
}

int spf_parse(const char *record, struct spf_term out[static SPF_TERMS_MAX], unsigned *count,
	      struct err *e)
{
	const char *at = record + VERSION_BYTES;
	int ret = 0;

	*count = 0;
	if (!spf_is_record((const uint8_t *)record, strlen(record)))
		return err_set(e, -EINVAL, "it does not begin with v=spf1 and a space");
	for (at += strspn(at, " "); *at && ret == 0; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");

		if (*count == SPF_TERMS_MAX)
			return err_set(e, -EINVAL, "it has more than %d terms", SPF_TERMS_MAX);
		ret = term_parse(at, length, out, *count, e);
		*count += ret == 0;
		at += length;
	}
	return ret;
}

int spf_record_read(const struct answer *a, const char *domain, struct spf_record *out,
		    struct err *e)
{
	struct err cause = {0};

	out->count = 0;
	answer_texts(a, domain, &out->texts);
	out->found = record_take(&out->texts, out->text);
	if (!spf_record_is_whole(&out->texts))
		return err_set(e, -EMSGSIZE,
			       "%.*s has more TXT records than the %d that are read here, or an "
			       "SPF record of more than %d bytes",
			       SPF_DOMAIN_SHOWN, domain, ANSWER_TEXTS_MAX, ANSWER_TEXT_WHOLE_MAX);
	if (!out->found)
		return -ENOENT;
	if (out->found > 1)
		return err_set(e, -EINVAL, "%.*s has %u SPF records, and only one may stand there",
			       SPF_DOMAIN_SHOWN, domain, out->found);
	if (spf_parse(out->text, out->term, &out->count, &cause) < 0)
		return err_set(e, -EINVAL, "in the record of %.*s, %s", SPF_DOMAIN_SHOWN, domain,
			       cause.text);
	return 0;
}
