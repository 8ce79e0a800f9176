/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics: Prometheus text. */
#include "cli/cli.h"

int verb_metrics(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_fail(cli, CLI_FAILED, "not there yet");
}
