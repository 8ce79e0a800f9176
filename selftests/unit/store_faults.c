/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store when things go wrong around it: kill -9, several writers, full and read-only disks, missing rights. What was
 * reported as done must be there afterwards, and each fault has its own errno and a sentence that
 * names the file.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include "store_rig.h"

#define NOBODY 65534

/* Run fn in a process of its own, so that what it does to itself (mounts, rights) ends with it. */
static void in_child(void (*fn)(void))
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		tap_failed = false;
		fn();
		_exit(tap_failed ? 1 : 0);
	}
	waitpid(child, &status, 0);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
}

/* ---- kill -9, several writers, the lock ---- */

static void put_and_tell(int out)
{
	struct store *s;

	if (store_open(&s, dir, STORE_WRITE, NULL) < 0)
		_exit(1);
	for (unsigned i = 0;; i++) {
		struct store_rule r = rule_numbered(i);

		if (store_put_rule(s, &r, NULL) < 0 || write(out, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

TEST(kill_9_loses_nothing_that_was_reported_as_done)
{
	for (unsigned round = 0; round < 8; round++) {
		unsigned told = 0, lost = 0, last = 0;
		struct err e = {0};
		struct store *s;
		int pipe_fd[2];
		pid_t child;

		dir_fresh();
		ENSURE(pipe(pipe_fd) == 0, "pipe");
		child = fork();
		if (child == 0)
			put_and_tell(pipe_fd[1]);
		close(pipe_fd[1]);
		/* Killed at some moment of a put; what the pipe still holds was told before. */
		while (told < 20 + 37 * round &&
		       read(pipe_fd[0], &last, sizeof(last)) == sizeof(last))
			told++;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(pipe_fd[0], &last, sizeof(last)) == sizeof(last))
			told++;
		close(pipe_fd[0]);
		EXPECT(told >= 20 + 37 * round && last + 1 == told, "%u told, last %u", told, last);
		ENSURE(store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text);
		for (unsigned i = 0; i < told; i++)
			lost += !has_numbered(s, i);
		EXPECT(lost == 0, "round %u: %u of %u lost", round, lost, told);
		store_close(s);
	}
}

static void begin_and_wait(int out)
{
	struct store *s;

	if (store_open(&s, dir, STORE_WRITE, NULL) < 0 || store_begin(s, NULL) < 0)
		_exit(1);
	for (unsigned i = 0; i < 50; i++) {
		struct store_rule r = rule_numbered(i);

		if (store_put_rule(s, &r, NULL) < 0)
			_exit(1);
	}
	if (write(out, "x", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

TEST(kill_9_in_a_transaction_leaves_nothing_of_it)
{
	struct err e = {0};
	struct store *s;
	unsigned count = 0;
	int pipe_fd[2];
	pid_t child;
	char c;

	dir_fresh();
	ENSURE(pipe(pipe_fd) == 0, "pipe");
	child = fork();
	if (child == 0)
		begin_and_wait(pipe_fd[1]);
	close(pipe_fd[1]);
	EXPECT(read(pipe_fd[0], &c, 1) == 1, "the child works");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(pipe_fd[0]);
	ENSURE(store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_each_rule(s, count_one, &count, &e) == 0 && count == 0, "%u there", count);
	store_close(s);
}

#define WRITERS	   3
#define RULES_EACH 200

TEST(several_processes_write_at_once)
{
	pid_t child[WRITERS];
	unsigned lost = 0;
	struct err e = {0};
	struct store *s;

	dir_fresh();
	for (unsigned w = 0; w < WRITERS; w++) {
		child[w] = fork();
		if (child[w])
			continue;
		/* Together from the first moment: the making of the store is part of it. */
		if (store_open(&s, dir, STORE_WRITE, &e) < 0) {
			printf("# open: %s\n", e.text);
			_exit(1);
		}
		for (unsigned i = 0; i < RULES_EACH; i++) {
			struct store_rule r = rule_numbered(w * 1000 + i);

			if (store_put_rule(s, &r, &e) < 0) {
				printf("# put: %s\n", e.text);
				_exit(1);
			}
		}
		store_close(s);
		_exit(0);
	}
	for (unsigned w = 0; w < WRITERS; w++) {
		int status = -1;

		waitpid(child[w], &status, 0);
		EXPECT(status == 0, "writer %u ended with %d", w, status);
	}
	ENSURE(store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	for (unsigned w = 0; w < WRITERS; w++)
		for (unsigned i = 0; i < RULES_EACH; i++)
			lost += !has_numbered(s, w * 1000 + i);
	EXPECT(lost == 0, "%u lost", lost);
	store_close(s);
}

#define MAKERS 4
#define ROUNDS 25

TEST(several_processes_make_the_store_at_once)
{
	for (int round = 0; round < ROUNDS && !tap_failed; round++) {
		pid_t child[MAKERS];
		int gun[2];
		char c;

		dir_fresh();
		ENSURE(pipe(gun) == 0, "pipe");
		for (int i = 0; i < MAKERS; i++) {
			child[i] = fork();
			if (child[i] == 0) {
				struct err e = {0};
				struct store *s;

				close(gun[1]);
				if (read(gun[0], &c, 1) == 0 &&
				    store_open(&s, dir, STORE_WRITE, &e) == 0)
					_exit(0);
				printf("# %s\n", e.text);
				_exit(1);
			}
		}
		close(gun[0]);
		close(gun[1]); /* go */
		for (int i = 0; i < MAKERS; i++) {
			int status = -1;

			waitpid(child[i], &status, 0);
			EXPECT(status == 0, "round %d: maker %d ended with %d", round, i, status);
		}
	}
}

TEST(the_lock_is_waited_for_and_dies_with_its_holder)
{
	struct err e = {0};
	int ready[2];
	char pid[32], c;
	struct store *s;
	pid_t child;

	dir_fresh();
	ENSURE(pipe(ready) == 0 && store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	child = fork();
	if (child == 0) {
		struct store *mine;

		if (store_open(&mine, dir, STORE_WRITE, NULL) < 0 || store_lock(mine, NULL) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	EXPECT(read(ready[0], &c, 1) == 1, "the child holds the lock");
	snprintf(pid, sizeof(pid), "process %d", (int)child);
	EXPECT(store_lock(s, &e) == -EBUSY && strstr(e.text, pid), "held: '%s'", e.text);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT(store_lock(s, &e) == 0, "free again: %s", e.text);
	store_unlock(s);
	close(ready[0]);
	close(ready[1]);
	store_close(s);
}

/* ---- disks ---- */

static bool tmpfs_mounted(const char *options)
{
	return EXPECT(mkdir(dir, 0700) == 0 && unshare(CLONE_NEWNS) == 0 &&
			      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			      mount("none", dir, "tmpfs", 0, options) == 0,
		      "tmpfs on %s: %s", dir, strerror(errno));
}

static void disk_fills(void)
{
	struct err e = {0};
	struct store *s;
	unsigned done = 0, lost = 0;
	int code;

	if (!tmpfs_mounted("size=1m") ||
	    !EXPECT(store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text))
		return;
	for (;; done++) {
		struct store_rule r = rule_numbered(done);

		code = store_put_rule(s, &r, &e);
		if (code < 0)
			break;
	}
	EXPECT(code == -ENOSPC && strstr(e.text, "space") && strstr(e.text, file), "%d '%s'", code,
	       e.text);
	EXPECT(done > 100, "%u were put", done);
	for (unsigned i = 0; i < done; i++)
		lost += !has_numbered(s, i);
	EXPECT(lost == 0, "%u of %u lost", lost, done);

	/* In a transaction: SQLite may take it back by itself; nothing of it may commit alone. */
	EXPECT(store_begin(s, &e) == 0, "begin: %s", e.text);
	code = 0;
	for (unsigned i = 0; i < 20000 && code == 0; i++) {
		struct store_rule r = rule_numbered(100000 + i);

		code = store_put_rule(s, &r, &e);
	}
	if (code == 0)
		code = store_commit(s, &e);
	else
		store_rollback(s);
	EXPECT(code == -ENOSPC, "%d '%s'", code, e.text);
	EXPECT(!has_numbered(s, 100000), "nothing of the transaction");
	store_close(s);

	EXPECT(mount("none", dir, "tmpfs", MS_REMOUNT, "size=4m") == 0, "more room");
	if (!EXPECT(store_open(&s, dir, STORE_WRITE, &e) == 0, "with room again: %s", e.text))
		return;
	for (unsigned i = 0; i < done; i++)
		lost += !has_numbered(s, i);
	EXPECT(lost == 0, "%u of %u lost after closing and opening", lost, done);
	EXPECT(store_put_rule(s, &(struct store_rule){0}, &e) == -EINVAL, "checks still hold");
	for (unsigned i = 0; i < 100; i++) {
		struct store_rule r = rule_numbered(200000 + i);

		EXPECT(store_put_rule(s, &r, &e) == 0, "with room again: %s", e.text);
	}
	store_close(s);
}

static void disk_is_full_at_once(void)
{
	char path[160], page[4096] = {0};
	int fd;

	if (!tmpfs_mounted("size=64k"))
		return;
	snprintf(path, sizeof(path), "%s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, page, sizeof(page)) > 0)
		;
	close(fd);
	fails_with(STORE_WRITE, -ENOSPC, "a new store on a full disk");
}

TEST(a_full_disk_is_said_and_loses_nothing)
{
	dir_fresh();
	in_child(disk_fills);
	dir_fresh();
	in_child(disk_is_full_at_once);
}

static bool remount(unsigned long flags)
{
	return EXPECT(mount("none", dir, "tmpfs", MS_REMOUNT | flags, NULL) == 0, "remount: %s",
		      strerror(errno));
}

/* A child that wrote 10 rules more and was killed: a log and its index are left. */
static void killed_writer(void)
{
	pid_t child = fork();

	if (child == 0) {
		struct store *s;

		if (store_open(&s, dir, STORE_WRITE, NULL) < 0)
			_exit(1);
		for (unsigned i = 100; i < 110; i++) {
			struct store_rule r = rule_numbered(i);

			if (store_put_rule(s, &r, NULL) < 0)
				_exit(1);
		}
		kill(getpid(), SIGKILL);
	}
	waitpid(child, NULL, 0);
}

static void disk_turns_read_only(void)
{
	char shm[160];

	if (!tmpfs_mounted("size=4m") || !store_filled(20) || !remount(MS_RDONLY))
		return;
	fails_with(STORE_WRITE, -EROFS, "writing on a read-only disk");
	reads(20, "closed in order, then read-only");
	if (!remount(0))
		return;
	killed_writer();
	if (!remount(MS_RDONLY))
		return;
	fails_with(STORE_WRITE, -EROFS, "writing on a read-only disk with a log");
	reads(30, "killed, then read-only");
	if (!remount(0))
		return;
	snprintf(shm, sizeof(shm), "%s-shm", file);
	EXPECT(unlink(shm) == 0, "the index of the log");
	if (!remount(MS_RDONLY))
		return;
	/* What cannot be read right is not read wrong. */
	fails_with(STORE_READ, -EROFS, "a log without an index on a read-only disk");
	if (remount(0))
		reads(30, "writable once more");
}

TEST(a_read_only_disk_is_read_and_not_written)
{
	dir_fresh();
	in_child(disk_turns_read_only);
}

static void rights_are_missing(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		EXPECT(false, "cannot become nobody: %s", strerror(errno));
	fails_with(STORE_READ, -EACCES, "reading as nobody");
	fails_with(STORE_WRITE, -EACCES, "writing as nobody");
	snprintf(dir, sizeof(dir), "%s/new", base);
	fails_with(STORE_WRITE, -EACCES, "making as nobody");
}

TEST(missing_rights_are_said)
{
	dir_fresh();
	ENSURE(store_filled(3), "no store");
	in_child(rights_are_missing);
}

TEST(a_store_that_is_not_there_is_said)
{
	dir_fresh();
	fails_with(STORE_READ, -ENOENT, "no directory");
	ENSURE(mkdir(dir, 0700) == 0, "mkdir");
	fails_with(STORE_READ, -ENOENT, "an empty directory");
	close(open(file, O_WRONLY | O_CREAT, 0600));
	fails_with(STORE_READ, -ENOENT, "a store whose making was cut short");
	ENSURE(store_filled(1), "it can still be made");
	reads(1, "made");

	dir_fresh();
	close(open(dir, O_WRONLY | O_CREAT, 0600));
	fails_with(STORE_WRITE, -ENOTDIR, "a file in the place of the directory");
}

TEST(odd_directory_names_are_only_names)
{
	static const char *const names[] = {"a?mode=memory", "b#c",   "d%41",
					    "e f",	     "//g//", "\303\244"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct stat st;

		dir_fresh();
		snprintf(dir, sizeof(dir), "%s/%s", base, names[i]);
		snprintf(file, sizeof(file), "%s/" STORE_FILE, dir);
		EXPECT(store_filled(2) && reads(2, names[i]) && stat(file, &st) == 0 &&
			       st.st_size > 0,
		       "%s", file);
	}
}
