/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal's native protocol: see journal.h. The socket is not connected: journald may be started anew, and then has another one at
 * the same path.
 */
#include "base/journal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LENGTH_BYTES 8 /* of a value with a newline: 64 bits, little end first */

static struct sockaddr_un journal_at;
static int journal_fd = -1;
static pid_t journal_pid; /* who opened it: in a child the number may be another file's */

void journal_add(struct journal_entry *entry, const char *key, const char *value)
{
	size_t key_length = strlen(key), length = strlen(value);
	bool is_binary = memchr(value, '\n', length) != NULL;
	char *at = entry->bytes + entry->length;

	if (!length)
		return;
	/* No zero ends anything here. */
	if (key_length + 2 + length + LENGTH_BYTES > sizeof(entry->bytes) - entry->length)
		return;
	at = mempcpy(at, key, key_length);
	*at++ = is_binary ? '\n' : '=';
	for (unsigned i = 0; is_binary && i < LENGTH_BYTES; i++)
		*at++ = (char)((uint64_t)length >> 8 * i);
	at = mempcpy(at, value, length);
	*at++ = '\n';
	entry->length = (size_t)(at - entry->bytes);
}

int journal_open(const char *path)
{
	if (journal_fd >= 0)
		close(journal_fd);
	journal_fd = -1;
	if (!path)
		return 0;
	if (strlen(path) >= sizeof(journal_at.sun_path))
		return -ENAMETOOLONG;
	memset(&journal_at, 0, sizeof(journal_at));
	journal_at.sun_family = AF_UNIX;
	memcpy(journal_at.sun_path, path, strlen(path) + 1);
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	journal_pid = getpid();
	return journal_fd < 0 ? -errno : 0;
}

int journal_send(const struct journal_entry *entry)
{
	if (journal_fd < 0 || journal_pid != getpid())
		return -ENOTCONN;
	if (sendto(journal_fd, entry->bytes, entry->length, MSG_NOSIGNAL | MSG_DONTWAIT,
		   (struct sockaddr *)&journal_at, sizeof(journal_at)) < 0)
		return -errno;
	return 0;
}
