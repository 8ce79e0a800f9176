/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Site lists in postscreen's own syntax (postconf(5), postscreen_dnsbl_sites), so that a list can be carried over as it
 * stands: entries DOMAIN[=FILTER][*WEIGHT], separated by commas or white space.
 *
 *	FILTER = f "." f "." f "." f      f   = octet | "[" seq "]"
 *	seq    = m { ";" m }              m   = octet | octet ".." octet
 *
 * Several entries of one domain are one question; each of its filters that matches adds its weight once.
 */
#ifndef DNS_SITE_H
#define DNS_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A name has 253 bytes at most (RFC 1035, 2.3.4, as text); 64 are for the nibbles of an IPv6 address. And the final 0. */
#define SITE_DOMAIN_MAX	 190
#define SITE_ZONES_MAX	 32  /* each is a question for each stranger */
#define SITE_FILTERS_MAX 128 /* four for each zone */

struct site_filter {
	bool any;	      /* no filter was written: every listing matches */
	uint32_t octet[4][8]; /* per octet of the answer, the set of its values as 256 bits */
};

struct site_entry {
	unsigned zone; /* index in zone */
	struct site_filter filter;
	int32_t weight; /* negative: an allow list */
};

struct sites {
	char zone[SITE_ZONES_MAX]
		 [SITE_DOMAIN_MAX]; /* lower case, each once, in the order written */
	unsigned zone_count;
	struct site_entry entry[SITE_FILTERS_MAX];
	unsigned entry_count;
};

/*
 * Append the entries of a text. 0 or -EINVAL; the sentence says which entry of the text and where in it, and shows neither
 * domain nor entry, since paid services have a key in their names. *out is then unchanged.
 */
int sites_add(struct sites *out, const char *text, struct err *e);

/* "127.0.0.[2..11]". 0 or -EINVAL. */
int site_filter_parse(const char *text, struct site_filter *out, struct err *e);
/* code in host order: 0x7f000002 is 127.0.0.2. */
bool site_filter_matches(const struct site_filter *f, uint32_t code);

/*
 * Is it a name that can be asked about, by the rules of Postfix (valid_hostname)? Letters, digits, '-' and '_' in labels of
 * up to 63, no '-' at their ends, and not all digits. 0 or -EINVAL.
 */
int site_domain_check(const char *name, struct err *e);

/* What a zone can add at the least and at the most, before it has answered: low <= 0 <= high. */
void site_bounds(const struct sites *s, unsigned zone, int64_t *low, int64_t *high);

#endif
