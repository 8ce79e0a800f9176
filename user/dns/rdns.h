/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reverse DNS (RFC 8601, 2.7.3, iprev): has the address a name, and does the name lead back to it? What could not be
 * found out is temperror, never a failure.
 */
#ifndef DNS_RDNS_H
#define DNS_RDNS_H

#include "dns/dns.h"

struct rdns;

struct rdns_finding {
	enum rdns_result result;
	bool generic;	  /* its name is one of those that providers give to whole ranges */
	const char *host; /* the name that leads back, or the first one; "" none */
	uint32_t ttl_s;	  /* the least on the way */
};

/* fn is called once, from the loop. 0 or -errno. */
typedef void (*rdns_fn)(void *context, const struct rdns_finding *finding);
int rdns_start(struct rdns **out, struct resolver *r, const struct addr *a, rdns_fn fn,
	       void *context);
/* fn will not be called. NULL is fine. */
void rdns_stop(struct rdns *r);

#endif
