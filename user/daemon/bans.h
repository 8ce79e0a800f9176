/* SPDX-License-Identifier: BSD-2-Clause */
/* Offences, and the bans that follow: see bans.c. */
#ifndef DAEMON_BANS_H
#define DAEMON_BANS_H

#include "base/addr.h"
#include "daemon/parts.h"

extern const struct part bans_part;

/* A connection of a listed source has been cut. */
void bans_note_cut(struct daemon *d, const struct addr *a);

/* ---- bans_keep.c: what the store has of them ---- */

struct bans;
struct offender;

/* What the store has comes into force. 0 or -errno. */
int bans_restore(struct daemon *d, struct err *e);
/* What the store does not have yet is written, if it can be had now. 0 or -errno. */
int bans_write(struct daemon *d, struct err *e);
/* All bans go from the store, as they went from the map. 0 or -errno: it is owed still. */
int bans_lift_stored(struct daemon *d, struct err *e);
/* Once a second: all of this, who was forgotten by a command has no history any more, and what is old goes. 0 or -errno. */
int bans_tend_store(struct daemon *d, uint64_t now_ns, struct err *e);

#endif
