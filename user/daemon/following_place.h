/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far the mail log was followed, as the store keeps it, so that over a restart no delivery is counted twice and none is lost. A file is
 * known by its inode and by what stands before the place, since a file that was emptied or made anew may bear the same number; a line of the
 * journal by its time and a sum of its bytes. Pure.
 */
#ifndef DAEMON_FOLLOWING_PLACE_H
#define DAEMON_FOLLOWING_PLACE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define LOGPLACE_TEXT_MAX (PATH_MAX + 128)
#define LOGPLACE_TAIL_MAX 256 /* bytes before a place: two lines of a log, with their times */

enum logplace_kind { LOGPLACE_NONE, LOGPLACE_FILE, LOGPLACE_JOURNAL };

struct logplace {
	enum logplace_kind kind;
	uint64_t inode,
		offset;	     /* FILE: everything before offset is read; it is the start of a line */
	uint64_t written_ns; /* FILE: what was written to it until then is read; the wall time */
	uint64_t stamp_us;   /* JOURNAL: the wall time of the last line that is read */
	uint64_t sum; /* of the bytes before offset (LOGPLACE_TAIL_MAX at most), or of that line */
	char path
		[PATH_MAX]; /* FILE: the name that is followed; the inode may have another by now */
};

/* The 64-bit FNV-1a of bytes: no secret is kept by it, it only has to tell lines apart. */
uint64_t logplace_sum(const void *bytes, size_t length);
/* "file INODE OFFSET SUM WRITTEN PATH" or "journal STAMP SUM"; "" for none. Returns buffer. */
const char *logplace_format(const struct logplace *p, char buffer[static LOGPLACE_TEXT_MAX]);
/* The same back, and nothing else: the store may have been edited. 0 or -EINVAL, with *out NONE. */
int logplace_parse(const char *text, struct logplace *out);

#endif
