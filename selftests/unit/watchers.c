/* SPDX-License-Identifier: BSD-2-Clause */
/* Those who watch get every line whole; those who are slow, too many or gone trouble nobody. */
#include "daemon/watchers.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"

#define TURN_MS 10000 /* a loop that waits for longer than this hangs */

struct scene {
	struct loop *loop;
	struct watchers *watchers;
	char path[64];
	unsigned want; /* so many watch */
	int hears;     /* or this one has something to read; 0: nobody */
};

static void scene_timeout(void *context)
{
	struct scene *s = context;

	loop_stop(s->loop);
}

static bool scene_open(struct scene *s)
{
	struct err e = {0};

	snprintf(s->path, sizeof(s->path), "/tmp/unit-watchers-%d", (int)getpid());
	return EXPECT(loop_new(&s->loop) == 0, "a loop") &&
	       EXPECT(watchers_open(&s->watchers, s->loop, s->path, &e) == 0, "open: %s", e.text);
}

static void scene_close(struct scene *s)
{
	watchers_close(s->watchers);
	EXPECT(access(s->path, F_OK) != 0, "the socket is gone");
	loop_free(s->loop);
}

static int scene_connect(const struct scene *s)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, s->path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void scene_check(void *context)
{
	struct scene *s = context;

	struct pollfd p = {.fd = s->hears, .events = POLLIN};

	if (s->hears ? poll(&p, 1, 0) == 1 : watchers_count(s->watchers) == s->want)
		loop_stop(s->loop);
}

/* Turn the loop until that many watch. */
static bool scene_turn(struct scene *s, unsigned want)
{
	struct loop_source *check = NULL, *timeout = NULL;

	s->want = want;
	if (loop_add_timer(s->loop, 1, 1, scene_check, s, &check) ||
	    loop_add_timer(s->loop, TURN_MS, 0, scene_timeout, s, &timeout))
		return false;
	loop_run(s->loop);
	loop_remove(s->loop, check);
	loop_remove(s->loop, timeout);
	return watchers_count(s->watchers) == want;
}

TEST(each_watcher_gets_the_lines_and_the_socket_is_private)
{
	struct scene s = {0};
	struct stat st;
	char text[64] = "";
	int a, b;

	ENSURE(scene_open(&s), "the scene");
	EXPECT(stat(s.path, &st) == 0 && (st.st_mode & 0777) == 0600, "mode %o",
	       (unsigned)st.st_mode & 0777);
	a = scene_connect(&s);
	b = scene_connect(&s);
	EXPECT(scene_turn(&s, 2), "two watch, not %u", watchers_count(s.watchers));
	EXPECT(watchers_send(s.watchers, "{\"a\":1}\n", 8) == 0, "nobody is dropped");
	EXPECT(read(a, text, sizeof(text)) == 8 && memcmp(text, "{\"a\":1}\n", 8) == 0, "one");
	EXPECT(read(b, text, sizeof(text)) == 8 && memcmp(text, "{\"a\":1}\n", 8) == 0, "other");
	close(a);
	EXPECT(scene_turn(&s, 1), "one who left is noticed without a line being sent");
	EXPECT(write(b, "hello\n", 6) == 6, "what a watcher says");
	EXPECT(watchers_send(s.watchers, "x\n", 2) == 0 && read(b, text, sizeof(text)) == 2,
	       "is not read, and harms nothing");
	close(b);
	scene_close(&s);
}

TEST(the_ninth_watcher_is_told_and_sent_away)
{
	struct scene s = {0};
	char text[128] = "";
	int fds[WATCHERS_MAX], extra;

	ENSURE(scene_open(&s), "the scene");
	for (unsigned i = 0; i < WATCHERS_MAX; i++)
		fds[i] = scene_connect(&s);
	EXPECT(scene_turn(&s, WATCHERS_MAX), "eight watch");
	extra = scene_connect(&s);
	s.hears = extra;
	scene_turn(&s, 0);
	EXPECT(watchers_count(s.watchers) == WATCHERS_MAX, "still eight");
	EXPECT(read(extra, text, sizeof(text) - 1) > 0 && strstr(text, "error"), "told: %s", text);
	EXPECT(read(extra, text, sizeof(text)) == 0, "and the stream ends");
	close(extra);
	for (unsigned i = 0; i < WATCHERS_MAX; i++)
		close(fds[i]);
	scene_close(&s);
}

TEST(a_watcher_that_does_not_read_is_dropped_and_the_other_is_not)
{
	enum { LINE = 200, LINES_MAX = 100000 };
	struct scene s = {0};
	char line[LINE], sink[LINE * 64];
	unsigned dropped = 0, lines = 0;
	int slow, quick;

	memset(line, 'x', sizeof(line));
	line[LINE - 1] = '\n';
	ENSURE(scene_open(&s), "the scene");
	slow = scene_connect(&s);
	quick = scene_connect(&s);
	EXPECT(scene_turn(&s, 2), "two watch");
	for (; !dropped && lines < LINES_MAX; lines++) {
		dropped = watchers_send(s.watchers, line, sizeof(line));
		if (recv(quick, sink, sizeof(sink), MSG_DONTWAIT) < 0)
			break;
	}
	EXPECT(dropped == 1, "one was dropped, not %u", dropped);
	EXPECT(lines > 500, "but not before some seconds' worth: %u lines", lines);
	EXPECT(watchers_count(s.watchers) == 1, "the other stays");
	close(slow);
	close(quick);
	scene_close(&s);
}

TEST(half_a_batch_is_never_left_standing)
{
	enum { BATCH = 8 * 1024 * 1024 }; /* more than any buffer takes */
	static char batch[BATCH];
	struct scene s = {0};
	int fd;

	memset(batch, '\n', BATCH);
	ENSURE(scene_open(&s), "the scene");
	fd = scene_connect(&s);
	EXPECT(scene_turn(&s, 1), "one watches");
	EXPECT(watchers_send(s.watchers, batch, BATCH) == 1, "dropped, with a part on its way");
	EXPECT(watchers_count(s.watchers) == 0, "nobody is left");
	close(fd);
	scene_close(&s);
}

TEST(a_socket_left_by_a_dead_controller_is_no_obstacle)
{
	struct scene s = {0};
	struct err e = {0};
	struct watchers *again = NULL;

	ENSURE(scene_open(&s), "the scene");
	EXPECT(watchers_open(&again, s.loop, s.path, &e) == 0, "over the old one: %s", e.text);
	watchers_close(again);
	ENSURE(access(s.path, F_OK) != 0, "gone");
	scene_close(&s);
}

TEST(a_path_too_long_for_a_socket_is_an_error)
{
	char path[300];
	struct watchers *w = NULL;
	struct loop *loop = NULL;
	struct err e = {0};

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ENSURE(loop_new(&loop) == 0, "a loop");
	EXPECT(watchers_open(&w, loop, path, &e) == -ENAMETOOLONG, "%s", e.text);
	loop_free(loop);
}
