/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF (RFC 7208) of a domain, as its owner should look at it: is there one record, does it parse, how many lookups does it cost, how does it end, and
 * does it let the domain's own servers pass? The walk follows include and redirect within the bounds of section 4.6.4.
 */
#ifndef DNS_SPF_H
#define DNS_SPF_H

#include "dns/resolver.h"

#define SPF_LOOKUPS_MAX	     10 /* terms that cost a lookup (RFC 7208, 4.6.4) */
#define SPF_VOID_LOOKUPS_MAX 2
#define SPF_TEXT_MAX	     512

enum spf_state {
	SPF_NONE, /* no record */
	SPF_FINE,
	SPF_BROKEN,    /* permerror: syntax, two records, over the limit, a loop */
	SPF_TEMPERROR, /* could not be found out */
};

struct spf_finding {
	enum spf_state state;
	unsigned records;	   /* that begin with v=spf1 */
	char record[SPF_TEXT_MAX]; /* escaped; of the first */
	char why[SPF_TEXT_MAX];	   /* of BROKEN, TEMPERROR: with the term */
	unsigned lookups,
		void_lookups; /* over the whole walk; counting goes on past the limit, to a bound */
	char all;     /* '-', '~', '?', '+'; 0: it ends without all (and without redirect to one) */
	bool has_ptr; /* deprecated (5.5) */
};

struct spf_walk;
typedef void (*spf_fn)(void *context, const struct spf_finding *finding);
/* fn is called once, from the loop. 0 or -errno. */
int spf_start(struct spf_walk **out, struct resolver *r, const char *domain, spf_fn fn,
	      void *context);
void spf_stop(struct spf_walk *w); /* NULL is fine */

/* Parse one record by itself: terms and modifiers (RFC 7208, 4.6, 5, 6). 0, or -EINVAL with the term that is wrong. For tables and the walk. */
struct spf_term {
	char qualifier;	 /* '+', '-', '~', '?'; 0: a modifier */
	char name[16];	 /* lower case: "ip4", "include", "redirect" */
	char value[256]; /* behind ':' or '='; "" none */
	bool costs;	 /* a lookup */
};
#define SPF_TERMS_MAX 128
int spf_parse(const char *record, struct spf_term out[static SPF_TERMS_MAX], unsigned *count,
	      struct err *e);

#endif
