/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of addresses as numbers: sorted, merged, cut, and turned into prefixes. */
#ifndef FEED_RANGES_H
#define FEED_RANGES_H

#include <stddef.h>

#include "base/addr.h"

__extension__ typedef unsigned __int128 feed_number; /* an address in base/addr.h's one form */

/* Both ends are in it, and of one family. */
struct feed_range {
	feed_number first, last;
};

struct feed_ranges {
	struct feed_range *list;
	size_t count, room;
};

feed_number number_of_addr(const struct addr *a);
struct addr number_to_addr(feed_number n);
struct feed_range range_of_prefix(const struct prefix *p);

int ranges_add(struct feed_ranges *r, const struct feed_range *one); /* 0 or -ENOMEM */
void ranges_sort(struct feed_ranges *r);
/* Sorted ones that overlap become one; neighbours stay two. How many went. */
size_t ranges_merge(struct feed_ranges *r);
/* What of a lies in none of the holes; both sorted and merged. 0 or -ENOMEM. */
int ranges_cut(struct feed_ranges *a, const struct feed_ranges *holes);
/* The longest prefix at the start of r that ends within it, no shorter than the bounds of feed.h; r then starts behind it. False: r is used up. */
bool range_next_prefix(struct feed_range *r, struct prefix *out);
/* Would a prefix of it be shorter than that? */
bool range_is_wide(const struct feed_range *r);
void ranges_free(struct feed_ranges *r);

#endif
