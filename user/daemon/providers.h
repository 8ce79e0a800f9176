/* SPDX-License-Identifier: BSD-2-Clause */
/* The networks that the SPF records of trusted providers name. */
#ifndef DAEMON_PROVIDERS_H
#define DAEMON_PROVIDERS_H

#include "daemon/parts.h"

extern const struct part providers_part;

#endif
