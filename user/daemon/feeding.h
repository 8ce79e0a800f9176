/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of addresses: watched, read by a child, swapped in. */
#ifndef DAEMON_FEEDING_H
#define DAEMON_FEEDING_H

#include "daemon/parts.h"

extern const struct part feeding_part;

#endif
