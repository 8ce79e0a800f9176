/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a service manager is told (sd_notify(3)): that we are ready, a line about how things stand, that we are alive, and how it ended. And what
 * the log is told of the mode, which commands and the clock change without us.
 */
#ifndef DAEMON_MANAGER_H
#define DAEMON_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct daemon;

#define MANAGER_STATUS_MAX 512

struct manager {
	char status[MANAGER_STATUS_MAX]; /* as it was told last */
	uint64_t status_ns;
};

/* Sets the watchdog's timer, if there is one. 0 or -errno. */
int manager_open(struct daemon *d, struct err *e);
/* At the end of a start, and of a reload. */
void manager_ready(struct daemon *d);
/* Once a second. */
void manager_tick(struct daemon *d, uint64_t now_boot_ns);
/* At the end; code 0, or why it failed (-errno, and a sentence). */
void manager_stopping(int code, const char *why);

#endif
