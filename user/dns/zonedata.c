/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known about zones: see zonedata.h. */
#include "dns/zonedata.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "dns/name.h"

#define FILE_MAX_BYTES 262144 /* some thousand lines */
#define LINE_MAX_BYTES 512
#define RECORDS_MAX    4096
#define REST_MAX       160 /* a reason: a sentence */
#define SHOWN_MAX      160
#define WORD_BLANKS    " \t"
#define LIMIT_MOST     1000000000

enum kind {
	KIND_DEAD,
	KIND_ERROR,
	KIND_POLICY,
	KIND_WIDE,
	KIND_TEST,
	KIND_LIMIT,
	KIND_PUBLIC,
	KIND_REMOVAL,
	KIND_AUDIT,
	KIND_NAME
};

struct entry {
	enum kind kind;
	char subject[SITE_DOMAIN_MAX]; /* a domain, or an address */
	struct site_filter filter;     /* ERROR, POLICY */
	struct addr addr;	       /* TEST, PUBLIC */
	bool none;		       /* TEST */
	uint32_t number;	       /* LIMIT */
	char rest[REST_MAX]; /* a reason, a meaning, a name, a page, a pattern: printable */
};

struct zonedata {
	struct entry *entry;
	unsigned count;
};

int zonedata_new(struct zonedata **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : err_set(e, -ENOMEM, "no memory for the data on zones");
}

void zonedata_free(struct zonedata *d)
{
	if (d)
		free(d->entry);
	free(d);
}

/* ---- reading ---- */

static char *next_word(char **at)
{
	char *word = *at + strspn(*at, WORD_BLANKS);
	size_t length = strcspn(word, WORD_BLANKS);

	*at = word + length;
	if (**at)
		*(*at)++ = '\0';
	return word;
}

static int rest_take(struct entry *entry, char *at, const char *what, struct err *e)
{
	at += strspn(at, WORD_BLANKS);
	for (size_t n = strlen(at); n && strchr(WORD_BLANKS, at[n - 1]); n--)
		at[n - 1] = '\0';
	if (!*at)
		return err_set(e, -EINVAL, "%s is missing", what);
	text_escape(at, strlen(at), entry->rest, sizeof(entry->rest));
	return 0;
}

static int number_parse(const char *text, uint32_t *out, struct err *e)
{
	uint64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && value <= LIMIT_MOST; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (at == text || *at || !value || value > LIMIT_MOST)
		return err_set(e, -EINVAL, "a number of questions is missing");
	*out = (uint32_t)value;
	return 0;
}

/* What stands behind the subject. */
static int details_parse(struct entry *entry, char *at, struct err *e)
{
	const char *word;

	switch (entry->kind) {
	case KIND_DEAD:
		return rest_take(entry, at, "the reason", e);
	case KIND_PUBLIC:
		return rest_take(entry, at, "the name", e);
	case KIND_ERROR:
	case KIND_POLICY:
		if (site_filter_parse(next_word(&at), &entry->filter, e) < 0)
			return -EINVAL;
		return entry->kind == KIND_ERROR ? rest_take(entry, at, "the meaning", e) : 0;
	case KIND_TEST:
		word = next_word(&at);
		entry->none = strcmp(word, "none") == 0;
		return entry->none ? 0 : addr_parse(word, &entry->addr, e);
	case KIND_LIMIT:
		return number_parse(next_word(&at), &entry->number, e);
	case KIND_REMOVAL:
		return rest_take(entry, at, "the page", e);
	case KIND_NAME:
		word = next_word(&at);
		snprintf(entry->rest, sizeof(entry->rest), "%s", word);
		return site_domain_check(word, e);
	case KIND_AUDIT:
		word = next_word(&at);
		snprintf(entry->rest, sizeof(entry->rest), "%s", word);
		return *word ? site_filter_parse(word, &entry->filter, e) : 0;
	case KIND_WIDE:
		break;
	}
	return 0;
}

static int line_parse(char *line, struct entry *entry, struct err *e)
{
	static const char *const keywords[] = {"dead",	"error",  "policy",  "wide",  "test",
					       "limit", "public", "removal", "audit", "name"};
	char *keyword = next_word(&line), *subject = next_word(&line), shown[SHOWN_MAX];
	int ret;

	for (entry->kind = 0; strcmp(keyword, keywords[entry->kind]) != 0;)
		if (++entry->kind == sizeof(keywords) / sizeof(keywords[0]))
			return err_set(e, -EINVAL, "unknown keyword '%s'",
				       text_escape(keyword, strlen(keyword), shown, sizeof(shown)));
	if (entry->kind == KIND_PUBLIC)
		ret = addr_parse(subject, &entry->addr, e);
	else
		ret = site_domain_check(subject, e);
	if (ret < 0)
		return ret;
	snprintf(entry->subject, sizeof(entry->subject), "%s", subject);
	return details_parse(entry, line, e);
}

static int entry_append(struct zonedata *d, const struct entry *entry, struct err *e)
{
	struct entry *grown;

	if (d->count == RECORDS_MAX)
		return err_set(e, -E2BIG, "more than %d lines", RECORDS_MAX);
	/* By doubling: at powers of two. */
	if (!(d->count & (d->count - 1))) {
		grown = realloc(d->entry, (d->count ? 2 * (size_t)d->count : 1) * sizeof(*grown));
		if (!grown)
			return err_set(e, -ENOMEM, "no memory for the data on zones");
		d->entry = grown;
	}
	d->entry[d->count++] = *entry;
	return 0;
}

int zonedata_read(struct zonedata *d, const char *name, const char *text, size_t length,
		  struct err *e)
{
	const char *end = text + length, *at = text;
	char shown[SHOWN_MAX];
	unsigned number = 0;
	int ret = 0;

	text_escape(name, strlen(name), shown, sizeof(shown));
	while (at < end && ret == 0) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((stop ? stop : end) - at);
		struct entry entry = {0};
		char line[LINE_MAX_BYTES];

		number++;
		if (size >= sizeof(line) || memchr(at, '\0', size))
			return err_set(e, -EINVAL, "%s:%u: the line is too long, or no text", shown,
				       number);
		memcpy(line, at, size);
		line[size] = '\0';
		line[strcspn(line, "#\r")] = '\0';
		if (line[strspn(line, WORD_BLANKS)]) {
			ret = line_parse(line, &entry, e);
			if (ret == 0)
				ret = entry_append(d, &entry, e);
		}
		at = stop ? stop + 1 : end;
	}
	if (ret < 0)
		err_prefix(e, "%s:%u", shown, number);
	return ret;
}

int zonedata_load(struct zonedata *d, const char *path, struct err *e)
{
	char *text = malloc(FILE_MAX_BYTES + 1), shown[SHOWN_MAX];
	size_t length = 0;
	struct stat st;
	ssize_t n = 0;
	int fd, ret;

	text_escape(path, strlen(path), shown, sizeof(shown));
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		ret = err_set(e, -errno, "cannot open %s: %s", shown, strerror(errno));
		goto out;
	}
	if (!text || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		ret = err_set(e, -EINVAL, "%s is not a regular file that can be read", shown);
		goto out;
	}
	while (length <= FILE_MAX_BYTES &&
	       (n = read(fd, text + length, FILE_MAX_BYTES + 1 - length)) > 0)
		length += (size_t)n;
	if (n < 0)
		ret = err_set(e, -errno, "cannot read %s: %s", shown, strerror(errno));
	else if (length > FILE_MAX_BYTES)
		ret = err_set(e, -EFBIG, "%s is longer than %d bytes", shown, FILE_MAX_BYTES);
	else
		ret = zonedata_read(d, path, text, length, e);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	return ret;
}

/* ---- asking ---- */

const char *zonedata_dead(const struct zonedata *d, const char *domain)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->entry[i].kind == KIND_DEAD && name_is_under(domain, d->entry[i].subject))
			return d->entry[i].rest;
	return NULL;
}

/* The last word counts: a file of the operator comes behind ours. */
static const char *rest_of(const struct zonedata *d, enum kind kind, const char *domain)
{
	for (unsigned i = d->count; i--;)
		if (d->entry[i].kind == kind && name_is_under(domain, d->entry[i].subject))
			return d->entry[i].rest;
	return NULL;
}

const char *zonedata_removal(const struct zonedata *d, const char *domain)
{
	return rest_of(d, KIND_REMOVAL, domain);
}

const char *zonedata_test_name(const struct zonedata *d, const char *domain)
{
	const char *name = rest_of(d, KIND_NAME, domain);

	return name ? name : "TEST";
}

int zonedata_audit_sites(const struct zonedata *d, struct sites *out, struct err *e)
{
	char text[SITE_DOMAIN_MAX + 1 + REST_MAX];
	int ret = 0;

	for (unsigned i = 0; i < d->count && ret == 0; i++) {
		const struct entry *entry = &d->entry[i];

		if (entry->kind != KIND_AUDIT || zonedata_dead(d, entry->subject))
			continue;
		snprintf(text, sizeof(text), "%s%s%s", entry->subject, entry->rest[0] ? "=" : "",
			 entry->rest);
		ret = sites_add(out, text, e);
	}
	return ret;
}

static void errors_add(struct outcome_errors *errors, const struct entry *entry)
{
	if (errors->count == OUTCOME_ERRORS_MAX)
		return;
	errors->filter[errors->count] = entry->filter;
	snprintf(errors->why[errors->count++], OUTCOME_WHY_MAX, "%.*s", OUTCOME_WHY_MAX - 1,
		 entry->rest);
}

void zonedata_facts(const struct zonedata *d, const char *domain, struct zone_facts *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < d->count; i++) {
		const struct entry *entry = &d->entry[i];

		if (entry->kind == KIND_PUBLIC || !name_is_under(domain, entry->subject))
			continue;
		switch (entry->kind) {
		case KIND_ERROR:
			errors_add(&out->errors, entry);
			break;
		case KIND_POLICY:
			if (out->policy_count < ZONEDATA_POLICIES_MAX)
				out->policy[out->policy_count++] = entry->filter;
			break;
		case KIND_WIDE:
			out->wide = true;
			break;
		case KIND_TEST:
			/* The last word counts: a file of the operator comes behind ours. */
			out->untested = entry->none;
			out->has_test = !entry->none;
			out->test = entry->addr;
			break;
		case KIND_LIMIT:
			out->day_limit = entry->number;
			break;
		default:
			break;
		}
	}
}

const char *zonedata_public(const struct zonedata *d, const struct addr *resolver)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->entry[i].kind == KIND_PUBLIC && addr_equal(&d->entry[i].addr, resolver))
			return d->entry[i].rest;
	return NULL;
}
