/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From where the operator is logged in. SSH is never touched by the gate, but who blocks the address he sits at has, nearly always,
 * mistyped it: his own mail would meet the block. Two places tell it: utmp(5), which has every login of the host, and the environment of
 * the processes that this one descends from, since sudo(8) takes SSH_CONNECTION (ssh(1), ENVIRONMENT) away and some hosts keep no utmp.
 * Open connections to port 22 do not tell: a guesser of passwords has one too, and he is whom one wants to block.
 */
#ifndef DAEMON_LOGINS_H
#define DAEMON_LOGINS_H

#include <stddef.h>

#include "base/addr.h"

#define LOGINS_MAX 64 /* people on a mail host at once */

struct logins {
	struct addr addr[LOGINS_MAX];
	size_t count;
};

/* All that can be found out now; no address twice. What cannot be read has none. */
void logins_read(struct logins *out);

/* The parts. Adds those of a file's records (utmp(5)) whose process lives. */
void logins_of_utmp(const void *bytes, size_t length, struct logins *out);
/* Adds the client that SSH_CONNECTION, or else SSH_CLIENT, names in an environment as /proc/PID/environ has it. */
void logins_of_environment(const char *bytes, size_t length, struct logins *out);

#endif
