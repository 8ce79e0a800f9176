/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list as bytes: what a reader without privileges hands to one that has them, and what lies in the state directory for the next boot.
 * Neither is taken on trust: image_check() holds the bytes to every promise of feed.h before anybody looks at an entry.
 */
#ifndef FEED_IMAGE_H
#define FEED_IMAGE_H

#include "feed/feed.h"

#define IMAGE_BYTES_MAX                                                                            \
	(sizeof(struct image_head) + FEED_HOSTS_MAX * sizeof(uint32_t) +                           \
	 FEED_PREFIXES_MAX * sizeof(struct prefix))

struct image_head {
	char magic[8];
	uint32_t host_count, prefix_count;
	struct feed_report report;
};

/* What lies in the bytes; they stay the caller's. */
struct image {
	const struct feed_report *report;
	const uint32_t *hosts;
	size_t host_count;
	const struct prefix *prefixes;
	size_t prefix_count;
};

/* Write a list to a descriptor, from where it stands. 0 or -errno; *length: how many bytes. */
int image_write(int fd, const struct feed_list *l, size_t *length, struct err *e);
/* Exactly length bytes, aligned as malloc(3) or mmap(2) do. 0 and *out, or -EBADMSG with what is wrong. */
int image_check(const void *bytes, size_t length, struct image *out, struct err *e);

/*
 * A number made of the entries, by which the same list is known again. It is no proof: a file's writer could make two lists that have one
 * number, and then would see his own first stay in force.
 */
uint64_t image_number(const struct image *i);
/* Such a number, and something else besides. */
uint64_t image_number_add(uint64_t number, const void *bytes, size_t length);

/* Where the first host is that is not below addr; where the first prefix is that is not before p. Counts when none is. */
size_t image_find_host(const struct image *i, uint32_t addr);
size_t image_find_prefix(const struct image *i, const struct prefix *p);
/* By address, then by length. <0, 0, >0. */
int image_compare_prefixes(const struct prefix *a, const struct prefix *b);
/* Does an entry cover this address? *which (may be NULL) is the entry. */
bool image_has(const struct image *i, const struct addr *a, struct prefix *which);

/* IPv4 addresses that the list covers. */
uint64_t image_count_v4(const struct image *i);
/* IPv6 networks of /48, a site's, that it covers whole. */
uint64_t image_count_v6(const struct image *i);
/* Entries of a that b lacks. */
uint64_t image_count_new(const struct image *a, const struct image *b);

#endif
