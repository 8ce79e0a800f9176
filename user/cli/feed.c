/* SPDX-License-Identifier: BSD-2-Clause */
/* feed load. */
#include "cli/cli.h"

int verb_feed_load(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_fail(cli, CLI_FAILED, "not there yet");
}
