/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where Prometheus reads. The keeper makes the socket that the configuration names and the page; a child (meter_child.c) reads the
 * requests, which are foreign, and asks for the page when somebody wants it.
 */
#ifndef DAEMON_METER_H
#define DAEMON_METER_H

#include "daemon/meter_measure.h"
#include "daemon/parts.h"

#define METER_PATH "/metrics"

extern const struct part meter_part;

/* What the controller knows beside the kernel: for its page, and for the run directory. */
void meter_tell(const struct daemon *d, struct measure *m);

#endif
