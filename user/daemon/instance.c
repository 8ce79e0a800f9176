/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One controller per instance. The lock is flock(2) on the pid file: it ends with its holder,
 * however that dies, which a pid alone does not. The file is unlinked at the end, since a trial
 * promises to leave nothing; so whoever gets the lock must look whether the name still leads to the
 * file he holds.
 */
#include "daemon/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES     8    /* each lost to a controller that ended just then */
#define PID_TEXT_MAX   16   /* a pid has at most 7 digits */
#define RUN_DIR_MODE   0755 /* the sockets and stores in it have modes of their own */
#define PID_FILE_MODE  0600 /* flock(2) takes a descriptor for reading: others could hold us up */
#define TRIAL_DIR_MODE 0700 /* a store holds reasons that are private */

const char *instance_path(const char *name, const char *file, char buffer[static INSTANCE_PATH_MAX])
{
	snprintf(buffer, INSTANCE_PATH_MAX, CONF_RUN_DIR "/%s%s%s", name, file ? "/" : "",
		 file ? file : "");
	return buffer;
}

static int instance_make_directory(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno == EACCES || errno == EPERM)
		return err_set(e, -errno, "cannot make %s: %s: `postern run` needs root", path,
			       strerror(errno));
	return err_set(e, -errno, "cannot make %s: %s", path, strerror(errno));
}

static int instance_say_holder(const char *name, const char *path, int fd, struct err *e)
{
	char text[PID_TEXT_MAX] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	if (pid > 0)
		return err_set(e, -EBUSY,
			       "a controller of the instance \"%s\" runs already, with pid %ld "
			       "(`postern reload` makes it read its configuration again; "
			       "--instance NAME runs another one beside it)",
			       name, pid);
	return err_set(e, -EBUSY, "another process holds the lock of the instance \"%s\" (%s)",
		       name, path);
}

/* 1: locked, *fd_out is the caller's; 0: the file went away under us, try again; or -errno. */
static int instance_try_lock(const char *name, int *fd_out, struct err *e)
{
	char directory[INSTANCE_PATH_MAX], path[INSTANCE_PATH_MAX];
	struct stat held, named;
	int fd, r;

	instance_path(name, NULL, directory);
	instance_path(name, INSTANCE_PID, path);
	r = instance_make_directory(CONF_RUN_DIR, RUN_DIR_MODE, e);
	if (!r)
		r = instance_make_directory(directory, RUN_DIR_MODE, e);
	if (r)
		return r == -ENOENT ? 0 : r;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PID_FILE_MODE);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, -errno, "cannot open %s: %s", path, strerror(errno));
	/* A file that somebody left with another mode. */
	if (fchmod(fd, PID_FILE_MODE)) {
		r = err_set(e, -errno, "cannot set the mode of %s: %s", path, strerror(errno));
		close(fd);
		return r;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		r = errno == EWOULDBLOCK
			    ? instance_say_holder(name, path, fd, e)
			    : err_set(e, -errno, "cannot lock %s: %s", path, strerror(errno));
		close(fd);
		return r;
	}
	if (fstat(fd, &held) || stat(path, &named) || held.st_ino != named.st_ino ||
	    held.st_dev != named.st_dev) {
		close(fd);
		return 0;
	}
	*fd_out = fd;
	return 1;
}

static int instance_write_pid(int fd, const char *name, struct err *e)
{
	char text[PID_TEXT_MAX];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)length, 0) != length)
		return err_set(e, errno ? -errno : -EIO,
			       "cannot write the pid file of the instance \"%s\" in %s: %s", name,
			       CONF_RUN_DIR, strerror(errno));
	return 0;
}

int instance_lock(struct instance *in, const char *name, struct err *e)
{
	int fd = -1, r = 0;

	snprintf(in->name, sizeof(in->name), "%s", name);
	in->lock_fd = -1;
	for (int i = 0; i < LOCK_TRIES && !r; i++)
		r = instance_try_lock(name, &fd, e);
	if (!r)
		return err_set(e, -EAGAIN, "the lock of the instance \"%s\" comes and goes", name);
	if (r < 0)
		return r;
	in->lock_fd = fd;
	r = instance_write_pid(fd, name, e);
	if (r)
		instance_release(in);
	return r;
}

void instance_release(struct instance *in)
{
	char path[INSTANCE_PATH_MAX];

	if (in->lock_fd < 0)
		return;
	/* Unlinked while the lock is held: nobody else's file can bear the name. */
	unlink(instance_path(in->name, INSTANCE_PID, path));
	rmdir(instance_path(in->name, NULL, path));
	rmdir(CONF_RUN_DIR);
	close(in->lock_fd);
	in->lock_fd = -1;
}

bool instance_has_trial(const struct instance *in)
{
	char path[INSTANCE_PATH_MAX];
	struct stat st;

	return lstat(instance_path(in->name, INSTANCE_TRIAL, path), &st) == 0;
}

int instance_begin_trial(const struct instance *in, struct err *e)
{
	char path[INSTANCE_PATH_MAX];

	instance_path(in->name, INSTANCE_TRIAL, path);
	if (mkdir(path, TRIAL_DIR_MODE))
		return err_set(e, -errno, "cannot make %s: %s", path, strerror(errno));
	return 0;
}

int instance_end_trial(const struct instance *in, struct err *e)
{
	char path[INSTANCE_PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	/* A store keeps plain files only, so one level is all there is. */
	directory = opendir(instance_path(in->name, INSTANCE_TRIAL, path));
	if (!directory)
		return errno == ENOENT
			       ? 0
			       : err_set(e, -errno, "cannot open %s: %s", path, strerror(errno));
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	if (rmdir(path) && errno != ENOENT)
		return err_set(e, -errno, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}
