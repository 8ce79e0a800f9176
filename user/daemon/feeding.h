/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of addresses: watched, read by a child, swapped in. */
#ifndef DAEMON_FEEDING_H
#define DAEMON_FEEDING_H

#include <stdio.h>

#include "daemon/meter_measure.h"
#include "daemon/parts.h"

extern const struct part feeding_part;

/* A row a feed, for the file of facts. */
void feeding_print(const struct daemon *d, FILE *out);
/* The feeds of m, with the hits that are in it already. */
void feeding_measure(const struct daemon *d, struct measure *m);

#endif
