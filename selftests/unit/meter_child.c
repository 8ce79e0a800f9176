/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that hands out the page, with this program as its keeper: whoever asks is answered whether or not there is a page, and who
 * leaves before keeps nobody else from it.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/channel.h"
#include "nursery_rig.h"
#include "tap.h"

#define ANSWER_MAX 8192

struct bench {
	pid_t pid;
	int keeper; /* our end of the channel */
	struct sockaddr_in at;
};

static int listen_somewhere(struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(*at);

	*at = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	EXPECT(fd >= 0 && bind(fd, (struct sockaddr *)at, size) == 0 && listen(fd, 16) == 0 &&
		       getsockname(fd, (struct sockaddr *)at, &size) == 0,
	       "a listener");
	return fd;
}

/* The type of the next message of the child; MESSAGE_TYPES when none comes. */
static enum message_type heard(const struct bench *b)
{
	union message m;
	ssize_t n;

	wait_readable(b->keeper);
	n = recv(b->keeper, &m, sizeof(m), 0);
	return n >= (ssize_t)sizeof(m.head) ? (enum message_type)m.head.type : MESSAGE_TYPES;
}

static bool hears_nothing(const struct bench *b)
{
	struct pollfd p = {.fd = b->keeper, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

static struct bench bench_open(void)
{
	struct bench b = {0};
	struct err e = {0};
	int ends[2], listener = listen_somewhere(&b.at);

	EXPECT(channel_pair(ends, &e) == 0, "%s", e.text);
	b.pid = fork();
	if (b.pid == 0) {
		close(ends[0]);
		_exit(meter_run(ends[1], listener, "", 0));
	}
	close(ends[1]);
	close(listener);
	b.keeper = ends[0];
	EXPECT(heard(&b) == MESSAGE_READY, "it is ready");
	return b;
}

/* Its exit status. */
static int bench_close(struct bench *b)
{
	int status = -1;

	close(b->keeper);
	EXPECT(waitpid(b->pid, &status, 0) == b->pid && WIFEXITED(status), "it ends by itself");
	return WEXITSTATUS(status);
}

/* A piece of a page of so many bytes; "": there is no page. */
static void page_say(const struct bench *b, size_t total, size_t offset, const char *text)
{
	struct message_page m = {.head = message_head(MESSAGE_PAGE),
				 .total = (uint32_t)total,
				 .offset = (uint32_t)offset,
				 .length = (uint32_t)strlen(text)};

	memcpy(m.text, text, strlen(text));
	EXPECT(send(b->keeper, &m, sizeof(m), 0) == sizeof(m), "a page");
}

static int asks(const struct bench *b)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(connect(fd, (const struct sockaddr *)&b->at, sizeof(b->at)) == 0 &&
		       send(fd, request, strlen(request), 0) == (ssize_t)strlen(request),
	       "a request");
	return fd;
}

/* The whole answer begins and ends so. */
static void answered(int fd, const char *begin, const char *end)
{
	char text[ANSWER_MAX] = "";
	size_t length = 0;
	ssize_t n;

	do {
		wait_readable(fd);
		n = recv(fd, text + length, sizeof(text) - 1 - length, MSG_DONTWAIT);
		length += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	close(fd);
	EXPECT(strncmp(text, begin, strlen(begin)) == 0, "it begins otherwise: %s", text);
	EXPECT(length >= strlen(end) && !strcmp(text + length - strlen(end), end),
	       "it ends otherwise: %s", text);
}

TEST(meter_child_gives_whole_pages_to_all_who_ask)
{
	struct bench b;
	int one, other;

	SKIP_IF_SANITIZED();
	b = bench_open();
	one = asks(&b);
	EXPECT(heard(&b) == MESSAGE_SCRAPE, "the keeper is asked");
	other = asks(&b);
	page_say(&b, 8, 0, "a 1\n");
	page_say(&b, 8, 4, "b 2\n");
	answered(one, "HTTP/1.1 200 ", "\r\n\r\na 1\nb 2\n");
	answered(other, "HTTP/1.1 200 ", "\r\n\r\na 1\nb 2\n");
	EXPECT(hears_nothing(&b), "once for both");
	EXPECT(bench_close(&b) == EXIT_SUCCESS, "its end");
}

TEST(meter_child_says_at_once_that_there_is_no_page)
{
	struct bench b;
	int fd;

	SKIP_IF_SANITIZED();
	b = bench_open();
	fd = asks(&b);
	EXPECT(heard(&b) == MESSAGE_SCRAPE, "the keeper is asked");
	page_say(&b, 0, 0, "");
	answered(fd, "HTTP/1.1 503 ", "the controller has no page to give\n");
	fd = asks(&b);
	EXPECT(heard(&b) == MESSAGE_SCRAPE, "and asked again by the next");
	page_say(&b, 4, 0, "a 1\n");
	answered(fd, "HTTP/1.1 200 ", "a 1\n");
	EXPECT(bench_close(&b) == EXIT_SUCCESS, "its end");
}

TEST(meter_child_serves_others_when_who_asked_has_left)
{
	const struct linger reset = {1, 0};
	struct bench b;

	SKIP_IF_SANITIZED();
	b = bench_open();
	for (int i = 0; i < 2; i++) {
		int fd = asks(&b);

		EXPECT(heard(&b) == MESSAGE_SCRAPE, "the keeper is asked, time %d", i);
		EXPECT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "reset");
		close(fd);
		/* The reset is there before the next is connected, on loopback. */
		fd = asks(&b);
		page_say(&b, i ? 4 : 0, 0, i ? "a 1\n" : "");
		if (i)
			answered(fd, "HTTP/1.1 200 ", "a 1\n");
		else
			close(fd);
	}
	EXPECT(bench_close(&b) == EXIT_SUCCESS, "its end");
}

TEST(meter_child_ends_when_pieces_do_not_fit)
{
	static const struct {
		const char *sentence;
		size_t total, offset;
	} rows[] = {
		{"a hole", 12, 8},
		{"another page's", 16, 4},
		{"behind its end", 4, 0},
	};

	SKIP_IF_SANITIZED();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bench b = bench_open();
		int fd = asks(&b);

		EXPECT(heard(&b) == MESSAGE_SCRAPE, "the keeper is asked");
		page_say(&b, i == 2 ? 4 : 12, 0, "a 1\n");
		page_say(&b, rows[i].total, rows[i].offset, "b 2\n");
		EXPECT(is_dead_soon(b.pid) && bench_close(&b) == EXIT_FAILURE, "%s",
		       rows[i].sentence);
		close(fd);
	}
}
