/* SPDX-License-Identifier: BSD-2-Clause */
/* export. */
#include "cli/cli.h"

int verb_export(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_fail(cli, CLI_FAILED, "not there yet");
}
