/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may say whom the gate refuses? Whoever can write the file, or put another one in its place: its owner, the owner of its directory,
 * and those of the directories above. So each of these is looked at, from the open directory upwards, where no link can lead astray. A
 * directory above may be one in which everybody has his own (sticky, as /tmp is); the file's own may not. A link in place of the file is
 * not followed: a change of what it leads to would not be noticed, and who may write there is another question.
 */
#include "daemon/feeding_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/json.h"

#define SHOWN_MAX  200 /* bytes of a path in a sentence */
#define CLIMBS_MAX 64  /* directories above; a path has PATH_MAX bytes */
#define WRITERS	   (S_IWGRP | S_IWOTH)

struct place {
	const char *path;
	char shown[SHOWN_MAX];
	uid_t owner; /* of the directory */
	struct err *e;
};

static uid_t postern_uid(void)
{
	const struct passwd *p = getpwnam(DROP_USER);

	return p ? p->pw_uid : 0;
}

static int refuse_writers(struct place *p, const char *what, mode_t mode)
{
	return err_set(p->e, -EPERM,
		       "others may write %s (mode %04o), and could then say whom the gate refuses: "
		       "chmod go-w it",
		       what, mode & 07777U);
}

/* The directory that fd is, and those above it. */
static int directories_check(struct place *p, int directory)
{
	struct stat st, above = {0};
	int fd = directory, ret = 0;

	if (fstat(fd, &st))
		return err_set(p->e, -errno, "cannot look at the directory of %s: %s", p->shown,
			       strerror(errno));
	p->owner = st.st_uid;
	if (st.st_mode & WRITERS)
		return refuse_writers(p, "its directory", st.st_mode);
	for (int i = 0; i < CLIMBS_MAX && ret == 0; i++) {
		int next = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd != directory)
			close(fd);
		fd = next;
		if (fd < 0 || fstat(fd, &above))
			ret = err_set(p->e, -errno, "cannot look at the directories above %s: %s",
				      p->shown, strerror(errno));
		else if ((above.st_mode & WRITERS) && !(above.st_mode & S_ISVTX))
			ret = refuse_writers(p, "a directory above it", above.st_mode);
		else if (above.st_uid && above.st_uid != p->owner)
			ret = err_set(p->e, -EPERM,
				      "a directory above %s belongs to user %u, who could put "
				      "another one in its place",
				      p->shown, above.st_uid);
		if (ret == 0 && above.st_ino == st.st_ino && above.st_dev == st.st_dev)
			break; /* the root's parent is the root */
		st = above;
	}
	if (fd >= 0 && fd != directory)
		close(fd);
	return ret;
}

static int file_check(struct place *p, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set(p->e, -errno, "cannot look at %s: %s", p->shown, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(p->e, -EINVAL, "%s is not a regular file", p->shown);
	if (st.st_uid && st.st_uid != p->owner && st.st_uid != postern_uid())
		return err_set(p->e, -EPERM,
			       "%s belongs to user %u, neither to root nor to the owner of its "
			       "directory",
			       p->shown, st.st_uid);
	if (st.st_mode & WRITERS)
		return refuse_writers(p, p->shown, st.st_mode);
	return 0;
}

static int file_open(struct place *p, int directory, const char *name)
{
	/* A pipe would make whoever opens it wait. */
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int code = errno, ret;

	if (fd < 0 && code == ELOOP)
		return err_set(p->e, -ELOOP, "%s is a link: name the file that it leads to",
			       p->shown);
	if (fd < 0 && code == ENOENT)
		return err_set(p->e, -ENOENT, "%s is not there", p->shown);
	if (fd < 0 && code == EACCES)
		return err_set(p->e, -EACCES,
			       "%s may not be read: the controller is root without privileges, so "
			       "the file must be root's or readable for all",
			       p->shown);
	if (fd < 0)
		return err_set(p->e, -code, "cannot open %s: %s", p->shown, strerror(code));
	ret = file_check(p, fd);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int feedfile_open(const char *path, struct err *e)
{
	struct place p = {.path = path, .e = e};
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	int above, ret;

	text_escape(path, strlen(path), p.shown, sizeof(p.shown));
	if (!slash || !slash[1] || strlen(path) >= sizeof(directory))
		return err_set(e, -EINVAL, "%s is no file's path", p.shown);
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path + 1), path);
	above = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (above < 0 && errno == ENOENT)
		return err_set(e, -ENOENT, "the directory of %s is not there", p.shown);
	if (above < 0)
		return err_set(e, -errno, "cannot open the directory of %s: %s", p.shown,
			       strerror(errno));
	ret = directories_check(&p, above);
	if (ret == 0)
		ret = file_open(&p, above, slash + 1);
	close(above);
	return ret;
}
