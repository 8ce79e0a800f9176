/* SPDX-License-Identifier: BSD-2-Clause */
/* The datagrams that a service manager reads. */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"

/* A manager's socket at name ('@': abstract), with $NOTIFY_SOCKET naming it. */
static int test_manager(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path, name, length);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&at,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)))
		return -1;
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void test_heard(const char *name)
{
	char text[128] = "";
	int fd = test_manager(name);

	ENSURE(fd >= 0, "listening at %s", name);
	EXPECT(notify_send("READY=1") == 0, "sent to %s", name);
	EXPECT(recv(fd, text, sizeof(text) - 1, 0) == 7 && strcmp(text, "READY=1") == 0,
	       "the manager at %s heard \"%s\"", name, text);
	memset(text, 0, sizeof(text));
	EXPECT(notify_reloading() == 0 && recv(fd, text, sizeof(text) - 1, 0) > 0, "reloading");
	EXPECT(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27) == 0 && atoll(text + 27) > 0,
	       "with the time: \"%s\"", text);
	close(fd);
}

TEST(a_manager_hears_by_path_and_by_abstract_name)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/unit-notify-%d", (int)getpid());
	test_heard(path);
	unlink(path);
	snprintf(path, sizeof(path), "@unit-notify-%d", (int)getpid());
	test_heard(path);
}

TEST(without_a_manager_nothing_happens_and_a_bad_name_is_no_crash)
{
	char long_name[200];

	unsetenv("NOTIFY_SOCKET");
	EXPECT(notify_send("READY=1") == 0, "nobody asked");
	setenv("NOTIFY_SOCKET", "relative", 1);
	EXPECT(notify_send("READY=1") == -EINVAL, "a relative name");
	setenv("NOTIFY_SOCKET", "/tmp/unit-notify-nobody", 1);
	EXPECT(notify_send("READY=1") == -ENOENT, "nobody listens");
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", long_name, 1);
	EXPECT(notify_send("READY=1") == -EINVAL, "longer than a socket's name can be");
}
