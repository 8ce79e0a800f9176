/* SPDX-License-Identifier: BSD-2-Clause */
/* One client and its time, by a clock that the test moves: nobody waits for a minute here. */
#include "reply/client.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

#define BORN_MS	 1000000
#define GREETING "220 mx.example ESMTP\r\n"
#define TOO_SLOW "421 4.4.2 Error: timeout exceeded\r\n"
#define OK	 "250 2.0.0 Ok\r\n"

static const struct reply_settings settings = {.name = "mx.example", .connections = 1};
static const struct reply_because listed = {.kind = REPLY_LISTED};

struct scene {
	struct client_host host;
	struct client c;
	int peer;
	unsigned refused;
};

static void on_refused(void *context, struct client *c)
{
	struct scene *s = context;

	(void)c;
	s->refused++;
}

static bool scene_open(struct scene *s, const struct reply_settings *with)
{
	struct addr a = {{[10] = 0xff, 0xff, 192, 0, 2, 1}};
	int fd[2];

	memset(s, 0, sizeof(*s));
	if (!EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0, "sockets"))
		return false;
	s->peer = fd[1];
	s->host = (struct client_host){.refused = on_refused, .context = s};
	s->c = (struct client){
		.host = &s->host, .fd = fd[0], .born_ms = BORN_MS, .active_ms = BORN_MS};
	talk_open(&s->c.talk, with, false, &a, 4711);
	return true;
}

static void scene_close(struct scene *s)
{
	close(s->c.fd);
	close(s->peer);
}

/* What the client hears next; "" nothing. */
static const char *heard(struct scene *s)
{
	static char text[4096];
	ssize_t n = recv(s->peer, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void say(struct scene *s, const char *text)
{
	(void)!send(s->peer, text, strlen(text), MSG_NOSIGNAL);
}

TEST(who_says_nothing_is_sent_away)
{
	struct scene s;

	ENSURE(scene_open(&s, &settings), "the scene");
	EXPECT(client_go_on(&s.c, BORN_MS) && s.c.wait_for == EPOLLIN, "it listens");
	EXPECT(strcmp(heard(&s), GREETING) == 0, "the greeting");
	client_tell(&s.c, &listed, BORN_MS);
	EXPECT(client_tick(&s.c, BORN_MS + CLIENT_IDLE_MS - 1) && !*heard(&s), "not yet");
	EXPECT(client_tick(&s.c, BORN_MS + CLIENT_IDLE_MS), "now, and it waits for the close");
	EXPECT(strcmp(heard(&s), TOO_SLOW) == 0 && s.c.phase == CLIENT_LINGER, "it is told");
	EXPECT(client_tick(&s.c, BORN_MS + CLIENT_IDLE_MS + CLIENT_LINGER_MS - 1), "a little");
	EXPECT(!client_tick(&s.c, BORN_MS + CLIENT_IDLE_MS + CLIENT_LINGER_MS), "no longer");
	scene_close(&s);
}

TEST(a_command_that_comes_byte_by_byte_does_not_count_as_coming)
{
	struct scene s;
	uint64_t now = BORN_MS;

	ENSURE(scene_open(&s, &settings), "the scene");
	client_tell(&s.c, &listed, BORN_MS);
	for (; now < BORN_MS + CLIENT_IDLE_MS; now += 1000) {
		say(&s, "x");
		EXPECT(client_go_on(&s.c, now) && client_tick(&s.c, now), "it waits");
	}
	EXPECT(client_tick(&s.c, now) && strstr(heard(&s), TOO_SLOW), "until its time is up");
	scene_close(&s);
}

TEST(commands_buy_time_but_no_more_than_a_minute)
{
	struct scene s;
	uint64_t now = BORN_MS;

	ENSURE(scene_open(&s, &settings), "the scene");
	client_go_on(&s.c, now);
	heard(&s);
	client_tell(&s.c, &listed, BORN_MS);
	for (; now < BORN_MS + CLIENT_LIFETIME_MS; now += CLIENT_IDLE_MS / 2) {
		say(&s, "NOOP\r\n");
		EXPECT(client_go_on(&s.c, now) && client_tick(&s.c, now), "it goes on");
		EXPECT(strcmp(heard(&s), OK) == 0, "with answers");
	}
	EXPECT(client_tick(&s.c, now) && strcmp(heard(&s), TOO_SLOW) == 0, "a minute is enough");
	scene_close(&s);
}

TEST(a_reason_that_does_not_come_is_none)
{
	struct reply_settings at_greeting = settings;
	struct scene s;

	ENSURE(scene_open(&s, &settings), "the scene");
	say(&s, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	EXPECT(client_go_on(&s.c, BORN_MS) && !s.c.wait_for, "it waits for the reason alone");
	heard(&s);
	EXPECT(client_tick(&s.c, BORN_MS + CLIENT_WHY_MS - 1) && !*heard(&s), "not yet");
	EXPECT(client_tick(&s.c, BORN_MS + CLIENT_WHY_MS) &&
		       strcmp(heard(&s), "421 4.3.2 Try again\r\n") == 0,
	       "then it may come again");
	EXPECT(!s.refused, "and was not refused");
	scene_close(&s);

	at_greeting.at_greeting = true;
	ENSURE(scene_open(&s, &at_greeting), "the scene");
	EXPECT(client_go_on(&s.c, BORN_MS) && !*heard(&s), "nothing is said yet");
	EXPECT(client_tick(&s.c, BORN_MS + CLIENT_WHY_MS) &&
		       strcmp(heard(&s), "421 4.3.2 Try again\r\n") == 0,
	       "in the greeting too");
	scene_close(&s);
}

TEST(who_does_not_read_is_dropped_without_a_word)
{
	struct scene s;
	ssize_t n;

	ENSURE(scene_open(&s, &settings), "the scene");
	client_tell(&s.c, &listed, BORN_MS);
	do {
		s.c.talk.commands = 0;
		s.c.input = 0;
		n = send(s.peer, "NOOP\r\n", 6, MSG_DONTWAIT | MSG_NOSIGNAL);
		EXPECT(client_go_on(&s.c, BORN_MS), "it goes on");
	} while (n == 6);
	EXPECT(s.c.wait_for == EPOLLOUT && s.c.talk.out_length <= TALK_OUT_MAX, "it waits");
	EXPECT(!client_tick(&s.c, BORN_MS + CLIENT_IDLE_MS), "and is gone");
	scene_close(&s);
}

TEST(what_comes_after_the_last_word_is_drained_and_bounded)
{
	static char junk[4096];
	struct scene s;
	size_t sent = 0;
	bool goes_on = true;

	ENSURE(scene_open(&s, &settings), "the scene");
	say(&s, "QUIT\r\n");
	EXPECT(client_go_on(&s.c, BORN_MS) && s.c.phase == CLIENT_LINGER, "it lingers");
	while (goes_on && sent < 1024 * 1024) {
		sent += (size_t)send(s.peer, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL);
		goes_on = client_go_on(&s.c, BORN_MS);
	}
	EXPECT(!goes_on && sent <= 2 * CLIENT_INPUT_MAX + sizeof(junk), "%zu bytes", sent);
	scene_close(&s);
}
