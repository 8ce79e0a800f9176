/* SPDX-License-Identifier: BSD-2-Clause */
/* What a controller has written down of itself, its children and the lists, as measures: for metrics and top. */
#ifndef CLI_VITALS_H
#define CLI_VITALS_H

#include "cli/cli.h"
#include "daemon/meter_measure.h"

/*
 * The controller's part of m, once the gate's is in it (hits of feeds are by their number), as far as one runs and has told. What cannot be read is put into why (may be NULL) as a sentence,
 * "" when all is well; what is old counts as untold. zones (may be NULL): the rows of the lists as they are shown, an array for
 * the caller to decref, or NULL.
 */
void vitals_read(const struct cli *cli, struct measure *m, json_t **zones, struct err *why);

#endif
