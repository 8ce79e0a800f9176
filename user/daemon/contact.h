/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First contact: what the kernel asks goes to the resolver, and its verdicts go to the maps, the table of listings, the store and the
 * journal. While the resolver is not there, strangers are not held: they get in unasked.
 */
#ifndef DAEMON_CONTACT_H
#define DAEMON_CONTACT_H

#include "daemon/asked.h"
#include "daemon/child.h"
#include "daemon/listings.h"
#include "daemon/recording.h"
#include "daemon/said.h"
#include "daemon/young.h"
#include "dns/dns.h"

struct daemon;

struct contact {
	struct dns_settings *settings; /* NULL: no list is configured, nobody is asked about */
	struct child *resolver;
	struct asks *asks;
	struct loop_source *asks_source; /* NULL while the resolver has no room */
	struct asked *asked;
	struct message_ask waiting; /* one that it had no room for */
	bool has_waiting;
	struct listings *listings;
	struct young *young;
	struct recording *recording;
	struct message_zone zone[SITE_ZONES_MAX]; /* the last word on each; type 0: none yet */
	bool zones_changed;
	uint64_t zones_written_ns, reaped_ns, trimmed_ns, servers_ns;
	uint64_t paid_ns; /* when all verdicts in the store were read through last */
	uint64_t
		owed; /* suspended zones, a bit each, whose verdicts the store could not yet drop */
	bool restored;	       /* what the store has is in force, or there is no store */
	bool judged;	       /* the listings in the store are by the lists of today */
	int64_t store_version; /* another one: a command has changed the store */
	struct said full_said;
	uint64_t news_second; /* news of the lists are bounded too */
	unsigned news;
	uint64_t told_second; /* lines of the log are bounded */
	uint32_t told;
};

/* Restores what the store has, and starts the resolver if there are lists. 0 or -errno. */
int contact_open(struct daemon *d, struct err *e);
/* d->gate is about to be replaced: what its maps alone tell is read. */
void contact_gate_changes(struct daemon *d);
/* d->gate has other maps now: listen to them and fill them. */
void contact_gate_changed(struct daemon *d);
/* d->conf is new. before: what was in force. */
void contact_reload(struct daemon *d);
/* Once a second: what has expired, what people can look at. */
void contact_tick(struct daemon *d, uint64_t now_boot_ns);
/* Nothing is asked any more; strangers get in. */
void contact_close(struct daemon *d);

/* ---- verdicts.c ---- */

void verdict_take(struct daemon *d, const struct message_verdict *m);
/* A zone has been suspended: what rests on it goes. */
void verdicts_take_back(struct daemon *d, unsigned zone, const char *why);
/* Of a suspended zone: out of the store, and those whom it made known out of the map. *known: how many. 0 or -errno. */
int verdicts_known_take_back(struct daemon *d, unsigned zone, size_t *known, struct err *e);
/* Listings by other lists: out of the table. verdicts_restore() then takes them out of the map. */
void verdicts_forget_all(struct daemon *d);
/* What the store has comes into force beside what is; what the map has beyond that goes. */
void verdicts_restore(struct daemon *d);
/* The table into the map: new maps, another action. */
void verdicts_refill(struct daemon *d);
/* A ban on this prefix has ended: what else stands against it comes into force again. */
void verdicts_relist(struct daemon *d, const struct prefix *p);
void verdicts_expire(struct daemon *d, uint64_t now_boot_ns);

/* A command has changed the store: what it has forgotten is no listing any more. */
void verdicts_drop_forgotten(struct daemon *d);

/* ---- evidence.c ---- */

/* The zones a verdict rests on, a bit each: those that listed, or for a clean one those that turned it. */
uint64_t evidence_zones(const struct message_verdict *m);
/* On its way into the store: on this prefix, resting on these zones. */
void evidence_record(struct daemon *d, const struct message_verdict *m, const struct prefix *prefix,
		     uint64_t on, uint64_t expires_ns);

/* ---- judgement.c ---- */

/* What the store owes, if it can be had now. 0 or -errno; -EBUSY: later. */
int judgement_pay(struct daemon *d, struct err *e);

/* The public name of a zone, by its number. */
const char *contact_zone_name(const struct daemon *d, unsigned zone);
/* May another line be written in this second? */
bool contact_may_tell(struct daemon *d);

#endif
