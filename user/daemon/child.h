/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child as the keeper sees it: started, heard, and started again when it dies, at once the first time and then after 1, 2, 4 ... 60 s; a
 * child that lived for a minute begins anew. Every death is said, and what it means for mail.
 */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include "base/channel.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"

struct child;

struct child_calls {
	/* Before each start: what it is born with. *settings is kept by the callee until the next call; *extra: -1 none, closed
	 * after the birth. 0 or -errno: tried again later. */
	int (*prepare)(void *context, const void **settings, size_t *length, int *extra,
		       struct err *e);
	/* A message that passed message_check(). */
	void (*message)(void *context, const union message *m);
	/* It is gone: nothing that it was asked will be answered. */
	void (*gone)(void *context);
};

/* types: what it may send (bits 1 << enum message_type). Starts it. 0 or -errno. */
int child_open(struct child **out, struct loop *loop, struct nursery *n, enum child_kind kind,
	       uint32_t types, const struct child_calls *calls, void *context, struct err *e);
/* 0, -EAGAIN: no room now; -EPIPE: it is not there. */
int child_send(struct child *c, const void *message, size_t length);
void child_on_room(struct child *c, loop_timer_fn fn, void *context);
/* Hear nothing for a while: what it says meanwhile waits, and then it does. A child that is new is heard. */
void child_pause(struct child *c, bool paused);
bool child_is_up(const struct child *c);
pid_t child_pid(const struct child *c); /* 0: not there */
unsigned child_deaths(const struct child *c);
/* With new settings: the old one ends, a new one starts at once. */
void child_renew(struct child *c);
void child_close(struct child *c); /* NULL is fine; gone is not called */

#endif
