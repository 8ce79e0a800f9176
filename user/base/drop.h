/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up what a reader of foreign bytes does not need: root, capabilities, the file system, new privileges, and every system
 * call but those of an event loop with sockets. Files, pipes and sockets that are open stay open; no further file can
 * be opened.
 */
#ifndef BASE_DROP_H
#define BASE_DROP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define DROP_USER "postern" /* if there is none: "nobody" */

struct drop {
	unsigned files; /* descriptors that may be open at once, those that are included */
};

/*
 * For good. As root: to the user, into an empty root, without capabilities; as somebody else what is possible: no new
 * privileges, no capabilities, few system calls. 0 or -errno: then nothing foreign may be read.
 */
int drop_privileges(const struct drop *d, struct err *e);

/*
 * The same for a command's worker, which is to end when the command does: parent is who forked it. 0 or -errno: then nothing foreign may
 * be read.
 */
int drop_for_parent(const struct drop *d, pid_t parent, struct err *e);

/* The two halves of it: who one is, after which one may still fork, and what one may ask of the kernel. */
int drop_identity(struct err *e);
int drop_calls(const struct drop *d, struct err *e);

/*
 * Closes all but the standard descriptors and these, which are in no order; -1 for none. What was open when one was forked could otherwise be
 * used without any privilege: a map, a store. 0 or -errno.
 */
int drop_descriptors(const int *keep, size_t count);

/*
 * For a process that stays what it is and reads nothing foreign: give up every capability but these (bits 1 << CAP_*), so far as
 * they are there, for good. 0 or -errno.
 */
int drop_capabilities(uint64_t kept, struct err *e);

#endif
