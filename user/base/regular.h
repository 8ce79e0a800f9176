/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files whose place others may write to, as a mail server's user may to the directory of its log. A link there can lead to a device, and
 * opening one is an act: it starts a watchdog (watchdog(4) resets the machine when it is closed again), rewinds a tape, or waits.
 */
#ifndef BASE_REGULAR_H
#define BASE_REGULAR_H

#include <sys/stat.h>

/* Opens it for reading, if it is an ordinary file; links are followed, and anything else is not touched. A descriptor, or -errno; -EINVAL: it is none. */
int regular_open(const char *path, struct stat *st);

#endif
