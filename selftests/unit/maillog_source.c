/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the mail log is found: the file, its rotated forerunners in their order, and what is said of those that cannot be read. */
#include "maillog/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/addr.h"
#include "tap.h"

#define NOW_S	  1795329000 /* 2026-11-22T06:30:00Z */
#define DAY_S	  86400
#define TOLD_MAX  1024
#define NAME_SIZE 256

static char folder[TAP_TEMP_MAX], told[TOLD_MAX];

static void folder_remove(void)
{
	char command[NAME_SIZE];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		printf("# could not remove %s\n", folder);
}

static void tell(void *context, const struct maillog_event *e)
{
	char text[ADDR_TEXT_MAX];
	size_t n = strlen(told);

	(void)context;
	snprintf(told + n, sizeof(told) - n, "%s ", addr_format(&e->addr, text));
}

static const char *path_of(const char *name)
{
	static char path[NAME_SIZE];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* A log of one connection, from that day, last written then. */
static void log_make(const char *name, const char *addr, int days_ago, bool packed, bool ended)
{
	struct timespec times[2] = {{.tv_sec = NOW_S - (time_t)days_ago * DAY_S}};
	const char *path = path_of(name);
	char line[NAME_SIZE];
	FILE *plain;
	gzFile file;

	times[1] = times[0];
	snprintf(line, sizeof(line), "%lld mx postfix/smtpd[7]: connect from unknown[%s]%s",
		 (long long)times[0].tv_sec, addr, ended ? "\n" : "");
	if (packed) {
		file = gzopen(path, "wb");
		EXPECT(file && gzputs(file, line) > 0 && gzclose(file) == Z_OK, "%s", path);
	} else {
		plain = fopen(path, "w");
		EXPECT(plain && fputs(line, plain) >= 0 && fclose(plain) == 0, "%s", path);
	}
	EXPECT(utimensat(AT_FDCWD, path, times, 0) == 0, "%s", path);
}

static struct maillog_source read_all(const char *mail_log, int64_t since_s)
{
	struct maillog_source s;
	struct maillog *m = NULL;
	struct err e = {0};

	told[0] = '\0';
	EXPECT(maillog_source_open(&s, mail_log, since_s, &e) == 0, "%s", e.text);
	EXPECT(maillog_open(&m, NOW_S, tell, NULL) == 0, "no memory");
	EXPECT(maillog_source_read(&s, m, &e) == 0, "%s", e.text);
	maillog_close(m);
	maillog_source_close(&s);
	return s;
}

TEST(rotated_files_are_read_the_oldest_first)
{
	struct maillog_source s;

	if (!EXPECT(tap_temp_dir(folder, "maillog"), "no directory"))
		return;
	atexit(folder_remove);
	log_make("mail.log", "192.0.2.1", 0, false, true);
	log_make("mail.log.1", "192.0.2.2", 1, false, false);
	log_make("mail.log.2.gz", "192.0.2.3", 2, true, true);
	log_make("mail.log.3.gz", "192.0.2.4", 30, true, true);
	log_make("mail.log-20261119.gz", "192.0.2.5", 3, true, true);
	log_make("mail.logs", "192.0.2.6", 0, false, true);
	s = read_all(path_of("mail.log"), NOW_S - 7 * (int64_t)DAY_S);
	EXPECT(!strcmp(told, "192.0.2.5 192.0.2.3 192.0.2.2 192.0.2.1 "), "%s", told);
	EXPECT(s.skipped == 0 && !s.is_cut && !s.hole_until_wall_s, "%u skipped", s.skipped);
	/* Only as far back as asked. */
	s = read_all(path_of("mail.log"), NOW_S - DAY_S / 2);
	EXPECT(!strcmp(told, "192.0.2.1 "), "%s", told);
}

TEST(what_cannot_be_read_is_counted)
{
	struct maillog_source s;

	log_make("other.log", "192.0.2.1", 0, false, true);
	log_make("other.log.1.xz", "192.0.2.2", 1, false, true);
	log_make("other.log.2", "192.0.2.3", 2, true, true);
	/* A packed file that is cut: what stands in it whole is read. */
	EXPECT(truncate(path_of("other.log.2"), 40) == 0, "cannot cut");
	EXPECT(mkdir(path_of("other.log.3"), 0700) == 0, "cannot make a directory");
	s = read_all(path_of("other.log"), 1);
	EXPECT(strstr(told, "192.0.2.1 ") && !strstr(told, "192.0.2.2"), "%s", told);
	/* A directory is no log of anything. */
	EXPECT(s.skipped == 2, "%u skipped", s.skipped);
	EXPECT(s.hole_from_wall_s == 0 && s.hole_until_wall_s >= NOW_S - DAY_S, "from %lld to %lld",
	       (long long)s.hole_from_wall_s, (long long)s.hole_until_wall_s);
}

TEST(a_hole_lies_between_what_is_read_before_and_behind_it)
{
	struct maillog_source s;

	log_make("third.log", "192.0.2.1", 0, false, true);
	log_make("third.log.1", "192.0.2.2", 1, false, true);
	log_make("third.log.2.zst", "192.0.2.3", 2, false, true);
	log_make("third.log.3.xz", "192.0.2.4", 3, false, true);
	log_make("third.log.4.gz", "192.0.2.5", 4, true, true);
	s = read_all(path_of("third.log"), 1);
	EXPECT(s.hole_from_wall_s == NOW_S - 4 * DAY_S &&
		       s.hole_until_wall_s == NOW_S - 2 * DAY_S && s.skipped == 2,
	       "from %lld to %lld", (long long)s.hole_from_wall_s, (long long)s.hole_until_wall_s);
	/* One that is broken, as is seen when it is read. */
	EXPECT(truncate(path_of("third.log.4.gz"), 40) == 0, "cannot cut");
	s = read_all(path_of("third.log"), 1);
	EXPECT(s.hole_from_wall_s == 0 && s.skipped == 3, "from %lld",
	       (long long)s.hole_from_wall_s);
}

TEST(where_there_is_no_log_it_is_said)
{
	static const char *const names[] = {"none", "/nonexistent/mail.log", "/", "/dev/null"};
	struct maillog_source s;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err e = {0};

		EXPECT(maillog_source_open(&s, names[i], 1, &e) < 0 && e.text[0], "%s: %s",
		       names[i], e.text);
		maillog_source_close(&s);
	}
}
