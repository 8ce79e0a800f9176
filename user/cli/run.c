/* SPDX-License-Identifier: BSD-2-Clause */
/* run: the controller; everything it does is in user/daemon. */
#include "cli/cli.h"
#include "daemon/daemon.h"

int verb_run(struct cli *cli, const struct sentence *s)
{
	const char *path = cli->config_given ? cli->config_path : NULL;

	return daemon_run(&cli->conf, path, sentence_get(s, "--trial") != NULL);
}
