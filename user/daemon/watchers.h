/* SPDX-License-Identifier: BSD-2-Clause */
/* Those who run `postern watch`: a unix stream socket that hands each a copy of the events as JSON
 * Lines. */
#ifndef DAEMON_WATCHERS_H
#define DAEMON_WATCHERS_H

#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

#define WATCHERS_MAX 8 /* people at screens and a collector or two */

struct watchers;

/* Listen at path (made anew, mode 0600). The caller holds the instance's lock, so a file there is a
 * dead one's. */
int watchers_open(struct watchers **out, struct loop *loop, const char *path, struct err *e);
/* Whole lines. A watcher that cannot take them at once is dropped: how many were. */
unsigned watchers_send(struct watchers *w, const char *lines, size_t length);
unsigned watchers_count(const struct watchers *w);
void watchers_close(struct watchers *w); /* NULL is fine; unlinks the socket */

#endif
