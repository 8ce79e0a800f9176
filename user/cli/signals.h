/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals for a verb that goes on until it is told to end: heard while it waits, and at no other time. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>

struct signals_row {
	int number; /* 0 ends a list */
	void (*heard)(int number);
};

/*
 * From now on these are blocked, but for one that is ignored: whoever started us (nohup(1), a script's `&`) wants it so. *waiting: the
 * mask for ppoll(2), within which they come, so that none slips in between a look at what a handler has noted and the wait.
 */
void signals_hear(const struct signals_row *list, sigset_t *waiting);

#endif
