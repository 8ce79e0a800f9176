/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that go with a message: as many as were given, and none that nobody closes when the message is not what it should be. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passing.h"

static int ends[2];

static bool pair_open(void)
{
	return EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) ==
			      0,
		      "a pair");
}

static void pair_close(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* How many came, all of which are closed. */
static unsigned came(const int fds[static PASSING_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < PASSING_MAX; i++)
		if (fds[i] >= 0) {
			EXPECT(fcntl(fds[i], F_GETFD) == FD_CLOEXEC, "no other program gets it");
			close(fds[i]);
			count++;
		}
	return count;
}

TEST(as_many_come_as_were_given)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[PASSING_MAX];
	const int given[PASSING_MAX + 1] = {null, null, null, null};
	unsigned before;
	char word[4];

	ENSURE(null >= 0 && pair_open(), "ends");
	before = tap_descriptors();
	for (unsigned count = 0; count <= PASSING_MAX; count++) {
		EXPECT(passing_send(ends[0], "word", 4, given, count) == 0, "%u", count);
		EXPECT(passing_receive(ends[1], word, 4, fds) == 0 && !memcmp(word, "word", 4),
		       "%u", count);
		EXPECT(came(fds) == count, "%u", count);
	}
	EXPECT(passing_send(ends[0], "word", 4, given, PASSING_MAX + 1) == -EINVAL, "too many");
	EXPECT(passing_receive(ends[1], word, 4, fds) == -EAGAIN && !came(fds), "nothing");
	EXPECT(tap_descriptors() == before, "none is left open");
	pair_close();
	close(null);
}

/* The padding of the room for three has room for a fourth, which nobody would close. */
TEST(one_too_many_is_cut_off_and_told)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE((PASSING_MAX + 1) * sizeof(int))] = {0};
	struct iovec from = {.iov_base = "word", .iov_len = 4};
	struct msghdr head = {.msg_iov = &from,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&head);
	int fds[PASSING_MAX];
	unsigned before;
	char word[4];

	ENSURE(pair_open(), "ends");
	before = tap_descriptors();
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN((PASSING_MAX + 1) * sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS};
	for (unsigned i = 0; i <= PASSING_MAX; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &ends[0], sizeof(int));
	EXPECT(sendmsg(ends[0], &head, 0) == 4, "it is sent");
	EXPECT(passing_receive(ends[1], word, 4, fds) == -EBADMSG, "it is told");
	EXPECT(came(fds) == PASSING_MAX && tap_descriptors() == before, "none is left open");
	pair_close();
}

TEST(a_message_of_another_length_is_none)
{
	int fds[PASSING_MAX];
	char word[4];

	ENSURE(pair_open(), "ends");
	for (size_t length = 3; length <= 5; length += 2) {
		EXPECT(passing_send(ends[0], "words", length, (const int[]){ends[0]}, 1) == 0,
		       "%zu", length);
		EXPECT(passing_receive(ends[1], word, 4, fds) == -EBADMSG, "%zu", length);
		EXPECT(came(fds) == 1, "what came with it can be closed");
	}
	close(ends[0]);
	EXPECT(passing_receive(ends[1], word, 4, fds) == -EPIPE && !came(fds), "the end");
	close(ends[1]);
}
