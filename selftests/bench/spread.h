/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sources that the bench fills lists with and draws from: a one-to-one map from small numbers
 * to IPv4 addresses in 192.0.0.0/3, each in a /24 of its own, scattered so that neither a hash nor
 * a trie finds an order in them. Lists hold the numbers from 0 on; strangers begin at
 * SPREAD_STRANGERS. Shared by the bench and its programs; the includer supplies __u32.
 */
#ifndef BENCH_SPREAD_H
#define BENCH_SPREAD_H

#define SPREAD_BITS	 21 /* a million in lists, and as many strangers */
#define SPREAD_MASK	 ((1U << SPREAD_BITS) - 1)
#define SPREAD_STRANGERS (1U << (SPREAD_BITS - 1))
#define SPREAD_BASE	 0xc0000000U /* 192.0.0.0/3: nothing of 127/8, 169.254/16, 10/8 */

/* Host order. Odd factors and a shift of half the width lose nothing modulo a power of two. */
static inline __attribute__((always_inline)) __u32 spread_v4(__u32 index)
{
	__u32 x = index * 0x9e3779b1U & SPREAD_MASK;

	x ^= x >> (SPREAD_BITS / 2 + 1);
	x = x * 0x85ebca6bU & SPREAD_MASK;
	return SPREAD_BASE | x << 8 | (index & 0xff);
}

#endif
