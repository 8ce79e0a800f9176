/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a configuration to a gate that polices by it: the same steps for `postern run` and for
 * `postern attach`, so that a host without a daemon is policed no differently.
 */
#ifndef DAEMON_SETUP_H
#define DAEMON_SETUP_H

#include "conf/conf.h"
#include "daemon/ruling.h"
#include "kern/gate.h"

#define SETUP_LINKS_MAX 64 /* guarded interfaces of one instance: attached, configured, default */

/* The bounds of the maps as the configuration gives them. */
struct gate_sizes setup_sizes(const struct conf *c);

/* An action of the configuration, as the kernel has it. */
enum pn_action setup_action(enum conf_action action);

/* Write every live knob but the mode and the dead man's switch; also the guard and only lists. */
int setup_conf(struct gate *g, const struct conf *c, struct err *e);

/*
 * Everything that is never judged: net_own_list() for these interfaces, and the resolvers and never_block of the configuration. *out is malloc'd for the caller. How many, or -errno.
 */
struct net_own;
int setup_own_list(const struct conf *c, const int *ifindexes, unsigned count, struct net_own **out,
		   struct err *e);

/*
 * Make the entries of pn_allow the image of setup_own_list() for these interfaces, but for those of the operator and of providers:
 * what lacks is added, what is stale goes. An operator's entry of the same prefix stays; a provider's gives way.
 */
int setup_own(struct gate *g, const struct conf *c, const int *ifindexes, unsigned count,
	      struct err *e);

/*
 * The interfaces that are or will be guarded: those attached (g may be NULL), and those of the configuration or else
 * of the default routes. No duplicates; missing ones are left out. How many.
 */
unsigned setup_guarded(struct gate *g, const struct conf *c, int *ifindexes, unsigned max);

/*
 * Load, fill (knobs, rules from the store, own addresses, mode) and put in the place of what was there. Interfaces that were
 * attached stay so; none is attached anew. By conf, store, may_owe and lifts_brake of the ruling, which gets the gate. store NULL: the rules in
 * adopted maps stay as they are, and a gate whose maps would have to be filled anew is refused (-ENODATA), so that no rule is lost.
 * The caller holds gate_lock(): under it *origin holds true, and a new gate that fails is removed again.
 */
int setup_gate(struct ruling *r, enum gate_origin *origin, struct err *e);

#endif
