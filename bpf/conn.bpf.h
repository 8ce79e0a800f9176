/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counting connections. A passive open goes SYN_RECV -> ESTABLISHED exactly once, whatever carried
 * it (cookies, Fast Open, a v4-mapped socket); the socket is then marked in its own storage with
 * what was counted, and the count goes down when that mark is taken off, so it is exact however the
 * connection ends. On the way to CLOSE the local port is no longer there to be asked: only the mark
 * tells.
 *
 * Sockets count in the gate's own network namespace and in those that the configuration names: an
 * ordinary user can make a namespace, play any address in it and connect to himself.
 */
#ifndef CONN_BPF_H
#define CONN_BPF_H

#define AF_INET	 2
#define AF_INET6 10

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

static __always_inline void handshake_completed(struct sock *sk)
{
	struct pn_total *total = total_get();
	struct pn_conf *conf = conf_get();
	const struct pn_port *port;
	struct address peer;
	struct pn_rule *allow;

	if (!conf || !total)
		return;
	port = port_find_local(conf, sk->__sk_common.skc_num);
	if (!port || !is_our_netns(conf, sk->__sk_common.skc_net.net->net_cookie))
		return;
	if (!peer_read(&sk->__sk_common, &peer))
		return;
	if (!socket_count(conf, total, sk, &peer, port) || conf->charge_syn)
		return;
	allow = allow_find(&peer);
	if (!allow || allow->action != PN_ALLOW)
		rates_charge(conf, total, &peer);
}

#endif
