/* SPDX-License-Identifier: BSD-2-Clause */
/* What bans.c and bans_keep.c share. */
#ifndef DAEMON_BANS_INSIDE_H
#define DAEMON_BANS_INSIDE_H

#include "daemon/bans_offenders.h"
#include "daemon/protected.h"
#include "daemon/said.h"

#define BANS_CUT_MAX 64

struct bans {
	struct offenders *all;
	unsigned in_force;
	struct protected_list protected; /* who is never banned */
	uint64_t protected_ns;		 /* as of then; 0: never read */
	struct prefix
		cut[BANS_CUT_MAX]; /* banned in this second: their connections are cut at its end */
	unsigned cut_count;
	bool restored;	       /* what the store has is here */
	bool unwritten;	       /* somebody has something that it has not */
	uint32_t store;	       /* its number: in another one nothing of it may be */
	bool lift_owed;	       /* it may have bans that were taken back */
	int64_t store_version; /* another one: a command has changed the store */
	int64_t entry_id;      /* of the journal: what was forgotten up to there is known */
	uint64_t reaped_ns;
	uint64_t again_ns; /* not before this is a store that was full written to */
	struct said full_said, spared_said;
};

/* What is counted as one source: an IPv4 address, an IPv6 /64. */
struct prefix bans_source(const struct addr *a);
/* Takes bans out of the map that nobody here knows of (bans_keep.c). */
void bans_prune(struct daemon *d);
/* Into the map, or anew. 0, or -errno: said once, and the source gets in. */
int ban_map(struct daemon *d, struct offender *o);
/* Has a command taken it out of the map, where it was? Its history is forgotten then. */
bool ban_is_taken_back(const struct daemon *d, const struct offender *o);
/* It has done nothing, and is in the map no more. */
void ban_forget(struct daemon *d, struct offender *o);
/* By the rules of now it may end earlier. True: it does, and stands so in the map. */
bool ban_shorten(struct daemon *d, struct offender *o);
int64_t ban_now_s(void); /* boot time */

#endif
