/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing log as a stream of bytes, over rotations. The keeper opens the files, since the child that reads the lines has no file system, and
 * moves their bytes into the child's pipe with splice(2), without looking at one. Where a byte of the stream stood in which file is
 * known here, so that a place in the stream can be remembered as a place in a file.
 */
#ifndef DAEMON_FOLLOWING_FILE_H
#define DAEMON_FOLLOWING_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "daemon/following_place.h"

struct logfile;

/* What logfile_move() found. */
enum logfile_moved {
	LOGFILE_IDLE, /* nothing more is there now */
	LOGFILE_FULL, /* the pipe has no room */
	LOGFILE_MORE, /* there is more, and it would go in */
};

/*
 * from: how far it was read (NONE: never, and it begins at most LOGFILE_FIRST_BYTES before the end). A place in a file that was rotated
 * away meanwhile is looked for beside it, and what came behind that one is read in its order. *begin: what became of it. 0, or -errno:
 * -ENOENT there is no such file; -EINVAL it is no ordinary one.
 */
enum logfile_begin {
	LOGFILE_BEGIN_THERE, /* goes on where it stood */
	LOGFILE_BEGIN_FIRST, /* never read before */
	LOGFILE_BEGIN_OTHER, /* another log was read: what this one has now is passed over */
	LOGFILE_BEGIN_LOST, /* what was read is gone, or packed: begins with the oldest file that is surely behind it */
};
int logfile_open(struct logfile **out, const char *path, const struct logplace *from,
		 enum logfile_begin *begin, struct err *e);
/*
 * The stream anew, for a reader that starts: some lines before the place come again, so that it knows what belongs together. Returns how
 * many bytes of the stream are such a repetition. *begin: THERE or LOST, as the file may have been emptied since.
 */
uint64_t logfile_rewind(struct logfile *l, enum logfile_begin *begin);
/* Everything up to this byte of the stream was read: the place is there. */
void logfile_advance(struct logfile *l, uint64_t stream_bytes);
const struct logplace *logfile_place(struct logfile *l);
/* As much as goes in at once, without blocking. -errno. */
int logfile_move(struct logfile *l, int pipe_fd);
/* Once a second: is the file another one by now? What follows is read from its start. Or -errno: there is one, and it cannot be read. */
enum logfile_looked {
	LOGFILE_STAYS,
	LOGFILE_GOES_ON,	/* in the next file */
	LOGFILE_GOES_ON_BEHIND, /* the same, and what lies between was packed before we came to it */
	LOGFILE_EMPTIED,	/* no copy is there: what came since the last move is gone */
	LOGFILE_EMPTIED_BEHIND, /* the same, and there was more than could be moved */
};
int logfile_look(struct logfile *l);
void logfile_close(struct logfile *l); /* NULL is fine */

#define LOGFILE_FIRST_BYTES (64LL << 20)  /* at the first start: some days of a busy server's log */
#define LOGFILE_AGAIN_BYTES (256LL << 10) /* a thousand lines: longer than a message is under way */
#define LOGFILE_MOVE_BYTES  (1 << 20)	  /* at once: milliseconds, so that the loop goes on */
#define LOGFILE_QUIET_LOOKS                                                                        \
	2 /* seconds in which programs may still write to a file that was renamed */

#endif
