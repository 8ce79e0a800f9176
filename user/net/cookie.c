/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The number by which programs in the kernel know a network namespace. A socket tells that of its
 * own namespace, so for another one somebody must go there. That is a thread made for it: its
 * namespace dies with it, and nothing has to find the way back.
 */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14; the same on all but parisc and sparc */
#endif

static int cookie_read(uint64_t *out)
{
	socklen_t size = sizeof(*out);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), code = 0;

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, out, &size) < 0)
		code = -errno;
	close(fd);
	return code;
}

static int cookie_fault(int code, struct err *e)
{
	if (code == -ENOPROTOOPT)
		return err_set(e, code,
			       "this kernel does not number its network namespaces "
			       "(SO_NETNS_COOKIE: Linux 5.14 and later)");
	return err_set(e, code, "cannot ask for the number of the network namespace: %s",
		       strerror(-code));
}

int net_cookie(uint64_t *out, struct err *e)
{
	int code = cookie_read(out);

	return code < 0 ? cookie_fault(code, e) : 0;
}

struct visit {
	int fd;
	uint64_t cookie;
	int code;
	bool entered;
};

static void *visit_run(void *context)
{
	struct visit *v = context;

	if (setns(v->fd, CLONE_NEWNET) < 0) {
		v->code = -errno;
		return NULL;
	}
	v->entered = true;
	v->code = cookie_read(&v->cookie);
	return NULL;
}

static int visit_fault(const struct visit *v, const char *path, struct err *e)
{
	if (v->entered)
		return cookie_fault(v->code, e);
	if (v->code == -EINVAL)
		return err_set(e, v->code, "%s is not a network namespace", path);
	if (v->code == -EPERM)
		return err_set(e, v->code,
			       "may not enter the network namespace %s: "
			       "that needs root (CAP_SYS_ADMIN)",
			       path);
	return err_set(e, v->code, "cannot enter the network namespace %s: %s", path,
		       strerror(-v->code));
}

int net_cookie_of(const char *path, uint64_t *out, struct err *e)
{
	struct visit v = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	pthread_t thread;
	int code;

	if (v.fd < 0)
		return err_set(e, -errno, "cannot open the network namespace %s: %s", path,
			       strerror(errno));
	code = pthread_create(&thread, NULL, visit_run, &v);
	if (code == 0)
		pthread_join(thread, NULL);
	close(v.fd);
	if (code)
		return err_set(e, -code, "cannot start a thread to enter %s: %s", path,
			       strerror(code));
	if (v.code < 0)
		return visit_fault(&v, path, e);
	*out = v.cookie;
	return 0;
}
