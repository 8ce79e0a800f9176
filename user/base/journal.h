/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), without its library: an entry is one datagram of KEY=value
 * lines, so that `journalctl KEY=value` finds it. A value with a newline goes with its length before it instead.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include <stddef.h>

#define JOURNAL_SOCKET	  "/run/systemd/journal/socket"
#define JOURNAL_ENTRY_MAX 4096 /* bytes: a line of the log and a dozen short fields */

struct journal_entry {
	char bytes[JOURNAL_ENTRY_MAX];
	size_t length;
};

/* key: capital letters, digits and _, not _ first. An empty value is left out, and so is one that does not fit. */
void journal_add(struct journal_entry *entry, const char *key, const char *value);
/* Where entries go from now on; NULL: nowhere. 0 or -errno. */
int journal_open(const char *path);
/* Sends without waiting. 0 or -errno; -ENOTCONN: it is not open. */
int journal_send(const struct journal_entry *entry);

#endif
