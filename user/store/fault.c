/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQLite's codes as errno and a sentence that says what to do. SQLite folds causes together (a full
 * disk can be SQLITE_FULL, an I/O error or a file that cannot be opened), so the system's errno and
 * the file system are asked as well.
 */
#include "store/inside.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool is_read_only(const struct store *s)
{
	struct statvfs v;

	return statvfs(s->dir, &v) == 0 && (v.f_flag & ST_RDONLY);
}

static bool is_full(const struct store *s)
{
	struct statvfs v;

	return statvfs(s->dir, &v) == 0 && (v.f_bavail == 0 || (v.f_files && v.f_favail == 0));
}

/* For codes that say only that the system refused something. */
static int errno_of_system(const struct store *s, int fallback)
{
	int code = sqlite3_system_errno(s->db);

	switch (code) {
	case EDQUOT:
		return -ENOSPC;
	case ENOSPC:
	case EACCES:
	case EROFS:
	case ENOENT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -code;
	default:
		break;
	}
	if (is_read_only(s))
		return -EROFS;
	if (is_full(s))
		return -ENOSPC;
	return fallback;
}

static int errno_of_sqlite(const struct store *s, int sqlite_code)
{
	switch (sqlite_code & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
	case SQLITE_ERROR: /* our own text does not fit the tables: they are not ours */
		return -EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return is_read_only(s) ? -EROFS : -EACCES;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
		return errno_of_system(s, access(s->path, R_OK) < 0 ? -errno : -EIO);
	default:
		return errno_of_system(s, -EIO);
	}
}

int fault_corrupt(const struct store *s, const char *why, struct err *e)
{
	return err_set(
		e, -EBADMSG,
		"the store %s is damaged or not a store of postern (%s): move it away, with its "
		"-wal and -shm files, and run the command again; the rules in force stay in the "
		"kernel meanwhile",
		s->path, why);
}

int fault_set(struct store *s, int sqlite_code, const char *what, struct err *e)
{
	int code = errno_of_sqlite(s, sqlite_code);
	const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(sqlite_code);

	s->fault = sqlite_code;
	switch (code) {
	case 0:
		return 0;
	case -EBADMSG:
		return fault_corrupt(s, text, e);
	case -ENOSPC:
		return err_set(e, code,
			       "%s %s: no space left on its file system; free some, the rules in "
			       "force stay in the kernel",
			       what, s->path);
	case -EROFS:
		return err_set(
			e, code,
			"%s %s: its file system is mounted read-only; the rules in force stay in "
			"the kernel",
			what, s->path);
	case -EACCES:
		return err_set(e, code, "%s %s: permission denied; run this as root", what,
			       s->path);
	case -EBUSY:
		return err_set(e, code, "%s %s: another process keeps it locked; try again", what,
			       s->path);
	case -ENOENT:
		return err_set(e, code, "%s %s: there is no such file", what, s->path);
	default:
		return err_set(e, code, "%s %s: %s (%s)", what, s->path, text, strerror(-code));
	}
}
