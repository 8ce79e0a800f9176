/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses, keys, clocks and the access to single-entry maps, as all other parts need them. */
#ifndef BASE_BPF_H
#define BASE_BPF_H

#define AF_INET	 2
#define AF_INET6 10

/* A source or destination: 16 bytes in network order, IPv4 mapped. */
struct address {
	union {
		__u8 byte[16];
		__u16 half[8];
		__u32 word[4];
		__u64 pair[2];
	};
	__u8 family; /* 4 or 6 */
	__u8 pad[7]; /* explicit: no byte may be unset when the whole is handed to a function */
};

static __always_inline void address_from_v4(struct address *a, __be32 v4)
{
	a->pair[0] = 0;
	a->word[2] = bpf_htonl(0xffff);
	a->word[3] = v4;
	a->family = 4;
}

static __always_inline bool address_is_mapped(const struct address *a)
{
	return a->pair[0] == 0 && a->word[2] == bpf_htonl(0xffff);
}

static __always_inline void key_of_host(struct pn_key *k, const struct address *a)
{
	__builtin_memcpy(k->addr, a->byte, 16);
	k->bits = 128;
}

/* What is counted as one source: an IPv4 address, an IPv6 /64. */
static __always_inline void key_of_source(struct pn_key *k, const struct address *a)
{
	key_of_host(k, a);
	if (a->family == 6) {
		__builtin_memset(k->addr + 8, 0, 8);
		k->bits = PN_SOURCE_BITS_V6;
	}
}

/* What is counted as one network: an IPv4 /24, an IPv6 /48. */
static __always_inline void key_of_network(struct pn_key *k, const struct address *a)
{
	key_of_host(k, a);
	if (a->family == 6) {
		__builtin_memset(k->addr + 6, 0, 10);
		k->bits = PN_NETWORK_BITS_V6;
	} else {
		k->addr[15] = 0;
		k->bits = PN_NETWORK_BITS_V4;
	}
}

static __always_inline void prefix_of_host(struct pn_prefix *p, const struct address *a)
{
	p->bits = PN_PREFIX_LEAD_BITS + 128;
	p->family = a->family;
	__builtin_memcpy(p->addr, a->byte, 16);
	__builtin_memset(p->pad, 0, sizeof(p->pad));
}

static __always_inline struct pn_conf *conf_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pn_conf, &zero);
}

static __always_inline struct pn_total *total_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pn_total, &zero);
}

/* Has a deadline in boot time passed? Reads the clock (18 ns) only where there is a deadline. */
static __always_inline bool is_past(__u64 expires)
{
	return expires && bpf_ktime_get_boot_ns() >= expires;
}

/* Does an *_until still hold? */
static __always_inline bool is_until(__u64 until)
{
	if (until == 0)
		return false;
	return until == PN_FOREVER || bpf_ktime_get_boot_ns() < until;
}

#endif
