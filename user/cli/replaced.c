/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that are replaced whole: see replaced.h. A link is followed, so that what it points at is replaced and the link stays; but only one that
 * root or we have made: in a directory where others may write, theirs would lead us to any file of ours.
 */
#include "cli/replaced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/temporary.h"

#define SHOWN_MAX 200 /* bytes of a path in a sentence */
#define MODE	  0666
#define MODE_BITS 0777
#define LINKS_MAX 40 /* one after the other, as path_resolution(7) has it */

static int fail(struct err *e, const char *what, const char *path)
{
	int code = -errno;
	char shown[SHOWN_MAX];

	return err_set(e, code, "%s %s: %s", what,
		       text_escape(path, strlen(path), shown, sizeof(shown)), strerror(-code));
}

/* The path that a link leads to from where it lies. */
static int link_step(char path[static PATH_MAX])
{
	char target[PATH_MAX], folder[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *slash = strrchr(path, '/');
	int folder_length = slash ? (int)(slash - path) + 1 : 0;

	if (length < 0)
		return -1;
	target[length] = '\0';
	memcpy(folder, path, (size_t)folder_length);
	if (target[0] == '/')
		folder_length = 0;
	if (snprintf(path, PATH_MAX, "%.*s%s", folder_length, folder, target) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int links_check(const char *path, struct err *e)
{
	char at[PATH_MAX], shown[SHOWN_MAX];
	struct stat st;

	if (snprintf(at, sizeof(at), "%s", path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return fail(e, "cannot write", path);
	}
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		/* Whatever else is wrong with it comes out when it is opened. */
		if (lstat(at, &st) < 0 || !S_ISLNK(st.st_mode))
			return 0;
		if (st.st_uid != 0 && st.st_uid != geteuid())
			return err_set(e, -EPERM,
				       "%s is a link that somebody else has made, and is not "
				       "followed",
				       text_escape(at, strlen(at), shown, sizeof(shown)));
		if (link_step(at) < 0)
			return fail(e, "cannot write", path);
	}
	errno = ELOOP;
	return fail(e, "cannot write", path);
}

/* Where it really lies, if it is there. */
static int path_resolve(const char *path, char out[static PATH_MAX], struct err *e)
{
	char shown[SHOWN_MAX];
	struct stat st;

	if (!realpath(path, out)) {
		if (errno != ENOENT)
			return fail(e, "cannot write", path);
		if ((size_t)snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return fail(e, "cannot write", path);
		}
		return 0;
	}
	if (stat(out, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s is no ordinary file, and is not replaced",
			       text_escape(path, strlen(path), shown, sizeof(shown)));
	return 0;
}

/* A file of ours keeps its mode and its group: who has hidden a report wants the next one hidden too. */
static int mode_set(const struct replaced *r)
{
	mode_t mask = umask(0), mode = MODE & ~mask;
	struct stat st;

	umask(mask);
	if (stat(r->path, &st) == 0 && st.st_uid == geteuid()) {
		mode = st.st_mode & MODE_BITS;
		if (fchown(r->fd, (uid_t)-1, st.st_gid) < 0)
			mode &= (mode_t)~S_IRWXG;
	}
	return fchmod(r->fd, mode);
}

int replaced_open(struct replaced *r, const char *path, struct err *e)
{
	int ret = links_check(path, e);

	r->fd = -1;
	if (ret == 0)
		ret = path_resolve(path, r->path, e);
	if (ret < 0)
		return ret;
	if (temporary_template(r->temporary, sizeof(r->temporary), r->path) < 0) {
		errno = ENAMETOOLONG;
		return fail(e, "cannot write", path);
	}
	r->fd = mkostemp(r->temporary, O_CLOEXEC);
	if (r->fd < 0)
		return fail(e, "cannot write", path);
	if (mode_set(r) < 0) {
		ret = fail(e, "cannot write", path);
		replaced_abandon(r);
	}
	return ret;
}

int replaced_commit(struct replaced *r, struct err *e)
{
	int ret = 0;

	if (r->fd < 0)
		return 0;
	if (fsync(r->fd) < 0 || rename(r->temporary, r->path) < 0) {
		ret = fail(e, "cannot write", r->path);
		replaced_abandon(r);
		return ret;
	}
	close(r->fd);
	r->fd = -1;
	return 0;
}

void replaced_abandon(struct replaced *r)
{
	if (r->fd < 0)
		return;
	close(r->fd);
	r->fd = -1;
	(void)unlink(r->temporary);
}
