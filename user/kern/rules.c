/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's lists in the kernel: single addresses in pn_rule, prefixes in the trie of
 * pn_block, allow and trust in pn_allow, destinations in pn_guard, who may reach a port in pn_only.
 *
 * has_rules and has_blocks of pn_conf let the kernel skip an empty list. They are set before an
 * entry is put in and again after it, and taken back only with a second look, so that they are
 * never 0 while the list has an entry.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/when.h"
#include "kern/kern.h"
#include "kern/maps.h"

struct prefix prefix_of_trie(const struct pn_prefix *k)
{
	struct prefix p = {.bits = (uint8_t)(k->bits - PN_PREFIX_LEAD_BITS)};

	memcpy(p.addr.byte, k->addr, sizeof(k->addr));
	return p;
}

int rules_block(struct gate *g, const struct prefix *p, enum pn_action action,
		uint64_t expires_boot_ns, struct err *e)
{
	struct pn_rule rule = {
		.action = action,
		.origin = PN_ORIGIN_OPERATOR,
		.expires = expires_boot_ns,
		.bits = p->bits,
		.always = 1,
	};
	bool host = prefix_is_host(p);
	__u32 *has = host ? &g->conf->has_rules : &g->conf->has_blocks;
	int fd = host ? g->map.pn_rule : g->map.pn_prefixes, r;

	__atomic_store_n(has, 1, __ATOMIC_SEQ_CST);
	if (host) {
		struct pn_key key = key_of_prefix(p);

		r = map_put_entry(fd, &key, &rule, "pn_rule", "tables.rules", e);
	} else {
		struct pn_prefix key = trie_key(p);

		r = map_put_entry(fd, &key, &rule, "pn_block", "tables.blocks", e);
	}
	__atomic_store_n(has, 1, __ATOMIC_SEQ_CST);
	return r;
}

int rules_unblock(struct gate *g, const struct prefix *p, struct err *e)
{
	if (prefix_is_host(p)) {
		struct pn_key key = key_of_prefix(p);

		return map_take_entry(g->map.pn_rule, &key, e);
	}
	struct pn_prefix key = trie_key(p);

	return map_take_entry(g->map.pn_prefixes, &key, e);
}

int rules_allow(struct gate *g, const struct prefix *p, enum pn_action action,
		enum pn_origin origin, uint64_t expires_boot_ns, struct err *e)
{
	struct pn_rule rule = {
		.action = action,
		.origin = origin,
		.expires = expires_boot_ns,
		.bits = p->bits,
		.always = 1,
	};
	struct pn_prefix key = trie_key(p);

	return map_put_entry(g->map.pn_allow, &key, &rule, "pn_allow", "tables.allow", e);
}

int rules_disallow(struct gate *g, const struct prefix *p, struct err *e)
{
	struct pn_prefix key = trie_key(p);

	return map_take_entry(g->map.pn_allow, &key, e);
}

struct rule_walk {
	int (*fn)(void *c, const struct rule_entry *r);
	void *c;
};

static int visit_host(void *c, const void *key, const void *value)
{
	struct rule_walk *w = c;
	struct rule_entry entry = {.prefix = prefix_of_key(key)};

	memcpy(&entry.rule, value, sizeof(entry.rule));
	return w->fn(w->c, &entry);
}

static int visit_prefix(void *c, const void *key, const void *value)
{
	struct rule_walk *w = c;
	struct rule_entry entry = {.prefix = prefix_of_trie(key)};

	memcpy(&entry.rule, value, sizeof(entry.rule));
	return w->fn(w->c, &entry);
}

static int walk_fault(struct err *e, int r, const char *map)
{
	return r < 0 ? err_set(e, r, "cannot read %s: %s", map, strerror(-r)) : r;
}

int rules_each_block(struct gate *g, int (*fn)(void *c, const struct rule_entry *r), void *c,
		     struct err *e)
{
	struct rule_walk w = {fn, c};
	int r = map_walk(g->map.pn_rule, sizeof(struct pn_key), sizeof(struct pn_rule), visit_host,
			 &w);

	if (r)
		return walk_fault(e, r, "pn_rule");
	r = map_walk(g->map.pn_prefixes, sizeof(struct pn_prefix), sizeof(struct pn_rule),
		     visit_prefix, &w);
	return walk_fault(e, r, "pn_block");
}

int rules_each_allow(struct gate *g, int (*fn)(void *c, const struct rule_entry *r), void *c,
		     struct err *e)
{
	struct rule_walk w = {fn, c};

	return walk_fault(e,
			  map_walk(g->map.pn_allow, sizeof(struct pn_prefix),
				   sizeof(struct pn_rule), visit_prefix, &w),
			  "pn_allow");
}

/* ---- what has expired ---- */

struct reap {
	int fd;
	uint64_t now;
	int count;
};

static int reap_rule(void *c, const void *key, const void *value)
{
	struct reap *r = c;
	struct pn_rule rule;

	memcpy(&rule, value, sizeof(rule));
	if (!rule_is_live(rule.expires, r->now) && bpf_map_delete_elem(r->fd, key) == 0)
		r->count++;
	return 0;
}

static int reap_listed(void *c, const void *key, const void *value)
{
	struct reap *r = c;
	struct pn_listed listed;

	memcpy(&listed, value, sizeof(listed));
	if (!rule_is_live(listed.expires, r->now) && bpf_map_delete_elem(r->fd, key) == 0)
		r->count++;
	return 0;
}

/* An emptied list is asked no more. Somebody may just now put an entry in: look again. */
static void settle_has(__u32 *has, int fd)
{
	if (map_is_empty(fd) != 1)
		return;
	__atomic_store_n(has, 0, __ATOMIC_SEQ_CST);
	if (map_is_empty(fd) != 1)
		__atomic_store_n(has, 1, __ATOMIC_SEQ_CST);
}

int rules_reap(struct gate *g, struct err *e)
{
	struct reap reap = {.now = now_boot_ns()};
	const struct {
		int fd;
		size_t key_size, value_size;
		int (*fn)(void *c, const void *key, const void *value);
		const char *name;
	} lists[] = {
		{g->map.pn_rule, sizeof(struct pn_key), sizeof(struct pn_rule), reap_rule,
		 "pn_rule"},
		{g->map.pn_prefixes, sizeof(struct pn_prefix), sizeof(struct pn_rule), reap_rule,
		 "pn_block"},
		{g->map.pn_allow, sizeof(struct pn_prefix), sizeof(struct pn_rule), reap_rule,
		 "pn_allow"},
		{g->map.pn_listed, sizeof(struct pn_key), sizeof(struct pn_listed), reap_listed,
		 "pn_listed"},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		int r;

		reap.fd = lists[i].fd;
		r = map_walk(reap.fd, lists[i].key_size, lists[i].value_size, lists[i].fn, &reap);
		if (r)
			return walk_fault(e, r, lists[i].name);
	}
	settle_has(&g->conf->has_rules, g->map.pn_rule);
	settle_has(&g->conf->has_blocks, g->map.pn_prefixes);
	settle_has(&g->conf->has_listed, g->map.pn_listed);
	/* What has expired of it goes by itself: it is an LRU. */
	settle_has(&g->conf->has_known, g->map.pn_known);
	return reap.count;
}

/* ---- lists that are replaced whole ---- */

int rules_set_guard(struct gate *g, const struct prefix *list, unsigned count, struct err *e)
{
	struct pn_prefix *keys = calloc(count ? count : 1, sizeof(*keys));
	int r;

	if (!keys)
		return err_set(e, -ENOMEM, "no memory for pn_guard");
	for (unsigned i = 0; i < count; i++)
		keys[i] = trie_key(&list[i]);
	r = map_replace(g->map.pn_guard, keys, sizeof(*keys), count, "pn_guard", e);
	free(keys);
	return r;
}

int rules_set_only(struct gate *g, const struct only_entry *list, unsigned count, struct err *e)
{
	struct pn_only_key *keys = calloc(count ? count : 1, sizeof(*keys));
	int r;

	if (!keys)
		return err_set(e, -ENOMEM, "no memory for pn_only");
	for (unsigned i = 0; i < count; i++) {
		keys[i].bits = PN_ONLY_LEAD_BITS + list[i].prefix.bits;
		keys[i].port = list[i].port;
		keys[i].family = prefix_is_v4(&list[i].prefix) ? 4 : 6;
		memcpy(keys[i].addr, list[i].prefix.addr.byte, sizeof(keys[i].addr));
	}
	r = map_replace(g->map.pn_only, keys, sizeof(*keys), count, "pn_only", e);
	free(keys);
	return r;
}
