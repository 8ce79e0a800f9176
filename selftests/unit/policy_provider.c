/* SPDX-License-Identifier: BSD-2-Clause */
/* What is made of a provider's networks: which are trusted at all, and which change is believed at once. */
#include "tap.h"

#include <errno.h>

#include "policy/provider.h"

#define SET_MAX 16
#define DAY_S	86400
#define NOW_S	1800000000

struct set {
	struct prefix network[SET_MAX];
	struct provider_set set;
};

/* "192.0.2.0/24 2001:db8::/32" */
static const struct provider_set *set_of(struct set *s, const char *text)
{
	char copy[512], *at = copy;
	const char *word;

	*s = (struct set){.set = {.network = s->network}};
	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&at, " ")))
		if (*word && EXPECT(s->set.count < SET_MAX, "%s", text))
			EXPECT(prefix_parse(word, &s->network[s->set.count++], NULL) == 0, "%s",
			       word);
	return &s->set;
}

TEST(provider_networks_are_measured_by_family)
{
	struct set s;
	struct provider_size size = provider_measure(
		set_of(&s, "192.0.2.0/24 203.0.113.5 2001:db8::/32 2001:db9::1 2001:dba::/64"));

	EXPECT(size.v4 == 257, "%llu", (unsigned long long)size.v4);
	EXPECT(size.v6 == (1ULL << 32) + 2, "%llu", (unsigned long long)size.v6);
}

TEST(provider_networks_that_are_too_wide_are_named)
{
	static const struct {
		const char *networks, *why; /* NULL: they may be trusted */
	} rows[] = {
		{"192.0.2.0/24 2001:db8::/32", NULL},
		{"17.0.0.0/8", NULL},
		{"2a00::/16", NULL},
		{"", NULL},
		{"192.0.2.0/24 16.0.0.0/7",
		 "it names 16.0.0.0/7, and nothing shorter than /8 is trusted"},
		{"0.0.0.0/0", "it names 0.0.0.0/0, and nothing shorter than /8 is trusted"},
		{"::/0", "it names ::/0, and nothing shorter than /16 is trusted"},
		{"2a00::/15", "it names 2a00::/15, and nothing shorter than /16 is trusted"},
		{"17.0.0.0/8 18.0.0.0/32",
		 "it names 16777217 IPv4 addresses, and no more than a /8 is trusted"},
		{"2a00::/16 2a02::/64",
		 "it names 281474976710657 /64s of IPv6, and no more than a /16 is trusted"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = {0};
		struct set s;
		int rc = provider_check(set_of(&s, rows[i].networks), &e);

		EXPECT(rc == (rows[i].why ? -EINVAL : 0), "%s: %d", rows[i].networks, rc);
		EXPECT(!strcmp(e.text, rows[i].why ? rows[i].why : ""), "%s: %s", rows[i].networks,
		       e.text);
	}
}

TEST(provider_changes_are_believed_within_bounds)
{
	static const struct {
		const char *sentence, *in_force, *fresh;
		enum provider_verdict verdict;
		const char *why; /* of HOLD */
	} rows[] = {
		{"the first record is believed", "", "198.18.0.0/15", PROVIDER_TAKE, ""},
		{"the same is the same", "192.0.2.0/24", "192.0.2.0/24", PROVIDER_SAME, ""},
		{"nothing is still nothing", "", "", PROVIDER_SAME, ""},
		{"one more network", "192.0.2.0/24", "192.0.2.0/24 203.0.113.0/24", PROVIDER_TAKE,
		 ""},
		{"ten times as many", "192.0.0.0/24", "192.0.0.0/21 198.51.0.0/23", PROVIDER_TAKE,
		 ""},
		{"and one more", "192.0.0.0/24", "192.0.0.0/21 198.51.0.0/23 203.0.113.1",
		 PROVIDER_HOLD,
		 "it names 2561 IPv4 addresses, and 256 before: more than 10 times as many"},
		{"eleven times as many", "192.0.0.0/24",
		 "192.0.0.0/21 198.51.0.0/23 203.0.113.0/24", PROVIDER_HOLD,
		 "it names 2816 IPv4 addresses, and 256 before: more than 10 times as many"},
		{"from little to a few", "192.0.2.1", "192.0.0.0/21", PROVIDER_TAKE, ""},
		{"from little to many", "192.0.2.1", "192.0.0.0/20", PROVIDER_HOLD,
		 "it names 4096 IPv4 addresses, and 1 before: more than 10 times as many"},
		{"half of it is gone", "192.0.2.0/24", "192.0.2.0/25", PROVIDER_TAKE, ""},
		{"more than half is", "192.0.2.0/24", "192.0.2.0/26 192.0.2.64/27", PROVIDER_HOLD,
		 "of 256 IPv4 addresses it still names 96: less than half"},
		{"all of it is", "192.0.2.0/24", "", PROVIDER_HOLD,
		 "of 256 IPv4 addresses it still names 0: less than half"},
		{"as many as before, but others", "192.0.2.0/24", "203.0.113.0/24", PROVIDER_HOLD,
		 "of 256 IPv4 addresses it still names 0: less than half"},
		{"the same in other pieces", "192.0.2.0/25 192.0.2.128/25", "192.0.2.0/24",
		 PROVIDER_TAKE, ""},
		{"and in more", "192.0.2.0/24", "192.0.2.0/25 192.0.2.128/25", PROVIDER_TAKE, ""},
		{"a family that goes", "192.0.2.0/24 2001:db8::/32", "192.0.2.0/24", PROVIDER_HOLD,
		 "of 4294967296 /64s of IPv6 it still names 0: less than half"},
		{"a family that comes, small", "192.0.2.0/24", "192.0.2.0/24 2001:db8::/48",
		 PROVIDER_TAKE, ""},
		{"a family that comes, large", "192.0.2.0/24", "192.0.2.0/24 2001:db8::/32",
		 PROVIDER_HOLD,
		 "it names 4294967296 /64s of IPv6, and 0 before: more than 10 times as many"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct provider_set none = {0};
		struct set in_force, fresh;
		struct err e = {0};
		int64_t since = -1;
		enum provider_verdict v =
			provider_judge(set_of(&in_force, rows[i].in_force), &none, 0,
				       set_of(&fresh, rows[i].fresh), NOW_S, &since, &e);

		EXPECT(v == rows[i].verdict, "%s: %d (%s)", rows[i].sentence, v, e.text);
		EXPECT(!strcmp(e.text, rows[i].why), "%s: %s", rows[i].sentence, e.text);
		EXPECT(since == (v == PROVIDER_HOLD ? NOW_S : 0), "%s: since when",
		       rows[i].sentence);
	}
}

TEST(provider_changes_are_believed_after_days)
{
	static const struct {
		const char *sentence, *held, *fresh;
		int64_t held_since_s;
		enum provider_verdict verdict;
		int64_t since_s;
	} rows[] = {
		{"not yet", "203.0.113.0/24", "203.0.113.0/24", NOW_S - 3 * DAY_S + 1,
		 PROVIDER_HOLD, NOW_S - 3 * DAY_S + 1},
		{"when it has stayed so for three days", "203.0.113.0/24", "203.0.113.0/24",
		 NOW_S - 3 * DAY_S, PROVIDER_TAKE, 0},
		{"though it has changed a little meanwhile", "203.0.113.0/24",
		 "203.0.113.0/24 198.51.100.0/24", NOW_S - 3 * DAY_S, PROVIDER_TAKE, 0},
		{"not when it jumped again", "203.0.113.0/24", "198.51.100.0/24", NOW_S - 3 * DAY_S,
		 PROVIDER_HOLD, NOW_S},
		{"nor by a clock that was set back", "203.0.113.0/24", "203.0.113.0/24", NOW_S + 1,
		 PROVIDER_HOLD, NOW_S},
		{"nothing at all, for three days, is believed too", "", "", NOW_S - 3 * DAY_S,
		 PROVIDER_TAKE, 0},
		{"and when all is as it was, nothing is held back", "203.0.113.0/24",
		 "192.0.2.0/24", NOW_S - DAY_S, PROVIDER_SAME, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct set in_force, held, fresh;
		struct err e = {0};
		int64_t since = -1;
		enum provider_verdict v = provider_judge(
			set_of(&in_force, "192.0.2.0/24"), set_of(&held, rows[i].held),
			rows[i].held_since_s, set_of(&fresh, rows[i].fresh), NOW_S, &since, &e);

		EXPECT(v == rows[i].verdict, "%s: %d (%s)", rows[i].sentence, v, e.text);
		EXPECT(since == rows[i].since_s, "%s: since %lld", rows[i].sentence,
		       (long long)since);
	}
}
