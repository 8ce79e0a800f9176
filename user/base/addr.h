/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and prefixes, IPv4 and IPv6 in one form: 16 bytes in network order, IPv4 mapped
 * into ::ffff:0:0/96. Lengths count bits of that form (an IPv4 /24 is 120). A prefix is of
 * IPv4 when it lies inside ::ffff:0:0/96, so ::/0 is IPv6 and covers no IPv4 address.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define ADDR_BITS	  128
#define ADDR_V4_LEAD_BITS 96	   /* ::ffff:0:0/96 */
#define ADDR_TEXT_MAX	  46	   /* INET6_ADDRSTRLEN */
#define PREFIX_TEXT_MAX	  (46 + 4) /* and "/128" */

struct addr {
	uint8_t byte[16];
};

struct prefix {
	struct addr addr; /* bits behind the length are 0 */
	uint8_t bits;	  /* 0..128, of the mapped form */
};

/* "192.0.2.1" or "2001:db8::1"; nothing else (no names, scopes, brackets, octal). 0 or -EINVAL. */
int addr_parse(const char *text, struct addr *out, struct err *e);
/* As people write it (RFC 5952; IPv4 dotted). Returns buffer. */
const char *addr_format(const struct addr *a, char buffer[static ADDR_TEXT_MAX]);
bool addr_is_v4(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
struct addr addr_from_v4(struct in_addr in);
struct addr addr_from_v6(const struct in6_addr *in);

/* From the socket address in ss (AF_INET or AF_INET6). 0 or -EAFNOSUPPORT. */
struct sockaddr_storage;
int addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *out);

/*
 * "ADDR" (a host) or "ADDR/LENGTH". Set bits behind the length are an error whose sentence names
 * the prefix that was probably meant. An IPv6 text inside ::ffff:0:0/96 is taken as IPv4; an
 * IPv6 prefix shorter than 96 that would cover it is IPv6 and does not cover IPv4. 0 or -EINVAL.
 */
int prefix_parse(const char *text, struct prefix *out, struct err *e);
/* Without a length for a host. Returns buffer. */
const char *prefix_format(const struct prefix *p, char buffer[static PREFIX_TEXT_MAX]);
struct prefix prefix_of(const struct addr *a, uint8_t bits); /* cuts the bits behind */
bool prefix_is_v4(const struct prefix *p);
bool prefix_is_host(const struct prefix *p);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* For sorting: by address, and of one address the shorter prefix, which covers the other, first. */
int prefix_compare(const struct prefix *a, const struct prefix *b);
/*
 * For a table: any bits of it will do, and neighbours lie apart. Strangers choose their addresses: without the secret nobody can choose
 * many for one place.
 */
uint64_t prefix_hash(const struct prefix *p, uint64_t secret);
uint64_t prefix_secret(void); /* for one table */
/* Is every address of inner one of outer? Families never cover each other. */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_has(const struct prefix *p, const struct addr *a);
/* The last address of it; its first is p->addr. */
struct addr prefix_last(const struct prefix *p);
/* RFC 1918 or ULA (RFC 4193): lies wholly in a private range. */
bool prefix_is_private(const struct prefix *p);

#endif
