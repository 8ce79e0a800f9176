/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that are passed to another process with a message (unix(7), SCM_RIGHTS). */
#ifndef BASE_PASSING_H
#define BASE_PASSING_H

#include <stddef.h>

#define PASSING_MAX 3 /* descriptors with one message */

/* One message with count descriptors, which stay open here. 0 or -errno. */
int passing_send(int socket, const void *bytes, size_t length, const int *fds, size_t count);
/*
 * One message of this length, and the descriptors that came with it, for the caller to close; -1 for each that did not. 0 or -errno: -EAGAIN
 * there is none, -EPIPE the other end is gone, -EBADMSG it is longer or shorter, or brought too many (those that fit are in fds all the same).
 */
int passing_receive(int socket, void *bytes, size_t length, int fds[static PASSING_MAX]);

#endif
