/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of offenders: found, bounded, taken out. */
#include "daemon/bans_offenders.h"

#include "tap.h"

static struct prefix host_numbered(uint32_t number)
{
	struct prefix p = {.bits = ADDR_BITS};

	p.addr.byte[10] = p.addr.byte[11] = 0xff;
	for (unsigned i = 0; i < 4; i++)
		p.addr.byte[12 + i] = (uint8_t)(number >> (24 - 8 * i));
	return p;
}

static bool take_odd(void *context, struct offender *o)
{
	++*(unsigned *)context;
	return o->prefix.addr.byte[15] & 1;
}

TEST(a_flood_of_offenders_is_bounded)
{
	struct offenders *all = offenders_new();
	struct prefix p = host_numbered(0), network = prefix_of(&p.addr, 120);
	unsigned seen = 0, missed = 0;

	ENSURE(all, "memory");
	for (uint32_t i = 0; i < OFFENDERS_MAX; i++) {
		p = host_numbered(i);
		missed += !offenders_add(all, &p);
	}
	EXPECT(missed == 0, "%u have no room", missed);
	p = host_numbered(OFFENDERS_MAX);
	EXPECT(!offenders_add(all, &p), "one more has none");
	p = host_numbered(7);
	EXPECT(offenders_add(all, &p) && offenders_get(all, &p), "who is there is found");
	EXPECT(!offenders_get(all, &network), "a network is not its first address");
	offenders_sweep(all, take_odd, &seen);
	EXPECT(seen == OFFENDERS_MAX, "each is seen once, not %u times", seen);
	EXPECT(!offenders_get(all, &p), "who is taken out is gone");
	seen = 0;
	offenders_sweep(all, take_odd, &seen);
	EXPECT(seen == OFFENDERS_MAX / 2, "half of them, not %u", seen);
	EXPECT(offenders_add(all, &network), "and there is room again");
	offenders_free(all);
	offenders_free(NULL);
}
