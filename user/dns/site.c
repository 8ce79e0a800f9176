/* SPDX-License-Identifier: BSD-2-Clause */
/* Site lists: see site.h. Read by hand, character by character, so that a fault has a place. */
#include "dns/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define SEPARATORS ", \t\r\n" /* CHARS_COMMA_SP of Postfix */
#define ENTRY_MAX  512	      /* bytes: the longest domain, a filter of some ranges and a weight */
#define LABEL_MAX  63	      /* RFC 1035, 2.3.4 */
#define OCTET_MAX  255
#define SHOWN_MAX  80 /* bytes of a foreign text in a sentence */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label_byte(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '_';
}

/* ---- domains ---- */

int site_domain_check(const char *name, struct err *e)
{
	size_t length = 0, label = 0;
	bool has_letter = false;

	for (; name[length]; length++) {
		char c = name[length], next = name[length + 1];

		if (length + 1 >= SITE_DOMAIN_MAX)
			return err_set(e, -EINVAL, "the domain is longer than %d bytes",
				       SITE_DOMAIN_MAX - 1);
		if (c == '.') {
			if (!label || !next)
				return err_set(e, -EINVAL,
					       "the domain has a misplaced '.' at character %zu",
					       length + 1);
			label = 0;
			continue;
		}
		if (!is_label_byte(c))
			return err_set(e, -EINVAL,
				       "the domain has at character %zu what no name may hold",
				       length + 1);
		if (c == '-' && (!label || !next || next == '.'))
			return err_set(e, -EINVAL,
				       "the domain has a misplaced '-' at character %zu",
				       length + 1);
		has_letter |= !is_digit(c);
		if (++label > LABEL_MAX)
			return err_set(e, -EINVAL, "the domain has a label longer than %d bytes",
				       LABEL_MAX);
	}
	if (!length)
		return err_set(e, -EINVAL, "the domain is missing");
	if (!has_letter)
		return err_set(e, -EINVAL, "the domain is all digits");
	return 0;
}

/* ---- filters ---- */

struct cursor {
	const char *text, *at;
	struct err *e;
};

static int filter_fault(const struct cursor *c, const char *what)
{
	char shown[SHOWN_MAX];

	return err_set(c->e, -EINVAL, "the filter '%s' %s at character %zu",
		       text_escape(c->text, strlen(c->text), shown, sizeof(shown)), what,
		       (size_t)(c->at - c->text) + 1);
}

static int octet_read(struct cursor *c, unsigned *out)
{
	unsigned value = 0;
	const char *start = c->at;

	if (!is_digit(*start))
		return filter_fault(c, "lacks a number from 0 to 255");
	for (; is_digit(*c->at); c->at++) {
		value = value * 10 + (unsigned)(*c->at - '0');
		if (value > OCTET_MAX) {
			c->at = start;
			return filter_fault(c, "has a number above 255");
		}
	}
	*out = value;
	return 0;
}

static void set_add(uint32_t set[8], unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++)
		set[i / 32] |= 1U << (i % 32);
}

/* One member of a sequence: a number, or two with ".." between. */
static int member_read(struct cursor *c, uint32_t set[8])
{
	unsigned from = 0, to = 0;
	int ret = octet_read(c, &from);

	if (ret < 0)
		return ret;
	to = from;
	if (*c->at == '.') {
		if (c->at[1] != '.')
			return filter_fault(c, "has inside [ ] a '.' that is no range '..'");
		c->at += 2;
		ret = octet_read(c, &to);
		if (ret < 0)
			return ret;
		if (to < from)
			return filter_fault(c, "has a range that runs backwards, which ends");
	}
	set_add(set, from, to);
	return 0;
}

static int field_read(struct cursor *c, uint32_t set[8])
{
	unsigned value = 0;
	int ret;

	if (*c->at != '[') {
		ret = octet_read(c, &value);
		if (ret == 0)
			set_add(set, value, value);
		return ret;
	}
	do {
		c->at++;
		ret = member_read(c, set);
		if (ret < 0)
			return ret;
	} while (*c->at == ';');
	if (*c->at != ']')
		return filter_fault(c, "lacks a ';' or ']'");
	c->at++;
	return 0;
}

/* postscreen takes a pair of brackets around the whole, and its manual says nothing of it. Where they close, else NULL. */
static const char *whole_brackets(const char *text)
{
	unsigned open = 0;

	if (*text != '[')
		return NULL;
	for (const char *at = text; *at; at++) {
		open += *at == '[';
		if (*at == ']' && --open == 0)
			return at[1] ? NULL : at;
	}
	return NULL;
}

int site_filter_parse(const char *text, struct site_filter *out, struct err *e)
{
	const char *end = whole_brackets(text);
	struct cursor c = {.text = text, .at = text + (end != NULL), .e = e};
	struct site_filter f = {0};
	int ret;

	for (unsigned i = 0; i < 4; i++) {
		if (i && *c.at++ != '.') {
			c.at--;
			return filter_fault(&c, "lacks a '.' between its four numbers");
		}
		ret = field_read(&c, f.octet[i]);
		if (ret < 0)
			return ret;
	}
	if (*c.at && c.at != end)
		return filter_fault(&c, "has something behind its four numbers");
	*out = f;
	return 0;
}

bool site_filter_matches(const struct site_filter *f, uint32_t code)
{
	if (f->any)
		return true;
	for (unsigned i = 0; i < 4; i++) {
		unsigned value = (code >> (24 - 8 * i)) & OCTET_MAX;

		if (!(f->octet[i][value / 32] & (1U << (value % 32))))
			return false;
	}
	return true;
}

/* ---- entries ---- */

/* As sscanf's "%d" and nothing behind it, but a number that does not fit is a fault. */
static int weight_parse(const char *text, int32_t *out, struct err *e)
{
	const char *at = text;
	bool negative = *at == '-';
	char shown[SHOWN_MAX];
	int64_t value = 0;

	at += *at == '-' || *at == '+';
	if (!is_digit(*at))
		goto fault;
	for (; is_digit(*at); at++) {
		value = value * 10 + (*at - '0');
		if (value > INT32_MAX)
			goto fault;
	}
	if (*at)
		goto fault;
	*out = (int32_t)(negative ? -value : value);
	return 0;
fault:
	return err_set(e, -EINVAL, "the weight '%s' is not a whole number such as 3 or -2",
		       text_escape(text, strlen(text), shown, sizeof(shown)));
}

static int zone_enter(struct sites *s, char *domain, unsigned *zone, struct err *e)
{
	int ret = site_domain_check(domain, e);

	if (ret < 0)
		return ret;
	for (char *c = domain; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	for (*zone = 0; *zone < s->zone_count; (*zone)++)
		if (strcmp(s->zone[*zone], domain) == 0)
			return 0;
	if (s->zone_count == SITE_ZONES_MAX)
		return err_set(e, -EINVAL, "it is one domain too many: at most %d", SITE_ZONES_MAX);
	strcpy(s->zone[s->zone_count++], domain);
	return 0;
}

/* The weight is split off before the filter, as postscreen does: "a=1*2=3" has a bad weight. */
static int entry_add(struct sites *s, char *text, struct err *e)
{
	struct site_entry entry = {.filter = {.any = true}, .weight = 1};
	char *weight = strchr(text, '*'), *filter;
	int ret = 0;

	if (weight)
		*weight++ = '\0';
	filter = strchr(text, '=');
	if (filter)
		*filter++ = '\0';
	if (weight)
		ret = weight_parse(weight, &entry.weight, e);
	if (ret == 0 && filter)
		ret = site_filter_parse(filter, &entry.filter, e);
	if (ret == 0)
		ret = zone_enter(s, text, &entry.zone, e);
	if (ret < 0)
		return ret;
	if (s->entry_count == SITE_FILTERS_MAX)
		return err_set(e, -EINVAL, "it is one too many: at most %d", SITE_FILTERS_MAX);
	s->entry[s->entry_count++] = entry;
	return 0;
}

int sites_add(struct sites *out, const char *text, struct err *e)
{
	const struct sites before = *out;
	unsigned number = 0;
	int ret = 0;

	for (const char *at = text + strspn(text, SEPARATORS); *at && ret == 0;
	     at += strspn(at, SEPARATORS)) {
		size_t length = strcspn(at, SEPARATORS);
		char entry[ENTRY_MAX];

		number++;
		if (length < sizeof(entry)) {
			memcpy(entry, at, length);
			entry[length] = '\0';
			ret = entry_add(out, entry, e);
		} else {
			ret = err_set(e, -EINVAL, "it is longer than %d bytes", ENTRY_MAX - 1);
		}
		at += length;
	}
	if (ret == 0 && !number)
		ret = err_set(e, -EINVAL, "it is empty");
	if (ret < 0) {
		*out = before;
		if (number > 1)
			err_prefix(e, "entry %u", number);
	}
	return ret;
}

void site_bounds(const struct sites *s, unsigned zone, int64_t *low, int64_t *high)
{
	*low = *high = 0;
	for (unsigned i = 0; i < s->entry_count; i++) {
		if (s->entry[i].zone != zone)
			continue;
		if (s->entry[i].weight < 0)
			*low += s->entry[i].weight;
		else
			*high += s->entry[i].weight;
	}
}
