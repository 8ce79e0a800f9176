/* SPDX-License-Identifier: BSD-2-Clause */
/* The maps of the bench as a struct state says: see rig.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rig.h"
#include "tap.h"

#define KEYS_MAX      128 /* entries that one state can make */
#define KEY_BYTES_MAX sizeof(struct pn_prefix)
#define NS_PER_S      1000000000ULL
#define HOUR_NS	      (3600 * NS_PER_S)
#define EVENT_EVERY   (10 * NS_PER_S)
#define CLEAR_PAST    1 /* ended one ns after boot */
#define WAIT_BYTES    (PN_WAIT_CELLS * sizeof(struct pn_wait))

struct made {
	int fd;
	uint8_t key[KEY_BYTES_MAX];
};

static struct {
	struct made made[KEYS_MAX];
	unsigned made_count;
	struct pn_conf conf;
	uint64_t later; /* when entries of this state end */
	struct pn_wait *wait;
	bool wait_dirty; /* a SYN of this state may stand in it */
	enum wait wait_filled;
} filled;

/* The tests write all its cells between two frames, which takes a mapping. */
bool rig_map_wait(void)
{
	void *at = mmap(NULL, WAIT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, rig_map_fd("pn_wait"),
			0);

	filled.wait = at == MAP_FAILED ? NULL : at;
	return EXPECT(filled.wait, "pn_wait is mapped: %s", strerror(errno));
}

struct pn_wait *rig_wait(void)
{
	return filled.wait;
}

void rig_held(void)
{
	filled.wait_dirty = true;
}

static bool put(int fd, const void *key, size_t key_size, const void *value)
{
	struct made *m = &filled.made[filled.made_count];

	if (filled.made_count == KEYS_MAX)
		abort();
	if (!EXPECT(!bpf_map_update_elem(fd, key, value, BPF_ANY), "an entry of the state: %s",
		    strerror(errno)))
		return false;
	m->fd = fd;
	memcpy(m->key, key, key_size);
	filled.made_count++;
	return true;
}

static void clear_made(void)
{
	while (filled.made_count > 0) {
		struct made *m = &filled.made[--filled.made_count];

		bpf_map_delete_elem(m->fd, m->key); /* an LRU may have lost it */
	}
}

static struct pn_key key_of(const char *text)
{
	struct pn_key key = {.bits = 0};
	unsigned bits;

	prefix_read(text, key.addr, &bits);
	key.bits = (__u8)bits;
	return key;
}

static struct pn_prefix prefix_of(const char *text)
{
	struct pn_prefix key = {.bits = 0};
	unsigned bits;

	key.family = prefix_read(text, key.addr, &bits) ? 4 : 6;
	key.bits = PN_PREFIX_LEAD_BITS + bits;
	return key;
}

static uint64_t end_of(enum life life)
{
	return life == LIFE_FOREVER ? 0 : life == LIFE_LIVE ? filled.later : CLEAR_PAST;
}

static bool put_rules(int fd, bool is_trie, const struct entry *list)
{
	for (const struct entry *e = list; e < list + STATE_ENTRIES_MAX && e->prefix; e++) {
		struct pn_prefix trie_key = prefix_of(e->prefix);
		struct pn_key hash_key = key_of(e->prefix);
		struct pn_rule rule = {.action = e->action,
				       .origin = PN_ORIGIN_OPERATOR,
				       .expires = end_of(e->life),
				       .bits = hash_key.bits,
				       .always = e->always};

		if (!put(fd, is_trie ? (void *)&trie_key : (void *)&hash_key,
			 is_trie ? sizeof(trie_key) : sizeof(hash_key), &rule))
			return false;
	}
	return true;
}

static bool put_sources(const struct state *s)
{
	for (const struct entry *e = s->listed; e < s->listed + STATE_ENTRIES_MAX && e->prefix;
	     e++) {
		struct pn_key key = key_of(e->prefix);
		struct pn_listed value = {.action = e->action,
					  .origin = e->banned ? PN_ORIGIN_BAN : PN_ORIGIN_DNSBL,
					  .expires = end_of(e->life),
					  .classes = e->classes ? e->classes : ~0U};

		if (!put(rig_map_fd("pn_listed"), &key, sizeof(key), &value))
			return false;
	}
	for (const struct entry *e = s->known; e < s->known + STATE_ENTRIES_MAX && e->prefix; e++) {
		struct pn_key key = key_of(e->prefix);
		struct pn_known value = {.since = CLEAR_PAST,
					 .until = e->life ? end_of(e->life) : PN_FOREVER,
					 .fresh_until = e->fresh ? PN_FOREVER : CLEAR_PAST,
					 .origin = PN_ORIGIN_SEEN};

		if (!put(rig_map_fd("pn_known"), &key, sizeof(key), &value))
			return false;
	}
	return true;
}

static struct pn_limit limit_of(bool on, unsigned burst)
{
	struct pn_limit l = {.interval_ns = RATE_INTERVAL_NS,
			     .burst_ns = (burst - 1) * RATE_INTERVAL_NS};

	return on ? l : (struct pn_limit){.interval_ns = 0};
}

static uint64_t arrival_of(enum fill fill, unsigned burst)
{
	uint64_t edge = rig_now_ns() + (burst - 1) * RATE_INTERVAL_NS;

	switch (fill) {
	case FILL_NONE:
		return 0;
	case FILL_SOME:
		return edge - RATE_MARGIN_NS;
	case FILL_SPENT:
		return edge + RATE_MARGIN_NS;
	case FILL_BEYOND:
		return edge + RATE_BEYOND_NS;
	}
	abort();
}

static bool is_source(const struct pn_key *key)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = !memcmp(key->addr, mapped, sizeof(mapped));

	return key->bits == (v4 ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6);
}

/* Answers of the responder; those of a verdict that is none of the state's were told under another one. */
static bool put_answers(const struct state *s)
{
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->answered[i].source; i++) {
		struct pn_key key = key_of(s->answered[i].source);
		struct pn_answered value = {.expires = end_of(s->answered[i].life),
					    .first_ns = s->answered[i].stale
								? rig_boot_ns() - 2 * HOUR_NS
								: rig_boot_ns(),
					    .count = s->answered[i].count};

		if (!put(rig_map_fd("pn_answered"), &key, sizeof(key), &value))
			return false;
	}
	return true;
}

static void fill_wait(enum wait wait)
{
	static const uint64_t ages[] = {[WAIT_YOUNG] = 1,
					[WAIT_DUE] = 2 * PN_WAIT_LEAST_NS,
					[WAIT_OLD] = PN_WAIT_MOST_NS + NS_PER_S};
	uint64_t now = rig_now_ns();
	/* A machine that has just booted has no such past: then the cells are empty, which is the same to a SYN. */
	uint64_t held = wait == WAIT_YOUNG			 ? now + HOUR_NS
			: wait == WAIT_EMPTY || now < ages[wait] ? 0
								 : now - ages[wait];

	for (unsigned i = 0; i < PN_WAIT_CELLS; i++)
		filled.wait[i].held_ns = held;
	filled.wait_filled = wait;
	filled.wait_dirty = false;
}

static bool put_counts(const struct state *s)
{
	struct pn_total total = {.open = s->total_open,
				 .rate_arrival_ns = arrival_of(s->total_fill, TOTAL_RATE_BURST),
				 .pressed_until_ns = s->pressed ? rig_now_ns() + HOUR_NS : 0,
				 .unproven_arrival_ns = arrival_of(
					 s->hold_spent ? FILL_SPENT : FILL_NONE, s->hold_budget)};
	__u32 zero = 0;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->open[i].source; i++) {
		struct pn_key key = key_of(s->open[i].source);
		struct pn_open value = {.open = s->open[i].open};

		if (!put(rig_map_fd("pn_open"), &key, sizeof(key), &value))
			return false;
	}
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->rates[i].source; i++) {
		struct pn_key key = key_of(s->rates[i].source);
		struct pn_rate value = {arrival_of(
			s->rates[i].fill, is_source(&key) ? RATE_BURST : NETWORK_RATE_BURST)};

		if (!put(rig_map_fd("pn_rate"), &key, sizeof(key), &value))
			return false;
	}
	return EXPECT(!bpf_map_update_elem(rig_map_fd("pn_total"), &zero, &total, BPF_ANY),
		      "pn_total is written: %s", strerror(errno));
}

static bool put_prefixes(const struct state *s)
{
	__u32 yes = 1;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->guard[i]; i++) {
		struct pn_prefix key = prefix_of(s->guard[i]);

		if (!put(rig_map_fd("pn_guard"), &key, sizeof(key), &yes))
			return false;
	}
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->only[i].prefix; i++) {
		struct pn_prefix p = prefix_of(s->only[i].prefix);
		struct pn_only_key key = {.bits = p.bits - PN_PREFIX_LEAD_BITS + PN_ONLY_LEAD_BITS,
					  .port = s->only[i].port,
					  .family = p.family};

		memcpy(key.addr, p.addr, sizeof(key.addr));
		if (!put(rig_map_fd("pn_only"), &key, sizeof(key), &yes))
			return false;
	}
	return true;
}

static void set_ports(struct pn_conf *c, const struct state *s)
{
	if (!s->ports[0].port)
		c->ports[0] = (struct pn_port){.port = 25, .local_port = 25, .can_reply = 1};
	for (unsigned i = 0; i < STATE_PORTS_MAX && s->ports[i].port; i++)
		c->ports[i] = (struct pn_port){.port = s->ports[i].port,
					       .local_port = s->ports[i].port,
					       .class_ = (__u8)s->ports[i].class_,
					       .only = s->ports[i].only,
					       .can_reply = !s->ports[i].mute};
}

static bool write_conf(void)
{
	__u32 zero = 0;

	return EXPECT(!bpf_map_update_elem(rig_map_fd("pn_conf"), &zero, &filled.conf, BPF_ANY),
		      "pn_conf is written: %s", strerror(errno));
}

static bool put_conf(const struct state *s)
{
	struct pn_conf *c = &filled.conf;
	uint64_t later = filled.later;

	memset(c, 0, sizeof(*c));
	c->abi = PN_ABI_VERSION;
	c->open_max = s->open_max;
	c->total_open_max = s->total_open_max;
	c->charge_syn = s->charge_syn;
	c->enforce_until = s->monitor ? CLEAR_PAST : later;
	c->alive_until = s->orphaned ? CLEAR_PAST : later;
	set_ports(c, s);
	c->rate = limit_of(s->rate, RATE_BURST);
	c->network_rate = limit_of(s->network_rate, NETWORK_RATE_BURST);
	c->total_rate = limit_of(s->total_rate, TOTAL_RATE_BURST);
	c->refuse_budget = limit_of(s->refuse_budget, s->refuse_budget);
	c->event_interval_ns = EVENT_EVERY;
	c->rate_action = s->rate_action ? s->rate_action : PN_DROP;
	c->open_action = s->open_action ? s->open_action : PN_DROP;
	c->only_action = s->only_action ? s->only_action : PN_DROP;
	c->guarded = s->guarded;
	c->contact = s->contact;
	c->replying = !s->unanswering;
	c->unproven_budget = limit_of(s->hold_budget, s->hold_budget);
	c->has_rules = s->rule[0].prefix != NULL;
	c->has_blocks = s->block[0].prefix != NULL;
	c->has_listed = s->listed[0].prefix != NULL;
	c->has_known = s->known[0].prefix != NULL;
	return rig_put_feeds(s, &c->feeds_bank) && write_conf();
}

bool rig_tune(void (*change)(struct pn_conf *conf))
{
	change(&filled.conf);
	return write_conf();
}

bool rig_apply(const struct state *s)
{
	clear_made();
	filled.later = rig_boot_ns() + HOUR_NS;
	if (s->wait != filled.wait_filled || filled.wait_dirty)
		fill_wait(s->wait);
	return put_rules(rig_map_fd("pn_allow"), true, s->allow) &&
	       put_rules(rig_map_fd("pn_rule"), false, s->rule) &&
	       put_rules(rig_block_fd(), true, s->block) && put_sources(s) && put_counts(s) &&
	       put_answers(s) && put_prefixes(s) && put_conf(s);
}

uint64_t rig_rate_of(const char *prefix)
{
	struct pn_key key = key_of(prefix);
	struct pn_rate value;

	return bpf_map_lookup_elem(rig_map_fd("pn_rate"), &key, &value) ? 0 : value.arrival_ns;
}

uint64_t rig_total_arrival(void)
{
	struct pn_total total = {.open = 0};
	__u32 zero = 0;

	bpf_map_lookup_elem(rig_map_fd("pn_total"), &zero, &total);
	return total.rate_arrival_ns;
}
