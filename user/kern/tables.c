/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables read a piece at a time: see tables.h. In batches, since a system call for each entry would make a full table take a second. A key
 * at which a trie was left may be gone when the walk goes on, and the kernel then begins anew: so no table is followed for longer than it
 * could be.
 */
#include "kern/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

#define BATCH	    2048 /* entries: 190 KB of keys and values */
#define KEY_BYTES   TABLES_CURSOR_BYTES
#define VALUE_BYTES 64

static const struct {
	const char *name;
	size_t key_size, value_size;
} kinds[GATE_TABLES] = {
	[GATE_TABLE_RULES] = {"rules", sizeof(struct pn_key), sizeof(struct pn_rule)},
	[GATE_TABLE_BLOCKS] = {"blocks", sizeof(struct pn_prefix), sizeof(struct pn_rule)},
	[GATE_TABLE_ALLOW] = {"allow", sizeof(struct pn_prefix), sizeof(struct pn_rule)},
	[GATE_TABLE_OPEN] = {"open", sizeof(struct pn_key), sizeof(struct pn_open)},
	[GATE_TABLE_LISTED] = {"listed", sizeof(struct pn_key), sizeof(struct pn_listed)},
	[GATE_TABLE_KNOWN] = {"known", sizeof(struct pn_key), sizeof(struct pn_known)},
	[GATE_TABLE_RATES] = {"rates", sizeof(struct pn_key), sizeof(struct pn_rate)},
};

const char *tables_name(enum gate_table t)
{
	return kinds[t].name;
}

bool tables_is_live(const struct table_entry *e, uint64_t now_boot_ns)
{
	return rule_is_live(e->expires, now_boot_ns);
}

bool tables_is_ban(const struct table_entry *e, uint64_t now_boot_ns)
{
	return e->origin == PN_ORIGIN_BAN && tables_is_live(e, now_boot_ns);
}

static int table_fd(const struct gate *g, enum gate_table t)
{
	switch (t) {
	case GATE_TABLE_RULES:
		return g->map.pn_rule;
	case GATE_TABLE_BLOCKS:
		return g->map.pn_prefixes;
	case GATE_TABLE_ALLOW:
		return g->map.pn_allow;
	case GATE_TABLE_OPEN:
		return g->map.pn_open;
	case GATE_TABLE_LISTED:
		return g->map.pn_listed;
	case GATE_TABLE_KNOWN:
		return g->map.pn_known;
	default:
		return g->map.pn_rate;
	}
}

uint64_t tables_limit(struct gate *g, enum gate_table t)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(table_fd(g, t), &info, &size) ? 0 : info.max_entries;
}

static struct table_entry entry_of(enum gate_table t, const void *key, const void *value)
{
	struct table_entry e = {.table = t};
	struct pn_listed listed;
	struct pn_known known;
	struct pn_rule rule;
	struct pn_open open;

	if (t == GATE_TABLE_BLOCKS || t == GATE_TABLE_ALLOW)
		e.prefix = prefix_of_trie(key);
	else
		e.prefix = prefix_of_key(key);
	switch (t) {
	case GATE_TABLE_RULES:
	case GATE_TABLE_BLOCKS:
	case GATE_TABLE_ALLOW:
		memcpy(&rule, value, sizeof(rule));
		e.action = rule.action;
		e.origin = rule.origin;
		e.expires = rule.expires;
		break;
	case GATE_TABLE_LISTED:
		memcpy(&listed, value, sizeof(listed));
		e.action = listed.action;
		e.origin = listed.origin;
		e.expires = listed.expires;
		break;
	case GATE_TABLE_KNOWN:
		memcpy(&known, value, sizeof(known));
		e.origin = known.origin;
		e.expires = known.until == PN_FOREVER ? 0 : known.until;
		break;
	case GATE_TABLE_OPEN:
		memcpy(&open, value, sizeof(open));
		e.open = open.open;
		break;
	default:
		break;
	}
	return e;
}

static void table_end(struct tables_walk *w)
{
	w->entries[w->at] = w->seen;
	w->counted[w->at] = true;
	w->seen = 0;
	w->begun = false;
	w->at = w->at + 1 < GATE_TABLES ? w->at + 1 : 0;
}

struct batch {
	unsigned char key[BATCH * KEY_BYTES], value[BATCH * VALUE_BYTES];
};

/* One batch. How many entries, or -errno; *ended: there are no more. */
static int batch_read(struct gate *g, struct tables_walk *w, struct batch *b, bool *ended)
{
	unsigned char next[TABLES_CURSOR_BYTES] = {0};
	__u32 count = BATCH;
	int r = bpf_map_lookup_batch(table_fd(g, w->at), w->begun ? w->cursor : NULL, next, b->key,
				     b->value, &count, NULL);

	*ended = r && errno == ENOENT;
	if (r && !*ended)
		return -errno;
	memcpy(w->cursor, next, sizeof(next));
	w->begun = true;
	return (int)count;
}

int tables_step(struct gate *g, struct tables_walk *w, unsigned budget,
		void (*fn)(void *c, const struct table_entry *e), void *c, struct err *e)
{
	struct batch *b = malloc(sizeof(*b));
	unsigned left = budget;
	int count = 0, ret = 0;

	if (!b)
		return err_set(e, -ENOMEM, "no memory to read the tables");
	while (left && !ret) {
		enum gate_table t = w->at;
		bool ended = false;

		count = batch_read(g, w, b, &ended);
		if (count < 0) {
			ret = err_set(e, count, "cannot read the table of %s: %s", kinds[t].name,
				      strerror(-count));
			break;
		}
		for (int i = 0; fn && i < count; i++) {
			struct table_entry entry =
				entry_of(t, b->key + (size_t)i * kinds[t].key_size,
					 b->value + (size_t)i * kinds[t].value_size);

			fn(c, &entry);
		}
		w->seen += (uint64_t)count;
		left -= left < (unsigned)count ? left : (unsigned)count;
		if (ended || w->seen > tables_limit(g, t)) {
			table_end(w);
			ret = w->at == 0;
		}
	}
	free(b);
	return ret;
}
