/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that is replaced whole or not at all: written under another name beside it, and renamed when all went well. */
#ifndef CLI_REPLACED_H
#define CLI_REPLACED_H

#include <limits.h>
#include <sys/types.h>

#include "base/err.h"

struct replaced {
	char path[PATH_MAX], temporary[PATH_MAX];
	int fd; /* to write to; -1: there is none */
};

/*
 * The mode is that of the file that is there, if it is ours; else 0666 but for the umask. What is no ordinary file is never replaced, and
 * through a link that somebody else has made nothing is. 0 or -errno.
 */
int replaced_open(struct replaced *r, const char *path, struct err *e);
/* It takes its place. 0 or -errno: then it is gone, and the old file as it was. */
int replaced_commit(struct replaced *r, struct err *e);
void replaced_abandon(struct replaced *r); /* harmless after commit, and with fd -1 */

#endif
