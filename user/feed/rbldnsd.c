/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zone files of rbldnsd(8), data sets ip4set, ip4trie and ip6trie: an address, prefix or range a line; "1.2.3" is 1.2.3.0/24, "1.2/16" a
 * prefix without the zeros, "1.2.3.4-9" and "1.2.3-5" are ranges; "!" takes out; ":127.0.0.2:text" is a value, and "$" begins a directive.
 * What is taken out stays out, whatever else the file says of it. Test entries are passed over. Domain names (dnset) are refused: they are
 * no sources.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/reader.h"

#define OCTETS	       4
#define SHORT_TEXT_MAX 48 /* "255.255.255.255-255.255.255.255/32" and the final 0 */

/* "1.2.3", "1.2/16", "1.2.3-5", "1.2.3-1.2.9": fewer than four numbers where four would be. */
static bool is_short(struct excerpt p)
{
	unsigned dots = 0;
	size_t i = 0;

	if (!p.length || p.length >= SHORT_TEXT_MAX || !isdigit((unsigned char)*p.at))
		return false;
	for (; i < p.length && p.at[i] != '/' && p.at[i] != '-'; i++) {
		if (p.at[i] != '.' && !isdigit((unsigned char)p.at[i]))
			return false;
		dots += p.at[i] == '.';
	}
	for (; i < p.length; i++)
		if (!isdigit((unsigned char)p.at[i]) && !strchr("./-", p.at[i]))
			return false;
	return dots < OCTETS - 1;
}

/* Without blanks, and what follows the address: a value, a text, a comment. */
static struct excerpt address_of(struct excerpt line)
{
	struct excerpt rest = line;

	return excerpt_word(&rest);
}

static bool rbldnsd_fits(struct excerpt line)
{
	if (*line.at == '$' || *line.at == '!')
		return true;
	if (*line.at == ':')
		return line.length > 1 && line.at[1] != ':';
	return is_short(address_of(line)) && memchr(line.at, '.', address_of(line).length);
}

/* Three, two or one numbers: from the first address that begins with them to the last. False: not so. */
static bool numbers_read(const char *text, uint32_t octet[OCTETS], unsigned *count,
			 const char **end)
{
	const char *at = text;

	for (*count = 0; *count < OCTETS; at++) {
		unsigned value = 0, digits = 0;

		for (; isdigit((unsigned char)*at) && digits < 4; at++, digits++)
			value = value * 10 + (unsigned)(*at - '0');
		if (!digits || digits > 3 || value > UINT8_MAX)
			return false;
		octet[(*count)++] = value;
		*end = at;
		if (*at != '.')
			return true;
	}
	return false;
}

static uint32_t number_with(const uint32_t octet[OCTETS], unsigned count, uint32_t rest)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < OCTETS; i++)
		n = n << 8 | (i < count ? octet[i] : rest);
	return n;
}

/* The address range of a text in short form. False: it is none. */
static bool short_read(struct excerpt p, uint32_t *first, uint32_t *last)
{
	uint32_t from[OCTETS] = {0}, to[OCTETS] = {0};
	unsigned from_count, to_count;
	char text[SHORT_TEXT_MAX], *rest = NULL;
	unsigned long bits;
	const char *end;

	snprintf(text, sizeof(text), "%.*s", (int)p.length, p.at);
	if (!numbers_read(text, from, &from_count, &end))
		return false;
	*first = number_with(from, from_count, 0);
	*last = number_with(from, from_count, UINT8_MAX);
	if (!*end)
		return true;
	if (*end == '/') {
		bits = end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &rest, 10) : 0;
		if (!bits || bits > 32 || *rest)
			return false;
		*last = *first | (uint32_t)((1ULL << (32 - bits)) - 1);
		return !(*first & (uint32_t)((1ULL << (32 - bits)) - 1));
	}
	if (!numbers_read(end + 1, to, &to_count, &end) || *end)
		return false;
	/* "1.2.3-5": the last number alone is given anew. */
	if (to_count == 1 && from_count > 1) {
		from[from_count - 1] = to[0];
		*last = number_with(from, from_count, UINT8_MAX);
	} else {
		*last = number_with(to, to_count, UINT8_MAX);
	}
	return *last >= *first && (to_count == from_count || to_count == 1);
}

/* RFC 5782, section 5: what every zone has, or says that it has not, so that one sees that it is served. Nobody means to block it. */
static bool is_test(struct excerpt p)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix found;
	const uint8_t *byte = found.addr.byte + ADDR_V4_LEAD_BITS / 8;

	/* Of a million lines hardly one is read further. */
	if (p.length >= sizeof(text) || !(excerpt_starts(p, "127.") || excerpt_starts(p, "::")))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)p.length, p.at);
	return prefix_parse(text, &found, NULL) == 0 && prefix_is_v4(&found) &&
	       prefix_is_host(&found) && byte[0] == 127 && !byte[1] && !byte[2] &&
	       (byte[3] == 1 || byte[3] == 2);
}

static int entry_read(struct feed_reader *r, struct excerpt entry, bool excluded)
{
	struct prefix none = {.addr.byte = {[10] = 0xff, 0xff}, .bits = ADDR_V4_LEAD_BITS};
	struct feed_range range = range_of_prefix(&none);
	uint32_t first, last;

	if (!is_short(entry))
		return excluded ? feed_exclude(r, entry) : feed_take(r, entry);
	if (!short_read(entry, &first, &last))
		return feed_fault(r, entry, "is no short form of a network");
	range.last = range.first + last;
	range.first += first;
	return feed_take_range(r, &range, entry, excluded);
}

static int directive_read(struct feed_reader *r, struct excerpt line)
{
	static const char *const known[] = {
		"$SOA", "$NS", "$TTL", "$TIMESTAMP", "$MAXRANGE4", "$=", "$0", "$1",
		"$2",	"$3",  "$4",   "$5",	     "$6",	   "$7", "$8", "$9"};
	static const char *const sets[] = {"ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset"};
	char shown[EXCERPT_SHOWN_MAX];
	struct excerpt rest = line, word = excerpt_word(&rest);

	if (excerpt_is(word, "$DATASET")) {
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
			if (excerpt_starts(rest, sets[i]))
				return 0;
		return feed_refuse(r, "begins a data set that has no addresses: '%s'",
				   excerpt_shown(rest, shown));
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (excerpt_starts(word, known[i]))
			return 0;
	return feed_fault(r, line, "is no directive that is known");
}

/* "example.com", ".example.com", "*.example.com": letters, and no address of either family. */
static bool is_domain(struct excerpt p)
{
	bool letters = false;

	for (size_t i = 0; i < p.length; i++) {
		if (!isalnum((unsigned char)p.at[i]) && !strchr(".-_*", p.at[i]))
			return false;
		letters = letters || isalpha((unsigned char)p.at[i]);
	}
	return letters && memchr(p.at, '.', p.length);
}

static int rbldnsd_line(struct feed_reader *r, struct excerpt line)
{
	struct excerpt entry = address_of(line);
	bool excluded = *line.at == '!';

	if (*line.at == '$')
		return directive_read(r, line);
	/* A value for what follows; "::1" is an address. */
	if (*line.at == ':' && rbldnsd_fits(line))
		return 0;
	if (excluded) {
		line.at++;
		line.length--;
		line = excerpt_trim(line);
		entry = address_of(line);
	}
	if (is_test(entry))
		return 0;
	if (is_domain(entry))
		return feed_refuse(r, "is a domain name: a dnset lists no addresses");
	return entry_read(r, entry, excluded);
}

const struct feed_reading rbldnsd_reading = {
	.name = "rbldnsd",
	.title = "a zone file of rbldnsd's",
	.fits = rbldnsd_fits,
	.line = rbldnsd_line,
};
