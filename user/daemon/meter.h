/* SPDX-License-Identifier: BSD-2-Clause */
/* Where Prometheus reads. */
#ifndef DAEMON_METER_H
#define DAEMON_METER_H

#include "daemon/parts.h"

extern const struct part meter_part;

#endif
