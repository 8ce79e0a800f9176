/* SPDX-License-Identifier: BSD-2-Clause */
/* What was decided, and in monitor mode what would have been, is kept for the report. */
#ifndef DAEMON_WITNESS_H
#define DAEMON_WITNESS_H

#include "daemon/parts.h"

extern const struct part witness_part;

/* Enforce mode cut so many connections of a stranger who was found listed by them. */
void witness_note_cut(struct daemon *d, const struct addr *a, unsigned connections);

#endif
