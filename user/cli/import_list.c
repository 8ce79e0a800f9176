/* SPDX-License-Identifier: BSD-2-Clause */
/* import list. */
#include "cli/cli.h"

int verb_import_list(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_fail(cli, CLI_FAILED, "not there yet");
}
