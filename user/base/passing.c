/* SPDX-License-Identifier: BSD-2-Clause */
/* Passing descriptors: see passing.h. */
#include "base/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int passing_send(int socket, const void *bytes, size_t length, const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(PASSING_MAX * sizeof(int))] = {0};
	struct iovec from = {.iov_base = (void *)bytes, .iov_len = length};
	struct msghdr head = {.msg_iov = &from, .msg_iovlen = 1};
	struct cmsghdr *first = (void *)control;
	ssize_t sent;

	if (count > PASSING_MAX)
		return -EINVAL;
	if (count) {
		head.msg_control = control;
		head.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*first = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(first), fds, count * sizeof(int));
	}
	do {
		sent = sendmsg(socket, &head, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == length ? 0 : -EBADMSG;
}

int passing_receive(int socket, void *bytes, size_t length, int fds[static PASSING_MAX])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(PASSING_MAX * sizeof(int))];
	struct iovec into = {.iov_base = bytes, .iov_len = length};
	struct msghdr head = {.msg_iov = &into,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      /* Not the padding behind it, in which one more would fit. */
			      .msg_controllen = CMSG_LEN(PASSING_MAX * sizeof(int))};
	ssize_t came;

	for (int i = 0; i < PASSING_MAX; i++)
		fds[i] = -1;
	do {
		came = recvmsg(socket, &head, MSG_CMSG_CLOEXEC);
	} while (came < 0 && errno == EINTR);
	if (came < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c; c = CMSG_NXTHDR(&head, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len <= CMSG_LEN(PASSING_MAX * sizeof(int)))
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (came == 0)
		return -EPIPE;
	return (size_t)came == length && !(head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? 0
										      : -EBADMSG;
}
