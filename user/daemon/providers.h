/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Providers whose SPF records say from where they send (trust_spf): their networks stand in pn_allow as trusted, so that no list
 * keeps their mail out, while limits and the operator's blocks hold. A child reads the records (providers_child.c); what is believed of
 * it policy/provider.h says; and the store keeps the last that was good.
 */
#ifndef DAEMON_PROVIDERS_H
#define DAEMON_PROVIDERS_H

#include "conf/conf.h"
#include "daemon/messages.h"
#include "daemon/parts.h"
#include "daemon/said.h"
#include "dns/spf_networks.h"
#include "store/providers.h"

/* What the child is born with. */
struct provider_settings {
	struct resolver_server server[RESOLVER_SERVERS_MAX];
	unsigned server_count;
	unsigned timeout_ms; /* of a question */
	char domain[CONF_PROVIDERS_MAX][NAME_TEXT_MAX];
	unsigned domain_count;
};

#define PROVIDER_JOURNAL "provider" /* what its entries in the journal are called */

enum provider_state {
	PROVIDER_ASKING,      /* nothing was heard yet */
	PROVIDER_GOOD,	      /* as its record says */
	PROVIDER_EMPTY,	      /* its record names no network */
	PROVIDER_HELD,	      /* its record has changed too much to be believed at once */
	PROVIDER_REFUSED,     /* its record is broken, too wide, or lacks */
	PROVIDER_UNREACHABLE, /* the DNS does not answer */
};

struct provider {
	struct store_provider kept; /* in force, and what is held back */
	enum provider_state state;
	char why[ERR_TEXT_MAX];			/* "" when there is nothing to say */
	char note[MESSAGE_NOTE_MAX];		/* what of its record was left out */
	struct prefix part[STORE_NETWORKS_MAX]; /* of a record that comes in parts */
	uint32_t parts, part_count;
	unsigned fitting; /* of its networks, those that are in the gate or need not be */
	/* The store was asked about it. Before that nobody can tell what its record has changed. */
	bool known;
	bool blind;   /* the record in part was judged before that, since nobody could tell */
	bool waiting; /* a record in part that was read meanwhile, and is judged when it is known */
	char waiting_why[MESSAGE_NOTE_MAX]; /* what the record says without networks */
	bool dirty;			    /* the store is to have it */
};

struct providers {
	struct daemon *d;
	struct provider *list; /* in the order of the configuration */
	unsigned count;
	struct provider_settings settings;
	struct child *child; /* NULL: there is nobody to ask about */
	bool restored;	     /* the store was asked about each, and has no others */
	bool changed;	     /* for those who look */
	bool overdue;	     /* the gate could not be changed while a command was at it */
	bool gate_seen;
	bool gate_was_empty; /* nothing of providers stood in it when it was first seen */
	int64_t store_version;
	uint64_t servers_ns, applied_ns, written_ns;
	uint64_t expiry_ns; /* of the next rule to which networks may give way now; 0 none */
	struct said full_said, servers_said;
};

extern const struct part providers_part;

const char *provider_state_name(enum provider_state s); /* "good", "held", ... */

/* ---- providers_gate.c ---- */

/*
 * Make the entries of pn_allow that are the providers' the image of what is in force of them. Under the store's lock, as whoever
 * changes rules; where somebody else has it, overdue is set, and nothing was changed.
 */
void providers_apply(struct providers *p);

/* ---- providers_take.c ---- */

/* A record was read: what becomes of it. All of its parts are in one->part. */
void provider_take(struct providers *p, struct provider *one, const struct message_provider *m);
/* Is it known what was in force before, or will nobody tell? */
bool provider_is_to_be_judged(const struct providers *p, const struct provider *one);
/* What waited, once it is known what was in force before, or that nobody will tell. */
void provider_take_waiting(struct providers *p, struct provider *one);
/* Nobody has confirmed it for too long. */
void provider_expire(struct providers *p, struct provider *one);

#endif
