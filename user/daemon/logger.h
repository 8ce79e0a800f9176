/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines for the mail log: facility mail, as the mail server's own, so that what reads its log reads ours. */
#ifndef DAEMON_LOGGER_H
#define DAEMON_LOGGER_H

/*
 * To the system's logger (RFC 3164 over /dev/log, severity info), and where there is none to standard error. Never waits: a
 * logger that is stuck costs lines, not the gate. The line is printable already.
 */
void logger_write_mail(const char *line);

#endif
