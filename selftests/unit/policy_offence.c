/* SPDX-License-Identifier: BSD-2-Clause */
/* Offences as stories: who does what and when, and what follows. */
#include "tap.h"

#include <inttypes.h>

#include "policy/offence.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

static const struct offence_rules rules = {.after = 5,
					   .within_s = HOUR,
					   .first_s = 10 * MINUTE,
					   .longest_s = 7 * DAY,
					   .forget_s = 7 * DAY,
					   .neighbours = 8};

/* Offences come in a row, `every` seconds apart, beginning at `from`; when is the first ban? */
static const struct {
	const char *sentence;
	int64_t from, every;
	unsigned count;
	int64_t banned_at; /* 0: never */
} stories[] = {
	{"five in five minutes", 1000, MINUTE, 5, 1000 + 4 * MINUTE},
	{"four do not make a ban", 1000, MINUTE, 4, 0},
	{"five that fall within the hour", 1000, 12 * MINUTE, 5, 1000 + 48 * MINUTE},
	{"one in sixteen minutes is never enough", 1000, 16 * MINUTE, 50, 0},
	{"one each second counts as one a minute", 1000, 1, 240, 0},
	{"which is five after four minutes", 1000, 1, 241, 1000 + 4 * MINUTE},
	{"the clock may be before its beginning", -HOUR, MINUTE, 5, -HOUR + 4 * MINUTE},
	{"and pass it", -2 * MINUTE, MINUTE, 5, 2 * MINUTE},
	{"once a day is a customer", 1000, DAY, 30, 0},
};

TEST(offences_add_up_to_a_ban)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct offence_history h = {0};
		int64_t banned = 0;

		for (unsigned k = 0; k < stories[i].count && !banned; k++)
			if (offence_add(&h, &rules, stories[i].from + k * stories[i].every) ==
			    OFFENCE_ENOUGH)
				banned = stories[i].from + k * stories[i].every;
		EXPECT(banned == stories[i].banned_at, "%s: banned at %" PRId64 ", not %" PRId64,
		       stories[i].sentence, banned, stories[i].banned_at);
	}
}

static const struct {
	uint32_t level;
	int64_t length;
} lengths[] = {
	{1, 10 * MINUTE}, {2, 20 * MINUTE}, {3, 40 * MINUTE},	   {10, 512 * 10 * MINUTE},
	{11, 7 * DAY},	  {12, 7 * DAY},    {UINT32_MAX, 7 * DAY},
};

TEST(bans_double_up_to_a_bound)
{
	struct offence_rules odd = rules;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		EXPECT(offence_ban_s(&rules, lengths[i].level) == lengths[i].length,
		       "level %u: %" PRId64, lengths[i].level,
		       offence_ban_s(&rules, lengths[i].level));
	odd.first_s = 30 * DAY;
	EXPECT(offence_ban_s(&odd, 1) == 7 * DAY, "a first one longer than the longest");
}

/* Offends until banned, from a time on. When it was. */
static int64_t offend(struct offence_history *h, int64_t from)
{
	for (unsigned i = 0; i < 100; i++, from += MINUTE)
		if (offence_add(h, &rules, from) == OFFENCE_ENOUGH)
			return from;
	EXPECT(false, "a ban");
	return from;
}

TEST(a_ban_has_an_end_and_the_next_is_longer)
{
	struct offence_history h = {0};
	int64_t at = offend(&h, 1000), length = offence_ban(&h, &rules, at);

	EXPECT(length == 10 * MINUTE, "the first");
	EXPECT(offence_is_banned(&h, at) && offence_is_banned(&h, at + length - 1), "in force");
	EXPECT(!offence_is_banned(&h, at + length), "over");
	EXPECT(offence_add(&h, &rules, at + MINUTE) == OFFENCE_UNCOUNTED && h.offences == 5,
	       "what comes in a ban is no offence");
	at = offend(&h, at + length);
	EXPECT(offence_ban(&h, &rules, at) == 20 * MINUTE, "the second is twice as long");
	EXPECT(h.offences == 10 && h.level == 2, "all is counted");
}

TEST(two_in_one_second_are_one)
{
	struct offence_history h = {0};

	EXPECT(offence_add(&h, &rules, 1000) == OFFENCE_COUNTED, "the first");
	EXPECT(offence_add(&h, &rules, 1000) == OFFENCE_UNCOUNTED && h.offences == 1, "the second");
}

TEST(a_ban_is_no_longer_than_the_longest_of_today)
{
	struct offence_rules shorter = rules;
	struct offence_history h = {0};
	int64_t at = offend(&h, 1000), length = offence_ban(&h, &rules, at);

	EXPECT(!offence_shorten(&h, &rules, at), "by the same rules it stays");
	shorter.longest_s = 4 * MINUTE;
	EXPECT(!offence_shorten(&h, &shorter, at + length - 4 * MINUTE),
	       "what is left is short enough");
	EXPECT(offence_shorten(&h, &shorter, at + MINUTE) && h.until_s == at + 5 * MINUTE,
	       "from now on so long");
	EXPECT(!offence_shorten(&h, &shorter, at + 2 * MINUTE), "once");
	EXPECT(!offence_shorten(&h, &shorter, at + HOUR) && h.until_s == at + 5 * MINUTE,
	       "one that is over stays so");
	shorter.longest_s = 30 * DAY;
	EXPECT(!offence_shorten(&h, &shorter, at), "a longer one makes none longer");
}

TEST(quiet_is_forgotten)
{
	struct offence_history h = {0};
	int64_t at = offend(&h, 1000);

	EXPECT(!offence_is_forgotten(&h, &rules, at + 59 * MINUTE), "an hour's offences count");
	EXPECT(offence_is_forgotten(&h, &rules, at + HOUR), "and then do not");
	offence_ban(&h, &rules, at);
	EXPECT(!offence_is_forgotten(&h, &rules, at + HOUR), "a ban is remembered");
	EXPECT(!offence_is_forgotten(&h, &rules, at + 7 * DAY), "from its end on");
	EXPECT(offence_is_forgotten(&h, &rules, at + 7 * DAY + 10 * MINUTE), "for a week");
	at = offend(&h, at + 8 * DAY);
	EXPECT(offence_ban(&h, &rules, at) == 10 * MINUTE && h.level == 1,
	       "it begins from the beginning");
}

TEST(who_is_spared_begins_anew)
{
	struct offence_history h = {0};
	int64_t at = offend(&h, 1000);

	offence_spare(&h);
	EXPECT(offence_add(&h, &rules, at + MINUTE) == OFFENCE_COUNTED, "one more is not enough");
	EXPECT(!offence_is_banned(&h, at + MINUTE), "and there was no ban");
	EXPECT(offence_is_forgotten(&(struct offence_history){0}, &rules, 5), "nothing was done");
}

TEST(no_offences_make_no_ban)
{
	struct offence_rules off = rules, quick = rules;
	struct offence_history h = {0};

	off.after = 0;
	for (unsigned i = 0; i < 100; i++)
		EXPECT(offence_add(&h, &off, 1000 + i * MINUTE) == OFFENCE_UNCOUNTED,
		       "after = 0 is off");
	quick.after = 1;
	quick.within_s = 1;
	EXPECT(offence_add(&h, &quick, 5000) == OFFENCE_ENOUGH,
	       "one is enough where the rules say so");
	offence_spare(&h);
	EXPECT(offence_add(&h, &quick, 5001) == OFFENCE_ENOUGH,
	       "and it need not wait a minute then");
}

TEST(neighbours_make_a_network)
{
	struct offence_rules never = rules;

	EXPECT(!offence_is_network(&rules, 7) && offence_is_network(&rules, 8), "eight of them");
	never.neighbours = 0;
	EXPECT(!offence_is_network(&never, 256), "0 is never");
}

static const struct {
	const char *sentence;
	uint64_t messages;
	int64_t first, last;
	bool is_regular;
} senders[] = {
	{"who writes each day", 30, -30 * DAY, -HOUR, true},
	{"three messages in two days", 3, -2 * DAY, -HOUR, true},
	{"two are too few", 2, -20 * DAY, -HOUR, false},
	{"a wave of spam within an hour", 100000, -2 * HOUR, -HOUR, false},
	{"who wrote two months ago", 100, -90 * DAY, -60 * DAY, false},
	{"a newsletter each month", 3, -60 * DAY, -30 * DAY, true},
	{"nobody", 0, 0, 0, false},
};

TEST(who_delivers_as_a_rule)
{
	const int64_t now = 1800000000;

	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++)
		EXPECT(offence_is_regular(senders[i].messages, now + senders[i].first,
					  now + senders[i].last, now) == senders[i].is_regular,
		       "%s", senders[i].sentence);
}
