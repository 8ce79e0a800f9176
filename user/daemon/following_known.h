/* SPDX-License-Identifier: BSD-2-Clause */
/* Who delivers mail is a known source: see following_known.c. */
#ifndef DAEMON_FOLLOWING_KNOWN_H
#define DAEMON_FOLLOWING_KNOWN_H

#include "daemon/said.h"
#include "daemon/state.h"
#include "store/senders.h"

/* The sender of this delivery is known for CONTACT_KNOWN_S from it, unless it is listed. What fails is said once. */
void known_add(struct daemon *d, const struct store_delivery *delivery, struct said *said);
/* New maps, or a host that was booted, know nobody: all that the store has are entered anew. */
void known_restore(struct daemon *d, struct said *said);

#endif
