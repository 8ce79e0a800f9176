/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the mail server writes its log: what `mail_log` says, or what is found on this host. The controller, which follows the log, and the
 * report, which reads it back, ask here: one must not judge by another log than the other.
 */
#ifndef MAILLOG_FIND_H
#define MAILLOG_FIND_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum maillog_place { MAILLOG_NOWHERE, MAILLOG_IN_FILE, MAILLOG_IN_JOURNAL };

/* mail_log: "auto", "none", "journal" or a path. NOWHERE with path "": not wanted; NOWHERE with a path: there is none now. */
enum maillog_place maillog_find(const char *mail_log, char path[static PATH_MAX]);
/* By what a rotated file was packed, as its name ends. */
enum maillog_packing { MAILLOG_PLAIN, MAILLOG_GZIP, MAILLOG_PACKED_OTHERWISE };
enum maillog_packing maillog_packing(const char *path);
/*
 * The keeper goes on without the capabilities that open other people's files; a log is often a group's (adm). While it may, it joins the
 * groups of what mail_log may lead to, and of the directories it lies in. Failing is no fault: what cannot be read later is said then.
 */
void maillog_join_groups(const char *mail_log);
/*
 * Which directories of the journal are there: the persistent one (bit 0) and the volatile one. journalctl(1) sees no entry of one that is
 * made after it was started.
 */
unsigned maillog_journals(void);
/*
 * Starts journalctl(1), which writes the mail facility from since_wall_s on into the pipe, and with `follows` what comes later too, or with
 * MAILLOG_FROM_END that alone: without any capability, and without a way to get one. It ends with the caller. Its pid, or -errno.
 */
#define MAILLOG_FROM_END (-1)
pid_t maillog_start_journal(int pipe_fd, int64_t since_wall_s, bool follows, struct err *e);

#endif
