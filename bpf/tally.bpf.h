/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters and events. Every outcome has a counter; what stands against a source is told too, but
 * once per source, reason and interval, and under a cap for all, so that a flood of packets never
 * becomes a flood of lines.
 */
#ifndef TALLY_BPF_H
#define TALLY_BPF_H

/* Keys the hash of pn_told: an attacker who knew it could keep another source's events untold. */
const volatile __u64 pn_seed = 0;

static __always_inline void fault_count(__u32 fault)
{
	__u64 *count = bpf_map_lookup_elem(&pn_fault, &fault);

	if (count)
		(*count)++;
}

static __always_inline struct pn_tally *tally_get(__u32 class_, __u32 reason)
{
	__u32 index = class_ * PN_REASONS + reason;

	return bpf_map_lookup_elem(&pn_tally, &index);
}

static __always_inline void tally_count(__u32 class_, __u32 reason, __u64 bytes)
{
	struct pn_tally *t = tally_get(class_, reason);

	if (t) {
		t->packets++;
		t->bytes += bytes;
	}
}

static __always_inline void tally_would(__u32 class_, __u32 reason)
{
	struct pn_tally *t = tally_get(class_, reason);

	if (t)
		t->would++;
}

/* Mixes 64 bits well enough for a table index (the finalizer of MurmurHash3). */
static __always_inline __u64 mix64(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	return x;
}

/*
 * May this source's reason be told now? Each has a few cells to choose from, and takes none that another was told of in this interval: where two
 * shared one by turns, each of their packets would be told. Who finds no room is not told: more sources at once than
 * anybody can read of.
 */
static __always_inline bool told_claim(const struct pn_conf *conf, const struct address *source,
				       __u32 reason, __u64 now, __u32 *suppressed)
{
	__u64 hash = mix64(source->pair[0] ^ pn_seed) ^ mix64(source->pair[1] + reason + pn_seed);
	__u32 first = hash % PN_TOLD_CELLS, tag = hash >> 32, index;
	struct pn_told *room = NULL;

	/*
	 * Not unrolled: each turn would have an index of its own on the stack. All calls together have 512 bytes of it, and Linux 6.1
	 * rounds each up to a multiple of 32.
	 */
#pragma nounroll
	for (__u32 way = 0; way < PN_TOLD_WAYS; way++) {
		struct pn_told *cell;

		index = first ^ way;
		cell = bpf_map_lookup_elem(&pn_told, &index);
		if (!cell)
			return false;
		if (cell->tag == tag) {
			room = cell;
			break;
		}
		if (!room && now >= cell->next_ns)
			room = cell;
	}
	if (!room) {
		fault_count(PN_FAULT_EVENT_CAPPED);
		return false;
	}
	if (room->tag == tag && now < room->next_ns) {
		room->suppressed++;
		return false;
	}
	*suppressed = room->tag == tag ? room->suppressed : 0;
	room->tag = tag;
	room->suppressed = 0;
	room->next_ns = now + conf->event_interval_ns;
	return true;
}

#endif
