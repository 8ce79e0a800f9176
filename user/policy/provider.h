/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to make of the networks that a provider's SPF record names today, beside those of yesterday. A record is somebody else's, and the
 * DNS may be forged: one that suddenly names a large part of the Internet, or hardly anything of what it named, is held back until a
 * person has looked, or until it has stayed so for days, by when its owner, whose mail suffers first, has repaired what was no intention.
 */
#ifndef POLICY_PROVIDER_H
#define POLICY_PROVIDER_H

#include <stddef.h>

#include "base/addr.h"
#include "base/when.h"

#define PROVIDER_V4_BITS_LEAST (ADDR_V4_LEAD_BITS + 8) /* nobody holds more in one piece ... */
#define PROVIDER_V6_BITS_LEAST 16
#define PROVIDER_V4_MOST       (1ULL << 24) /* ... nor all together: addresses of a /8 */
#define PROVIDER_V6_MOST       (1ULL << 48) /* /64s of a /16 */

#define PROVIDER_GROW_MOST 10 /* times as many addresses as before are believed at once */
/* What counts as little: a provider that begins with less may grow to ten times this. A /24; the /64s of a /48. */
#define PROVIDER_V4_LITTLE 256
#define PROVIDER_V6_LITTLE 65536
#define PROVIDER_HOLD_S	   (3 * DAY_S) /* over a weekend with nobody in the office but one day */
#define PROVIDER_KEEP_S                                                                            \
	(30 * DAY_S) /* networks that nobody has confirmed for so long may have changed hands */

struct provider_size {
	uint64_t v4; /* addresses */
	uint64_t v6; /* /64s; a longer prefix counts as one */
};

/* A set of networks: sorted, none in another. */
struct provider_set {
	const struct prefix *network;
	size_t count;
};

struct provider_size provider_measure(const struct provider_set *set);

/* May it be trusted at all? 0; or -EINVAL, and e names the network that is too wide, or says that all together are too many. */
int provider_check(const struct provider_set *set, struct err *e);

enum provider_verdict {
	PROVIDER_SAME, /* as it is in force */
	PROVIDER_TAKE, /* put in force */
	PROVIDER_HOLD, /* keep what is in force, and remember this one as held back */
};

/*
 * in_force: empty when nothing is. held: what was held back last, with since when; held_since_s 0 for nothing. *since_s: of HOLD, since
 * when it is held back; e then says why.
 */
enum provider_verdict provider_judge(const struct provider_set *in_force,
				     const struct provider_set *held, int64_t held_since_s,
				     const struct provider_set *fresh, int64_t now_s,
				     int64_t *since_s, struct err *e);

#endif
