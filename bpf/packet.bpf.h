/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet that reached a policed port, or may have: copied out of the frame, once it is known to be
 * ours, from where parse.bpf.h found things.
 */
#ifndef PACKET_BPF_H
#define PACKET_BPF_H

struct packet {
	struct address source, destination;
	struct tcp_head tcp; /* zero where it cannot be read */
	struct pn_port port; /* likewise */
	__u32 l3, l4, end;   /* as in struct place */
};

/*
 * Offsets come as plain numbers, without the bounds the verifier saw while they were found; a mask wide enough
 * for every true value gives them back.
 */
#define L3_MASK 0x1f /* 14 + four tags of 4 = 30 */
#define L4_MASK 0x7f /* 30 + an IPv4 header of 60 = 90 */
static __always_inline __u32 masked(__u32 offset, __u32 mask)
{
	asm volatile(""
		     : "+r"(offset)); /* else the compiler proves the mask useless and drops it */
	return offset & mask;
}

/* Bytes of the frame from anywhere; from its linear part, where nearly all lie, without a call. */
#define FRAME_READ(ctx, offset, mask, to)                                                          \
	({                                                                                         \
		void *data_ = (void *)(long)(ctx)->data, *end_ = (void *)(long)(ctx)->data_end;    \
		typeof(to) from_ = data_ + masked(offset, mask);                                   \
		long failed_ = 0;                                                                  \
		if ((offset) <= (mask) && (void *)(from_ + 1) <= end_)                             \
			*(to) = *from_;                                                            \
		else                                                                               \
			failed_ = bpf_xdp_load_bytes(ctx, offset, to, sizeof(*(to)));              \
		failed_;                                                                           \
	})

static __always_inline bool addresses_read(struct xdp_md *ctx, struct packet *p, bool is_v6)
{
	if (is_v6) {
		struct ipv6hdr ip;

		if (FRAME_READ(ctx, p->l3, L3_MASK, &ip))
			return false;
		__builtin_memcpy(p->source.byte, &ip.saddr, 16);
		__builtin_memcpy(p->destination.byte, &ip.daddr, 16);
		p->source.family = p->destination.family = 6;
	} else {
		struct iphdr ip;

		if (FRAME_READ(ctx, p->l3, L3_MASK, &ip))
			return false;
		address_from_v4(&p->source, ip.saddr);
		address_from_v4(&p->destination, ip.daddr);
	}
	return true;
}

/* The TCP header, or the ports of one that is cut short. */
static __always_inline void tcp_copy(struct xdp_md *ctx, struct packet *p, int seen)
{
	if (seen == SEEN_TCP)
		FRAME_READ(ctx, p->l4, L4_MASK, &p->tcp);
	else
		bpf_xdp_load_bytes(ctx, p->l4, &p->tcp, TCP_PORTS_BYTES);
}

/* port: 1 + index, as in struct place. False when the frame does not hold even the addresses. */
static __always_inline bool packet_read(struct xdp_md *ctx, const struct pn_conf *conf,
					struct packet *p, int seen, __u32 port, bool is_v6)
{
	if (!addresses_read(ctx, p, is_v6))
		return false;
	if (port) {
		p->port = conf->ports[(port - 1) % PN_PORTS_MAX];
		tcp_copy(ctx, p, seen);
	}
	return true;
}

#endif
