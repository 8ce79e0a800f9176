/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The follower's process as the keeper has it, without privileges: deliveries are told once each, with a place behind them; what comes again is
 * not told again; and it waits when nobody listens.
 */
#include "daemon/following_child.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "base/when.h"
#include "daemon/following_place.h"
#include "nursery_rig.h"
#include "tap.h"

#define STAMP	    "2026-11-22T10:00:00.000000+00:00 mx "
#define MANY	    20000 /* messages: more than pipe and channel hold */
#define STILL_LOOKS 20
#define LOOK_US	    5000
#define LINE_BYTES  1024

struct scene {
	struct nursery *nursery;
	int keeper, log; /* our ends of the channel and of the pipe */
	pid_t pid;
	char told[4096];
	struct message_followed place;
	unsigned deliveries;
};

static bool scene_begin(struct scene *s, const struct follower_settings *settings)
{
	int ends[2];
	struct err e = {0};

	memset(s, 0, sizeof(*s));
	if (!EXPECT(pipe2(ends, O_CLOEXEC) == 0, "no pipe") ||
	    !EXPECT(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "no pipe") ||
	    !EXPECT(nursery_open(&s->nursery, &e) == 0, "%s", e.text))
		return false;
	s->pid = nursery_spawn(s->nursery, CHILD_FOLLOWER, settings, sizeof(*settings), ends[0],
			       &s->keeper, &e);
	close(ends[0]);
	s->log = ends[1];
	return EXPECT(s->pid > 0, "%s", e.text);
}

static void scene_end(struct scene *s)
{
	close(s->keeper);
	close(s->log);
	EXPECT(is_dead_soon(s->pid), "it outlived its keeper");
	nursery_close(s->nursery);
}

static void say(struct scene *s, const char *text)
{
	EXPECT(write(s->log, text, strlen(text)) == (ssize_t)strlen(text), "the pipe is full");
}

/* A message of three lines that Postfix took. */
static void say_message(struct scene *s, const char *id, const char *addr, unsigned recipients)
{
	char text[LINE_BYTES];

	snprintf(text, sizeof(text),
		 STAMP
		 "postfix/smtpd[100]: %s: client=mx.example[%s]\n" STAMP
		 "postfix/cleanup[101]: %s: message-id=<1@example>\n" STAMP
		 "postfix/qmgr[102]: %s: from=<a@example>, size=300, nrcpt=%u (queue active)\n",
		 id, addr, id, id, recipients);
	say(s, text);
}

/* Until it has told up to this byte of the log. */
static const char *hear(struct scene *s, uint64_t bytes)
{
	const union message *m;
	union message raw;
	struct err e = {0};
	char text[ADDR_TEXT_MAX];
	size_t length;
	ssize_t n;

	s->told[0] = '\0';
	while (s->place.bytes < bytes) {
		wait_readable(s->keeper);
		n = recv(s->keeper, &raw, sizeof(raw), 0);
		m = n > 0 ? message_check(&raw, (size_t)n, ~0U, &e) : NULL;
		if (!EXPECT(m, "it says nothing: %zd %s", n, e.text))
			break;
		length = strlen(s->told);
		if (m->head.type == MESSAGE_FOLLOWED)
			s->place = m->followed;
		if (m->head.type != MESSAGE_DELIVERY)
			continue;
		s->deliveries++;
		snprintf(s->told + length, sizeof(s->told) - length, "%s %s %u\n",
			 addr_format(&m->delivery.addr, text), m->delivery.host,
			 m->delivery.recipients);
	}
	return s->told;
}

static struct follower_settings settings_of(enum follower_source source)
{
	return (struct follower_settings){.now_wall_s = 1795341600, .source = source};
}

TEST(each_message_is_told_and_then_the_place_behind_it)
{
	struct follower_settings settings = settings_of(FOLLOWER_FILE);
	const char *half = STAMP "postfix/smtpd[100]: 4F00A9: client=half.exam";
	struct scene s;
	uint64_t whole;

	ENSURE(scene_begin(&s, &settings), "cannot begin");
	say_message(&s, "4F00A1", "192.0.2.1", 1);
	say_message(&s, "4F00A2", "2001:db8::1", 20);
	say(&s, half);
	EXPECT(!strcmp(hear(&s, 1), "192.0.2.1 mx.example 1\n2001:db8::1 mx.example 20\n"),
	       "told '%s'", s.told);
	whole = s.place.bytes;
	EXPECT(s.place.lines == 6, "%" PRIu64 " lines", s.place.lines);
	/* The place is the start of the half line, and goes on behind its end. */
	say(&s, "ple[192.0.2.9]\n");
	(void)hear(&s, whole + 1);
	EXPECT(s.place.bytes == whole + strlen(half) + strlen("ple[192.0.2.9]\n"),
	       "the place is off");
	scene_end(&s);
}

/* Anybody with an account can write it (logger(1)): it must not keep what follows from being read. */
TEST(a_line_that_says_too_much_is_held_to_what_can_be)
{
	struct follower_settings settings = settings_of(FOLLOWER_FILE);
	struct scene s;

	ENSURE(scene_begin(&s, &settings), "cannot begin");
	say_message(&s, "4F00A1", "192.0.2.1", UINT32_MAX);
	say_message(&s, "4F00A2", "192.0.2.2", 3);
	EXPECT(!strcmp(hear(&s, 1), "192.0.2.1 mx.example 10000000\n192.0.2.2 mx.example 3\n"),
	       "told '%s'", s.told);
	scene_end(&s);
}

TEST(what_comes_again_is_known_but_not_told)
{
	struct follower_settings settings = settings_of(FOLLOWER_FILE);
	const char *client = STAMP "postfix/smtpd[100]: 4F00B2: client=mx.example[192.0.2.2]\n";
	struct scene s;

	/* One message whole, and the first line of the next: the rest is new. */
	ENSURE(scene_begin(&s, &settings), "cannot begin");
	say_message(&s, "4F00B1", "192.0.2.1", 1);
	(void)hear(&s, 1);
	settings.again_bytes = s.place.bytes + strlen(client);
	scene_end(&s);
	ENSURE(scene_begin(&s, &settings), "cannot begin again");
	say_message(&s, "4F00B1", "192.0.2.1", 1);
	say(&s, client);
	say(&s, STAMP
	    "postfix/qmgr[102]: 4F00B2: from=<a@example>, size=300, nrcpt=3 (queue active)\n");
	EXPECT(!strcmp(hear(&s, settings.again_bytes + 1), "192.0.2.2 mx.example 3\n"), "told '%s'",
	       s.told);
	scene_end(&s);
}

#define JOURNAL(us, text) "1795341600." us " mx postfix/" text "\n"

TEST(the_journal_goes_on_behind_the_line_that_was_the_last)
{
	static const char before[] = JOURNAL("000001",
					     "smtpd[1]: 4F00C1: client=mx.example[192.0.2.1]")
		JOURNAL("000002",
			"qmgr[2]: 4F00C1: from=<a@example>, size=1, nrcpt=1 (queue active)");
	/* At the same microsecond, and one whose clock was behind. */
	static const char behind[] = JOURNAL("000002",
					     "smtpd[1]: 4F00C2: client=mx.example[192.0.2.2]")
		JOURNAL("000001",
			"qmgr[2]: 4F00C2: from=<a@example>, size=1, nrcpt=2 (queue active)");
	struct follower_settings settings = settings_of(FOLLOWER_JOURNAL);
	struct scene s;

	ENSURE(scene_begin(&s, &settings), "cannot begin");
	say(&s, before);
	EXPECT(!strcmp(hear(&s, 1), "192.0.2.1 mx.example 1\n"), "told '%s'", s.told);
	settings.again_stamp_us = s.place.stamp_us;
	settings.again_sum = s.place.sum;
	EXPECT(s.place.stamp_us == 1795341600000002, "%" PRIu64, s.place.stamp_us);
	scene_end(&s);
	ENSURE(scene_begin(&s, &settings), "cannot begin again");
	say(&s, before);
	say(&s, behind);
	EXPECT(!strcmp(hear(&s, strlen(before) + strlen(behind)), "192.0.2.2 mx.example 2\n"),
	       "told '%s'", s.told);
	EXPECT(!s.place.is_lost, "something is missing");
	scene_end(&s);
	/* The line is gone from the journal: what is later is new, and what is missing is told once. */
	ENSURE(scene_begin(&s, &settings), "cannot begin again");
	say(&s, "1795341602.000000 mx postfix/smtpd[1]: 4F00C3: client=mx.example[192.0.2.3]\n");
	say(&s, "1795341602.000000 mx postfix/qmgr[2]: 4F00C3: from=<a@example>, size=1, nrcpt=1 "
		"(queue active)\n");
	EXPECT(!strcmp(hear(&s, 1), "192.0.2.3 mx.example 1\n"), "told '%s'", s.told);
	EXPECT(s.place.is_lost, "nothing is missing");
	say(&s, "1795341603.000000 mx postfix/smtpd[1]: 4F00C4: client=mx.example[192.0.2.3]\n");
	(void)hear(&s, s.place.bytes + 1);
	EXPECT(!s.place.is_lost, "it is missing again");
	scene_end(&s);
}

TEST(foreign_bytes_are_no_lines_and_end_nothing)
{
	struct follower_settings settings = settings_of(FOLLOWER_FILE);
	static char longest[3 * 8192];
	struct scene s;

	ENSURE(scene_begin(&s, &settings), "cannot begin");
	memset(longest, 'x', sizeof(longest) - 2);
	longest[sizeof(longest) - 2] = '\n';
	say(&s, longest);
	EXPECT(write(s.log, "\0\0\xff\n\n", 5) == 5, "write");
	say_message(&s, "4F00D1", "192.0.2.1", 1);
	EXPECT(!strcmp(hear(&s, strlen(longest) + 6), "192.0.2.1 mx.example 1\n"), "told '%s'",
	       s.told);
	scene_end(&s);
}

/* Until nothing goes in any more: the follower has stopped reading. */
static void pipe_fills(struct scene *s)
{
	struct pollfd room = {.fd = s->log, .events = POLLOUT};
	int looks = 0;

	for (int i = 0; i < PATIENCE_MS * 1000 / LOOK_US && looks < STILL_LOOKS; i++) {
		looks = poll(&room, 1, 0) == 0 ? looks + 1 : 0;
		usleep(LOOK_US);
	}
	EXPECT(looks == STILL_LOOKS, "it reads on while nobody listens");
}

TEST(nothing_is_lost_when_nobody_listens_for_a_while)
{
	struct follower_settings settings = settings_of(FOLLOWER_FILE);
	struct scene s;
	unsigned said = 0;
	char id[16];
	pid_t writer;

	ENSURE(scene_begin(&s, &settings), "cannot begin");
	writer = fork();
	if (writer == 0) {
		close(s.keeper);
		for (said = 0; said < MANY; said++) {
			snprintf(id, sizeof(id), "4F%04X", said);
			say_message(&s, id, "192.0.2.1", 1);
		}
		_exit(0);
	}
	pipe_fills(&s);
	while (s.deliveries < MANY && s.place.bytes < UINT64_MAX) {
		uint64_t before = s.place.bytes;

		(void)hear(&s, before + 1);
		if (!EXPECT(s.place.bytes > before, "it stopped at %u of %d", s.deliveries, MANY))
			break;
	}
	EXPECT(s.deliveries == MANY, "%u of %d", s.deliveries, MANY);
	(void)is_dead_soon(writer);
	scene_end(&s);
}
