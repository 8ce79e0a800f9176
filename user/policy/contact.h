/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First contact: what follows from what the DNS said of a stranger. Only a listing is acted on, only a whole clean answer is
 * remembered for long; what could not be known lets in, and is asked again soon.
 */
#ifndef POLICY_CONTACT_H
#define POLICY_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/when.h"

/* Who was found clean or delivers stays known so long: a regular sender comes every week. Meanwhile he is asked about afresh, but not held. */
#define CONTACT_KNOWN_S (7ULL * DAY_S)

enum contact_finding { CONTACT_LISTED, CONTACT_CLEAN, CONTACT_UNKNOWN };

struct contact_evidence {
	enum contact_finding finding;
	bool partial;	/* an answer that is missing could turn it */
	bool unasked;	/* the share of those that may be forged was spent */
	uint32_t ttl_s; /* of the answers that decided, clamped */
	bool known;	/* the source is known now */
	bool listed;	/* the source is listed now, by an earlier verdict */
};

struct contact_decision {
	bool list;	   /* put it on the list, for ttl_s */
	bool unlist;	   /* take it off */
	bool know;	   /* let it be known */
	uint64_t listed_s; /* how long */
	uint64_t known_s;  /* from now on; 0: as long as it is known already */
	uint64_t fresh_s;  /* after this, ask again */
};

struct contact_decision contact_decide(const struct contact_evidence *e);

/* May a connection that was established then still be cut now? Later a message may be under way. Boot time, ns. */
bool contact_may_cut(uint64_t established_ns, uint64_t now_ns);

/*
 * So many sources of one network (IPv4 /24, IPv6 /48) are listed, so many in all, and the table has room for so many: does
 * one entry take the place of all in the network?
 */
bool contact_may_widen(unsigned listed, bool is_v4, unsigned all, unsigned room);

#endif
