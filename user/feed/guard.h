/* SPDX-License-Identifier: BSD-2-Clause */
/* May a new list take the place of the one in force? And which of its entries touch what must never be blocked? Pure. */
#ifndef FEED_GUARD_H
#define FEED_GUARD_H

#include "feed/image.h"

/*
 * Of lists with fewer entries sizes say nothing: one of a handful doubles and halves by honest work. About where lists begin that no
 * person keeps by hand.
 */
#define GUARD_FLOOR_ENTRIES 100

struct guard_size {
	uint64_t entries; /* hosts and prefixes */
	uint64_t v4;	  /* IPv4 addresses that they cover */
	uint64_t v6;	  /* IPv6 networks of /48 */
};

struct guard_size guard_size_of(const struct image *i);
/*
 * old: of the list in force; NULL: there is none, and anything will do but nothing and the world. shrink, grow: as the configuration has
 * them, 0 off. 0: it may; -EXDEV: it is to be held back, with the reason, a sentence about "it", in e.
 */
int guard_change(const struct guard_size *old, const struct guard_size *new_, uint32_t shrink,
		 uint32_t grow, struct err *e);

/* index: among the hosts for an IPv4 host, else among the prefixes. */
typedef int (*guard_fn)(void *context, size_t index, const struct prefix *entry);
/*
 * Entries that a protected prefix touches: fn is called with each, once for each protected prefix it touches; nonzero ends. For a list of
 * protected ones that is short and an image that is long. Returns fn's last value.
 */
int guard_touching(const struct image *i, const struct prefix *protected_, guard_fn fn,
		   void *context);

#endif
