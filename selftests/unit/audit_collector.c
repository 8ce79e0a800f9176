/* SPDX-License-Identifier: BSD-2-Clause */
/* The collector against clients that are sockets in this process: what it takes, what it finds, and what it bears. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/collector.h"
#include "base/loop.h"
#include "tap.h"

#define STEP_MS	 2    /* between two looks at what was said */
#define LIMIT_MS 2000 /* of a test */
#define FLOOD	 (2 * 1024 * 1024)

static struct rig {
	struct loop *loop;
	struct collector *collector;
	char token[COLLECTOR_TOKEN_MAX + 1];
	unsigned tokens;
	/* What the loop runs for. */
	int fd;
	const char *wanted; /* NULL: the end of the connection */
	char said[4096];
	size_t length;
	bool is_closed, is_late;
} rig;

static void on_token(void *context, const char *token)
{
	(void)context;
	rig.tokens++;
	snprintf(rig.token, sizeof(rig.token), "%s", token);
}

static bool rig_up(void)
{
	struct audit_request request = {.send_to = "probe@own.example.com"};
	struct err e = {0};

	rig = (struct rig){.fd = -1};
	addr_parse("127.0.0.1", &request.collector, NULL);
	return loop_new(&rig.loop) == 0 &&
	       EXPECT(collector_open(&rig.collector, rig.loop, &request, on_token, NULL, &e) == 0,
		      "%s", e.text);
}

static void rig_down(void)
{
	collector_close(rig.collector);
	loop_free(rig.loop);
	if (rig.fd >= 0)
		close(rig.fd);
}

static int dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(collector_port(rig.collector))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

static void look(void *context)
{
	ssize_t length = recv(rig.fd, rig.said + rig.length, sizeof(rig.said) - 1 - rig.length,
			      MSG_DONTWAIT);

	(void)context;
	if (length > 0)
		rig.length += (size_t)length;
	else if (length == 0 || errno == ECONNRESET)
		rig.is_closed = true;
	rig.said[rig.length] = 0;
	if (rig.is_closed || (rig.wanted && strstr(rig.said, rig.wanted)))
		loop_stop(rig.loop);
}

static void give_up(void *context)
{
	(void)context;
	rig.is_late = true;
	loop_stop(rig.loop);
}

/* Runs until the wanted words came, or the connection ended. Whether it was as wanted. */
static bool hear(const char *wanted)
{
	struct loop_source *each, *last;

	rig.wanted = wanted;
	loop_add_timer(rig.loop, STEP_MS, STEP_MS, look, NULL, &each);
	loop_add_timer(rig.loop, LIMIT_MS, 0, give_up, NULL, &last);
	loop_run(rig.loop);
	loop_remove(rig.loop, each);
	loop_remove(rig.loop, last);
	return !rig.is_late && (wanted ? strstr(rig.said, wanted) != NULL : rig.is_closed);
}

static bool say(const char *text)
{
	return send(rig.fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

#define ENVELOPE "EHLO relay.example\r\nMAIL FROM:<>\r\nRCPT TO:<probe@own.example.com>\r\nDATA\r\n"

TEST(a_token_is_found_in_a_message_for_our_mailbox)
{
	ENSURE(rig_up(), "up");
	rig.fd = dial();
	say(ENVELOPE "Received: by relay.example\r\nX-Postern-Audit: " COLLECTOR_MARK
		     "zq1x023\r\n\r\nHello\r\n.\r\nQUIT\r\n");
	EXPECT(hear("221 "), "%s", rig.said);
	EXPECT(rig.tokens == 1 && strcmp(rig.token, "zq1x023") == 0, "%u: %s", rig.tokens,
	       rig.token);
	rig_down();
}

TEST(one_message_is_one_token)
{
	ENSURE(rig_up(), "up");
	rig.fd = dial();
	say(ENVELOPE COLLECTOR_MARK "one\r\n" COLLECTOR_MARK "two\r\n.\r\n");
	EXPECT(hear("thrown away"), "%s", rig.said);
	say("MAIL FROM:<>\r\nRCPT TO:<probe@own.example.com>\r\nDATA\r\nnone\r\n.\r\nQUIT\r\n");
	EXPECT(hear("221 "), "%s", rig.said);
	EXPECT(rig.tokens == 1 && strcmp(rig.token, "one") == 0, "%u: %s", rig.tokens, rig.token);
	rig_down();
}

TEST(what_it_answers)
{
	static const struct {
		const char *sentence, *said, *wanted;
	} rows[] = {
		{"another mailbox is refused: it is no relay",
		 "MAIL FROM:<a@b>\r\nRCPT TO:<other@own.example.com>\r\n", "550 5.7.1"},
		{"one whose name is longer",
		 "MAIL FROM:<a@b>\r\nRCPT TO:<probe@own.example.com.example>\r\n", "550 5.7.1"},
		{"one that hides in a percent hack",
		 "MAIL FROM:<a@b>\r\nRCPT TO:<x%y@own.example.com>\r\n", "550 5.7.1"},
		{"case does not matter", "MAIL FROM:<a@b>\r\nRCPT TO:<Probe@OWN.example.com>\r\n",
		 "250 2.1.5"},
		{"a source route does not either (RFC 5321, 4.1.1.3)",
		 "MAIL FROM:<a@b>\r\nRCPT TO:<@x:probe@own.example.com>\r\n", "250 2.1.5"},
		{"parameters are passed over",
		 "MAIL FROM:<a@b> SIZE=10\r\nRCPT TO:<probe@own.example.com> NOTIFY=NEVER\r\n",
		 "250 2.1.5"},
		{"RCPT before MAIL", "RCPT TO:<probe@own.example.com>\r\n", "503 5.5.1"},
		{"DATA before RCPT", "MAIL FROM:<a@b>\r\nDATA\r\n", "503 5.5.1"},
		{"RSET forgets", "MAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<probe@own.example.com>\r\n",
		 "503 5.5.1"},
		{"a path without brackets", "MAIL FROM:<a@b>\r\nRCPT TO:probe\r\n", "550 5.7.1"},
		{"brackets the wrong way round", "MAIL FROM:<a@b>\r\nRCPT TO:>x<\r\n", "550 5.7.1"},
		{"an unknown command", "EXPN x\r\n", "502 5.5.1"},
		{"a command by its beginning alone is none", "QUITE\r\n", "502 5.5.1"},
		{"bare LF will do", "NOOP\n", "250 2.0.0"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ENSURE(rig_up(), "up");
		rig.fd = dial();
		say(rows[i].said);
		EXPECT(hear(rows[i].wanted), "%s: %s", rows[i].sentence, rig.said);
		EXPECT(rig.tokens == 0, "%s: no token", rows[i].sentence);
		rig_down();
	}
}

TEST(what_is_no_token)
{
	static const char *const lines[] = {
		"postern-audit-token",
		"Postern-Audit-Token-abc",
		COLLECTOR_MARK "\x1b[2J",
		COLLECTOR_MARK,
		COLLECTOR_MARK "-x",
		COLLECTOR_MARK "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ENSURE(rig_up(), "up");
		rig.fd = dial();
		say(ENVELOPE);
		say(lines[i]);
		say("\r\n.\r\nQUIT\r\n");
		EXPECT(hear("221 "), "%zu: %s", i, rig.said);
		EXPECT(rig.tokens == 0, "%zu: %s", i, rig.token);
		rig_down();
	}
}

TEST(a_long_line_is_dropped_and_the_next_is_read)
{
	char line[3000];

	ENSURE(rig_up(), "up");
	rig.fd = dial();
	memset(line, 'a', sizeof(line));
	send(rig.fd, line, sizeof(line), MSG_NOSIGNAL);
	say("\r\nNOOP\r\n");
	EXPECT(hear("250 2.0.0"), "%s", rig.said);
	EXPECT(strstr(rig.said, "500 5.5.2"), "it is told: %s", rig.said);
	rig_down();
}

TEST(a_dot_at_the_end_of_a_long_line_ends_nothing)
{
	char line[1025];

	ENSURE(rig_up(), "up");
	rig.fd = dial();
	memset(line, 'a', sizeof(line));
	say(ENVELOPE);
	send(rig.fd, line, sizeof(line), MSG_NOSIGNAL);
	say(".\r\n" COLLECTOR_MARK "abc\r\n.\r\nQUIT\r\n");
	EXPECT(hear("221 "), "%s", rig.said);
	EXPECT(rig.tokens == 1 && strcmp(rig.token, "abc") == 0, "%s", rig.token);
	rig_down();
}

TEST(binary_is_borne)
{
	static const char bytes[] = "\0\0\xff\xfe\x1b[31m\r\r\n\0NOOP\r\n";

	ENSURE(rig_up(), "up");
	rig.fd = dial();
	send(rig.fd, bytes, sizeof(bytes) - 1, MSG_NOSIGNAL);
	say("NOOP\r\n");
	EXPECT(hear("250 2.0.0"), "%s", rig.said);
	rig_down();
}

TEST(whoever_floods_is_closed)
{
	static char bytes[FLOOD];
	ssize_t sent = 0;

	ENSURE(rig_up(), "up");
	rig.fd = dial();
	memset(bytes, 'a', sizeof(bytes));
	/* As much as fits each time: the loop reads in between. */
	for (size_t i = 0; i < 4096 && !rig.is_closed && !rig.is_late; i++) {
		ssize_t n = send(rig.fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += n > 0 ? n : 0;
		if (n <= 0 || sent > FLOOD)
			break;
	}
	EXPECT(hear(NULL), "closed after %zd bytes", sent);
	rig_down();
}

TEST(commands_without_end_are_closed)
{
	ENSURE(rig_up(), "up");
	rig.fd = dial();
	for (unsigned i = 0; i < 101; i++)
		say("NOOP\r\n");
	EXPECT(hear("421 "), "%s", rig.said);
	EXPECT(hear(NULL), "and closed");
	rig_down();
}

TEST(one_more_than_there_is_room_for_is_turned_away)
{
	int fd[COLLECTOR_CLIENTS];

	ENSURE(rig_up(), "up");
	for (unsigned i = 0; i < COLLECTOR_CLIENTS; i++) {
		fd[i] = rig.fd = dial();
		EXPECT(hear("220 "), "client %u is greeted: %s", i, rig.said);
		rig.length = 0;
	}
	rig.fd = dial();
	EXPECT(hear(NULL) && !rig.length, "%s", rig.said);
	close(rig.fd);
	close(fd[0]);
	rig.fd = dial();
	rig.is_closed = false;
	EXPECT(hear("220 "), "when one has gone there is room: %s", rig.said);
	for (unsigned i = 1; i < COLLECTOR_CLIENTS; i++)
		close(fd[i]);
	rig_down();
}

TEST(a_port_that_is_taken_is_said)
{
	struct audit_request request = {.send_to = "probe@own.example.com"};
	struct collector *other = NULL;
	struct err e = {0};

	ENSURE(rig_up(), "up");
	addr_parse("127.0.0.1", &request.collector, NULL);
	request.collector_port = collector_port(rig.collector);
	EXPECT(collector_open(&other, rig.loop, &request, on_token, NULL, &e) == -EADDRINUSE &&
		       !other,
	       "refused");
	EXPECT(strstr(e.text, "127.0.0.1 port"), "%s", e.text);
	rig_down();
}
