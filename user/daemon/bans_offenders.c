/* SPDX-License-Identifier: BSD-2-Clause */
/* Offenders: see bans_offenders.h. A hash table with chains. */
#include "daemon/bans_offenders.h"

#include <stdlib.h>

#define BUCKETS 4096 /* chains of four when it is full */

struct offenders {
	struct offender *first[BUCKETS];
	unsigned count;
	uint64_t secret; /* of the hash: strangers choose their addresses */
};

struct offenders *offenders_new(void)
{
	struct offenders *all = calloc(1, sizeof(*all));

	if (all)
		all->secret = prefix_secret();
	return all;
}

static bool take_any(void *context, struct offender *o)
{
	(void)context;
	(void)o;
	return true;
}

void offenders_free(struct offenders *all)
{
	if (all)
		offenders_sweep(all, take_any, NULL);
	free(all);
}

struct offender *offenders_get(const struct offenders *all, const struct prefix *p)
{
	struct offender *o = all->first[prefix_hash(p, all->secret) % BUCKETS];

	while (o && !prefix_equal(&o->prefix, p))
		o = o->next;
	return o;
}

struct offender *offenders_add(struct offenders *all, const struct prefix *p)
{
	struct offender *o = offenders_get(all, p), **bucket;

	if (o || all->count >= OFFENDERS_MAX)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	bucket = &all->first[prefix_hash(p, all->secret) % BUCKETS];
	o->prefix = *p;
	o->next = *bucket;
	*bucket = o;
	all->count++;
	return o;
}

void offender_clear(struct offender *o)
{
	*o = (struct offender){.next = o->next, .prefix = o->prefix};
}

void offenders_sweep(struct offenders *all, bool (*fn)(void *context, struct offender *o),
		     void *context)
{
	for (unsigned i = 0; i < BUCKETS && all->count; i++) {
		struct offender **link = &all->first[i];

		while (*link) {
			struct offender *o = *link;

			if (!fn(context, o)) {
				link = &o->next;
				continue;
			}
			*link = o->next;
			free(o);
			all->count--;
		}
	}
}
