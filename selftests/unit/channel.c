/* SPDX-License-Identifier: BSD-2-Clause */
/* Channels: what comes through whole, what ends one, who waits for whom, and that a callback may close it. */
#include "base/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

#define PATIENCE_MS 10000 /* a guard against hanging: nothing here takes a second */
#define MOST	    100

struct world {
	struct loop *loop;
	struct channel *c;
	int other; /* the other end, by hand */
	unsigned messages, ends, rooms, ticks;
	unsigned stop_after; /* messages; 0: never */
	bool close_in_message, close_in_end, close_in_room, pause_in_message, impatient;
	size_t length;
	unsigned char last[MOST];
};

static void give_up(void *context)
{
	struct world *w = context;

	w->impatient = true;
	loop_stop(w->loop);
}

static void shut(struct world *w)
{
	channel_close(w->c);
	w->c = NULL;
}

static void take(void *context, const void *message, size_t length)
{
	struct world *w = context;

	w->messages++;
	w->length = length;
	memcpy(w->last, message, length);
	if (w->pause_in_message)
		channel_pause(w->c, true);
	if (w->close_in_message)
		shut(w);
	if (w->stop_after && w->messages >= w->stop_after)
		loop_stop(w->loop);
}

static void end(void *context)
{
	struct world *w = context;

	w->ends++;
	if (w->close_in_end)
		shut(w);
	loop_stop(w->loop);
}

static void room(void *context)
{
	struct world *w = context;

	w->rooms++;
	if (w->close_in_room)
		shut(w);
	loop_stop(w->loop);
}

static bool world_open(struct world *w)
{
	struct err e = {0};
	int ends[2];

	memset(w, 0, sizeof(*w));
	if (!EXPECT(loop_new(&w->loop) == 0, "loop_new") ||
	    !EXPECT(channel_pair(ends, &e) == 0, "%s", e.text))
		return false;
	w->other = ends[1];
	return EXPECT(channel_open(&w->c, w->loop, ends[0], MOST, take, end, w, &e) == 0, "%s",
		      e.text) &&
	       EXPECT(loop_add_timer(w->loop, PATIENCE_MS, 0, give_up, w, NULL) == 0, "a timer");
}

static void world_close(struct world *w)
{
	EXPECT(!w->impatient, "waited in vain");
	channel_close(w->c);
	loop_free(w->loop);
	if (w->other >= 0)
		close(w->other);
}

static bool say(struct world *w, size_t length)
{
	static const unsigned char bytes[2 * MOST] = {1, 2, 3};

	return EXPECT(send(w->other, bytes, length, MSG_NOSIGNAL) == (ssize_t)length, "send: %s",
		      strerror(errno));
}

static void hang_up(struct world *w)
{
	close(w->other);
	w->other = -1;
}

TEST(a_message_arrives_whole)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	w.stop_after = 2;
	say(&w, 3);
	say(&w, MOST);
	EXPECT(loop_run(w.loop) == 0, "run");
	EXPECT(w.messages == 2 && w.length == MOST && w.last[2] == 3,
	       "%u messages, the last of %zu", w.messages, w.length);
	EXPECT(channel_send(w.c, "abc", 3) == 0, "send");
	EXPECT(recv(w.other, w.last, sizeof(w.last), 0) == 3 && w.last[2] == 'c', "and back");
	world_close(&w);
}

TEST(the_ends_are_not_inherited_and_never_block)
{
	int ends[2];

	ENSURE(channel_pair(ends, NULL) == 0, "pair");
	for (int i = 0; i < 2; i++) {
		EXPECT(fcntl(ends[i], F_GETFD) & FD_CLOEXEC, "close-on-exec");
		EXPECT(fcntl(ends[i], F_GETFL) & O_NONBLOCK, "non-blocking");
		close(ends[i]);
	}
}

TEST(what_was_sent_before_the_end_comes_before_it)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	/* One more that the other side never read: closing then is an error for us, in front of the messages. */
	EXPECT(channel_send(w.c, "unread", 6) == 0, "send");
	say(&w, 4);
	say(&w, 5);
	hang_up(&w);
	EXPECT(loop_run(w.loop) == 0, "run");
	EXPECT(w.messages == 2 && w.ends == 1, "%u messages, %u ends", w.messages, w.ends);
	EXPECT(channel_send(w.c, "x", 1) == -EPIPE, "nobody is there");
	world_close(&w);
}

TEST(a_message_that_is_too_long_ends_it)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	say(&w, MOST + 1);
	say(&w, 1);
	EXPECT(loop_run(w.loop) == 0, "run");
	EXPECT(w.messages == 0 && w.ends == 1, "%u messages, %u ends", w.messages, w.ends);
	EXPECT(channel_send(w.c, "x", 1) == -EPIPE, "nothing is said to it any more");
	world_close(&w);
}

TEST(descriptors_that_come_along_are_not_taken_and_end_it)
{
	struct world w;
	char byte = 1;
	struct iovec from = {.iov_base = &byte, .iov_len = 1};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr head = {.msg_iov = &from,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&head);
	int before, after;

	ENSURE(world_open(&w), "open");
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &w.other, sizeof(int));
	before = dup(0);
	close(before);
	EXPECT(sendmsg(w.other, &head, 0) == 1, "sendmsg");
	EXPECT(loop_run(w.loop) == 0, "run");
	after = dup(0);
	close(after);
	EXPECT(w.messages == 0 && w.ends == 1 && before == after, "%u messages, %u ends, %d %d",
	       w.messages, w.ends, before, after);
	world_close(&w);
}

TEST(there_is_room_for_thousands_then_none_then_room_again)
{
	struct world w;
	unsigned sent = 0;
	int ret;

	ENSURE(world_open(&w), "open");
	while ((ret = channel_send(w.c, w.last, 40)) == 0)
		sent++;
	EXPECT(ret == -EAGAIN && (sent >= 4000 || geteuid() != 0), "%d after %u", ret, sent);
	channel_on_room(w.c, room, &w);
	for (unsigned i = 0; i < sent; i++)
		EXPECT(recv(w.other, w.last, sizeof(w.last), MSG_DONTWAIT) == 40, "message %u", i);
	EXPECT(recv(w.other, w.last, sizeof(w.last), MSG_DONTWAIT) < 0, "nothing more was sent");
	EXPECT(loop_run(w.loop) == 0 && w.rooms == 1, "%u calls", w.rooms);
	EXPECT(channel_send(w.c, w.last, 40) == 0, "and now it can be sent");
	/* Once: the descriptor is writable all the time, and nobody is told again. */
	w.stop_after = 1;
	say(&w, 1);
	EXPECT(loop_run(w.loop) == 0 && w.rooms == 1, "%u calls", w.rooms);
	world_close(&w);
}

static void tick(void *context)
{
	struct world *w = context;

	w->ticks++;
	loop_stop(w->loop);
}

TEST(what_comes_while_it_is_paused_waits)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	channel_pause(w.c, true);
	for (int i = 0; i < 3; i++)
		say(&w, 1);
	EXPECT(loop_add_timer(w.loop, 1, 0, tick, &w, NULL) == 0, "timer");
	EXPECT(loop_run(w.loop) == 0 && w.ticks == 1 && w.messages == 0, "%u messages", w.messages);
	w.pause_in_message = true;
	w.stop_after = 1;
	channel_pause(w.c, false);
	EXPECT(loop_run(w.loop) == 0 && w.messages == 1, "one, then paused: %u", w.messages);
	w.pause_in_message = false;
	w.stop_after = 3;
	channel_pause(w.c, false);
	EXPECT(loop_run(w.loop) == 0 && w.messages == 3, "the rest: %u", w.messages);
	world_close(&w);
}

TEST(the_end_is_seen_while_it_is_paused)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	channel_pause(w.c, true);
	say(&w, 1);
	hang_up(&w);
	EXPECT(loop_run(w.loop) == 0 && w.ends == 1 && !w.impatient, "%u ends", w.ends);
	world_close(&w);
}

TEST(one_that_talks_without_end_leaves_others_their_turn)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	for (int i = 0; i < 1000; i++)
		say(&w, 1);
	EXPECT(loop_add_timer(w.loop, 0, 0, tick, &w, NULL) == 0, "timer");
	EXPECT(loop_run(w.loop) == 0 && w.ticks == 1 && w.messages < 1000, "%u messages first",
	       w.messages);
	w.stop_after = 1000;
	EXPECT(loop_run(w.loop) == 0 && w.messages == 1000, "%u messages", w.messages);
	world_close(&w);
}

TEST(it_may_be_closed_in_each_of_its_callbacks)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	w.close_in_message = true;
	w.stop_after = 1;
	say(&w, 1);
	say(&w, 1);
	EXPECT(loop_run(w.loop) == 0 && w.messages == 1 && w.ends == 0, "in a message");
	world_close(&w);

	ENSURE(world_open(&w), "open");
	w.close_in_end = true;
	hang_up(&w);
	EXPECT(loop_run(w.loop) == 0 && w.ends == 1, "at the end");
	world_close(&w);

	ENSURE(world_open(&w), "open");
	w.close_in_room = true;
	channel_on_room(w.c, room, &w);
	say(&w, 1);
	EXPECT(loop_run(w.loop) == 0 && w.rooms == 1 && w.messages == 0, "when there is room");
	world_close(&w);
}

TEST(a_message_of_no_bytes_is_never_sent)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(channel_send(w.c, "", 0) == -EINVAL, "it would look like the end");
	world_close(&w);
}
