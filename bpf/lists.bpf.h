/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the lists say of an address. An expired entry is no entry: user space takes it out when it
 * can, and until then (or without a controller) it must neither act nor hide a shorter prefix that
 * is in force.
 */
#ifndef LISTS_BPF_H
#define LISTS_BPF_H

/* Expired prefixes that may stand over a live one; more are counted and not looked behind. */
#define EXPIRED_DEPTH_MAX 16

enum trie {
	TRIE_ALLOW,
	TRIE_BLOCK,
};

/* The longest prefix of a trie over a key, live or not. The one place that knows how prefixes are kept. */
static __always_inline struct pn_rule *trie_look(enum trie trie, const struct pn_prefix *key)
{
	__u32 slot = 0;
	void *inner;

	if (trie == TRIE_ALLOW)
		return bpf_map_lookup_elem(&pn_allow, key);
	inner = bpf_map_lookup_elem(&pn_block, &slot);
	return inner ? bpf_map_lookup_elem(inner, key) : NULL;
}

struct trie_walk {
	struct pn_prefix key;
	__u32 trie;
	__u32 found; /* the key now leads to a live prefix or to none */
};

static long trie_step(__u32 index, void *context)
{
	struct trie_walk *w = context;
	struct pn_rule *r = w->trie == TRIE_ALLOW ? trie_look(TRIE_ALLOW, &w->key)
						  : trie_look(TRIE_BLOCK, &w->key);

	if (!r || !is_past(r->expires)) {
		w->found = 1;
		return 1;
	}
	/* Shorter than its own length; below 0 the key is shorter than its lead, which no entry matches. */
	w->key.bits = PN_PREFIX_LEAD_BITS + r->bits - 1;
	return 0;
}

/* Behind an expired prefix: look for a shorter one, step by step. */
static __noinline struct pn_rule *trie_find_behind(const struct address *a, enum trie trie)
{
	struct trie_walk w = {.trie = trie};

	if (!a)
		return NULL;
	prefix_of_host(&w.key, a);
	bpf_loop(EXPIRED_DEPTH_MAX, trie_step, &w, 0);
	if (!w.found) {
		fault_count(PN_FAULT_EXPIRED_DEEP);
		return NULL;
	}
	return trie == TRIE_ALLOW ? trie_look(TRIE_ALLOW, &w.key) : trie_look(TRIE_BLOCK, &w.key);
}

/* The longest live prefix over an address. */
static __always_inline struct pn_rule *trie_find(enum trie trie, const struct address *a)
{
	struct pn_prefix key;
	struct pn_rule *r;

	prefix_of_host(&key, a);
	r = trie_look(trie, &key);
	if (!r || !is_past(r->expires))
		return r;
	return trie_find_behind(a, trie);
}

static __always_inline struct pn_rule *allow_find(const struct address *a)
{
	return trie_find(TRIE_ALLOW, a);
}

/* The operator's rule for this very address. */
static __always_inline struct pn_rule *rule_find(const struct pn_conf *conf,
						 const struct address *a)
{
	struct pn_rule *r;
	struct pn_key key;

	if (!conf->has_rules)
		return NULL;
	key_of_host(&key, a);
	r = bpf_map_lookup_elem(&pn_rule, &key);
	return r && !is_past(r->expires) ? r : NULL;
}

/* The rule of the longest prefix over this address. */
static __always_inline struct pn_rule *block_find(const struct pn_conf *conf,
						  const struct address *a)
{
	return conf->has_blocks ? trie_find(TRIE_BLOCK, a) : NULL;
}

static __always_inline struct pn_listed *listed_live(const struct pn_key *key, __u32 class_)
{
	struct pn_listed *l = bpf_map_lookup_elem(&pn_listed, key);

	if (!l || !(l->classes & (1U << class_)) || is_past(l->expires))
		return NULL;
	return l;
}

/* Who is known and not yet a stranger again. */
static __always_inline struct pn_known *known_find(const struct pn_conf *conf,
						   const struct address *a)
{
	struct pn_known *k;
	struct pn_key key;

	if (!conf->has_known)
		return NULL;
	key_of_source(&key, a);
	k = bpf_map_lookup_elem(&pn_known, &key);
	return k && is_until(k->until) ? k : NULL;
}

static __always_inline bool is_known(const struct pn_conf *conf, const struct address *a)
{
	return known_find(conf, a) != NULL;
}

/*
 * A verdict on the host, on the source it belongs to, or on its network, where so many were listed that one entry stands
 * for all. That last one is a guess about neighbours: it is not held against who has shown to be clean.
 */
static __always_inline struct pn_listed *
listed_find(const struct pn_conf *conf, const struct address *a, __u32 class_, struct pn_key *key)
{
	struct pn_listed *l;

	key_of_host(key, a);
	l = listed_live(key, class_);
	if (l)
		return l;
	if (a->family == 6) {
		key_of_source(key, a);
		l = listed_live(key, class_);
		if (l)
			return l;
	}
	key_of_network(key, a);
	l = listed_live(key, class_);
	return l && !is_known(conf, a) ? l : NULL;
}

static __always_inline bool may_reach(const struct address *a, __u16 port)
{
	struct pn_only_key key = {
		.bits = PN_ONLY_LEAD_BITS + 128, .port = port, .family = a->family};

	__builtin_memcpy(key.addr, a->byte, 16);
	return bpf_map_lookup_elem(&pn_only, &key) != NULL;
}

static __always_inline bool is_guarded(const struct pn_conf *conf,
				       const struct address *destination)
{
	struct pn_prefix key;

	if (!conf->guarded)
		return true;
	prefix_of_host(&key, destination);
	return bpf_map_lookup_elem(&pn_guard, &key) != NULL;
}

#endif
