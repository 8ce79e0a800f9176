/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands do to the maps of a gate: rules, sources, counts, counters, questions. */
#ifndef KERN_MAPS_H
#define KERN_MAPS_H

#include "kern/gate.h"

/* ---- rules (pn_rule, pn_block) and the allow list (pn_allow) ---- */

/*
 * A host goes into pn_rule, a shorter prefix into pn_block. expires_boot_ns 0: never. A full map is
 * -ENOSPC with which map, how many entries, and which configuration key raises it.
 */
int rules_block(struct gate *g, const struct prefix *p, enum pn_action action,
		uint64_t expires_boot_ns, struct err *e);
int rules_unblock(struct gate *g, const struct prefix *p, struct err *e); /* -ENOENT */
/* action PN_ALLOW or PN_TRUST */
int rules_allow(struct gate *g, const struct prefix *p, enum pn_action action,
		enum pn_origin origin, uint64_t expires_boot_ns, struct err *e);
int rules_disallow(struct gate *g, const struct prefix *p, struct err *e); /* -ENOENT */

/* Does what ends then (boot ns, 0 never) hold now? To the kernel what does not is gone, whether reaped or not. */
static inline bool rule_is_live(uint64_t expires, uint64_t now_boot_ns)
{
	return !expires || expires > now_boot_ns;
}

struct rule_entry {
	struct prefix prefix;
	struct pn_rule rule;
};
/* Every entry, expired ones too. fn may delete the entry it is given. 0, fn's value, or -errno. */
int rules_each_block(struct gate *g, int (*fn)(void *c, const struct rule_entry *r), void *c,
		     struct err *e);
int rules_each_allow(struct gate *g, int (*fn)(void *c, const struct rule_entry *r), void *c,
		     struct err *e);
/* Delete expired entries of all lists. How many. */
int rules_reap(struct gate *g, struct err *e);

/* Destinations that are policed (pn_guard) and who may reach a port (pn_only): replaced whole. */
int rules_set_guard(struct gate *g, const struct prefix *list, unsigned count, struct err *e);
struct only_entry {
	uint16_t port;
	struct prefix prefix;
};
int rules_set_only(struct gate *g, const struct only_entry *list, unsigned count, struct err *e);

/* ---- sources: what was decided automatically (pn_listed), and who is known (pn_known) ---- */

struct source_entry {
	struct prefix prefix;
	bool listed; /* else known */
	enum pn_action action;
	enum pn_origin origin;
	uint64_t expires; /* boot ns, 0 never */
};
/*
 * A listing: of an address, of an IPv6 /64, or of a whole network (/24, /48), which known sources are exempt from.
 * -ENOSPC: pn_listed is full, with the key that raises it. 0 or -errno.
 */
int sources_put_listed(struct gate *g, const struct prefix *p, const struct pn_listed *l,
		       struct err *e);
/* out may be NULL. 0, or -ENOENT: no such entry, live or not. */
int sources_get_listed(struct gate *g, const struct prefix *p, struct pn_listed *out,
		       struct err *e);
int sources_take_listed(struct gate *g, const struct prefix *p, struct err *e); /* -ENOENT */
/* Of the source that the address belongs to (IPv4 /32, IPv6 /64). */
int sources_put_known(struct gate *g, const struct addr *a, const struct pn_known *k,
		      struct err *e);
int sources_take_known(struct gate *g, const struct addr *a, struct err *e); /* -ENOENT */
int sources_get_known(struct gate *g, const struct addr *a, struct pn_known *out, struct err *e);

int sources_each(struct gate *g, int (*fn)(void *c, const struct source_entry *s), void *c,
		 struct err *e);
/*
 * Take out of pn_listed the entries that is_stray says of; taken (may be NULL) hears of each when it is out. is_stray may not change the
 * map. 0 or -errno.
 */
int sources_prune_listed(struct gate *g, bool (*is_stray)(void *c, const struct source_entry *s),
			 void (*taken)(void *c, const struct prefix *p), void *c, struct err *e);
/* Take back what was decided or measured automatically about an address: listed, known, rate, answers.
 * -ENOENT: nothing. */
int sources_forget(struct gate *g, const struct addr *a, struct err *e);

/* ---- rates and open connections ---- */

struct rate_entry {
	struct prefix source;
	bool network;	     /* of its /24 or /48 */
	uint32_t used;	     /* connections of credit spent just now */
	uint32_t limit;	     /* burst */
	uint64_t free_in_ns; /* until one more is let in; 0: now */
	uint64_t
		charged_ns; /* the state itself, monotonic: more, once another connection was charged */
};
int rates_each(struct gate *g, int (*fn)(void *c, const struct rate_entry *r), void *c,
	       struct err *e);
int rates_get(struct gate *g, const struct addr *a, bool network, struct rate_entry *out,
	      struct err *e); /* used 0 when unknown to the map */

struct open_entry {
	struct prefix source;
	uint32_t open;
};
int open_each(struct gate *g, int (*fn)(void *c, const struct open_entry *o), void *c,
	      struct err *e);
uint32_t open_get(struct gate *g, const struct addr *a);
uint64_t open_total(struct gate *g);
/*
 * Adopt sockets that were there before the gate (iter/tcp, this network namespace): marks and
 * counts them. How many.
 */
int open_adopt(struct gate *g, struct err *e);
/* Compare pn_open with the marks on the sockets and correct differences that stood still. How much
 * drift was corrected. */
int open_reconcile(struct gate *g, struct err *e);

/* ---- counters ---- */

struct counter {
	const char *name, *sentence;
	enum pn_class class_;
	struct pn_tally sum; /* over the CPUs */
};
int counters_each(struct gate *g, int (*fn)(void *c, const struct counter *k), void *c,
		  struct err *e);
/* Into a gate that has counted nothing yet: what another one has counted so far. 0 or -errno. */
int counters_carry(struct gate *from, struct gate *to, struct err *e);
struct fault {
	const char *name, *sentence;
	uint64_t count;
};
int faults_each(struct gate *g, int (*fn)(void *c, const struct fault *f), void *c, struct err *e);

/* ---- why: ask the kernel's own code ---- */
int why_ask(struct gate *g, const struct addr *a, uint16_t port, struct pn_why *out, struct err *e);
/* The port to ask about: the first at which everything applies, else the first that is policed. */
uint16_t why_port(struct gate *g);

/* ---- events ---- */
struct events;
int events_open(struct events **out, struct gate *g, void (*fn)(void *c, const struct pn_event *e),
		void *c, struct err *e);
int events_fd(const struct events *ev);
int events_read(struct events *ev); /* calls fn for what is there; how many, or -errno */
void events_close(struct events *ev);

/* ---- questions of the kernel side: who is this stranger? ---- */
struct asks;
/* fn returns 0, or another value to stop: the ask it was given is taken, what is behind it stays in the ring. */
int asks_open(struct asks **out, struct gate *g, int (*fn)(void *c, const struct pn_ask *a),
	      void *c, struct err *e);
int asks_fd(const struct asks *a);
int asks_read(struct asks *a);	 /* how many were given, or -errno */
void asks_close(struct asks *a); /* NULL is fine */

/* ---- the responder's socket ---- */

/*
 * Have pn_steer hand refused connections to this listening TCP socket. It is not held: when its owner closes it, connections
 * pass on. Its connections are not counted as the mail server's. 0 or -errno.
 */
int steer_listen(struct gate *g, int fd, struct err *e);
/* Only connections that come in by these interfaces are handed over. Replaces the list. */
int steer_set_ingress(struct gate *g, const int *ifindexes, unsigned count, struct err *e);

/* ---- names, from the ABI's tables ---- */
const char *reason_name(enum pn_reason r);
const char *reason_sentence(enum pn_reason r);
enum reason_fate { REASON_PASSES, REASON_HOLDS, REASON_STOPS };
enum reason_fate reason_fate_of(enum pn_reason r);
const char *
action_name(enum pn_action a); /* "pass" "drop" "refuse" "reply" "hold" "allow" "trust" */
const char *origin_name(enum pn_origin o);  /* "operator" "own" "local" ... */
const char *class_name_of(enum pn_class c); /* "mx" "submission" */

struct pn_key key_of_prefix(const struct prefix *p);
struct pn_key key_of_source(const struct addr *a);  /* IPv4 /32, IPv6 /64 */
struct pn_key key_of_network(const struct addr *a); /* /24, /48 */

#endif
