/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See logins.h. The file of utmp is read as it is and not by getutxent(3), which waits for locks that others hold. Its addresses are
 * taken as the numbers they are; its texts, which a stranger's name server may have chosen, are left alone. An environment is its
 * owner's to write, like the words of a command: of it only what is a whole address counts.
 */
#include "daemon/logins.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <utmpx.h>

#define UTMP_BYTES_MAX	      (4096 * sizeof(struct utmpx)) /* more logins than a host has */
#define ENVIRONMENT_BYTES_MAX (256 * 1024) /* larger ones hold no login's variables in front */
#define BYTES_MAX	      (ENVIRONMENT_BYTES_MAX > UTMP_BYTES_MAX ? ENVIRONMENT_BYTES_MAX : UTMP_BYTES_MAX)
#define ANCESTORS_MAX	      32 /* shells, sudo, a multiplexer, sshd; a loop there cannot be */
#define STAT_BYTES_MAX	      512
#define PROC_PATH_MAX	      64
#define STATE_BYTES	      4 /* ") S ": the end of the name, and the state */

static void add(struct logins *out, const struct addr *a)
{
	static const struct addr none;

	if (addr_equal(a, &none) || out->count == LOGINS_MAX)
		return;
	for (size_t i = 0; i < out->count; i++)
		if (addr_equal(&out->addr[i], a))
			return;
	out->addr[out->count++] = *a;
}

/* At most size bytes of a file. How many, or -errno. */
static ssize_t file_take(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t length = 0;
	ssize_t r = 1;

	if (fd < 0)
		return -errno;
	while (length < size && r > 0) {
		r = read(fd, buffer + length, size - length);
		if (r > 0)
			length += (size_t)r;
	}
	close(fd);
	return (ssize_t)length;
}

void logins_of_utmp(const void *bytes, size_t length, struct logins *out)
{
	for (size_t at = 0; at + sizeof(struct utmpx) <= length; at += sizeof(struct utmpx)) {
		struct utmpx record;
		struct addr a;
		struct in_addr v4;

		memcpy(&record, (const char *)bytes + at, sizeof(record));
		if (record.ut_type != USER_PROCESS || record.ut_pid <= 0)
			continue;
		/* Who hung up without a word left his record behind. */
		if (kill(record.ut_pid, 0) && errno != EPERM)
			continue;
		/* utmp(5): of an IPv4 address the first word alone. */
		memcpy(&a, record.ut_addr_v6, sizeof(a));
		memcpy(&v4, record.ut_addr_v6, sizeof(v4));
		if (v4.s_addr && !record.ut_addr_v6[1] && !record.ut_addr_v6[2] &&
		    !record.ut_addr_v6[3])
			a = addr_from_v4(v4);
		add(out, &a);
	}
}

/* "192.0.2.1 50022 192.0.2.25 22": the first word, if it is an address. */
static bool client_take(const char *value, size_t length, struct logins *out)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;
	size_t word = 0;

	while (word < length && value[word] != ' ')
		word++;
	if (word >= sizeof(text))
		return false;
	memcpy(text, value, word);
	text[word] = '\0';
	if (addr_parse(text, &a, NULL))
		return false;
	add(out, &a);
	return true;
}

void logins_of_environment(const char *bytes, size_t length, struct logins *out)
{
	static const char *const names[] = {"SSH_CONNECTION=", "SSH_CLIENT="};

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		size_t name = strlen(names[n]);

		for (size_t at = 0; at < length;) {
			size_t one = strnlen(bytes + at, length - at);

			if (one > name && memcmp(bytes + at, names[n], name) == 0 &&
			    client_take(bytes + at + name, one - name, out))
				return;
			at += one + 1;
		}
	}
}

/* proc(5), /proc/pid/stat: the name, in brackets, may have any bytes; behind it a state and the parent. */
static pid_t parent_of(pid_t pid)
{
	char path[PROC_PATH_MAX], text[STAT_BYTES_MAX + 1];
	const char *behind;
	ssize_t length;
	long parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	length = file_take(path, text, STAT_BYTES_MAX);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	/* ") S 1234 " */
	behind = strrchr(text, ')');
	if (!behind || strnlen(behind, STATE_BYTES) < STATE_BYTES)
		return 0;
	parent = strtol(behind + STATE_BYTES, NULL, 10);
	return parent > 0 && parent <= INT_MAX ? (pid_t)parent : 0;
}

void logins_read(struct logins *out)
{
	char *bytes = calloc(1, BYTES_MAX);
	char path[PROC_PATH_MAX];
	pid_t pid = getpid();
	ssize_t length;

	*out = (struct logins){0};
	if (!bytes)
		return;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
		length = file_take(path, bytes, ENVIRONMENT_BYTES_MAX);
		if (length > 0)
			logins_of_environment(bytes, (size_t)length, out);
		pid = parent_of(pid);
	}
	length = file_take(_PATH_UTMP, bytes, UTMP_BYTES_MAX);
	if (length > 0)
		logins_of_utmp(bytes, (size_t)length, out);
	free(bytes);
}
