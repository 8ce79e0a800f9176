/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the ABI's enums, made from its tables, and its keys. */
#include <string.h>

#include "kern/kern.h"
#include "kern/maps.h"

#define REASON_NAME(ID, name, sentence)	    [PN_REASON_##ID] = #name,
#define REASON_SENTENCE(ID, name, sentence) [PN_REASON_##ID] = sentence,
static const char *const reason_names[] = {PN_REASONS_TABLE(REASON_NAME)};
static const char *const reason_sentences[] = {PN_REASONS_TABLE(REASON_SENTENCE)};

#define NAME_OF(table, index)                                                                      \
	((unsigned)(index) < sizeof(table) / sizeof((table)[0]) && (table)[index] ? (table)[index] \
										  : "unknown")

const char *reason_name(enum pn_reason r)
{
	return NAME_OF(reason_names, r);
}

const char *reason_sentence(enum pn_reason r)
{
	return NAME_OF(reason_sentences, r);
}

enum reason_fate reason_fate_of(enum pn_reason r)
{
	switch (r) {
	case PN_REASON_FLOW:
	case PN_REASON_ALLOWED:
	case PN_REASON_KNOWN:
	case PN_REASON_STRANGER:
	case PN_REASON_CLEAN:
		return REASON_PASSES;
	case PN_REASON_HELD:
		return REASON_HOLDS;
	default:
		return REASON_STOPS;
	}
}

const char *action_name(enum pn_action a)
{
	static const char *const names[] = {
		[PN_PASS] = "pass",   [PN_DROP] = "drop",   [PN_REFUSE] = "refuse",
		[PN_ALLOW] = "allow", [PN_TRUST] = "trust", [PN_REPLY] = "reply",
		[PN_HOLD] = "hold",
	};

	return NAME_OF(names, a);
}

const char *origin_name(enum pn_origin o)
{
	static const char *const names[] = {
		[PN_ORIGIN_NONE] = "none",	 [PN_ORIGIN_OPERATOR] = "operator",
		[PN_ORIGIN_OWN] = "own",	 [PN_ORIGIN_LOCAL] = "local",
		[PN_ORIGIN_GATEWAY] = "gateway", [PN_ORIGIN_RESOLVER] = "resolver",
		[PN_ORIGIN_DNSBL] = "dnsbl",	 [PN_ORIGIN_SEEN] = "seen",
		[PN_ORIGIN_FEED] = "feed",	 [PN_ORIGIN_BAN] = "ban",
		[PN_ORIGIN_SPF] = "spf",	 [PN_ORIGIN_CONFIG] = "config",
	};

	return NAME_OF(names, o);
}

const char *class_name_of(enum pn_class c)
{
	static const char *const names[] = {
		[PN_CLASS_MX] = "mx",
		[PN_CLASS_SUBMISSION] = "submission",
	};

	return NAME_OF(names, c);
}

struct pn_key key_of_prefix(const struct prefix *p)
{
	struct pn_key k = {.bits = p->bits};

	memcpy(k.addr, p->addr.byte, sizeof(k.addr));
	return k;
}

struct pn_key key_of_source(const struct addr *a)
{
	struct prefix p = prefix_of(a, addr_is_v4(a) ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6);

	return key_of_prefix(&p);
}

struct pn_key key_of_network(const struct addr *a)
{
	struct prefix p = prefix_of(a, addr_is_v4(a) ? PN_NETWORK_BITS_V4 : PN_NETWORK_BITS_V6);

	return key_of_prefix(&p);
}

struct prefix prefix_of_key(const struct pn_key *k)
{
	struct prefix p = {.bits = k->bits};

	memcpy(p.addr.byte, k->addr, sizeof(k->addr));
	return p;
}

struct pn_prefix trie_key(const struct prefix *p)
{
	struct pn_prefix k = {
		.bits = PN_PREFIX_LEAD_BITS + p->bits,
		.family = prefix_is_v4(p) ? 4 : 6,
	};

	memcpy(k.addr, p->addr.byte, sizeof(k.addr));
	return k;
}
