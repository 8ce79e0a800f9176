/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds of a state, put where the programs look for them. Not by the controller's functions: they wait for all programs that run, at every
 * change, and the differential test has thousands of states.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rig.h"
#include "tap.h"

#define LINES	     (1U << PN_FEED_LINE_BITS_MIN)
#define LINES_BYTES  (LINES * sizeof(struct pn_feed_line))
#define TRIE_ENTRIES STATE_ENTRIES_MAX
#define OTHERS_REST  0x1ffffff /* of no address that the tests use, as they see */

static struct {
	struct pn_feed_line *lines;
	int trie;
	struct pn_prefix made[STATE_ENTRIES_MAX];
	unsigned made_count;
	bool dirty;
	__u32 bank; /* of the state last put */
} feeds = {.trie = -1};

static bool slots_put(const char *map, int fd)
{
	for (__u32 slot = 0; slot < PN_FEED_BANKS; slot++)
		if (!EXPECT(!bpf_map_update_elem(rig_map_fd(map), &slot, &fd, BPF_ANY),
			    "a table goes into %s: %s", map, strerror(errno)))
			return false;
	return true;
}

static bool feeds_open(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, of_lines, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	LIBBPF_OPTS(bpf_map_create_opts, of_trie, .map_flags = BPF_F_NO_PREALLOC);
	int lines = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lines", 4, sizeof(struct pn_feed_line),
				   LINES, &of_lines);

	feeds.trie = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "trie", sizeof(struct pn_prefix),
				    sizeof(struct pn_feed_prefix), TRIE_ENTRIES, &of_trie);
	if (!EXPECT(lines >= 0 && feeds.trie >= 0, "tables of feeds are made: %s", strerror(errno)))
		return false;
	feeds.lines = mmap(NULL, LINES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, lines, 0);
	if (!EXPECT(feeds.lines != MAP_FAILED, "lines are mapped: %s", strerror(errno)))
		return false;
	return slots_put("pn_feed_lines", lines) && slots_put("pn_feed_tries", feeds.trie);
}

static bool cell_put(struct pn_feed_line *line, __u32 cell)
{
	for (unsigned i = 0; i < PN_FEED_CELLS; i++) {
		if (!line->cell[i]) {
			line->cell[i] = cell;
			return true;
		}
	}
	return false;
}

/* crowded: its own line and all but the last of the next are full of others. */
static bool host_put(const struct pn_feed_bank *b, const uint8_t addr[16], __u32 feed, bool crowded)
{
	__u32 v4 = (__u32)addr[12] << 24 | (__u32)addr[13] << 16 | (__u32)addr[14] << 8 | addr[15];
	__u32 mixed = pn_feed_mix(b, v4), index = mixed >> (32 - b->line_bits);

	for (__u32 step = 0; crowded && step + 1 < PN_FEED_STEPS; step++) {
		__u32 other = OTHERS_REST << PN_FEED_REST_SHIFT | step << PN_FEED_STEP_SHIFT |
			      PN_FEED_CELL_USED;

		if (!EXPECT((mixed & OTHERS_REST) != OTHERS_REST, "another key is needed"))
			return false;
		while (cell_put(&feeds.lines[(index + step) % LINES], other))
			;
	}
	for (__u32 step = 0; step < PN_FEED_STEPS; step++)
		if (cell_put(&feeds.lines[(index + step) % LINES],
			     pn_feed_cell(b, mixed, step) | feed << 1))
			return true;
	return EXPECT(false, "there is room for a host");
}

static bool prefix_put(const struct entry *e, __u32 feed)
{
	struct pn_feed_prefix value = {.feed = feed};
	struct pn_prefix key = {.bits = 0};
	unsigned bits;

	key.family = prefix_read(e->prefix, key.addr, &bits) ? 4 : 6;
	key.bits = PN_PREFIX_LEAD_BITS + bits;
	value.bits = bits;
	feeds.made[feeds.made_count++] = key;
	return EXPECT(!bpf_map_update_elem(feeds.trie, &key, &value, BPF_ANY),
		      "a prefix of a feed: %s", strerror(errno));
}

static void feeds_clear(void)
{
	while (feeds.made_count > 0)
		bpf_map_delete_elem(feeds.trie, &feeds.made[--feeds.made_count]);
	if (feeds.dirty)
		memset(feeds.lines, 0, LINES_BYTES);
	feeds.dirty = false;
}

bool rig_put_feeds(const struct state *s, uint32_t *bank)
{
	struct pn_feed_bank b = {.key = {0x5eed, 0x9e3779b1, 0x85ebca6b, 0xc2b2ae35},
				 .line_bits = PN_FEED_LINE_BITS_MIN};
	__u32 slot;

	*bank = 0;
	if (!feeds.lines && !feeds_open())
		return false;
	feeds_clear();
	if (!s->feed[0].prefix)
		return true;
	for (__u32 i = 0; i < STATE_ENTRIES_MAX && s->feed[i].prefix; i++) {
		uint8_t addr[16];
		unsigned bits;
		bool host = prefix_read(s->feed[i].prefix, addr, &bits) && bits == 128;

		b.action[i] = (__u8)s->feed[i].action;
		b.always[i] = s->feed[i].always;
		b.feeds++;
		b.hosts += host;
		b.prefixes += !host;
		feeds.dirty = feeds.dirty || host;
		if (host ? !host_put(&b, addr, i, s->feed_crowded) : !prefix_put(&s->feed[i], i))
			return false;
	}
	/* Each in its turn. */
	feeds.bank = feeds.bank == 1 ? 2 : 1;
	slot = feeds.bank - 1;
	*bank = feeds.bank;
	return EXPECT(!bpf_map_update_elem(rig_map_fd("pn_feed_bank"), &slot, &b, BPF_ANY),
		      "pn_feed_bank is written: %s", strerror(errno));
}

uint64_t rig_feed_hits(uint32_t feed)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *per_cpu = calloc((size_t)cpus, sizeof(*per_cpu)), sum = 0;

	if (per_cpu && !bpf_map_lookup_elem(rig_map_fd("pn_feed_hits"), &feed, per_cpu))
		for (int i = 0; i < cpus; i++)
			sum += per_cpu[i];
	free(per_cpu);
	return sum;
}
