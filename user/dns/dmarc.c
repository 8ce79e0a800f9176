/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC records: see dmarc.h. */
#include "dns/dmarc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

#define VERSION	      "DMARC1"
#define BLANKS	      " \t"
#define PERCENT_ALL   100
#define TAG_MAX	      16
#define SHOWN_MAX     160
#define PERCENT_CHARS 3

const char *dmarc_policy_name(enum dmarc_policy p)
{
	static const char *const names[] = {"", "none", "quarantine", "reject"};

	return names[p];
}

struct tag {
	const char *name, *value;
	size_t name_length, value_length;
};

static void trim(const char **at, size_t *length)
{
	while (*length && strchr(BLANKS, **at) && **at) {
		++*at;
		--*length;
	}
	while (*length && (*at)[*length - 1] && strchr(BLANKS, (*at)[*length - 1]))
		--*length;
}

/* The next "name = value" up to ';' (RFC 6376, 3.2, by RFC 7489, 6.3). false: the end. A tag without '=' has no value. */
static bool tag_next(const char **at, size_t *left, struct tag *out)
{
	const char *end, *equals;
	size_t length;

	if (!*left)
		return false;
	end = memchr(*at, ';', *left);
	length = end ? (size_t)(end - *at) : *left;
	equals = memchr(*at, '=', length);
	out->name = *at;
	out->name_length = equals ? (size_t)(equals - *at) : length;
	out->value = equals ? equals + 1 : *at + length;
	out->value_length = (size_t)(*at + length - out->value);
	trim(&out->name, &out->name_length);
	trim(&out->value, &out->value_length);
	*at += length + (end != NULL);
	*left -= length + (end != NULL);
	return true;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

static bool policy_parse(const struct tag *t, enum dmarc_policy *out)
{
	for (enum dmarc_policy p = DMARC_POLICY_NONE; p <= DMARC_POLICY_REJECT; p++)
		if (is_word(t->value, t->value_length, dmarc_policy_name(p))) {
			*out = p;
			return true;
		}
	return false;
}

static bool percent_parse(const struct tag *t, unsigned *out)
{
	unsigned value = 0;

	if (!t->value_length || t->value_length > PERCENT_CHARS)
		return false;
	for (size_t i = 0; i < t->value_length; i++) {
		if (t->value[i] < '0' || t->value[i] > '9')
			return false;
		value = value * 10 + (unsigned)(t->value[i] - '0');
	}
	if (value > PERCENT_ALL)
		return false;
	*out = value;
	return true;
}

static bool is_report_address(const struct tag *t)
{
	static const char scheme[] = "mailto:";

	return t->value_length > sizeof(scheme) - 1 &&
	       strncasecmp(t->value, scheme, sizeof(scheme) - 1) == 0 &&
	       memchr(t->value, '@', t->value_length);
}

static void complain(struct dmarc_finding *out, const struct tag *t, const char *what)
{
	char name[TAG_MAX * 4], value[SHOWN_MAX];

	if (!out->why[0])
		snprintf(out->why, sizeof(out->why), "%s=%s: %s",
			 text_escape(t->name, t->name_length, name, sizeof(name)),
			 text_escape(t->value, t->value_length, value, sizeof(value)), what);
}

/* Unknown tags are passed over (6.3). */
static void tag_take(const struct tag *t, struct dmarc_finding *out)
{
	if (is_word(t->name, t->name_length, "p")) {
		if (!policy_parse(t, &out->policy))
			complain(out, t, "that is no policy (none, quarantine, reject)");
	} else if (is_word(t->name, t->name_length, "sp")) {
		if (!policy_parse(t, &out->subdomain_policy))
			complain(out, t, "that is no policy (none, quarantine, reject)");
	} else if (is_word(t->name, t->name_length, "pct")) {
		if (!percent_parse(t, &out->percent))
			complain(out, t, "that is no percentage");
	} else if (is_word(t->name, t->name_length, "rua")) {
		out->has_reports = is_report_address(t);
		if (!out->has_reports)
			complain(out, t, "that is no mailto: address");
	} else if (!t->name_length && t->value_length) {
		complain(out, t, "a tag has no name");
	}
}

int dmarc_parse(const char *text, size_t length, struct dmarc_finding *out)
{
	struct tag tag;
	bool second = true;

	out->policy = out->subdomain_policy = DMARC_NO_POLICY;
	out->percent = PERCENT_ALL;
	out->has_reports = false;
	out->why[0] = '\0';
	/* The version stands first, and its case counts (6.4). */
	if (!tag_next(&text, &length, &tag) || !is_word(tag.name, tag.name_length, "v") ||
	    tag.value_length != sizeof(VERSION) - 1 ||
	    memcmp(tag.value, VERSION, sizeof(VERSION) - 1) != 0)
		return -EINVAL;
	for (; tag_next(&text, &length, &tag); second = false) {
		if (!tag.name_length && !tag.value_length)
			continue;
		if (second && !is_word(tag.name, tag.name_length, "p"))
			complain(out, &tag, "p= must stand right behind v=DMARC1");
		tag_take(&tag, out);
	}
	/* 6.6.3, 6: without a policy a record counts only for its reports, as p=none. */
	if (out->policy == DMARC_NO_POLICY && out->has_reports)
		out->policy = DMARC_POLICY_NONE;
	if (out->policy == DMARC_NO_POLICY && !out->why[0])
		snprintf(out->why, sizeof(out->why), "it has no policy (p=)");
	return 0;
}

bool dmarc_take(const struct answer_texts *texts, const char *at, struct dmarc_finding *out)
{
	struct dmarc_finding other = {0};

	out->records = 0;
	for (unsigned i = 0; i < texts->count; i++) {
		const struct answer_text *t = &texts->text[i];
		const char *bytes = (const char *)t->byte;

		if (dmarc_parse(bytes, t->length, &other) < 0 || out->records++)
			continue;
		(void)dmarc_parse(bytes, t->length, out);
		snprintf(out->at, sizeof(out->at), "%s", at);
		text_escape(t->byte, t->length, out->record, sizeof(out->record));
	}
	if (out->records > 1) {
		out->policy = out->subdomain_policy = DMARC_NO_POLICY;
		snprintf(out->why, sizeof(out->why),
			 "%u records stand there, and several count for none (RFC 7489, 6.6.3)",
			 out->records);
	}
	return out->records > 0;
}
