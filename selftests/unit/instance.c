/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock of an instance: one controller, whoever died how. These use the real run directory,
 * under instance names of their own.
 */
#include "daemon/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static const char *test_name(char buffer[static CONF_INSTANCE_MAX])
{
	snprintf(buffer, CONF_INSTANCE_MAX, "unit-instance-%d", (int)getpid());
	return buffer;
}

static bool test_exists(const char *name, const char *file)
{
	char path[INSTANCE_PATH_MAX];

	return access(instance_path(name, file, path), F_OK) == 0;
}

TEST(one_instance_is_locked_once_and_the_second_is_told_the_pid)
{
	char name[CONF_INSTANCE_MAX], pid[32];
	struct instance first, second;
	struct err e = {0};
	int r;

	ENSURE(instance_lock(&first, test_name(name), &e) == 0, "the first lock: %s", e.text);
	r = instance_lock(&second, name, &e);
	EXPECT(r == -EBUSY, "the second lock gives -EBUSY, not %d", r);
	snprintf(pid, sizeof(pid), "pid %d ", (int)getpid());
	EXPECT(strstr(e.text, pid) != NULL, "the sentence names %s: %s", pid, e.text);
	EXPECT(second.lock_fd < 0, "the second holds nothing");
	instance_release(&second);
	EXPECT(test_exists(name, INSTANCE_PID), "releasing what is not held takes nothing away");
	instance_release(&first);
	EXPECT(!test_exists(name, NULL), "nothing is left of the directory");
}

TEST(nobody_else_can_open_the_pid_file_and_wait_for_its_lock)
{
	char name[CONF_INSTANCE_MAX], path[INSTANCE_PATH_MAX];
	struct instance in;
	struct err e = {0};
	struct stat st;

	ENSURE(instance_lock(&in, test_name(name), &e) == 0, "locked: %s", e.text);
	instance_path(name, INSTANCE_PID, path);
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "root's alone");
	/* As a controller that was killed left it, with an older mode. */
	EXPECT(chmod(path, 0644) == 0, "chmod");
	close(in.lock_fd);
	ENSURE(instance_lock(&in, name, &e) == 0, "locked again: %s", e.text);
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "root's alone again");
	instance_release(&in);
}

TEST(a_pid_file_without_its_lock_stops_nobody)
{
	char name[CONF_INSTANCE_MAX], path[INSTANCE_PATH_MAX], text[32] = "";
	struct instance in;
	struct err e = {0};
	int go[2], fd, status;
	pid_t child;

	ENSURE(pipe(go) == 0, "a pipe");
	child = fork();
	if (child == 0) {
		struct instance dying;
		char done = instance_lock(&dying, test_name(name), NULL) == 0 ? 'y' : 'n';

		/* The name is the parent's: getpid() differs here. */
		snprintf(name, sizeof(name), "unit-instance-%d", (int)getppid());
		instance_release(&dying);
		done = instance_lock(&dying, name, NULL) == 0 ? 'y' : 'n';
		if (write(go[1], &done, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ENSURE(child > 0 && read(go[0], text, 1) == 1 && text[0] == 'y', "the child locked");
	test_name(name);
	EXPECT(instance_lock(&in, name, &e) == -EBUSY, "locked while the child lives");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	EXPECT(test_exists(name, INSTANCE_PID), "its pid file is still there");
	ENSURE(instance_lock(&in, name, &e) == 0, "locked after it was killed: %s", e.text);

	fd = open(instance_path(name, INSTANCE_PID, path), O_RDONLY);
	memset(text, 0, sizeof(text));
	ENSURE(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "the pid file can be read");
	close(fd);
	EXPECT(atoi(text) == (int)getpid(), "it has our pid, not %s", text);
	instance_release(&in);
	close(go[0]);
	close(go[1]);
}

/* Many take turns, each removing file and directory: never two at once, and nobody fails but by
 * -EBUSY. */
TEST(those_who_come_and_go_never_hold_it_together)
{
	enum { RUNNERS = 6, TURNS = 3000 };
	char name[CONF_INSTANCE_MAX], witness[64];
	int bad = 0;

	test_name(name);
	snprintf(witness, sizeof(witness), "/tmp/%s.witness", name);
	for (int i = 0; i < RUNNERS; i++) {
		if (fork() != 0)
			continue;
		for (int turn = 0, r; turn < TURNS; turn++) {
			struct instance in;
			int fd;

			r = instance_lock(&in, name, NULL);
			if (r == -EBUSY || r == -EAGAIN)
				continue;
			if (r)
				_exit(2);
			fd = open(witness, O_CREAT | O_EXCL | O_WRONLY, 0600);
			if (fd < 0)
				_exit(3);
			close(fd);
			sched_yield(); /* long enough for another to come in, if he can */
			unlink(witness);
			instance_release(&in);
		}
		_exit(0);
	}
	for (int i = 0, status; i < RUNNERS && wait(&status) > 0; i++)
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			bad = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	EXPECT(bad == 0, "exit %d (2: a lock failed; 3: two held it together)", bad);
	unlink(witness);
	EXPECT(!test_exists(name, NULL), "nothing is left");
}

TEST(a_trial_leaves_nothing_of_its_state)
{
	char name[CONF_INSTANCE_MAX], path[INSTANCE_PATH_MAX + 16], trial[INSTANCE_PATH_MAX];
	struct instance in;
	struct err e = {0};
	struct stat st;
	int fd;

	ENSURE(instance_lock(&in, test_name(name), &e) == 0, "the lock: %s", e.text);
	EXPECT(!instance_has_trial(&in), "no trial at first");
	EXPECT(instance_end_trial(&in, &e) == 0, "ending none is fine: %s", e.text);
	ENSURE(instance_begin_trial(&in, &e) == 0, "begin: %s", e.text);
	EXPECT(instance_has_trial(&in), "now there is one");
	instance_path(name, INSTANCE_TRIAL, trial);
	EXPECT(stat(trial, &st) == 0 && (st.st_mode & 0777) == 0700, "private to root");
	EXPECT(instance_begin_trial(&in, &e) == -EEXIST, "a second does not begin over it");
	snprintf(path, sizeof(path), "%s/postern.db", trial);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ENSURE(fd >= 0, "a file in it");
	close(fd);
	EXPECT(instance_end_trial(&in, &e) == 0, "end: %s", e.text);
	EXPECT(!instance_has_trial(&in), "it is gone");
	instance_release(&in);
	EXPECT(!test_exists(name, NULL), "and the directory with it");
}
