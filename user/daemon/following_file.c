/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing log, over rotations: see following_file.h. At most two files are open: the one that is read, and the one before it for as long as the reader
 * has not come behind its end. A third one waits: nothing is skipped because a reader is slow.
 */
#include "daemon/following_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"

#define SHOWN_MAX 200 /* bytes of a path in a sentence */

struct part {
	int fd; /* -1: none */
	dev_t device;
	ino_t inode;
	uint64_t begin; /* the byte of the stream that stands at `offset` */
	uint64_t offset;
};

struct logfile {
	char path[PATH_MAX];
	struct part before, now;
	uint64_t moved;	 /* bytes of the stream so far */
	uint64_t read;	 /* of them the reader is behind */
	uint64_t again;	 /* of them the first come again, and the place is behind those */
	uint64_t placed; /* what of them the place stands for */
	unsigned quiet;	 /* looks since the file was replaced in which nothing came */
	struct logplace place;
};

static int fail(struct err *e, const char *path, int code)
{
	char shown[SHOWN_MAX];

	text_escape(path, strlen(path), shown, sizeof(shown));
	if (code == -EINVAL)
		return err_set(e, code, "%s is no ordinary file", shown);
	return err_set(e, code, "cannot read %s: %s", shown, strerror(-code));
}

/* 0 or -errno. A pipe or a device in its place must not hold us up. */
static int part_open(struct part *p, const char *path)
{
	struct stat st;
	int code = 0;

	p->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (p->fd < 0)
		return -errno;
	if (fstat(p->fd, &st) < 0)
		code = -errno;
	else if (!S_ISREG(st.st_mode))
		code = -EINVAL;
	if (code < 0) {
		close(p->fd);
		p->fd = -1;
		return code;
	}
	p->device = st.st_dev;
	p->inode = st.st_ino;
	p->begin = p->offset = 0;
	return 0;
}

static void part_close(struct part *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static uint64_t part_size(const struct part *p)
{
	struct stat st;

	return fstat(p->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Of the bytes before an offset. */
static uint64_t part_sum(const struct part *p, uint64_t offset)
{
	size_t length = offset < LOGPLACE_TAIL_MAX ? (size_t)offset : LOGPLACE_TAIL_MAX;
	char tail[LOGPLACE_TAIL_MAX];

	if (pread(p->fd, tail, length, (off_t)(offset - length)) != (ssize_t)length)
		return 0;
	return logplace_sum(tail, length);
}

static bool part_has(const struct part *p, const struct logplace *place)
{
	return p->inode == place->inode && part_size(p) >= place->offset &&
	       part_sum(p, place->offset) == place->sum;
}

/* Opens the file that the place is in, if it lies beside the path under another name (mail.log.1, mail.log-20261122). */
static bool rotated_find(struct part *p, const char *path, const struct logplace *place)
{
	const char *slash = strrchr(path, '/'), *name = slash + 1;
	char folder[PATH_MAX], other[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	dir = opendir(folder);
	while (dir && !found && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, name) == 0 ||
		    strncmp(entry->d_name, name, strlen(name)) != 0)
			continue;
		if (snprintf(other, sizeof(other), "%s%s", folder, entry->d_name) >=
			    (int)sizeof(other) ||
		    part_open(p, other) < 0)
			continue;
		found = part_has(p, place);
		if (!found)
			part_close(p);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void place_set(struct logfile *l, const struct part *p, uint64_t offset)
{
	l->place.kind = LOGPLACE_FILE;
	l->place.inode = p->inode;
	l->place.offset = offset;
	l->place.sum = part_sum(p, offset);
}

static enum logfile_begin begin_find(struct logfile *l, const struct logplace *from)
{
	struct part rotated = {.fd = -1};
	uint64_t size = part_size(&l->now);

	if (from->kind == LOGPLACE_NONE) {
		place_set(l, &l->now, size > LOGFILE_FIRST_BYTES ? size - LOGFILE_FIRST_BYTES : 0);
		return LOGFILE_BEGIN_FIRST;
	}
	/* What another log told, this one may tell again: nobody is counted twice. */
	if (from->kind != LOGPLACE_FILE || strcmp(from->path, l->path) != 0) {
		place_set(l, &l->now, size);
		return LOGFILE_BEGIN_OTHER;
	}
	if (part_has(&l->now, from)) {
		place_set(l, &l->now, from->offset);
		return LOGFILE_BEGIN_THERE;
	}
	if (rotated_find(&rotated, l->path, from)) {
		part_close(&l->now);
		l->now = rotated;
		place_set(l, &l->now, from->offset);
		return LOGFILE_BEGIN_THERE;
	}
	place_set(l, &l->now, 0);
	return LOGFILE_BEGIN_LOST;
}

int logfile_open(struct logfile **out, const char *path, const struct logplace *from,
		 enum logfile_begin *begin, struct err *e)
{
	struct logfile *l;
	int code;

	if (path[0] != '/' || strlen(path) >= sizeof(l->path))
		return err_set(e, -EINVAL, "the log must be named by a path that begins with /");
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(e, -ENOMEM, "no memory for the mail log");
	l->before.fd = l->now.fd = -1;
	memcpy(l->path, path, strlen(path) + 1);
	memcpy(l->place.path, l->path, sizeof(l->path));
	code = part_open(&l->now, path);
	if (code < 0) {
		free(l);
		return fail(e, path, code);
	}
	*begin = begin_find(l, from);
	*out = l;
	return 0;
}

uint64_t logfile_rewind(struct logfile *l)
{
	uint64_t offset;

	/* What is settled since the place was asked for last is not told again. */
	(void)logfile_place(l);
	offset = l->place.offset;
	/* The place is still in the file before: that one is read once more, and the next behind it. */
	if (l->before.fd >= 0) {
		part_close(&l->now);
		l->now = l->before;
		l->before.fd = -1;
	}
	l->again = l->placed = offset < LOGFILE_AGAIN_BYTES ? offset : LOGFILE_AGAIN_BYTES;
	l->now.begin = 0;
	l->now.offset = offset - l->again;
	l->moved = l->read = 0;
	l->quiet = 0;
	return l->again;
}

void logfile_advance(struct logfile *l, uint64_t stream_bytes)
{
	if (stream_bytes <= l->read || stream_bytes > l->moved)
		return;
	l->read = stream_bytes;
	if (stream_bytes > l->now.begin)
		part_close(&l->before);
}

/* The sum is made when the place is asked for, not for every line. */
const struct logplace *logfile_place(struct logfile *l)
{
	const struct part *p = l->before.fd >= 0 ? &l->before : &l->now;

	if (l->read > l->placed) {
		place_set(l, p, p->offset + (l->read - p->begin));
		l->placed = l->read;
	}
	return &l->place;
}

int logfile_move(struct logfile *l, int pipe_fd)
{
	off_t at = (off_t)(l->now.offset + (l->moved - l->now.begin));
	ssize_t n;

	do {
		n = splice(l->now.fd, &at, pipe_fd, NULL, LOGFILE_MOVE_BYTES, SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? LOGFILE_FULL : -errno;
	l->moved += (uint64_t)n;
	l->quiet = n ? 0 : l->quiet;
	return n ? LOGFILE_MORE : LOGFILE_IDLE;
}

static bool is_at_end(const struct logfile *l)
{
	return l->now.offset + (l->moved - l->now.begin) >= part_size(&l->now);
}

/* The file at the path is read from its start, behind what is in the stream already. */
static bool next_open(struct logfile *l)
{
	struct part next;

	if (l->before.fd >= 0 || part_open(&next, l->path) < 0)
		return false;
	next.begin = l->moved;
	l->before = l->now;
	l->now = next;
	l->quiet = 0;
	/* All of it was read already: nothing will come that shows it. */
	if (l->read == l->moved) {
		(void)logfile_place(l);
		part_close(&l->before);
		place_set(l, &l->now, 0);
	}
	return true;
}

bool logfile_look(struct logfile *l)
{
	struct stat st;

	/* Emptied in its place (copytruncate): what stood behind our place is gone, or the reader has it. */
	if (l->now.offset + (l->moved - l->now.begin) > part_size(&l->now))
		return next_open(l);
	if (stat(l->path, &st) < 0 || (st.st_ino == l->now.inode && st.st_dev == l->now.device))
		return false;
	/* Renamed: whoever has it open may write to it for a while. */
	if (!is_at_end(l) || st.st_size == 0 || ++l->quiet < LOGFILE_QUIET_LOOKS)
		return false;
	return next_open(l);
}

void logfile_close(struct logfile *l)
{
	if (!l)
		return;
	part_close(&l->before);
	part_close(&l->now);
	free(l);
}
