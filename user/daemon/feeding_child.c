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
#include "base/passing.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"
#include "feed/work.h"

#define FILES 24 /* its own three, the channel, the two of the order, and what the log is */

enum { FD_FILE, FD_MEMORY, FDS };

int feeder_order(int channel, int file, int memory, struct err *e)
{
	const int fds[FDS] = {[FD_FILE] = file, [FD_MEMORY] = memory};
	const char byte = 0;
	int ret = passing_send(channel, &byte, sizeof(byte), fds, FDS);

	if (ret < 0)
		return err_set(e, ret, "the feed reader cannot be told what to read: %s",
			       strerror(-ret));
	return 0;
}

/* Waits for the order. 0 or -errno: -EPIPE, the controller is gone. */
static int order_read(int channel, int fds[static PASSING_MAX])
{
	struct pollfd wait = {.fd = channel, .events = POLLIN};
	char byte;
	int ret;

	do {
		(void)poll(&wait, 1, -1);
		ret = passing_receive(channel, &byte, sizeof(byte), fds);
	} while (ret == -EAGAIN);
	return ret == 0 && (fds[FD_FILE] < 0 || fds[FD_MEMORY] < 0) ? -EPIPE : ret;
}

int feeder_run(int channel)
{
	struct message_feed m = {.head = message_head(MESSAGE_FEED)};
	struct drop d = {.files = FILES};
	struct err e = {0};
	size_t length = 0;
	int fds[PASSING_MAX];

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
