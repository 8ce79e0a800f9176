/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses and prefixes as people write them, and what covers what. */
#include "base/addr.h"

#include <errno.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Text in, canonical text out; NULL: refused. */
struct reading {
	const char *sentence, *text, *canonical;
};

static const struct reading addresses[] = {
	{"IPv4 dotted", "192.0.2.1", "192.0.2.1"},
	{"the lowest IPv4", "0.0.0.0", "0.0.0.0"},
	{"the highest IPv4", "255.255.255.255", "255.255.255.255"},
	{"IPv6 short form", "2001:db8::1", "2001:db8::1"},
	{"IPv6 long form is shortened", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
	{"capitals become small", "2001:DB8::ABCD", "2001:db8::abcd"},
	{"one zero group stays", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"the longer run is shortened", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"the unspecified address", "::", "::"},
	{"mapped text is IPv4", "::ffff:192.0.2.1", "192.0.2.1"},
	{"mapped text in hexadecimal is IPv4", "::ffff:c000:201", "192.0.2.1"},
	{"nothing", "", NULL},
	{"a name", "localhost", NULL},
	{"a short IPv4", "10.1", NULL},
	{"a number", "3221225985", NULL},
	{"octal", "192.0.2.010", NULL},
	{"hexadecimal IPv4", "0xc0.0.2.1", NULL},
	{"five parts", "1.2.3.4.5", NULL},
	{"a part over 255", "192.0.2.256", NULL},
	{"a minus", "192.0.2.-1", NULL},
	{"a blank in front", " 192.0.2.1", NULL},
	{"a blank behind", "192.0.2.1 ", NULL},
	{"a newline behind", "192.0.2.1\n", NULL},
	{"a scope", "fe80::1%eth0", NULL},
	{"brackets", "[2001:db8::1]", NULL},
	{"a port", "192.0.2.1:25", NULL},
	{"two runs", "2001::db8::1", NULL},
	{"nine groups", "1:2:3:4:5:6:7:8:9", NULL},
	{"five digits in a group", "2001:0db80::1", NULL},
	{"a length", "192.0.2.1/32", NULL},
};

TEST(addr_reads_what_people_write_and_nothing_else)
{
	for (size_t i = 0; i < COUNT(addresses); i++) {
		const struct reading *r = &addresses[i];
		char text[ADDR_TEXT_MAX];
		struct err e = {0};
		struct addr a, again;
		int ret = addr_parse(r->text, &a, &e);

		if (!r->canonical) {
			EXPECT(ret == -EINVAL && e.code == -EINVAL && e.text[0],
			       "%s: '%s' was not refused with a sentence", r->sentence, r->text);
			continue;
		}
		if (!EXPECT(ret == 0, "%s: %s", r->sentence, e.text))
			continue;
		addr_format(&a, text);
		EXPECT(strcmp(text, r->canonical) == 0, "%s: got %s", r->sentence, text);
		EXPECT(addr_parse(text, &again, NULL) == 0 && addr_equal(&a, &again),
		       "%s: does not read its own text", r->sentence);
	}
}

static const struct reading prefixes[] = {
	{"a host of IPv4", "192.0.2.1", "192.0.2.1"},
	{"a host with its length", "192.0.2.1/32", "192.0.2.1"},
	{"a network of IPv4", "192.0.2.0/24", "192.0.2.0/24"},
	{"a length in the middle of a byte", "192.0.2.128/25", "192.0.2.128/25"},
	{"all of IPv4", "0.0.0.0/0", "0.0.0.0/0"},
	{"a host of IPv6", "2001:db8::1/128", "2001:db8::1"},
	{"a network of IPv6", "2001:db8::/32", "2001:db8::/32"},
	{"all of IPv6", "::/0", "::/0"},
	{"a short IPv6 prefix stays IPv6", "::/16", "::/16"},
	{"mapped text is IPv4", "::ffff:10.0.0.0/104", "10.0.0.0/8"},
	{"all of IPv4, mapped", "::ffff:0:0/96", "0.0.0.0/0"},
	{"host bits of IPv4", "192.0.2.1/24", NULL},
	{"host bits within a byte", "192.0.2.129/25", NULL},
	{"host bits of IPv6", "2001:db8::1/64", NULL},
	{"a length over 32", "192.0.2.0/33", NULL},
	{"a length over 128", "2001:db8::/129", NULL},
	{"a huge length", "192.0.2.0/4294967320", NULL},
	{"no length", "192.0.2.0/", NULL},
	{"a negative length", "192.0.2.0/-1", NULL},
	{"a plus", "192.0.2.0/+24", NULL},
	{"a netmask", "192.0.2.0/255.255.255.0", NULL},
	{"two lengths", "192.0.2.0/24/24", NULL},
	{"a blank", "192.0.2.0 /24", NULL},
	{"a blank behind", "192.0.2.0/24 ", NULL},
	{"only a length", "/24", NULL},
	{"nothing", "", NULL},
	{"a long text",
	 "1111111111111111111111111111111111111111111111111111111111111111111111111111/8", NULL},
};

TEST(prefix_reads_what_people_write_and_nothing_else)
{
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		const struct reading *r = &prefixes[i];
		char text[PREFIX_TEXT_MAX];
		struct prefix p, again;
		struct err e = {0};
		int ret = prefix_parse(r->text, &p, &e);

		if (!r->canonical) {
			EXPECT(ret == -EINVAL && e.text[0], "%s: '%s' was not refused", r->sentence,
			       r->text);
			continue;
		}
		if (!EXPECT(ret == 0, "%s: %s", r->sentence, e.text))
			continue;
		prefix_format(&p, text);
		EXPECT(strcmp(text, r->canonical) == 0, "%s: got %s", r->sentence, text);
		EXPECT(prefix_parse(text, &again, NULL) == 0 && prefix_equal(&p, &again),
		       "%s: does not read its own text", r->sentence);
	}
}

TEST(prefix_with_host_bits_names_the_network_that_was_meant)
{
	struct prefix p;
	struct err e = {0};

	prefix_parse("192.0.2.77/24", &p, &e);
	EXPECT(strstr(e.text, "192.0.2.0/24"), "%s", e.text);
	prefix_parse("2001:db8::77/64", &p, &e);
	EXPECT(strstr(e.text, "2001:db8::/64"), "%s", e.text);
}

TEST(addr_escapes_foreign_bytes_in_its_sentence)
{
	struct addr a;
	struct err e = {0};

	addr_parse("\x1b[31m1.2.3.4\n", &a, &e);
	EXPECT(strstr(e.text, "\\x1b[31m1.2.3.4\\x0a"), "%s", e.text);
}

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};
	struct err e;

	EXPECT(prefix_parse(text, &p, &e) == 0, "%s", e.text);
	return p;
}

TEST(prefix_covers_its_own_family_only)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.1", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/24", "192.0.2.0/24", true},
		{"192.0.2.0/25", "192.0.2.0/24", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.128/25", "192.0.2.255", true},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.1", false},
		{"::/16", "192.0.2.1", false},
		{"::/0", "0.0.0.0/0", false},
		{"2001:db8::/32", "2001:db8:ffff::/48", true},
		{"2001:db8::/33", "2001:db8:ffff::/48", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct prefix outer = prefix(rows[i].outer), inner = prefix(rows[i].inner);

		EXPECT(prefix_covers(&outer, &inner) == rows[i].covers, "%s covers %s: %s",
		       rows[i].outer, rows[i].inner, rows[i].covers ? "no" : "yes");
		if (prefix_is_host(&inner))
			EXPECT(prefix_has(&outer, &inner.addr) == rows[i].covers, "%s has %s",
			       rows[i].outer, rows[i].inner);
	}
}

TEST(prefix_is_private_only_as_a_whole)
{
	static const struct {
		const char *text;
		bool is_private;
	} rows[] = {
		{"10.0.0.0/8", true},	   {"10.1.2.3", true},	     {"8.0.0.0/7", false},
		{"172.16.0.0/12", true},   {"172.31.255.255", true}, {"172.32.0.0", false},
		{"172.15.255.255", false}, {"192.168.0.0/16", true}, {"192.168.0.0/15", false},
		{"192.169.0.0", false},	   {"fc00::/7", true},	     {"fd00::1", true},
		{"fe80::1", false},	   {"2001:db8::1", false},   {"::/0", false},
		{"0.0.0.0/0", false},	   {"192.0.2.1", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct prefix p = {0};
		struct err e;

		if (!EXPECT(prefix_parse(rows[i].text, &p, &e) == 0, "%s", e.text))
			continue;
		EXPECT(prefix_is_private(&p) == rows[i].is_private, "%s: %s", rows[i].text,
		       rows[i].is_private ? "not private" : "private");
	}
}

TEST(prefix_of_cuts_the_bits_behind)
{
	struct prefix host = prefix("192.0.2.255");

	for (unsigned bits = 0; bits <= ADDR_BITS; bits++) {
		struct prefix p = prefix_of(&host.addr, (uint8_t)bits);

		for (unsigned bit = 0; bit < ADDR_BITS; bit++) {
			unsigned of_p = p.addr.byte[bit / 8] >> (7 - bit % 8) & 1;
			unsigned of_host = host.addr.byte[bit / 8] >> (7 - bit % 8) & 1;

			EXPECT(of_p == (bit < bits ? of_host : 0), "bit %u of length %u", bit,
			       bits);
		}
	}
}

TEST(addr_from_sockaddr_takes_both_families_and_no_third)
{
	struct sockaddr_storage ss = {.ss_family = AF_INET};
	char text[ADDR_TEXT_MAX];
	struct addr a;

	inet_pton(AF_INET, "192.0.2.1", &((struct sockaddr_in *)&ss)->sin_addr);
	EXPECT(addr_from_sockaddr(&ss, &a) == 0 && !strcmp(addr_format(&a, text), "192.0.2.1"),
	       "AF_INET");
	ss.ss_family = AF_INET6;
	inet_pton(AF_INET6, "2001:db8::1", &((struct sockaddr_in6 *)&ss)->sin6_addr);
	EXPECT(addr_from_sockaddr(&ss, &a) == 0 && !strcmp(addr_format(&a, text), "2001:db8::1"),
	       "AF_INET6");
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &((struct sockaddr_in6 *)&ss)->sin6_addr);
	EXPECT(addr_from_sockaddr(&ss, &a) == 0 && addr_is_v4(&a), "a mapped peer is IPv4");
	ss.ss_family = AF_UNIX;
	EXPECT(addr_from_sockaddr(&ss, &a) == -EAFNOSUPPORT, "AF_UNIX");
}

/* Of so many neighbours in as many buckets, about two thirds fall into one of their own when they fall by chance. */
#define CROWD	    1024
#define CROWD_LEAST (CROWD / 2)

static const struct {
	const char *sentence;
	unsigned byte; /* that and the one before count */
	uint8_t bits;
} crowds[] = {
	{"hosts of four IPv4 /24, or the last of an IPv6 network", 15, 128},
	{"customers of an IPv6 /48", 7, 64},
	{"networks of an IPv6 /32", 5, 48},
	{"hosts far apart", 9, 128},
};

TEST(neighbours_lie_apart_in_a_table)
{
	for (size_t i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++) {
		bool taken[CROWD] = {false};
		unsigned places = 0;

		for (unsigned n = 0; n < CROWD; n++) {
			struct prefix p = {.bits = crowds[i].bits};
			unsigned place;

			p.addr.byte[crowds[i].byte] = (uint8_t)n;
			p.addr.byte[crowds[i].byte - 1] = (uint8_t)((n >> 8) << 6);
			place = prefix_hash(&p, 0x9e3779b97f4a7c15ULL) % CROWD;
			places += !taken[place];
			taken[place] = true;
		}
		EXPECT(places > CROWD_LEAST, "%s: %u places", crowds[i].sentence, places);
	}
}
