/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals of a verb that goes on: heard within its wait and at no other time, and not at all where whoever started it has them ignored. */
#include "cli/signals.h"
#include "tap.h"

static volatile sig_atomic_t heard;

static void hear(int number)
{
	heard = number;
}

static const struct signals_row list[] = {{SIGHUP, hear}, {SIGTERM, hear}, {0, NULL}};

TEST(what_is_ignored_stays_so)
{
	struct sigaction now;
	sigset_t waiting;

	signal(SIGHUP, SIG_IGN);
	signals_hear(list, &waiting);
	raise(SIGHUP);
	raise(SIGTERM);
	EXPECT(!heard, "nothing comes before the wait: %d", (int)heard);
	EXPECT(sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN, "still ignored");
	sigsuspend(&waiting);
	EXPECT(heard == SIGTERM, "the other one is heard: %d", (int)heard);
}
