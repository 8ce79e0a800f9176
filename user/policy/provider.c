/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See provider.h. The families are looked at one by one, since a single IPv6 network has more addresses than all of IPv4. A loss is
 * counted by address and not by number: a record that names as many networks as before, but others, has lost them all.
 */
#include "policy/provider.h"

#include <errno.h>
#include <inttypes.h>

#define V6_UNIT_BITS 64

static uint64_t size_of(const struct prefix *p)
{
	if (prefix_is_v4(p) && p->bits >= ADDR_V4_LEAD_BITS)
		return 1ULL << (ADDR_BITS - p->bits);
	if (p->bits >= V6_UNIT_BITS)
		return 1;
	return p->bits ? 1ULL << (V6_UNIT_BITS - p->bits) : UINT64_MAX;
}

static void size_add(struct provider_size *size, const struct prefix *p)
{
	uint64_t *sum = prefix_is_v4(p) ? &size->v4 : &size->v6;

	if (__builtin_add_overflow(*sum, size_of(p), sum))
		*sum = UINT64_MAX;
}

struct provider_size provider_measure(const struct provider_set *set)
{
	struct provider_size size = {0};

	for (size_t i = 0; i < set->count; i++)
		size_add(&size, &set->network[i]);
	return size;
}

int provider_check(const struct provider_set *set, struct err *e)
{
	struct provider_size size = provider_measure(set);
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < set->count; i++) {
		const struct prefix *p = &set->network[i];
		uint8_t least = prefix_is_v4(p) ? PROVIDER_V4_BITS_LEAST : PROVIDER_V6_BITS_LEAST;

		if (p->bits < least)
			return err_set(e, -EINVAL,
				       "it names %s, and nothing shorter than /%d is trusted",
				       prefix_format(p, text),
				       least - (prefix_is_v4(p) ? ADDR_V4_LEAD_BITS : 0));
	}
	if (size.v4 > PROVIDER_V4_MOST)
		return err_set(e, -EINVAL,
			       "it names %" PRIu64
			       " IPv4 addresses, and no more than a /8 is trusted",
			       size.v4);
	if (size.v6 > PROVIDER_V6_MOST)
		return err_set(e, -EINVAL,
			       "it names %" PRIu64
			       " /64s of IPv6, and no more than a /16 is trusted",
			       size.v6);
	return 0;
}

/* What two sets have in common. */
static struct provider_size common(const struct provider_set *a, const struct provider_set *b)
{
	struct provider_size size = {0};

	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++) {
			if (prefix_covers(&b->network[k], &a->network[i]))
				size_add(&size, &a->network[i]);
			else if (prefix_covers(&a->network[i], &b->network[k]))
				size_add(&size, &b->network[k]);
		}
	return size;
}

static bool has_grown(uint64_t before, uint64_t now, uint64_t little)
{
	uint64_t most;

	if (__builtin_mul_overflow(before > little ? before : little, PROVIDER_GROW_MOST, &most))
		return false;
	return now > most;
}

/* Is the step from one set to the other one that is not believed at once? e says which. */
static bool is_jump(const struct provider_set *from, const struct provider_set *to, struct err *e)
{
	struct provider_size before = provider_measure(from), now = provider_measure(to);
	struct provider_size kept = common(from, to);

	if (has_grown(before.v4, now.v4, PROVIDER_V4_LITTLE))
		err_set(e, -ERANGE,
			"it names %" PRIu64 " IPv4 addresses, and %" PRIu64
			" before: more than %d times as many",
			now.v4, before.v4, PROVIDER_GROW_MOST);
	else if (has_grown(before.v6, now.v6, PROVIDER_V6_LITTLE))
		err_set(e, -ERANGE,
			"it names %" PRIu64 " /64s of IPv6, and %" PRIu64
			" before: more than %d times as many",
			now.v6, before.v6, PROVIDER_GROW_MOST);
	else if (kept.v4 < before.v4 - kept.v4)
		err_set(e, -ERANGE,
			"of %" PRIu64 " IPv4 addresses it still names %" PRIu64 ": less than half",
			before.v4, kept.v4);
	else if (kept.v6 < before.v6 - kept.v6)
		err_set(e, -ERANGE,
			"of %" PRIu64 " /64s of IPv6 it still names %" PRIu64 ": less than half",
			before.v6, kept.v6);
	else
		return false;
	return true;
}

static bool is_same(const struct provider_set *a, const struct provider_set *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!prefix_equal(&a->network[i], &b->network[i]))
			return false;
	return true;
}

enum provider_verdict provider_judge(const struct provider_set *in_force,
				     const struct provider_set *held, int64_t held_since_s,
				     const struct provider_set *fresh, int64_t now_s,
				     int64_t *since_s, struct err *e)
{
	struct err unused;

	*since_s = 0;
	if (is_same(in_force, fresh))
		return PROVIDER_SAME;
	if (!in_force->count || !is_jump(in_force, fresh, e))
		return PROVIDER_TAKE;
	/* A clock that was set back starts anew; and so does a record that goes on jumping. */
	if (!held_since_s || held_since_s > now_s || is_jump(held, fresh, &unused)) {
		*since_s = now_s;
		return PROVIDER_HOLD;
	}
	if (now_s - held_since_s >= PROVIDER_HOLD_S)
		return PROVIDER_TAKE;
	*since_s = held_since_s;
	return PROVIDER_HOLD;
}
