/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the mail server writes its log: see find.h. Of the usual files the first that is still written to is taken, and Exim's own before
 * those that syslog writes: beside Exim these hold the lines of Dovecot and others, which tell nothing.
 */
#include "maillog/find.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/when.h"

#define RECENT_S   (7 * DAY_S) /* a log that is older belongs to a server that is gone */
#define GROUPS_MAX 64
#define SINCE_MAX  32 /* "--since=@" and a 64-bit number */
#define NOT_RUN	   127

#define WRITABLE_BY_OTHERS (S_IWGRP | S_IWOTH)

#define FILE_OF_DEBIAN "/var/log/mail.log"

static const char *const journalctls[] = {"/usr/bin/journalctl", "/bin/journalctl"};
static const char *const journals[] = {"/var/log/journal", "/run/log/journal"};
/* Exim's; then Debian's, Red Hat's and SUSE's; last what has everything, as the journal does. */
static const char *const files[] = {"/var/log/exim4/mainlog", "/var/log/exim/main.log",
				    FILE_OF_DEBIAN,	      "/var/log/maillog",
				    "/var/log/mail",	      "/var/log/syslog"};

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define FILES	      COUNT(files)
#define FILES_OF_MAIL (FILES - 1)

/* Only what nobody but root can have put there. */
static const char *journalctl_find(void)
{
	struct stat st;

	for (size_t i = 0; i < COUNT(journalctls); i++)
		if (stat(journalctls[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & S_IXUSR &&
		    st.st_uid == 0 && !(st.st_mode & WRITABLE_BY_OTHERS))
			return journalctls[i];
	return NULL;
}

unsigned maillog_journals(void)
{
	unsigned there = 0;

	for (size_t i = 0; i < COUNT(journals); i++)
		if (access(journals[i], R_OK) == 0)
			there |= 1U << i;
	return there;
}

static bool journal_is_there(void)
{
	return maillog_journals() && journalctl_find();
}

/* Of the first so many; NULL: none was written since. */
static const char *file_written(size_t count, int64_t since_wall_s)
{
	struct stat st;

	for (size_t i = 0; i < count; i++)
		if (stat(files[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_mtime >= since_wall_s)
			return files[i];
	return NULL;
}

/* An old one only where there is no journal either: it tells at least how far it reaches. */
static enum maillog_place auto_find(char path[static PATH_MAX])
{
	int64_t recent_wall_s = now_wall_s() - RECENT_S;
	const char *file = file_written(FILES_OF_MAIL, recent_wall_s);

	if (!file && journal_is_there())
		return MAILLOG_IN_JOURNAL;
	if (!file)
		file = file_written(FILES, recent_wall_s);
	if (!file)
		file = file_written(FILES, 0);
	snprintf(path, PATH_MAX, "%s", file ? file : FILE_OF_DEBIAN);
	return file ? MAILLOG_IN_FILE : MAILLOG_NOWHERE;
}

enum maillog_place maillog_find(const char *mail_log, char path[static PATH_MAX])
{
	struct stat st;

	path[0] = '\0';
	if (strcmp(mail_log, "none") == 0)
		return MAILLOG_NOWHERE;
	if (strcmp(mail_log, "auto") == 0)
		return auto_find(path);
	if (strcmp(mail_log, "journal") == 0) {
		if (journal_is_there())
			return MAILLOG_IN_JOURNAL;
		snprintf(path, PATH_MAX, "%s", journals[0]);
		return MAILLOG_NOWHERE;
	}
	snprintf(path, PATH_MAX, "%s", mail_log);
	return stat(path, &st) == 0 || errno != ENOENT ? MAILLOG_IN_FILE : MAILLOG_NOWHERE;
}

enum maillog_packing maillog_packing(const char *path)
{
	static const char *const others[] = {".xz", ".zst", ".bz2", ".lz4", ".Z"};
	const char *dot = strrchr(path, '.');

	if (dot && strcmp(dot, ".gz") == 0)
		return MAILLOG_GZIP;
	for (size_t i = 0; dot && i < COUNT(others); i++)
		if (strcmp(dot, others[i]) == 0)
			return MAILLOG_PACKED_OTHERWISE;
	return MAILLOG_PLAIN;
}

/* ---- what may be read ---- */

static void group_join(const char *path)
{
	gid_t list[GROUPS_MAX];
	int count = getgroups(GROUPS_MAX - 1, list);
	struct stat st;

	if (count < 0 || stat(path, &st) < 0)
		return;
	for (int i = 0; i < count; i++)
		if (list[i] == st.st_gid)
			return;
	list[count++] = st.st_gid;
	(void)setgroups((size_t)count, list);
}

/* The directory first: without its group the file may not even be looked at. */
static void groups_join(const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		group_join(folder);
	}
	group_join(path);
}

void maillog_join_groups(const char *mail_log)
{
	if (mail_log[0] == '/')
		groups_join(mail_log);
	for (size_t i = 0; strcmp(mail_log, "auto") == 0 && i < FILES; i++)
		groups_join(files[i]);
}

/* ---- the journal ---- */

static void signals_reset(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Root, so that it may read the journal, but with no capability: under no_new_privs execve(2) gives none back. What it prints is read by a
 * process without any privilege.
 */
__attribute__((noreturn)) static void journal_run(const char *program, int pipe_fd, pid_t parent,
						  int64_t since_wall_s, bool follows)
{
	char since[SINCE_MAX];
	/*
	 * Facility 2 is mail (RFC 5424, 6.2.1). Who follows would be shown the last ten lines only; for who does not, the list ends before
	 * both words. A time would have what is there already printed, so from the end there is none.
	 */
	const bool is_from_end = since_wall_s == MAILLOG_FROM_END;
	char *const arguments[] = {(char *)"journalctl",
				   (char *)"--quiet",
				   (char *)"--no-pager",
				   (char *)"--output=short-unix",
				   is_from_end ? (char *)"--lines=0" : since,
				   (char *)"SYSLOG_FACILITY=2",
				   follows ? (char *)"--follow" : NULL,
				   is_from_end ? NULL : (char *)"--no-tail",
				   NULL};
	char *const environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL};
	int null = open("/dev/null", O_RDWR);

	snprintf(since, sizeof(since), "--since=@%" PRId64, since_wall_s);
	signals_reset();
	(void)setsid();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(pipe_fd, STDOUT_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || drop_capabilities(0, NULL) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(NOT_RUN);
	execve(program, arguments, environment);
	_exit(NOT_RUN);
}

pid_t maillog_start_journal(int pipe_fd, int64_t since_wall_s, bool follows, struct err *e)
{
	const char *program = journalctl_find();
	pid_t parent = getpid(), pid;

	if (!program)
		return err_set(e, -ENOENT,
			       "the journal cannot be read: there is no journalctl, or others than "
			       "root may write to it");
	pid = fork();
	if (pid == 0)
		journal_run(program, pipe_fd, parent, since_wall_s, follows);
	return pid < 0 ? err_set(e, -errno, "cannot fork for journalctl: %s", strerror(errno))
		       : pid;
}
