/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges: see ranges.h. Overlaps are merged, neighbours are not: single addresses lie in plain lines of memory in the kernel, and
 * a /31 made of two of them would move to the trie, which is slower to ask and takes more.
 */
#include "feed/ranges.h"

#include <errno.h>
#include <stdlib.h>

#include "base/grow.h"
#include "feed/feed.h"

#define BITS_PER_BYTE 8
#define WORD_BITS     64

feed_number number_of_addr(const struct addr *a)
{
	feed_number n = 0;

	for (size_t i = 0; i < sizeof(a->byte); i++)
		n = n << BITS_PER_BYTE | a->byte[i];
	return n;
}

struct addr number_to_addr(feed_number n)
{
	struct addr a;

	for (size_t i = sizeof(a.byte); i-- > 0; n >>= BITS_PER_BYTE)
		a.byte[i] = (uint8_t)n;
	return a;
}

/* The addresses of a prefix with so many bits behind its length, less one. */
static feed_number span_of(unsigned bits_behind)
{
	return bits_behind >= ADDR_BITS ? ~(feed_number)0 : ((feed_number)1 << bits_behind) - 1;
}

struct feed_range range_of_prefix(const struct prefix *p)
{
	feed_number first = number_of_addr(&p->addr);

	return (struct feed_range){.first = first, .last = first + span_of(ADDR_BITS - p->bits)};
}

int ranges_add(struct feed_ranges *r, const struct feed_range *one)
{
	void *grown = grow(r->list, r->count, &r->room, sizeof(*r->list));

	if (!grown)
		return -ENOMEM;
	r->list = grown;
	r->list[r->count++] = *one;
	return 0;
}

/* The wider first, so that what it covers follows it. */
static int range_compare(const void *a, const void *b)
{
	const struct feed_range *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->last != y->last)
		return x->last > y->last ? -1 : 1;
	return 0;
}

void ranges_sort(struct feed_ranges *r)
{
	size_t i = 1;

	/* Most lists are sorted already. */
	while (i < r->count && range_compare(&r->list[i - 1], &r->list[i]) <= 0)
		i++;
	if (i < r->count)
		qsort(r->list, r->count, sizeof(*r->list), range_compare);
}

size_t ranges_merge(struct feed_ranges *r)
{
	size_t kept = 0, before = r->count;

	for (size_t i = 0; i < before; i++) {
		struct feed_range *last = kept ? &r->list[kept - 1] : NULL;

		if (!last || r->list[i].first > last->last)
			r->list[kept++] = r->list[i];
		else if (r->list[i].last > last->last)
			last->last = r->list[i].last;
	}
	r->count = kept;
	return before - kept;
}

/* Appends what of one lies in none of the holes from *at on; *at moves on to the first that may concern the next. */
static int range_cut(struct feed_ranges *out, struct feed_range one,
		     const struct feed_ranges *holes, size_t *at)
{
	while (*at < holes->count && holes->list[*at].last < one.first)
		(*at)++;
	for (size_t i = *at; i < holes->count && holes->list[i].first <= one.last; i++) {
		const struct feed_range *hole = &holes->list[i];
		struct feed_range before = {one.first, hole->first - 1};

		if (hole->first > one.first && ranges_add(out, &before))
			return -ENOMEM;
		if (hole->last >= one.last)
			return 0;
		one.first = hole->last + 1;
	}
	return ranges_add(out, &one);
}

int ranges_cut(struct feed_ranges *a, const struct feed_ranges *holes)
{
	struct feed_ranges out = {0};
	size_t at = 0;

	if (!holes->count)
		return 0;
	for (size_t i = 0; i < a->count; i++) {
		if (range_cut(&out, a->list[i], holes, &at)) {
			ranges_free(&out);
			return -ENOMEM;
		}
	}
	ranges_free(a);
	*a = out;
	return 0;
}

static unsigned zeros_behind(feed_number n)
{
	uint64_t low = (uint64_t)n, high = (uint64_t)(n >> WORD_BITS);

	if (low)
		return (unsigned)__builtin_ctzll(low);
	return high ? WORD_BITS + (unsigned)__builtin_ctzll(high) : ADDR_BITS;
}

static bool number_is_v4(feed_number n)
{
	struct addr a = number_to_addr(n);

	return addr_is_v4(&a);
}

/* Bits behind the length of the widest prefix that begins at the start of r and ends within it. */
static unsigned widest_at(const struct feed_range *r)
{
	unsigned behind = zeros_behind(r->first);

	while (behind && (behind == ADDR_BITS || r->last - r->first < span_of(behind)))
		behind--;
	return behind;
}

static unsigned most_behind(const struct feed_range *r)
{
	return ADDR_BITS - (number_is_v4(r->first) ? FEED_V4_BITS_LEAST : FEED_V6_BITS_LEAST);
}

bool range_next_prefix(struct feed_range *r, struct prefix *out)
{
	unsigned behind, most;

	if (r->first > r->last)
		return false;
	behind = widest_at(r);
	most = most_behind(r);
	if (behind > most)
		behind = most;
	*out = (struct prefix){.addr = number_to_addr(r->first),
			       .bits = (uint8_t)(ADDR_BITS - behind)};
	/* The last of all addresses has none behind it. */
	if (r->last - r->first == span_of(behind))
		*r = (struct feed_range){.first = 1, .last = 0};
	else
		r->first += span_of(behind) + 1;
	return true;
}

bool range_is_wide(const struct feed_range *r)
{
	struct feed_range rest = *r;
	unsigned most = most_behind(r);

	/* As nearly all are. */
	if (r->last - r->first <= span_of(most))
		return false;
	while (widest_at(&rest) <= most) {
		feed_number span = span_of(widest_at(&rest));

		if (rest.last - rest.first == span)
			return false;
		rest.first += span + 1;
	}
	return true;
}

void ranges_free(struct feed_ranges *r)
{
	free(r->list);
	*r = (struct feed_ranges){0};
}
