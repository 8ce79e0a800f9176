/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The talk between the controller and the child that reads one feed and ends: an order that is two descriptors, and one message FEED.
 * The child can open nothing, and what it writes is checked by feedlist_take().
 */
#ifndef DAEMON_FEEDING_CHILD_H
#define DAEMON_FEEDING_CHILD_H

#include "base/err.h"

/* Over a channel that nursery_spawn() has given: read file, write to memory. Both stay the caller's. 0 or -errno. */
int feeder_order(int channel, int file, int memory, struct err *e);

#endif
