/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds: files of addresses and prefixes that somebody else writes, in any of the forms that such files come in. The form is found by what
 * stands in the file, never by its name. What comes out is sorted, without doubles and without anything that no list may block. A line that
 * is at fault does not lose the list: it is counted, and the first few are told.
 */
#ifndef FEED_FEED_H
#define FEED_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* A million of Spamhaus' lines are 70 MB; more is no list that a mail host reads. */
#define FEED_BYTES_MAX (128U << 20)
/* Of one feed: 16 MB of addresses. All of the public lists together have less. */
#define FEED_HOSTS_MAX (4U << 20)
/* Prefixes lie in a trie, which takes some 100 bytes of the kernel for each. */
#define FEED_PREFIXES_MAX (256U << 10)
/* The shortest prefixes: a list that has shorter ones has the world. An IPv4 /8, an IPv6 /16. */
#define FEED_V4_BITS_LEAST (ADDR_V4_LEAD_BITS + 8)
#define FEED_V6_BITS_LEAST 16

#define FEED_NOTES_MAX	   8   /* lines that are told of one file */
#define FEED_NOTE_TEXT_MAX 124 /* bytes with the final 0 */

enum feed_format {
	FEED_LIST,
	FEED_NDJSON,
	FEED_IPSET,
	FEED_NFT,
	FEED_RBLDNSD,
	FEED_FORMATS,
};
const char *feed_format_name(enum feed_format f); /* "list", "ndjson", "ipset", "nft", "rbldnsd" */

/* A line that was not taken, and why. */
struct feed_note {
	uint32_t line;
	char text[FEED_NOTE_TEXT_MAX]; /* printable */
};

struct feed_report {
	uint32_t format;   /* enum feed_format */
	uint32_t entries;  /* as the file has them, those that were taken */
	uint32_t faults;   /* that could not be read */
	uint32_t refused;  /* that may not be blocked */
	uint32_t doubles;  /* that others of the file cover */
	uint32_t excluded; /* that take addresses out */
	uint32_t note_count;
	uint32_t pad;
	struct feed_note note[FEED_NOTES_MAX]; /* of faults and refusals, the first few */
};

/* Sorted, none twice, none covered by another. */
struct feed_list {
	struct feed_report report;
	uint32_t *hosts; /* single IPv4 addresses, host order */
	size_t host_count;
	struct prefix *prefixes; /* all else: by address, then by length */
	size_t prefix_count;
};

/*
 * Read a whole file. 0 and *out, or -errno with a sentence: -EBADMSG: it is no such file, or of two forms, or too many of its lines are at
 * fault; -E2BIG: too many entries; -ENOMEM. A file without any entry is taken: whether it may be so is not decided here.
 */
int feed_read(const char *text, size_t length, struct feed_list *out, struct err *e);
void feed_list_free(struct feed_list *l); /* what is in it */

#endif
