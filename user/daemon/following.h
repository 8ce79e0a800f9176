/* SPDX-License-Identifier: BSD-2-Clause */
/* The mail log, followed for who delivers. */
#ifndef DAEMON_FOLLOWING_H
#define DAEMON_FOLLOWING_H

#include "daemon/parts.h"

extern const struct part following_part;

#endif
