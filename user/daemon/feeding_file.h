/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a file that somebody else writes and that decides who is let in. */
#ifndef DAEMON_FEEDING_FILE_H
#define DAEMON_FEEDING_FILE_H

#include "base/err.h"

/*
 * A regular file, no link, that only root, the user postern or the owner of its directory can have written: neither it nor the directory is
 * writable by group or others, and nobody else could put another one in its place. A descriptor to read from, or -errno with
 * why: -ENOENT it is not there, -EPERM somebody else could have written it.
 */
int feedfile_open(const char *path, struct err *e);

#endif
