/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and namespaces: see command.h. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_NO_PROGRAM 127 /* as shells say it */
/* Ten seconds: the controller takes the gate out of the kernel. */
#define STOP_TRIES   1000
#define STOP_WAIT_US 10000

/* A file of the text, to read or (text NULL) to be written. */
static int file_of(const char *text)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	size_t length = text ? strlen(text) : 0;

	while (fd >= 0 && length) {
		ssize_t n = write(fd, text, length);

		if (n < 0) {
			close(fd);
			return -1;
		}
		text += n;
		length -= (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static int run_wait(pid_t pid, struct used *used)
{
	struct clocks begin = clocks_now();
	struct rusage usage;
	int status;

	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return -errno;
	used->spent.wall_ns = clocks_now().wall_ns - begin.wall_ns;
	used->spent.cpu_ns = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
			     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
	used->peak_mb = (double)usage.ru_maxrss * 1024 / 1e6;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_PROGRAM)
		return -ENOENT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* exec() closes the pipe, or its errno comes through. */
static int started(int from, struct err *e, const char *name)
{
	int fault = 0;
	ssize_t n;

	do {
		n = read(from, &fault, sizeof(fault));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	return fault == ENOENT ? err_set(e, -ENOENT, "%s is not installed", name)
			       : err_set(e, -fault, "cannot run %s: %s", name, strerror(fault));
}

static void become(const char *const argv[], int cpu, int tell)
{
	int null = open("/dev/null", O_RDWR), fault;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	prctl(PR_SET_PDEATHSIG, SIGINT);
	if (!sched_setaffinity(0, sizeof(set), &set) && dup2(null, 0) == 0 && dup2(null, 1) == 1 &&
	    dup2(null, 2) == 2)
		execvp(argv[0], (char *const *)argv);
	fault = errno;
	(void)!write(tell, &fault, sizeof(fault));
	_exit(STATUS_NO_PROGRAM);
}

int command_start(const char *const argv[], int cpu, pid_t *pid, struct err *e)
{
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC))
		return err_set(e, -errno, "no pipe: %s", strerror(errno));
	*pid = fork();
	if (*pid == 0)
		become(argv, cpu, ends[1]);
	close(ends[1]);
	ret = *pid < 0 ? err_set(e, -errno, "cannot run %s: %s", argv[0], strerror(errno))
		       : started(ends[0], e, argv[0]);
	close(ends[0]);
	if (ret) {
		if (*pid > 0)
			waitpid(*pid, NULL, 0);
		*pid = 0;
	}
	return ret;
}

void command_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGINT);
	for (unsigned i = 0; i < STOP_TRIES; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		usleep(STOP_WAIT_US);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int core_of_bench(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
}

int core_pin(struct err *e)
{
	int cpu = core_of_bench();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return err_set(e, -errno, "cannot stay on CPU %d: %s", cpu, strerror(errno));
	return 0;
}

static int command_fault(struct err *e, int r, const char *name, char *said)
{
	said[strcspn(said, "\n")] = 0;
	if (r == -ENOENT)
		return err_set(e, r, "%s is not installed", name);
	return err_set(e, r, "%s failed: %s", name, said);
}

int command_run(const char *const argv[], const char *input, struct used *used, struct err *e)
{
	int in = file_of(input), said = file_of(NULL), r;
	struct used unasked;
	ssize_t n;
	pid_t pid;

	if (!used)
		used = &unasked;
	if (in < 0 || said < 0) {
		r = err_set(e, -errno, "no file for %s: %s", argv[0], strerror(errno));
		goto out;
	}
	pid = fork();
	if (pid == 0) {
		if (dup2(in, 0) == 0 && dup2(said, 1) == 1 && dup2(said, 2) == 2)
			execvp(argv[0], (char *const *)argv);
		_exit(STATUS_NO_PROGRAM);
	}
	if (pid < 0) {
		r = err_set(e, -errno, "cannot run %s: %s", argv[0], strerror(errno));
		goto out;
	}
	r = run_wait(pid, used);
	n = pread(said, used->said, sizeof(used->said) - 1, 0);
	used->said[n > 0 ? n : 0] = 0;
	if (r)
		command_fault(e, r, argv[0], used->said);
out:
	if (in >= 0)
		close(in);
	if (said >= 0)
		close(said);
	return r;
}

int netns_own(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

int netns_make(struct err *e)
{
	int before = netns_own(), made = -1;

	if (before < 0)
		return err_set(e, -errno, "cannot open the network namespace: %s", strerror(errno));
	if (unshare(CLONE_NEWNET))
		err_set(e, -errno, "cannot make a network namespace: %s", strerror(errno));
	else
		made = netns_own();
	netns_enter(before);
	close(before);
	return made < 0 ? -EPERM : made;
}

void netns_enter(int fd)
{
	if (setns(fd, CLONE_NEWNET))
		abort();
}

int link_set_gro(const char *name)
{
	struct ethtool_value value = {.cmd = ETHTOOL_SGRO, .data = 1};
	struct ifreq request = {.ifr_data = (void *)&value};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	r = ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	close(fd);
	return r;
}

uint64_t proc_number(const char *path, const char *prefix, unsigned field)
{
	char line[1024];
	uint64_t found = 0;
	FILE *in = fopen(path, "re");

	if (!in)
		return 0;
	while (fgets(line, sizeof(line), in)) {
		char *at = line + strspn(line, " ");

		if (strncmp(at, prefix, strlen(prefix)) != 0)
			continue;
		at += strlen(prefix);
		for (unsigned i = 0; i <= field; i++)
			found = strtoull(at, &at, 10);
	}
	fclose(in);
	return found;
}
