/* SPDX-License-Identifier: BSD-2-Clause */
/* import postfix. */
#include "cli/cli.h"

int verb_import_postfix(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_fail(cli, CLI_FAILED, "not there yet");
}
