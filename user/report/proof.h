/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proof before enforcement: what was refused, or in monitor mode would have been, laid against what the mail server took. Pure: it is fed rows of the
 * store and events of the mail log, and says what follows. A delivery counts against a refusal by source and by time: it must have come
 * by a connection that was made while the source was being refused.
 */
#ifndef REPORT_PROOF_H
#define REPORT_PROOF_H

#include <stdbool.h>
#include <stdio.h>

#include "conf/conf.h"
#include "dns/name.h"
#include "maillog/maillog.h"
#include "policy/standing.h"
#include "store/refusals.h"
#include "store/senders.h"

#define PROOF_SCHEMA	  1
#define PROOF_REASONS_MAX 32 /* the kernel has some twenty */
#define PROOF_DETAILS_MAX                                                                          \
	64 /* lists and limits that are told apart; the rest is the last, "others" */
#define PROOF_DOMAINS_SHOWN 3 /* of envelope senders, for a source */
#define PROOF_DOMAINS_MAX                                                                          \
	32 /* that are told apart: who sends for more is a provider, or forges them */
#define PROOF_PROVIDERS_MAX  5 /* that are suggested: who has more reads the table */
#define PROOF_PROVIDER_LEAST 3 /* honest sources under one name: so few are trusted one by one */
#define PROOF_PROVIDER_SHARE 2 /* of all under it, one in so many must be */
/* Mail has habits of the day: who writes at night is not seen at noon. And of a few dozen connections nothing follows. */
#define PROOF_EARLY_S		(24 * 3600)
#define PROOF_EARLY_CONNECTIONS 100

enum proof_kind {
	PROOF_LIST,  /* DNS lists: trust helps */
	PROOF_LIMIT, /* of connections: trust does not help */
	PROOF_FEED,  /* a file of addresses */
	PROOF_BAN,
	PROOF_OPERATOR,	 /* the operator's own blocks: nothing to explain */
	PROOF_ONLY,	 /* a port that is not open to all */
	PROOF_MALFORMED, /* packets that no honest host sends */
};

enum proof_state {
	PROOF_NOTHING, /* it delivered nothing that is known of */
	PROOF_LEFT,    /* it delivered while it was refused: to be explained */
	PROOF_SUSPECT, /* likewise, and it looks like spam (policy/standing.h) */
	PROOF_SETTLED, /* likewise, and it is trusted, allowed or blocked by now */
	PROOF_APART,   /* it delivered, but at other times */
	PROOF_STATES,
};

struct proof_detail {
	char name[STORE_DETAIL_MAX]; /* a list, or a limit */
	uint64_t connections;
	unsigned was; /* its place before they were ordered */
};

/* [0]: would have been; [1]: was. */
struct proof_reason {
	char name[STORE_NAME_MAX];
	enum proof_kind kind;
	uint64_t connections[2];
	unsigned sources[2];
	uint64_t judged; /* packets that the kernel would have refused, by its own count */
	bool by_packet; /* each packet of a connection is judged: judged says nothing of connections */
	struct proof_detail detail[PROOF_DETAILS_MAX];
	unsigned details;
};

struct proof_row {
	unsigned reason; /* of the table */
	unsigned detail; /* of the reason; PROOF_DETAILS_MAX none */
	bool acted;
	int64_t first_wall_s, last_wall_s;
	uint64_t connections;
};

struct proof_source {
	struct addr addr;
	size_t row, rows; /* its part of the table */
	uint64_t connections[2];
	char *lists; /* of its last row with a list: "zen.example list.example"; NULL none */
	char *says;  /* the first list's reason; NULL none */
	char *feed;  /* of its last row with a feed; NULL none */
	char *lists_of[2],
		*feed_of[2]; /* likewise, of those that would have been, and that were, refused */
	/* What the mail log says of it. */
	char host[MAILLOG_HOST_MAX];
	char **domain; /* of envelope senders, the first that came first */
	size_t domains, domain_room;
	bool domains_cut;	       /* there were more than PROOF_DOMAINS_MAX */
	uint64_t messages, recipients; /* that came while it was refused */
	uint64_t apart;		       /* messages that came at other times */
	uint64_t before;	       /* messages that the store knows of, whenever */
	uint64_t rejected;	       /* times that the mail server turned it down itself */
	int64_t last_wall_s;	       /* of the last message; 0 none */
	uint32_t hit;	 /* a bit for each reason with a row that a delivery fell into */
	unsigned reason; /* by which it is judged: of those the heaviest that is not settled */
	uint64_t day;	 /* a bit for each on which it delivered, counted from the beginning */
	unsigned days;	 /* likewise, as the store knows it as well */
	bool trusted, allowed, blocked; /* by now: the operator has decided */
	bool generic;			/* host is a name of a range of customers */
	unsigned provider; /* of those left: which of the proof's; PROOF_PROVIDERS_MAX none */
	unsigned signs;	   /* of an honest sender: bits of policy/standing.h */
	enum proof_state state;
};

/* A part of the time: all connections, and those that were or would have been refused, by reason. */
struct proof_bucket {
	int64_t wall_s;
	uint64_t all, watched_s, monitor_s;
	uint64_t refused[PROOF_REASONS_MAX];
};

enum proof_log {
	PROOF_LOG_READ,
	PROOF_LOG_NONE,	   /* there is none, or it cannot be read: log_why */
	PROOF_LOG_STRANGE, /* no line of a known mail server is in it */
};

enum proof_verdict {
	PROOF_READY,   /* nothing is left to explain */
	PROOF_EXPLAIN, /* something is */
	PROOF_BLIND,   /* who delivered cannot be told */
	PROOF_EARLY,   /* nothing is, but too little was seen to enforce on it */
};

struct proof_facts {
	int64_t since_wall_s, now_wall_s;
	bool enforcing;		   /* now */
	unsigned event_interval_s; /* the kernel tells of a source's refusals at most so often */
	const struct conf_text *trust_spf; /* as configured: outlives the proof */
	unsigned trust_spf_count;
};

struct proof_told {
	const struct proof_source *source;
};

/*
 * Sources left whose verified names are of one registered domain: trust_spf may settle them at once. It trusts whomever the domain's owner names
 * from then on, and a spammer has names and a record of his own as well. So enough of them must have every sign of an honest sender.
 */
struct proof_provider {
	char domain[NAME_TEXT_MAX];
	unsigned sources, honest; /* of which */
};

struct proof {
	struct proof_facts facts;
	struct proof_reason reason[PROOF_REASONS_MAX];
	unsigned reasons;
	struct proof_source *source; /* by address */
	size_t sources, source_room;
	struct proof_row *row;
	size_t rows, row_room;
	struct proof_bucket *bucket; /* without gaps */
	size_t buckets, bucket_room;
	unsigned bucket_s;
	uint64_t all, watched_s, monitor_s;
	int64_t watched_from_s; /* the beginning of its first hour; 0 never */
	enum proof_log log;
	char log_name[256], log_why[ERR_TEXT_MAX];
	bool names_told; /* some sender's host name is known to be verified */
	struct maillog_span span;
	unsigned log_skipped; /* files that could not be read */
	int64_t log_hole_from_s,
		log_hole_until_s; /* what they had lies in between; until 0: there are none */
	bool log_cut;
	/* Connections, and sources, that would have been refused where the log does not reach. */
	uint64_t blind_connections;
	unsigned blind_sources;
	bool blind_late; /* some of it is younger than the log */
	/* Without the operator's own. */
	uint64_t refused[2];
	unsigned refused_sources[2];
	unsigned any_sources;	      /* either way, or both */
	unsigned count[PROOF_STATES]; /* sources */
	struct proof_told *told;      /* those that delivered, the likeliest to be honest first */
	size_t told_count;
	struct proof_provider provider[PROOF_PROVIDERS_MAX]; /* the largest first */
	unsigned providers;
	enum proof_verdict verdict;
};

/* ---- filling, in this order ---- */

int proof_new(struct proof **out, const struct proof_facts *facts);
void proof_free(struct proof *p); /* NULL is fine */
/* By source and time, as the store gives them. 0 or -ENOMEM. */
int proof_add_refusal(struct proof *p, const struct store_refusal *r);
int proof_add_hour(struct proof *p, const struct store_hour *h);
/* The source of this address, or NULL: it was never refused. */
struct proof_source *proof_find(const struct proof *p, const struct addr *a);
void proof_add_sender(struct proof *p, const struct store_sender *sender);
enum proof_decision { PROOF_TRUST, PROOF_ALLOW, PROOF_BLOCK };
/* The operator has decided about all of this prefix, by a rule in force. */
void proof_add_decision(struct proof *p, const struct prefix *prefix, enum proof_decision d);
/* An event of the mail log: a maillog_fn with the proof as its context. */
void proof_hear(void *context, const struct maillog_event *event);
/* What follows. The log's fields are filled by the caller before. 0 or -ENOMEM. */
int proof_conclude(struct proof *p);

/* ---- what is said of it ---- */

const char *
proof_state_name(enum proof_state s); /* "none", "left", "suspect", "settled", "apart" */
const char *proof_verdict_name(enum proof_verdict v); /* "ready", "explain", "blind", "early" */
const char *proof_kind_name(enum proof_kind k);
/* Of a source's connections those that were refused (acted), or would have been, for one reason. */
uint64_t proof_share(const struct proof *p, const struct proof_source *s, unsigned reason,
		     bool acted);
/* The newest limit, feed or list that is known of it for that reason; "" none. */
const char *proof_share_detail(const struct proof *p, const struct proof_source *s,
			       unsigned reason);
/* Likewise, of those that were refused (acted), or would have been. */
const char *proof_share_detail_of(const struct proof *p, const struct proof_source *s,
				  unsigned reason, bool acted);
/* Connections that would have been refused: by the rows, or by the kernel's count where that is one of connections, and larger. */
uint64_t proof_reason_would(const struct proof_reason *r);

/* What stands in the place of lists and limits for a reason that has none: "your own, not summed"; "" nothing. */
const char *proof_reason_note(const struct proof_reason *r);

/* words.c: sentences that all forms share, without a final stop. */
#define PROOF_TEXT_MAX 1024
void proof_headline(const struct proof *p, char text[static PROOF_TEXT_MAX]);
void proof_watched(const struct proof *p, char text[static PROOF_TEXT_MAX]);
/* Which log was read and how far it reaches, or why there is none. */
void proof_log_told(const struct proof *p, char text[static PROOF_TEXT_MAX]);
/* What of it cannot be told; "" all can. */
void proof_log_blind(const struct proof *p, char text[static PROOF_TEXT_MAX]);
/* "12 messages to 14 recipients, the last 2026-..., from example.org". */
void proof_delivered(const struct proof_source *s, char text[static PROOF_TEXT_MAX]);
/* "at least 11 connections: 10 listed by bl.example, 1 over limits.rate (120/1m burst 120)", of those that were refused (acted) or would have been; "" none. */
void proof_refused(const struct proof *p, const struct proof_source *s, bool acted,
		   char text[static PROOF_TEXT_MAX]);
/* "bl.example: Listed, see ..."; "" it gave no reason, or no list is in question. */
void proof_says(const struct proof *p, const struct proof_source *s,
		char text[static PROOF_TEXT_MAX]);
/* What speaks for it, and what against it: "a verified name of its own, mail on 4 days"; each may be "". */
void proof_signs(const struct proof *p, const struct proof_source *s,
		 char favour[static PROOF_TEXT_MAX], char against[static PROOF_TEXT_MAX]);
/*
 * The next in order, from *at on, of one state and one provider (PROOF_PROVIDERS_MAX: of none); *at is moved behind it. NULL: no more.
 */
const struct proof_source *proof_next(const struct proof *p, enum proof_state state,
				      unsigned provider, size_t *at);
/* How many of those left, and of no provider, are told of with all that is known of them: the first in order; the others stand in a table. */
unsigned proof_detailed(const struct proof *p);
/* Of so many in the table of those left, and what settles them. */
void proof_others(unsigned count, char text[static PROOF_TEXT_MAX]);
/* By what, in a word or two: "3 lists", "rate". */
void proof_by(const struct proof *p, const struct proof_source *s,
	      char text[static PROOF_TEXT_MAX]);
/* The rule by which suspects are told apart. */
void proof_suspects(const struct proof *p, char text[static PROOF_TEXT_MAX]);
/* That many of those left have names of one domain, for the i-th of p->providers. */
void proof_provider_tell(const struct proof *p, unsigned i, char text[static PROOF_TEXT_MAX]);
/*
 * The line of the configuration for all of p->providers, of which there must be one, and for those that it has already: a setting stands there once.
 * And what it is.
 */
#define PROOF_LINE_MAX (32 + CONF_PROVIDERS_MAX * (NAME_TEXT_MAX + 4)) /* four: "", */
void proof_providers_line(const struct proof *p, char text[static PROOF_TEXT_MAX],
			  char line[static PROOF_LINE_MAX]);
/* What settled it: "trusted", "allowed", "blocked". */
const char *proof_settled(const struct proof_source *s);
unsigned proof_lists(const struct proof *p, const struct proof_source *s);
/* What settles a source: a command, fit for a shell, "" none does; and what has to be known with it, "" nothing. */
void proof_advice(const struct proof *p, const struct proof_source *s,
		  char command[static PROOF_TEXT_MAX], char advice[static PROOF_TEXT_MAX]);
/* What to do now; the commands for it, "" none. */
void proof_closing(const struct proof *p, char text[static PROOF_TEXT_MAX],
		   char first[static PROOF_TEXT_MAX], char then[static PROOF_TEXT_MAX]);

/* Each 0 or -errno of writing. */
int proof_text(const struct proof *p, FILE *out);
int proof_json(const struct proof *p, FILE *out);
int proof_html(const struct proof *p, FILE *out);
void proof_plot(const struct proof *p, FILE *out); /* of the page: an SVG */

/* 0: nothing is left to explain; PROOF_EXIT_LEFT: something is, or nobody can tell, or not yet: a script that enforces on 0 must be right. */
#define PROOF_EXIT_LEFT 4
int proof_exit(const struct proof *p);

#endif
