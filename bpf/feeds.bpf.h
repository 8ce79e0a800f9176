/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Feeds: files of addresses, up to millions, made into tables in user space (user/kern/feeds.c) and swapped whole. How they lie is told
 * in postern_abi.h. A single IPv4 address is looked for in one line of 64 bytes, which costs one miss of the cache however many
 * there are; a trie of a million takes thirty.
 */
#ifndef FEEDS_BPF_H
#define FEEDS_BPF_H

/* A packet that a feed decided, or would have. */
static __always_inline void feed_count(__u32 feed)
{
	__u64 *hits = bpf_map_lookup_elem(&pn_feed_hits, &feed);

	if (hits)
		(*hits)++;
}

/* The cell in which an address lies, less the feed's bits, or 0. */
static __always_inline __u32 feed_line_find(const struct pn_feed_line *line, __u32 want)
{
#pragma unroll
	for (int i = 0; i < PN_FEED_CELLS; i++)
		if ((line->cell[i] & ~PN_FEED_FEED_BITS) == want)
			return line->cell[i];
	return 0;
}

/* The feed of a single IPv4 address, or PN_FEEDS_MAX. */
static __always_inline __u32 feed_of_host(const struct pn_feed_bank *b, __u32 slot, __u32 addr)
{
	void *lines = bpf_map_lookup_elem(&pn_feed_lines, &slot);
	__u32 mixed = pn_feed_mix(b, addr), index = mixed >> (32 - b->line_bits);

	if (!lines)
		return PN_FEEDS_MAX;
	for (__u32 step = 0; step < PN_FEED_STEPS; step++) {
		__u32 at = (index + step) & ((1U << b->line_bits) - 1), cell;
		struct pn_feed_line *line = bpf_map_lookup_elem(lines, &at);

		if (!line)
			break;
		cell = feed_line_find(line, pn_feed_cell(b, mixed, step));
		if (cell)
			return PN_FEED_CELL_FEED(cell);
		if (!line->cell[PN_FEED_CELLS - 1])
			break;
	}
	return PN_FEEDS_MAX;
}

static __always_inline struct pn_feed_prefix *feed_prefix_find(__u32 slot, const struct address *a)
{
	void *trie = bpf_map_lookup_elem(&pn_feed_tries, &slot);
	struct pn_prefix key;

	if (!trie)
		return NULL;
	prefix_of_host(&key, a);
	return bpf_map_lookup_elem(trie, &key);
}

/* Is the source in a feed? Not static: it is asked from many places, and only where there are feeds. */
__noinline int judge_feeds(const struct address *source, struct verdict *v)
{
	const struct pn_conf *conf = conf_get();
	__u32 slot, feed = PN_FEEDS_MAX, bits = 128;
	struct pn_feed_prefix *p;
	struct pn_feed_bank *b;

	if (!conf || !source || !v)
		return 0;
	/* Read once: what is found in one bank is of no other. */
	slot = *(const volatile __u32 *)&conf->feeds_bank - 1;
	b = bpf_map_lookup_elem(&pn_feed_bank, &slot);
	if (!b)
		return 0;
	if (b->hosts && source->family == 4)
		feed = feed_of_host(b, slot, bpf_ntohl(source->word[3]));
	if (feed == PN_FEEDS_MAX && b->prefixes) {
		p = feed_prefix_find(slot, source);
		if (p) {
			feed = p->feed;
			bits = p->bits;
		}
	}
	if (feed >= PN_FEEDS_MAX)
		return 0;
	verdict_set(v, conf, PN_REASON_FEED, b->action[feed], b->always[feed]);
	v->origin = PN_ORIGIN_FEED;
	v->bits = bits;
	v->expires = 0;
	v->feed = feed;
	return 1;
}

#endif
