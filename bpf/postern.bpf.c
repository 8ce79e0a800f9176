// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel side of postern.
 *
 *   pn_xdp     judges packets                             xdp
 *   pn_conn    counts completed handshakes, asks who      tp_btf/inet_sock_set_state
 *   pn_steer   hands the refused to the responder         sk_lookup
 *   pn_why     tells what pn_xdp would do with a SYN      BPF_PROG_TEST_RUN
 *   pn_adopt   counts sockets that were there before      iter/tcp
 *   pn_marks   lists the sockets that are counted         iter/bpf_sk_storage_map
 *   pn_adjust  corrects a count                           BPF_PROG_TEST_RUN
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "postern_abi.h"

#include "maps.bpf.h"
#include "base.bpf.h"
#include "tally.bpf.h"
#include "lists.bpf.h"
#include "limits.bpf.h"
#include "parse.bpf.h"
#include "packet.bpf.h"
#include "verdict.bpf.h"
#include "feeds.bpf.h"
#include "reply.bpf.h"
#include "contact.bpf.h"
#include "judge.bpf.h"
#include "refuse.bpf.h"
#include "events.bpf.h"
#include "steer.bpf.h"
#include "conn.bpf.h"

/* tp_btf, iterators and some helpers are for GPL-compatible programs. */
char _license[] SEC("license") = "Dual BSD/GPL";

/* Bytes of the IP packet, by its own length, but never more than arrived: a length can lie. */
static __always_inline __u64 packet_bytes(struct xdp_md *ctx, const struct packet *p)
{
	__u32 end = ctx->data_end - ctx->data;

	if (p->end > end) {
		end = bpf_xdp_get_buff_len(ctx);
		if (p->end < end)
			end = p->end;
	} else {
		end = p->end;
	}
	return end > p->l3 ? end - p->l3 : 0;
}

/*
 * What is done about a packet that something stands against. A call of its own: it is rare, and
 * three copies of it would make the program too long to be read in bpftool. That a stranger is held is counted and not
 * told: it is nothing against him, and there are many.
 */
__noinline int act(struct xdp_md *ctx, const struct packet *p, struct verdict *v)
{
	const struct pn_conf *conf = conf_get();
	struct pn_total *total = total_get();

	if (!conf || !total || !p || !v)
		return XDP_PASS;
	if (v->action == PN_REPLY && is_forwarded(ctx, p))
		v->would = v->action = PN_REFUSE;
	if (v->reason == PN_REASON_FEED)
		feed_count(v->feed);
	if (v->would != PN_HOLD)
		event_tell(ctx, conf, total, p, v);
	if (v->action == PN_PASS) {
		tally_would(p->port.class_, v->reason);
		return XDP_PASS;
	}
	tally_count(p->port.class_, v->reason, packet_bytes(ctx, p));
	if (v->action == PN_REPLY)
		return XDP_PASS; /* to the responder, by pn_steer */
	if (v->action != PN_REFUSE)
		return XDP_DROP;
	if (conf->refuse_budget.interval_ns &&
	    rate_charge(&total->refuse_arrival_ns, &conf->refuse_budget,
			bpf_ktime_get_coarse_ns()) == CHARGED_OVER) {
		fault_count(PN_FAULT_REFUSE_CAPPED);
		return XDP_DROP;
	}
	return refuse(ctx, p);
}

/*
 * What no honest host sends, and what cannot be read: the operator's word on the source comes
 * first, and silence is all it can get. reason PN_REASONS: nothing stands against the packet
 * itself.
 */
static __always_inline bool judge_unread(const struct pn_conf *conf, const struct packet *p,
					 __u32 reason, struct verdict *v)
{
	struct pn_rule *allow;

	if (judge_source(conf, &p->source, p->port.class_, reason != PN_REASONS, v))
		return true;
	if (reason == PN_REASONS)
		return false;
	allow = allow_find(&p->source);
	if (allow && allow->action == PN_ALLOW)
		return false;
	verdict_set(v, conf, reason, PN_DROP, false);
	return true;
}

/* Does the ACK bear the cookie of this listener (RFC 4987, section 3.6)? The helper reads only what is set here. */
static __always_inline bool is_cookie_ack(struct bpf_sock *listener, const struct packet *p)
{
	struct tcp_head tcp = p->tcp;
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} ip;

	__builtin_memset(&ip, 0, sizeof(ip));
	if (p->source.family == 6) {
		ip.v6.version = 6;
		__builtin_memcpy(&ip.v6.saddr, p->source.byte, 16);
		__builtin_memcpy(&ip.v6.daddr, p->destination.byte, 16);
		return bpf_tcp_check_syncookie(listener, &ip, sizeof(ip.v6), (void *)&tcp,
					       sizeof(tcp)) == 0;
	}
	ip.v4.version = 4;
	ip.v4.ihl = 5;
	ip.v4.saddr = p->source.word[3];
	ip.v4.daddr = p->destination.word[3];
	return bpf_tcp_check_syncookie(listener, &ip, sizeof(ip.v4), (void *)&tcp, sizeof(tcp)) ==
	       0;
}

/*
 * The port of the listener that a request socket belongs to; a later lookup need not find the same one. The helper that
 * casts knows plain TCP alone, which MPTCP is not, nor a socket in a map. So the address is read back as a number.
 */
static __always_inline __u32 request_port(struct bpf_sock *sk)
{
	struct sock_common *request = NULL;

	bpf_probe_read_kernel(&request, sizeof(request), &sk);
	return BPF_CORE_READ(request, skc_listener, __sk_common.skc_num);
}

/*
 * Is this the ACK that would complete a handshake? Then the port its listener is bound to, else 0. A request socket says
 * so; where cookies keep no request socket, the listener says whether the ACK bears one of its own. To meet a listener is not
 * enough: the socket of an established connection may be elsewhere, behind a translation of addresses.
 */
/* Not inline: what it keeps on the stack would be added to every deeper call (512 bytes in all). Not static: checked once. */
__noinline int handshake_port(struct xdp_md *ctx, const struct packet *p)
{
	struct bpf_sock_tuple t;
	struct bpf_sock *sk;
	int port = 0;

	if (!p)
		return 0;
	__builtin_memset(&t, 0, sizeof(t));
	if (p->source.family == 6) {
		__builtin_memcpy(t.ipv6.saddr, p->source.byte, 16);
		__builtin_memcpy(t.ipv6.daddr, p->destination.byte, 16);
		t.ipv6.sport = p->tcp.source;
		t.ipv6.dport = p->tcp.dest;
		sk = bpf_skc_lookup_tcp(ctx, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
	} else {
		t.ipv4.saddr = p->source.word[3];
		t.ipv4.daddr = p->destination.word[3];
		t.ipv4.sport = p->tcp.source;
		t.ipv4.dport = p->tcp.dest;
		sk = bpf_skc_lookup_tcp(ctx, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sk)
		return 0;
	if (sk->state == BPF_TCP_NEW_SYN_RECV)
		port = request_port(sk);
	else if (sk->state == BPF_TCP_LISTEN && is_cookie_ack(sk, p))
		port = sk->src_port;
	bpf_sk_release(sk);
	return port;
}

/*
 * A handshake that was begun before its source was found guilty must not end with the mail server either: whoever keeps his
 * last ACK back until there is a verdict would get in by it. *v is what judge_source() left: an action that is no drop stands
 * against the source. A handshake with a listener on another port is the responder's, and ends. A reply is only begun at
 * a SYN.
 */
static __always_inline bool judge_stopped_handshake(struct xdp_md *ctx, const struct packet *p,
						    struct verdict *v)
{
	struct pn_rule *allow;
	int port;

	if (v->action != PN_REFUSE && v->action != PN_REPLY)
		return false;
	port = handshake_port(ctx, p);
	if (!port || (v->action == PN_REPLY && port != p->port.local_port))
		return false;
	allow = allow_find(&p->source);
	if (allow && (allow->action == PN_ALLOW || is_below_trust(v)))
		return false;
	if (v->action == PN_REPLY)
		reply_settle(&p->source, &p->port, v);
	if (v->action == PN_REPLY && !is_operators(v) && !is_responder_there())
		return false;
	if (v->action == PN_REPLY)
		v->would = v->action = PN_REFUSE;
	return v->action != PN_PASS;
}

/* Asked only while limits are being reached: what it keeps on the stack is not added to every deeper call. */
__noinline int judge_limits_anew(const struct address *source, struct verdict *v)
{
	const struct pn_conf *conf = conf_get();
	struct pn_total *total = total_get();

	return conf && total && source && v && judge_limits(conf, total, source, v);
}

/*
 * A handshake that was begun before its source reached a limit must not end beyond it. In monitor mode it is not
 * looked at: the SYN was counted, and a connection counts once. A handshake with a listener on another port is the
 * responder's: no load, and what tells the source why. A reply is only begun at a SYN.
 */
static __always_inline bool judge_handshake(struct xdp_md *ctx, const struct pn_conf *conf,
					    struct pn_total *total, const struct packet *p,
					    struct verdict *v)
{
	struct pn_rule *allow;

	/* Charged at the SYN: this handshake has paid, and its socket is not here. */
	if (conf->charge_syn || !is_pressed(total))
		return false;
	if (!judge_limits_anew(&p->source, v) || v->action == PN_PASS ||
	    handshake_port(ctx, p) != p->port.local_port)
		return false;
	if (v->action == PN_REPLY)
		v->would = v->action = PN_REFUSE;
	allow = allow_find(&p->source);
	return !allow || allow->action != PN_ALLOW;
}

/* On a gateway, which has no socket to charge. */
__noinline int charge_syn(const struct address *source)
{
	const struct pn_conf *conf = conf_get();
	struct pn_total *total = total_get();

	if (conf && total && source)
		rates_charge(conf, total, source);
	return 0;
}

/* Does anything stand against a whole TCP packet? Where nothing does, v->reason says as what it
 * passes. */
static __always_inline bool judge_tcp(struct xdp_md *ctx, const struct pn_conf *conf,
				      struct pn_total *total, const struct packet *p,
				      struct verdict *v)
{
	if ((p->tcp.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
		if (judge_source(conf, &p->source, p->port.class_, false, v))
			return true;
		if ((p->tcp.flags & (TCP_ACK | TCP_RST)) == TCP_ACK &&
		    (judge_stopped_handshake(ctx, p, v) || judge_handshake(ctx, conf, total, p, v)))
			return true;
		/* What was asked on the way left its reason behind. */
		verdict_pass(v, PN_REASON_FLOW);
		return false;
	}
	judge_syn(&p->source, &p->port, v);
	if (v->action == PN_HOLD)
		contact_hold(p, v);
	if (v->would != PN_PASS && (v->would != PN_HOLD || v->action != PN_PASS)) {
		if (v->reason >= PN_REASON_OPEN && v->reason <= PN_REASON_TOTAL_RATE)
			press(total);
		return true;
	}
	if (conf->charge_syn && v->reason != PN_REASON_ALLOWED)
		charge_syn(&p->source);
	return v->would != PN_PASS; /* what would be held comes in, and is counted as that */
}

static __always_inline __u32 strange_reason(const struct packet *p, int seen)
{
	if (p->source.family == 6 && address_is_mapped(&p->source))
		return PN_REASON_MAPPED;
	if (seen == SEEN_FRAGMENT)
		return PN_REASON_FRAGMENT;
	if (seen == SEEN_TAGS)
		return PN_REASON_TAGS;
	if (seen == SEEN_CHAIN)
		return PN_REASON_CHAIN;
	return PN_REASONS;
}

#define FOUND(seen, port, is_v6) ((seen) | (port) << 8 | (is_v6) << 16)

/*
 * What reached a policed port, or may have: judge it, act, count. Not static: the verifier then checks
 * it once, for every place and port, and not again for each way in which parsing can end.
 */
__noinline int police(struct xdp_md *ctx, __u32 l3, __u32 l4, __u32 end, __u32 found)
{
	struct packet p = {.l3 = l3, .l4 = l4, .end = end};
	const struct pn_conf *conf = conf_get();
	struct pn_total *total = total_get();
	int seen = found & 0xff;
	struct verdict v = {};
	__u32 reason;

	if (!conf || !total)
		return XDP_PASS;
	if (!packet_read(ctx, conf, &p, seen, found >> 8 & 0xff, found >> 16 & 1) ||
	    !is_guarded(conf, &p.destination))
		return XDP_PASS;
	reason = strange_reason(&p, seen);
	if (seen != SEEN_TCP || reason != PN_REASONS) {
		if (judge_unread(conf, &p, reason, &v))
			return act(ctx, &p, &v);
		return XDP_PASS;
	}
	if (judge_tcp(ctx, conf, total, &p, &v))
		return act(ctx, &p, &v);
	tally_count(p.port.class_, v.reason, packet_bytes(ctx, &p));
	return XDP_PASS;
}

SEC("xdp.frags")
int pn_xdp(struct xdp_md *ctx)
{
	const struct pn_conf *conf = conf_get();
	struct place p;
	int seen;

	if (!conf)
		return XDP_PASS;
	seen = packet_find(ctx, conf, &p);
	if (seen == SEEN_OTHER)
		return XDP_PASS;
	return police(ctx, p.l3, p.l4, p.end, FOUND(seen, p.port, p.is_v6));
}

SEC("xdp")
int pn_why(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const struct pn_conf *conf = conf_get();
	struct pn_why *why = data;
	struct address source = {};
	struct pn_port wanted;
	struct verdict v = {};
	__u8 port;

	if (!conf || (void *)(why + 1) > data_end)
		return XDP_ABORTED;
	port = port_find(conf, why->port);
	if (!port)
		return XDP_ABORTED;
	__builtin_memcpy(source.byte, why->src, 16);
	source.family = address_is_mapped(&source) ? 4 : 6;
	wanted = conf->ports[(port - 1) % PN_PORTS_MAX];
	judge_syn(&source, &wanted, &v);
	why->reason = v.reason;
	why->action = v.action;
	why->would = v.would;
	why->origin = v.origin;
	why->bits = v.bits;
	why->expires = v.expires;
	why->answers = v.answers;
	why->feed = v.feed;
	return XDP_PASS;
}

SEC("sk_lookup")
int pn_steer(struct bpf_sk_lookup *ctx)
{
	return steer(ctx);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(pn_conn, struct sock *sk, int oldstate, int newstate)
{
	if (newstate == BPF_TCP_CLOSE)
		socket_uncount(sk);
	else if (newstate == BPF_TCP_ESTABLISHED && oldstate == BPF_TCP_SYN_RECV &&
		 sk->sk_protocol == IPPROTO_TCP)
		handshake_completed(sk);
	return 0;
}

/* Sockets of policed ports that are open already, in the reader's network namespace: counted, not
 * charged. */
SEC("iter/tcp")
int pn_adopt(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	const struct pn_conf *conf = conf_get();
	struct pn_total *total = total_get();
	struct pn_counted counted = {};
	const struct pn_port *port;
	struct tcp_sock *tp;
	struct address peer;

	if (!skc || !conf || !total)
		return 0;
	if (skc->skc_state == BPF_TCP_LISTEN || skc->skc_state == BPF_TCP_CLOSE ||
	    skc->skc_state == BPF_TCP_SYN_SENT || skc->skc_state == BPF_TCP_SYN_RECV)
		return 0;
	port = port_find_local(conf, skc->skc_num);
	tp = bpf_skc_to_tcp_sock(skc);
	if (!port || !tp || !peer_read(skc, &peer) || bpf_sk_storage_get(&pn_ours, tp, NULL, 0))
		return 0;
	if (socket_count(conf, total, tp, &peer, port)) {
		key_of_source(&counted.source, &peer);
		counted.class_ = port->class_;
		bpf_seq_write(ctx->meta->seq, &counted, sizeof(counted));
	}
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int pn_marks(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct pn_sock *mark = ctx->value;
	struct pn_counted counted;

	if (!mark || !ctx->sk)
		return 0;
	counted.source = mark->source;
	counted.class_ = mark->class_;
	bpf_seq_write(ctx->meta->seq, &counted, sizeof(counted));
	return 0;
}

SEC("syscall")
int pn_adjust(struct pn_adjust *ctx)
{
	struct pn_total *total = total_get();
	struct pn_key source = ctx->source;
	struct pn_open *o = bpf_map_lookup_elem(&pn_open, &source);

	if (!total)
		return 1;
	if (o)
		__sync_fetch_and_add(&o->open, ctx->delta);
	__sync_fetch_and_add(&total->open, ctx->total_delta);
	return 0;
}
