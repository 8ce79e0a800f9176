/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of files and directories that are there for a while. */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

#include <stddef.h>

/* What mkstemp(3) and mkdtemp(3) fill in: "STEM." and six letters to be chosen. 0 or -ENAMETOOLONG. */
int temporary_template(char *buffer, size_t size, const char *stem);

#endif
