/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the controller knows and the kernel does not, as files in the run directory that anybody with the right to can read: how the lists do
 * (JSON Lines), and how the children do (one object). Each is replaced whole. Commands read them; nobody asks the controller.
 */
#ifndef DAEMON_FACTS_H
#define DAEMON_FACTS_H

#include <stdint.h>

#include "base/json.h"

struct daemon;

void facts_write_zones(struct daemon *d);
void facts_write_children(struct daemon *d);
void facts_write_feeds(struct daemon *d);
/*
 * The answer to a reload, the number-th of this gate: changes, an array of rows of conf_each_change(), and what was wrong, NULL nothing.
 * JSON Lines; the last is {"reload":number,"file","fault","updated"}.
 */
void facts_write_reload(const struct daemon *d, const json_t *changes, const char *fault,
			uint32_t number);
void facts_write_providers(struct daemon *d);
/* At the end, before the run directory goes. */
void facts_remove(struct daemon *d);

#endif
