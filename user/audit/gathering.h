/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the gatherer share. Everything that is asked is an errand; when the last one has come home all is known, and who
 * waits is told. An errand may send others before it ends.
 */
#ifndef AUDIT_GATHERING_H
#define AUDIT_GATHERING_H

#include "audit/gather.h"
#include "dns/rdns.h"

#define GATHER_HOSTS_MAX    (SEEN_HOSTS_MAX + AUDIT_LIST_MAX) /* and the stores behind them */
#define GATHER_CONSENTS_MAX GATHER_HOSTS_MAX

/* Where an owner says that his servers may be tried: TXT "ok". */
#define CONSENT_LABEL "_postern-audit"
#define CONSENT_TEXT  "ok"

struct errand;
typedef void (*errand_fn)(struct errand *e, const struct answer *a);

struct errand {
	struct gather *g;
	struct errand *next, *prev;
	/* One of these is under way, or a question to the engine. */
	struct question *question;
	struct rdns *rdns;
	struct spf_walk *spf;
	bool is_engine;
	errand_fn fn;
	void *subject;
	unsigned index;
	char name[NAME_TEXT_MAX];
};

/* What is known of a host before its addresses can be laid down: nobody may move them later. */
struct arrival {
	struct seen_host *host;
	struct addr addr[SEEN_ADDRESSES_MAX];
	unsigned count, waiting;
	int consent; /* index; -1: that of the audited domain, or nobody's */
};

struct consent {
	char domain[NAME_TEXT_MAX];
	bool is_given;
};

struct gather {
	struct loop *loop;
	const struct audit_request *request;
	struct dns_engine *engine;
	struct resolver *resolver;
	const struct zonedata *data;
	struct seen *seen;
	gather_fn fn;
	void *context;
	struct errand *errands;
	unsigned pending;
	bool is_probed; /* the lists may be asked now */
	struct arrival arrival[GATHER_HOSTS_MAX];
	struct consent consent[GATHER_CONSENTS_MAX];
	unsigned consent_count;
	struct zone_test *test;	   /* gather_zones.c */
	struct answer_texts texts; /* of the answer that is being read */
};

/* ---- gather.c: errands ---- */

/* NULL: no memory. It is among the pending until errand_end(). */
struct errand *errand_new(struct gather *g, errand_fn fn, void *subject, unsigned index);
void errand_end(struct errand *e);
void errand_drop(struct errand *e); /* it never set out: nobody is told */
/* Ask; fn gets the answer. false: it could not be sent, and nothing is known. */
bool errand_ask(struct gather *g, const char *name, enum record record, errand_fn fn, void *subject,
		unsigned index);

/* ---- gather_host.c ---- */

/* One more host, by its name, or by its address (name "" then). NULL: no room. One that is there is given back as it is.
 * Its addresses are asked for. */
struct seen_host *host_add(struct gather *g, const char *name, const struct addr *addr,
			   bool is_backend);
/* Does one of the texts just read say so? */
bool consent_is_said(const struct answer_texts *texts);
/* Who said that his hosts may be tried: once all is known. */
void consents_settle(struct gather *g);

/* ---- gather_lists.c ---- */

void lists_probe(struct gather *g);
/* As soon as the lists are probed. */
void lists_ask(struct gather *g, struct seen_address *a);

/* ---- gather_domain.c ---- */

void domain_ask(struct gather *g);

/* ---- gather_zones.c ---- */

void zone_tests_free(struct gather *g);

#endif
