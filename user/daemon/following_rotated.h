/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that a log has been: logrotate(8) gives them names beside it (mail.log.1, mail.log-20261122), copies them (copytruncate), and packs
 * the older ones. Here a place is found again among them, and which of them comes behind which.
 */
#ifndef DAEMON_FOLLOWING_ROTATED_H
#define DAEMON_FOLLOWING_ROTATED_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/following_place.h"

/* One file of the stream. */
struct logpart {
	int fd; /* -1: none */
	dev_t device;
	ino_t inode;
	uint64_t begin; /* the byte of the stream that stands at `offset` */
	uint64_t offset;
};

/* 0 or -errno; -EINVAL: it is no ordinary file. */
int logpart_open(struct logpart *p, const char *path);
void logpart_close(struct logpart *p);
uint64_t logpart_size(const struct logpart *p);
/* Of this offset in it. */
void logpart_place(const struct logpart *p, uint64_t offset, struct logplace *out);
/* False too where it cannot be read. */
bool logpart_has(const struct logpart *p, const struct logplace *place);
/* Something else stands before the place than when it was made. */
bool logpart_was_rewritten(const struct logpart *p, const struct logplace *place);

/* Opens what has the place and is not the log itself: the file that was renamed, or a copy of it. False: there is none. */
bool rotated_find(struct logpart *out, const struct logplace *place);

/* What lies between two files of a log in packed ones, which are not followed. */
enum rotated_gap {
	ROTATED_WHOLE,	 /* nothing */
	ROTATED_UNKNOWN, /* the first one is not there any more */
	ROTATED_PACKED,	 /* something */
};
/*
 * Opens what comes behind the file that was written to last at this time: the one of before that was written to first since then, or else
 * the log. *gap: what is left out, UNKNOWN where it cannot be opened. 0 or -errno.
 */
int rotated_next(struct logpart *out, const char *path, uint64_t written_ns, enum rotated_gap *gap);
/* When it was written to last. */
uint64_t logpart_written_ns(const struct logpart *p);

#endif
