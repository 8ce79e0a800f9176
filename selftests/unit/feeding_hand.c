/* SPDX-License-Identifier: BSD-2-Clause */
/* A hand: what it tells of a file that is there, of one that is not and of one that will not do, and what it gives to a reader. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/feeding_hand.h"
#include "tap.h"

#define WAIT_MS 10000

/* Sent, and heard. */
static struct feedhand_said send_one(const struct feedhand_order *o)
{
	struct feedhand_said said = {.result = 1};
	struct pollfd wait = {.events = POLLIN};
	struct err e = {0};
	pid_t pid = feedhand_send(o, &wait.fd, &e), sent;

	EXPECT(pid > 0 && poll(&wait, 1, WAIT_MS) == 1 &&
		       recv(wait.fd, &said, sizeof(said), 0) == sizeof(said),
	       "a hand comes back: %s", e.text);
	close(wait.fd);
	sent = pid;
	EXPECT(kill(sent, 0) == 0, "as long as nobody looks its number is its own");
	for (int i = 0; i < WAIT_MS && !feedhand_reap(&pid); i++)
		usleep(1000);
	EXPECT(!pid && feedhand_reap(&pid) && kill(sent, 0) < 0, "and ends");
	return said;
}

/* What the reader's channel has: a byte and two descriptors. The first is closed, and its first byte returned; 0: nothing came. */
static char given(int channel)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
	char byte;
	struct iovec into = {.iov_base = &byte, .iov_len = 1};
	struct msghdr head = {.msg_iov = &into,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control)};
	int fds[2];

	if (recvmsg(channel, &head, MSG_DONTWAIT) != 1 || !CMSG_FIRSTHDR(&head))
		return 0;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&head)), sizeof(fds));
	byte = 0;
	EXPECT(read(fds[0], &byte, 1) == 1, "it can be read");
	close(fds[0]);
	close(fds[1]);
	return byte;
}

TEST(hands_look_watch_and_give)
{
	struct feedhand_order o = {.inotify = -1, .reader = -1, .memory = -1};
	char directory[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 8], events[4096];
	struct feedhand_said said;
	int ends[2], fd;

	ENSURE(tap_temp_dir(directory, "feedhand"), "a directory");
	snprintf(path, sizeof(path), "%s/feed", directory);
	o.path = path;
	ENSURE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "a reader's channel");
	said = send_one(&o);
	EXPECT(said.result == -ENOENT && said.watch == -1, "none is there: %s", said.why);
	o.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	ENSURE(o.inotify >= 0 && fd >= 0 && write(fd, "x", 1) == 1, "a file");
	said = send_one(&o);
	EXPECT(said.result == 0 && said.watch > 0 && said.seen.st_size == 1, "it is looked at");
	close(fd);
	EXPECT(read(o.inotify, events, sizeof(events)) > 0, "and its directory watched from here");
	o.reader = ends[0];
	o.memory = memfd_create("memory", MFD_CLOEXEC);
	said = send_one(&o);
	EXPECT(said.result == 0 && said.seen.st_size == 1 && given(ends[1]) == 'x',
	       "it is given: %s", said.why);
	unlink(path);
	EXPECT(mkfifo(path, 0644) == 0 && send_one(&o).result == -EINVAL && !given(ends[1]),
	       "what will not do is not");
	unlink(path);
	EXPECT(rmdir(directory) == 0, "nothing is left");
	close(o.inotify);
	close(o.memory);
	close(ends[0]);
	close(ends[1]);
}
