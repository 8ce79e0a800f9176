/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading a configuration file with distrust, before any parser sees it. */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "base/err.h"

#define FILE_SHOWN_MAX 200 /* bytes of a path in a sentence, with the final 0 */

/* The path as sentences show it. Returns buffer. */
const char *file_shown(const char *path, char buffer[static FILE_SHOWN_MAX]);

/*
 * The text of a regular file that only root or the caller can have written, malloc'd and ended by
 * 0. Its form is checked for what the parser does not report or must not do: zero bytes, text or
 * comments without an end, deep nesting, @include. 0 or -errno: -ENOENT missing, -EPERM others may
 * write it, -EFBIG, -EINVAL.
 */
int file_load(const char *path, char **text, struct err *e);

#endif
