/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rotated files: see following_rotated.h. Their order is that of their last writing, as the report has it (maillog/source.c), and no name is
 * trusted for it. A packed one bears the time of what is in it (gzip(1)); it is not unpacked here, since the keeper looks at no byte from outside.
 */
#include "daemon/following_rotated.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/regular.h"
#include "base/when.h"
#include "maillog/find.h"

int logpart_open(struct logpart *p, const char *path)
{
	struct stat st;
	int fd = regular_open(path, &st);

	*p = (struct logpart){.fd = fd < 0 ? -1 : fd};
	if (fd < 0)
		return fd;
	p->device = st.st_dev;
	p->inode = st.st_ino;
	return 0;
}

void logpart_close(struct logpart *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

uint64_t logpart_size(const struct logpart *p)
{
	struct stat st;

	return fstat(p->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t written_ns(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
}

uint64_t logpart_written_ns(const struct logpart *p)
{
	struct stat st;

	return fstat(p->fd, &st) == 0 ? written_ns(&st) : 0;
}

/* Of the bytes before an offset. 0 or -errno; -ENODATA: there are not so many. */
static int part_sum(const struct logpart *p, uint64_t offset, uint64_t *sum)
{
	size_t length = offset < LOGPLACE_TAIL_MAX ? (size_t)offset : LOGPLACE_TAIL_MAX;
	char tail[LOGPLACE_TAIL_MAX];
	ssize_t n = pread(p->fd, tail, length, (off_t)(offset - length));

	if (n != (ssize_t)length)
		return n < 0 ? -errno : -ENODATA;
	*sum = logplace_sum(tail, length);
	return 0;
}

void logpart_place(const struct logpart *p, uint64_t offset, struct logplace *out)
{
	struct stat st = {.st_size = 0};

	out->kind = LOGPLACE_FILE;
	out->inode = p->inode;
	out->offset = offset;
	out->sum = 0;
	(void)part_sum(p, offset, &out->sum);
	/* What is behind the place may have been written at this very time: then it is not read. */
	out->written_ns = fstat(p->fd, &st) == 0 ? written_ns(&st) : 0;
	if ((uint64_t)st.st_size > offset && out->written_ns)
		out->written_ns--;
}

/* Where nothing stands before it, the inode has to tell. */
bool logpart_has(const struct logpart *p, const struct logplace *place)
{
	uint64_t sum = 0;

	if (!place->offset)
		return p->inode == place->inode;
	return part_sum(p, place->offset, &sum) == 0 && sum == place->sum;
}

bool logpart_was_rewritten(const struct logpart *p, const struct logplace *place)
{
	uint64_t sum = 0;
	int r = part_sum(p, place->offset, &sum);

	return r == -ENODATA || (r == 0 && sum != place->sum);
}

/* ---- the files beside the log ---- */

/*
 * Who may write to the folder of the log (a mail server's user, as a rule) could fill it, and the loop waits for this. Daily files of some
 * years, plain and packed, are fewer.
 */
#define ENTRIES_MAX 65536
#define FILES_MAX   4096

struct folder {
	DIR *dir;
	unsigned entries, files; /* that were come to */
	const char *name;	 /* of the log in it */
	char lead[PATH_MAX];
	char path[PATH_MAX]; /* of the file that was come to */
};

static bool folder_open(struct folder *f, const char *path)
{
	f->name = strrchr(path, '/') + 1;
	f->entries = f->files = 0;
	snprintf(f->lead, sizeof(f->lead), "%.*s", (int)(f->name - path), path);
	f->dir = opendir(f->lead);
	return f->dir;
}

/* The next one whose name begins as the log's does. False: there is none. */
static bool folder_next(struct folder *f)
{
	size_t length = strlen(f->name);
	struct dirent *entry;

	while (f->entries++ < ENTRIES_MAX && f->files < FILES_MAX && (entry = readdir(f->dir)))
		if (strncmp(entry->d_name, f->name, length) == 0 && entry->d_name[length] &&
		    snprintf(f->path, sizeof(f->path), "%s%s", f->lead, entry->d_name) <
			    (int)sizeof(f->path)) {
			f->files++;
			return true;
		}
	return false;
}

bool rotated_find(struct logpart *out, const struct logplace *place)
{
	struct folder f;
	bool found = false;

	out->fd = -1;
	if (!folder_open(&f, place->path))
		return false;
	while (!found && folder_next(&f)) {
		if (logpart_open(out, f.path) < 0)
			continue;
		found = logpart_has(out, place);
		if (!found)
			logpart_close(out);
	}
	closedir(f.dir);
	return found;
}

/* LOG.1, LOG-20261122, and packed ones; not what an administrator has put aside. */
static bool is_rotated(const char *name, const char *log)
{
	const char *at = name + strlen(log);

	return (*at == '.' || *at == '-') && isdigit((unsigned char)at[1]);
}

/* A packed file is there before it is whole; what it is made of goes when it is. */
static bool is_being_packed(const char *path)
{
	char plain[PATH_MAX];

	snprintf(plain, sizeof(plain), "%.*s", (int)(strrchr(path, '.') - path), path);
	return access(plain, F_OK) == 0;
}

int rotated_next(struct logpart *out, const char *path, uint64_t since_ns, enum rotated_gap *gap)
{
	uint64_t first_ns = UINT64_MAX, packed_ns = UINT64_MAX, at_ns;
	char first[PATH_MAX];
	struct folder f;
	struct stat st;
	bool is_packed, is_there = false;
	int code;

	snprintf(first, sizeof(first), "%s", path);
	if (folder_open(&f, path)) {
		while (folder_next(&f)) {
			is_packed = maillog_packing(f.path) != MAILLOG_PLAIN;
			if (!is_rotated(strrchr(f.path, '/') + 1, f.name) ||
			    (is_packed && is_being_packed(f.path)) || stat(f.path, &st) < 0 ||
			    !S_ISREG(st.st_mode))
				continue;
			at_ns = written_ns(&st);
			is_there = is_there || at_ns == since_ns;
			if (at_ns <= since_ns || at_ns >= (is_packed ? packed_ns : first_ns))
				continue;
			*(is_packed ? &packed_ns : &first_ns) = at_ns;
			if (!is_packed)
				snprintf(first, sizeof(first), "%s", f.path);
		}
		closedir(f.dir);
	}
	*gap = packed_ns < first_ns ? ROTATED_PACKED : is_there ? ROTATED_WHOLE : ROTATED_UNKNOWN;
	code = logpart_open(out, first);
	/* What stands in it is not read. */
	if (code < 0)
		*gap = ROTATED_UNKNOWN;
	return code;
}
