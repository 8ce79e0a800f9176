/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of strangers that are being asked about: see young.h. A ring in order of time, with chains by source. */
#include "daemon/young.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/when.h"
#include "kern/maps.h"
#include "policy/contact.h"

#define YOUNG_MAX     32768 /* three thousand strangers a second for ten seconds: 3 MB */
#define YOUNG_BUCKETS 8192
#define NONE	      (-1)

struct slot {
	struct young_connection connection;
	int32_t next; /* of the same bucket */
	bool used;
};

struct young {
	struct slot slot[YOUNG_MAX];
	int32_t bucket[YOUNG_BUCKETS];
	uint64_t secret;
	unsigned first, count; /* of the ring, with the holes of those that were taken */
};

/* Whoever is in here has completed a handshake; but an owner of a short IPv6 prefix can choose among many sources. */
static unsigned bucket_of(const struct young *y, const struct addr *remote)
{
	struct prefix source =
		prefix_of(remote, addr_is_v4(remote) ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6);

	return prefix_hash(&source, y->secret) % YOUNG_BUCKETS;
}

struct young *young_new(void)
{
	struct young *y = calloc(1, sizeof(*y));

	for (unsigned i = 0; y && i < YOUNG_BUCKETS; i++)
		y->bucket[i] = NONE;
	if (y)
		y->secret = prefix_secret();
	return y;
}

void young_free(struct young *y)
{
	free(y);
}

unsigned young_count(const struct young *y)
{
	return y->count;
}

static void unlink_slot(struct young *y, int32_t at)
{
	struct slot *s = &y->slot[at];
	int32_t *link = &y->bucket[bucket_of(y, &s->connection.socket.remote)];

	while (*link != NONE && *link != at)
		link = &y->slot[*link].next;
	if (*link == at)
		*link = s->next;
	s->used = false;
}

/* The oldest goes, if it has not been taken already. */
static void drop_first(struct young *y)
{
	if (y->slot[y->first].used)
		unlink_slot(y, (int32_t)y->first);
	y->first = (y->first + 1) % YOUNG_MAX;
	y->count--;
}

void young_add(struct young *y, const struct young_connection *c)
{
	unsigned at;
	int32_t *bucket;

	if (y->count == YOUNG_MAX)
		drop_first(y);
	at = (y->first + y->count++) % YOUNG_MAX;
	bucket = &y->bucket[bucket_of(y, &c->socket.remote)];
	y->slot[at] = (struct slot){.connection = *c, .next = *bucket, .used = true};
	*bucket = (int32_t)at;
}

unsigned young_take(struct young *y, const struct prefix *remote,
		    void (*fn)(void *context, const struct young_connection *c), void *context)
{
	int32_t *link = &y->bucket[bucket_of(y, &remote->addr)];
	unsigned taken = 0;

	while (*link != NONE) {
		struct slot *s = &y->slot[*link];

		if (!prefix_has(remote, &s->connection.socket.remote)) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		s->used = false;
		taken++;
		fn(context, &s->connection);
	}
	return taken;
}

void young_expire(struct young *y, uint64_t now_boot_ns)
{
	while (y->count) {
		const struct slot *s = &y->slot[y->first];

		if (s->used && contact_may_cut(s->connection.established_ns, now_boot_ns))
			return;
		drop_first(y);
	}
}
