/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds in the kernel: tables that are made whole in user space and swapped in by one step, so that there is never half a list and
 * never none. Single IPv4 addresses lie in lines of a plain array, everything else in a trie.
 */
#ifndef KERN_FEEDS_H
#define KERN_FEEDS_H

#include "kern/gate.h"

/* A single IPv4 address, and the feed it is in: its number in the configuration, from 0. */
struct feeds_host {
	uint32_t addr; /* host order */
	uint32_t feed;
};

struct feeds_prefix {
	struct prefix prefix; /* IPv4 shorter than /32, IPv6 of any length */
	uint32_t feed;
};

struct feeds_action {
	enum pn_action action; /* drop, refuse, reply */
	bool always;	       /* in monitor mode too */
};

/* All feeds together. Sorted by address and length, none twice: what stands in several is the first feed's. */
struct feeds_image {
	const struct feeds_host *hosts;
	size_t host_count;
	const struct feeds_prefix *prefixes;
	size_t prefix_count;
	struct feeds_action action[PN_FEEDS_MAX];
	unsigned feed_count;
};

struct feeds_size {
	uint64_t hosts, prefixes, bytes; /* bytes of kernel memory, about */
};

/*
 * Put an image in the place of what is in force; an empty one takes all feeds out. The counts of hits (by feed number) start anew where
 * clear_hits has a bit. 0 or -errno with what was in force untouched.
 */
int feeds_replace(struct gate *g, const struct feeds_image *image, uint32_t clear_hits,
		  struct err *e);
/* Are any in force? Not in a gate that was loaded anew, or from another ABI: then whoever has feeds puts them in again. */
bool feeds_are_loaded(struct gate *g);
int feeds_get_size(struct gate *g, struct feeds_size *out, struct err *e);
/* Packets that each feed decided, over the CPUs. */
int feeds_get_hits(struct gate *g, uint64_t packets[static PN_FEEDS_MAX], struct err *e);

#endif
