/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses may be asked about: see global.h. */
#include "dns/global.h"

#include <string.h>

#define V4(bits) (uint8_t)(ADDR_V4_LEAD_BITS + (bits))
#define MAPPED	 [10] = 0xff, 0xff

/* The IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and multicast. The first that covers it tells. */
static const struct {
	struct prefix prefix;
	const char *what;
} special[] = {
	{{{{MAPPED, 0}}, V4(8)}, "an address of \"this network\""},
	{{{{MAPPED, 10}}, V4(8)}, "a private address"},
	{{{{MAPPED, 100, 64}}, V4(10)}, "an address behind a carrier's NAT"},
	{{{{MAPPED, 127}}, V4(8)}, "a loopback address"},
	{{{{MAPPED, 169, 254}}, V4(16)}, "a link-local address"},
	{{{{MAPPED, 172, 16}}, V4(12)}, "a private address"},
	{{{{MAPPED, 192, 0, 0}}, V4(24)}, "an address reserved for protocols"},
	{{{{MAPPED, 192, 0, 2}}, V4(24)}, "an address for documentation"},
	{{{{MAPPED, 192, 88, 99}}, V4(24)}, "an address of 6to4 relays"},
	{{{{MAPPED, 192, 168}}, V4(16)}, "a private address"},
	{{{{MAPPED, 198, 18}}, V4(15)}, "an address for benchmarks"},
	{{{{MAPPED, 198, 51, 100}}, V4(24)}, "an address for documentation"},
	{{{{MAPPED, 203, 0, 113}}, V4(24)}, "an address for documentation"},
	{{{{MAPPED, 224}}, V4(4)}, "a multicast address"},
	{{{{MAPPED, 240}}, V4(4)}, "a reserved address"},
	{{{{[15] = 1}}, 128}, "the loopback address"},
	{{{{0xfc}}, 7}, "a private address"},
	{{{{0xfe, 0x80}}, 10}, "a link-local address"},
	{{{{0xff}}, 8}, "a multicast address"},
	{{{{0x20, 0x01, 0x0d, 0xb8}}, 32}, "an address for documentation"},
	{{{{0x3f, 0xff}}, 20}, "an address for documentation"},
	/* 2001::/23 holds Teredo, ORCHID and their like. */
	{{{{0x20, 0x01}}, 23}, "an address reserved for protocols"},
	{{{{0x20, 0x02}}, 16}, "an address of 6to4"},
};

/* All that has been given out of IPv6 (RFC 4291, section 2.4, and the IANA registry). */
static const struct prefix unicast = {{{0x20}}, 3};

const char *global_refuse(const struct addr *a)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (prefix_has(&special[i].prefix, a))
			return special[i].what;
	if (!addr_is_v4(a) && !prefix_has(&unicast, a))
		return "not a global unicast address";
	return NULL;
}

const char *global_unreachable(const struct addr *a)
{
	const char *what = global_refuse(a);

	return what && !strstr(what, "documentation") && !strstr(what, "benchmarks") ? what : NULL;
}
