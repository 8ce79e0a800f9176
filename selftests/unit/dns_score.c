/* SPDX-License-Identifier: BSD-2-Clause */
/* Scores over answers that have not come yet: each row is a story of zones and the verdict it ends in. */
#include "dns/score.h"

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PARTS_MAX    4

/* A block list and an allow list as score_part_add() would leave them. */
#define LISTS(w)                                                                                   \
	{                                                                                          \
		.outcome = OUTCOME_LISTED, .low = 0, .high = (w), .sum = (w), .firm = (w),         \
		.largest = (w), .ttl_s = 900                                                       \
	}
#define ALLOWS(w)                                                                                  \
	{                                                                                          \
		.outcome = OUTCOME_LISTED, .low = -(w), .high = 0, .sum = -(w), .firm = -(w),      \
		.largest = -(w), .ttl_s = 800                                                      \
	}
#define NOT(w)                                                                                     \
	{                                                                                          \
		.outcome = OUTCOME_CLEAN, .low = 0, .high = (w), .ttl_s = 300                      \
	}
#define NOT_ALLOW(w)                                                                               \
	{                                                                                          \
		.outcome = OUTCOME_CLEAN, .low = -(w), .high = 0, .ttl_s = 200                     \
	}
#define BLOCK(o, w)                                                                                \
	{                                                                                          \
		.outcome = OUTCOME_##o, .low = 0, .high = (w)                                      \
	}
#define ALLOW(o, w)                                                                                \
	{                                                                                          \
		.outcome = OUTCOME_##o, .low = -(w), .high = 0                                     \
	}
#define WEAK(w)                                                                                    \
	{                                                                                          \
		.outcome = OUTCOME_LISTED, .low = 0, .high = (w), .sum = (w), .firm = (w),         \
		.largest = (w), .weak = true, .ttl_s = 700                                         \
	}

static const struct {
	const char *sentence;
	int64_t threshold;
	struct score_part part[PARTS_MAX];
	unsigned count;
	enum verdict verdict;
	int64_t total;
	bool partial;
	uint32_t ttl_s;
} rows[] = {
	{"one listing that reaches the threshold lists",
	 3,
	 {LISTS(3)},
	 1,
	 VERDICT_LISTED,
	 3,
	 false,
	 900},
	{"one that does not is clean", 3, {LISTS(2)}, 1, VERDICT_CLEAN, 2, false, 900},
	{"two together do", 3, {LISTS(2), LISTS(1)}, 2, VERDICT_LISTED, 3, false, 900},
	{"nobody lists: clean, for the shortest of the negative answers",
	 3,
	 {NOT(3), NOT_ALLOW(2)},
	 2,
	 VERDICT_CLEAN,
	 0,
	 false,
	 200},
	{"a listing does not wait for another block list",
	 3,
	 {LISTS(3), BLOCK(PENDING, 5)},
	 2,
	 VERDICT_LISTED,
	 3,
	 false,
	 900},
	{"it waits for an allow list that could turn it",
	 3,
	 {LISTS(3), ALLOW(PENDING, 1)},
	 2,
	 VERDICT_PENDING,
	 3,
	 false,
	 0},
	{"it does not wait for one that could not",
	 3,
	 {LISTS(5), ALLOW(PENDING, 2)},
	 2,
	 VERDICT_LISTED,
	 5,
	 false,
	 900},
	{"clean does not wait for what cannot reach the threshold",
	 3,
	 {NOT(3), BLOCK(PENDING, 2)},
	 2,
	 VERDICT_CLEAN,
	 0,
	 false,
	 300},
	{"it waits for what can", 3, {NOT(1), BLOCK(PENDING, 3)}, 2, VERDICT_PENDING, 0, false, 0},
	{"before any answer nobody is clean",
	 3,
	 {BLOCK(PENDING, 2)},
	 1,
	 VERDICT_PENDING,
	 0,
	 false,
	 0},
	{"an allow list that timed out keeps its weight: unknown",
	 3,
	 {LISTS(3), ALLOW(TIMEOUT, 1)},
	 2,
	 VERDICT_UNKNOWN,
	 3,
	 true,
	 0},
	{"unless the block lists win against it",
	 3,
	 {LISTS(4), ALLOW(TIMEOUT, 1)},
	 2,
	 VERDICT_LISTED,
	 4,
	 false,
	 900},
	{"an allow list that says no lets the listing stand, as long as that holds",
	 3,
	 {LISTS(3), NOT_ALLOW(1)},
	 2,
	 VERDICT_LISTED,
	 3,
	 false,
	 200},
	{"one that says yes turns it", 3, {LISTS(3), ALLOWS(1)}, 2, VERDICT_CLEAN, 2, false, 800},
	{"a block list that timed out is no listing and no clean bill",
	 3,
	 {NOT(1), BLOCK(TIMEOUT, 3)},
	 2,
	 VERDICT_UNKNOWN,
	 0,
	 true,
	 0},
	{"where it could not matter it does not",
	 3,
	 {NOT(3), BLOCK(TIMEOUT, 2)},
	 2,
	 VERDICT_CLEAN,
	 0,
	 false,
	 300},
	{"SERVFAIL is unknown", 3, {BLOCK(SERVFAIL, 3)}, 1, VERDICT_UNKNOWN, 0, true, 0},
	{"REFUSED is unknown", 3, {BLOCK(REFUSED, 3)}, 1, VERDICT_UNKNOWN, 0, true, 0},
	{"a list that refuses us is unknown",
	 3,
	 {BLOCK(REFUSING, 3)},
	 1,
	 VERDICT_UNKNOWN,
	 0,
	 true,
	 0},
	{"a spent budget is unknown", 3, {BLOCK(BUDGET, 3)}, 1, VERDICT_UNKNOWN, 0, true, 0},
	{"a suspended block list leaves the interval, but the verdict is asked again soon",
	 3,
	 {NOT(2), BLOCK(SUSPENDED, 3)},
	 2,
	 VERDICT_CLEAN,
	 0,
	 true,
	 0},
	{"where it could not matter it is not",
	 3,
	 {NOT(3), BLOCK(SUSPENDED, 2)},
	 2,
	 VERDICT_CLEAN,
	 0,
	 false,
	 300},
	{"a suspended allow list counts as timed out",
	 3,
	 {LISTS(3), ALLOW(SUSPENDED, 1)},
	 2,
	 VERDICT_UNKNOWN,
	 3,
	 true,
	 0},
	{"unless it is outweighed",
	 3,
	 {LISTS(4), ALLOW(SUSPENDED, 1)},
	 2,
	 VERDICT_LISTED,
	 4,
	 false,
	 900},
	{"where every list is suspended nobody is clean",
	 3,
	 {BLOCK(SUSPENDED, 3)},
	 1,
	 VERDICT_UNKNOWN,
	 0,
	 true,
	 0},
	{"where every list is out of reach nobody is clean",
	 1,
	 {BLOCK(UNREACHABLE, 3), BLOCK(UNREACHABLE, 1)},
	 2,
	 VERDICT_UNKNOWN,
	 0,
	 true,
	 0},
	{"reverse DNS adds to a listing", 3, {LISTS(2), WEAK(1)}, 2, VERDICT_LISTED, 3, false, 700},
	{"alone it lists nobody", 1, {NOT(2), WEAK(1)}, 2, VERDICT_CLEAN, 1, false, 300},
	{"with a list that failed it is unknown",
	 1,
	 {BLOCK(TIMEOUT, 2), WEAK(1)},
	 2,
	 VERDICT_UNKNOWN,
	 1,
	 true,
	 0},
	{"a negative total is clean", 1, {NOT(1), ALLOWS(5)}, 2, VERDICT_CLEAN, -5, false, 300},
	{"no zones at all: unknown", 1, {WEAK(1)}, 1, VERDICT_UNKNOWN, 1, true, 0},
};

TEST(score_decides_each_story)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct score s =
			score_decide(rows[i].part, rows[i].count, rows[i].threshold, false);

		EXPECT(s.verdict == rows[i].verdict, "%s: %s", rows[i].sentence,
		       verdict_name(s.verdict));
		EXPECT(s.total == rows[i].total, "%s: score %lld", rows[i].sentence,
		       (long long)s.total);
		EXPECT(s.partial == rows[i].partial, "%s: partial %d", rows[i].sentence, s.partial);
		if (rows[i].ttl_s)
			EXPECT(s.ttl_s == rows[i].ttl_s, "%s: ttl %u", rows[i].sentence, s.ttl_s);
	}
}

/* Whatever order the answers come in, an early verdict is the one that all of them give. */
TEST(score_never_changes_its_mind)
{
	static const int weights[] = {3, 2, -2, -1};

	for (unsigned answers = 0; answers < 1U << (2 * PARTS_MAX); answers++) {
		struct score_part all[PARTS_MAX], some[PARTS_MAX];
		enum verdict last;

		for (unsigned i = 0; i < PARTS_MAX; i++) {
			int w = weights[i];
			static const enum outcome kinds[] = {OUTCOME_LISTED, OUTCOME_CLEAN,
							     OUTCOME_TIMEOUT, OUTCOME_SUSPENDED};

			all[i] = (struct score_part){.outcome = kinds[answers >> 2 * i & 3],
						     .low = w < 0 ? w : 0,
						     .high = w > 0 ? w : 0};
			if (all[i].outcome == OUTCOME_LISTED)
				all[i].sum = all[i].firm = all[i].largest = w;
		}
		last = score_decide(all, PARTS_MAX, 3, false).verdict;
		ENSURE(last != VERDICT_PENDING, "answers %x: pending at the end", answers);
		for (unsigned missing = 1; missing < 1U << PARTS_MAX; missing++) {
			enum verdict early;

			for (unsigned i = 0; i < PARTS_MAX; i++) {
				some[i] = all[i];
				/* What is suspended is known from the start. */
				if (missing >> i & 1 && all[i].outcome != OUTCOME_SUSPENDED)
					some[i].outcome = OUTCOME_PENDING;
			}
			early = score_decide(some, PARTS_MAX, 3, false).verdict;
			EXPECT(early == VERDICT_PENDING || early == last ||
				       (early == VERDICT_UNKNOWN && last == VERDICT_UNKNOWN),
			       "answers %x, missing %x: %s, later %s", answers, missing,
			       verdict_name(early), verdict_name(last));
		}
	}
}

TEST(score_names_the_largest_contributor)
{
	struct score_part parts[] = {LISTS(1), LISTS(3), LISTS(3), ALLOWS(1)};

	EXPECT(score_decide(parts, 4, 3, false).named == 1, "the first of the largest");
	parts[1].largest = 2; /* 3 by two entries, of which the larger has 2 */
	EXPECT(score_decide(parts, 4, 3, false).named == 2, "weights count, not sums");
}

TEST(score_adds_each_entry_once)
{
	static const uint32_t codes[] = {0x7f000002, 0x7f000003, 0x7f000003, 0x7f000001};
	struct score_part part = {0};
	static struct sites s;

	memset(&s, 0, sizeof(s));
	ENSURE(sites_add(&s,
			 "a.example=127.0.0.[2..3]*2 a.example=127.0.0.3*5 a.example=127.0.0.9*100 "
			 "a.example*-1 a.example=127.0.0.1*50 b.example*7",
			 NULL) == 0,
	       "sites");
	score_part_add(&part, &s, 0, codes, 4, NULL, 0);
	EXPECT(part.sum == 6 && part.firm == 6, "2 + 5 - 1, not %lld", (long long)part.sum);
	EXPECT(part.largest == 5, "largest %d", part.largest);
}

TEST(score_keeps_policy_from_submission)
{
	static const uint32_t pbl[] = {0x7f00000b}, both[] = {0x7f00000b, 0x7f000004};
	struct score_part part = {0};
	struct site_filter policy;
	static struct sites s;

	memset(&s, 0, sizeof(s));
	ENSURE(sites_add(&s, "zen.example=127.0.0.[2..11]*3", NULL) == 0 &&
		       site_filter_parse("127.0.0.[10;11]", &policy, NULL) == 0,
	       "sites");
	part.outcome = OUTCOME_LISTED;
	part.high = 3;
	score_part_add(&part, &s, 0, pbl, 1, &policy, 1);
	EXPECT(score_decide(&part, 1, 3, false).verdict == VERDICT_LISTED, "on port 25");
	EXPECT(score_decide(&part, 1, 3, true).verdict == VERDICT_CLEAN, "not on 587");
	score_part_add(&part, &s, 0, both, 2, &policy, 1);
	EXPECT(score_decide(&part, 1, 3, true).verdict == VERDICT_LISTED,
	       "a real listing counts there too");
}

TEST(score_is_wide_only_by_lists_that_are)
{
	struct score_part parts[] = {LISTS(3), LISTS(3)};

	EXPECT(!score_decide(parts, 2, 3, false).wide, "none lists by /64");
	parts[0].wide = true;
	EXPECT(score_decide(parts, 2, 3, false).wide, "one suffices for the score");
	EXPECT(!score_decide(parts, 2, 4, false).wide, "where it does not, the address alone");
}
