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

static struct pn_prefix trie_key(const struct prefix *p)
{
	struct pn_prefix k = {
		.bits = PN_PREFIX_LEAD_BITS + p->bits,
		.family = prefix_is_v4(p) ? 4 : 6,
	};

	memcpy(k.addr, p->addr.byte, sizeof(k.addr));
	return k;
}

static struct prefix prefix_of_trie(const struct pn_prefix *k)
{
	struct prefix p = {.bits = (uint8_t)(k->bits - PN_PREFIX_LEAD_BITS)};

	memcpy(p.addr.byte, k->addr, sizeof(k->addr));
	return p;
}

/* A full hash says E2BIG, a full trie ENOSPC: to people both are a full map. */
static int put_fault(struct err *e, int r, int fd, const char *map, const char *config_key)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (r != -E2BIG && r != -ENOSPC)
		return err_set(e, r, "the kernel refused the entry in %s: %s", map, strerror(-r));
	bpf_obj_get_info_by_fd(fd, &info, &size);
	return err_set(e, -ENOSPC, "%s is full (%u of %u entries): raise %s in the configuration",
		       map, info.max_entries, info.max_entries, config_key);
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

		r = map_put(fd, &key, &rule, BPF_ANY);
	} else {
		struct pn_prefix key = trie_key(p);

		r = map_put(fd, &key, &rule, BPF_ANY);
	}
	__atomic_store_n(has, 1, __ATOMIC_SEQ_CST);
	if (r)
		return put_fault(e, r, fd, host ? "pn_rule" : "pn_block",
				 host ? "tables.rules" : "tables.blocks");
	return 0;
}

static int delete_entry(int fd, const void *key, struct err *e)
{
	if (bpf_map_delete_elem(fd, key) == 0)
		return 0;
	if (errno == ENOENT)
		return -ENOENT;
	return err_set(e, -errno, "the kernel refused to take the entry out: %s", strerror(errno));
}

int rules_unblock(struct gate *g, const struct prefix *p, struct err *e)
{
	if (prefix_is_host(p)) {
		struct pn_key key = key_of_prefix(p);

		return delete_entry(g->map.pn_rule, &key, e);
	}
	struct pn_prefix key = trie_key(p);

	return delete_entry(g->map.pn_prefixes, &key, e);
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
	int r = map_put(g->map.pn_allow, &key, &rule, BPF_ANY);

	return r ? put_fault(e, r, g->map.pn_allow, "pn_allow", "tables.allow") : 0;
}

int rules_disallow(struct gate *g, const struct prefix *p, struct err *e)
{
	struct pn_prefix key = trie_key(p);

	return delete_entry(g->map.pn_allow, &key, e);
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
	if (rule.expires && r->now >= rule.expires && bpf_map_delete_elem(r->fd, key) == 0)
		r->count++;
	return 0;
}

static int reap_listed(void *c, const void *key, const void *value)
{
	struct reap *r = c;
	struct pn_listed listed;

	memcpy(&listed, value, sizeof(listed));
	if (listed.expires && r->now >= listed.expires && bpf_map_delete_elem(r->fd, key) == 0)
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
	return reap.count;
}

/* ---- lists that are replaced whole: put the new in, then take out what is not among them ---- */

struct keep {
	int fd;
	size_t key_size;
	const unsigned char *keys;
	unsigned count;
};

static int drop_stray(void *c, const void *key, const void *value)
{
	struct keep *k = c;

	(void)value;
	for (unsigned i = 0; i < k->count; i++)
		if (memcmp(k->keys + i * k->key_size, key, k->key_size) == 0)
			return 0;
	bpf_map_delete_elem(k->fd, key);
	return 0;
}

static int replace_all(int fd, const void *keys, size_t key_size, unsigned count, const char *map,
		       struct err *e)
{
	struct keep keep = {fd, key_size, keys, count};
	__u32 present = 1;

	for (unsigned i = 0; i < count; i++) {
		int r = map_put(fd, keep.keys + i * key_size, &present, BPF_ANY);

		if (r)
			return err_set(e, r, "cannot fill %s: %s", map, strerror(-r));
	}
	return walk_fault(e, map_walk(fd, key_size, sizeof(present), drop_stray, &keep), map);
}

int rules_set_guard(struct gate *g, const struct prefix *list, unsigned count, struct err *e)
{
	struct pn_prefix *keys = calloc(count ? count : 1, sizeof(*keys));
	int r;

	if (!keys)
		return err_set(e, -ENOMEM, "no memory for pn_guard");
	for (unsigned i = 0; i < count; i++)
		keys[i] = trie_key(&list[i]);
	r = replace_all(g->map.pn_guard, keys, sizeof(*keys), count, "pn_guard", e);
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
	r = replace_all(g->map.pn_only, keys, sizeof(*keys), count, "pn_only", e);
	free(keys);
	return r;
}
