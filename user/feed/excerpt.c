/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Excerpts of a feed's text: words, addresses, prefixes and ranges. Addresses are read by inet_pton(3) by way of base/addr.h, which takes no
 * octal and no short forms.
 */
#include "feed/reader.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"

#define SPAN_TEXT_MAX (2 * ADDR_TEXT_MAX) /* two addresses and the hyphen */
#define OCTET_MOST    255
#define OCTET_DIGITS  3

bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\n');
}

struct excerpt excerpt_trim(struct excerpt p)
{
	while (p.length && is_blank(p.at[0])) {
		p.at++;
		p.length--;
	}
	while (p.length && is_blank(p.at[p.length - 1]))
		p.length--;
	return p;
}

struct excerpt excerpt_word(struct excerpt *p)
{
	struct excerpt word;

	*p = excerpt_trim(*p);
	word = (struct excerpt){.at = p->at};
	while (word.length < p->length && !is_blank(p->at[word.length]))
		word.length++;
	p->at += word.length;
	p->length -= word.length;
	*p = excerpt_trim(*p);
	return word;
}

bool excerpt_is(struct excerpt p, const char *text)
{
	return p.length == strlen(text) && memcmp(p.at, text, p.length) == 0;
}

bool excerpt_starts(struct excerpt p, const char *text)
{
	size_t length = strlen(text);

	return p.length >= length && memcmp(p.at, text, length) == 0;
}

const char *excerpt_shown(struct excerpt p, char buffer[static EXCERPT_SHOWN_MAX])
{
	return text_escape(p.at, p.length, buffer, EXCERPT_SHOWN_MAX);
}

bool excerpt_is_comment(struct excerpt p)
{
	return p.length && (*p.at == '#' || *p.at == ';' || excerpt_starts(p, "//"));
}

/* As a text for those who need one; what is too long is no address. */
static int excerpt_text(struct excerpt p, char buffer[static SPAN_TEXT_MAX])
{
	if (p.length >= SPAN_TEXT_MAX || memchr(p.at, 0, p.length))
		return -EINVAL;
	memcpy(buffer, p.at, p.length);
	buffer[p.length] = '\0';
	return 0;
}

/* "9" behind "1.2.3.4-": the last octet of the other end. */
static bool octet_of(const char *text, struct addr *a)
{
	unsigned value = 0, digits = 0;

	for (; *text >= '0' && *text <= '9' && digits <= OCTET_DIGITS; text++, digits++)
		value = value * 10 + (unsigned)(*text - '0');
	if (!digits || *text || digits > OCTET_DIGITS || value > OCTET_MOST)
		return false;
	a->byte[sizeof(a->byte) - 1] = (uint8_t)value;
	return true;
}

static int span_parse(const char *from, const char *to, struct feed_range *out, const char **why)
{
	struct addr first, last;

	*why = "is no range of addresses";
	if (addr_parse(from, &first, NULL))
		return -EINVAL;
	last = first;
	if (addr_parse(to, &last, NULL) && !(addr_is_v4(&first) && octet_of(to, &last)))
		return -EINVAL;
	if (addr_is_v4(&first) != addr_is_v4(&last))
		return -EINVAL;
	*out = (struct feed_range){number_of_addr(&first), number_of_addr(&last)};
	if (out->first > out->last) {
		*why = "is a range that ends before it begins";
		return -EINVAL;
	}
	return 0;
}

int excerpt_range(struct excerpt p, struct feed_range *out, const char **why)
{
	char text[SPAN_TEXT_MAX], *hyphen;
	struct prefix prefix;
	int ret;

	*why = "is not an address, prefix or range";
	if (excerpt_text(p, text))
		return -EINVAL;
	hyphen = strchr(text, '-');
	if (hyphen) {
		*hyphen = '\0';
		ret = span_parse(text, hyphen + 1, out, why);
	} else {
		ret = prefix_parse(text, &prefix, NULL);
		if (ret && strchr(text, '/'))
			*why = "is no prefix, or has bits set behind its length";
		else if (!ret)
			*out = range_of_prefix(&prefix);
	}
	if (ret)
		return -EINVAL;
	/* Written as IPv6, read as IPv4: which of the two was meant is anybody's guess. */
	if (strchr(text, ':')) {
		struct addr a = number_to_addr(out->first);

		if (addr_is_v4(&a))
			return -EAFNOSUPPORT;
	}
	return 0;
}

/* IPv4 as base/addr.h has it, and the first 16 bits of IPv6. */
#define V4(a, b, c, d)                                                                             \
	((feed_number)0xffff << 32 | (feed_number)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define V6(first) ((feed_number)(first) << 112)

struct forbidden {
	struct feed_range range;
	const char *why;
};

static const struct forbidden forbidden_v4[] = {
	{{V4(0, 0, 0, 0), V4(0, 255, 255, 255)}, "is no source (RFC 1122, 3.2.1.3)"},
	{{V4(127, 0, 0, 0), V4(127, 255, 255, 255)}, "is loopback"},
	{{V4(169, 254, 0, 0), V4(169, 254, 255, 255)}, "is link-local"},
	{{V4(224, 0, 0, 0), V4(239, 255, 255, 255)}, "is multicast"},
	{{V4(240, 0, 0, 0), V4(255, 255, 255, 255)}, "is reserved (RFC 1112, 4)"},
};

static const struct forbidden forbidden_v6[] = {
	/* RFC 4291, 2.5 and 2.7: unspecified, loopback, IPv4-compatible and IPv4-mapped; multicast. */
	{{0, V4(255, 255, 255, 255)}, "has unspecified, loopback or IPv4-mapped addresses in it"},
	{{V6(0xfe80), V6(0xfec0) - 1}, "is link-local"},
	{{V6(0xff00), ~(feed_number)0}, "is multicast"},
};

const char *range_forbidden(const struct feed_range *r)
{
	bool is_v4 = r->first >= V4(0, 0, 0, 0) && r->last <= V4(255, 255, 255, 255);
	size_t count = is_v4 ? sizeof(forbidden_v4) / sizeof(forbidden_v4[0])
			     : sizeof(forbidden_v6) / sizeof(forbidden_v6[0]);

	const struct forbidden *list = is_v4 ? forbidden_v4 : forbidden_v6;

	for (size_t i = 0; i < count; i++)
		if (r->first <= list[i].range.last && r->last >= list[i].range.first)
			return list[i].why;
	return NULL;
}
