// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The bench's own programs. BPF_PROG_TEST_RUN repeats one frame, which would keep every lookup in
 * the nearest cache: `spray` gives the frame a new source and goes on into the program that is
 * measured, so its cost with an empty program behind it is the floor to subtract.
 *
 *   empty, drop   the least there is
 *   parse         what any program pays that looks for tcp:25, IPv4 and IPv6 without options
 *   spray         a new source, then the program in `next`
 *   spray_plain   the same for programs without xdp.frags, which cannot share a program array
 *   send          a new source, then out of an interface: the load for what is no XDP program
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "draw.h"
#include "spread.h"

#define PORT_MAIL 25

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct draw);
} draws SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps"), next_plain SEC(".maps");

SEC("xdp.frags")
int empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

/* Drops what it finds, or the compiler would find that nothing need be looked for. */
SEC("xdp.frags")
int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct tcphdr *tcp;

	if ((void *)(eth + 1) > data_end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > data_end || ip->protocol != IPPROTO_TCP || ip->ihl != 5)
			return XDP_PASS;
		tcp = (void *)(ip + 1);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > data_end || ip->nexthdr != IPPROTO_TCP)
			return XDP_PASS;
		tcp = (void *)(ip + 1);
	} else {
		return XDP_PASS;
	}
	if ((void *)(tcp + 1) > data_end)
		return XDP_PASS;
	return tcp->dest == bpf_htons(PORT_MAIL) ? XDP_DROP : XDP_PASS;
}

/* xorshift64: three shifts, and more states than any run draws. */
static __always_inline __u32 draw_index(struct draw *d)
{
	__u64 x = d->state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	d->state = x;
	return d->base + (__u32)((x >> 32) * d->count >> 32);
}

static __always_inline struct draw *source_draw(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	__u32 zero = 0, sum;
	struct draw *d = bpf_map_lookup_elem(&draws, &zero);
	__be32 address;

	if (!d || (void *)(ip6 + 1) > data_end)
		return NULL;
	address = bpf_htonl(spread_v4(draw_index(d)));
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		/* Behind the first two bytes: each source is in a /48 of its own. */
		__builtin_memcpy(&ip6->saddr.s6_addr[2], &address, sizeof(address));
	} else {
		struct iphdr *ip = (void *)(eth + 1);

		ip->saddr = address;
		sum = d->sum + (address & 0xffff) + (address >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		ip->check = ~sum;
	}
	return d;
}

SEC("xdp.frags")
int spray(struct xdp_md *ctx)
{
	if (source_draw(ctx))
		bpf_tail_call(ctx, &next, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int spray_plain(struct xdp_md *ctx)
{
	if (source_draw(ctx))
		bpf_tail_call(ctx, &next_plain, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int send(struct xdp_md *ctx)
{
	struct draw *d = source_draw(ctx);

	return d ? bpf_redirect(d->ifindex, 0) : XDP_ABORTED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
