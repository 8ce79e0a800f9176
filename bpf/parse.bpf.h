/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a frame to what is judged. VLAN tags, IPv4 with options, IPv6 with extension
 * headers, TCP. What is not ours leaves as early as it can be told. What may be ours and cannot be
 * read is never waved through for being strange: it is judged by its source alone.
 *
 * The kernel behind us is generous (it answers SYNs behind many extension headers and reassembles
 * any order of fragments), so this reader must not be stricter than it. Rules on fragments: RFC
 * 1858, RFC 3128; on header chains: RFC 8200, RFC 7112.
 */
#ifndef PARSE_BPF_H
#define PARSE_BPF_H

/* Linux follows any number of tags of VLAN 0 (802.1p). Four are read like none; deeper ones are walked. */
#define VLAN_TAGS_MAX	4
#define VLAN_WALK_MAX	2250 /* as many as a jumbo frame of 9000 bytes holds */
#define VLAN_TAG_BYTES	4
#define TCP_PORTS_BYTES 4
/* Extension headers followed. The smallest is 8 bytes: an honest chain has at most seven kinds. */
#define CHAIN_MAX 48

#define IP4_MORE_FRAGMENTS 0x2000
#define IP4_OFFSET_MASK	   0x1fff
#define IP6_OFFSET_SHIFT   3 /* the fragment header's offset field, in units of 8 bytes */
#define IP6_MORE_FRAGMENTS 1

enum seen {
	SEEN_OTHER,    /* not ours: leaves at once */
	SEEN_TCP,      /* a whole TCP header to a policed port */
	SEEN_SOURCE,   /* may be for a policed port; only the source can be told */
	SEEN_FRAGMENT, /* a fragment made to hide the TCP header */
	SEEN_TAGS,     /* IP, and not surely other traffic, behind tags too many */
	SEEN_CHAIN,    /* a chain of headers too long to follow */
};

/* The part of a TCP header that is read, copied so that it may lie anywhere in the frame. */
struct tcp_head {
	__be16 source, dest;
	__be32 seq, ack;
	__u8 data_offset; /* upper four bits, in 32-bit words */
	__u8 flags;
	__u8 rest[6]; /* window, checksum, urgent pointer */
};
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/*
 * Where things are in the frame: all that is found out about a packet before it is known to be ours. Small, since
 * most packets are not.
 */
struct place {
	__u32 l3;  /* offset of the IP header */
	__u32 l4;  /* offset of the TCP header */
	__u32 end; /* offset behind the IP packet, by its own length; ~0 where it says none */
	__u8 protocol;
	__u8 port; /* 1 + index into pn_conf's ports; 0: none, or not readable */
	bool is_v6;
	bool first_fragment; /* more follow */
};

/* Is this protocol TCP, or a header that TCP may stand behind? */
static __always_inline bool may_hold_tcp(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
		return true;
	default:
		return false;
	}
}

/* Headers between IP and TCP, walked by bpf_loop so that the verifier sees one step. */
struct chain {
	struct xdp_md *ctx;
	__u32 offset;
	__u8 next;
	__u8 state; /* enum chain_state */
	__u8 first_fragment;
	__u8 later_at_one; /* a later fragment at offset 1 */
};
enum chain_state {
	CHAIN_GOING = 0,
	CHAIN_END,	  /* next is no extension header */
	CHAIN_LATER,	  /* a later fragment: what follows is data */
	CHAIN_UNREADABLE, /* cut off */
};

static long chain_step(__u32 index, void *context)
{
	struct chain *c = context;
	__u8 head[8];

	if (c->next == IPPROTO_TCP || !may_hold_tcp(c->next)) {
		c->state = CHAIN_END;
		return 1;
	}
	if (bpf_xdp_load_bytes(c->ctx, c->offset, head, sizeof(head))) {
		c->state = CHAIN_UNREADABLE;
		return 1;
	}
	if (c->next == IPPROTO_FRAGMENT) {
		__u16 field = (__u16)head[2] << 8 | head[3];

		c->next = head[0];
		c->offset += sizeof(head);
		if (field >> IP6_OFFSET_SHIFT) {
			c->later_at_one = field >> IP6_OFFSET_SHIFT == 1;
			c->state = CHAIN_LATER;
			return 1;
		}
		if (field & IP6_MORE_FRAGMENTS)
			c->first_fragment = 1;
		return 0;
	}
	/* AH counts 32-bit words less two (RFC 4302), the others 8-byte units less one. */
	c->offset += c->next == IPPROTO_AH ? (head[1] + 2) * 4 : (head[1] + 1) * 8;
	c->next = head[0];
	return 0;
}

/* Follow the chain from p->l4. Leaves p->l4 and p->protocol behind it. SEEN_TCP: it ends in TCP. */
static __noinline int chain_follow(struct xdp_md *ctx, struct place *p)
{
	struct chain c = {.ctx = ctx};

	if (!p)
		return SEEN_OTHER;
	c.offset = p->l4;
	c.next = p->protocol;
	c.first_fragment = p->first_fragment;
	/* One step more than headers: the last only sees that the chain has ended. */
	bpf_loop(CHAIN_MAX + 1, chain_step, &c, 0);
	p->l4 = c.offset;
	p->protocol = c.next;
	p->first_fragment = c.first_fragment;
	switch (c.state) {
	case CHAIN_END:
		return c.next == IPPROTO_TCP ? SEEN_TCP : SEEN_OTHER;
	case CHAIN_LATER:
		if (c.next == IPPROTO_TCP)
			return c.later_at_one ? SEEN_FRAGMENT : SEEN_SOURCE;
		/* Behind a first fragment's chain may stand TCP; what is no header is what it says.
		 */
		return c.next == IPPROTO_ROUTING || c.next == IPPROTO_DSTOPTS ||
				       c.next == IPPROTO_AH || c.next == IPPROTO_HOPOPTS ||
				       c.next == IPPROTO_FRAGMENT
			       ? SEEN_SOURCE
			       : SEEN_OTHER;
	case CHAIN_UNREADABLE:
		/* Linux puts a first fragment that ends between two headers together with the rest. */
		return c.first_fragment ? SEEN_FRAGMENT : SEEN_SOURCE;
	default:
		return SEEN_CHAIN;
	}
}

/* 1 + the index of a policed port, 0 for another. */
static __always_inline __u8 port_find(const struct pn_conf *conf, __u16 port)
{
#pragma unroll
	for (int i = 0; i < PN_PORTS_MAX; i++) {
		if (conf->ports[i].port == 0)
			return 0;
		if (conf->ports[i].port == port)
			return i + 1;
	}
	return 0;
}

/*
 * A TCP header that is cut short, by the frame or by the IP length. Where the ports are there and not ours, it is
 * not ours. A first fragment cut inside the header is made to hide the flags.
 */
static __always_inline int tcp_read_cut(struct xdp_md *ctx, const struct pn_conf *conf,
					struct place *p, __u32 there)
{
	__be16 ports[2];

	if (there >= TCP_PORTS_BYTES && !bpf_xdp_load_bytes(ctx, p->l4, ports, sizeof(ports))) {
		p->port = port_find(conf, bpf_ntohs(ports[1]));
		if (!p->port)
			return SEEN_OTHER;
	}
	return p->first_fragment ? SEEN_FRAGMENT : SEEN_SOURCE;
}

/* A header shorter than the shortest (RFC 9293) is none. */
static __always_inline int tcp_seen(const struct tcp_head *tcp)
{
	return tcp->data_offset >> 4 < 5 ? SEEN_SOURCE : SEEN_TCP;
}

/* The TCP header at p->l4, from anywhere in the frame. */
static __noinline int tcp_read_far(struct xdp_md *ctx, struct place *p)
{
	const struct pn_conf *conf = conf_get();
	__u32 end = bpf_xdp_get_buff_len(ctx), there;
	struct tcp_head tcp;

	if (!conf || !p)
		return SEEN_OTHER;
	if (end > p->end)
		end = p->end;
	there = end > p->l4 ? end - p->l4 : 0;
	if (there < sizeof(tcp) || bpf_xdp_load_bytes(ctx, p->l4, &tcp, sizeof(tcp)))
		return tcp_read_cut(ctx, conf, p, there);
	p->port = port_find(conf, bpf_ntohs(tcp.dest));
	return p->port ? tcp_seen(&tcp) : SEEN_OTHER;
}

/* The same where the header lies in the linear part: what nearly all packets take. */
static __always_inline int tcp_read(struct xdp_md *ctx, const struct pn_conf *conf, struct place *p)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct tcp_head *tcp = data + p->l4;

	if ((void *)(tcp + 1) > data_end || p->l4 + sizeof(*tcp) > p->end)
		return tcp_read_far(ctx, p);
	p->port = port_find(conf, bpf_ntohs(tcp->dest));
	return p->port ? tcp_seen(tcp) : SEEN_OTHER;
}

static __always_inline int ip4_read(struct xdp_md *ctx, const struct pn_conf *conf, struct place *p)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + p->l3;
	__u16 fragment, length;
	int seen;

	if ((void *)(ip + 1) > data_end)
		return SEEN_OTHER;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_AH)
		return SEEN_OTHER;
	length = bpf_ntohs(ip->tot_len);
	fragment = bpf_ntohs(ip->frag_off);
	/* 0 stands for "to the end of the frame" in segments that were put together (BIG TCP). */
	p->end = length ? p->l3 + length : ~0U;
	p->l4 = p->l3 + ip->ihl * 4;
	p->protocol = ip->protocol;
	p->first_fragment = fragment & IP4_MORE_FRAGMENTS;
	if (ip->ihl < 5)
		return SEEN_SOURCE;
	if (fragment & IP4_OFFSET_MASK)
		return ip->protocol == IPPROTO_TCP && (fragment & IP4_OFFSET_MASK) == 1
			       ? SEEN_FRAGMENT
			       : SEEN_SOURCE;
	if (ip->protocol == IPPROTO_TCP)
		return tcp_read(ctx, conf, p);
	seen = chain_follow(ctx, p);
	return seen == SEEN_TCP ? tcp_read_far(ctx, p) : seen;
}

static __always_inline int ip6_read(struct xdp_md *ctx, const struct pn_conf *conf, struct place *p)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ipv6hdr *ip = data + p->l3;
	__u16 length;
	int seen;

	if ((void *)(ip + 1) > data_end)
		return SEEN_OTHER;
	if (!may_hold_tcp(ip->nexthdr))
		return SEEN_OTHER;
	length = bpf_ntohs(ip->payload_len);
	/* 0: a jumbogram (RFC 2675) or BIG TCP; its end is that of the frame. */
	p->end = length ? p->l3 + sizeof(*ip) + length : ~0U;
	p->l4 = p->l3 + sizeof(*ip);
	p->protocol = ip->nexthdr;
	p->first_fragment = false;
	if (ip->nexthdr == IPPROTO_TCP)
		return tcp_read(ctx, conf, p);
	seen = chain_follow(ctx, p);
	return seen == SEEN_TCP ? tcp_read_far(ctx, p) : seen;
}

static __always_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

struct tags {
	struct xdp_md *ctx;
	__u32 offset;
	__be16 type;
};

static long tag_step(__u32 index, void *context)
{
	struct tags *t = context;
	__be16 tag[2];

	if (!is_vlan(t->type) || bpf_xdp_load_bytes(t->ctx, t->offset, tag, sizeof(tag)))
		return 1;
	t->type = tag[1];
	t->offset += VLAN_TAG_BYTES;
	return 0;
}

/* Behind more tags than are read in place: find the IP header, and no more than that. */
static __noinline int tags_follow(struct xdp_md *ctx, struct place *p, __u32 type)
{
	struct tags t = {.ctx = ctx, .type = type};
	__u8 protocol;

	if (!p)
		return SEEN_OTHER;
	t.offset = p->l3;
	bpf_loop(VLAN_WALK_MAX, tag_step, &t, 0);
	p->l3 = p->l4 = t.offset;
	p->end = ~0U;
	p->is_v6 = t.type == bpf_htons(ETH_P_IPV6);
	if (!p->is_v6 && t.type != bpf_htons(ETH_P_IP))
		return SEEN_OTHER;
	if (bpf_xdp_load_bytes(ctx,
			       p->l3 + (p->is_v6 ? offsetof(struct ipv6hdr, nexthdr)
						 : offsetof(struct iphdr, protocol)),
			       &protocol, sizeof(protocol)))
		return SEEN_OTHER;
	return may_hold_tcp(protocol) ? SEEN_TAGS : SEEN_OTHER;
}

static __always_inline int packet_find(struct xdp_md *ctx, const struct pn_conf *conf,
				       struct place *p)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__be16 type;

	if ((void *)(eth + 1) > data_end)
		return SEEN_OTHER;
	type = eth->h_proto;
	p->l3 = sizeof(*eth);
	p->port = 0;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		/* A tag is {TCI, type of what follows}: the same two words, 4 bytes further. */
		__be16 *tag = data + p->l3;

		if (!is_vlan(type))
			break;
		if ((void *)(tag + 2) > data_end)
			return SEEN_OTHER;
		type = tag[1];
		p->l3 += VLAN_TAG_BYTES;
	}
	p->is_v6 = type == bpf_htons(ETH_P_IPV6);
	if (p->is_v6)
		return ip6_read(ctx, conf, p);
	if (type == bpf_htons(ETH_P_IP))
		return ip4_read(ctx, conf, p);
	return is_vlan(type) ? tags_follow(ctx, p, type) : SEEN_OTHER;
}

#endif
