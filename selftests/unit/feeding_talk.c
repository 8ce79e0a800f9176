/* SPDX-License-Identifier: BSD-2-Clause */
/* The talk of `feed load` with the controller: both sides in one process, and those who say what nobody would. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/feeding_talk.h"
#include "tap.h"

#define FEEDS  2
#define SILENT 20 /* more than there is room for */

static struct feedtalk *talk;
static struct loop *loop;
static char directory[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 8];
static bool asked_anyway;

static void tell(void *context)
{
	struct feedtalk_answer a = {.state = FEED_LOADED, .entries = 5};

	(void)context;
	for (unsigned i = 0; i < FEEDS; i++) {
		snprintf(a.name, sizeof(a.name), "feed%u", i);
		feedtalk_tell(talk, i, &a);
	}
}

static uint32_t asked(void *context, const char *name, bool anyway)
{
	asked_anyway = anyway;
	if (strcmp(name, "nobody") == 0)
		return 0;
	(void)loop_add_timer(loop, 1, 0, tell, context, NULL);
	return strcmp(name, FEEDTALK_ALL) == 0 ? (1U << FEEDS) - 1 : 1;
}

static void *serve(void *context)
{
	(void)context;
	(void)loop_run(loop);
	return NULL;
}

static void on_stop(void *context, int fd, uint32_t events)
{
	(void)context;
	(void)fd;
	(void)events;
	loop_stop(loop);
}

/* Answers to a question, as names; the last error. */
static int ask(const char *name, bool anyway, char names[static 64])
{
	struct feedtalk_answer a = {.more = 1};
	struct err e = {0};
	int fd = feedtalk_ask(path, name, anyway, &e), ret = fd < 0 ? fd : 0;

	names[0] = '\0';
	while (ret == 0 && a.more) {
		ret = feedtalk_read(fd, &a, &e);
		if (ret == 0)
			strcat(strcat(names, a.name), " ");
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int connect_only(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, path);
	return fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? fd : -1;
}

/* Bytes that are no question: the controller hangs up. */
static bool is_hung_up_on(const void *bytes, size_t length)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char byte;
	bool ended;

	strcpy(at.sun_path, path);
	ended = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		send(fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length &&
		recv(fd, &byte, 1, 0) <= 0;
	close(fd);
	return ended;
}

TEST(feedtalk_answers_whoever_asks_properly)
{
	struct feedtalk_ask bad = {.magic = FEEDTALK_MAGIC, .name = "x"};
	struct err e = {0};
	pthread_t thread;
	char names[64];
	struct stat st;
	int stop[2], silent[SILENT];

	ENSURE(tap_temp_dir(directory, "feedtalk"), "a directory");
	snprintf(path, sizeof(path), "%s/talk", directory);
	EXPECT(ask("all", false, names) == -ENOENT, "nobody is there");
	ENSURE(pipe(stop) == 0 && loop_new(&loop) == 0 &&
		       loop_add_fd(loop, stop[0], 1, on_stop, NULL, NULL) == 0 &&
		       feedtalk_open(&talk, loop, path, asked, NULL, &e) == 0 &&
		       pthread_create(&thread, NULL, serve, NULL) == 0,
	       "%s", e.text);
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for root alone");
	EXPECT(ask("all", false, names) == 0 && !strcmp(names, "feed0 feed1 ") && !asked_anyway,
	       "all: %s", names);
	EXPECT(ask("feed0", true, names) == 0 && !strcmp(names, "feed0 ") && asked_anyway,
	       "one: %s", names);
	EXPECT(ask("nobody", false, names) == 0 && !strcmp(names, " "), "none: '%s'", names);
	EXPECT(ask("a name that is longer than any that there can be", false, names) == -EINVAL,
	       "a long name");
	EXPECT(is_hung_up_on(&bad, sizeof(bad) - 1), "a short question");
	bad.anyway = 2;
	EXPECT(is_hung_up_on(&bad, sizeof(bad)), "a boolean that is none");
	bad = (struct feedtalk_ask){.magic = FEEDTALK_MAGIC + 1};
	EXPECT(is_hung_up_on(&bad, sizeof(bad)), "another version");
	bad.magic = FEEDTALK_MAGIC;
	memset(bad.name, 'x', sizeof(bad.name));
	EXPECT(is_hung_up_on(&bad, sizeof(bad)), "a name without an end");
	EXPECT(ask("all", false, names) == 0, "and it goes on");
	for (unsigned i = 0; i < SILENT; i++)
		EXPECT((silent[i] = connect_only()) >= 0, "one who says nothing");
	EXPECT(ask("all", false, names) == 0, "they are in nobody's way");
	EXPECT(recv(silent[0], &st, 1, MSG_DONTWAIT) == 0, "the first of them had to go");
	for (unsigned i = 0; i < SILENT; i++)
		close(silent[i]);
	EXPECT(write(stop[1], "", 1) == 1 && pthread_join(thread, NULL) == 0, "the end");
	feedtalk_close(talk);
	loop_free(loop);
	close(stop[0]);
	close(stop[1]);
	EXPECT(access(path, F_OK) < 0 && rmdir(directory) == 0, "nothing is left");
}

TEST(feedtalk_believes_no_answer_that_is_none)
{
	struct feedtalk_answer good = {.magic = FEEDTALK_MAGIC, .state = FEED_LOADED}, out;
	struct err e = {0};
	int ends[2];

	ENSURE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "a pair");
#define SENT(change, length)                                                                       \
	({                                                                                         \
		struct feedtalk_answer a = good;                                                   \
		change;                                                                            \
		send(ends[0], &a, (length), 0) == (ssize_t)(length)                                \
			? feedtalk_read(ends[1], &out, &e)                                         \
			: -EIO;                                                                    \
	})
	EXPECT(SENT((void)a, sizeof(a)) == 0, "a good one: %s", e.text);
	EXPECT(SENT((void)a, sizeof(a) - 8) == -EBADMSG, "a short one");
	EXPECT(SENT(a.magic++, sizeof(a)) == -EBADMSG, "another version");
	EXPECT(SENT(a.more = 2, sizeof(a)) == -EBADMSG, "a boolean that is none");
	EXPECT(SENT(a.state = FEED_STATES, sizeof(a)) == -EBADMSG, "a state that is none");
	EXPECT(SENT(a.report.format = FEED_FORMATS, sizeof(a)) == -EBADMSG, "a form");
	EXPECT(SENT(a.report.note_count = FEED_NOTES_MAX + 1, sizeof(a)) == -EBADMSG, "notes");
	EXPECT(SENT(strcpy(a.why, "\x1b"), sizeof(a)) == -EBADMSG, "an escape");
	EXPECT(SENT(memset(a.name, 'x', sizeof(a.name)), sizeof(a)) == -EBADMSG, "no end");
	EXPECT(SENT((a.report.note_count = 1, strcpy(a.report.note[0].text, "\n")), sizeof(a)) ==
		       -EBADMSG,
	       "a note of two lines");
	close(ends[0]);
	EXPECT(feedtalk_read(ends[1], &out, &e) == -EPIPE, "%s", e.text);
	close(ends[1]);
}
