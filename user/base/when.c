/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations, clocks and the boot id: see when.h. */
#include "base/when.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

#define BOOT_ID_PATH   "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LENGTH 36 /* a UUID as RFC 4122 writes it */
#define SHOWN_MAX      48 /* bytes of a foreign text in a sentence: more than any duration */
/* RFC 3339 has years of four digits: 0000-01-01 and 9999-12-31 in seconds from 1970. */
#define WHEN_FIRST_S (-62167219200LL)
#define WHEN_LAST_S  253402300799LL

struct unit {
	char letter;
	uint64_t s;
};
static const struct unit units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
#define UNITS (sizeof(units) / sizeof(units[0]))

static const struct unit *unit_of(char letter)
{
	for (size_t i = 0; i < UNITS; i++)
		if (units[i].letter == letter)
			return &units[i];
	return NULL;
}

int duration_parse(const char *text, uint64_t *out_s, struct err *e)
{
	char shown[SHOWN_MAX];
	const struct unit *unit;
	const char *at = text;
	uint64_t count = 0;

	/* Stop adding once it is too long: the count then stays far from the end of 64 bits. */
	for (; *at >= '0' && *at <= '9'; at++) {
		if (count <= DURATION_MAX_S)
			count = count * 10 + (uint64_t)(*at - '0');
	}
	unit = unit_of(*at);
	text_escape(text, strlen(text), shown, sizeof(shown));
	if (at == text || !unit || at[1])
		return err_set(e, -EINVAL,
			       "'%s' is not a time: write 90s, 10m, 2h or 7d (digits and one unit)",
			       shown);
	if (!count)
		return err_set(e, -EINVAL, "'%s' is no time at all: the shortest is 1s", shown);
	if (count > DURATION_MAX_S / unit->s)
		return err_set(e, -EINVAL, "'%s' is too long: at most %llud (ten years)", shown,
			       DURATION_MAX_S / 86400);
	*out_s = count * unit->s;
	return 0;
}

const char *duration_format(uint64_t s, char buffer[static DURATION_TEXT_MAX])
{
	const struct unit *u = &units[UNITS - 1];

	for (size_t i = 0; s && i < UNITS; i++) {
		if (s % units[i].s == 0) {
			u = &units[i];
			break;
		}
	}
	snprintf(buffer, DURATION_TEXT_MAX, "%" PRIu64 "%c", s / u->s, u->letter);
	return buffer;
}

static size_t unit_largest_in(uint64_t s)
{
	size_t i = 0;

	while (i + 1 < UNITS && units[i].s > s)
		i++;
	return i;
}

const char *duration_describe(uint64_t s, char buffer[static DURATION_TEXT_MAX])
{
	size_t large = unit_largest_in(s), small = large + 1 < UNITS ? large + 1 : large;
	uint64_t half = units[small].s / 2, count, rest;

	/* Rounding may reach the next unit: 23h 59m 59s is 1d, not 24h. */
	if (s <= UINT64_MAX - half)
		s = (s + half) / units[small].s * units[small].s;
	large = unit_largest_in(s);
	small = large + 1 < UNITS ? large + 1 : large;
	count = s / units[large].s;
	rest = s % units[large].s / units[small].s;
	if (rest)
		snprintf(buffer, DURATION_TEXT_MAX, "%" PRIu64 "%c %u%c", count,
			 units[large].letter, (unsigned)rest & 0xff, units[small].letter);
	else
		snprintf(buffer, DURATION_TEXT_MAX, "%" PRIu64 "%c", count, units[large].letter);
	return buffer;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t now_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t now_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t now_wall_s(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

static int64_t wall_clamp(int64_t s)
{
	if (s < WHEN_FIRST_S)
		return WHEN_FIRST_S;
	return s > WHEN_LAST_S ? WHEN_LAST_S : s;
}

const char *when_format(int64_t wall_s, char buffer[static WHEN_TEXT_MAX])
{
	time_t t = wall_clamp(wall_s);
	struct tm tm;
	char year_month_day[16], clock[16];

	gmtime_r(&t, &tm);
	/* strftime(3) writes the year 33 as "33". */
	strftime(year_month_day, sizeof(year_month_day), "-%m-%d", &tm);
	strftime(clock, sizeof(clock), "T%H:%M:%SZ", &tm);
	snprintf(buffer, WHEN_TEXT_MAX, "%04u%.6s%.10s", (unsigned)(tm.tm_year + 1900) % 10000,
		 year_month_day, clock);
	return buffer;
}

int when_parse(const char *text, int64_t *out_s)
{
	char back[WHEN_TEXT_MAX];
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (!end || *end)
		return -EINVAL;
	*out_s = timegm(&tm);
	/* strptime(3) takes blanks and single digits, and the 31st of February. */
	return strcmp(when_format(*out_s, back), text) == 0 ? 0 : -EINVAL;
}

int64_t when_of_boot(uint64_t boot_ns)
{
	struct timespec wall = {0};
	uint64_t now_ns;
	int64_t s, ns;

	clock_gettime(CLOCK_REALTIME, &wall);
	now_ns = now_boot_ns();
	/*
	 * Seconds and nanoseconds apart: the whole of both clocks does not fit into 64 bits of ns. One
	 * second is borrowed, so that the nanoseconds are positive, and half a one added to round.
	 */
	s = wall.tv_sec + (int64_t)(boot_ns / NS_PER_S) - (int64_t)(now_ns / NS_PER_S) - 1;
	ns = wall.tv_nsec + (int64_t)(boot_ns % NS_PER_S) - (int64_t)(now_ns % NS_PER_S);
	ns += (int64_t)(NS_PER_S + NS_PER_S / 2);
	return wall_clamp(s + ns / (int64_t)NS_PER_S);
}

const char *boot_id(char buffer[static BOOT_ID_MAX])
{
	ssize_t length = -1;
	int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		length = read(fd, buffer, BOOT_ID_LENGTH);
		close(fd);
	}
	buffer[length == BOOT_ID_LENGTH ? BOOT_ID_LENGTH : 0] = '\0';
	return buffer;
}
