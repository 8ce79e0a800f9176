/* SPDX-License-Identifier: BSD-2-Clause */
/* report: proof before enforcement. */
#include "cli/cli.h"

int verb_report(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_fail(cli, CLI_FAILED, "not there yet");
}
