/* SPDX-License-Identifier: BSD-2-Clause */
/* First contact: what follows from a verdict, the table of listings, and the connections that may still be cut. */
#include "tap.h"

#include "base/when.h"
#include "daemon/listings.h"
#include "daemon/young.h"
#include "policy/contact.h"

/* ---- what follows from a verdict ---- */

#define WEEK (7 * 86400ULL)

static const struct {
	const char *sentence;
	struct contact_evidence evidence;
	struct contact_decision decision;
} decisions[] = {
	{"a listing holds as long as its answers",
	 {CONTACT_LISTED, false, false, 900, false, false},
	 {.list = true, .listed_s = 900}},
	{"a listing that a missing answer cannot turn is one, though partial",
	 {CONTACT_LISTED, true, false, 60, false, false},
	 {.list = true, .listed_s = 60}},
	{"a clean stranger is known for a week, and asked about again when its answers are old",
	 {CONTACT_CLEAN, false, false, 900, false, false},
	 {.know = true, .known_s = WEEK, .fresh_s = 900}},
	{"a known one is known for another week",
	 {CONTACT_CLEAN, false, false, 900, true, false},
	 {.know = true, .known_s = WEEK, .fresh_s = 900}},
	{"a clean answer takes a listing back",
	 {CONTACT_CLEAN, false, false, 900, false, true},
	 {.know = true, .unlist = true, .known_s = WEEK, .fresh_s = 900}},
	{"a partial clean answer is believed for a minute",
	 {CONTACT_CLEAN, true, false, 900, false, false},
	 {.know = true, .known_s = 60, .fresh_s = 60}},
	{"and takes nothing back",
	 {CONTACT_CLEAN, true, false, 900, false, true},
	 {.know = true, .known_s = 60, .fresh_s = 60}},
	{"what could not be known lets in for a minute",
	 {CONTACT_UNKNOWN, true, false, 60, false, false},
	 {.know = true, .known_s = 60, .fresh_s = 60}},
	{"or less",
	 {CONTACT_UNKNOWN, true, false, 5, false, false},
	 {.know = true, .known_s = 5, .fresh_s = 5}},
	{"who is known stays it when the lists are away",
	 {CONTACT_UNKNOWN, true, false, 60, true, false},
	 {.know = true, .known_s = 0, .fresh_s = 60}},
	{"nobody is known because the share of the forged is spent",
	 {CONTACT_UNKNOWN, true, true, 60, false, false},
	 {0}},
	{"a listing is one, whatever was not asked",
	 {CONTACT_LISTED, true, true, 60, false, false},
	 {.list = true, .listed_s = 60}},
	{"a listing is not taken back for want of answers",
	 {CONTACT_UNKNOWN, true, false, 60, false, true},
	 {.know = true, .known_s = 60, .fresh_s = 60}},
};

TEST(a_verdict_leads_to_a_decision)
{
	for (size_t i = 0; i < sizeof(decisions) / sizeof(*decisions); i++) {
		const struct contact_decision want = decisions[i].decision,
					      got = contact_decide(&decisions[i].evidence);

		EXPECT(got.list == want.list && got.unlist == want.unlist &&
			       got.know == want.know && got.listed_s == want.listed_s &&
			       got.known_s == want.known_s && got.fresh_s == want.fresh_s,
		       "%s: list %d unlist %d know %d, %llu %llu %llu", decisions[i].sentence,
		       got.list, got.unlist, got.know, (unsigned long long)got.listed_s,
		       (unsigned long long)got.known_s, (unsigned long long)got.fresh_s);
	}
}

TEST(a_connection_may_be_cut_for_ten_seconds)
{
	const uint64_t then = 1000 * NS_PER_S;

	EXPECT(contact_may_cut(then, then), "at once");
	EXPECT(contact_may_cut(then, then + 10 * NS_PER_S - 1), "just in time");
	EXPECT(!contact_may_cut(then, then + 10 * NS_PER_S), "too late");
	EXPECT(contact_may_cut(then, then - 1), "the clocks of two CPUs may differ");
}

TEST(one_entry_stands_for_a_network_when_the_table_fills)
{
	EXPECT(!contact_may_widen(191, true, 900, 1000) && contact_may_widen(192, true, 900, 1000),
	       "IPv4");
	EXPECT(!contact_may_widen(255, false, 900, 1000) &&
		       contact_may_widen(256, false, 900, 1000),
	       "IPv6");
	EXPECT(!contact_may_widen(256, true, 749, 1000) && contact_may_widen(256, true, 750, 1000),
	       "while there is room nobody is judged by his neighbours");
}

/* ---- the table ---- */

static struct prefix prefix_read(const char *text)
{
	struct prefix p = {0};

	if (!EXPECT(prefix_parse(text, &p, NULL) == 0, "%s", text))
		exit(1);
	return p;
}

static struct addr addr_read(const char *text)
{
	struct addr a = {0};

	if (!EXPECT(addr_parse(text, &a, NULL) == 0, "%s", text))
		exit(1);
	return a;
}

static void put(struct listings *all, const char *prefix, uint64_t zones, const char *reason)
{
	const struct listing l = {.prefix = prefix_read(prefix), .zones = zones, .reason = reason};

	EXPECT(listings_put(all, &l) == 0, "%s", prefix);
}

static const char *reason_of(const struct listings *all, const char *address)
{
	struct addr a = addr_read(address);
	const struct listing *l = listings_find(all, &a);

	return l ? l->reason : "none";
}

static const struct {
	const char *sentence, *address, *reason;
} found[] = {
	{"an address is found", "203.0.113.7", "one"},
	{"its neighbour is found by the network", "203.0.113.8", "network"},
	{"another network is not", "203.0.112.7", "none"},
	{"an IPv6 address comes before its /64", "2001:db8:7::1", "host6"},
	{"its neighbour has the /64", "2001:db8:7::2", "source6"},
	{"the next /64 has the /48", "2001:db8:7:1::1", "network6"},
	{"the next /48 has nothing", "2001:db8:8::1", "none"},
};

TEST(the_longest_listing_is_found)
{
	struct listings *all = listings_new();

	ENSURE(all, "memory");
	put(all, "203.0.113.0/24", 1, "network");
	put(all, "203.0.113.7", 1, "old");
	put(all, "203.0.113.7", 1, "one");
	put(all, "2001:db8:7::/48", 1, "network6");
	put(all, "2001:db8:7::/64", 1, "source6");
	put(all, "2001:db8:7::1", 1, "host6");
	for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++)
		EXPECT(strcmp(reason_of(all, found[i].address), found[i].reason) == 0, "%s: %s",
		       found[i].sentence, reason_of(all, found[i].address));
	EXPECT(listings_count(all) == 5, "a second one replaces the first: %u",
	       listings_count(all));
	listings_free(all);
}

TEST(networks_are_counted)
{
	struct addr in = addr_read("203.0.113.200"), six = addr_read("2001:db8:7::99");
	struct prefix one = prefix_read("203.0.113.1");
	struct listings *all = listings_new();

	ENSURE(all, "memory");
	put(all, "203.0.113.1", 1, "");
	put(all, "203.0.113.1", 1, "again");
	put(all, "203.0.113.2", 1, "");
	put(all, "203.0.112.2", 1, "");
	put(all, "203.0.113.0/24", 1, "");
	put(all, "2001:db8:7:1::/64", 1, "");
	put(all, "2001:db8:7:2::5", 1, "");
	EXPECT(listings_of_network(all, &in) == 2, "%u", listings_of_network(all, &in));
	EXPECT(listings_of_network(all, &six) == 2, "%u", listings_of_network(all, &six));
	EXPECT(listings_take(all, &one) && !listings_take(all, &one), "taken once");
	EXPECT(listings_of_network(all, &in) == 1, "%u", listings_of_network(all, &in));
	listings_free(all);
}

static bool rests_on_second(void *context, const struct listing *l)
{
	(void)context;
	return l->zones & 2;
}

TEST(what_rests_on_a_zone_is_swept_out)
{
	struct listings *all = listings_new();

	ENSURE(all, "memory");
	put(all, "203.0.113.1", 1, "");
	put(all, "203.0.113.2", 2, "");
	put(all, "203.0.113.3", 3, "");
	EXPECT(listings_sweep(all, rests_on_second, NULL) == 2, "two rest on it");
	EXPECT(strcmp(reason_of(all, "203.0.113.1"), "") == 0, "the other stays");
	EXPECT(listings_count(all) == 1, "%u", listings_count(all));
	listings_free(all);
}

TEST(many_listings_are_all_found_again)
{
	struct listings *all = listings_new();
	unsigned lost = 0;

	ENSURE(all, "memory");
	for (uint32_t i = 0; i < 70000; i++) {
		struct in_addr in = {htonl(0x0a000000 + i * 7)};
		struct addr a = addr_from_v4(in);
		struct listing l = {.prefix = prefix_of(&a, ADDR_BITS), .reason = "x"};

		lost += listings_put(all, &l) != 0;
	}
	for (uint32_t i = 0; i < 70000; i++) {
		struct in_addr in = {htonl(0x0a000000 + i * 7)};
		struct addr a = addr_from_v4(in);
		struct prefix p = prefix_of(&a, ADDR_BITS);

		lost += !listings_take(all, &p);
	}
	EXPECT(lost == 0 && listings_count(all) == 0, "%u lost", lost);
	listings_free(all);
}

/* ---- young connections ---- */

static void young_put(struct young *y, const char *remote, uint16_t port, uint64_t at_s)
{
	struct young_connection c = {.socket = {.remote = addr_read(remote), .remote_port = port},
				     .established_ns = at_s * NS_PER_S};

	young_add(y, &c);
}

static void sum_ports(void *context, const struct young_connection *c)
{
	*(unsigned *)context += c->socket.remote_port;
}

static unsigned take(struct young *y, const char *prefix)
{
	struct prefix p = prefix_read(prefix);
	unsigned ports = 0;

	young_take(y, &p, sum_ports, &ports);
	return ports;
}

TEST(the_connections_of_a_source_are_taken_once)
{
	struct young *y = young_new();

	ENSURE(y, "memory");
	young_put(y, "203.0.113.1", 1, 100);
	young_put(y, "203.0.113.2", 10, 100);
	young_put(y, "203.0.113.1", 2, 101);
	young_put(y, "2001:db8:7::1", 100, 101);
	young_put(y, "2001:db8:7::2", 200, 101);
	EXPECT(take(y, "203.0.113.1") == 3, "both of it, and no other's");
	EXPECT(take(y, "203.0.113.1") == 0, "once");
	EXPECT(take(y, "2001:db8:7::1") == 100, "a host");
	young_put(y, "2001:db8:7::1", 400, 101);
	EXPECT(take(y, "2001:db8:7::/64") == 600, "all of a /64");
	EXPECT(take(y, "203.0.113.2") == 10, "the other was left");
	young_free(y);
}

TEST(old_connections_are_forgotten)
{
	struct young *y = young_new();

	ENSURE(y, "memory");
	young_put(y, "203.0.113.1", 1, 100);
	young_put(y, "203.0.113.1", 2, 105);
	young_expire(y, 109 * NS_PER_S);
	EXPECT(young_count(y) == 2, "none is old yet");
	young_expire(y, 111 * NS_PER_S);
	EXPECT(take(y, "203.0.113.1") == 2, "the younger is left");
	young_expire(y, 111 * NS_PER_S);
	EXPECT(young_count(y) == 0, "%u", young_count(y));
	young_free(y);
}

TEST(the_oldest_makes_room)
{
	struct young *y = young_new();
	struct addr all = addr_read("203.0.113.9");
	struct prefix p = prefix_of(&all, ADDR_BITS);
	unsigned ports = 0;

	ENSURE(y, "memory");
	for (unsigned i = 0; i < 40000; i++)
		young_put(y, "203.0.113.9", 1, 100);
	EXPECT(young_take(y, &p, sum_ports, &ports) == 32768, "%u", ports);
	young_put(y, "203.0.113.9", 1, 100);
	EXPECT(take(y, "203.0.113.9") == 1, "and it goes on");
	young_free(y);
}
