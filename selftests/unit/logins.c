/* SPDX-License-Identifier: BSD-2-Clause */
/* From where somebody is logged in: utmp as the C library writes it, and environments as the kernel shows them. */
#include "tap.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>
#include <utmpx.h>

#include "daemon/logins.h"

#define RECORDS_MAX 16

/* The addresses, a blank between each. */
static const char *text_of(const struct logins *l, char *buffer, size_t size)
{
	char addr[ADDR_TEXT_MAX];
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < l->count && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? " " : "",
					 addr_format(&l->addr[i], addr));
	return buffer;
}

/* A record in the file, written by the C library as sshd has it written. */
static bool utmp_put(const char *id, short type, pid_t pid, const char *addr)
{
	struct utmpx u = {.ut_type = type, .ut_pid = pid};

	snprintf(u.ut_id, sizeof(u.ut_id), "%s", id);
	snprintf(u.ut_user, sizeof(u.ut_user), "root");
	snprintf(u.ut_host, sizeof(u.ut_host), "a.name.of.anybody's");
	if (inet_pton(AF_INET, addr, u.ut_addr_v6) != 1)
		(void)inet_pton(AF_INET6, addr, u.ut_addr_v6);
	setutxent();
	return EXPECT(pututxline(&u) != NULL, "a record of %s", addr);
}

TEST(logins_are_read_from_utmp)
{
	char dir[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 8], text[512];
	char bytes[RECORDS_MAX * sizeof(struct utmpx)];
	struct logins l = {0};
	size_t length = 0;
	FILE *file;

	ENSURE(tap_temp_dir(dir, "logins"), "a directory");
	snprintf(path, sizeof(path), "%s/utmp", dir);
	file = fopen(path, "w");
	ENSURE(file && fclose(file) == 0, "an empty file");
	ENSURE(utmpxname(path) == 0, "another file of utmp");
	(void)(utmp_put("1", USER_PROCESS, getpid(), "203.0.113.5") &&
	       utmp_put("2", USER_PROCESS, getpid(), "2001:db8::5") &&
	       utmp_put("3", USER_PROCESS, getpid(), "203.0.113.5") &&
	       utmp_put("4", USER_PROCESS, getpid(), "") &&
	       utmp_put("5", DEAD_PROCESS, getpid(), "203.0.113.6") &&
	       utmp_put("6", LOGIN_PROCESS, getpid(), "203.0.113.7") &&
	       utmp_put("7", USER_PROCESS, 0x3ffffff, "203.0.113.8"));
	endutxent();
	file = fopen(path, "r");
	ENSURE(file, "the file");
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	EXPECT(length == 7 * sizeof(struct utmpx), "seven records: %zu bytes", length);
	logins_of_utmp(bytes, length, &l);
	EXPECT(!strcmp(text_of(&l, text, sizeof(text)), "203.0.113.5 2001:db8::5"),
	       "who lives and came from elsewhere, once: %s", text);
	l = (struct logins){0};
	logins_of_utmp(bytes, sizeof(struct utmpx) - 1, &l);
	EXPECT(l.count == 0, "a record that was cut is none");
	unlink(path);
	rmdir(dir);
}

TEST(logins_are_read_from_environments)
{
	static const struct {
		const char *sentence, *bytes;
		size_t length;
		const char *addrs;
	} rows[] = {
#define ROW(sentence, bytes, addrs) {sentence, bytes, sizeof(bytes) - 1, addrs}
		ROW("the client is the first word",
		    "A=1\0SSH_CONNECTION=203.0.113.5 50022 192.0.2.25 22\0B=2\0", "203.0.113.5"),
		ROW("of IPv6 too", "SSH_CONNECTION=2001:db8::5 50022 2001:db8::25 22\0",
		    "2001:db8::5"),
		ROW("where only the older variable is left, that one",
		    "SSH_CLIENT=203.0.113.6 1 22\0", "203.0.113.6"),
		ROW("of both the newer one counts",
		    "SSH_CLIENT=203.0.113.6 1 22\0SSH_CONNECTION=203.0.113.5 1 192.0.2.25 22\0",
		    "203.0.113.5"),
		ROW("what only ends like it is another variable",
		    "XSSH_CONNECTION=203.0.113.5 1 192.0.2.25 22\0", ""),
		ROW("a name is no address", "SSH_CONNECTION=localhost 1 192.0.2.25 22\0", ""),
		ROW("nor is nothing", "SSH_CONNECTION=\0", ""),
		ROW("nor is UNKNOWN, which sshd writes of a pipe",
		    "SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535\0", ""),
		ROW("nor what is longer than any",
		    "SSH_CONNECTION=2001:0db8:0000:0000:0000:0000:0000:0005:0000:0000:0000 1\0",
		    ""),
		ROW("an end without a 0 is one", "SSH_CONNECTION=203.0.113.5", "203.0.113.5"),
		ROW("an empty environment has none", "", ""),
#undef ROW
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct logins l = {0};
		char text[512];

		logins_of_environment(rows[i].bytes, rows[i].length, &l);
		EXPECT(!strcmp(text_of(&l, text, sizeof(text)), rows[i].addrs), "%s: %s",
		       rows[i].sentence, text);
	}
}
