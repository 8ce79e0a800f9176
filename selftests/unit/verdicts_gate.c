/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts: what a start makes of those that the kernel has already. */
#include "parts_rig.h"

#include "base/when.h"
#include "daemon/contact.h"

static const struct addr nobody = {{[10] = 0xff, 0xff, 203, 0, 113, 7}};

static bool is_listed(void)
{
	struct prefix p = prefix_of(&nobody, ADDR_BITS);
	struct pn_listed there;

	return sources_get_listed(d.gate, &p, &there, NULL) == 0;
}

/* A command may hold the store for as long as the start waits for it: that is no word about who is listed. */
TEST(what_the_kernel_lists_stands_until_the_store_can_be_read)
{
	const struct pn_listed listed = {.action = PN_DROP,
					 .origin = PN_ORIGIN_DNSBL,
					 .expires = now_boot_ns() + 3600 * NS_PER_S};
	struct prefix p = prefix_of(&nobody, ADDR_BITS);
	struct store *kept;
	struct err e = {0};

	if (geteuid() != 0)
		SKIP("root");
	if (!bench_load())
		return;
	ENSURE(sources_put_listed(d.gate, &p, &listed, &e) == 0, "%s", e.text);
	kept = d.store;
	d.store = NULL;
	d.store_busy = true;
	verdicts_restore(&d);
	EXPECT(is_listed() && !d.contact.restored, "as long as it is in use");
	d.store = kept;
	d.store_busy = false;
	verdicts_restore(&d);
	EXPECT(!is_listed() && d.contact.restored, "then nobody knows why it is listed");
}
