/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which XDP program sits on an interface. Asked by a bare rtnetlink(7) message, since the layers that own libbpf and
 * libnl have no other use for the answer.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"

#define ANSWER_MAX 32768 /* one link with all its attributes is a few kilobytes */

/* The attribute of this type in a run of attributes, or NULL. */
static const struct rtattr *attribute_find(const struct rtattr *a, int length, unsigned short type)
{
	for (; RTA_OK(a, length); a = RTA_NEXT(a, length))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static int answer_read(const char *buffer, ssize_t length)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)buffer;
	const struct rtattr *xdp, *id;
	const struct ifinfomsg *link;

	if (!NLMSG_OK(h, (size_t)length))
		return -EBADMSG;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	if (h->nlmsg_type != RTM_NEWLINK)
		return -EBADMSG;
	link = NLMSG_DATA(h);
	xdp = attribute_find(IFLA_RTA(link), (int)IFLA_PAYLOAD(h), IFLA_XDP);
	if (!xdp)
		return 0;
	id = attribute_find(RTA_DATA(xdp), (int)RTA_PAYLOAD(xdp), IFLA_XDP_PROG_ID);
	return id && RTA_PAYLOAD(id) >= sizeof(int) ? *(const int *)RTA_DATA(id) : 0;
}

int doctor_xdp_program(int ifindex)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} ask = {
		.header = {.nlmsg_len = sizeof(ask),
			   .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex},
	};
	static char buffer[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), rc;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = send(fd, &ask, sizeof(ask), 0);
	if (n == (ssize_t)sizeof(ask))
		n = recv(fd, buffer, sizeof(buffer), 0);
	rc = n < 0 ? -errno : answer_read(buffer, n);
	close(fd);
	return rc;
}
