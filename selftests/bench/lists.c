/* SPDX-License-Identifier: BSD-2-Clause */
/* A real rbldnsd with a zone of many addresses: see verdicts.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "verdicts.h"

#define CODE	      "127.0.0.2"
#define SOA	      "$SOA 600 ns." VERDICTS_ZONE " admin." VERDICTS_ZONE " 1 600 300 86400 300\n"
#define READY_TRIES   500
#define READY_WAIT_US 10000

struct addr lists_source(uint32_t number)
{
	uint32_t index = number % 2 ? SPREAD_STRANGERS + number / 2 : number / 2;

	return addr_from_v4((struct in_addr){htonl(spread_v4(index))});
}

static int zone_write(const struct lists *l, uint32_t listed, struct err *e)
{
	char path[64], text[ADDR_TEXT_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s/zone", l->folder);
	out = fopen(path, "we");
	if (!out)
		return err_set(e, -errno, "cannot write %s: %s", path, strerror(errno));
	fprintf(out, SOA ":" CODE ":listed for the bench\n127.0.0.2\n");
	for (uint32_t i = 0; i < listed; i++) {
		struct addr a = lists_source(2 * i);

		fprintf(out, "%s\n", addr_format(&a, text));
	}
	return fclose(out) ? err_set(e, -EIO, "cannot write %s", path) : 0;
}

static int server_ready(uint16_t port, struct err *e)
{
	/* The zone's SOA: an id, one question. */
	static const uint8_t query[] = {0x12, 0x34, 0,	 0,   0,   1,	0,   0, 0,   0,	  0,
					0,    5,    'b', 'e', 'n', 'c', 'h', 7, 'e', 'x', 'a',
					'm',  'p',  'l', 'e', 0,   0,	6,   0, 1};
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval wait = {.tv_usec = READY_WAIT_US};
	uint8_t answer[512];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = -ETIMEDOUT;

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		ret = -errno;
	for (unsigned i = 0; ret == -ETIMEDOUT && i < READY_TRIES; i++) {
		ssize_t n = send(fd, query, sizeof(query), 0);

		if (n > 0)
			n = recv(fd, answer, sizeof(answer), 0);
		/* Nobody listens yet: told at once, so that a wait is needed. */
		if (n < 0 && errno == ECONNREFUSED)
			usleep(READY_WAIT_US);
		else if (n > 0)
			ret = 0;
	}
	close(fd);
	return ret ? err_set(e, ret, "the DNS server on port %u does not answer", port) : 0;
}

int lists_open(struct lists *l, uint32_t listed, struct err *e)
{
	char bind[32];
	const char *const up[] = {"ip", "link", "set", "lo", "up", NULL};
	const char *const rbldnsd[] = {"rbldnsd", "-n", "-r", l->folder,
				       "-w",	  "/",	"-q", "-c",
				       "0",	  "-b", bind, VERDICTS_ZONE ":ip4set:zone",
				       NULL};
	int ret;

	*l = (struct lists){0};
	snprintf(l->folder, sizeof(l->folder), "/tmp/postern-bench-%d", (int)getpid());
	snprintf(bind, sizeof(bind), "127.0.0.1/%d", VERDICTS_PORT);
	if (mkdir(l->folder, 0755) || chmod(l->folder, 0755))
		return err_set(e, -errno, "cannot make a directory: %s", strerror(errno));
	ret = zone_write(l, listed, e);
	if (!ret)
		ret = command_run(up, NULL, NULL, e);
	if (!ret)
		ret = command_start(rbldnsd, 0, &l->server, e);
	return ret ? ret : server_ready(VERDICTS_PORT, e);
}

void lists_close(struct lists *l)
{
	const char *const rm[] = {"rm", "-rf", l->folder, NULL};

	command_stop(l->server);
	l->server = 0;
	command_run(rm, NULL, NULL, NULL);
}
