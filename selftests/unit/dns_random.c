/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers of questions: who can guess them can answer in the server's place. Processes that ask from inside an empty root, where
 * /dev/urandom is not to be had, must not all begin with the same ones.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/drop.h"
#include "dns/resolver.h"
#include "tap.h"

#define PROCESSES    4 /* all the same by chance: once in 2^48 */
#define TIMEOUT_MS   500
#define WAIT_SECONDS 5

static void answered(void *context, const struct answer *answer, unsigned latency_ms)
{
	(void)answer;
	(void)latency_ms;
	loop_stop(context);
}

static int ask_from_inside(uint16_t port)
{
	struct resolver_server server = {
		.addr = addr_from_v4((struct in_addr){htonl(INADDR_LOOPBACK)}), .port = port};
	struct resolver *r;
	struct loop *loop;

	return drop_identity(NULL) < 0 || loop_new(&loop) < 0 ||
	       resolver_open(&r, loop, &server, 1, TIMEOUT_MS, NULL) < 0 ||
	       resolver_ask(r, "a.test", RECORD_A, answered, loop, NULL) < 0 || loop_run(loop) < 0;
}

TEST(processes_in_an_empty_root_number_their_questions_differently)
{
	const struct timeval patience = {.tv_sec = WAIT_SECONDS};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), status;
	uint16_t number[PROCESSES] = {0};
	unsigned same = 0;
	char message[512];

	if (geteuid() != 0)
		SKIP("root, to have an empty root");
	ENSURE(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		       getsockname(fd, (struct sockaddr *)&at, &size) == 0 &&
		       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0,
	       "a server");
	for (unsigned i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(ask_from_inside(ntohs(at.sin_port)));
		ENSURE(recv(fd, message, sizeof(message), 0) > 12, "process %u does not ask", i);
		memcpy(&number[i], message, sizeof(number[i]));
		EXPECT(waitpid(pid, &status, 0) == pid && status == 0, "status %x", status);
		/* It has repeated its question; that one is not the next one's. */
		while (recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0)
			;
		same += number[i] == number[0];
	}
	EXPECT(same < PROCESSES, "all begin with %04x", number[0]);
	close(fd);
}
