/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered of zones: budgets, streaks of failures, the judgement of probes, and the file of what is known. */
#include <errno.h>

#include "base/when.h"
#include "dns/health.h"
#include "dns/zonedata.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define START_NS     (1000 * NS_PER_S)

static struct dns_settings settings;
static struct zones zones;
static unsigned news_count;
static struct dns_news last_news;

static void news_told(void *context, const struct dns_news *news)
{
	(void)context;
	news_count++;
	last_news = *news;
}

static bool reset(void)
{
	memset(&settings, 0, sizeof(settings));
	memset(&zones, 0, sizeof(zones));
	settings.budget_per_s = 100;
	settings.unproven_per_s = 50;
	settings.budget_per_day = 1000;
	zones.settings = &settings;
	zones.news = news_told;
	news_count = 0;
	return sites_add(&settings.sites, "a.example*3 b.example*-2", NULL) == 0;
}

TEST(zones_budget_of_a_second_and_of_a_day)
{
	uint64_t now = START_NS;
	unsigned asked = 0;

	ENSURE(reset(), "sites");
	for (unsigned i = 0; i < 150; i++)
		asked += zones_charge(&zones, 0, false, now) == OUTCOME_PENDING;
	EXPECT(asked == 100, "%u in a second", asked);
	EXPECT(zones_charge(&zones, 0, false, now) == OUTCOME_BUDGET, "spent");
	EXPECT(zones_charge(&zones, 1, false, now) == OUTCOME_PENDING, "each zone has its own");
	for (unsigned s = 1; s < 20; s++)
		for (unsigned i = 0; i < 150; i++)
			asked += zones_charge(&zones, 0, false, now + s * NS_PER_S) ==
				 OUTCOME_PENDING;
	EXPECT(asked == 1000, "%u in a day", asked);
	now += 86400 * NS_PER_S;
	EXPECT(zones_charge(&zones, 0, false, now) == OUTCOME_PENDING, "the next day is another");
	EXPECT(zones.zone[0].over_budget == 51 + 19 * 150 - 900, "%llu counted",
	       (unsigned long long)zones.zone[0].over_budget);
}

TEST(zones_the_unproven_have_a_small_share)
{
	unsigned asked = 0;

	ENSURE(reset(), "sites");
	for (unsigned i = 0; i < 80; i++)
		asked += zones_charge(&zones, 0, true, START_NS) == OUTCOME_PENDING;
	EXPECT(asked == 50, "%u in a second", asked);
	EXPECT(zones_charge(&zones, 0, false, START_NS) == OUTCOME_PENDING, "others go on");
	for (unsigned s = 1; s < 10; s++)
		for (unsigned i = 0; i < 80; i++)
			asked += zones_charge(&zones, 0, true, START_NS + s * NS_PER_S) ==
				 OUTCOME_PENDING;
	EXPECT(asked == 100, "%u: a tenth of the day", asked);
}

TEST(zones_tell_before_the_published_limit)
{
	ENSURE(reset(), "sites");
	settings.facts[0].day_limit = 200;
	settings.budget_per_s = 1000;
	settings.unproven_per_s = 50;
	for (unsigned i = 0; i < 159; i++)
		zones_charge(&zones, 0, false, START_NS);
	EXPECT(!news_count, "not at 159 of 200");
	for (unsigned i = 0; i < 40; i++)
		zones_charge(&zones, 0, false, START_NS);
	EXPECT(news_count == 1 && last_news.limit && last_news.state == DNS_ZONE_GOOD,
	       "once, at 160: %u", news_count);
}

TEST(zones_fall_after_a_streak_and_not_before)
{
	static const struct {
		const char *sentence;
		enum outcome outcome;
		unsigned streak;
		enum dns_zone_state state;
		enum outcome then;
	} rows[] = {
		{"a parked zone at once", OUTCOME_PARKED, 1, DNS_ZONE_SUSPENDED, OUTCOME_SUSPENDED},
		{"error codes three in a row", OUTCOME_REFUSING, 3, DNS_ZONE_REFUSING,
		 OUTCOME_SUSPENDED},
		{"timeouts ten", OUTCOME_TIMEOUT, 10, DNS_ZONE_UNREACHABLE, OUTCOME_UNREACHABLE},
		{"SERVFAIL ten", OUTCOME_SERVFAIL, 10, DNS_ZONE_UNREACHABLE, OUTCOME_UNREACHABLE},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		ENSURE(reset(), "sites");
		for (unsigned n = 1; n < rows[i].streak; n++)
			zones_note(&zones, 0, rows[i].outcome, "why", 10, START_NS);
		EXPECT(zones.zone[0].state == DNS_ZONE_GOOD, "%s: not before", rows[i].sentence);
		if (rows[i].streak > 1) {
			zones_note(&zones, 0, OUTCOME_CLEAN, NULL, 10, START_NS);
			for (unsigned n = 1; n < rows[i].streak; n++)
				zones_note(&zones, 0, rows[i].outcome, "why", 10, START_NS);
			EXPECT(zones.zone[0].state == DNS_ZONE_GOOD, "%s: an answer between",
			       rows[i].sentence);
		}
		zones_note(&zones, 0, rows[i].outcome, "why", 10, START_NS);
		EXPECT(zones.zone[0].state == rows[i].state && news_count == 1, "%s: %s, %u news",
		       rows[i].sentence, dns_zone_state_name(zones.zone[0].state), news_count);
		EXPECT(zones_charge(&zones, 0, false, START_NS) == rows[i].then, "%s: not asked",
		       rows[i].sentence);
	}
}

TEST(zones_that_list_known_senders_are_suspended)
{
	ENSURE(reset(), "sites");
	for (unsigned i = 0; i < 100; i++)
		zones_note_known(&zones, 0, i % 5 == 4, START_NS);
	EXPECT(zones.zone[0].state == DNS_ZONE_GOOD, "a fifth is not more than a fifth");
	ENSURE(reset(), "sites");
	for (unsigned i = 0; i < 19; i++)
		zones_note_known(&zones, 0, true, START_NS);
	EXPECT(zones.zone[0].state == DNS_ZONE_GOOD, "of nineteen nothing follows");
	zones_note_known(&zones, 0, true, START_NS);
	EXPECT(zones.zone[0].state == DNS_ZONE_SUSPENDED && news_count == 1, "of twenty it does");
}

TEST(zones_that_list_all_that_comes_are_probed_before_their_time)
{
	uint64_t now = START_NS;

	ENSURE(reset(), "sites");
	settings.probe_every_s = 300;
	zones_set_state(&zones, 0, DNS_ZONE_GOOD, "", now);
	for (unsigned i = 0; i < 100; i++)
		zones_note(&zones, 0, OUTCOME_LISTED, NULL, 1, now + 5 * NS_PER_S);
	EXPECT(zones.zone[0].next_probe_ns == now + 300 * NS_PER_S, "not within ten seconds");
	now += 11 * NS_PER_S;
	for (unsigned i = 0; i < 100; i++)
		zones_note(&zones, 0, i % 8 ? OUTCOME_LISTED : OUTCOME_CLEAN, NULL, 1, now);
	EXPECT(zones.zone[0].next_probe_ns > now + 100 * NS_PER_S, "not while others are clean");
	for (unsigned i = 0; i < 16; i++)
		zones_note(&zones, 0, OUTCOME_LISTED, NULL, 1, now);
	EXPECT(zones.zone[0].next_probe_ns == now && zones.zone[0].state == DNS_ZONE_GOOD &&
		       !news_count,
	       "at once, and it is no evidence");
}

TEST(zones_are_asked_again_with_back_off)
{
	static const unsigned steps[] = {60, 120, 240, 480, 960, 1920, 3600, 3600};
	uint64_t now = START_NS;

	ENSURE(reset(), "sites");
	for (size_t i = 0; i < COUNT(steps); i++) {
		zones_set_state(&zones, 0, DNS_ZONE_SUSPENDED, "mad", now);
		EXPECT(zones.zone[0].next_probe_ns == now + steps[i] * NS_PER_S, "step %zu", i);
		now = zones.zone[0].next_probe_ns;
	}
	EXPECT(news_count == 1, "told once: %u", news_count);
	zones_set_state(&zones, 0, DNS_ZONE_GOOD, "", now);
	EXPECT(news_count == 2 && last_news.state == DNS_ZONE_GOOD, "told that it is well");
	zones_set_state(&zones, 0, DNS_ZONE_UNREACHABLE, "", now);
	EXPECT(zones.zone[0].next_probe_ns == now + 5 * NS_PER_S, "out of reach: soon again");
}

/* ---- probes ---- */

#define P OUTCOME_PENDING
#define L OUTCOME_LISTED
#define C OUTCOME_CLEAN
#define T OUTCOME_TIMEOUT
#define R OUTCOME_REFUSING

static const struct {
	const char *sentence;
	enum outcome test[HEALTH_PROBES_TEST]; /* must, must not; the same by IPv6 */
	unsigned random_listed;		       /* of the eight, with an entry that matches */
	enum outcome random;		       /* of the others */
	bool untested;
	enum dns_zone_state state;
	const char *why;
} health_rows[] = {
	{"a zone of both families", {L, C, L, C}, 0, C, false, DNS_ZONE_GOOD, ""},
	{"one of IPv4 alone", {L, C, C, C}, 0, C, false, DNS_ZONE_GOOD, ""},
	{"one of IPv6 alone", {C, C, L, C}, 0, C, false, DNS_ZONE_GOOD, ""},
	{"a policy zone lists many", {L, C, C, C}, 7, C, false, DNS_ZONE_GOOD, ""},
	{"one that lists all eight is mad",
	 {L, C, C, C},
	 8,
	 C,
	 false,
	 DNS_ZONE_SUSPENDED,
	 "lists the world"},
	{"an empty zone",
	 {C, C, C, C},
	 0,
	 C,
	 false,
	 DNS_ZONE_SUSPENDED,
	 "does not list its test entry"},
	{"without test entries it is good", {P, P, P, P}, 0, C, true, DNS_ZONE_GOOD, ""},
	{"but not if it lists the world",
	 {P, P, P, P},
	 8,
	 C,
	 true,
	 DNS_ZONE_SUSPENDED,
	 "lists the world"},
	{"127.0.0.1 listed", {L, L, C, C}, 0, C, false, DNS_ZONE_SUSPENDED, "127.0.0.1"},
	{"::ffff:7f00:1 listed", {L, C, L, L}, 0, C, false, DNS_ZONE_SUSPENDED, "::ffff:7f00:1"},
	{"it refuses us", {R, R, R, R}, 0, R, false, DNS_ZONE_REFUSING, "error"},
	{"127.0.0.1 for 127.0.0.1 is no refusal", {L, R, C, C}, 0, C, false, DNS_ZONE_GOOD, ""},
	{"nobody answers", {T, T, T, T}, 0, T, false, DNS_ZONE_UNREACHABLE, "in time"},
	{"one lost answer proves nothing", {T, C, C, C}, 0, C, false, DNS_ZONE_GOOD, ""},
	{"a parked zone", {OUTCOME_PARKED, C, C, C}, 0, C, false, DNS_ZONE_SUSPENDED, "lapsed"},
	{"SERVFAIL for all",
	 {OUTCOME_SERVFAIL, OUTCOME_SERVFAIL, OUTCOME_SERVFAIL, OUTCOME_SERVFAIL},
	 0,
	 OUTCOME_SERVFAIL,
	 false,
	 DNS_ZONE_UNREACHABLE,
	 "SERVFAIL"},
};

TEST(health_judges_each_zone)
{
	for (size_t i = 0; i < COUNT(health_rows); i++) {
		char why[ZONES_WHY_MAX];
		struct health_seen seen = {0};
		enum dns_zone_state state;

		memcpy(seen.outcome, health_rows[i].test, sizeof(health_rows[i].test));
		for (unsigned k = 0; k < HEALTH_RANDOM; k++) {
			seen.matched[k] = k < health_rows[i].random_listed;
			seen.outcome[HEALTH_PROBES_TEST + k] =
				seen.matched[k] ? L : health_rows[i].random;
		}
		for (unsigned k = 0; k < HEALTH_PROBES; k++)
			seen.why[k] = "error";
		state = health_judge(&seen, health_rows[i].untested, why);
		EXPECT(state == health_rows[i].state, "%s: %s (%s)", health_rows[i].sentence,
		       dns_zone_state_name(state), why);
		EXPECT(*health_rows[i].why ? strstr(why, health_rows[i].why) != NULL : !*why,
		       "%s: told '%s'", health_rows[i].sentence, why);
	}
}

/* ---- the file of what is known ---- */

static const char known[] = "# a comment\n"
			    "\n"
			    "dead   gone.example   gone since 2020 # not told\n"
			    "error  dq.example 127.0.0.255 over the quota\r\n"
			    "error  dq.example 127.0.10.[0..255] over it\n"
			    "policy zen.dq.example 127.0.0.[10;11]\n"
			    "wide\tdq.example\n"
			    "test   dq.example 127.0.0.9\n"
			    "test   none.example none\n"
			    "limit  dq.example 300000\n"
			    "public 9.9.9.9 Quad9";

TEST(zonedata_holds_for_what_lies_under)
{
	static struct zone_facts f;
	struct zonedata *d = NULL;
	struct err e = {0};
	struct addr a;

	ENSURE(zonedata_new(&d, &e) == 0 &&
		       zonedata_read(d, "known", known, strlen(known), &e) == 0,
	       "%s", e.text);
	EXPECT(zonedata_dead(d, "gone.example") &&
		       !strcmp(zonedata_dead(d, "a.GONE.example"), "gone since 2020"),
	       "dead, and what lies under it");
	EXPECT(!zonedata_dead(d, "bygone.example") && !zonedata_dead(d, "example"), "not others");
	zonedata_facts(d, "key.zen.dq.example", &f);
	EXPECT(f.errors.count == 2 && f.policy_count == 1 && f.wide && f.day_limit == 300000 &&
		       f.has_test && !f.untested,
	       "all of it holds for the zone with a key");
	EXPECT(!strcmp(f.errors.why[0], "over the quota"), "%s", f.errors.why[0]);
	zonedata_facts(d, "none.example", &f);
	EXPECT(f.untested && !f.wide && !f.errors.count, "no test entries");
	ENSURE(addr_parse("9.9.9.9", &a, NULL) == 0, "address");
	EXPECT(!strcmp(zonedata_public(d, &a), "Quad9"), "public");
	ENSURE(addr_parse("127.0.0.1", &a, NULL) == 0, "address");
	EXPECT(!zonedata_public(d, &a), "not public");
	zonedata_free(d);
}

TEST(zonedata_names_pages_and_lists_of_the_audit)
{
	static const char pages[] = "removal bl.example https://bl.example/old\n"
				    "removal bl.example https://bl.example/new\n"
				    "audit zen.example 127.0.0.[2..11]\n"
				    "audit gone.example\n"
				    "audit plain.example\n"
				    "dead gone.example gone since 2020\n"
				    "name names.example probe.test\n";
	static struct sites sites;
	struct zonedata *d;
	struct err e = {0};

	ENSURE(zonedata_new(&d, &e) == 0 &&
		       zonedata_read(d, "known", pages, strlen(pages), &e) == 0,
	       "%s", e.text);
	EXPECT(!strcmp(zonedata_removal(d, "key.bl.example"), "https://bl.example/new") &&
		       !zonedata_removal(d, "other.example"),
	       "the last page counts");
	EXPECT(!strcmp(zonedata_test_name(d, "names.example"), "probe.test") &&
		       !strcmp(zonedata_test_name(d, "other.example"), "TEST"),
	       "what a list of names lists for tests");
	EXPECT(zonedata_audit_sites(d, &sites, &e) == 0 && sites.zone_count == 2 &&
		       !strcmp(sites.zone[0], "zen.example") &&
		       !strcmp(sites.zone[1], "plain.example") && !sites.entry[0].filter.any &&
		       sites.entry[1].filter.any && sites.entry[0].weight == 1,
	       "%u lists: those that are dead are left out", sites.zone_count);
	zonedata_free(d);
}

TEST(zonedata_faults_have_a_line)
{
	static const struct {
		const char *sentence, *text, *told;
	} rows[] = {
		{"an unknown keyword", "# x\nded a.example b\n", "F:2: unknown keyword 'ded'"},
		{"no domain", "dead", "F:1: the domain is missing"},
		{"no reason", "dead a.example  ", "F:1: the reason is missing"},
		{"a bad pattern", "error a.example 127.0.0.x y", "F:1: the filter"},
		{"a bad test", "test a.example maybe", "F:1: 'maybe' is not"},
		{"a limit that is none", "limit a.example 3k", "F:1: a number"},
		{"a limit of nothing", "limit a.example 0", "F:1: a number"},
		{"no address", "public quad9 Quad9", "F:1: 'quad9' is not"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zonedata *d = NULL;
		struct err e = {0};

		ENSURE(zonedata_new(&d, &e) == 0, "new");
		EXPECT(zonedata_read(d, "F", rows[i].text, strlen(rows[i].text), &e) == -EINVAL &&
			       strstr(e.text, rows[i].told),
		       "%s: %s", rows[i].sentence, e.text);
		zonedata_free(d);
	}
}

TEST(zonedata_refuses_what_is_no_file)
{
	struct zonedata *d = NULL;
	struct err e = {0};

	ENSURE(zonedata_new(&d, &e) == 0, "new");
	EXPECT(zonedata_load(d, "/nonexistent", &e) == -ENOENT, "missing: %s", e.text);
	EXPECT(zonedata_load(d, "/tmp", &e) < 0, "a directory: %s", e.text);
	EXPECT(zonedata_load(d, "/dev/zero", &e) < 0, "a device: %s", e.text);
	EXPECT(zonedata_read(d, "F", "dead a.example b\0c", 18, &e) < 0, "a zero byte");
	zonedata_free(d);
}
