/* SPDX-License-Identifier: BSD-2-Clause */
/* What was decided, and in monitor mode what would have been, is kept for the report. */
#ifndef DAEMON_WITNESS_H
#define DAEMON_WITNESS_H

#include "daemon/parts.h"

extern const struct part witness_part;

/* Enforce mode cut a connection, from this port of his, of a stranger who was found listed by it. */
void witness_note_cut(struct daemon *d, const struct addr *a, uint16_t port);

#endif
