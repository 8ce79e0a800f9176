/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two prefixes of one family touch exactly when one covers the other, so two comparisons per entry decide.
 * The kernel lets the list pass before any block anyway; refusing the block is for the person, who
 * would otherwise believe that something is blocked.
 */
#include "policy/protect.h"

enum protect_touch protect_find(const struct protect_entry *list, size_t count,
				const struct prefix *p, const struct protect_entry **which)
{
	const struct protect_entry *around = NULL, *within = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct protect_entry *entry = &list[i];

		if (prefix_covers(&entry->prefix, p)) {
			if (!around || entry->prefix.bits > around->prefix.bits)
				around = entry;
		} else if (!within && prefix_covers(p, &entry->prefix)) {
			within = entry;
		}
	}
	*which = around ? around : within;
	if (around)
		return PROTECT_INSIDE;
	return within ? PROTECT_COVERS : PROTECT_NONE;
}

const char *protect_sentence(enum protect_kind kind)
{
	switch (kind) {
	case PROTECT_OWN:
		return "an address of this host or link";
	case PROTECT_LOCAL:
		return "a private network of a guarded interface";
	case PROTECT_GATEWAY:
		return "a gateway";
	case PROTECT_RESOLVER:
		return "a resolver";
	}
	return "protected";
}
