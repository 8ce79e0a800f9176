/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is this stranger? The engine asks all zones and reverse DNS about an address at once and gives one verdict, as soon as no
 * missing answer could turn it. One engine for a process, in its event loop.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "base/loop.h"
#include "dns/resolver.h"
#include "dns/score.h"
#include "dns/ttl.h"
#include "dns/zonedata.h"

#define DNS_TEXT_MAX 320 /* a zone's reason, escaped; bounded, since it is foreign */

/* Bits of the port classes that a verdict is for. */
enum dns_class { DNS_CLASS_MX = 1, DNS_CLASS_SUBMISSION = 2 };

struct dns_settings {
	struct resolver_server server[RESOLVER_SERVERS_MAX];
	unsigned server_count; /* 0: those of /etc/resolv.conf */
	unsigned timeout_ms;   /* of a question */
	struct sites sites;
	/* By zone: what people see instead of the domain, which may hold a key; and what the data file says. */
	char reply_name[SITE_ZONES_MAX][SITE_DOMAIN_MAX];
	struct zone_facts facts[SITE_ZONES_MAX];
	int64_t threshold;
	bool ask_nonglobal; /* tests: ask about private addresses too */
	struct ttl_clamp listed_ttl, clean_ttl;
	uint32_t probe_every_s;
	uint32_t budget_per_s, budget_per_day; /* questions to one zone */
	uint32_t unproven_per_s; /* of them for sources that never completed a handshake */
	struct {
		uint32_t none, mismatch, generic; /* what each adds to the score */
		bool alone;			  /* may list without any zone */
	} rdns;
};

struct dns_engine;

/* Copies the settings. Reads what it needs from files: later no file is opened. 0 or -errno. */
int dns_open(struct dns_engine **out, struct loop *loop, const struct dns_settings *settings,
	     struct err *e);
/* No function of a question under way is called. NULL is fine. */
void dns_close(struct dns_engine *d);
struct resolver *dns_resolver(struct dns_engine *d);

/* ---- questions ---- */

/* RFC 8601, 2.7.3: iprev */
enum rdns_result { RDNS_NOT_ASKED, RDNS_PASS, RDNS_FAIL, RDNS_TEMPERROR, RDNS_PERMERROR };
const char *rdns_name(enum rdns_result r); /* "none", "pass", "fail", "temperror", "permerror" */

struct dns_zone_result {
	const char *zone; /* the reply name */
	enum outcome outcome;
	const char *why;		  /* of a failure, or NULL */
	uint32_t code[OUTCOME_CODES_MAX]; /* host order */
	unsigned code_count;
	int64_t added; /* to the score */
	uint32_t ttl_s;
	unsigned latency_ms;
	char text[DNS_TEXT_MAX]; /* the zone's reason, escaped; "" none */
};

struct dns_verdict {
	struct addr addr;
	enum verdict verdict;
	unsigned classes; /* of a listing: enum dns_class bits it holds for, of those asked about */
	int64_t score, threshold;
	bool partial;  /* an answer that is missing could turn it */
	bool spent;    /* questions were not asked for want of budget */
	bool unproven; /* it was asked about as one who may be forged */
	uint8_t bits; /* what it holds for, in the mapped form: 128, or 64 for a listing of the /64 */
	uint32_t ttl_s;
	const struct dns_zone_result *named; /* the largest contributor of a listing, else NULL */
	const struct dns_zone_result *zone;  /* all, in the order of the configuration */
	unsigned zone_count;
	enum rdns_result rdns;
	bool rdns_generic;
	int64_t rdns_added;
	const char *rdns_host; /* "" none; a host name */
};

struct dns_question {
	struct addr addr;
	unsigned classes; /* enum dns_class bits */
	bool known;	  /* a sender known for good: if many of them are listed, the zone is mad */
	bool unproven; /* has never completed a handshake, may be forged: asked from a small share of the budget */
	bool whole; /* wait for every zone and ask reverse DNS: for people */
};

/* Called once, from the loop. The verdict is the callee's until it returns. */
typedef void (*dns_fn)(void *context, const struct dns_verdict *verdict);

/*
 * Ask. A question about a source that is under way already is merged into it. 0, -EDOM for an address that is never asked
 * about (the sentence says why), -EAGAIN when too many questions wait, -ENOMEM.
 */
int dns_ask(struct dns_engine *d, const struct dns_question *question, dns_fn fn, void *context,
	    struct err *e);

/* Who asked with this context, a question or probes, is not told any more. */
void dns_forget(struct dns_engine *d, const void *context);

/* ---- zones ---- */

enum dns_zone_state { DNS_ZONE_GOOD, DNS_ZONE_SUSPENDED, DNS_ZONE_REFUSING, DNS_ZONE_UNREACHABLE };
const char *dns_zone_state_name(enum dns_zone_state s);

struct dns_zone_status {
	const char *zone; /* the reply name */
	enum dns_zone_state state;
	const char *why; /* "" when good */
	uint64_t asked, listed, errors, over_budget;
	uint64_t outcome[OUTCOMES];
	unsigned latency_ms; /* of late, smoothed */
};

unsigned dns_zone_count(const struct dns_engine *d);
void dns_zone_status(const struct dns_engine *d, unsigned zone, struct dns_zone_status *out);

/*
 * A zone has changed its state. When it is suspended, every verdict that rests on it must be taken back; one that refuses
 * us or is out of reach was right as long as it answered. Also called
 * with `limit` when the questions of a day come near the operator's published limit.
 */
struct dns_news {
	unsigned zone;
	const char *name; /* the reply name */
	enum dns_zone_state state;
	const char *why;
	bool limit;
};
typedef void (*dns_news_fn)(void *context, const struct dns_news *news);
void dns_on_news(struct dns_engine *d, dns_news_fn fn, void *context);

/* Look after the zones from now on: probes at once, every few minutes, and of a suspended one with back-off. 0 or -errno. */
int dns_watch_zones(struct dns_engine *d);
/* Probe every zone once now; fn when all are done. 0 or -errno. */
typedef void (*dns_done_fn)(void *context);
int dns_probe_zones(struct dns_engine *d, dns_done_fn fn, void *context);

#endif
