/* SPDX-License-Identifier: BSD-2-Clause */
/* Which log is taken for the mail server's, on hosts that have several, old ones or none. */
#include "maillog/find.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/when.h"
#include "tap.h"

#define LOGS_MAX     4
#define JOURNAL_HERE "/var/log/journal"

/* Directories of our own where the logs are. */
static bool host_make(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/run", "tmpfs", 0, NULL) == 0;
}

static bool log_make(const char *path, int days_ago)
{
	struct timespec times[2] = {{.tv_sec = now_wall_s() - (time_t)days_ago * DAY_S}};
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	times[1] = times[0];
	if (fd < 0 || futimens(fd, times) < 0)
		return false;
	close(fd);
	return true;
}

static bool host_clear(void)
{
	(void)umount("/var/log");
	return mount("none", "/var/log", "tmpfs", 0, NULL) == 0 && !mkdir("/var/log/exim4", 0700);
}

TEST(the_log_that_is_the_mail_servers_is_found)
{
	static const struct {
		const char *sentence;
		struct {
			const char *path;
			int days_ago;
		} log[LOGS_MAX];
		bool journal;
		const char *mail_log;
		enum maillog_place place;
		const char *path;
	} rows[] = {
		{"what is written to",
		 {{"/var/log/mail.log", 1}},
		 true,
		 "auto",
		 MAILLOG_IN_FILE,
		 "/var/log/mail.log"},
		{"Exim's own before what Dovecot writes beside it",
		 {{"/var/log/mail.log", 0}, {"/var/log/exim4/mainlog", 2}},
		 true,
		 "auto",
		 MAILLOG_IN_FILE,
		 "/var/log/exim4/mainlog"},
		{"not that of a server that is gone",
		 {{"/var/log/mail.log", 0}, {"/var/log/exim4/mainlog", 90}},
		 true,
		 "auto",
		 MAILLOG_IN_FILE,
		 "/var/log/mail.log"},
		{"the journal, where files are old",
		 {{"/var/log/mail.log", 90}, {"/var/log/syslog", 0}},
		 true,
		 "auto",
		 MAILLOG_IN_JOURNAL,
		 ""},
		{"everybody's log, where there is no journal",
		 {{"/var/log/mail.log", 90}, {"/var/log/syslog", 0}},
		 false,
		 "auto",
		 MAILLOG_IN_FILE,
		 "/var/log/syslog"},
		{"an old one, where there is nothing else",
		 {{"/var/log/maillog", 90}},
		 false,
		 "auto",
		 MAILLOG_IN_FILE,
		 "/var/log/maillog"},
		{"none, and where it was looked for",
		 {{0}},
		 false,
		 "auto",
		 MAILLOG_NOWHERE,
		 "/var/log/mail.log"},
		{"what is not wanted",
		 {{"/var/log/mail.log", 0}},
		 true,
		 "none",
		 MAILLOG_NOWHERE,
		 ""},
		{"the journal by name",
		 {{"/var/log/mail.log", 0}},
		 true,
		 "journal",
		 MAILLOG_IN_JOURNAL,
		 ""},
		{"no journal",
		 {{"/var/log/mail.log", 0}},
		 false,
		 "journal",
		 MAILLOG_NOWHERE,
		 JOURNAL_HERE},
		{"a file by name",
		 {{"/var/log/mine", 90}},
		 true,
		 "/var/log/mine",
		 MAILLOG_IN_FILE,
		 "/var/log/mine"},
		{"a file that is not there",
		 {{0}},
		 true,
		 "/var/log/mine",
		 MAILLOG_NOWHERE,
		 "/var/log/mine"},
	};
	char path[PATH_MAX];

	if (geteuid() != 0)
		SKIP("root, for a /var/log of one's own");
	ENSURE(host_make(), "no mounts of our own");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum maillog_place place;

		ENSURE(host_clear(), "%s", rows[i].sentence);
		for (size_t k = 0; k < LOGS_MAX && rows[i].log[k].path; k++)
			EXPECT(log_make(rows[i].log[k].path, rows[i].log[k].days_ago), "%s",
			       rows[i].log[k].path);
		if (rows[i].journal)
			EXPECT(mkdir(JOURNAL_HERE, 0700) == 0, "no directory");
		EXPECT(!maillog_journals() == !rows[i].journal, "%s: journals", rows[i].sentence);
		place = maillog_find(rows[i].mail_log, path);
		EXPECT(place == rows[i].place && !strcmp(path, rows[i].path), "%s: %d %s",
		       rows[i].sentence, place, path);
	}
}
