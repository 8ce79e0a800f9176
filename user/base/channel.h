/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between two processes of ours, over a pair of unix SOCK_SEQPACKET sockets in the event loop: each arrives whole or not at
 * all, in order. What comes out of one is hostile: the other end reads foreign bytes and may have been taken over, so lengths are
 * checked here and contents by whoever knows their meaning.
 */
#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

struct channel;

/* A message of 1 to most bytes, aligned for every type. It may close the channel. */
typedef void (*channel_message_fn)(void *context, const void *message, size_t length);
/*
 * The other end is gone, or sent what is too long: nothing comes any more. Called once; it may close the channel. Also while
 * the channel is paused: what waited then is lost.
 */
typedef void (*channel_end_fn)(void *context);

/* Two connected ends, close-on-exec, non-blocking, with room for some thousand small messages each way. 0 or -errno. */
int channel_pair(int ends[2], struct err *e);

/* Takes the descriptor fd (on failure too). most: bytes of the longest message that is taken. 0 or -errno. */
int channel_open(struct channel **out, struct loop *loop, int fd, size_t most,
		 channel_message_fn on_message, channel_end_fn on_end, void *context,
		 struct err *e);
/* 0; -EAGAIN: no room now, nothing was sent; -EPIPE and others: the end is near. */
int channel_send(struct channel *c, const void *message, size_t length);
/* fn is called once, from the loop, when there is room again. */
void channel_on_room(struct channel *c, loop_timer_fn fn, void *context);
/* Stop and go on reading: what comes meanwhile waits in the socket, and then in the sender. */
void channel_pause(struct channel *c, bool paused);
void channel_close(struct channel *c); /* NULL is fine; on_end is not called */

#endif
