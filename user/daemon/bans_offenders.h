/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources and networks that have offended, with their histories, as the controller knows them. Bounded: strangers make it grow. When it is
 * full, whoever offends for the first time is not remembered until others are forgotten: his limits hold, and he is not banned.
 */
#ifndef DAEMON_BANS_OFFENDERS_H
#define DAEMON_BANS_OFFENDERS_H

#include "base/addr.h"
#include "policy/offence.h"

#define OFFENDERS_MAX	      16384 /* of some 200 bytes each: 3 MB */
#define OFFENDER_EVIDENCE_MAX 64

struct offender {
	struct offender *next;
	struct prefix prefix;
	struct offence_history history;
	enum offence_kind kind;		      /* of the last */
	char evidence[OFFENDER_EVIDENCE_MAX]; /* of it: what was seen, in a few words of ours */
	uint64_t charged_ns;		      /* of its rate, at the last offence against a limit */
	bool is_network;
	bool in_force;	/* its ban is in the map */
	bool unwritten; /* the store does not have it as it is */
	bool has_end;	/* its last ban has an end that is not written as passed */
};

struct offenders;

struct offenders *offenders_new(void);	    /* NULL: out of memory */
void offenders_free(struct offenders *all); /* NULL is fine */
struct offender *offenders_get(const struct offenders *all, const struct prefix *p);
/* There, or made, with nothing done. NULL: there is no room. */
struct offender *offenders_add(struct offenders *all, const struct prefix *p);
/* It has done nothing. */
void offender_clear(struct offender *o);
/* fn for each; true: it is taken out. fn may not change the table otherwise. */
void offenders_sweep(struct offenders *all, bool (*fn)(void *context, struct offender *o),
		     void *context);

#endif
