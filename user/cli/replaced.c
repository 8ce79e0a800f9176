/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are replaced whole: see replaced.h. A link is followed, so that what it points at is replaced and the link stays. */
#include "cli/replaced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"

#define SHOWN_MAX 200 /* bytes of a path in a sentence */
#define MODE	  0666

static int fail(struct err *e, const char *what, const char *path)
{
	int code = -errno;
	char shown[SHOWN_MAX];

	return err_set(e, code, "%s %s: %s", what,
		       text_escape(path, strlen(path), shown, sizeof(shown)), strerror(-code));
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

int replaced_open(struct replaced *r, const char *path, struct err *e)
{
	mode_t mask;
	int ret;

	r->fd = -1;
	ret = path_resolve(path, r->path, e);
	if (ret < 0)
		return ret;
	if ((size_t)snprintf(r->temporary, sizeof(r->temporary), "%s.XXXXXX", r->path) >=
	    sizeof(r->temporary)) {
		errno = ENAMETOOLONG;
		return fail(e, "cannot write", path);
	}
	r->fd = mkostemp(r->temporary, O_CLOEXEC);
	if (r->fd < 0)
		return fail(e, "cannot write", path);
	mask = umask(0);
	umask(mask);
	if (fchmod(r->fd, MODE & ~mask) < 0) {
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
