/* SPDX-License-Identifier: BSD-2-Clause */
/* Offences, and the bans that follow. */
#ifndef DAEMON_BANS_H
#define DAEMON_BANS_H

#include "daemon/parts.h"

extern const struct part bans_part;

#endif
