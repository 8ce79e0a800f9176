/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever a client says to the collector: it is closed in the end, and each token that is told is short and of letters and digits, and
 * came in a message for our mailbox. The bytes are sent as they are, by a real connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/collector.h"
#include "fuzz/fuzz.h"

#define BYTES_MAX 8192 /* less than a socket holds */
#define MAILBOX	  "box@own.example"
#define ROUND_MS  20 /* if nobody closed: nothing more will happen */

static struct loop *loop;
static struct collector *collector;
static struct loop_source *limit;
static const uint8_t *said;
static size_t said_size;

static void on_token(void *context, const char *token)
{
	size_t length = strlen(token);

	(void)context;
	HOLDS(length <= COLLECTOR_TOKEN_MAX);
	HOLDS(strspn(token, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
	      length);
	HOLDS(memmem(said, said_size, token, length));
	HOLDS(memmem(said, said_size, COLLECTOR_MARK, strlen(COLLECTOR_MARK)));
}

static void on_answer(void *context, int fd, uint32_t events)
{
	char bytes[BYTES_MAX];
	ssize_t n;

	(void)context;
	(void)events;
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n; i++)
			HOLDS(bytes[i] == '\r' || bytes[i] == '\n' ||
			      (bytes[i] >= ' ' && bytes[i] <= '~'));
	if (n == 0)
		loop_stop(loop);
}

static void on_limit(void *context)
{
	(void)context;
	loop_stop(loop);
}

static void open_once(void)
{
	struct audit_request request = {.send_to = MAILBOX, .collects = true};
	struct err e = {0};

	if (loop)
		return;
	HOLDS(addr_parse("127.0.0.1", &request.collector, NULL) == 0);
	HOLDS(loop_new(&loop) == 0);
	HOLDS(collector_open(&collector, loop, &request, on_token, NULL, &e) == 0);
}

static int client_connect(void)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(collector_port(collector)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct linger at_once = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	HOLDS(fd >= 0);
	/* The fuzzer's own clock may interrupt it; it is connected all the same (connect(2)). */
	while (connect(fd, (const struct sockaddr *)&to, sizeof(to)) && errno != EISCONN)
		HOLDS(errno == EINTR);
	/* No port is left waiting behind each of many runs. */
	HOLDS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loop_source *source = NULL;
	int fd;

	if (size > BYTES_MAX)
		return 0;
	open_once();
	said = data;
	said_size = size;
	fd = client_connect();
	HOLDS(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	HOLDS(shutdown(fd, SHUT_WR) == 0);
	HOLDS(loop_add_fd(loop, fd, EPOLLIN, on_answer, NULL, &source) == 0);
	HOLDS(loop_add_timer(loop, ROUND_MS, 0, on_limit, NULL, &limit) == 0);
	HOLDS(loop_run(loop) == 0);
	loop_remove(loop, limit);
	loop_remove(loop, source);
	close(fd);
	return 0;
}
