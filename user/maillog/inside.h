/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the reader share. A line is taken apart from the front, word by word, as the mail server writes it; nobody
 * searches for a word in the middle, where a stranger's HELO or sender could have put it.
 */
#ifndef MAILLOG_INSIDE_H
#define MAILLOG_INSIDE_H

#include <stdbool.h>

#include "maillog/maillog.h"

#define MAILLOG_KEY_MAX 128 /* a host's name of at most 64 bytes (hostname(7)), and an id */

/* A piece of a line. */
struct slice {
	const char *at, *end;
};

bool slice_is(const struct slice *p, const char *word); /* the whole of it */
bool slice_skip(struct slice *p, const char *word);	/* it begins so: go behind */
bool slice_until(struct slice *p, const char *stop,
		 struct slice *out);	  /* up to stop, go behind it */
struct slice slice_word(struct slice *p); /* up to a blank, go behind it */
bool slice_starts(const struct slice *p, const char *word);
const char *slice_find_last(const struct slice *p, const char *word); /* NULL: not in it */
bool slice_number(struct slice *p, uint32_t *out);		      /* digits, go behind them */
bool slice_addr(const struct slice *p, struct addr *out); /* all of it; "IPv6:" may lead */
bool slice_has_only(const struct slice *p, const char *characters, size_t least, size_t most);
bool slice_is_name(const struct slice *p); /* of a host, or empty */

/* When a line was written; goes behind it. false: no such line. exim: of its own file. */
struct stamp_cache {
	int64_t now_wall_s;
	int64_t hour_wall_s;
	char hour[32]; /* the text up to the hour that this is */
};
bool stamp_read(struct stamp_cache *c, struct slice *line, int64_t *wall_s, bool *is_exim);

/* What is remembered of a connection or a message. */
struct session {
	char key[MAILLOG_KEY_MAX];
	struct maillog_event event; /* what is known so far */
	uint32_t
		counted; /* recipients that were told of one by one; connections that postscreen let on */
	bool waits;	       /* it is a delivery that is complete but for its recipients */
	struct session *chain; /* of its bucket */
	struct session *older, *newer;
};
struct sessions;
struct sessions *sessions_new(void);
void sessions_free(struct sessions *s);
struct session *sessions_get(struct sessions *s, const char *key); /* NULL: none */
/* A fresh one in place of what was there. The oldest goes where all are taken. NULL: out of memory. */
struct session *sessions_put(struct sessions *s, const char *key);
void sessions_drop(struct sessions *s, struct session *one); /* NULL is fine */

struct line {
	struct maillog *m;
	int64_t wall_s;
	struct slice host; /* as the logger has it; empty in Exim's own file */
	struct slice tag;  /* "postfix/smtpd" */
	struct slice pid;  /* empty: none */
	struct slice said; /* what the server wrote */
};

/* "kind host id" as a key; false: it is none of ours. */
bool line_key(const struct line *l, const char *kind, const struct slice *id,
	      char key[static MAILLOG_KEY_MAX]);
/* What is remembered under that key; NULL: nothing. */
struct session *line_recall(const struct line *l, const char *kind, const struct slice *id);
/* A fresh one under it, in place of what was there. NULL: no key, or out of memory. */
struct session *line_remember(const struct line *l, const char *kind, const struct slice *id);
void line_tell(const struct line *l, const struct maillog_event *event);
/* "name[ADDR]": the mail server's word for a client. "unknown" is no name. */
bool line_client(struct slice *p, struct maillog_event *event);
void text_take(const struct slice *p, char *out, size_t size);

struct sessions *line_sessions(const struct line *l);
/* A delivery of which the recipients are still being told: it is said when they are, or after a while. */
void line_wait(const struct line *l, struct session *s);
void line_complete(const struct line *l, struct session *s);

/* True: it is a line of this server, whether or not it tells something. */
bool line_postfix(const struct line *l);
bool line_exim(const struct line *l);
bool line_opensmtpd(const struct line *l);

#endif
