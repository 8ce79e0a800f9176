/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations and clocks as people read and write them. */
#include "base/when.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(duration_reads_digits_and_one_unit)
{
	static const struct {
		const char *text;
		uint64_t s; /* 0: refused */
	} rows[] = {
		{"1s", 1},
		{"90s", 90},
		{"10m", 600},
		{"2h", 7200},
		{"7d", 604800},
		{"007s", 7},
		{"3650d", DURATION_MAX_S},
		{"315360000s", DURATION_MAX_S},
		{"3651d", 0},
		{"315360001s", 0},
		{"87601h", 0},
		{"18446744073709551617s", 0},
		{"213503982334602d", 0},
		{"99999999999999999999999999999999999999999999999999999999999999999s", 0},
		{"0s", 0},
		{"000d", 0},
		{"", 0},
		{"s", 0},
		{"10", 0},
		{"10 s", 0},
		{" 10s", 0},
		{"10s ", 0},
		{"10sec", 0},
		{"10S", 0},
		{"1w", 0},
		{"1h30m", 0},
		{"-1s", 0},
		{"+1s", 0},
		{"1.5h", 0},
		{"0x10s", 0},
		{"forever", 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = {0};
		uint64_t s = 77;
		int ret = duration_parse(rows[i].text, &s, &e);

		if (rows[i].s)
			EXPECT(ret == 0 && s == rows[i].s, "'%s': %d, %" PRIu64 " %s", rows[i].text,
			       ret, s, e.text);
		else
			EXPECT(ret == -EINVAL && e.text[0] && s == 77, "'%s' was taken as %" PRIu64,
			       rows[i].text, s);
	}
}

TEST(duration_is_written_in_the_largest_unit_that_loses_nothing)
{
	static const struct {
		uint64_t s;
		const char *text;
	} rows[] = {
		{0, "0s"},
		{1, "1s"},
		{59, "59s"},
		{60, "1m"},
		{90, "90s"},
		{3600, "1h"},
		{5400, "90m"},
		{86400, "1d"},
		{90000, "25h"},
		{604800, "7d"},
		{UINT64_MAX, "18446744073709551615s"},
	};
	char text[DURATION_TEXT_MAX];

	for (size_t i = 0; i < COUNT(rows); i++)
		EXPECT(!strcmp(duration_format(rows[i].s, text), rows[i].text), "%" PRIu64 ": %s",
		       rows[i].s, text);
}

TEST(duration_is_described_in_two_rounded_units)
{
	static const struct {
		uint64_t s;
		const char *text;
	} rows[] = {
		{0, "0s"},	   {59, "59s"},
		{60, "1m"},	   {61, "1m 1s"},
		{3599, "59m 59s"}, {3600, "1h"},
		{4320, "1h 12m"},  {4349, "1h 12m"},
		{4350, "1h 13m"},  {86399, "1d"},
		{86400, "1d"},	   {90000, "1d 1h"},
		{172799, "2d"},	   {UINT64_MAX, "213503982334601d 7h"},
	};
	char text[DURATION_TEXT_MAX];

	for (size_t i = 0; i < COUNT(rows); i++)
		EXPECT(!strcmp(duration_describe(rows[i].s, text), rows[i].text), "%" PRIu64 ": %s",
		       rows[i].s, text);
}

TEST(when_is_written_as_rfc_3339)
{
	static const struct {
		int64_t s;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1767323045, "2026-01-02T03:04:05Z"},
		{951782400, "2000-02-29T00:00:00Z"},
		{-1, "1969-12-31T23:59:59Z"},
		{253402300799, "9999-12-31T23:59:59Z"},
		{INT64_MAX, "9999-12-31T23:59:59Z"},
		{INT64_MIN, "0000-01-01T00:00:00Z"},
	};
	char text[WHEN_TEXT_MAX];

	for (size_t i = 0; i < COUNT(rows); i++)
		EXPECT(!strcmp(when_format(rows[i].s, text), rows[i].text), "%" PRId64 ": %s",
		       rows[i].s, text);
}

/* Half a second of rounding, and some time to be scheduled between two clocks. */
#define ROUNDING_NS ((int64_t)NS_PER_S / 2 + (int64_t)NS_PER_S / 10)

TEST(when_of_boot_agrees_with_both_clocks)
{
	static const int64_t away_s[] = {0, -1, 1, 3600, -5};
	const uint64_t eighth_ns = NS_PER_S / 8;

	/* In steps of an eighth, so that both fractions carry in each way. */
	for (size_t i = 0; i < COUNT(away_s); i++) {
		for (uint64_t n = 0; n < 8; n++) {
			struct timespec wall;
			uint64_t boot = now_boot_ns();
			int64_t error_ns, of_boot;

			clock_gettime(CLOCK_REALTIME, &wall);
			of_boot = when_of_boot(boot + (uint64_t)(away_s[i] * (int64_t)NS_PER_S) +
					       n * eighth_ns);
			error_ns = (of_boot - wall.tv_sec - away_s[i]) * (int64_t)NS_PER_S -
				   wall.tv_nsec - (int64_t)(n * eighth_ns);
			EXPECT(error_ns > -ROUNDING_NS && error_ns < ROUNDING_NS,
			       "%" PRId64 " s and %u/8 away: wrong by %" PRId64 " ns", away_s[i],
			       (unsigned)n, error_ns);
		}
	}
	EXPECT(when_of_boot(UINT64_MAX) > now_wall_s(), "the end of time is not before now");
	EXPECT(when_of_boot(0) <= now_wall_s(), "the boot is not after now");
}

TEST(clocks_go_forward)
{
	uint64_t boot = now_boot_ns(), monotonic = now_monotonic_ns();

	EXPECT(boot && now_boot_ns() >= boot, "boot time");
	EXPECT(monotonic && now_monotonic_ns() >= monotonic, "monotonic time");
}

TEST(boot_id_is_a_uuid_and_stays)
{
	char a[BOOT_ID_MAX], b[BOOT_ID_MAX];

	EXPECT(strlen(boot_id(a)) == 36, "'%s'", a);
	EXPECT(!strcmp(a, boot_id(b)), "%s, then %s", a, b);
}

TEST(a_time_is_read_back_and_nothing_else_is)
{
	static const int64_t times[] = {0, 1700000000, 951782400, 4102444799, 253402300799};
	static const char *const bad[] = {"",
					  "2026-01-02T03:04:05",
					  "2026-01-02T03:04:05Z ",
					  " 2026-01-02T03:04:05Z",
					  "2026-1-2T3:4:5Z",
					  "2026-02-31T00:00:00Z",
					  "2026-01-02 03:04:05Z",
					  "2026-01-02T03:04:05+00:00",
					  "2026-13-02T03:04:05Z",
					  "now",
					  "99999999999-01-02T03:04:05Z"};
	char text[WHEN_TEXT_MAX];
	int64_t s = 77;

	for (size_t i = 0; i < COUNT(times); i++)
		EXPECT(when_parse(when_format(times[i], text), &s) == 0 && s == times[i],
		       "%s: %" PRId64, text, s);
	for (size_t i = 0; i < COUNT(bad); i++)
		EXPECT(when_parse(bad[i], &s) == -EINVAL, "'%s' is taken", bad[i]);
}
