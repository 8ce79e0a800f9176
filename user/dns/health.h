/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a zone well? It is asked for its test entries (RFC 5782, section 5), which must and must not be listed, and for some
 * random addresses, which cannot all be. What strangers are listed is no evidence: they choose who connects.
 */
#ifndef DNS_HEALTH_H
#define DNS_HEALTH_H

#include "dns/zones.h"

#define HEALTH_RANDOM                                                                              \
	8 /* a zone of policy lists a third of all addresses: all of eight by chance once in 6000 */

enum health_probe {
	HEALTH_MUST,	    /* 127.0.0.2, or the zone's own test entry */
	HEALTH_MUST_NOT,    /* 127.0.0.1 */
	HEALTH_MUST_V6,	    /* ::ffff:7f00:2, by nibbles */
	HEALTH_MUST_NOT_V6, /* ::ffff:7f00:1 */
	HEALTH_PROBES_TEST,
	HEALTH_PROBES = HEALTH_PROBES_TEST + HEALTH_RANDOM,
};

struct health_seen {
	enum outcome outcome[HEALTH_PROBES]; /* PENDING: not asked */
	const char *why[HEALTH_PROBES];	     /* of an error code */
	/* Of the random ones: did it match an entry of the configuration? A zone of countries answers for all. */
	bool matched[HEALTH_RANDOM];
};

/* The state that follows, and a sentence for it ("" when good). untested: the zone has no test entries. */
enum dns_zone_state health_judge(const struct health_seen *seen, bool untested,
				 char why[static ZONES_WHY_MAX]);

/* Ask all of it. fn is called once, from the loop. 0 or -errno. */
struct health;
typedef void (*health_fn)(void *context, unsigned zone, const struct health_seen *seen);
int health_start(struct health **out, struct resolver *r, const struct dns_settings *settings,
		 unsigned zone, health_fn fn, void *context);
/* fn will not be called. NULL is fine. */
void health_stop(struct health *h);

#endif
