/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration, postern.conf (libconfig). One schema table (schema.h) names every key with type,
 * default, bounds and sentence; the reader, `config check`, `show config`, the sample file and the manual
 * are made from it or checked against it. An empty or missing file is valid: every default is safe.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/json.h"

#define CONF_PATH	      "/etc/postern/postern.conf"
#define CONF_STATE_DIR	      "/var/lib/postern"
#define CONF_RUN_DIR	      "/run/postern"
#define CONF_INSTANCE_DEFAULT "default"

#define CONF_INSTANCE_MAX   32 /* letters, digits, - and _: it names directories */
#define CONF_INTERFACES_MAX 16
#define CONF_GUARD_MAX	    64
#define CONF_PORTS_MAX	    8	/* PN_PORTS_MAX of the ABI */
#define CONF_PORT_SMTPS	    465 /* TLS from the first byte (RFC 8314, 3.3) */
#define CONF_ONLY_MAX	    32	/* prefixes of one port */
#define CONF_NAMESPACES_MAX 7	/* PN_NETNS_MAX less the gate's own */
#define CONF_RESOLVERS_MAX  8
#define CONF_SITES_MAX	    64	/* texts, each of which may hold several entries */
#define CONF_DATA_MAX	    4	/* files */
#define CONF_NEVER_MAX	    256 /* prefixes of never_block: mynetworks of a large site */
#define CONF_PROVIDERS_MAX  32	/* domains of trust_spf */
#define CONF_FEEDS_MAX	    16	/* PN_FEEDS_MAX of the ABI */
#define CONF_TEXT_MAX	    512 /* bytes with the final 0: the longest domain with a filter */

enum conf_mode { CONF_MONITOR, CONF_ENFORCE };
enum conf_attach { CONF_ATTACH_AUTO, CONF_ATTACH_NATIVE, CONF_ATTACH_GENERIC };
enum conf_class { CONF_CLASS_MX, CONF_CLASS_SUBMISSION };
enum conf_action { CONF_DROP, CONF_REFUSE, CONF_REPLY };
enum conf_contact { CONF_CONTACT_HOLD, CONF_CONTACT_WATCH, CONF_CONTACT_PASS };
enum conf_speak { CONF_SPEAK_RCPT, CONF_SPEAK_GREETING };
enum conf_charge { CONF_CHARGE_HANDSHAKE, CONF_CHARGE_SYN };

/* "120/1m burst 120": at most count in period, of which burst may come at once. count 0: off. */
struct conf_rate {
	uint32_t count;
	uint64_t period_s;
	uint32_t burst; /* default: count */
};

struct conf_port {
	uint16_t port;
	uint16_t local_port; /* of the listening socket; default: port */
	enum conf_class class_;
	struct prefix only[CONF_ONLY_MAX];
	unsigned only_count; /* 0: open to all */
};

/* A text that another part reads: its line, so that a fault found there still has a place. */
struct conf_text {
	char text[CONF_TEXT_MAX];
	unsigned line; /* in the file; 0: a default */
};

/* A file of addresses and prefixes that somebody else writes. */
struct conf_feed {
	char name[CONF_INSTANCE_MAX]; /* letters, digits, - and _ */
	char file[PATH_MAX];
	enum conf_action action;
	bool always; /* obeyed in monitor mode too */
};

struct conf {
	char instance[CONF_INSTANCE_MAX];
	char state_dir[PATH_MAX]; /* the store lies in STATE_DIR/INSTANCE */
	enum conf_mode mode;
	char interfaces[CONF_INTERFACES_MAX][IFNAMSIZ];
	unsigned interface_count; /* 0: those of the default routes */
	enum conf_attach attach;
	struct prefix guard[CONF_GUARD_MAX];
	unsigned guard_count; /* 0: every destination */
	struct conf_port ports[CONF_PORTS_MAX];
	unsigned port_count;				/* default: one, port 25, class mx */
	char namespaces[CONF_NAMESPACES_MAX][PATH_MAX]; /* files that name a network namespace */
	unsigned namespace_count;
	struct prefix never_block[CONF_NEVER_MAX]; /* never judged: mynetworks, for one */
	unsigned never_block_count;
	struct conf_text trust_spf[CONF_PROVIDERS_MAX]; /* domains whose SPF networks are trusted */
	unsigned trust_spf_count;
	bool local_networks; /* private networks of the guarded interfaces are never judged */
	enum conf_charge charge;
	struct {
		struct conf_rate rate;	       /* default 120/1m burst 120 */
		struct conf_rate network_rate; /* off */
		struct conf_rate total_rate;   /* off */
		uint32_t open;		       /* default 50, 0 off */
		uint32_t total_open;	       /* off */
	} limits;
	enum conf_contact first_contact; /* of strangers, when there are sites */
	struct {
		enum conf_action dnsbl; /* reply */
		enum conf_action rate;	/* drop: the repeated SYN finds the bucket refilled */
		enum conf_action open;	/* refuse */
	} actions;
	struct { /* what tells refused senders why */
		char contact
			[CONF_TEXT_MAX]; /* "" none: a web page or an address, at the end of each answer */
		char name[CONF_TEXT_MAX];   /* in the greeting; "": the host's */
		char certificate[PATH_MAX]; /* PEM files; "": no STARTTLS */
		char key[PATH_MAX];
		enum conf_speak speak_at;
		uint32_t connections; /* at once */
	} responder;
	struct {
		uint32_t refuse;	   /* RSTs per second */
		uint32_t events;	   /* events per second */
		uint64_t event_interval_s; /* one event per source and reason in this time */
	} budgets;
	struct conf_text resolvers[CONF_RESOLVERS_MAX]; /* "ADDR", "ADDR:PORT" */
	unsigned resolver_count;			/* 0: those of /etc/resolv.conf */
	struct {
		struct conf_text sites[CONF_SITES_MAX]; /* as postscreen_dnsbl_sites has them */
		unsigned site_count;			/* 0: nobody is asked */
		uint32_t threshold;
		bool ask_nonglobal; /* tests: ask about private addresses too */
		uint64_t timeout_s;
		uint64_t listed_min_ttl_s, listed_max_ttl_s;
		uint64_t clean_min_ttl_s, clean_max_ttl_s;
		uint64_t probe_every_s;
		uint32_t budget_per_s, budget_per_day; /* questions to one zone */
		uint32_t unproven_per_s; /* of them for who has never completed a handshake */
		struct conf_text reply_names[CONF_SITES_MAX]; /* "DOMAIN=NAME" */
		unsigned reply_name_count;
		struct conf_text untested[CONF_SITES_MAX]; /* domains without test entries */
		unsigned untested_count;
		char data[CONF_DATA_MAX][PATH_MAX];
		unsigned data_count;		    /* 0: the file that ships */
		char abuse_contacts[CONF_TEXT_MAX]; /* a zone; "": nobody is asked */
	} dnsbl;
	struct {
		uint32_t none, mismatch, generic; /* added to the score */
		bool alone;			  /* may list without any zone */
	} rdns;
	struct {		    /* of who offends again and again */
		uint32_t after;	    /* offences; 0: nobody is banned */
		uint64_t within_s;  /* in this time */
		uint64_t first_s;   /* the first ban; each further one is twice as long */
		uint64_t longest_s; /* and none longer than this */
		uint64_t forget_s;  /* after so long without an offence all is forgotten */
		uint32_t
			neighbours; /* banned sources of one network that make a ban of all of it; 0: never */
	} bans;
	struct conf_feed feeds[CONF_FEEDS_MAX];
	unsigned feed_count;
	uint32_t
		feed_shrink; /* a new file with less than this part of the old one's entries is not taken */
	uint32_t feed_grow;	 /* nor one with more than so many times as many */
	char mail_log[PATH_MAX]; /* "auto", "none", "journal", or a file */
	char metrics
		[CONF_TEXT_MAX]; /* where they can be had: "" nowhere, ADDR:PORT of loopback, or a path */
	struct {		 /* entries, the bounds of the maps */
		uint32_t rules, blocks, allow, open, rates, listed, known;
	} tables;
	bool debug; /* log more */
};

void conf_defaults(struct conf *c);

/*
 * Read a file over the defaults. Unknown keys, wrong types and values out of bounds are errors with
 * file, line and the nearest known key. 0, or -errno with *c untouched. A missing file is -ENOENT.
 */
int conf_read(const char *path, struct conf *c, struct err *e);

/*
 * One object {"key","value","default","is_default"} per key, in schema order, for `show config`. fn takes
 * the reference and returns 0 to go on. Returns 0, fn's value, or -errno.
 */
int conf_each(const struct conf *c, int (*fn)(void *context, json_t *row), void *context);

/*
 * One row for each key that differs: {"key","was","now","effect"}, the values as short printable texts, effect as `help reload` has it. fn takes the
 * reference, hears whether the values are for no log, and returns 0 to go on. Returns 0, fn's value, or -errno.
 */
int conf_each_change(const struct conf *before, const struct conf *now,
		     int (*fn)(void *context, json_t *row, bool is_secret), void *context);
/* Prints which keys come into force in another way than at a reload, a line for each way. */
void conf_print_effects(FILE *out);

/* A complete sample configuration: each key with its default and its sentence. 0 or -errno. */
int conf_write_sample(FILE *out);

/*
 * Why nobody can be told on this port why he is refused, so that `reply` is `refuse` there: a part of a sentence. NULL: the responder can
 * speak there.
 */
const char *conf_no_reply(const struct conf *c, const struct conf_port *port);

/* "120/1m burst 120" or "" (off). 0 or -EINVAL. */
int rate_parse(const char *text, struct conf_rate *out, struct err *e);
const char *rate_format(const struct conf_rate *r, char *buffer, size_t size);

/* Where `metrics` may be had. */
enum conf_metrics_kind { CONF_METRICS_NONE, CONF_METRICS_TCP, CONF_METRICS_UNIX };
struct conf_metrics {
	enum conf_metrics_kind kind;
	struct addr addr; /* TCP: of loopback */
	uint16_t port;
};
/* "127.0.0.1:9125", "[::1]:9125", "/path" or "" (nowhere). 0 or -EINVAL. */
int metrics_parse(const char *text, struct conf_metrics *out, struct err *e);

/* Is the name one a directory can bear? Letters, digits, - and _, 1 to CONF_INSTANCE_MAX-1. */
bool instance_is_valid(const char *name);

#endif
