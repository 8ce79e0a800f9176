/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files are found by the names that logrotate(8) gives them: LOG.1, LOG.2.gz, or LOG-20261122.gz. Which of them are of the time in question
 * is told by when they were written last.
 */
#include "maillog/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/regular.h"
#include "maillog/find.h"

#define CHUNK	     65536
#define JOURNAL_NAME "the journal"

struct rotated {
	int fd;
	int64_t written_s;
};

struct finding {
	struct rotated file[MAILLOG_FILES_MAX];
	unsigned count, skipped;
	int64_t skipped_first_s, skipped_last_s; /* when those were written last; 0 none */
};

static void file_skip(struct finding *f, int64_t written_s)
{
	f->skipped++;
	if (!f->skipped_first_s || written_s < f->skipped_first_s)
		f->skipped_first_s = written_s;
	if (written_s > f->skipped_last_s)
		f->skipped_last_s = written_s;
}

static void file_take(struct finding *f, const char *path, int64_t since_wall_s)
{
	struct stat st;
	int fd = regular_open(path, &st);

	if ((fd < 0 && (stat(path, &st) < 0 || !S_ISREG(st.st_mode))) ||
	    st.st_mtim.tv_sec < since_wall_s) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd < 0 || maillog_packing(path) == MAILLOG_PACKED_OTHERWISE ||
	    f->count == MAILLOG_FILES_MAX) {
		file_skip(f, st.st_mtim.tv_sec);
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

static void hole_add(struct maillog_source *out, int64_t from_wall_s, int64_t until_wall_s)
{
	if (!out->hole_until_wall_s || from_wall_s < out->hole_from_wall_s)
		out->hole_from_wall_s = from_wall_s;
	if (until_wall_s > out->hole_until_wall_s)
		out->hole_until_wall_s = until_wall_s;
}

/* The last that is read before those that are not ends where the hole begins. */
static void hole_find(struct maillog_source *out, const struct finding *f)
{
	int64_t from_wall_s = 0;

	if (!f->skipped)
		return;
	for (unsigned i = 0; i < f->count && f->file[i].written_s < f->skipped_first_s; i++)
		from_wall_s = f->file[i].written_s;
	hole_add(out, from_wall_s, f->skipped_last_s);
}

/* The file and its forerunners. */
static int file_open(struct maillog_source *out, const char *path, int64_t since_wall_s,
		     struct err *e)
{
	static const char *const forms[] = {".[0-9]*", "-[0-9]*"};
	char pattern[PATH_MAX];
	struct finding f = {.count = 0};
	glob_t g = {0};
	struct stat st;
	int fd = regular_open(path, &st);

	if (fd < 0)
		return err_set(e, fd, "cannot read the mail log %s: %s", path,
			       fd == -EINVAL ? "it is no ordinary file" : strerror(-fd));
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
		file_skip(&f, f.file[0].written_s);
		memmove(f.file, f.file + 1, --f.count * sizeof(f.file[0]));
	}
	for (unsigned i = 0; i < f.count; i++) {
		out->written_wall_s[i] = f.file[i].written_s;
		out->fd[out->count++] = f.file[i].fd;
	}
	out->written_wall_s[out->count] = st.st_mtim.tv_sec;
	out->fd[out->count++] = fd;
	hole_find(out, &f);
	out->skipped = f.skipped;
	snprintf(out->name, sizeof(out->name), "%s", path);
	return 0;
}

static int journal_open(struct maillog_source *out, int64_t since_wall_s, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
	out->pid = maillog_start_journal(ends[1], since_wall_s, false, e);
	close(ends[1]);
	if (out->pid < 0) {
		int code = out->pid;

		out->pid = 0;
		close(ends[0]);
		return code;
	}
	out->fd[out->count++] = ends[0];
	snprintf(out->name, sizeof(out->name), JOURNAL_NAME);
	return 0;
}

int maillog_source_open(struct maillog_source *out, const char *mail_log, int64_t since_wall_s,
			struct err *e)
{
	char path[PATH_MAX];

	*out = (struct maillog_source){.count = 0};
	switch (maillog_find(mail_log, path)) {
	case MAILLOG_IN_JOURNAL:
		return journal_open(out, since_wall_s, e);
	case MAILLOG_IN_FILE:
		return file_open(out, path, since_wall_s, e);
	case MAILLOG_NOWHERE:
		break;
	}
	if (path[0])
		return err_set(e, -ENOENT,
			       "there is no mail log at %s: name the mail server's log in mail_log",
			       path);
	return err_set(e, -ENOENT, "mail_log is \"none\"");
}

/* gzread(3) hands on what is not packed as it is; of a pipe too. */
static int one_read(struct maillog_source *s, unsigned i, struct maillog *m, uint64_t *left)
{
	int fd = s->fd[i];
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
	if (file && (gzclose(file) == Z_BUF_ERROR || n < 0)) {
		s->skipped++;
		hole_add(s, i ? s->written_wall_s[i - 1] : 0, s->written_wall_s[i]);
	}
	free(chunk);
	return ret;
}

int maillog_source_read(struct maillog_source *s, struct maillog *m, struct err *e)
{
	uint64_t left = MAILLOG_BYTES_MAX;
	int ret = 0;

	for (unsigned i = 0; i < s->count && ret == 0; i++) {
		ret = one_read(s, i, m, &left);
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
