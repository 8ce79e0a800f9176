/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and prefixes: see addr.h. inet_pton(3) does the reading, since it takes nothing but
 * numbers: no names, scopes, octal or short forms, each of which somebody has used to slip past a
 * rule that was read differently elsewhere.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/when.h"

#define SHOWN_MAX	  64 /* bytes of a foreign text in a sentence: an address and a little more */
#define LENGTH_DIGITS_MAX 3

static const uint8_t mapped_lead[12] = {[10] = 0xff, [11] = 0xff};

static const char *text_shown(const char *text, char buffer[static SHOWN_MAX])
{
	return text_escape(text, strlen(text), buffer, SHOWN_MAX);
}

static bool bits_equal(const struct addr *a, const struct addr *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a->byte, b->byte, whole) != 0)
		return false;
	return !rest || !((a->byte[whole] ^ b->byte[whole]) >> (8 - rest));
}

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->byte, mapped_lead, sizeof(mapped_lead)) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

struct addr addr_from_v4(struct in_addr in)
{
	struct addr a;

	memcpy(a.byte, mapped_lead, sizeof(mapped_lead));
	memcpy(a.byte + sizeof(mapped_lead), &in.s_addr, sizeof(in.s_addr));
	return a;
}

struct addr addr_from_v6(const struct in6_addr *in)
{
	struct addr a;

	memcpy(a.byte, in->s6_addr, sizeof(a.byte));
	return a;
}

int addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *out)
{
	switch (ss->ss_family) {
	case AF_INET:
		*out = addr_from_v4(((const struct sockaddr_in *)ss)->sin_addr);
		return 0;
	case AF_INET6:
		*out = addr_from_v6(&((const struct sockaddr_in6 *)ss)->sin6_addr);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

/* The address and the family it was written in. */
static int text_to_addr(const char *text, struct addr *out, int *family)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*out = addr_from_v4(v4);
		*family = AF_INET;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1) {
		*out = addr_from_v6(&v6);
		*family = AF_INET6;
		return 0;
	}
	return -EINVAL;
}

int addr_parse(const char *text, struct addr *out, struct err *e)
{
	char shown[SHOWN_MAX];
	struct addr a;
	int family;

	if (text_to_addr(text, &a, &family) < 0)
		return err_set(e, -EINVAL, "'%s' is not an IPv4 or IPv6 address",
			       text_shown(text, shown));
	*out = a;
	return 0;
}

const char *addr_format(const struct addr *a, char buffer[static ADDR_TEXT_MAX])
{
	if (addr_is_v4(a))
		inet_ntop(AF_INET, a->byte + sizeof(mapped_lead), buffer, ADDR_TEXT_MAX);
	else
		inet_ntop(AF_INET6, a->byte, buffer, ADDR_TEXT_MAX);
	return buffer;
}

/* One to three digits and nothing else, at most max. */
static int length_parse(const char *text, unsigned max, unsigned *out)
{
	unsigned value = 0, digits = 0;

	for (; *text >= '0' && *text <= '9' && digits < LENGTH_DIGITS_MAX; text++, digits++)
		value = value * 10 + (unsigned)(*text - '0');
	if (!digits || *text || value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

static int prefix_refuse_host_bits(const char *text, const struct addr *a, unsigned bits,
				   struct err *e)
{
	char shown[SHOWN_MAX], host[ADDR_TEXT_MAX], network[PREFIX_TEXT_MAX];
	struct prefix meant = prefix_of(a, (uint8_t)bits);

	return err_set(e, -EINVAL,
		       "'%s' has bits set behind its length: the network is %s, the host is %s",
		       text_shown(text, shown), prefix_format(&meant, network),
		       addr_format(a, host));
}

int prefix_parse(const char *text, struct prefix *out, struct err *e)
{
	char address[ADDR_TEXT_MAX], shown[SHOWN_MAX];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned bits = ADDR_BITS, lead;
	struct prefix network;
	struct addr a;
	int family;

	if (length >= sizeof(address))
		goto malformed;
	memcpy(address, text, length);
	address[length] = '\0';
	if (text_to_addr(address, &a, &family) < 0)
		goto malformed;
	if (slash) {
		lead = family == AF_INET ? ADDR_V4_LEAD_BITS : 0;
		if (length_parse(slash + 1, ADDR_BITS - lead, &bits) < 0)
			return err_set(e, -EINVAL,
				       "'%s' has no valid length: 0 to %u come after the '/'",
				       text_shown(text, shown), ADDR_BITS - lead);
		bits += lead;
	}
	network = prefix_of(&a, (uint8_t)bits);
	if (!addr_equal(&network.addr, &a))
		return prefix_refuse_host_bits(text, &a, bits, e);
	*out = network;
	return 0;
malformed:
	return err_set(e, -EINVAL,
		       "'%s' is not an IPv4 or IPv6 address, alone or with a length behind '/'",
		       text_shown(text, shown));
}

const char *prefix_format(const struct prefix *p, char buffer[static PREFIX_TEXT_MAX])
{
	char address[ADDR_TEXT_MAX];
	unsigned lead = prefix_is_v4(p) ? ADDR_V4_LEAD_BITS : 0;

	addr_format(&p->addr, address);
	if (prefix_is_host(p))
		snprintf(buffer, PREFIX_TEXT_MAX, "%s", address);
	else
		snprintf(buffer, PREFIX_TEXT_MAX, "%s/%u", address, (p->bits - lead) & 0xff);
	return buffer;
}

struct prefix prefix_of(const struct addr *a, uint8_t bits)
{
	struct prefix p = {.bits = bits < ADDR_BITS ? bits : ADDR_BITS};
	unsigned whole = p.bits / 8, rest = p.bits % 8;

	memcpy(p.addr.byte, a->byte, whole);
	if (rest)
		p.addr.byte[whole] = (uint8_t)(a->byte[whole] & (0xff << (8 - rest)));
	return p;
}

bool prefix_is_v4(const struct prefix *p)
{
	return p->bits >= ADDR_V4_LEAD_BITS && addr_is_v4(&p->addr);
}

bool prefix_is_host(const struct prefix *p)
{
	return p->bits == ADDR_BITS;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && addr_equal(&a->addr, &b->addr);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order ? order : (int)a->bits - (int)b->bits;
}

/* The last steps of MurmurHash3: each bit of the result hangs on each bit of the word. A bare multiplication carries upwards alone. */
static uint64_t word_mix(uint64_t word)
{
	word = (word ^ word >> 33) * 0xff51afd7ed558ccdULL;
	word = (word ^ word >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return word ^ word >> 33;
}

uint64_t prefix_hash(const struct prefix *p, uint64_t secret)
{
	uint64_t half[2];

	memcpy(half, p->addr.byte, sizeof(half));
	return word_mix(word_mix(word_mix(half[0] ^ secret) ^ half[1]) + p->bits * secret);
}

uint64_t prefix_secret(void)
{
	uint64_t secret;

	/* An hour that strangers do not know is better than nothing. */
	return getrandom(&secret, sizeof(secret), 0) == sizeof(secret) ? secret
								       : now_monotonic_ns();
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	/* ::/0 comes before ::ffff:0:0/96 bit by bit, yet is a prefix of another family. */
	return prefix_is_v4(outer) == prefix_is_v4(inner) && outer->bits <= inner->bits &&
	       bits_equal(&outer->addr, &inner->addr, outer->bits);
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	struct prefix host = {.addr = *a, .bits = ADDR_BITS};

	return prefix_covers(p, &host);
}

struct addr prefix_last(const struct prefix *p)
{
	struct addr last = p->addr;

	for (unsigned bit = p->bits; bit < ADDR_BITS; bit++)
		last.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

bool prefix_is_private(const struct prefix *p)
{
	static const struct prefix ranges[] = {
		/* RFC 1918, section 3: 10/8, 172.16/12, 192.168/16 */
		{{{[10] = 0xff, 0xff, 10}}, ADDR_V4_LEAD_BITS + 8},
		{{{[10] = 0xff, 0xff, 172, 16}}, ADDR_V4_LEAD_BITS + 12},
		{{{[10] = 0xff, 0xff, 192, 168}}, ADDR_V4_LEAD_BITS + 16},
		/* RFC 4193, section 3.1: fc00::/7 */
		{{{0xfc}}, 7},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (prefix_covers(&ranges[i], p))
			return true;
	return false;
}
