/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures as Prometheus reads them: its text format 0.0.4, with names and labels by its conventions
 * (prometheus.io/docs/practices/naming). Labels are reasons, classes, tables, zones, feeds and interfaces, all of which the
 * configuration bounds; never an address. Pure.
 */
#ifndef DAEMON_METER_EXPOSITION_H
#define DAEMON_METER_EXPOSITION_H

#include "base/json.h"
#include "daemon/meter_measure.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Every family with its HELP and TYPE, those without a sample too. 0 or -errno. */
int exposition_write(const struct measure *m, FILE *out);
/* A row {"metric","type","labels":{...},"value"} for each sample; fn takes the reference. 0, fn's value, or -ENOMEM. */
int exposition_each(const struct measure *m, int (*fn)(void *c, json_t *row), void *c);

#endif
