/* SPDX-License-Identifier: BSD-2-Clause */
/* Offences: see offence.h. */
#include "policy/offence.h"

#include <string.h>

#include "base/when.h"

/* Fewer may have been a chance, or a test of the sender's. */
#define REGULAR_MESSAGES 3
/* The first and the last of them: on another day, wherever midnight lies. */
#define REGULAR_SPAN_S DAY_S

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t part_of(const struct offence_rules *r, int64_t now_s)
{
	int64_t length = r->within_s / OFFENCE_PARTS;

	return floor_divide(now_s, length > 0 ? length : 1);
}

static unsigned place_of(int64_t part)
{
	return (unsigned)(part - floor_divide(part, OFFENCE_PARTS) * OFFENCE_PARTS);
}

/* Parts that have gone by since the last offence are empty. */
static void parts_advance(struct offence_history *h, int64_t part)
{
	if (part - h->part >= OFFENCE_PARTS || part < h->part)
		memset(h->count, 0, sizeof(h->count));
	else
		for (int64_t p = h->part + 1; p <= part; p++)
			h->count[place_of(p)] = 0;
	h->part = part;
}

static uint32_t count_all(const struct offence_history *h)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < OFFENCE_PARTS; i++)
		sum += h->count[i];
	return sum;
}

/* Where so many must fall in a short time, they may follow each other faster. */
static int64_t least_between(const struct offence_rules *r)
{
	int64_t even = r->after ? r->within_s / r->after : OFFENCE_EVERY_S;

	return even < OFFENCE_EVERY_S ? even : OFFENCE_EVERY_S;
}

static int64_t last_of(const struct offence_history *h)
{
	return h->level && h->until_s > h->last_s ? h->until_s : h->last_s;
}

static bool is_quiet(const struct offence_history *h, const struct offence_rules *r, int64_t now_s)
{
	return h->offences && now_s - last_of(h) >= r->forget_s;
}

enum offence_added offence_add(struct offence_history *h, const struct offence_rules *r,
			       int64_t now_s)
{
	if (!r->after || offence_is_banned(h, now_s))
		return OFFENCE_UNCOUNTED;
	if (is_quiet(h, r, now_s))
		*h = (struct offence_history){0};
	if (h->offences && now_s - h->last_s < least_between(r))
		return OFFENCE_UNCOUNTED;
	parts_advance(h, part_of(r, now_s));
	h->count[place_of(h->part)]++;
	h->last_s = now_s;
	if (h->offences < UINT32_MAX)
		h->offences++;
	return count_all(h) >= r->after ? OFFENCE_ENOUGH : OFFENCE_COUNTED;
}

int64_t offence_ban_s(const struct offence_rules *r, uint32_t level)
{
	int64_t length = r->first_s;

	while (--level && length < r->longest_s)
		length *= 2; /* both are bounded by a month: no overflow */
	return length < r->longest_s ? length : r->longest_s;
}

void offence_spare(struct offence_history *h)
{
	memset(h->count, 0, sizeof(h->count));
}

int64_t offence_ban(struct offence_history *h, const struct offence_rules *r, int64_t now_s)
{
	int64_t length;

	if (is_quiet(h, r, now_s))
		h->level = 0;
	if (h->level < UINT32_MAX)
		h->level++;
	length = offence_ban_s(r, h->level);
	offence_spare(h);
	h->until_s = now_s + length;
	h->last_s = now_s;
	if (!h->offences)
		h->offences = 1; /* a network's: that of its sources */
	return length;
}

bool offence_shorten(struct offence_history *h, const struct offence_rules *r, int64_t now_s)
{
	if (!offence_is_banned(h, now_s) || h->until_s - now_s <= r->longest_s)
		return false;
	h->until_s = now_s + r->longest_s;
	return true;
}

bool offence_is_banned(const struct offence_history *h, int64_t now_s)
{
	return h->level && now_s < h->until_s;
}

bool offence_is_forgotten(const struct offence_history *h, const struct offence_rules *r,
			  int64_t now_s)
{
	if (!h->offences || is_quiet(h, r, now_s))
		return !offence_is_banned(h, now_s);
	return !h->level && now_s - h->last_s >= r->within_s;
}

bool offence_is_network(const struct offence_rules *r, uint32_t banned)
{
	return r->neighbours && banned >= r->neighbours;
}

bool offence_is_regular(uint64_t messages, int64_t first_s, int64_t last_s, int64_t now_s)
{
	return messages >= REGULAR_MESSAGES && last_s - first_s >= REGULAR_SPAN_S &&
	       now_s - last_s <= OFFENCE_REGULAR_WITHIN_S;
}

const char *offence_sentence(enum offence_kind kind)
{
	static const char *const sentences[] = {
		[OFFENCE_RATE] = "over its rate of connections",
		[OFFENCE_OPEN] = "over its number of open connections",
		[OFFENCE_ANSWERED] = "listed, told so, and back",
		[OFFENCE_CUT] = "listed, and cut when it was found out",
	};

	return (unsigned)kind < OFFENCE_KINDS ? sentences[kind] : "offended";
}

const char *offence_name(enum offence_kind kind)
{
	static const char *const names[] = {
		[OFFENCE_RATE] = "rate",
		[OFFENCE_OPEN] = "open",
		[OFFENCE_ANSWERED] = "listed",
		[OFFENCE_CUT] = "cut",
	};

	return (unsigned)kind < OFFENCE_KINDS ? names[kind] : "unknown";
}
