/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The networks that an SPF record names (RFC 7208), with those of all that it includes: who may send for a provider. Unlike the walk of
 * spf.h, which judges a record for its owner, this one takes only what would pass for every sender: mechanisms with '+', by address.
 * What depends on the sender (macros, exists, ptr) is left out and noted; a record that is broken, or open to everybody, names nobody.
 */
#ifndef DNS_SPF_NETWORKS_H
#define DNS_SPF_NETWORKS_H

#include "dns/spf.h"

#define SPF_NETWORKS_MAX 512 /* of a provider; the largest have a hundred */
#define SPF_NOTE_MAX	 160

struct spf_networks {
	enum spf_state state;	 /* FINE: the networks hold, and there may be none */
	char why[SPF_TEXT_MAX];	 /* of the others; of FINE without networks what it says instead */
	char note[SPF_NOTE_MAX]; /* what was left out; "" nothing */
	uint32_t ttl_s;		 /* the least of all answers */
	unsigned count;
	struct prefix network[SPF_NETWORKS_MAX]; /* sorted; none lies in another */
};

struct spf_gather;
typedef void (*spf_networks_fn)(void *context, const struct spf_networks *found);
/* fn is called once, from the loop. 0 or -errno. */
int spf_networks_start(struct spf_gather **out, struct resolver *r, const char *domain,
		       spf_networks_fn fn, void *context);
void spf_networks_stop(struct spf_gather *g); /* NULL is fine */

#endif
