/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules as a whole: the store, the maps and the open sockets, changed together under the store's lock. Used by the
 * commands directly, with or without a controller running. A rule is reported as done only when
 * the store has committed it and, if the gate is loaded, the kernel has it.
 */
#ifndef DAEMON_RULING_H
#define DAEMON_RULING_H

#include "conf/conf.h"
#include "kern/maps.h"
#include "store/providers.h"
#include "store/verdicts.h"

struct ruling {
	const struct conf *conf;
	struct store *store; /* NULL only where a function says so */
	struct gate *gate;   /* NULL: not loaded; rules are stored and come into force with it */
	bool owns_gate; /* ruling_open() opened it: opened anew under the lock, closed at the end */
	bool may_owe; /* nobody waits here: a store that cannot be had now is no fault, but `owes`; nor one that cannot be written */
	bool unwritten; /* the kernel has the mode, but the store could not be told what became of its order */
	bool owes; /* ruling_sync() or ruling_apply_mode() has to be called again, when the lock is free */
	bool lifts_brake; /* a reload or a start: ruling_brake() holds no longer */
	/* Called now and then while many rules go by, which may take seconds; NULL: nobody cares. */
	void (*meanwhile)(void *context, struct gate *gate);
	void *context;	    /* of meanwhile */
	bool anyway;	    /* block addresses too from which somebody is logged in */
	const char *origin; /* NULL, or: rules of another origin are neither replaced nor deleted */
	size_t kept;	    /* after a put: how many stand already, and are another's */
	char kept_origin[STORE_ORIGIN_MAX]; /* whose the last of them is */
	size_t fault_at;		    /* after a failed *_many: which of them it was */
	struct err
		cut; /* the rule is in force, but open sockets could not be destroyed; code 0: none */
};

/* Opens store (WRITE) and gate (when loaded). 0 or -errno. */
int ruling_open(struct ruling *r, const struct conf *c, struct err *e);
void ruling_close(struct ruling *r);

/* The state directory of the instance: that of a running trial if there is one, else STATE_DIR/INSTANCE. */
const char *ruling_state_dir(const struct conf *c, char *buffer, size_t size);

/*
 * Look again which gate is loaded. Called with the store's lock held: a controller may have moved to new
 * maps since ruling_open(), and what is written to the old ones is lost.
 */
int ruling_refresh(struct ruling *r, struct err *e);

/*
 * Put one rule; refuses (-EPERM) a block of an own address, a gateway, a resolver, a private local network, what never_block names, and
 * of a prefix that covers one or is too wide, with the reason; and of an address from which somebody is logged in, unless `anyway`.
 * *killed: open sockets of it that were destroyed.
 */
int ruling_put(struct ruling *r, const struct store_rule *rule, unsigned *killed, struct err *e);
/* -ENOENT: no such rule; the sentence says which rule covers the prefix, if one does. */
int ruling_delete(struct ruling *r, enum store_kind kind, const struct prefix *p, struct err *e);
/* Many rules as one transaction. Stops at the first fault (fault_at) with nothing changed. */
int ruling_put_many(struct ruling *r, const struct store_rule *rules, size_t count,
		    unsigned *killed, struct err *e);
int ruling_delete_many(struct ruling *r, enum store_kind kind, const struct prefix *list,
		       size_t count, struct err *e);

/*
 * The longest network of a provider (trust_spf) that covers p, as the store has it: what trusts p whether or not a rule does. False: there is
 * none, or the store cannot be read.
 */
struct ruling_provider {
	struct prefix network;
	char domain[STORE_DOMAIN_MAX]; /* printable */
};
bool ruling_find_provider(struct ruling *r, const struct prefix *p, struct ruling_provider *out);

/* One stored rule into the maps. */
int ruling_rule_to_map(struct gate *g, const struct store_rule *rule, struct err *e);

/* ---- forgetting.c ---- */

#define FORGOTTEN_MAX 8

struct forgotten {
	struct prefix verdict[FORGOTTEN_MAX]; /* taken out of the store, the longest first */
	unsigned verdicts;
	struct prefix ban[FORGOTTEN_MAX]; /* likewise */
	unsigned bans;
	bool kernel; /* something was taken out of the maps */
	struct err
		kept; /* the store could not be changed: it may come back; code 0: it was changed */
};

/*
 * As ruling_open(), for what must work in need: store is NULL when there is none, or it cannot be opened (kept says why).
 */
int ruling_open_lenient(struct ruling *r, const struct conf *c, struct err *kept, struct err *e);
/*
 * Take back what was decided or measured automatically about an address: verdicts on it, on its /64, on its network. -ENOENT:
 * nothing was.
 */
int ruling_forget(struct ruling *r, const struct addr *a, struct forgotten *out, struct err *e);

/*
 * Make the maps the image of the store: add what lacks, take what is not in it. Own addresses apart. Without the lock (may_owe)
 * nothing is taken, since a command may be putting the very rule that seems stale.
 */
int ruling_sync(struct ruling *r, struct err *e);

/* The mode and its deadline. enforce_for_s 0: until told otherwise. Written to the store and to the kernel. */
int ruling_set_mode(struct ruling *r, enum conf_mode mode, uint64_t for_s, struct err *e);
/*
 * In need, where the store cannot be told: monitor mode in the kernel, until a reload, a start or another order. Whoever else reads the
 * stored mode leaves it so. 0 or -errno.
 */
int ruling_brake(const struct conf *c, struct err *e);
/*
 * Put the stored mode, or the configuration's, into the kernel. An order that the configuration has overtaken is
 * forgotten; the deadline of one that holds is written anew after a reboot or a step of the wall clock. Without the lock
 * (may_owe) the kernel gets the mode, and the store stays as it is. A brake holds, unless lifts_brake.
 */
int ruling_apply_mode(struct ruling *r, struct err *e);
/* With lifts_brake: whatever mode the store has comes into force again as soon as it is asked. */
void ruling_lift_brake(const struct ruling *r);
/* Until when the store or else the configuration wants to enforce: 0, PN_FOREVER or boot ns. store may be NULL. */
int ruling_stored_mode(struct store *store, const struct conf *c, uint64_t *until, struct err *e);

#endif
