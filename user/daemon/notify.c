/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sd_notify(3) by hand: a datagram to the unix socket that $NOTIFY_SOCKET names. It is a page of
 * code against a library that would come along with all of its own. Failing to tell is never a
 * reason to stop policing.
 */
#include "daemon/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/when.h"

#define NOTIFY_TEXT_MAX 64 /* "RELOADING=1" and a 64-bit number */
#define NS_PER_US	1000

int notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t length = path ? strlen(path) : 0;
	int fd, r = 0;

	if (!length)
		return 0;
	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(to.sun_path))
		return -EINVAL;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@') /* the abstract namespace */
		to.sun_path[0] = '\0';

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int notify_reloading(void)
{
	char state[NOTIFY_TEXT_MAX];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 now_monotonic_ns() / NS_PER_US);
	return notify_send(state);
}
