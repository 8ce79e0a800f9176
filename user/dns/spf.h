/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF (RFC 7208) of a domain, as its owner should look at it: is there one record, does it parse, how many lookups does it cost at the
 * most, and how does it end? No sender is judged: the walk follows every include and the redirect, asks for what a, mx and exists name, and
 * counts by section 4.6.4. Where a name depends on the sender (macros) it is counted and not asked for.
 */
#ifndef DNS_SPF_H
#define DNS_SPF_H

#include "dns/resolver.h"

#define SPF_LOOKUPS_MAX	     10 /* terms that cost a lookup (RFC 7208, 4.6.4) */
#define SPF_VOID_LOOKUPS_MAX 2
#define SPF_MX_NAMES_MAX     10 /* address records of one mx (RFC 7208, 4.6.4) */
#define SPF_DOMAIN_SHOWN                                                                           \
	100 /* bytes of a name in a sentence, so that two of them fit, or one and a reason */
#define SPF_TEXT_MAX 512

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
	bool is_costly_alone; /* BROKEN for nothing but its lookups */
};

struct spf_walk;
typedef void (*spf_fn)(void *context, const struct spf_finding *finding);
/* fn is called once, from the loop. 0 or -errno. */
int spf_start(struct spf_walk **out, struct resolver *r, const char *domain, spf_fn fn,
	      void *context);
void spf_stop(struct spf_walk *w); /* NULL is fine */

/* Parse one record by itself: terms and modifiers (RFC 7208, 4.6, 5, 6). 0, or -EINVAL with the term that is wrong. For tables and the walk. */
struct spf_term {
	char qualifier;	  /* '+', '-', '~', '?'; 0: a modifier */
	char name[16];	  /* lower case: "ip4", "include", "redirect" */
	char value[256];  /* behind ':' or '=', without the lengths; "" none */
	int bits4, bits6; /* of a network: /24 and //64; -1 none */
	bool costs;	  /* a lookup */
	bool has_macros;  /* in value: it depends on the sender */
};
#define SPF_TERMS_MAX 512 /* "ip4:192.0.2.1 " some 300 times is the longest record that is read */
/* Is it an SPF record at all (4.5): does it begin with "v=spf1" and a space or its end? */
bool spf_is_record(const uint8_t *bytes, size_t length);
/* False: the record was cut, or another may stand among texts that were not read. Nobody can say what it is, then. */
bool spf_record_is_whole(const struct answer_texts *texts);
int spf_parse(const char *record, struct spf_term out[static SPF_TERMS_MAX], unsigned *count,
	      struct err *e);

/* The record of a domain as an answer to a question for TXT has it. */
struct spf_record {
	unsigned found;			      /* records; more than one is a fault */
	char text[ANSWER_TEXT_WHOLE_MAX + 1]; /* foreign; of the first */
	struct spf_term term[SPF_TERMS_MAX];
	unsigned count; /* of its terms */
	struct answer_texts texts;
};
/*
 * 0; -ENOENT: there is none; -EINVAL: it breaks the rules (4.5, 4.6), and e says how; -EMSGSIZE: it was not read whole. found and text are
 * there after all of these.
 */
int spf_record_read(const struct answer *a, const char *domain, struct spf_record *out,
		    struct err *e);

#endif
