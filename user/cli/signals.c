/* SPDX-License-Identifier: BSD-2-Clause */
/* See signals.h. */
#include "cli/signals.h"

#include <stddef.h>

void signals_hear(const struct signals_row *list, sigset_t *waiting)
{
	sigset_t block;

	sigemptyset(&block);
	for (const struct signals_row *row = list; row->number; row++) {
		struct sigaction act = {.sa_handler = row->heard}, now;

		if (sigaction(row->number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			continue;
		sigemptyset(&act.sa_mask);
		sigaddset(&block, row->number);
		sigaction(row->number, &act, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, waiting);
	for (const struct signals_row *row = list; row->number; row++)
		sigdelset(waiting, row->number);
}
