/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up privileges, seen from inside: each row is tried by a process of its own that has given them up, as `postern check`
 * does, and by one that was forked by such a process, as the children of `postern run` are.
 */
#include "base/drop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
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

static int try_trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0;
}

static int try_read_parent(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {&byte, 1};

	return process_vm_readv(getppid(), &here, 1, &there, 1, 0) < 0;
}

static int try_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) < 0;
}

static int try_user_namespace_child(void)
{
	return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL) < 0;
}

static int try_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0;
}

static int try_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_TCP) < 0;
}

static int try_unix_pair(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0;
}

static int try_bpf(void)
{
	union bpf_attr attr = {0};

	return syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)) < 0;
}

static int try_ring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL) < 0;
}

static int try_more_files(void)
{
	struct rlimit more = {2 * FILES, 2 * FILES};

	return setrlimit(RLIMIT_NOFILE, &more) < 0;
}

static int try_list_root(void)
{
	char names[256];

	return syscall(SYS_getdents64, AT_FDCWD, names, sizeof(names)) < 0;
}

static int try_bind(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(2525)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0;
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

static pid_t tester; /* getppid(2) is no call for who has dropped all */

static int try_kill_thread(void)
{
	return syscall(SYS_tgkill, tester, tester, 0) < 0;
}

static int try_raise(void)
{
	return raise(0) < 0;
}

/* Signals of a file, of any kind, for somebody else. */
static int try_own(void)
{
	return fcntl(STDERR_FILENO, F_SETOWN, tester) < 0;
}

static int try_choose_signal(void)
{
	return fcntl(STDERR_FILENO, F_SETSIG, SIGKILL) < 0;
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
	{"nor is the parent", try_trace_parent, KILLED},
	{"whose memory is not read", try_read_parent, KILLED},
	{"no user namespace is entered", try_user_namespace, KILLED},
	{"nor is a child made in one", try_user_namespace_child, KILLED},
	{"no map is found", try_bpf, KILLED},
	{"no ring goes around the list of calls", try_ring, KILLED},
	{"no directory is listed", try_list_root, KILLED},
	{"no bound is lifted", try_more_files, KILLED},
	{"memory does not become code", try_code, KILLED},
	{"no socket to a neighbour is made", try_unix_socket, KILLED},
	{"nor a pair of them", try_unix_pair, KILLED},
	{"nor one to the kernel", try_netlink, KILLED},
	{"nor one to the wire", try_packet_socket, KILLED},
	{"packets are not made by hand", try_raw_socket, 1},
	{"no port is listened on", try_bind, KILLED},
	{"it stays where it is", try_chdir, KILLED},
	{"it signals nobody", try_kill, KILLED},
	{"nor a thread of somebody else", try_kill_thread, KILLED},
	{"but itself", try_raise, 0},
	{"no file signals others for it", try_own, KILLED},
	{"nor by a signal of its choice", try_choose_signal, KILLED},
	{"descriptors are bounded", try_many_files, 1},
};

static const struct drop bounds = {.files = FILES};

__attribute__((noreturn)) static void drop_and_try(int (*drop)(struct err *e), int (*try)(void))
{
	struct err e = {0};

	if (drop(&e) < 0) {
		printf("# %s\n", e.text);
		_exit(99);
	}
	_exit(try());
}

static int drop_all(struct err *e)
{
	return drop_privileges(&bounds, e);
}

static int drop_rest(struct err *e)
{
	return drop_calls(&bounds, e);
}

static int (*tried_within)(void);

/* In a process that has no identity any more: forks, and ends as the one it has forked. */
static int try_in_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		drop_and_try(drop_rest, tried_within);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 98;
	if (WIFSIGNALED(status)) {
		kill(getpid(), WTERMSIG(status));
		pause();
	}
	return WEXITSTATUS(status);
}

static int run_row(int (*try)(void), bool in_child, int *status)
{
	pid_t pid = fork();

	tried_within = try;
	if (pid == 0 && in_child)
		drop_and_try(drop_identity, try_in_child);
	if (pid == 0)
		drop_and_try(drop_all, try);
	if (pid < 0 || waitpid(pid, status, 0) != pid)
		return -1;
	return 0;
}

TEST(drop_leaves_an_event_loop_with_sockets_and_nothing_else)
{
	if (geteuid() != 0)
		SKIP("root, to give it up");
	SKIP_IF_SANITIZED();
	tester = getpid();
	fflush(stdout);
	for (size_t k = 0; k < 2 * COUNT(rows); k++) {
		size_t i = k / 2;
		int status = 0;

		ENSURE(run_row(rows[i].try, k % 2, &status) == 0, "fork");
		if (rows[i].ends == KILLED)
			EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: status %x",
			       rows[i].sentence, status);
		else
			EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == rows[i].ends,
			       "%s: status %x", rows[i].sentence, status);
	}
}

/* ---- capabilities alone ---- */

#define KEPT (1ULL << CAP_NET_ADMIN | 1ULL << CAP_BPF)

static uint64_t capabilities_of(int set)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct words[2] = {0};

	if (syscall(SYS_capget, &head, words) < 0)
		return UINT64_MAX;
	switch (set) {
	case 0:
		return words[0].effective | (uint64_t)words[1].effective << 32;
	case 1:
		return words[0].permitted | (uint64_t)words[1].permitted << 32;
	default:
		return words[0].inheritable | (uint64_t)words[1].inheritable << 32;
	}
}

static int look_at_capabilities(void)
{
	uint64_t bound = 0, ambient = 0;

	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bound |= (uint64_t)(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0) << cap;
		ambient |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) > 0)
			   << cap;
	}
	if (capabilities_of(0) != KEPT || capabilities_of(1) != KEPT || capabilities_of(2) != 0)
		return 1;
	if (bound != KEPT || ambient != 0)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || geteuid() != 0)
		return 3;
	/* What goes without one goes on: a file of root's. */
	if (open("/etc/shadow", O_RDONLY) < 0)
		return 4;
	if (unshare(CLONE_NEWNS) == 0 || chroot("/tmp") == 0)
		return 5;
	return 0;
}

/* Inheritable and ambient ones too, as a service manager may give them. */
static int capabilities_raise(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct words[2] = {0};

	if (syscall(SYS_capget, &head, words) < 0)
		return -1;
	words[0].inheritable = words[0].permitted;
	words[1].inheritable = words[1].permitted;
	if (syscall(SYS_capset, &head, words) < 0)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0);
}

static int drop_to_kept(struct err *e)
{
	if (capabilities_raise() < 0)
		return -1;
	return drop_capabilities(KEPT, e);
}

static int drop_twice(struct err *e)
{
	/* What is gone does not come back by being wished for. */
	return drop_capabilities(KEPT, e) < 0 || drop_capabilities(UINT64_MAX, e) < 0 ? -1 : 0;
}

TEST(capabilities_that_are_not_kept_are_gone_from_every_set)
{
	int (*const drops[])(struct err *) = {drop_to_kept, drop_twice};
	int status;

	if (geteuid() != 0)
		SKIP("root, to give it up");
	fflush(stdout);
	for (size_t i = 0; i < COUNT(drops); i++) {
		pid_t pid = fork();

		if (pid == 0)
			drop_and_try(drops[i], look_at_capabilities);
		ENSURE(waitpid(pid, &status, 0) == pid, "wait");
		EXPECT(status == 0, "row %zu: status %x", i, status);
	}
}
