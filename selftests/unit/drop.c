/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving up privileges, seen from inside: each row is tried by a process of its own that has given them up. */
#include "base/drop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FILES	     32
#define KILLED	     (-1) /* by the kernel, for the system call */

/* Each returns 0 when it could, else 1. */

static int try_nothing(void)
{
	return 0;
}

static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY) < 0;
}

static int try_open_root(void)
{
	return open("/", O_RDONLY | O_DIRECTORY) < 0;
}

static int try_make_file(void)
{
	return open("x", O_CREAT | O_WRONLY, 0600) < 0;
}

static int try_root_again(void)
{
	return setuid(0) < 0;
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0;
}

static int try_exec(void)
{
	execl("/bin/true", "true", NULL);
	return 1;
}

static int try_trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0;
}

static int try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) < 0;
}

static int try_chdir(void)
{
	return chdir("..") < 0;
}

static int try_kill(void)
{
	return kill(getppid(), 0) < 0;
}

static int try_udp(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(9),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return 1;
	(void)send(fd, "x", 1, 0);
	return close(fd) < 0;
}

static int try_loop(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_BOOTTIME, 0);
	struct itimerspec when = {.it_value.tv_nsec = 1000};

	return epoll < 0 || timer < 0 || timerfd_settime(timer, 0, &when, NULL) < 0 ||
	       epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) < 0 ||
	       epoll_wait(epoll, &event, 1, 1000) != 1;
}

static int try_memory(void)
{
	char *big = malloc(64 << 20);

	if (!big)
		return 1;
	memset(big, 1, 64 << 20);
	free(big);
	return 0;
}

static int try_many_files(void)
{
	unsigned count = 0;

	while (count < 4 * FILES && socket(AF_INET, SOCK_DGRAM, 0) >= 0)
		count++;
	return count < 4 * FILES;
}

static const struct {
	const char *sentence;
	int (*try)(void);
	int ends; /* exit status, or KILLED */
} rows[] = {
	{"it goes on", try_nothing, 0},
	{"sockets to the network work", try_udp, 0},
	{"so does an event loop", try_loop, 0},
	{"so does memory", try_memory, 0},
	{"no file can be opened", try_open, 1},
	{"not even the root", try_open_root, 1},
	{"none can be made", try_make_file, 1},
	{"root is not had back", try_root_again, KILLED},
	{"no child is made", try_fork, KILLED},
	{"no program is run", try_exec, KILLED},
	{"nothing is traced", try_trace, KILLED},
	{"memory does not become code", try_code, KILLED},
	{"no socket to a neighbour is made", try_unix_socket, KILLED},
	{"nor one to the kernel", try_netlink, KILLED},
	{"it stays where it is", try_chdir, KILLED},
	{"it signals nobody", try_kill, KILLED},
	{"descriptors are bounded", try_many_files, 1},
};

static int run_row(int (*try)(void), int *status)
{
	struct drop d = {.files = FILES};
	struct err e = {0};
	pid_t pid = fork();

	if (pid == 0) {
		if (drop_privileges(&d, &e) < 0) {
			printf("# %s\n", e.text);
			_exit(99);
		}
		_exit(try());
	}
	if (pid < 0 || waitpid(pid, status, 0) != pid)
		return -1;
	return 0;
}

TEST(drop_leaves_an_event_loop_with_sockets_and_nothing_else)
{
	if (geteuid() != 0)
		SKIP("root, to give it up");
#ifdef __SANITIZE_ADDRESS__
	SKIP("a sanitizer, which makes system calls of its own");
#endif
	fflush(stdout);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int status = 0;

		ENSURE(run_row(rows[i].try, &status) == 0, "fork");
		if (rows[i].ends == KILLED)
			EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: status %x",
			       rows[i].sentence, status);
		else
			EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == rows[i].ends,
			       "%s: status %x", rows[i].sentence, status);
	}
}
