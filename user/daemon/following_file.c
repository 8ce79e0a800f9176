/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing log, over rotations: see following_file.h. At most two files are open: the one that is read, and the one before it for as long as the reader
 * has not come behind its end. A third one waits: nothing is skipped because a reader is slow.
 */
#include "daemon/following_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "daemon/following_rotated.h"

#define SHOWN_MAX 200 /* bytes of a path in a sentence */

struct logfile {
	char path[PATH_MAX];
	struct logpart before, now;
	uint64_t moved;	 /* bytes of the stream so far */
	uint64_t read;	 /* of them the reader is behind */
	uint64_t again;	 /* of them the first come again, and the place is behind those */
	uint64_t placed; /* what of them the place stands for */
	bool is_behind;	 /* more was there than was moved */
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

static void place_set(struct logfile *l, const struct logpart *p, uint64_t offset)
{
	logpart_place(p, offset, &l->place);
}

/* Where the place is, there is `now` then: in the log, in one that it was before, or at the start of what is left. */
static enum logfile_begin place_find(struct logfile *l)
{
	enum rotated_gap gap;
	struct logpart found;

	if (logpart_has(&l->now, &l->place))
		return LOGFILE_BEGIN_THERE;
	if (rotated_find(&found, &l->place)) {
		logpart_close(&l->now);
		l->now = found;
		return LOGFILE_BEGIN_THERE;
	}
	if (rotated_next(&found, l->path, l->place.written_ns, &gap) == 0) {
		logpart_close(&l->now);
		l->now = found;
	}
	place_set(l, &l->now, 0);
	return gap == ROTATED_WHOLE ? LOGFILE_BEGIN_THERE : LOGFILE_BEGIN_LOST;
}

static enum logfile_begin begin_find(struct logfile *l, const struct logplace *from)
{
	uint64_t size = logpart_size(&l->now);

	if (from->kind == LOGPLACE_NONE) {
		place_set(l, &l->now, size > LOGFILE_FIRST_BYTES ? size - LOGFILE_FIRST_BYTES : 0);
		return LOGFILE_BEGIN_FIRST;
	}
	/* What another log told, this one may tell again: nobody is counted twice. */
	if (from->kind != LOGPLACE_FILE || strcmp(from->path, l->path) != 0) {
		place_set(l, &l->now, size);
		return LOGFILE_BEGIN_OTHER;
	}
	l->place = *from;
	return place_find(l);
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
	code = logpart_open(&l->now, path);
	if (code < 0) {
		free(l);
		return fail(e, path, code);
	}
	*begin = begin_find(l, from);
	*out = l;
	return 0;
}

uint64_t logfile_rewind(struct logfile *l, enum logfile_begin *begin)
{
	/* What is settled since the place was asked for last is not told again. */
	(void)logfile_place(l);
	/* The place is still in the file before: that one is read once more, and the next behind it. */
	if (l->before.fd >= 0) {
		logpart_close(&l->now);
		l->now = l->before;
		l->before.fd = -1;
	}
	/* Emptied since: what stood before the place cannot come again. */
	*begin = place_find(l);
	l->again = l->place.offset < LOGFILE_AGAIN_BYTES ? l->place.offset : LOGFILE_AGAIN_BYTES;
	l->placed = l->again;
	l->now.begin = 0;
	l->now.offset = l->place.offset - l->again;
	l->moved = l->read = 0;
	l->quiet = 0;
	return l->again;
}

void logfile_advance(struct logfile *l, uint64_t stream_bytes)
{
	if (stream_bytes <= l->read || stream_bytes > l->moved)
		return;
	l->read = stream_bytes;
	if (l->before.fd < 0 || stream_bytes <= l->now.begin)
		return;
	/* Where there is no file before, the place is in this one. */
	logpart_close(&l->before);
	(void)logfile_place(l);
}

/* The sum is made when the place is asked for, not for every line. */
const struct logplace *logfile_place(struct logfile *l)
{
	const struct logpart *p = l->before.fd >= 0 ? &l->before : &l->now;

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
	l->is_behind = n != 0;
	if (n < 0)
		return errno == EAGAIN ? LOGFILE_FULL : -errno;
	l->moved += (uint64_t)n;
	l->quiet = n ? 0 : l->quiet;
	return n ? LOGFILE_MORE : LOGFILE_IDLE;
}

static uint64_t position(const struct logfile *l)
{
	return l->now.offset + (l->moved - l->now.begin);
}

/* A file is read from its start, behind what is in the stream already. */
static void go_on_in(struct logfile *l, const struct logpart *next)
{
	l->before = l->now;
	l->now = *next;
	l->now.begin = l->moved;
	l->is_behind = false;
	l->quiet = 0;
	/* All of it was read already: nothing will come that shows it. */
	if (l->read == l->moved) {
		(void)logfile_place(l);
		logpart_close(&l->before);
		place_set(l, &l->now, 0);
	}
}

/* Has it less in it than we had, or something else? The place tells while it is in this file. */
static bool is_emptied(const struct logfile *l)
{
	return position(l) > logpart_size(&l->now) ||
	       (l->before.fd < 0 && l->place.inode == l->now.inode &&
		logpart_was_rewritten(&l->now, &l->place));
}

/* copytruncate of logrotate(8) has made a copy first: what we had not come to yet is read there. */
static bool copy_take(struct logfile *l)
{
	struct logpart copy;

	if (l->before.fd >= 0 || !l->place.offset || !rotated_find(&copy, &l->place))
		return false;
	if (logpart_size(&copy) < position(l)) {
		logpart_close(&copy);
		return false;
	}
	copy.begin = l->now.begin;
	copy.offset = l->now.offset;
	logpart_close(&l->now);
	l->now = copy;
	l->quiet = 0;
	return true;
}

static int emptied(struct logfile *l)
{
	bool was_behind = l->is_behind;
	struct logpart next;
	int code;

	if (l->before.fd >= 0 || copy_take(l))
		return LOGFILE_STAYS;
	code = logpart_open(&next, l->path);
	if (code < 0)
		return code == -ENOENT ? LOGFILE_STAYS : code;
	go_on_in(l, &next);
	return was_behind ? LOGFILE_EMPTIED_BEHIND : LOGFILE_EMPTIED;
}

int logfile_look(struct logfile *l)
{
	enum rotated_gap gap;
	struct logpart next;
	struct stat st;
	int code;

	if (is_emptied(l))
		return emptied(l);
	/* Nothing is moved while nobody reads. */
	l->is_behind |= position(l) < logpart_size(&l->now);
	if (stat(l->path, &st) < 0 || (st.st_ino == l->now.inode && st.st_dev == l->now.device))
		return LOGFILE_STAYS;
	/* Renamed: whoever has it open may write to it for a while. */
	if (position(l) < logpart_size(&l->now) || st.st_size == 0 ||
	    ++l->quiet < LOGFILE_QUIET_LOOKS || l->before.fd >= 0)
		return LOGFILE_STAYS;
	code = rotated_next(&next, l->path, logpart_written_ns(&l->now), &gap);
	if (code < 0)
		return code == -ENOENT ? LOGFILE_STAYS : code;
	go_on_in(l, &next);
	return gap == ROTATED_PACKED ? LOGFILE_GOES_ON_BEHIND : LOGFILE_GOES_ON;
}

void logfile_close(struct logfile *l)
{
	if (!l)
		return;
	logpart_close(&l->before);
	logpart_close(&l->now);
	free(l);
}
