/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps, each with a sentence. State is kept apart by who can make it grow: what strangers can
 * fill never takes room from what the operator needs. Bounds given here are those of the sample
 * configuration; the controller sets them before it loads.
 */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

/* The operator's allow and trust prefixes, and what is never judged: own addresses, gateways. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct pn_prefix);
	__type(value, struct pn_rule);
} pn_allow SEC(".maps");

/* The operator's rules for single addresses. Only the controller and commands insert. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct pn_key);
	__type(value, struct pn_rule);
} pn_rule SEC(".maps");

/* The operator's rules for prefixes: the trie in the slot of pn_block. */
struct prefix_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct pn_prefix);
	__type(value, struct pn_rule);
} pn_prefixes SEC(".maps");

/* One slot that holds the trie in force, so that a whole list is swapped in one step. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct prefix_trie);
} pn_block SEC(".maps") = {
	.values = {&pn_prefixes},
};

/*
 * Feeds: see postern_abi.h. Lines are mapped by whoever fills them, and so begin at a page: a line of any other place would lie
 * across two of the cache's. The flag lets tables of every size into a slot. (A
 * type that only such a template names is not in the BTF: hence sizes.)
 */
struct feed_lines {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct pn_feed_line));
};
struct feed_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct pn_prefix));
	__uint(value_size, sizeof(struct pn_feed_prefix));
};

/* How the lines of each bank are keyed, and what its feeds do. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PN_FEED_BANKS);
	__type(key, __u32);
	__type(value, struct pn_feed_bank);
} pn_feed_bank SEC(".maps");

/* Single IPv4 addresses of feeds. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, PN_FEED_BANKS);
	__type(key, __u32);
	__array(values, struct feed_lines);
} pn_feed_lines SEC(".maps");

/* All else of feeds. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, PN_FEED_BANKS);
	__type(key, __u32);
	__array(values, struct feed_trie);
} pn_feed_tries SEC(".maps");

/* Packets that each feed decided, by its number. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PN_FEEDS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} pn_feed_hits SEC(".maps");

/* Strangers found guilty by DNS zones, or banned, by host, source or network. Not an LRU: no verdict is washed
 * out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct pn_key);
	__type(value, struct pn_listed);
} pn_listed SEC(".maps");

/* Strangers found clean or seen delivering. An LRU: losing an entry costs its owner one second. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct pn_key);
	__type(value, struct pn_known);
} pn_known SEC(".maps");

/* Questions to the controller: who is this stranger? 4 MiB: 65 000 of them, more than a resolver asks in a minute. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} pn_asks SEC(".maps");

/* When a stranger's first SYN was held. Fixed cells: full, it lets strangers in, and it can forget nobody. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PN_WAIT_CELLS);
	__type(key, __u32);
	__type(value, struct pn_wait);
} pn_wait SEC(".maps");

/*
 * How often the responder has told a source its verdict. An LRU: this is no ban but the end of a courtesy, and
 * a source that is washed out is told up to three times more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct pn_key);
	__type(value, struct pn_answered);
} pn_answered SEC(".maps");

/* The mark of the responder's listening socket, which its connections inherit: they are not the mail server's. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, __u32);
} pn_ours SEC(".maps");

/* The responder's listening socket. Empty when that is closed, by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} pn_reply SEC(".maps");

/* Interfaces, as the IP layer sees them, whose connections may be handed to the responder. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512); /* guarded ones, what stands above them, and the VLANs on both */
	__type(key, __u32);
	__type(value, __u32);
} pn_ingress SEC(".maps");

/* GCRA state of a source or its network. An LRU: the oldest state is the one that is full again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct pn_key);
	__type(value, struct pn_rate);
} pn_rate SEC(".maps");

/* Open connections of a source. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct pn_key);
	__type(value, struct pn_open);
} pn_open SEC(".maps");

/* The mark of a counted socket; it goes with the socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pn_sock);
} pn_sock SEC(".maps");

/* What all sources share: the total of open connections, total rates, budgets. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pn_total);
} pn_total SEC(".maps");

/* Live knobs, written by the controller in place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pn_conf);
} pn_conf SEC(".maps");

/* Destinations that are policed, where not all are. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 64);
	__type(key, struct pn_prefix);
	__type(value, __u32);
} pn_guard SEC(".maps");

/* Who may reach a port that is not open to all. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 256);
	__type(key, struct pn_only_key);
	__type(value, __u32);
} pn_only SEC(".maps");

/* Counters: class * PN_REASONS + reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PN_CLASSES *PN_REASONS);
	__type(key, __u32);
	__type(value, struct pn_tally);
} pn_tally SEC(".maps");

/* What went wrong inside, by enum pn_fault. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PN_FAULTS);
	__type(key, __u32);
	__type(value, __u64);
} pn_fault SEC(".maps");

/* What happened, for people: once per source, reason and interval, under a cap. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* bytes: 13 000 events, ten seconds of the default budget */
} pn_events SEC(".maps");

/* When a source's reason was last told. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PN_TOLD_CELLS);
	__type(key, __u32);
	__type(value, struct pn_told);
} pn_told SEC(".maps");

#endif
