/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock of all gates on a bpffs of its own, which is open to everybody as mount(8) makes it: nobody but root holds it or has its place. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kern/kern.h"

#define STRANGER 4242 /* a user that nobody is */

static bool bpffs_begin(void)
{
	static bool is_made;

	if (!is_made)
		is_made = unshare(CLONE_NEWNS) == 0 &&
			  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			  mount("bpf", BPFFS_ROOT, "bpf", 0, NULL) == 0;
	return EXPECT(is_made, "a bpffs of our own: %m");
}

#define BPFFS_OR_SKIP()                                                                            \
	if (geteuid() != 0)                                                                        \
		SKIP("root");                                                                      \
	if (!bpffs_begin())                                                                        \
	return

static bool is_there(void)
{
	return access(PIN_ROOT, F_OK) == 0;
}

/* In another process; *status is what it ended with. */
static pid_t meanwhile(int (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	return pid;
}

static int end_of(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0: the stranger could lock it. */
static int stranger_locks(void)
{
	int fd;

	if (setuid(STRANGER))
		return 0;
	fd = open(PIN_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

TEST(the_lock_is_roots_alone_and_leaves_nothing)
{
	struct err e = {0};
	struct stat st;
	int lock;

	BPFFS_OR_SKIP();
	lock = gate_lock(&e);
	ENSURE(lock >= 0, "%s", e.text);
	EXPECT(stat(PIN_ROOT, &st) == 0 && (st.st_mode & ALLPERMS) == 0700, "%04o", st.st_mode);
	gate_unlock(lock);
	EXPECT(!is_there(), "it is gone again");
}

TEST(a_stranger_cannot_lock_a_directory_that_was_open)
{
	struct err e = {0};
	int lock;

	BPFFS_OR_SKIP();
	ENSURE(mkdir(PIN_ROOT, 0755) == 0 && mkdir(PIN_ROOT "/other", 0700) == 0, "%m");
	lock = gate_lock(&e);
	EXPECT(lock >= 0, "%s", e.text);
	gate_unlock(lock);
	EXPECT(is_there(), "another instance is there");
	EXPECT(end_of(meanwhile(stranger_locks)) == EACCES, "others are kept out");
	EXPECT(rmdir(PIN_ROOT "/other") == 0 && rmdir(PIN_ROOT) == 0, "%m");
}

TEST(a_place_that_somebody_else_has_made_is_refused)
{
	struct err e = {0};

	BPFFS_OR_SKIP();
	ENSURE(mkdir(PIN_ROOT, 0755) == 0 && chown(PIN_ROOT, STRANGER, STRANGER) == 0, "%m");
	EXPECT(gate_lock(&e) == -EPERM && strstr(e.text, "belongs to user 4242"), "%s", e.text);
	EXPECT(rmdir(PIN_ROOT) == 0, "%m");
	ENSURE(symlink("/tmp", PIN_ROOT) == 0, "%m");
	EXPECT(gate_lock(&e) < 0, "a link");
	EXPECT(unlink(PIN_ROOT) == 0, "%m");
}

/* 0: it has the lock, and of the directory that is there now. */
static int lock_late(void)
{
	struct stat held, st;
	int lock = gate_lock(NULL);

	return lock >= 0 && fstat(lock, &held) == 0 && stat(PIN_ROOT, &st) == 0 &&
			       held.st_ino == st.st_ino
		       ? 0
		       : EXIT_FAILURE;
}

TEST(who_waited_for_a_directory_that_went_locks_the_next_one)
{
	struct err e = {0};
	pid_t late;
	int lock;

	BPFFS_OR_SKIP();
	lock = gate_lock(&e);
	ENSURE(lock >= 0, "%s", e.text);
	EXPECT(gate_lock_now(&e) == -EBUSY, "%s", e.text);
	late = meanwhile(lock_late);
	gate_unlock(lock);
	EXPECT(end_of(late) == 0, "it waited for the right one");
	EXPECT(rmdir(PIN_ROOT) == 0, "who died with the lock has left the directory: %m");
}
