/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the mail log has to say of the past: a file with its rotated forerunners, or the journal. What is opened here, with privileges, is
 * read by a process that has none.
 */
#ifndef MAILLOG_SOURCE_H
#define MAILLOG_SOURCE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "maillog/maillog.h"

#define MAILLOG_FILES_MAX 64 /* a log that is rotated each day, for two months */
#define MAILLOG_BYTES_MAX                                                                          \
	(16ULL                                                                                     \
	 << 30) /* unpacked: some minutes of reading; beyond it the log is too much for a report */

struct maillog_source {
	char name[PATH_MAX];	   /* of the log, or "the journal" */
	int fd[MAILLOG_FILES_MAX]; /* the oldest first; for gzip or for plain bytes */
	int64_t written_wall_s[MAILLOG_FILES_MAX]; /* when the last line of each was written */
	unsigned count;
	pid_t pid; /* of who writes the journal into a pipe; 0 none */
	unsigned
		skipped; /* files of the time in question that are packed otherwise, or cannot be opened */
	/* The times of those lie in between, and with them what nobody can tell. until 0: there are none. */
	int64_t hole_from_wall_s, hole_until_wall_s;
	bool is_cut; /* it had more bytes than are read */
};

/* As the configuration has it in mail_log (find.h). 0, or -errno with a sentence: -ENOENT there is none. */
int maillog_source_open(struct maillog_source *out, const char *mail_log, int64_t since_wall_s,
			struct err *e);
/* All of it, to the reader. Opens nothing. 0 or -errno. */
int maillog_source_read(struct maillog_source *s, struct maillog *m, struct err *e);
void maillog_source_close(struct maillog_source *s);

#endif
