/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines for the mail log: facility mail, as the mail server's own, so that what reads its log reads ours. */
#ifndef DAEMON_MAILLOG_H
#define DAEMON_MAILLOG_H

/*
 * To the system's logger (RFC 3164 over /dev/log, severity info), and where there is none to standard error. Never waits: a
 * logger that is stuck costs lines, not the gate. The line is printable already.
 */
void maillog_write(const char *line);

#endif
