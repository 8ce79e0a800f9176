/* SPDX-License-Identifier: BSD-2-Clause */
/* run: the controller; everything it does is in user/daemon. */
#include <stdlib.h>

#include "cli/cli.h"
#include "daemon/asking.h"
#include "daemon/daemon.h"

int verb_run(struct cli *cli, const struct sentence *s)
{
	const char *path = cli->config_given ? cli->config_path : NULL;
	struct dns_settings *settings = NULL;
	struct err e = {0};

	/* A list that is gone, or one that is misspelt, is told now and not when the first stranger comes. */
	if (asking_settings(&cli->conf, cli->config_path, &settings, NULL, &e))
		return cli_fail_err(cli, CLI_FAILED, &e);
	free(settings);
	return daemon_run(&cli->conf, path, sentence_get(s, "--trial") != NULL);
}
