/* SPDX-License-Identifier: BSD-2-Clause */
/* How long an answer and a verdict live. */
#ifndef DNS_TTL_H
#define DNS_TTL_H

#include <stdbool.h>
#include <stdint.h>

/* A verdict that a missing answer could turn is asked again after this at the latest. */
#define TTL_PARTIAL_MOST_S 60

struct ttl_clamp {
	uint32_t least_s, most_s;
};

/*
 * A TTL as it was on the wire: 32 bits of which the first means nothing; a negative number counts as 0 (RFC 2181, section 8).
 */
uint32_t ttl_of_wire(uint32_t wire);
/* Of a negative answer: the lesser of the SOA's TTL and its MINIMUM (RFC 2308, section 5). */
uint32_t ttl_of_soa(uint32_t soa_ttl, uint32_t minimum);
/* Of a verdict. ttl_s UINT32_MAX: no answer made it. */
uint32_t ttl_of_verdict(uint32_t ttl_s, const struct ttl_clamp *clamp, bool partial);

#endif
