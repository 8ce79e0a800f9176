/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the mail server writes its log: what `mail_log` says, or what is found on this host. */
#ifndef DAEMON_LOGSOURCE_H
#define DAEMON_LOGSOURCE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum logsource { LOGSOURCE_NONE, LOGSOURCE_FILE, LOGSOURCE_JOURNAL };

/* mail_log: "auto", "none", "journal" or a path. NONE with path "": not wanted; NONE with a path: there is none now. */
enum logsource logsource_find(const char *mail_log, char path[static PATH_MAX]);
/*
 * The keeper goes on without the capabilities that open other people's files; a log is often a group's (adm). While it may, it joins the
 * groups of what mail_log may lead to, and of the directories it lies in. Failing is no fault: what cannot be read later is said then.
 */
void logsource_join(const char *mail_log);
/*
 * Starts journalctl(1), which follows the mail facility from since_wall_s on into the pipe: without any capability, and without a way
 * to get one. Its pid, or -errno.
 */
pid_t logsource_journal(int pipe_fd, int64_t since_wall_s, struct err *e);

#endif
