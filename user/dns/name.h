/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that questions are asked about. */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>

#include "base/addr.h"

#define NAME_TEXT_MAX 256 /* a name as text, with the final 0 (RFC 1035, 2.3.4: 253 bytes) */

/*
 * The name under which a zone would list the address: octets reversed, or 32 nibbles reversed (RFC 5782, 2.1 and 2.4). mapped: the
 * nibbles of an IPv4 address too, as test entries want them (RFC 5782, 5). Returns buffer; domain is shorter than SITE_DOMAIN_MAX.
 */
const char *name_of_listing(const struct addr *a, bool mapped, const char *domain,
			    char buffer[static NAME_TEXT_MAX]);

/* The name of its PTR record. Returns buffer. */
const char *name_of_reverse(const struct addr *a, char buffer[static NAME_TEXT_MAX]);

/* Is name the domain, or does it end in "." and the domain? Case does not matter. */
bool name_is_under(const char *name, const char *domain);

#endif
