/* SPDX-License-Identifier: BSD-2-Clause */
/* The small pure parts of the DNS side: outcomes, lifetimes, names, and which addresses are asked about. */
#include "dns/generic.h"
#include "dns/global.h"
#include "dns/name.h"
#include "dns/outcome.h"
#include "dns/resolver.h"
#include "dns/ttl.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CODES_MAX    3

TEST(outcome_takes_only_listings_for_listings)
{
	static const struct {
		const char *sentence;
		uint32_t code[CODES_MAX];
		unsigned count;
		enum outcome outcome;
	} rows[] = {
		{"127.0.0.2 is a listing", {0x7f000002}, 1, OUTCOME_LISTED},
		{"so is any other of 127/8", {0x7f010203}, 1, OUTCOME_LISTED},
		{"127.0.0.1 never is", {0x7f000001}, 1, OUTCOME_REFUSING},
		{"beside a listing it is passed over", {0x7f000001, 0x7f000002}, 2, OUTCOME_LISTED},
		{"127.255.255.254: asked through a public resolver",
		 {0x7ffffffe},
		 1,
		 OUTCOME_REFUSING},
		{"127.255.255.252: a typing error", {0x7ffffffc}, 1, OUTCOME_REFUSING},
		{"127.255.255.0 belongs to them", {0x7fffff00}, 1, OUTCOME_REFUSING},
		{"127.255.254.255 does not", {0x7ffffeff}, 1, OUTCOME_LISTED},
		{"an error beside a listing is an error",
		 {0x7f000002, 0x7fffffff},
		 2,
		 OUTCOME_REFUSING},
		{"an answer outside 127/8 is a lapsed zone", {0x08080808}, 1, OUTCOME_PARKED},
		{"beside a listing too", {0x7f000002, 0x08080808}, 2, OUTCOME_PARKED},
		{"128.0.0.2 is outside", {0x80000002}, 1, OUTCOME_PARKED},
		{"126.255.255.255 too", {0x7effffff}, 1, OUTCOME_PARKED},
		{"the zone's own error code is one", {0x7f0000ff}, 1, OUTCOME_REFUSING},
		{"and its range of them", {0x7f000a03}, 1, OUTCOME_REFUSING},
	};
	static struct outcome_errors errors = {.count = 2, .why = {"quota", "quota"}};

	ENSURE(site_filter_parse("127.0.0.255", &errors.filter[0], NULL) == 0 &&
		       site_filter_parse("127.0.10.[0..255]", &errors.filter[1], NULL) == 0,
	       "filters");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *why = "?";
		enum outcome o = outcome_of_codes(rows[i].code, rows[i].count, &errors, &why);

		EXPECT(o == rows[i].outcome, "%s: %s", rows[i].sentence, outcome_name(o));
		EXPECT((o == OUTCOME_LISTED) == !why, "%s: says why or not", rows[i].sentence);
	}
}

TEST(outcome_only_an_answer_is_no_failure)
{
	for (enum outcome o = 0; o < OUTCOMES; o++)
		EXPECT(outcome_is_failure(o) == (o != OUTCOME_LISTED && o != OUTCOME_CLEAN), "%s",
		       outcome_name(o));
}

TEST(ttl_follows_the_rules)
{
	static const struct ttl_clamp clamp = {60, 3600};

	EXPECT(ttl_of_soa(300, 3600) == 300 && ttl_of_soa(3600, 300) == 300,
	       "a negative answer lives the lesser of the SOA's TTL and its MINIMUM");
	EXPECT(ttl_of_soa(300, 0x80000000) == 0, "a negative number counts as 0");
	EXPECT(ttl_of_wire(0xffffffff) == 0 && ttl_of_wire(0x7fffffff) == 0x7fffffff, "the sign");
	EXPECT(ttl_of_verdict(5, &clamp, false) == 60, "no shorter than the least");
	EXPECT(ttl_of_verdict(86400, &clamp, false) == 3600, "no longer than the most");
	EXPECT(ttl_of_verdict(900, &clamp, false) == 900, "else as it is");
	EXPECT(ttl_of_verdict(900, &clamp, true) == 60, "a partial one a minute at most");
	EXPECT(ttl_of_verdict(UINT32_MAX, &clamp, true) == 60, "without any answer too");
	EXPECT(ttl_of_verdict(900, &(struct ttl_clamp){300, 3600}, true) == 60,
	       "whatever the least is");
}

TEST(generic_knows_names_of_ranges)
{
	static const struct {
		const char *name, *addr;
		bool generic;
	} rows[] = {
		{"mail.example.org", "192.0.2.7", false},
		{"mx1.example.org", "192.0.2.1", false},
		{"mx-192.example.org", "192.0.2.7", false},
		{"smtp2.out.example.org", "192.0.2.2", false},
		{"mail.dynamo.example.org", "192.0.2.7", false},
		{"pool.example.org", "192.0.2.7", true},
		{"mail.pool-supplies.example", "192.0.2.7", false},
		{"192-0-2-7.example.org", "192.0.2.7", true},
		{"7.2.0.192.example.org", "192.0.2.7", true},
		{"host-2-0-192.example.org", "192.0.2.7", true},
		{"ip192.0.2.7.isp.example", "192.0.2.7", true},
		{"192-000-002-007.isp.example", "192.0.2.7", true},
		{"192000002007.isp.example", "192.0.2.7", true},
		{"c0000207.isp.example", "192.0.2.7", true},
		{"C0000207.ISP.Example", "192.0.2.7", true},
		{"198-51-100-9.isp.example", "192.0.2.7", false},
		{"h7.dyn.isp.example", "192.0.2.7", true},
		{"dsl12.isp.example", "192.0.2.7", true},
		{"cust-17.isp.example", "192.0.2.7", true},
		{"customs.isp.example", "192.0.2.7", false},
		{"a.b", "192.0.2.7", false},
		{"", "192.0.2.7", false},
		{"2001-db8-0-1-0-0-0-7.isp.example", "2001:db8:0:1::7", false},
		{"2001-0db8-0000-0001-0000-0000-0000-0007.isp.example", "2001:db8:0:1::7", true},
		{"20010db800000001.isp.example", "2001:db8:0:1::7", true},
		{"x0000000000000007.isp.example", "2001:db8:0:1::7", true},
		{"mail6.example.org", "2001:db8:0:1::7", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a;

		ENSURE(addr_parse(rows[i].addr, &a, NULL) == 0, "%s", rows[i].addr);
		EXPECT(generic_is_name(rows[i].name, &a) == rows[i].generic, "%s of %s",
		       rows[i].name, rows[i].addr);
	}
}

TEST(global_tells_who_may_be_asked_about)
{
	static const struct {
		const char *addr;
		bool asked;
	} rows[] = {
		{"8.8.8.8", true},
		{"0.1.2.3", false},
		{"10.1.2.3", false},
		{"9.255.255.255", true},
		{"11.0.0.0", true},
		{"100.63.255.255", true},
		{"100.64.0.1", false},
		{"100.127.255.255", false},
		{"100.128.0.0", true},
		{"127.0.0.2", false},
		{"169.254.1.1", false},
		{"172.15.255.255", true},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"172.32.0.0", true},
		{"192.0.0.8", false},
		{"192.0.1.1", true},
		{"192.0.2.1", false},
		{"192.168.3.4", false},
		{"198.17.255.255", true},
		{"198.18.0.1", false},
		{"198.19.255.255", false},
		{"198.20.0.0", true},
		{"198.51.100.7", false},
		{"203.0.113.7", false},
		{"223.255.255.255", true},
		{"224.0.0.1", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"2a00:1450::1", true},
		{"2001:4860::8888", true},
		{"::1", false},
		{"::", false},
		{"fe80::1", false},
		{"fc00::1", false},
		{"fdff::1", false},
		{"ff02::1", false},
		{"2001:db8::1", false},
		{"2001::1", false},
		{"2002:808:808::1", false},
		{"3fff::1", false},
		{"4000::1", false},
		{"::ffff:10.0.0.1", false},
		{"::ffff:8.8.8.8", true},
		{"64:ff9b::808:808", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a;

		ENSURE(addr_parse(rows[i].addr, &a, NULL) == 0, "%s", rows[i].addr);
		EXPECT(!global_refuse(&a) == rows[i].asked, "%s", rows[i].addr);
	}
}

TEST(name_reverses_addresses)
{
	char name[NAME_TEXT_MAX];
	struct addr a;

	ENSURE(addr_parse("192.0.2.99", &a, NULL) == 0, "v4");
	EXPECT(!strcmp(name_of_listing(&a, false, "bl.example", name), "99.2.0.192.bl.example"),
	       "%s", name);
	EXPECT(!strcmp(name_of_reverse(&a, name), "99.2.0.192.in-addr.arpa"), "%s", name);
	ENSURE(addr_parse("127.0.0.2", &a, NULL) == 0, "v4");
	/* RFC 5782, section 5 */
	EXPECT(!strcmp(name_of_listing(&a, true, "bl.example", name),
		       "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl."
		       "example"),
	       "%s", name);
	/* RFC 5782, section 2.4 */
	ENSURE(addr_parse("2001:db8:1:2:3:4:567:89ab", &a, NULL) == 0, "v6");
	EXPECT(!strcmp(name_of_listing(&a, false, "ugly.example.com", name),
		       "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2."
		       "ugly.example.com"),
	       "%s", name);
}

TEST(name_is_under_only_at_a_dot)
{
	EXPECT(name_is_under("a.zen.example", "zen.example"), "under");
	EXPECT(name_is_under("ZEN.example", "zen.EXAMPLE"), "itself, in any case");
	EXPECT(!name_is_under("citizen.example", "zen.example"), "not by letters");
	EXPECT(!name_is_under("example", "zen.example"), "not above");
}

TEST(resolver_servers_are_read_strictly)
{
	static const struct {
		const char *text, *addr;
		uint16_t port; /* 0: refused */
	} rows[] = {
		{"127.0.0.1", "127.0.0.1", 53},
		{"127.0.0.1:5353", "127.0.0.1", 5353},
		{"::1", "::1", 53},
		{"[::1]", "::1", 53},
		{"[2001:db8::1]:54", "2001:db8::1", 54},
		{"2001:db8::1", "2001:db8::1", 53},
		{"", NULL, 0},
		{"localhost", NULL, 0},
		{"127.0.0.1:", NULL, 0},
		{"127.0.0.1:0", NULL, 0},
		{"127.0.0.1:65536", NULL, 0},
		{"127.0.0.1:53x", NULL, 0},
		{"[::1", NULL, 0},
		{"[]:53", NULL, 0},
		{"[::1]x53", NULL, 0},
		{"127.0.0.1:53:54", NULL, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct resolver_server s;
		char text[ADDR_TEXT_MAX];
		int ret = resolver_server_parse(rows[i].text, &s, NULL);

		EXPECT((ret == 0) == (rows[i].port != 0), "'%s': %d", rows[i].text, ret);
		if (ret == 0 && rows[i].port)
			EXPECT(s.port == rows[i].port &&
				       !strcmp(addr_format(&s.addr, text), rows[i].addr),
			       "'%s': %s port %u", rows[i].text, text, s.port);
	}
}
