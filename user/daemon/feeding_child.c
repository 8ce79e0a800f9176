/* SPDX-License-Identifier: BSD-2-Clause */
/* A child that reads a feed: see feeding_child.h. */
#include "daemon/feeding_child.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/log.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"
#include "feed/work.h"

#define FILES 24 /* its own three, the channel, the two of the order, and what the log is */

enum { FD_FILE, FD_MEMORY, FDS };

int feeder_order(int channel, int file, int memory, struct err *e)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS * sizeof(int))] = {0};
	const int fds[FDS] = {[FD_FILE] = file, [FD_MEMORY] = memory};
	char byte = 0;
	struct iovec from = {.iov_base = &byte, .iov_len = 1};
	struct msghdr head = {.msg_iov = &from,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control)};

	*CMSG_FIRSTHDR(&head) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fds)),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&head)), fds, sizeof(fds));
	if (sendmsg(channel, &head, MSG_NOSIGNAL) != 1)
		return err_set(e, -errno, "the feed reader cannot be told what to read: %s",
			       strerror(errno));
	return 0;
}

/* Waits for the order. 0 or -errno: -EPIPE, the controller is gone. */
static int order_read(int channel, int fds[FDS])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS * sizeof(int))];
	struct pollfd wait = {.fd = channel, .events = POLLIN};
	char byte;
	struct iovec into = {.iov_base = &byte, .iov_len = 1};
	struct msghdr head = {.msg_iov = &into,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t n;

	do {
		(void)poll(&wait, 1, -1);
		n = recvmsg(channel, &head, MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	c = n == 1 ? CMSG_FIRSTHDR(&head) : NULL;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(FDS * sizeof(int)))
		return -EPIPE;
	memcpy(fds, CMSG_DATA(c), FDS * sizeof(int));
	return 0;
}

int feeder_run(int channel)
{
	struct message_feed m = {.head = message_head(MESSAGE_FEED)};
	struct drop d = {.files = FILES};
	struct err e = {0};
	size_t length = 0;
	int fds[FDS];

	if (drop_calls(&d, &e)) {
		log_error("feed reader: %s", e.text);
		return EXIT_FAILURE;
	}
	if (order_read(channel, fds))
		return EXIT_SUCCESS;
	m.result = feed_work(fds[FD_FILE], fds[FD_MEMORY], &length, &e);
	if (m.result == 0)
		m.length = length;
	else
		memcpy(m.why, e.text, sizeof(m.why));
	return send(channel, &m, sizeof(m), MSG_NOSIGNAL) == sizeof(m) ? EXIT_SUCCESS
								       : EXIT_FAILURE;
}
