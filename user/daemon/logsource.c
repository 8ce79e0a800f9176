/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the mail server writes its log: see logsource.h. */
#include "daemon/logsource.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/when.h"

#define RECENT_S   (7 * 86400) /* a log that is older belongs to a server that is gone */
#define GROUPS_MAX 64
#define SINCE_MAX  32 /* "--since=@" and a 64-bit number */
#define NOT_RUN	   127

#define WRITABLE_BY_OTHERS (S_IWGRP | S_IWOTH)

static const char *const journalctls[] = {"/usr/bin/journalctl", "/bin/journalctl"};
static const char *const journals[] = {"/var/log/journal", "/run/log/journal"};
/* Debian, Red Hat, SUSE; Exim writes its own. */
static const char *const files[] = {"/var/log/mail.log", "/var/log/maillog", "/var/log/mail",
				    "/var/log/exim4/mainlog", "/var/log/exim/main.log"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

static bool journal_is_there(void)
{
	for (size_t i = 0; i < COUNT(journals); i++)
		if (access(journals[i], R_OK) == 0)
			return journalctl_find() != NULL;
	return false;
}

/* The one that was written to last; an old one only where there is no journal either. */
static enum logsource source_auto(char path[static PATH_MAX])
{
	time_t latest = 0;
	struct stat st;

	path[0] = '\0';
	for (size_t i = 0; i < COUNT(files); i++) {
		if (stat(files[i], &st) < 0 || !S_ISREG(st.st_mode) || st.st_mtime <= latest)
			continue;
		latest = st.st_mtime;
		snprintf(path, PATH_MAX, "%s", files[i]);
	}
	if (journal_is_there() && latest < now_wall_s() - RECENT_S)
		return LOGSOURCE_JOURNAL;
	if (path[0])
		return LOGSOURCE_FILE;
	snprintf(path, PATH_MAX, "%s", files[0]);
	return LOGSOURCE_NONE;
}

enum logsource logsource_find(const char *mail_log, char path[static PATH_MAX])
{
	struct stat st;

	path[0] = '\0';
	if (strcmp(mail_log, "none") == 0)
		return LOGSOURCE_NONE;
	if (strcmp(mail_log, "auto") == 0)
		return source_auto(path);
	if (strcmp(mail_log, "journal") == 0) {
		if (journal_is_there())
			return LOGSOURCE_JOURNAL;
		snprintf(path, PATH_MAX, "%s", journals[0]);
		return LOGSOURCE_NONE;
	}
	snprintf(path, PATH_MAX, "%s", mail_log);
	return stat(path, &st) == 0 || errno != ENOENT ? LOGSOURCE_FILE : LOGSOURCE_NONE;
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

void logsource_join(const char *mail_log)
{
	if (mail_log[0] == '/')
		groups_join(mail_log);
	for (size_t i = 0; strcmp(mail_log, "auto") == 0 && i < COUNT(files); i++)
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
 * Root, so that it may read the journal, but with no capability: under no_new_privs execve(2) gives none back. What it prints is read by the
 * follower alone.
 */
__attribute__((noreturn)) static void journal_run(const char *program, int pipe_fd, pid_t keeper,
						  int64_t since_wall_s)
{
	char since[SINCE_MAX];
	char *const arguments[] = {(char *)"journalctl",
				   (char *)"--quiet",
				   (char *)"--no-pager",
				   (char *)"--follow",
				   (char *)"--no-tail",
				   (char *)"--output=short-unix",
				   since,
				   (char *)"SYSLOG_FACILITY=2",
				   NULL};
	char *const environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL};
	int null = open("/dev/null", O_RDWR);

	snprintf(since, sizeof(since), "--since=@%" PRId64, since_wall_s);
	signals_reset();
	(void)setsid();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(pipe_fd, STDOUT_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || drop_capabilities(0, NULL) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != keeper)
		_exit(NOT_RUN);
	execve(program, arguments, environment);
	_exit(NOT_RUN);
}

pid_t logsource_journal(int pipe_fd, int64_t since_wall_s, struct err *e)
{
	const char *program = journalctl_find();
	pid_t keeper = getpid(), pid;

	if (!program)
		return err_set(e, -ENOENT, "there is no journalctl, or it is not root's alone");
	pid = fork();
	if (pid == 0)
		journal_run(program, pipe_fd, keeper, since_wall_s);
	return pid < 0 ? err_set(e, -errno, "cannot fork for journalctl: %s", strerror(errno))
		       : pid;
}
