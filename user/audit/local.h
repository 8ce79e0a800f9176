/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What only the host itself can tell. Two halves again: with privileges, the tools of the mail servers are run (postconf, exim -bP,
 * doveconf, postqueue) and files are read, as raw bytes that nobody looks at; without, the bytes are parsed. Read-only; what could
 * not be read is said, and nothing is guessed.
 */
#ifndef AUDIT_LOCAL_H
#define AUDIT_LOCAL_H

#include "audit/request.h"
#include "audit/seen.h"

struct local_raw;

/* With privileges. Each tool has a time limit and each output a bound. 0 or -errno (nothing at all could be read). */
int local_collect(struct local_raw **out, const struct audit_request *request, struct err *e);
/* Without: what the bytes say. The mail log passes to *out, and is read so far. */
int local_read(struct local_raw *raw, struct seen_local **out);
/* Read on in the mail log: after the last visit, so that it knows of all of them (source). */
void seen_local_read_log(struct seen_local *l);
void local_raw_free(struct local_raw *raw);	   /* NULL is fine */
unsigned local_files(const struct local_raw *raw); /* descriptors that stay open: the mail log */

/* What was read: its members are in local_inside.h, for the checks about them; others ask by the functions below. */
struct seen_local;
void seen_local_free(struct seen_local *l); /* NULL is fine */
/* Lists that the local mail server is configured to ask: calls fn for each ("zen.spamhaus.org", "main.cf: postscreen_dnsbl_sites", names or addresses). */
void seen_local_zones(const struct seen_local *l,
		      void (*fn)(void *context, const char *zone, const char *where, bool is_names),
		      void *context);
/* The address that the mail log names for the connection whose HELO name or recipient bore this token; false: none found. */
bool seen_local_source(const struct seen_local *l, const char *token, struct addr *out);
/* All of them: several visits may have borne the same. How many, at most max. */
unsigned seen_local_sources(const struct seen_local *l, const char *token, struct addr *out,
			    unsigned max);
/* Is it one that the local mail server relays for without a password? prefix: by which entry ("mynetworks: 172.16.0.0/12"). */
bool seen_local_trusts(const struct seen_local *l, const struct addr *a, char *entry, size_t size);

#endif
