/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mail server's log: which connection delivered a message. One reader for Postfix (smtpd, postscreen, cleanup, qmgr), Exim and
 * OpenSMTPD, in files with traditional or RFC 3339 time stamps and in the journal's short-unix form. It is fed lines and remembers what
 * belongs together (a queue id, a session) within bounds. Pure: no file is opened here (source.h does that). Every byte is a stranger's.
 */
#ifndef MAILLOG_MAILLOG_H
#define MAILLOG_MAILLOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

#define MAILLOG_HOST_MAX 256
#define MAILLOG_FROM_MAX 256

enum maillog_what {
	MAILLOG_CONNECT,  /* a client's connection */
	MAILLOG_DELIVERY, /* a message was taken: it is in the queue */
	MAILLOG_REJECT,	  /* a recipient or a client was refused by the mail server itself */
};

struct maillog_event {
	enum maillog_what what;
	int64_t wall_s;		  /* of the line that completed it */
	int64_t connected_wall_s; /* of its connection; 0 not seen */
	struct addr addr;	  /* of the client */
	char host
		[MAILLOG_HOST_MAX]; /* its verified name, printable; "" unknown (OpenSMTPD verifies none) */
	char from[MAILLOG_FROM_MAX]; /* envelope sender, printable; "" empty or unknown */
	uint32_t recipients;	     /* DELIVERY: 1 where the log does not tell */
};

struct maillog;
typedef void (*maillog_fn)(void *context, const struct maillog_event *event);

/* Loads the host's time zone, which a process needs that reads lines after it has given up the file system. */
void maillog_prepare(void);
/* now_wall_s: traditional stamps have no year; they are the latest that is not after it (and a day's grace). 0 or -errno. */
int maillog_open(struct maillog **out, int64_t now_wall_s, maillog_fn fn, void *context);
/* Time goes on: for who follows a log for longer than a day. */
void maillog_now(struct maillog *m, int64_t now_wall_s);
/* One line without its end. What is no mail server's is passed over. */
void maillog_line(struct maillog *m, const char *line, size_t length);
/* Bytes as they come: cut into lines, the last one kept until its end comes. */
void maillog_bytes(struct maillog *m, const char *bytes, size_t length);
/*
 * Exim tells recipients one by one behind the message, OpenSMTPD its sender: such a delivery is told when they are, or when ten seconds of the
 * log have gone by. This tells those that still wait: where the log ends, and when it has been quiet.
 */
void maillog_flush(struct maillog *m);
/* The time of the first and of the last line that had one; 0 none. Lines read. */
struct maillog_span {
	int64_t first_wall_s, last_wall_s;
	uint64_t lines, understood;
};
struct maillog_span maillog_span(const struct maillog *m);
void maillog_close(struct maillog *m); /* NULL is fine */

#endif
