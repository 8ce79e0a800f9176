/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Made by vmlinux/make from vmlinux/types: change those, not this. Kernel types for CO-RE, reduced to
 * the members that are used; libbpf finds their true places in the kernel it loads into.
 */
#ifndef VMLINUX_H
#define VMLINUX_H

#include <linux/types.h>
#include <linux/in6.h>

#define PN_CORE __attribute__((preserve_access_index))

struct bpf_iter_meta;
struct bpf_map;
struct ipv6_pinfo;
struct net;
struct seq_file;
struct sock;
struct sock_common;

typedef struct {
	struct net *net;
} PN_CORE possible_net_t;

struct sock_common {
	short unsigned int skc_family;
	volatile unsigned char skc_state;
	__u16 skc_num;
	__be16 skc_dport;
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	possible_net_t skc_net;
	struct sock *skc_listener;
} PN_CORE;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} PN_CORE;

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
	struct ipv6_pinfo *pinet6;
	int mc_index;
} PN_CORE;

struct ipv6_pinfo {
	int mcast_oif;
} PN_CORE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
} PN_CORE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
} PN_CORE;

struct net {
	__u64 net_cookie;
} PN_CORE;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
} PN_CORE;

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	unsigned int uid;
} PN_CORE;

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
} PN_CORE;

#undef PN_CORE

#endif
