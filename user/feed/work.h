/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The work of a process that has given up everything but two descriptors: read a file of foreign bytes from the one, write the list to the
 * other. Private memory is bounded by the bounds of feed.h.
 */
#ifndef FEED_WORK_H
#define FEED_WORK_H

#include "feed/feed.h"

/* from: a regular file, read from its start. 0 and the bytes written to to, or -errno with a printable sentence. */
int feed_work(int from, int to, size_t *length, struct err *e);

#endif
