/* SPDX-License-Identifier: BSD-2-Clause */
/* The mail log, followed for who delivers. */
#ifndef DAEMON_FOLLOWING_H
#define DAEMON_FOLLOWING_H

#include "base/json.h"
#include "daemon/parts.h"

extern const struct part following_part;

/*
 * For people: {"state","source","deliveries","lines","understood","gaps","deaths"}. state: "off" not wanted, "absent" there is no log,
 * "up" followed, "down" its process is not there now. NULL when out of memory.
 */
json_t *following_row(const struct daemon *d);

#endif
