/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Handing over: where the judge says PN_REPLY, the lookup of the listening socket finds the responder's instead of the
 * mail server's. It runs for SYNs, which pn_xdp has let pass, and under SYN cookies again for the ACK. By then a third answer
 * may have been spent elsewhere, or the responder be gone: that ACK must not become a connection to the mail server, since a
 * cookie does not tell for whom it was made.
 */
#ifndef STEER_BPF_H
#define STEER_BPF_H

/*
 * Is the packet on its way to another host? Then nobody here can speak for the mail server. An error says nothing, and is
 * taken for no. Not inline: its structure would lie on the stack of what act() calls.
 */
static __noinline bool is_forwarded(struct xdp_md *ctx, const struct packet *p)
{
	struct bpf_fib_lookup fib;
	long found;

	if (!p)
		return false;
	__builtin_memset(&fib, 0, sizeof(fib));
	fib.ifindex = ctx->ingress_ifindex;
	fib.l4_protocol = IPPROTO_TCP;
	fib.sport = p->tcp.source;
	fib.dport = p->tcp.dest;
	if (p->source.family == 6) {
		fib.family = AF_INET6;
		__builtin_memcpy(fib.ipv6_src, p->source.byte, 16);
		__builtin_memcpy(fib.ipv6_dst, p->destination.byte, 16);
	} else {
		fib.family = AF_INET;
		fib.ipv4_src = p->source.word[3];
		fib.ipv4_dst = p->destination.word[3];
	}
	found = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	return found >= 0 && found != BPF_FIB_LKUP_RET_NOT_FWDED &&
	       found != BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* clang merges the reads of two members into one by an offset, which the verifier refuses on a context. */
#define READ_APART() asm volatile("" ::: "memory")

static __always_inline bool steer_read(struct bpf_sk_lookup *ctx, struct address *remote,
				       struct address *local)
{
	if (ctx->family == AF_INET) {
		address_from_v4(remote, ctx->remote_ip4);
		address_from_v4(local, ctx->local_ip4);
		return true;
	}
	READ_APART();
	if (ctx->family != AF_INET6)
		return false;
	remote->word[0] = ctx->remote_ip6[0];
	remote->word[1] = ctx->remote_ip6[1];
	remote->word[2] = ctx->remote_ip6[2];
	remote->word[3] = ctx->remote_ip6[3];
	READ_APART();
	local->word[0] = ctx->local_ip6[0];
	local->word[1] = ctx->local_ip6[1];
	local->word[2] = ctx->local_ip6[2];
	local->word[3] = ctx->local_ip6[3];
	remote->family = address_is_mapped(remote) ? 4 : 6;
	local->family = address_is_mapped(local) ? 4 : 6;
	return true;
}

/* True when the responder has it. */
static __always_inline bool steer_assign(struct bpf_sk_lookup *ctx)
{
	struct bpf_sock *sk;
	__u32 zero = 0;
	long failed;

	sk = bpf_map_lookup_elem(&pn_reply, &zero);
	if (!sk)
		return false;
	/* A refused source is refused, whatever another program has chosen for it. */
	failed = bpf_sk_assign(ctx, sk, BPF_SK_LOOKUP_F_REPLACE);
	bpf_sk_release(sk);
	if (failed)
		fault_count(PN_FAULT_STEER_FAILED);
	return !failed;
}

static __always_inline int steer(struct bpf_sk_lookup *ctx)
{
	struct address remote = {}, local = {};
	const struct pn_conf *conf = conf_get();
	__u32 ifindex = ctx->ingress_ifindex;
	struct verdict v = {};
	struct pn_port wanted;
	__u32 port;

	if (!conf || ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	port = port_find(conf, ctx->local_port);
	if (!port || !bpf_map_lookup_elem(&pn_ingress, &ifindex) ||
	    !steer_read(ctx, &remote, &local) || !is_guarded(conf, &local))
		return SK_PASS;
	wanted = conf->ports[(port - 1) % PN_PORTS_MAX];
	judge_syn(&remote, &wanted, &v);
	if (!v.is_reply || v.action == PN_PASS)
		return SK_PASS;
	if (v.action == PN_REFUSE)
		return SK_DROP; /* for no socket the kernel answers, with a RST */
	if (steer_assign(ctx))
		return SK_PASS;
	return v.action == PN_DROP || is_operators(&v) ? SK_DROP : SK_PASS;
}

#endif
