/* SPDX-License-Identifier: BSD-2-Clause */
/* How long an answer and a verdict live: see ttl.h. */
#include "dns/ttl.h"

#define TTL_SIGN 0x80000000U

uint32_t ttl_of_wire(uint32_t wire)
{
	return wire & TTL_SIGN ? 0 : wire;
}

uint32_t ttl_of_soa(uint32_t soa_ttl, uint32_t minimum)
{
	uint32_t ttl = ttl_of_wire(soa_ttl), most = ttl_of_wire(minimum);

	return ttl < most ? ttl : most;
}

uint32_t ttl_of_verdict(uint32_t ttl_s, const struct ttl_clamp *clamp, bool partial)
{
	if (ttl_s > clamp->most_s)
		ttl_s = clamp->most_s;
	if (ttl_s < clamp->least_s)
		ttl_s = clamp->least_s;
	if (partial && ttl_s > TTL_PARTIAL_MOST_S)
		ttl_s = TTL_PARTIAL_MOST_S;
	return ttl_s;
}
