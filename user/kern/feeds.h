/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds in the kernel: tables that are made whole in user space and swapped in by one step, so that there is never half a list and
 * never none. Single IPv4 addresses lie in lines of a plain array, everything else in a trie.
 */
#ifndef KERN_FEEDS_H
#define KERN_FEEDS_H

#include "kern/gate.h"

/* A single IPv4 address, and the feed it is in: its number in the set, from 0. */
struct feeds_host {
	uint32_t addr; /* host order */
	uint32_t feed;
};

struct feeds_prefix {
	struct prefix prefix; /* IPv4 shorter than /32, IPv6 of any length */
	uint32_t feed;
};

/* A feed of a set. A set's numbers are its own: what goes on from one to the next goes by the names. */
struct feeds_part {
	char name[PN_FEED_NAME_MAX];
	enum pn_action action; /* drop, refuse, reply */
	bool always;	       /* in monitor mode too */
	/* Two numbers that the caller makes, so that he knows them again: of the feed's list, and with what was left out of it. */
	uint64_t list, made;
};

struct feeds_set {
	struct feeds_part part[PN_FEEDS_MAX];
	unsigned count;
};

/* All feeds together. Sorted by address and length, none twice: what stands in several is the first feed's. */
struct feeds_image {
	const struct feeds_host *hosts;
	size_t host_count;
	const struct feeds_prefix *prefixes;
	size_t prefix_count;
	struct feeds_set set;
};

struct feeds_size {
	uint64_t hosts, prefixes, bytes; /* bytes of kernel memory, about */
};

/*
 * Put an image in the place of what is in force; an empty one takes all feeds out. A feed that was in force by its name keeps its hits, another
 * begins with none. 0 or -errno with what was in force untouched.
 */
int feeds_replace(struct gate *g, const struct feeds_image *image, struct err *e);
/* Which feeds are in force, by their numbers; none: a count of 0. 0 or -errno. */
int feeds_get_set(struct gate *g, struct feeds_set *out, struct err *e);
/* The number that a feed has in a set, or -1. */
int feeds_find(const struct feeds_set *set, const char *name);
/* The feed with this number, which a verdict or an event has; NULL: none in force has it. Returns buffer. */
const char *feeds_get_name(struct gate *g, unsigned number, char buffer[static PN_FEED_NAME_MAX]);
/* Are any in force? Not in a gate that was loaded anew, or from another ABI: then whoever has feeds puts them in again. */
bool feeds_are_loaded(struct gate *g);
int feeds_get_size(struct gate *g, struct feeds_size *out, struct err *e);
/* Packets that each feed decided, over the CPUs, and who has which number. */
struct feeds_hits {
	struct feeds_set set;
	uint64_t packets[PN_FEEDS_MAX];
};
int feeds_get_hits(struct gate *g, struct feeds_hits *out, struct err *e);
uint64_t feeds_hits_of(const struct feeds_hits *h,
		       const char *name); /* 0 for one that is not in force */

#endif
