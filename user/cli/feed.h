/* SPDX-License-Identifier: BSD-2-Clause */
/* feed load, shared by its two ways: by the controller, and without one. */
#ifndef CLI_FEED_H
#define CLI_FEED_H

#include "cli/cli.h"
#include "daemon/feeding_talk.h"

/* What became of one feed. CLI_DONE when it is in force as its file has it, else CLI_FAILED. */
int feed_tell(const struct cli *cli, const struct feedtalk_answer *a);
/* Without a controller: read by a process that has given up all privileges, put into the gate that stands. */
int feed_load_alone(struct cli *cli, const char *name, bool anyway);

#endif
