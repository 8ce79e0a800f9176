/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of a real gate, which is attached to no interface, read a piece at a time. Needs root and a kernel with BTF. */
#include "gate_rig.h"

#include "base/when.h"
#include "kern/maps.h"
#include "kern/tables.h"

#define HOSTS	 5000 /* more than two batches */
#define PREFIXES 300

static void fill(void)
{
	struct pn_known known = {.until = PN_FOREVER, .origin = PN_ORIGIN_SEEN};
	struct pn_listed listed = {
		.action = PN_REPLY, .origin = PN_ORIGIN_BAN, .expires = 77 * NS_PER_S};
	struct prefix p = prefix_at("11.0.0.0/32");

	for (unsigned i = 0; i < HOSTS; i++) {
		p.addr.byte[14] = (uint8_t)(i >> 8);
		p.addr.byte[15] = (uint8_t)i;
		if (!EXPECT(rules_block(gate, &p, PN_DROP, 0, &e) == 0, "%s", e.text))
			return;
	}
	p = prefix_at("12.0.0.0/24");
	for (unsigned i = 0; i < PREFIXES; i++) {
		p.addr.byte[13] = (uint8_t)(i >> 8);
		p.addr.byte[14] = (uint8_t)i;
		if (!EXPECT(rules_block(gate, &p, PN_REFUSE, 5 * NS_PER_S, &e) == 0, "%s", e.text))
			return;
	}
	p = prefix_at("2001:db8::/32");
	EXPECT(rules_allow(gate, &p, PN_TRUST, PN_ORIGIN_SPF, 0, &e) == 0, "%s", e.text);
	p = prefix_at("203.0.113.7");
	EXPECT(sources_put_listed(gate, &p, &listed, &e) == 0, "%s", e.text);
	EXPECT(sources_put_known(gate, &p.addr, &known, &e) == 0, "%s", e.text);
}

struct seen {
	unsigned count[GATE_TABLES];
	struct table_entry last[GATE_TABLES];
};

static void entry_seen(void *context, const struct table_entry *entry)
{
	struct seen *s = context;

	s->count[entry->table]++;
	s->last[entry->table] = *entry;
}

static bool is_at(const struct table_entry *entry, const char *prefix)
{
	struct prefix p = prefix_at(prefix);

	return prefix_equal(&entry->prefix, &p);
}

TEST(a_walk_sees_every_entry_as_it_is)
{
	struct tables_walk walk = {0};
	struct seen seen = {0};
	const struct table_entry *one;

	GATE_OR_SKIP();
	fill();
	ENSURE(tables_step(gate, &walk, 1U << 20, entry_seen, &seen, &e) == 1, "one step: %s",
	       e.text);
	EXPECT(seen.count[GATE_TABLE_RULES] == HOSTS && seen.count[GATE_TABLE_BLOCKS] == PREFIXES,
	       "%u hosts, %u prefixes", seen.count[GATE_TABLE_RULES],
	       seen.count[GATE_TABLE_BLOCKS]);
	EXPECT(walk.entries[GATE_TABLE_RULES] == HOSTS && walk.counted[GATE_TABLE_RATES] &&
		       walk.entries[GATE_TABLE_RATES] == 0,
	       "and they are counted, the empty ones too");
	one = &seen.last[GATE_TABLE_BLOCKS];
	EXPECT(one->action == PN_REFUSE && one->origin == PN_ORIGIN_OPERATOR &&
		       one->expires == 5 * NS_PER_S && one->prefix.bits == 120,
	       "a prefix: /%u", one->prefix.bits);
	one = &seen.last[GATE_TABLE_ALLOW];
	EXPECT(is_at(one, "2001:db8::/32") && one->action == PN_TRUST &&
		       one->origin == PN_ORIGIN_SPF,
	       "an allowed one");
	one = &seen.last[GATE_TABLE_LISTED];
	EXPECT(is_at(one, "203.0.113.7") && one->origin == PN_ORIGIN_BAN &&
		       one->expires == 77 * NS_PER_S,
	       "a banned one");
	EXPECT(is_at(&seen.last[GATE_TABLE_KNOWN], "203.0.113.7") &&
		       !seen.last[GATE_TABLE_KNOWN].expires,
	       "a known one, for ever");
	EXPECT(tables_limit(gate, GATE_TABLE_RULES) == 8192, "room");
}

TEST(small_steps_see_the_same)
{
	struct tables_walk walk = {0};
	struct seen seen = {0};
	unsigned steps = 0;
	int r = 0;

	GATE_OR_SKIP();
	for (; r == 0 && steps < 100; steps++)
		r = tables_step(gate, &walk, 1000, entry_seen, &seen, &e);
	EXPECT(r == 1 && steps > 2, "%u steps, each about as long as it may be", steps);
	EXPECT(seen.count[GATE_TABLE_RULES] == HOSTS && seen.count[GATE_TABLE_BLOCKS] == PREFIXES &&
		       seen.count[GATE_TABLE_KNOWN] == 1,
	       "none twice, none missed");
	EXPECT(walk.entries[GATE_TABLE_RULES] == HOSTS, "%llu",
	       (unsigned long long)walk.entries[GATE_TABLE_RULES]);
	EXPECT(tables_step(gate, &walk, 1U << 20, NULL, NULL, &e) == 1, "and begins anew");
}

TEST(entries_that_go_under_a_walk_do_not_stop_it)
{
	struct tables_walk walk = {0};
	struct prefix p = prefix_at("11.0.0.0/32"), network = prefix_at("12.0.0.0/24");
	unsigned steps = 0;
	int r = 0;

	GATE_OR_SKIP();
	for (; r == 0 && steps < HOSTS; steps++) {
		r = tables_step(gate, &walk, 1, NULL, NULL, &e);
		for (unsigned i = 0; i < 100; i++) {
			p.addr.byte[14] = (uint8_t)((steps * 100 + i) >> 8);
			p.addr.byte[15] = (uint8_t)(steps * 100 + i);
			(void)rules_unblock(gate, &p, NULL);
			network.addr.byte[13] = (uint8_t)((steps * 100 + i) >> 8);
			network.addr.byte[14] = (uint8_t)(steps * 100 + i);
			(void)rules_unblock(gate, &network, NULL);
		}
	}
	EXPECT(r == 1, "it ends, after %u steps: %s", steps, e.text);
}

TEST(a_ban_is_one_while_it_holds)
{
	struct table_entry ban = {.origin = PN_ORIGIN_BAN, .expires = 100};
	struct table_entry other = {.origin = PN_ORIGIN_DNSBL, .expires = 0};

	EXPECT(tables_is_ban(&ban, 99) && !tables_is_ban(&ban, 100), "until its end");
	EXPECT(tables_is_live(&other, 100) && !tables_is_ban(&other, 100), "a listing is none");
}
