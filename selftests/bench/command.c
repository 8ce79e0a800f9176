/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and namespaces: see command.h. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_NO_PROGRAM 127 /* as shells say it */

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

static int netns_own(void)
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
