/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The refusal: the frame is turned into a TCP RST to its sender and sent back where it came from
 * (XDP_TX). Fresh headers are written over the front of the frame and its tail is cut; VLAN tags
 * stay. Checksums are made from scratch, since frames of a local sender carry partial ones. Form of
 * the RST: RFC 9293, section 3.10.7.
 */
#ifndef REFUSE_BPF_H
#define REFUSE_BPF_H

#define RST_TTL 64 /* RFC 1700's default, as Linux sends */

static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u32 csum_words(const __u16 *words, int count)
{
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

/* How many sequence numbers the segment takes: payload, SYN and FIN. */
static __always_inline __u32 segment_length(const struct packet *p)
{
	__u32 head = (p->tcp.data_offset >> 4) * 4;
	__u32 length = p->end == ~0U || p->end < p->l4 + head ? 0 : p->end - p->l4 - head;

	return length + !!(p->tcp.flags & TCP_SYN) + !!(p->tcp.flags & TCP_FIN);
}

struct rst {
	__be16 source, dest;
	__be32 seq, ack;
	__u8 data_offset, flags;
	__be16 window, check, urgent;
};

static __always_inline void rst_fill(struct rst *r, const struct packet *p)
{
	__builtin_memset(r, 0, sizeof(*r));
	r->source = p->tcp.dest;
	r->dest = p->tcp.source;
	r->data_offset = 5 << 4;
	if (p->tcp.flags & TCP_ACK) {
		r->seq = p->tcp.ack;
		r->flags = TCP_RST;
	} else {
		r->ack = bpf_htonl(bpf_ntohl(p->tcp.seq) + segment_length(p));
		r->flags = TCP_RST | TCP_ACK;
	}
}

/* The checksum's pseudo header: for mapped addresses the constant part is left out. */
static __always_inline void rst_checksum(struct rst *r, const struct packet *p)
{
	int first = p->source.family == 4 ? 6 : 0;
	__u32 sum = csum_words((const __u16 *)r, sizeof(*r) / 2);

	sum += bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(*r));
#pragma unroll
	for (int i = 0; i < 8; i++)
		if (i >= first)
			sum += p->source.half[i] + p->destination.half[i];
	r->check = csum_fold(sum);
}

static __always_inline void ip4_answer(struct iphdr *ip, const struct packet *p)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(struct rst));
	ip->frag_off = bpf_htons(0x4000); /* don't fragment */
	ip->ttl = RST_TTL;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = p->destination.word[3];
	ip->daddr = p->source.word[3];
	ip->check = csum_fold(csum_words((const __u16 *)ip, sizeof(*ip) / 2));
}

static __always_inline void ip6_answer(struct ipv6hdr *ip, const struct packet *p)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(sizeof(struct rst));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = RST_TTL;
	__builtin_memcpy(&ip->saddr, p->destination.byte, 16);
	__builtin_memcpy(&ip->daddr, p->source.byte, 16);
}

/* XDP_TX with the frame turned into a RST, or XDP_DROP where it cannot be. */
static __always_inline int refuse(struct xdp_md *ctx, const struct packet *p)
{
	__u32 l3 = masked(p->l3, L3_MASK);
	int ip_bytes = p->source.family == 6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	int length = l3 + ip_bytes + sizeof(struct rst);
	void *data, *data_end;
	struct ethhdr *eth;
	struct rst *rst, fresh;
	__u8 mac[ETH_ALEN];

	if (bpf_xdp_adjust_tail(ctx, length - (int)bpf_xdp_get_buff_len(ctx)))
		goto failed;
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) > data_end ||
	    data + l3 + sizeof(struct iphdr) + sizeof(*rst) > data_end)
		goto failed;
	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	rst_fill(&fresh, p);
	rst_checksum(&fresh, p);
	if (p->source.family == 6) {
		struct ipv6hdr *ip = data + l3;

		rst = (void *)(ip + 1);
		if ((void *)(rst + 1) > data_end)
			goto failed;
		ip6_answer(ip, p);
	} else {
		struct iphdr *ip = data + l3;

		rst = (void *)(ip + 1);
		ip4_answer(ip, p);
	}
	*rst = fresh;
	return XDP_TX;
failed:
	fault_count(PN_FAULT_REFUSE_FAILED);
	return XDP_DROP;
}

#endif
