/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may not be blocked. A list of what is never judged (own addresses, private local networks, gateways, resolvers, never_block), of
 * where the operator is logged in from and of what he trusts, and a prefix that somebody, or something, wants to block: do they touch?
 */
#ifndef POLICY_PROTECT_H
#define POLICY_PROTECT_H

#include <stddef.h>

#include "base/addr.h"

enum protect_kind {
	PROTECT_OWN,
	PROTECT_LOCAL,
	PROTECT_GATEWAY,
	PROTECT_RESOLVER,
	PROTECT_CONFIG, /* never_block */
	PROTECT_LOGIN,	/* somebody is logged in to this host from there */
	PROTECT_ALLOWED, /* by the operator; like the next ones nothing but what is automatic minds it */
	PROTECT_TRUSTED,  /* by the operator */
	PROTECT_PROVIDER, /* trusted by trust_spf */
	PROTECT_KINDS,
};

/*
 * The shortest prefixes that are blocked at all: IANA gives the registries IPv4 by /8 and IPv6 by /12, and whoever shuts out more than a
 * registry's share of the world means another thing than a block.
 */
#define PROTECT_V4_BITS_LEAST (ADDR_V4_LEAD_BITS + 8)
#define PROTECT_V6_BITS_LEAST 12
/* And by what no person has looked at: no single network of IPv6 is larger than a few /20. */
#define PROTECT_AUTOMATIC_V6_BITS_LEAST 16

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

/* "an address of this host or link", "a private network of a guarded interface", "a gateway", "a resolver", ... */
const char *protect_sentence(enum protect_kind kind);

/* Is it so short that not even the operator blocks it? */
bool protect_is_too_wide(const struct prefix *p);

/*
 * May something automatic (a ban, a feed, a verdict) block p? 0; or -EPERM, and e says why not and names what it touches: it is too
 * wide (IPv4 shorter than /8, IPv6 shorter than /16), or it lies in or covers an entry of the list. A walk of the list: who asks about
 * many prefixes should rather look for each entry of this short list among his own.
 */
int protect_check_automatic(const struct protect_entry *list, size_t count, const struct prefix *p,
			    struct err *e);

#endif
