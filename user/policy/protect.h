/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may not be blocked. A list of what is never judged (own addresses, private local networks, gateways,
 * resolvers) and a prefix that somebody wants to block: do they touch?
 */
#ifndef POLICY_PROTECT_H
#define POLICY_PROTECT_H

#include <stddef.h>

#include "base/addr.h"

enum protect_kind { PROTECT_OWN, PROTECT_LOCAL, PROTECT_GATEWAY, PROTECT_RESOLVER };

struct protect_entry {
	struct prefix prefix;
	enum protect_kind kind;
};

enum protect_touch {
	PROTECT_NONE,	/* may be blocked */
	PROTECT_INSIDE, /* the prefix is one of the list, or lies in one */
	PROTECT_COVERS, /* the prefix covers one of the list */
};

/*
 * Does p touch the list? *which is the entry that says it best: the longest that p lies in, else the first
 * that p covers; NULL for PROTECT_NONE.
 */
enum protect_touch protect_find(const struct protect_entry *list, size_t count,
				const struct prefix *p, const struct protect_entry **which);

/* "an address of this host", "a private network of a guarded interface", "a gateway", "a resolver" */
const char *protect_sentence(enum protect_kind kind);

#endif
