/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known about zones, as a file of lines that ships with postern and can be replaced without a build. A line is
 * KEYWORD SUBJECT [REST], `#` starts a comment; SUBJECT is a domain and holds for what lies under it too:
 *
 *	dead     DOMAIN REASON           the zone is gone: a configuration that names it is refused
 *	error    DOMAIN PATTERN MEANING  an answer like this is no listing: the zone refuses us
 *	policy   DOMAIN PATTERN          a listing by policy (dynamic ranges): never held against submission ports
 *	wide     DOMAIN                  an IPv6 listing stands for its /64
 *	test     DOMAIN ADDR             listed for tests, instead of 127.0.0.2; "none": the zone has no test entries
 *	name     DOMAIN NAME             listed for tests by a list of names, instead of TEST
 *	limit    DOMAIN COUNT            questions a day that the operator allows for free
 *	public   ADDR NAME               a public resolver, which many lists refuse
 *	removal  DOMAIN URL              where somebody who is listed asks to be taken off
 *	audit    DOMAIN [PATTERN]        asked about one's own addresses where the configuration names no list
 */
#ifndef DNS_ZONEDATA_H
#define DNS_ZONEDATA_H

#include <stdbool.h>

#include "base/addr.h"
#include "dns/outcome.h"

#define ZONEDATA_POLICIES_MAX 8

/* All that the file says about one zone. */
struct zone_facts {
	struct outcome_errors errors;
	struct site_filter policy[ZONEDATA_POLICIES_MAX];
	unsigned policy_count;
	bool wide;
	bool untested; /* it has no test entries */
	bool has_test; /* test instead of 127.0.0.2 */
	struct addr test;
	uint32_t day_limit; /* 0 none known */
};

struct zonedata;

/* Read files one behind the other. 0 or -errno; faults are "FILE:LINE: ...". */
int zonedata_new(struct zonedata **out, struct err *e);
int zonedata_load(struct zonedata *d, const char *path, struct err *e);
/* The same from a text of length bytes; name is what faults call it. */
int zonedata_read(struct zonedata *d, const char *name, const char *text, size_t length,
		  struct err *e);
void zonedata_free(struct zonedata *d); /* NULL is fine */

/* The page of the zone's operator for those who are listed, or NULL. */
const char *zonedata_removal(const struct zonedata *d, const char *domain);
/* Of a list of names: the one that it lists for tests (RFC 5782, 5: "TEST"). */
const char *zonedata_test_name(const struct zonedata *d, const char *domain);
/* Append the lists that the audit asks by itself to *out, in the order of the file; as sites_add(). 0 or -EINVAL. */
int zonedata_audit_sites(const struct zonedata *d, struct sites *out, struct err *e);

/* Why a zone must not be asked any more, or NULL. */
const char *zonedata_dead(const struct zonedata *d, const char *domain);
void zonedata_facts(const struct zonedata *d, const char *domain, struct zone_facts *out);
/* Whose public resolver this is, or NULL. */
const char *zonedata_public(const struct zonedata *d, const struct addr *resolver);

#endif
