/* SPDX-License-Identifier: BSD-2-Clause */
/* The automatic listings in force: see listings.h. Two hash tables with chains: of listings, and of networks with their numbers. */
#include "daemon/listings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kern/maps.h"

#define BUCKETS 16384 /* chains of four when tables.listed has its default of 65536 */

struct item {
	struct item *next;
	struct listing listing;
	char reason[];
};

struct network {
	struct network *next;
	struct prefix prefix;
	unsigned count;
};

struct listings {
	struct item *item[BUCKETS];
	struct network *network[BUCKETS];
	unsigned count;
	uint64_t secret; /* of the hash: strangers choose their addresses */
};

static unsigned bucket_of(const struct listings *all, const struct prefix *p)
{
	return prefix_hash(p, all->secret) % BUCKETS;
}

struct listings *listings_new(void)
{
	struct listings *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->secret = prefix_secret();
	return all;
}

void listings_free(struct listings *all)
{
	if (!all)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (all->item[i]) {
			struct item *it = all->item[i];

			all->item[i] = it->next;
			free(it);
		}
		while (all->network[i]) {
			struct network *n = all->network[i];

			all->network[i] = n->next;
			free(n);
		}
	}
	free(all);
}

unsigned listings_count(const struct listings *all)
{
	return all->count;
}

/* ---- networks ---- */

struct prefix listings_network(const struct addr *a)
{
	return prefix_of(a, addr_is_v4(a) ? PN_NETWORK_BITS_V4 : PN_NETWORK_BITS_V6);
}

static struct network **network_link(struct listings *all, const struct prefix *network)
{
	struct network **link = &all->network[bucket_of(all, network)];

	while (*link && !prefix_equal(&(*link)->prefix, network))
		link = &(*link)->next;
	return link;
}

static int network_add(struct listings *all, const struct prefix *p)
{
	struct prefix network = listings_network(&p->addr);
	struct network **link, *n;

	if (p->bits <= network.bits)
		return 0;
	link = network_link(all, &network);
	if (!*link) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return -ENOMEM;
		n->prefix = network;
		*link = n;
	}
	(*link)->count++;
	return 0;
}

static void network_subtract(struct listings *all, const struct prefix *p)
{
	struct prefix network = listings_network(&p->addr);
	struct network **link, *n;

	if (p->bits <= network.bits)
		return;
	link = network_link(all, &network);
	n = *link;
	if (!n || --n->count)
		return;
	*link = n->next;
	free(n);
}

unsigned listings_of_network(const struct listings *all, const struct addr *a)
{
	struct prefix network = listings_network(a);
	const struct network *n = all->network[bucket_of(all, &network)];

	while (n && !prefix_equal(&n->prefix, &network))
		n = n->next;
	return n ? n->count : 0;
}

/* ---- listings ---- */

static struct item **item_link(struct listings *all, const struct prefix *p)
{
	struct item **link = &all->item[bucket_of(all, p)];

	while (*link && !prefix_equal(&(*link)->listing.prefix, p))
		link = &(*link)->next;
	return link;
}

const struct listing *listings_get(const struct listings *all, const struct prefix *p)
{
	const struct item *it = all->item[bucket_of(all, p)];

	while (it && !prefix_equal(&it->listing.prefix, p))
		it = it->next;
	return it ? &it->listing : NULL;
}

const struct listing *listings_find(const struct listings *all, const struct addr *a)
{
	const uint8_t bits[] = {ADDR_BITS, addr_is_v4(a) ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6,
				listings_network(a).bits};
	const struct listing *found = NULL;

	for (unsigned i = 0; i < sizeof(bits) && !found; i++) {
		struct prefix p = prefix_of(a, bits[i]);

		found = listings_get(all, &p);
	}
	return found;
}

bool listings_take(struct listings *all, const struct prefix *p)
{
	struct item **link = item_link(all, p), *it = *link;

	if (!it)
		return false;
	network_subtract(all, &it->listing.prefix);
	*link = it->next;
	free(it);
	all->count--;
	return true;
}

int listings_put(struct listings *all, const struct listing *l)
{
	size_t length = strlen(l->reason) + 1;
	struct item *it = malloc(sizeof(*it) + length);
	struct item **link;

	if (!it)
		return -ENOMEM;
	it->listing = *l;
	memcpy(it->reason, l->reason, length);
	it->listing.reason = it->reason;
	listings_take(all, &l->prefix);
	if (network_add(all, &l->prefix)) {
		free(it);
		return -ENOMEM;
	}
	link = item_link(all, &l->prefix);
	it->next = *link;
	*link = it;
	all->count++;
	return 0;
}

unsigned listings_sweep(struct listings *all, bool (*fn)(void *context, const struct listing *l),
			void *context)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < BUCKETS && all->count; i++) {
		struct item **link = &all->item[i];

		while (*link) {
			struct item *it = *link;

			if (!fn(context, &it->listing)) {
				link = &it->next;
				continue;
			}
			network_subtract(all, &it->listing.prefix);
			*link = it->next;
			free(it);
			all->count--;
			taken++;
		}
	}
	return taken;
}
