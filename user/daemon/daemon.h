/* SPDX-License-Identifier: BSD-2-Clause */
/* `postern run`: the controller in the foreground. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>

#include "conf/conf.h"

/*
 * Police until a signal says otherwise: SIGTERM leaves the gate standing, SIGINT takes everything
 * down, SIGHUP reads config_path again (NULL: CONF_PATH). c is what was read from it, with the
 * command line's instance. trial: the state lies in the run directory, and nothing at all is left
 * at the end. Prints to the log; returns an exit status.
 */
int daemon_run(const struct conf *c, const char *config_path, bool trial);

#endif
