/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two prefixes of one family touch exactly when one covers the other, so two comparisons per entry decide.
 * The kernel lets the list pass before any block anyway; refusing the block is for the person, who
 * would otherwise believe that something is blocked.
 */
#include "policy/protect.h"

#include <errno.h>

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
	case PROTECT_CONFIG:
		return "in never_block of the configuration";
	case PROTECT_LOGIN:
		return "an address from which somebody is logged in to this host";
	case PROTECT_ALLOWED:
		return "allowed by the operator";
	case PROTECT_TRUSTED:
		return "trusted by the operator";
	case PROTECT_PROVIDER:
		return "a network of a provider in trust_spf";
	case PROTECT_KINDS:
		break;
	}
	return "protected";
}

bool protect_is_too_wide(const struct prefix *p)
{
	return p->bits < (prefix_is_v4(p) ? PROTECT_V4_BITS_LEAST : PROTECT_V6_BITS_LEAST);
}

int protect_check_automatic(const struct protect_entry *list, size_t count, const struct prefix *p,
			    struct err *e)
{
	uint8_t least = prefix_is_v4(p) ? PROTECT_V4_BITS_LEAST : PROTECT_AUTOMATIC_V6_BITS_LEAST;
	char text[PREFIX_TEXT_MAX], touched[PREFIX_TEXT_MAX];
	const struct protect_entry *which;
	enum protect_touch touch;

	prefix_format(p, text);
	if (p->bits < least)
		return err_set(e, -EPERM,
			       "%s is shorter than /%d, the most that is ever blocked "
			       "automatically",
			       text, least - (prefix_is_v4(p) ? ADDR_V4_LEAD_BITS : 0));
	touch = protect_find(list, count, p, &which);
	if (touch == PROTECT_NONE)
		return 0;
	if (prefix_equal(&which->prefix, p))
		return err_set(e, -EPERM, "%s is %s", text, protect_sentence(which->kind));
	return err_set(e, -EPERM, "%s %s %s, which is %s", text,
		       touch == PROTECT_INSIDE ? "lies in" : "covers",
		       prefix_format(&which->prefix, touched), protect_sentence(which->kind));
}
