/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Completed handshakes. A passive open goes SYN_RECV -> ESTABLISHED exactly once, whatever carried
 * it (cookies, Fast Open, a v4-mapped socket); the socket is then marked in its own storage with
 * what was counted, and the count goes down when that mark is taken off, so it is exact however the
 * connection ends. On the way to CLOSE the local port is no longer there to be asked: only the mark
 * tells.
 *
 * Sockets count in the gate's own network namespace and in those that the configuration names: an
 * ordinary user can make a namespace, play any address in it and connect to himself.
 *
 * Strangers among them are asked about here: who completes a handshake is not forged. Connections of the responder
 * are no load of the mail server: they are counted as answers instead.
 */
#ifndef CONN_BPF_H
#define CONN_BPF_H

static __always_inline bool is_our_netns(const struct pn_conf *conf, __u64 cookie)
{
	for (int i = 0; i < PN_NETNS_MAX; i++) {
		if (conf->netns[i] == 0)
			return false;
		if (conf->netns[i] == cookie)
			return true;
	}
	return false;
}

static __always_inline const struct pn_port *port_find_local(const struct pn_conf *conf, __u16 port)
{
	for (int i = 0; i < PN_PORTS_MAX; i++) {
		if (conf->ports[i].port == 0)
			return NULL;
		if (conf->ports[i].local_port == port)
			return &conf->ports[i];
	}
	return NULL;
}

/* The peer. skc_v6_daddr holds an IPv4 peer of an IPv6 socket as mapped; skc_daddr there is
 * nonsense. */
static __always_inline bool peer_read(const struct sock_common *skc, struct address *a)
{
	if (skc->skc_family == AF_INET) {
		address_from_v4(a, skc->skc_daddr);
		return true;
	}
	if (skc->skc_family != AF_INET6)
		return false;
	BPF_CORE_READ_INTO(&a->pair, skc, skc_v6_daddr);
	a->family = address_is_mapped(a) ? 4 : 6;
	return true;
}

/* This end, where a peer has been read. */
static __always_inline void local_read(const struct sock_common *skc, struct address *a)
{
	if (skc->skc_family == AF_INET) {
		address_from_v4(a, skc->skc_rcv_saddr);
		return;
	}
	BPF_CORE_READ_INTO(&a->pair, skc, skc_v6_rcv_saddr);
	a->family = address_is_mapped(a) ? 4 : 6;
}

static __always_inline bool open_add(const struct pn_key *source, __u32 *now_open)
{
	struct pn_open *o = bpf_map_lookup_elem(&pn_open, source);

	if (!o) {
		struct pn_open none = {.open = 0};

		bpf_map_update_elem(&pn_open, source, &none, BPF_NOEXIST);
		o = bpf_map_lookup_elem(&pn_open, source);
		if (!o)
			return false;
	}
	*now_open = __sync_fetch_and_add(&o->open, 1) + 1;
	return true;
}

static __always_inline void open_subtract(const struct pn_key *source)
{
	struct pn_open *o = bpf_map_lookup_elem(&pn_open, source);

	/* Below 0 it would read as four thousand million: put it back, reconciliation finds the
	 * drift. */
	if (o && __sync_fetch_and_sub(&o->open, 1) == 0)
		__sync_fetch_and_add(&o->open, 1);
}

/*
 * Mark a socket and count it. False when it is marked already: by another run of this program,
 * while one replaces the other, or by the adopting iterator.
 */
static __always_inline bool socket_count(const struct pn_conf *conf, struct pn_total *total,
					 void *sk, const struct address *peer,
					 const struct pn_port *port)
{
	__u64 all;
	__u32 open = 0;
	struct pn_sock *mark;
	struct pn_sock fresh = {.class_ = port->class_};

	if (bpf_sk_storage_get(&pn_sock, sk, NULL, 0))
		return false;
	key_of_source(&fresh.source, peer);
	mark = bpf_sk_storage_get(&pn_sock, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark) {
		fault_count(PN_FAULT_MARK_FAILED);
		return true;
	}
	if (!open_add(&fresh.source, &open)) {
		bpf_sk_storage_delete(&pn_sock, sk);
		fault_count(PN_FAULT_OPEN_FULL);
		return true;
	}
	all = __sync_fetch_and_add(&total->open, 1) + 1;
	if ((conf->open_max && open >= conf->open_max) ||
	    (conf->total_open_max &&
	     all >= conf->total_open_max - conf->total_open_max / TOTAL_RESERVE_PART))
		press(total);
	return true;
}

/* Take the mark off and uncount. Only the one that took it off counts. */
static __always_inline void socket_uncount(struct sock *sk)
{
	struct pn_sock *mark = bpf_sk_storage_get(&pn_sock, sk, NULL, 0);
	struct pn_total *total;
	struct pn_key source;

	if (!mark)
		return;
	source = mark->source;
	if (bpf_sk_storage_delete(&pn_sock, sk))
		return;
	open_subtract(&source);
	total = total_get();
	if (total && __sync_fetch_and_sub(&total->open, 1) == 0)
		__sync_fetch_and_add(&total->open, 1);
}

/*
 * The responder has a connection: an answer under the verdict that stands against the source, found in the judge's order.
 * Limits have no end, as 0 says. Not static, like the next: the verifier then checks it once, and not for each way there.
 */
__noinline int answer_count(const struct address *peer, const struct pn_port *port)
{
	const struct pn_conf *conf = conf_get();
	struct verdict v = {};

	if (!conf || !peer || !port)
		return 0;
	if ((!port->only || may_reach(peer, port->port)) && !judge_rules(conf, peer, &v) &&
	    !allow_find(peer))
		judge_listed(conf, peer, port->class_, &v);
	answers_count(peer, v.expires);
	return 0;
}

/*
 * Is somebody who has come in to be asked about? Then flags of enum pn_ask_flag. Who is known goes on being so while his old
 * verdict is asked for anew.
 */
__noinline int stranger_flags(const struct address *peer, const struct pn_port *port)
{
	const struct pn_conf *conf = conf_get();
	struct pn_known *known;
	struct verdict v = {};

	if (!conf || !peer || !port || !is_contact_asked(conf, port))
		return 0;
	if (allow_find(peer) || judge_rules(conf, peer, &v) ||
	    judge_listed(conf, peer, port->class_, &v))
		return 0;
	known = known_find(conf, peer);
	if (!known)
		return PN_ASK_PROVEN;
	return is_until(known->fresh_until) ? 0 : PN_ASK_PROVEN | PN_ASK_KNOWN;
}

/*
 * The interface by which a connection came in: of a passive open, the kernel keeps it as the one for multicasts. 0: not known.
 */
static __always_inline __u32 ingress_of(struct sock *sk)
{
	struct inet_sock *inet = (struct inet_sock *)sk;

	if (sk->__sk_common.skc_family == AF_INET)
		return (__u32)BPF_CORE_READ(inet, mc_index);
	return (__u32)BPF_CORE_READ(inet, pinet6, mcast_oif);
}

/* Did it come through the gate? Containers have interfaces of their own, behind it. */
static __always_inline bool came_by_gate(const struct pn_conf *conf, struct sock *sk)
{
	__u32 ifindex;

	if (sk->__sk_common.skc_net.net->net_cookie != conf->netns[0])
		return true;
	ifindex = ingress_of(sk);
	return !ifindex || bpf_map_lookup_elem(&pn_ingress, &ifindex);
}

static __always_inline void stranger_ask(struct sock *sk, const struct address *peer,
					 const struct pn_port *port)
{
	struct pn_ask ask = {.flags = stranger_flags(peer, port)};
	const struct pn_conf *conf = conf_get();
	struct address local = {};

	if (!ask.flags || !conf)
		return;
	local_read(&sk->__sk_common, &local);
	/* Who comes to an address, or by an interface, that is not guarded is not ours to ask about, nor to cut. */
	if (!is_guarded(conf, &local) || !came_by_gate(conf, sk))
		return;
	ask.time = bpf_ktime_get_boot_ns();
	__builtin_memcpy(ask.src, peer->byte, 16);
	__builtin_memcpy(ask.dst, local.byte, 16);
	ask.sport = bpf_ntohs(sk->__sk_common.skc_dport);
	ask.dport = sk->__sk_common.skc_num;
	ask.netns = sk->__sk_common.skc_net.net->net_cookie;
	ask.socket = bpf_get_socket_cookie(sk);
	ask_tell(&ask);
}

static __always_inline void handshake_completed(struct sock *sk)
{
	struct pn_total *total = total_get();
	struct pn_conf *conf = conf_get();
	const struct pn_port *port;
	struct address peer = {};
	struct pn_rule *allow;
	__u32 *mark;

	if (!conf || !total)
		return;
	port = port_find_local(conf, sk->__sk_common.skc_num);
	if (!port || !is_our_netns(conf, sk->__sk_common.skc_net.net->net_cookie))
		return;
	if (!peer_read(&sk->__sk_common, &peer))
		return;
	mark = bpf_sk_storage_get(&pn_ours, sk, NULL, 0);
	if (mark) {
		/* Once, though two of this program run while one replaces the other. */
		if (__sync_val_compare_and_swap(mark, PN_OURS_FRESH, PN_OURS_COUNTED) ==
		    PN_OURS_FRESH)
			answer_count(&peer, port);
		return;
	}
	if (!socket_count(conf, total, sk, &peer, port))
		return;
	stranger_ask(sk, &peer, port);
	if (conf->charge_syn)
		return;
	allow = allow_find(&peer);
	if (!allow || allow->action != PN_ALLOW)
		rates_charge(conf, total, &peer);
}

#endif
