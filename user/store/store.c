/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening, locking, and transactions. WAL, so that readers and a writer do not wait for each other;
 * synchronous=FULL, so that what was committed has reached the disk: a command says done only after
 * that.
 */
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/when.h"

/* A writer's. Addresses are random: an index that does not fit is written to the log again and again. */
#define CACHE_KIB	"16384"
#define LOCK_STEP_MS	10  /* flock(2) can wait for ever or not at all */
#define DB_BYTES_MIN	512 /* the smallest page (sqlite.org/fileformat, 1.3.2) */
#define DIR_MODE	0700
#define DIR_PARENT_MODE 0755
#define FILE_MODE	0600
#define PID_TEXT_MAX	16

static uint32_t stores_opened;

static uint64_t real_boot_ns(void)
{
	return now_boot_ns();
}

/* Finer than now_wall_s(): a deadline must not lose up to a second at each reboot. */
static int64_t real_wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * (int64_t)NS_PER_S + t.tv_nsec;
}

static const struct store_clock real_clock = {real_boot_ns, real_wall_ns, boot_id};

/* ---- files ---- */

static int dir_make_one(const char *path, mode_t mode)
{
	int parent, code = 0;
	char up[PATH_MAX];
	char *slash;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* The new name must survive a power loss as well as what is in it. */
	snprintf(up, sizeof(up), "%s", path);
	slash = strrchr(up, '/');
	if (slash)
		slash[slash == up ? 1 : 0] = '\0';
	parent = open(slash ? up : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -errno;
	if (fsync(parent) < 0)
		code = -errno;
	close(parent);
	return code;
}

static int dir_make(const char *dir, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	int code = 0;

	if (stat(dir, &st) == 0)
		return S_ISDIR(st.st_mode)
			       ? 0
			       : err_set(e, -ENOTDIR, "%s is there, but is not a directory", dir);
	snprintf(path, sizeof(path), "%s", dir);
	for (char *p = path + 1; *p && code == 0; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		code = dir_make_one(path, DIR_PARENT_MODE);
		*p = '/';
	}
	if (code == 0)
		code = dir_make_one(path, DIR_MODE);
	if (code < 0)
		return err_set(e, code, "cannot make the directory %s: %s", dir, strerror(-code));
	return 0;
}

/*
 * Made before SQLite opens it, for its mode and for a true errno. Never opened when it is there:
 * closing any descriptor of the file would drop the locks that this process holds on it (fcntl(2)).
 */
static int file_make(const struct store *s, struct err *e)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	return err_set(e, -errno, "cannot make the store %s: %s", s->path, strerror(errno));
}

static int file_find(const struct store *s, struct err *e)
{
	struct stat st;

	if (stat(s->path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return fault_corrupt(s, "not a regular file", e);
		/* SQLite takes the stump of a header for an empty database and would begin anew. */
		if (st.st_size > 0 && st.st_size < DB_BYTES_MIN)
			return fault_corrupt(s, "too short", e);
		if (access(s->path, R_OK) == 0)
			return 0;
	}
	if (errno == ENOENT)
		return err_set(e, -ENOENT, "there is no store in %s yet: no rule was ever made",
			       s->dir);
	return err_set(e, -errno, "cannot read the store %s: %s", s->path, strerror(errno));
}

/* Before SQLite tries: its own word for all of these is "unable to open database file". */
static int file_is_writable(const struct store *s, struct err *e)
{
	if (access(s->path, W_OK) == 0 && access(s->dir, W_OK) == 0)
		return 0;
	if (errno == EROFS)
		return err_set(e, -EROFS,
			       "cannot write the store %s: its file system is mounted read-only; "
			       "the rules in force stay in the kernel",
			       s->path);
	return err_set(e, -errno, "cannot write the store %s: %s", s->path, strerror(errno));
}

/* ---- opening ---- */

/* A path as a file: URI; only what has a meaning in one is escaped. */
static void uri_write(char *out, size_t size, const char *path, const char *query)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = (size_t)snprintf(out, size, "file:");

	for (const unsigned char *p = (const unsigned char *)path; *p && n + 4 < size; p++) {
		if (strchr("?#%", *p)) {
			out[n++] = '%';
			out[n++] = hex[*p >> 4];
			out[n++] = hex[*p & 15];
		} else {
			out[n++] = (char)*p;
		}
	}
	snprintf(out + n, size - n, "%s", query);
}

static int db_open(struct store *s, const char *query)
{
	int flags = s->access == STORE_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	char uri[3 * PATH_MAX + 32]; /* each byte escaped, scheme and query */
	const char *path = s->path;
	int code;

	while (path[0] == '/' && path[1] == '/') /* "file://x" would name a host */
		path++;
	uri_write(uri, sizeof(uri), path, query);
	code = sqlite3_open_v2(uri, &s->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return code;
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, (int)s->patience_ms);
	code = deadline_register(s);
	if (code == SQLITE_OK)
		code = row_register(s);
	if (code != SQLITE_OK)
		return code;
	/* The file is only as trustworthy as the disk it lies on. */
	code = sqlite3_exec(s->db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", NULL,
			    NULL, NULL);
	if (code == SQLITE_OK && s->access == STORE_WRITE)
		code = sqlite3_exec(
			s->db,
			"PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304; "
			"PRAGMA cache_size = -" CACHE_KIB,
			NULL, NULL, NULL);
	return code;
}

static void db_close(struct store *s)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(s->statement[i]);
		s->statement[i] = NULL;
	}
	sqlite3_close_v2(s->db);
	s->db = NULL;
}

static bool has_log(const struct store *s)
{
	char path[PATH_MAX + sizeof("-wal")];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", s->path);
	return stat(path, &st) == 0 && st.st_size > 0;
}

/*
 * Where neither the file nor its directory can be written SQLite cannot share a WAL store; it reads
 * one as immutable, which is right as long as no log waits beside it. With a log it would show
 * rules that are no more.
 */
static int open_immutable(struct store *s, struct err *e)
{
	int code;

	if (has_log(s))
		return err_set(
			e, -EROFS,
			"cannot read the store %s: its last changes wait in its -wal file, "
			"which cannot be read on a read-only file system; mount it writable once",
			s->path);
	db_close(s);
	code = db_open(s, "?immutable=1");
	if (code != SQLITE_OK)
		return fault_set(s, code, "cannot read the store", e);
	return schema_check(s, e);
}

static int open_for_reading(struct store *s, struct err *e)
{
	int code = file_find(s, e), found;

	if (code < 0)
		return code;
	found = db_open(s, "");
	if (found != SQLITE_OK)
		return fault_set(s, found, "cannot read the store", e);
	code = schema_check(s, e);
	found = s->fault & 0xff;
	if (code < 0 && (found == SQLITE_CANTOPEN || found == SQLITE_READONLY))
		code = open_immutable(s, e);
	return code;
}

static int open_for_writing(struct store *s, struct err *e)
{
	int code = dir_make(s->dir, e), found;

	if (code == 0)
		code = file_make(s, e);
	if (code == 0)
		code = file_find(s, e);
	if (code == 0)
		code = file_is_writable(s, e);
	if (code < 0)
		return code;
	found = db_open(s, "");
	if (found != SQLITE_OK)
		return fault_set(s, found, "cannot open the store", e);
	code = schema_check(s, e);
	if (code == 0)
		deadlines_renew(s);
	return code;
}

int store_open_by(struct store **out, const char *dir, enum store_access access,
		  const struct store_clock *clock, unsigned patience_ms, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	int code;

	*out = NULL;
	if (!s)
		return err_set(e, -ENOMEM, "cannot open the store: out of memory");
	s->clock = clock;
	s->number = ++stores_opened;
	clock->boot_id(s->now.boot_id); /* a file: not read for each of a million rows */
	s->access = access;
	s->lock_fd = -1;
	s->patience_ms = patience_ms;
	/* Room for "-journal" behind the path too. */
	if (!*dir || strlen(dir) + sizeof("/" STORE_FILE "-journal") > sizeof(s->path)) {
		code = err_set(e, -ENAMETOOLONG,
			       "the name of the store's directory is empty or too long");
		goto fail;
	}
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	snprintf(s->path, sizeof(s->path), "%.*s/" STORE_FILE,
		 (int)(sizeof(s->path) - sizeof("/" STORE_FILE)), dir);
	code = access == STORE_WRITE ? open_for_writing(s, e) : open_for_reading(s, e);
	if (code < 0)
		goto fail;
	*out = s;
	return 0;
fail:
	store_close(s);
	return code;
}

int store_open(struct store **out, const char *dir, enum store_access access, struct err *e)
{
	return store_open_by(out, dir, access, &real_clock, STORE_PATIENCE_MS, e);
}

int store_open_within(struct store **out, const char *dir, enum store_access access,
		      unsigned patience_ms, struct err *e)
{
	return store_open_by(out, dir, access, &real_clock, patience_ms, e);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_close(s);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s);
}

int store_get_version(struct store *s, int64_t *out, struct err *e)
{
	int code = statement_number(s, "PRAGMA data_version", out, e);

	/* It has 32 bits, and each connection counts from its own beginning (sqlite.org/pragma, data_version). */
	if (code == 0)
		*out = (int64_t)((uint64_t)s->number << 32 | (uint32_t)*out);
	return code;
}

uint32_t store_number(const struct store *s)
{
	return s->number;
}

/* ---- the lock ---- */

static int lock_open(struct store *s, struct err *e)
{
	char path[PATH_MAX + sizeof("/" STORE_LOCK)];

	if (s->lock_fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s/" STORE_LOCK, s->dir);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (s->lock_fd < 0)
		return err_set(e, -errno, "cannot open the lock %s: %s", path, strerror(errno));
	return 0;
}

static int lock_fault(const struct store *s, int code, struct err *e)
{
	char pid[PID_TEXT_MAX] = "";
	ssize_t n = pread(s->lock_fd, pid, sizeof(pid) - 1, 0);

	if (code != -EWOULDBLOCK)
		return err_set(e, code, "cannot lock %s/" STORE_LOCK ": %s", s->dir,
			       strerror(-code));
	pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	return err_set(e, -EBUSY,
		       "another postern command is changing rules (%s/" STORE_LOCK
		       " is held%s%s): try again",
		       s->dir, *pid ? " by process " : "", pid);
}

/* For the sentence of who waits in vain. On a full disk that has to do without. */
static void lock_sign(const struct store *s)
{
	char pid[PID_TEXT_MAX];
	int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	if (ftruncate(s->lock_fd, 0) < 0 || pwrite(s->lock_fd, pid, (size_t)length, 0) < 0)
		return;
}

int store_lock(struct store *s, struct err *e)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	uint64_t until = now_boot_ns() + s->patience_ms * NS_PER_MS;
	int code = lock_open(s, e);

	if (code < 0)
		return code;
	while (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || now_boot_ns() >= until)
			return lock_fault(s, -errno, e);
		nanosleep(&step, NULL);
	}
	lock_sign(s);
	return 0;
}

void store_set_patience(struct store *s, unsigned ms)
{
	s->patience_ms = ms;
	sqlite3_busy_timeout(s->db, (int)ms);
}

void store_unlock(struct store *s)
{
	if (s->lock_fd >= 0)
		flock(s->lock_fd, LOCK_UN);
}

/* ---- transactions ---- */

int store_begin(struct store *s, struct err *e)
{
	int code = statement_may_change(s, e);

	if (code < 0)
		return code;
	if (s->in_transaction)
		return err_set(e, -EINVAL, "the store %s is in a transaction already", s->path);
	/* IMMEDIATE: the wait for another writer is here, and no later statement can fail for it.
	 */
	code = statement_exec(s, "BEGIN IMMEDIATE", e);
	s->in_transaction = code == 0;
	return code;
}

int store_commit(struct store *s, struct err *e)
{
	int code = statement_may_change(s, e);

	if (code == 0 && !s->in_transaction)
		return err_set(e, -EINVAL, "the store %s is in no transaction", s->path);
	if (code == 0)
		code = statement_exec(s, "COMMIT", e);
	if (code < 0)
		store_rollback(s);
	s->in_transaction = false;
	return code;
}

void store_rollback(struct store *s)
{
	if (s->in_transaction && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_transaction = false;
}

int transaction_enter(struct store *s, bool *own, struct err *e)
{
	int code;

	*own = !s->in_transaction;
	if (*own)
		return store_begin(s, e);
	code = statement_may_change(s, e);
	return code < 0 ? code : statement_exec(s, "SAVEPOINT part", e);
}

int transaction_leave(struct store *s, bool own, int code, struct err *e)
{
	if (own) {
		if (code == 0)
			return store_commit(s, e);
		store_rollback(s);
		return code;
	}
	if (code == 0)
		return statement_exec(s, "RELEASE part", e);
	/* Unless SQLite has taken the whole transaction back by itself. */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK TO part; RELEASE part", NULL, NULL, NULL);
	return code;
}
