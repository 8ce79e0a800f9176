/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times. Durations are written `90s`, `10m`, `2h`, `7d`. Deadlines are in CLOCK_BOOTTIME, which neither
 * a step of the wall clock nor a suspend moves; the wall clock is for people and for reboots.
 */
#ifndef BASE_WHEN_H
#define BASE_WHEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL
#define US_PER_S  1000000ULL
#define MS_PER_S  1000
#define MINUTE_S  60
#define HOUR_S	  3600
#define DAY_S	  86400
#define DURATION_MAX_S                                                                             \
	(10ULL * 365 * 86400) /* ten years: longer is "no end", which is said otherwise */
#define DURATION_TEXT_MAX 24
#define WHEN_TEXT_MAX	  32 /* RFC 3339 with the final 0 */

/* "90s", "10m", "2h", "7d": digits and one unit. 0 is an error. 0 or -EINVAL; seconds in *out. */
int duration_parse(const char *text, uint64_t *out_s, struct err *e);
/* The same back, in the largest unit that loses nothing ("90s", "2h"). Returns buffer. */
const char *duration_format(uint64_t s, char buffer[static DURATION_TEXT_MAX]);
/* For people: two units, rounded ("1h 12m"). Returns buffer. */
const char *duration_describe(uint64_t s, char buffer[static DURATION_TEXT_MAX]);

uint64_t now_boot_ns(void);
uint64_t now_monotonic_ns(void);
int64_t now_wall_s(void);

/* RFC 3339, UTC: "2026-01-02T03:04:05Z". Returns buffer. */
const char *when_format(int64_t wall_s, char buffer[static WHEN_TEXT_MAX]);
/* The same back; nothing else. 0 or -EINVAL. */
int when_parse(const char *text, int64_t *out_s);
/* The wall time of a boot-time instant, by both clocks now. */
int64_t when_of_boot(uint64_t boot_ns);

/* The kernel's random boot id (proc(5), /proc/sys/kernel/random/boot_id), or "" when unreadable. */
#define BOOT_ID_MAX 40
const char *boot_id(char buffer[static BOOT_ID_MAX]);

#endif
