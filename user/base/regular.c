/* SPDX-License-Identifier: BSD-2-Clause */
/* See regular.h. What was looked at is what is opened, whoever changes the path meanwhile: open(2), O_PATH, says how. */
#include "base/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define LINK_MAX_BYTES 32 /* "/proc/self/fd/" and a number */

int regular_open(const char *path, struct stat *st)
{
	char link[LINK_MAX_BYTES];
	int place = open(path, O_PATH | O_CLOEXEC), fd = -1, ret = 0;

	if (place < 0)
		return -errno;
	if (fstat(place, st) < 0)
		ret = -errno;
	else if (!S_ISREG(st->st_mode))
		ret = -EINVAL;
	if (ret == 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
		fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		ret = fd < 0 ? -errno : fd;
	}
	close(place);
	return ret;
}
