/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The times that lines begin with. Traditional ones (RFC 3164, 4.1.2) and Exim's own are local time, and the former have no year. mktime(3) is
 * asked once for all lines of an hour.
 */
#include "maillog/inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/when.h"

#define YEAR_BASE    1900 /* of struct tm */
#define LEAP_YEARS   8	  /* two 29ths of February lie at most so far apart (1896, 1904) */
#define UNIX_DIGITS  9 /* seconds since 1970 have more digits than a year has, and did since 1973 */
#define FRACTION_MAX 9

struct clock {
	uint32_t hour, minute, second;
};

void maillog_prepare(void)
{
	/* Named, it is read once; else each mktime(3) looks whether the file is still the same. */
	(void)setenv("TZ", ":/etc/localtime", 0);
	tzset();
}

static bool digits(struct slice *p, size_t count, uint32_t *out)
{
	*out = 0;
	if ((size_t)(p->end - p->at) < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (p->at[i] < '0' || p->at[i] > '9')
			return false;
		*out = *out * 10 + (uint32_t)(p->at[i] - '0');
	}
	p->at += count;
	return true;
}

/* "06:27:11" with a fraction or without. */
static bool clock_read(struct slice *p, struct clock *c)
{
	uint32_t fraction;

	if (!digits(p, 2, &c->hour) || !slice_skip(p, ":") || !digits(p, 2, &c->minute) ||
	    !slice_skip(p, ":") || !digits(p, 2, &c->second))
		return false;
	if (slice_skip(p, "."))
		for (unsigned i = 0; i < FRACTION_MAX && digits(p, 1, &fraction); i++)
			;
	/* 60: a leap second. */
	return c->hour < 24 && c->minute < 60 && c->second <= 60;
}

static int64_t within_hour(const struct clock *c)
{
	return (int64_t)c->minute * MINUTE_S + c->second;
}

static struct tm date(uint32_t year, uint32_t month, uint32_t day, uint32_t hour)
{
	return (struct tm){.tm_year = (int)year - YEAR_BASE,
			   .tm_mon = (int)month - 1,
			   .tm_mday = (int)day,
			   .tm_hour = (int)hour,
			   .tm_isdst = -1};
}

/* The hour's beginning in local time; false: there is no such day. */
static bool local_hour(struct tm tm, int64_t *out)
{
	int month = tm.tm_mon;

	*out = mktime(&tm);
	return tm.tm_mon == month;
}

static bool cache_has(const struct stamp_cache *c, const struct slice *text)
{
	size_t n = (size_t)(text->end - text->at);

	return n < sizeof(c->hour) && strlen(c->hour) == n && memcmp(c->hour, text->at, n) == 0;
}

static void cache_put(struct stamp_cache *c, const struct slice *text, int64_t hour_wall_s)
{
	size_t n = (size_t)(text->end - text->at);

	if (n >= sizeof(c->hour))
		return;
	memcpy(c->hour, text->at, n);
	c->hour[n] = '\0';
	c->hour_wall_s = hour_wall_s;
}

/* "Nov 22 06:27:11". */
static bool traditional(struct stamp_cache *c, struct slice *p, int64_t *wall_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *begin = p->at, *found;
	uint32_t day, month;
	struct clock clock;
	struct slice hour;
	struct tm now;
	time_t now_s = c->now_wall_s;

	if (p->end - p->at < 4 || p->at[3] != ' ')
		return false;
	found = memmem(months, sizeof(months) - 1, p->at, 3);
	if (!found || (found - months) % 3)
		return false;
	month = (uint32_t)(found - months) / 3 + 1;
	p->at += 4;
	if (slice_skip(p, " ") ? !digits(p, 1, &day) : !digits(p, 2, &day))
		return false;
	hour = (struct slice){begin, p->at + 3};
	if (day < 1 || day > 31 || !slice_skip(p, " ") || !clock_read(p, &clock))
		return false;
	if (!cache_has(c, &hour)) {
		bool is_day = false;
		int64_t s = 0;

		if (!localtime_r(&now_s, &now))
			return false;
		/* A day's grace: whoever wrote it may have another idea of the time. */
		for (int back = 0; back <= LEAP_YEARS && !is_day; back++)
			is_day = local_hour(date((uint32_t)(now.tm_year + YEAR_BASE - back), month,
						 day, clock.hour),
					    &s) &&
				 s <= c->now_wall_s + DAY_S;
		if (!is_day)
			return false;
		cache_put(c, &hour, s);
	}
	*wall_s = c->hour_wall_s + within_hour(&clock);
	return true;
}

static bool offset_read(struct slice *p, bool colon, int64_t *s)
{
	bool minus = slice_starts(p, "-");
	uint32_t hours, minutes;

	if (!slice_skip(p, "+") && !slice_skip(p, "-"))
		return false;
	if (!digits(p, 2, &hours) || (colon && !slice_skip(p, ":")) || !digits(p, 2, &minutes))
		return false;
	*s = ((int64_t)hours * HOUR_S + (int64_t)minutes * MINUTE_S) * (minus ? -1 : 1);
	return true;
}

/* "2026-11-22T06:27:11.123456+01:00" (RFC 3339, 5.6), or Exim's "2026-11-22 06:27:11.123 +0100". */
static bool dated(struct stamp_cache *c, struct slice *p, int64_t *wall_s, bool *is_exim)
{
	const char *begin = p->at;
	uint32_t year, month, day;
	struct clock clock;
	struct slice hour, rest;
	int64_t offset_s = 0;
	struct tm tm;

	if (!digits(p, 4, &year) || !slice_skip(p, "-") || !digits(p, 2, &month) ||
	    !slice_skip(p, "-") || !digits(p, 2, &day) || month < 1 || month > 12 || day < 1 ||
	    day > 31)
		return false;
	*is_exim = slice_starts(p, " ");
	if (!slice_skip(p, " ") && !slice_skip(p, "T"))
		return false;
	hour = (struct slice){begin, p->at + 2};
	if (!clock_read(p, &clock))
		return false;
	rest = *p;
	tm = date(year, month, day, clock.hour);
	if (*is_exim && !(slice_skip(&rest, " ") && offset_read(&rest, false, &offset_s))) {
		int64_t s;

		if (!cache_has(c, &hour)) {
			if (!local_hour(tm, &s))
				return false;
			cache_put(c, &hour, s);
		}
		*wall_s = c->hour_wall_s + within_hour(&clock);
		return true;
	}
	if (*is_exim)
		*p = rest;
	else if (!slice_skip(p, "Z") && !offset_read(p, true, &offset_s))
		return false;
	*wall_s = timegm(&tm) + within_hour(&clock) - offset_s;
	return true;
}

/* "1763792831.123456", as journalctl(1) has it in short-unix. */
static bool counted(struct slice *p, int64_t *wall_s)
{
	uint32_t s, fraction;

	if (!slice_number(p, &s))
		return false;
	*wall_s = s;
	return !slice_skip(p, ".") || slice_number(p, &fraction);
}

bool stamp_read(struct stamp_cache *c, struct slice *line, int64_t *wall_s, bool *is_exim)
{
	struct slice p = *line;
	size_t lead = 0;
	bool good;

	*is_exim = false;
	while (p.at + lead < p.end && p.at[lead] >= '0' && p.at[lead] <= '9')
		lead++;
	if (!lead)
		good = traditional(c, &p, wall_s);
	else if (lead >= UNIX_DIGITS)
		good = counted(&p, wall_s);
	else
		good = dated(c, &p, wall_s, is_exim);
	if (!good || !slice_skip(&p, " ") || *wall_s <= 0)
		return false;
	*line = p;
	return true;
}
