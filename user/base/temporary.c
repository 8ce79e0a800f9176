/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that are there for a while: see temporary.h. */
#include "base/temporary.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHOSEN_LETTERS 6 /* as many X must stand at the end */

int temporary_template(char *buffer, size_t size, const char *stem)
{
	int length = snprintf(buffer, size, "%s.", stem);

	if (length < 0 || (size_t)length + CHOSEN_LETTERS >= size)
		return -ENAMETOOLONG;
	memset(buffer + length, 'X', CHOSEN_LETTERS);
	buffer[length + CHOSEN_LETTERS] = '\0';
	return 0;
}
