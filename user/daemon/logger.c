/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's logger: see logger.h. syslog(3) waits for a logger whose socket is full, and the controller must not: its heart beat holds the
 * gate. The form is that of syslog(3).
 */
#include "daemon/logger.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define LOGGER "/dev/log"
#define LINE_MAX_                                                                                  \
	2048 /* the longest of ours has three texts of some 320 bytes and a reply of 512 */

static int logger_connect(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = LOGGER};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void logger_write_mail(const char *line)
{
	char text[LINE_MAX_], when[sizeof("Jan 01 00:00:00")];
	time_t now = time(NULL);
	struct tm tm;
	int fd = logger_connect(), length;

	if (fd < 0) {
		log_info("%s", line);
		return;
	}
	if (!localtime_r(&now, &tm) || !strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm))
		when[0] = '\0';
	length = snprintf(text, sizeof(text), "<%d>%s postern[%d]: %s", LOG_MAIL | LOG_INFO, when,
			  (int)getpid(), line);
	if (length >= (int)sizeof(text))
		length = (int)sizeof(text) - 1;
	if (send(fd, text, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_info("%s", line);
	close(fd);
}
