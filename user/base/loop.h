/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop: epoll(7) with file descriptors, timers (timerfd) and signals (signalfd). One thread.
 * A callback may add and remove sources, its own too.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_source; /* owned by the loop; valid until removed */

/* events: EPOLLIN and so on, as epoll_wait(2) reported them. */
typedef void (*loop_fd_fn)(void *context, int fd, uint32_t events);
typedef void (*loop_timer_fn)(void *context);
typedef void (*loop_signal_fn)(void *context, int signal);

int loop_new(struct loop **out);
void loop_free(
	struct loop *loop); /* NULL is fine; closes timers and signals, never a caller's fd */

/* Each returns 0 or -errno; *out may be NULL when the source is never removed. */
int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *context,
		struct loop_source **out);
/* Waits for other events from now on; 0: for none but EPOLLHUP and EPOLLERR, and for these once. 0 or -errno. */
int loop_set_events(struct loop *loop, struct loop_source *source, uint32_t events);
/* First after first_ms, then every every_ms (0: once). The boot clock. */
int loop_add_timer(struct loop *loop, uint64_t first_ms, uint64_t every_ms, loop_timer_fn fn,
		   void *context, struct loop_source **out);
/* Blocks the signal for the process and hands it to fn. */
int loop_add_signal(struct loop *loop, int signal, loop_signal_fn fn, void *context);
/* Calls fn when somebody sets the wall clock (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */
int loop_add_clock_step(struct loop *loop, loop_timer_fn fn, void *context);
void loop_remove(struct loop *loop, struct loop_source *source); /* NULL is fine */

int loop_run(struct loop *loop); /* until loop_stop; 0 or -errno */
void loop_stop(struct loop *loop);

#endif
