/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `postern feed load` talks to the controller over a socket in the run directory that only root may open: one question, and an answer for
 * each feed that it was about. Messages of fixed size, checked on both sides.
 */
#ifndef DAEMON_FEEDING_TALK_H
#define DAEMON_FEEDING_TALK_H

#include "base/loop.h"
#include "conf/conf.h"
#include "feed/feed.h"

#define FEEDTALK_MAGIC 0x70666431U /* another form is another number */
#define FEEDTALK_ALL   "all"

enum feed_state {
	FEED_MISSING,	 /* the file is not there */
	FEED_LOADED,	 /* what the file has is in force */
	FEED_HELD_BACK,	 /* the file has changed too much: what was in force stays */
	FEED_UNREADABLE, /* it cannot be read: what was in force stays */
	FEED_STATES,
};
const char *feed_state_name(enum feed_state s); /* "missing", "loaded", "held back", "unreadable" */

struct feedtalk_ask {
	uint32_t magic;
	uint32_t anyway; /* boolean: whatever its size */
	char name[CONF_INSTANCE_MAX];
};

struct feedtalk_answer {
	uint32_t magic;
	uint32_t more; /* boolean: others follow */
	uint32_t state;
	uint32_t senders;	      /* known ones that it covers */
	char name[CONF_INSTANCE_MAX]; /* "": there is none of the name that was asked for */
	uint64_t entries;	      /* in force */
	uint64_t added, removed;
	uint64_t left_out;	   /* that touch what is never judged */
	struct feed_report report; /* of the file, if it could be read */
	char why[ERR_TEXT_MAX];
};

struct feedtalk;

/* Which feeds a question is about, as bits of their numbers, after they were put on their way. 0: there is none. */
typedef uint32_t (*feedtalk_fn)(void *context, const char *name, bool anyway);

int feedtalk_open(struct feedtalk **out, struct loop *loop, const char *path, feedtalk_fn fn,
		  void *context, struct err *e);
/* To all who wait for the feed with this number. */
void feedtalk_tell(struct feedtalk *t, unsigned number, struct feedtalk_answer *answer);
/* The numbers mean others from now on: who waits is told no more. */
void feedtalk_forget(struct feedtalk *t);
void feedtalk_close(struct feedtalk *t); /* NULL is fine; unlinks the socket */

/* The other side: connect and ask. A descriptor to read answers from; -ENOENT or -ECONNREFUSED: no controller. */
int feedtalk_ask(const char *path, const char *name, bool anyway, struct err *e);
/* One answer, waited for. 0, or -errno: -EPIPE the controller has hung up, -EBADMSG. */
int feedtalk_read(int fd, struct feedtalk_answer *out, struct err *e);

#endif
