/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing log as a stream, with real files and a real pipe: over rotations and restarts nothing comes twice and nothing is missing. */
#include "daemon/following_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PIPE_LEAST 4096 /* bytes: a page */
#define NAME_SIZE  (TAP_TEMP_MAX + 32)

static char folder[TAP_TEMP_MAX], path[NAME_SIZE], old[NAME_SIZE], older[NAME_SIZE],
	packed[NAME_SIZE];

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
	snprintf(older, sizeof(older), "%s/mail.log.2", folder);
	snprintf(packed, sizeof(packed), "%s/mail.log.2.gz", folder);
	unlink(path);
	unlink(old);
	unlink(older);
	unlink(packed);
	return true;
}

static void say(const char *to, const char *text)
{
	FILE *file = fopen(to, "a");

	if (!EXPECT(file && fputs(text, file) >= 0, "cannot write %s", to))
		return;
	fclose(file);
}

/* As if it had been written to last so long ago. */
static void age(const char *of, int minutes)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - minutes * 60L}};

	times[1] = times[0];
	EXPECT(utimensat(AT_FDCWD, of, times, 0) == 0, "cannot age %s", of);
}

static void run(const char *what, const char *from, const char *to)
{
	char command[3 * NAME_SIZE];

	snprintf(command, sizeof(command), "%s %s %s", what, from, to);
	EXPECT(system(command) == 0, "%s", command);
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
	r->again = logfile_rewind(r->log, &begin);
	EXPECT(begin == LOGFILE_BEGIN_THERE, "its reader begins as %d", begin);
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
static void look_on_as(struct reader *r, int want)
{
	for (int i = 0; i < LOGFILE_QUIET_LOOKS; i++) {
		int looked = logfile_look(r->log);

		EXPECT(looked == (i == LOGFILE_QUIET_LOOKS - 1 ? want : LOGFILE_STAYS),
		       "%d at look %d", looked, i + 1);
		(void)reader_take(r);
	}
}

static void look_on(struct reader *r)
{
	look_on_as(r, LOGFILE_GOES_ON);
}

static struct logplace place_of(struct reader *r)
{
	return *logfile_place(r->log);
}

static const struct logplace none;

/* A log of this text, of which the reader has come behind the end. */
static bool reader_behind(struct reader *r, const char *text)
{
	if (!fresh())
		return false;
	say(path, text);
	if (!reader_begin(r, &none, LOGFILE_BEGIN_FIRST))
		return false;
	(void)reader_take(r);
	reader_is_behind(r);
	return true;
}

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
	enum logfile_begin begin;
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
	r.again = logfile_rewind(r.log, &begin);
	EXPECT(begin == LOGFILE_BEGIN_THERE, "it begins as %d", begin);
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

	ENSURE(reader_behind(&r, "a long line of before\n"), "cannot begin");
	EXPECT(truncate(path, 0) == 0, "truncate");
	say(path, "new\n");
	EXPECT(logfile_look(r.log) == LOGFILE_EMPTIED, "it was not seen");
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

TEST(what_stands_in_its_place_and_is_longer_is_something_else)
{
	enum logfile_begin begin;
	struct reader r;

	ENSURE(reader_behind(&r, "before\n"), "cannot begin");
	(void)place_of(&r);
	EXPECT(truncate(path, 0) == 0, "truncate");
	say(path, "new, and longer\n");
	EXPECT(logfile_look(r.log) == LOGFILE_EMPTIED, "it was not seen");
	EXPECT(!strcmp(reader_take(&r), "new, and longer\n"), "got '%s'", r.text);
	reader_is_behind(&r);
	(void)place_of(&r);
	/* The same while its reader is being replaced: nothing that is new passes for a repetition. */
	EXPECT(truncate(path, 0) == 0, "truncate");
	say(path, "newest\n");
	r.again = logfile_rewind(r.log, &begin);
	r.length = 0;
	EXPECT(begin == LOGFILE_BEGIN_LOST && r.again == 0, "%d, %llu again", begin,
	       (unsigned long long)r.again);
	EXPECT(!strcmp(reader_take(&r), "newest\n"), "got '%s'", r.text);
	EXPECT(logfile_look(r.log) == LOGFILE_STAYS, "it begins anew again");
	reader_end(&r);
}

TEST(what_was_emptied_before_it_was_read_is_missing)
{
	static char much[2 * PIPE_LEAST];
	struct reader r;

	ENSURE(fresh(), "no directory");
	memset(much, 'x', sizeof(much) - 1);
	say(path, much);
	ENSURE(reader_begin(&r, &none, LOGFILE_BEGIN_FIRST), "cannot begin");
	EXPECT(fcntl(r.ends[1], F_SETPIPE_SZ, PIPE_LEAST) == PIPE_LEAST, "a small pipe");
	while (logfile_move(r.log, r.ends[1]) == LOGFILE_MORE)
		;
	EXPECT(truncate(path, 0) == 0, "truncate");
	EXPECT(logfile_look(r.log) == LOGFILE_EMPTIED_BEHIND, "it was not seen");
	reader_end(&r);
}

/* Its reader is away, or waits: nothing is moved meanwhile. */
TEST(what_came_while_nothing_was_moved_is_missing_when_it_is_emptied)
{
	struct reader r;

	ENSURE(reader_behind(&r, "one\n"), "cannot begin");
	say(path, "two\n");
	EXPECT(logfile_look(r.log) == LOGFILE_STAYS, "it was left");
	EXPECT(truncate(path, 0) == 0, "truncate");
	EXPECT(logfile_look(r.log) == LOGFILE_EMPTIED_BEHIND, "it was not seen");
	/* The next time nothing is. */
	reader_end(&r);
	say(path, "three\n");
	ENSURE(reader_begin(&r, &none, LOGFILE_BEGIN_FIRST), "cannot begin");
	EXPECT(logfile_look(r.log) == LOGFILE_STAYS, "it was left");
	(void)reader_take(&r);
	reader_is_behind(&r);
	EXPECT(truncate(path, 0) == 0, "truncate");
	EXPECT(logfile_look(r.log) == LOGFILE_EMPTIED, "it was not seen");
	reader_end(&r);
}

TEST(a_copy_has_what_was_not_read_when_the_log_was_emptied)
{
	struct logplace place;
	struct reader r;

	ENSURE(reader_behind(&r, "one\n"), "cannot begin");
	(void)place_of(&r);
	say(path, "two\n");
	run("cp", path, old);
	EXPECT(truncate(path, 0) == 0, "truncate");
	say(path, "three\n");
	EXPECT(logfile_look(r.log) == LOGFILE_STAYS, "the copy was not found");
	(void)reader_take(&r);
	look_on(&r);
	EXPECT(!strcmp(r.text, "one\ntwo\nthree\n"), "got '%s'", r.text);
	reader_is_behind(&r);
	place = place_of(&r);
	reader_end(&r);
	/* And while nobody follows. */
	say(path, "four\n");
	run("cp", path, old);
	EXPECT(truncate(path, 0) == 0, "truncate");
	say(path, "five\n");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "cannot begin again");
	(void)reader_take(&r);
	look_on(&r);
	EXPECT(r.again == strlen("three\n") && !strcmp(r.text, "three\nfour\nfive\n"), "got '%s'",
	       r.text);
	reader_end(&r);
}

/* "one" is read and "rest" stands behind it; then the log is rotated twice. */
static bool rotate_twice(struct logplace *place, const char *rest)
{
	struct reader r;

	say(path, "one\n");
	age(path, 30);
	if (!reader_begin(&r, &none, LOGFILE_BEGIN_FIRST))
		return false;
	(void)reader_take(&r);
	reader_is_behind(&r);
	*place = place_of(&r);
	reader_end(&r);
	say(path, rest);
	age(path, *rest ? 20 : 30);
	EXPECT(rename(path, older) == 0, "rename");
	say(old, "two\n");
	age(old, 10);
	say(path, "three\n");
	return true;
}

TEST(what_was_rotated_while_nobody_followed_is_read_in_its_order)
{
	struct logplace place;
	struct reader r;

	ENSURE(fresh() && rotate_twice(&place, "rest\n"), "no directory");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "cannot begin again");
	(void)reader_take(&r);
	look_on(&r);
	reader_is_behind(&r);
	look_on(&r);
	EXPECT(r.again == strlen("one\n") && !strcmp(r.text, "one\nrest\ntwo\nthree\n"), "got '%s'",
	       r.text);
	reader_is_behind(&r);
	EXPECT(logfile_look(r.log) == LOGFILE_STAYS && place_of(&r).offset == strlen("three\n"),
	       "it is not where it should be");
	reader_end(&r);
}

TEST(what_was_packed_before_it_was_read_is_said_and_the_rest_is_read)
{
	struct logplace place;
	struct reader r;

	ENSURE(fresh() && rotate_twice(&place, "rest\n"), "no directory");
	run("gzip", older, "");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_LOST), "cannot begin again");
	EXPECT(r.again == 0 && !strcmp(reader_take(&r), "two\n"), "got '%s'", r.text);
	look_on(&r);
	EXPECT(!strcmp(r.text, "two\nthree\n"), "got '%s'", r.text);
	reader_end(&r);
	/* There was no more in it: nothing is missing. */
	ENSURE(fresh() && rotate_twice(&place, ""), "no directory");
	run("gzip", older, "");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "cannot begin again");
	EXPECT(!strcmp(reader_take(&r), "two\n"), "got '%s'", r.text);
	reader_end(&r);
	/* What nobody knows anything of may have been more. */
	EXPECT(unlink(packed) == 0, "unlink");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_LOST), "cannot begin again");
	EXPECT(!strcmp(reader_take(&r), "two\n"), "got '%s'", r.text);
	reader_end(&r);
}

/* All is there in the files, and one of them is not to be opened. */
TEST(what_cannot_be_read_of_the_rotated_files_is_missing)
{
	const uid_t nobody = 65534;
	enum logfile_begin begin;
	struct logplace place;
	struct logfile *log;
	bool is_root = geteuid() == 0;
	struct err e = {0};

	ENSURE(fresh() && rotate_twice(&place, ""), "no directory");
	run("gzip", older, "");
	EXPECT(!chmod(folder, 0755) && !chmod(old, 0) && !chmod(path, 0644), "chmod");
	if (is_root)
		EXPECT(!seteuid(nobody), "seteuid");
	EXPECT(!logfile_open(&log, path, &place, &begin, &e), "%s", e.text);
	EXPECT(begin == LOGFILE_BEGIN_LOST, "it begins as %d", begin);
	if (is_root)
		EXPECT(!seteuid(0), "seteuid");
	logfile_close(log);
}

TEST(what_was_there_but_not_read_when_the_place_was_made_is_missing)
{
	struct logplace place;
	struct reader r;

	ENSURE(fresh(), "no directory");
	say(path, "one\nrest\n");
	ENSURE(reader_begin(&r, &none, LOGFILE_BEGIN_FIRST), "cannot begin");
	(void)reader_take(&r);
	logfile_advance(r.log, strlen("one\n"));
	place = place_of(&r);
	reader_end(&r);
	EXPECT(rename(path, older) == 0, "rename");
	run("gzip", older, "");
	say(path, "two\n");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_LOST), "cannot begin again");
	reader_end(&r);
}

TEST(a_packed_file_between_two_others_is_said)
{
	char oldest[NAME_SIZE + 8];
	struct logplace place;
	struct reader r;

	ENSURE(fresh() && rotate_twice(&place, "rest\n"), "no directory");
	snprintf(oldest, sizeof(oldest), "%s.3", path);
	EXPECT(rename(older, oldest) == 0, "rename");
	say(older, "between\n");
	age(older, 15);
	run("gzip", older, "");
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "cannot begin again");
	(void)reader_take(&r);
	look_on_as(&r, LOGFILE_GOES_ON_BEHIND);
	EXPECT(!strcmp(r.text, "one\nrest\ntwo\n"), "got '%s'", r.text);
	reader_end(&r);
	/* One that is being made of what is read now is none. */
	unlink(packed);
	snprintf(packed, sizeof(packed), "%s/mail.log.1.gz", folder);
	run("gzip -k", old, "");
	age(packed, 0);
	ENSURE(reader_begin(&r, &place, LOGFILE_BEGIN_THERE), "cannot begin again");
	(void)reader_take(&r);
	look_on(&r);
	reader_is_behind(&r);
	look_on(&r);
	EXPECT(!strcmp(r.text, "one\nrest\ntwo\nthree\n"), "got '%s'", r.text);
	reader_end(&r);
	unlink(oldest);
	unlink(packed);
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
