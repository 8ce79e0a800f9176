/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files are found by the names that logrotate(8) gives them: LOG.1, LOG.2.gz, or LOG-20261122.gz. Which of them are of the time in question
 * is told by when they were written last.
 */
#include "maillog/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/drop.h"

#define CHUNK	     65536
#define SINCE_MAX    32
#define JOURNAL_NAME "the journal"

/* Debian's, the BSDs' and RHEL's, Exim's here and there; where no file is the mail server's own. */
static const char *const usual[] = {"/var/log/mail.log", "/var/log/maillog",
				    "/var/log/exim4/mainlog", "/var/log/exim/main.log",
				    "/var/log/syslog"};
#define USUAL (sizeof(usual) / sizeof(usual[0]))

struct rotated {
	int fd;
	int64_t written_s;
};

struct finding {
	struct rotated file[MAILLOG_FILES_MAX];
	unsigned count, skipped;
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_unreadable(const char *path)
{
	static const char *const packed[] = {".xz", ".zst", ".bz2", ".lz4", ".Z"};

	for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
		if (ends_with(path, packed[i]))
			return true;
	return false;
}

static void file_take(struct finding *f, const char *path, int64_t since_wall_s)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_mtim.tv_sec < since_wall_s) {
		close(fd);
		return;
	}
	if (fd < 0 || !S_ISREG(st.st_mode) || is_unreadable(path) ||
	    f->count == MAILLOG_FILES_MAX) {
		f->skipped++;
		if (fd >= 0)
			close(fd);
		return;
	}
	f->file[f->count++] = (struct rotated){fd, st.st_mtim.tv_sec};
}

static int by_time(const void *a, const void *b)
{
	int64_t x = ((const struct rotated *)a)->written_s,
		y = ((const struct rotated *)b)->written_s;

	return (x > y) - (x < y);
}

/* The file and its forerunners. */
static int file_open(struct maillog_source *out, const char *path, int64_t since_wall_s,
		     struct err *e)
{
	static const char *const forms[] = {".[0-9]*", "-[0-9]*"};
	char pattern[PATH_MAX];
	struct finding f = {.count = 0};
	glob_t g = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		int code = fd < 0 ? -errno : -EINVAL;

		if (fd >= 0)
			close(fd);
		return err_set(e, code, "cannot read the mail log %s: %s", path,
			       code == -EINVAL ? "it is no ordinary file" : strerror(-code));
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((size_t)snprintf(pattern, sizeof(pattern), "%s%s", path, forms[i]) >=
		    sizeof(pattern))
			continue;
		if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0)
			for (size_t k = 0; k < g.gl_pathc; k++)
				file_take(&f, g.gl_pathv[k], since_wall_s);
		globfree(&g);
	}
	qsort(f.file, f.count, sizeof(f.file[0]), by_time);
	/* Room for the log itself, behind the others. */
	if (f.count == MAILLOG_FILES_MAX) {
		close(f.file[0].fd);
		f.skipped++;
		memmove(f.file, f.file + 1, --f.count * sizeof(f.file[0]));
	}
	for (unsigned i = 0; i < f.count; i++)
		out->fd[out->count++] = f.file[i].fd;
	out->fd[out->count++] = fd;
	out->skipped = f.skipped;
	snprintf(out->name, sizeof(out->name), "%s", path);
	return 0;
}

static bool has_journal(void)
{
	return access("/run/systemd/journal/socket", F_OK) == 0;
}

/* What becomes journalctl(1): it needs to be root, whose the journal is, and nothing else. Never returns. */
static void journal_be(int out, char *const arguments[])
{
	static const char *const paths[] = {"/usr/bin/journalctl", "/bin/journalctl"};
	static char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || drop_capabilities(0, NULL) < 0)
		_exit(1);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		(void)execve(paths[i], arguments, environment);
	_exit(1);
}

/* Facility 2 is mail (RFC 5424, 6.2.1). */
static int journal_open(struct maillog_source *out, int64_t since_wall_s, struct err *e)
{
	char since[SINCE_MAX];
	char *arguments[] = {"journalctl",	  "--quiet", "--no-pager", "--output=short-unix",
			     "SYSLOG_FACILITY=2", "--since", since,	   NULL};
	int ends[2], code;

	snprintf(since, sizeof(since), "@%" PRId64, since_wall_s);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
	out->pid = fork();
	if (out->pid == 0)
		journal_be(ends[1], arguments);
	code = -errno;
	close(ends[1]);
	if (out->pid < 0) {
		out->pid = 0;
		close(ends[0]);
		return err_set(e, code, "cannot start journalctl: %s", strerror(-code));
	}
	out->fd[out->count++] = ends[0];
	snprintf(out->name, sizeof(out->name), JOURNAL_NAME);
	return 0;
}

static const char *usual_find(int64_t since_wall_s)
{
	struct stat st;

	for (size_t i = 0; i < USUAL; i++)
		if (stat(usual[i], &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtim.tv_sec >= since_wall_s)
			return usual[i];
	return NULL;
}

int maillog_source_open(struct maillog_source *out, const char *mail_log, int64_t since_wall_s,
			struct err *e)
{
	const char *path = mail_log;

	*out = (struct maillog_source){.count = 0};
	if (strcmp(mail_log, MAILLOG_NONE) == 0)
		return err_set(e, -ENOENT, "mail_log is \"none\"");
	if (strcmp(mail_log, MAILLOG_JOURNAL) == 0)
		return journal_open(out, since_wall_s, e);
	if (strcmp(mail_log, MAILLOG_AUTO) == 0) {
		path = usual_find(since_wall_s);
		if (!path && has_journal())
			return journal_open(out, since_wall_s, e);
		/* One that nobody writes to any more tells at least how far it reaches. */
		if (!path)
			path = usual_find(0);
	}
	if (!path)
		return err_set(e, -ENOENT,
			       "no mail log was found in the usual places, and there is no "
			       "journal: name it in mail_log");
	return file_open(out, path, since_wall_s, e);
}

/* gzread(3) hands on what is not packed as it is; of a pipe too. */
static int one_read(struct maillog_source *s, int fd, struct maillog *m, uint64_t *left)
{
	gzFile file = gzdopen(fd, "rb");
	char *chunk = malloc(CHUNK);
	int n = 0, ret = 0;

	if (!file || !chunk) {
		if (!file)
			close(fd);
		ret = -ENOMEM;
		goto out;
	}
	while (*left && (n = gzread(file, chunk, CHUNK)) > 0) {
		maillog_bytes(m, chunk, (size_t)n);
		*left -= (uint64_t)n < *left ? (uint64_t)n : *left;
	}
	s->is_cut = s->is_cut || !*left;
	/* A last line without an end must not lead the next file. */
	maillog_bytes(m, "\n", 1);
out:
	/* It ends too soon, as one that is being packed just now, or is none: what could be read has been. */
	if (file && (gzclose(file) == Z_BUF_ERROR || n < 0))
		s->skipped++;
	free(chunk);
	return ret;
}

int maillog_source_read(struct maillog_source *s, struct maillog *m, struct err *e)
{
	uint64_t left = MAILLOG_BYTES_MAX;
	int ret = 0;

	for (unsigned i = 0; i < s->count && ret == 0; i++) {
		ret = one_read(s, s->fd[i], m, &left);
		s->fd[i] = -1;
	}
	maillog_flush(m);
	return ret < 0 ? err_set(e, ret, "no memory for reading the mail log") : 0;
}

void maillog_source_close(struct maillog_source *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	s->count = 0;
	if (s->pid > 0) {
		(void)kill(s->pid, SIGTERM);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	s->pid = 0;
}
