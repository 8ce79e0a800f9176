/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarding a list's change: see guard.h. A maker's accident shows in numbers: an empty file, a cut one, a list that has suddenly the world.
 * Entries alone do not show the last: two dozen lines may cover more than a million, so that addresses are compared as well.
 */
#include "feed/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>

/* A list that covers less than a /16 has not the world, however fast it grew. */
#define FLOOR_V4 65536
/*
 * Half of what there is: such a list is a mistake, the world turned away by /8s, or somebody's will, who can say so once. In IPv6 of 2000::/3, from
 * which all addresses of the Internet are (RFC 4291, 2.4).
 */
#define WORLD_V4 (1ULL << 31)
#define WORLD_V6 (1ULL << 44)

struct guard_size guard_size_of(const struct image *i)
{
	return (struct guard_size){.entries = i->host_count + i->prefix_count,
				   .v4 = image_count_v4(i),
				   .v6 = image_count_v6(i)};
}

static bool is_world(const struct guard_size *s)
{
	return s->v4 > WORLD_V4 || s->v6 > WORLD_V6;
}

int guard_change(const struct guard_size *old, const struct guard_size *new_, uint32_t shrink,
		 uint32_t grow, struct err *e)
{
	if (!new_->entries)
		return err_set(e, -EXDEV, "it has no entry%s", old && old->entries ? " left" : "");
	if (grow && is_world(new_) && !(old && is_world(old)))
		return err_set(e, -EXDEV, "it covers more than half of all IPv%d addresses",
			       new_->v4 > WORLD_V4 ? 4 : 6);
	if (!old || !old->entries)
		return 0;
	if (shrink && old->entries >= GUARD_FLOOR_ENTRIES && new_->entries * shrink < old->entries)
		return err_set(e, -EXDEV,
			       "it has shrunk from %" PRIu64 " entries to %" PRIu64
			       ", less than 1/%u (feed_shrink)",
			       old->entries, new_->entries, shrink);
	if (grow && new_->entries >= GUARD_FLOOR_ENTRIES && new_->entries > old->entries * grow)
		return err_set(e, -EXDEV,
			       "it has grown from %" PRIu64 " entries to %" PRIu64
			       ", more than %u times (feed_grow)",
			       old->entries, new_->entries, grow);
	if (grow && new_->v4 >= FLOOR_V4 && new_->v4 > old->v4 * grow)
		return err_set(e, -EXDEV,
			       "it covers %" PRIu64 " IPv4 addresses where it covered %" PRIu64
			       ", more than %u times as many (feed_grow)",
			       new_->v4, old->v4, grow);
	return 0;
}

static int touch_hosts(const struct image *i, const struct prefix *p, guard_fn fn, void *context)
{
	struct prefix host = {.addr = p->addr, .bits = ADDR_BITS};
	const uint8_t *b = p->addr.byte + ADDR_V4_LEAD_BITS / 8;
	uint32_t first = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	int ret = 0;

	for (size_t at = image_find_host(i, first); at < i->host_count && ret == 0; at++) {
		host.addr = addr_from_v4((struct in_addr){.s_addr = htonl(i->hosts[at])});
		if (!prefix_covers(p, &host))
			break;
		ret = fn(context, at, &host);
	}
	return ret;
}

/* Does the address begin with the bits of p, of whatever family either is? IPv4 lies in the midst of IPv6. */
static bool begins_with(const struct addr *a, const struct prefix *p)
{
	struct prefix cut = prefix_of(a, p->bits);

	return addr_equal(&cut.addr, &p->addr);
}

int guard_touching(const struct image *i, const struct prefix *protected_, guard_fn fn,
		   void *context)
{
	size_t at = image_find_prefix(i, protected_);
	int ret = 0;

	/* None covers another: the one before may cover it, those behind may lie in it. */
	if (at && prefix_covers(&i->prefixes[at - 1], protected_))
		ret = fn(context, at - 1, &i->prefixes[at - 1]);
	for (; at < i->prefix_count && ret == 0 && begins_with(&i->prefixes[at].addr, protected_);
	     at++)
		if (prefix_covers(protected_, &i->prefixes[at]))
			ret = fn(context, at, &i->prefixes[at]);
	if (ret == 0 && prefix_is_v4(protected_))
		ret = touch_hosts(i, protected_, fn, context);
	return ret;
}
