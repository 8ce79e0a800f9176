/* SPDX-License-Identifier: BSD-2-Clause */
/* top: the live screen. */
#include "cli/cli.h"

int verb_top(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_fail(cli, CLI_FAILED, "not there yet");
}
