/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing log as a stream, with real files and a real pipe: over rotations and restarts nothing comes twice and nothing is missing. */
#include "daemon/following_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char folder[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 16], old[TAP_TEMP_MAX + 24];

static void folder_remove(void)
{
	char command[TAP_TEMP_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		printf("# could not remove %s\n", folder);
}

static bool fresh(void)
{
	if (!*folder) {
		if (!tap_temp_dir(folder, "live-logfile"))
			return false;
		atexit(folder_remove);
	}
	snprintf(path, sizeof(path), "%s/mail.log", folder);
	snprintf(old, sizeof(old), "%s/mail.log.1", folder);
	unlink(path);
	unlink(old);
	return true;
}

static void say(const char *to, const char *text)
{
	FILE *file = fopen(to, "a");

	if (!EXPECT(file && fputs(text, file) >= 0, "cannot write %s", to))
		return;
	fclose(file);
}

/* What a reader has. */
struct reader {
	struct logfile *log;
	int ends[2];
	char text[4096];
	size_t length;
	uint64_t again;
};

static bool reader_begin(struct reader *r, const struct logplace *from, enum logfile_begin want)
{
	enum logfile_begin begin;
	struct err e = {0};

	memset(r, 0, sizeof(*r));
	r->ends[0] = r->ends[1] = -1;
	if (!EXPECT(logfile_open(&r->log, path, from, &begin, &e) == 0, "%s", e.text))
		return false;
	EXPECT(begin == want, "it begins as %d, not %d", begin, want);
	r->again = logfile_rewind(r->log);
	return EXPECT(pipe2(r->ends, O_NONBLOCK | O_CLOEXEC) == 0, "no pipe");
}

static void reader_end(struct reader *r)
{
	logfile_close(r->log);
	close(r->ends[0]);
	close(r->ends[1]);
}

/* All that is there now; what was said before is left out. */
static const char *reader_take(struct reader *r)
{
	size_t before = r->length;
	ssize_t n;

	while (logfile_move(r->log, r->ends[1]) == LOGFILE_MORE)
		while ((n = read(r->ends[0], r->text + r->length,
				 sizeof(r->text) - r->length - 1)) > 0)
			r->length += (size_t)n;
	r->text[r->length] = '\0';
	return r->text + before;
}

static void reader_is_behind(struct reader *r)
{
	logfile_advance(r->log, r->length);
}

/* The file is another one: so many looks until the reader goes on there. */
static void look_on(struct reader *r)
{
	for (int i = 0; i < LOGFILE_QUIET_LOOKS; i++) {
		EXPECT(!logfile_look(r->log) || i == LOGFILE_QUIET_LOOKS - 1,
		       "the old file was left at look %d", i + 1);
		(void)reader_take(r);
	}
}

static struct logplace place_of(struct reader *r)
{
	return *logfile_place(r->log);
}

static const struct logplace none;

TEST(what_is_written_comes_once_and_goes_on_after_a_restart)
{
	struct logplace place;
	struct reader r;

	ENSURE(fresh(), "no directory");
	say(path, "one\ntwo\n");
	ENSURE(reader_begin(&r, &none, LOGFILE_BEGIN_FIRST), "cannot begin");
	EXPECT(r.again == 0 && !strcmp(reader_take(&r), "one\ntwo\n"), "got '%s'", r.text);
	say(path, "three\n");
	EXPECT(!strcmp(reader_take(&r), "three\n"), "got '%s'", r.text);
	logfile_advance(r.log, strlen("one\ntwo\n"));
	place = place_of(&r);
	reader_end(&r);
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "cannot begin again");
	EXPECT(r.again == strlen("one\ntwo\n") && !strcmp(reader_take(&r), "one\ntwo\nthree\n"),
	       "%llu again, '%s'", (unsigned long long)r.again, r.text);
	/* In what comes again the place stays. */
	logfile_advance(r.log, strlen("one\n"));
	EXPECT(place_of(&r).offset == strlen("one\ntwo\n"), "the place went back");
	reader_is_behind(&r);
	EXPECT(place_of(&r).offset == strlen("one\ntwo\nthree\n"), "the place did not go on");
	reader_end(&r);
}

TEST(a_rotation_loses_nothing)
{
	struct logplace place;
	struct reader r;

	ENSURE(fresh(), "no directory");
	say(path, "one\n");
	ENSURE(reader_begin(&r, &none, LOGFILE_BEGIN_FIRST), "cannot begin");
	EXPECT(!strcmp(reader_take(&r), "one\n"), "got '%s'", r.text);
	EXPECT(rename(path, old) == 0, "rename");
	EXPECT(!logfile_look(r.log), "it was left before there was another");
	say(old, "late\n");
	say(path, "new\n");
	EXPECT(!logfile_look(r.log), "it was left with something unread");
	EXPECT(!strcmp(reader_take(&r), "late\n"), "got '%s'", r.text);
	look_on(&r);
	EXPECT(!strcmp(r.text, "one\nlate\nnew\n"), "got '%s'", r.text);
	/* The reader has not come so far: the place is in the old file, whatever its name. */
	logfile_advance(r.log, strlen("one\n"));
	place = place_of(&r);
	reader_end(&r);
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "the old file was not found");
	(void)reader_take(&r);
	look_on(&r);
	EXPECT(r.again == strlen("one\n") && !strcmp(r.text, "one\nlate\nnew\n"), "got '%s'",
	       r.text);
	reader_is_behind(&r);
	place = place_of(&r);
	reader_end(&r);
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "cannot begin again");
	EXPECT(!strcmp(reader_take(&r), "new\n") && r.again == strlen("new\n"), "got '%s'", r.text);
	reader_end(&r);
}

TEST(a_new_reader_in_the_middle_of_a_rotation_misses_nothing)
{
	struct reader r;

	ENSURE(fresh(), "no directory");
	say(path, "one\ntwo\n");
	ENSURE(reader_begin(&r, &none, LOGFILE_BEGIN_FIRST), "cannot begin");
	(void)reader_take(&r);
	EXPECT(rename(path, old) == 0, "rename");
	say(path, "new\n");
	look_on(&r);
	logfile_advance(r.log, strlen("one\n"));
	(void)place_of(&r);
	/* The child died: its pipe and what was in it is gone. */
	r.again = logfile_rewind(r.log);
	r.length = 0;
	(void)reader_take(&r);
	look_on(&r);
	EXPECT(r.again == strlen("one\n") && !strcmp(r.text, "one\ntwo\nnew\n"), "got '%s'",
	       r.text);
	reader_end(&r);
}

TEST(a_file_that_was_emptied_begins_anew)
{
	struct logplace place;
	struct reader r;

	ENSURE(fresh(), "no directory");
	say(path, "a long line of before\n");
	ENSURE(reader_begin(&r, &none, LOGFILE_BEGIN_FIRST), "cannot begin");
	(void)reader_take(&r);
	reader_is_behind(&r);
	EXPECT(truncate(path, 0) == 0, "truncate");
	say(path, "new\n");
	EXPECT(logfile_look(r.log), "it was not seen");
	EXPECT(!strcmp(reader_take(&r), "new\n"), "got '%s'", r.text);
	reader_is_behind(&r);
	place = place_of(&r);
	EXPECT(place.offset == strlen("new\n"), "the place is %llu",
	       (unsigned long long)place.offset);
	reader_end(&r);
	/* The same inode, and longer than the place, but not what stood there. */
	EXPECT(truncate(path, 0) == 0, "truncate");
	say(path, "another line\n");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_LOST), "cannot begin again");
	EXPECT(r.again == 0 && !strcmp(reader_take(&r), "another line\n"), "got '%s'", r.text);
	reader_end(&r);
}

TEST(another_log_is_followed_from_its_end)
{
	struct logplace other = {.kind = LOGPLACE_JOURNAL, .stamp_us = 1, .sum = 1};
	struct reader r;

	ENSURE(fresh(), "no directory");
	say(path, "old\n");
	ENSURE(reader_begin(&r, &other, LOGFILE_BEGIN_OTHER), "cannot begin");
	EXPECT(r.again == strlen("old\n"), "what the journal told may be counted again");
	reader_is_behind(&r);
	reader_end(&r);
}

TEST(what_is_no_file_is_not_read)
{
	enum logfile_begin begin;
	struct logfile *log;
	struct err e = {0};

	ENSURE(fresh(), "no directory");
	EXPECT(logfile_open(&log, path, &none, &begin, &e) == -ENOENT && strstr(e.text, path),
	       "'%s'", e.text);
	EXPECT(mkfifo(path, 0600) == 0, "mkfifo");
	EXPECT(logfile_open(&log, path, &none, &begin, &e) == -EINVAL && strstr(e.text, path),
	       "'%s'", e.text);
	EXPECT(logfile_open(&log, "mail.log", &none, &begin, &e) == -EINVAL, "a relative path");
}

TEST(places_are_read_back_as_they_were_written_and_nothing_else_is)
{
	static const char *const good[] = {
		"journal 1700000000123456 cbf29ce484222325",
		"file 12 345 ff /var/log/mail.log",
		"file 18446744073709551615 0 0 /with a blank",
	};
	static const char *const bad[] = {
		"",
		"journal",
		"journal 1",
		"journal 1 x",
		"journal 1 1 1",
		"journal -1 1",
		" journal 1 1",
		"file 1 2 3",
		"file 1 2 3 ",
		"file 1 2 3 relative",
		"file 01 2 3 /a",
		"file 1 9223372036854775808 3 /a",
		"file 99999999999999999999 2 3 /a",
		"journal 1 1\n",
		"journal 1 0x1",
		"socket 1 2 3 /a",
	};
	char text[LOGPLACE_TEXT_MAX], *longest = malloc(LOGPLACE_TEXT_MAX + PATH_MAX);
	struct logplace p;

	for (size_t i = 0; i < COUNT(good); i++)
		EXPECT(logplace_parse(good[i], &p) == 0 &&
			       !strcmp(logplace_format(&p, text), good[i]),
		       "%s became %s", good[i], text);
	for (size_t i = 0; i < COUNT(bad); i++)
		EXPECT(logplace_parse(bad[i], &p) == -EINVAL && p.kind == LOGPLACE_NONE,
		       "'%s' was taken", bad[i]);
	ENSURE(longest, "no memory");
	sprintf(longest, "file 1 2 3 /%0*d", PATH_MAX, 0);
	EXPECT(logplace_parse(longest, &p) == -EINVAL, "a path that is too long was taken");
	free(longest);
}
