/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lists that the local mail server asks. Named in a configuration a list still guards nobody when it does not answer this host's
 * resolver, as most do not answer the large public ones; and the mail server does not complain.
 */
#include "audit/check.h"

static void zone_judge(const struct look *l, const struct seen_zone *z)
{
	struct finding *f = LOOK_ADD(l, z->zone, z->works ? AUDIT_PASS : AUDIT_FAIL, NULL);

	if (z->works)
		finding_say(f, "%s answers this host, and lists its test entry", z->zone);
	else
		finding_say(f, "%s is asked about inbound mail, but does not work from here: %s",
			    z->zone, z->why);
	if (z->where[0])
		finding_prove(f, "named in %s", z->where);
}

static void zones_judge(const struct look *l, bool is_names, const char *none)
{
	unsigned count = 0;

	for (unsigned i = 0; i < l->seen->zone_count; i++) {
		if (l->seen->zone[i].is_names != is_names)
			continue;
		zone_judge(l, &l->seen->zone[i]);
		count++;
	}
	if (!count)
		finding_say(LOOK_ADD(l, "none", AUDIT_WARN, NULL), "%s", none);
}

CHECK_LOCAL(check_dnsbl)
{
	(void)local;
	zones_judge(l, false, "the mail server's configuration names no list of addresses");
}

CHECK_LOCAL(check_surbl)
{
	(void)local;
	zones_judge(l, true, "the mail server's configuration names no list of domains");
}
