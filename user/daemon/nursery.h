/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the children come from: those that read foreign bytes. The keeper forks the nursery first of all, before it holds anything; the
 * nursery gives up root, capabilities and the file system for good, and then forks a child whenever the keeper asks.
 * So the keeper needs no privilege to make an unprivileged process, and a child never was near a map or the store; the one key it
 * can hold is the responder's, which it is given.
 * The child limits its system calls and then runs; one that dies is started again with back-off (child.h).
 */
#ifndef DAEMON_NURSERY_H
#define DAEMON_NURSERY_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct nursery;

enum child_kind {
	CHILD_RESOLVER,
	CHILD_RESPONDER,
	CHILD_FOLLOWER,
	CHILD_METER,
	CHILD_FEEDER,
	CHILD_PROVIDERS,
	CHILD_KINDS
};
const char *child_name(enum child_kind kind); /* "resolver" ... */

/* As root: forks. As somebody else too, with what can be given up. 0 or -errno. */
int nursery_open(struct nursery **out, struct err *e);
/*
 * Fork a child. settings: bytes that it finds whole when it starts (copied into a sealed memory file). extra: one more
 * descriptor that it gets, -1 none; stays the caller's. *channel: the keeper's end of its channel, the caller's. The child has its
 * end, extra and the settings, and nothing else. Its pid, or -errno.
 */
pid_t nursery_spawn(struct nursery *n, enum child_kind kind, const void *settings, size_t length,
		    int extra, int *channel, struct err *e);
/* End a child, in whatever state it is: it holds nothing that would have to be put in order. */
void nursery_end_child(struct nursery *n, pid_t pid);
/* Ends the nursery and its children: they end when their channels close. NULL is fine. */
void nursery_close(struct nursery *n);

/* What a child runs, in a process of its own, unprivileged. Returns an exit status. settings are its own memory. */
int resolver_run(int channel, const void *settings, size_t length);
int responder_run(int channel, int listener, const void *settings, size_t length);
int follower_run(int channel, int log, const void *settings, size_t length);
int providers_run(int channel, const void *settings, size_t length);
int meter_run(int channel, int listener, const void *settings, size_t length);
int feeder_run(int channel);

#endif
