/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens TCP connections, all at once or at a rate, and says what became of each: one line of JSON.
 * The kernel's own client, so that what is counted is what a real sender would see.
 *
 *	knock --to ADDR --from ADDR [--port N] [--count N] [--rate PER_S] [--wait-ms N]
 *	      [--greet] [--then fin|rst|hold]
 *
 * A connection counts as made at the end of connect(2), or with --greet when the server's first
 * byte arrives: a client believes in a connection whose last ACK was dropped, and only the server's
 * word says it is open. With `hold` connections stay open until standard input ends. Each attempt
 * is given up --wait-ms after its start, so that a dropped SYN is one attempt and not repeated for a
 * minute.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX	  100000 /* attempts in one run: below what ports and descriptors allow */
#define EVENTS_MAX	  256
#define SPARE_DESCRIPTORS 32 /* standard streams, epoll, and room */
#define MS_PER_S	  1000.0

enum state { WAITING, CONNECTING, CONNECTED, DONE };
enum fate { NONE, MADE, REFUSED, RESET, SILENT, MUTE, FAILED, FATES };
static const char *const fate_name[FATES] = {"none",   "made", "refused", "reset",
					     "silent", "mute", "failed"};
enum then { THEN_FIN, THEN_RST, THEN_HOLD };

struct attempt {
	int fd;
	enum state state;
	enum fate fate;
	double start_ms, took_ms;
};

static struct {
	struct sockaddr_storage to, from;
	socklen_t length;
	unsigned count;
	double rate, wait_ms;
	bool greet;
	enum then then;
} option = {.count = 1, .wait_ms = MS_PER_S};

static struct attempt *attempts;
static unsigned unfinished;
static int poller;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * MS_PER_S + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void hang_up(struct attempt *a, bool abruptly)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (a->fd < 0)
		return;
	if (abruptly)
		setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(a->fd);
	a->fd = -1;
}

static void finish(struct attempt *a, enum fate fate)
{
	a->fate = fate;
	a->state = DONE;
	a->took_ms = now_ms() - a->start_ms;
	unfinished--;
	if (fate != MADE || option.then != THEN_HOLD)
		hang_up(a, fate != MADE || option.then == THEN_RST);
}

static void start(struct attempt *a)
{
	struct epoll_event event = {.events = EPOLLOUT | EPOLLIN, .data.ptr = a};

	a->start_ms = now_ms();
	a->state = CONNECTING;
	a->fd = socket(option.to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		die("socket");
	if (bind(a->fd, (struct sockaddr *)&option.from, option.length))
		die("bind");
	if (connect(a->fd, (struct sockaddr *)&option.to, option.length) && errno != EINPROGRESS) {
		finish(a, errno == ECONNREFUSED ? REFUSED : FAILED);
		return;
	}
	if (epoll_ctl(poller, EPOLL_CTL_ADD, a->fd, &event))
		die("epoll_ctl");
}

/* The server's first byte, or the end of the connection without one. */
static void hear(struct attempt *a)
{
	char byte;
	ssize_t got = recv(a->fd, &byte, 1, 0);

	if (got > 0)
		finish(a, MADE);
	else if (got == 0 || errno != EAGAIN)
		finish(a, RESET);
}

static void progress(struct attempt *a)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = a};
	int error = 0;
	socklen_t size = sizeof(error);

	if (a->state == DONE)
		return;
	if (a->state == CONNECTING) {
		getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			finish(a, error == ECONNREFUSED ? REFUSED : FAILED);
			return;
		}
		if (!option.greet) {
			finish(a, MADE);
			return;
		}
		a->state = CONNECTED;
		epoll_ctl(poller, EPOLL_CTL_MOD, a->fd, &event);
	}
	hear(a);
}

static void give_up_late(unsigned started)
{
	static unsigned first; /* attempts end in order of their start at the latest */
	double now = now_ms();

	while (first < started) {
		struct attempt *a = &attempts[first];

		if (a->state != DONE) {
			if (now < a->start_ms + option.wait_ms)
				return;
			finish(a, a->state == CONNECTED ? MUTE : SILENT);
		}
		first++;
	}
}

static void knock(void)
{
	double begin = now_ms();
	unsigned started = 0;

	unfinished = option.count;
	while (unfinished) {
		struct epoll_event events[EVENTS_MAX];
		double due = now_ms() - begin;
		int ready;

		while (started < option.count &&
		       (option.rate <= 0 || due >= started * MS_PER_S / option.rate))
			start(&attempts[started++]);
		ready = epoll_wait(poller, events, EVENTS_MAX, unfinished ? 1 : 0);
		for (int i = 0; i < ready; i++)
			progress(events[i].data.ptr);
		give_up_late(started);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(double seconds)
{
	double *took = calloc(option.count, sizeof(*took));
	unsigned fates[FATES] = {0}, made = 0;

	if (!took)
		die("calloc");
	for (unsigned i = 0; i < option.count; i++) {
		fates[attempts[i].fate]++;
		if (attempts[i].fate == MADE || attempts[i].fate == REFUSED)
			took[made++] = attempts[i].took_ms;
	}
	qsort(took, made, sizeof(*took), compare);
	printf("{\"tried\":%u", option.count);
	for (int f = MADE; f < FATES; f++)
		printf(",\"%s\":%u", fate_name[f], fates[f]);
	printf(",\"median_ms\":%.2f,\"max_ms\":%.2f,\"seconds\":%.3f}\n", made ? took[made / 2] : 0,
	       made ? took[made - 1] : 0, seconds);
	fflush(stdout);
	free(took);
}

/* Hold what is open until standard input ends, then say how many the server had not closed. */
static void hold(void)
{
	unsigned held = 0;
	char bytes[64];

	while (read(STDIN_FILENO, bytes, sizeof(bytes)) > 0)
		;
	for (unsigned i = 0; i < option.count; i++) {
		if (attempts[i].fd < 0)
			continue;
		while (recv(attempts[i].fd, bytes, sizeof(bytes), 0) > 0)
			;
		held += errno == EAGAIN;
	}
	printf("{\"held\":%u}\n", held);
	for (unsigned i = 0; i < option.count; i++)
		hang_up(&attempts[i], true);
}

static struct sockaddr_storage address(const char *text, const char *port)
{
	struct sockaddr_storage out = {0};
	struct sockaddr_in *v4 = (void *)&out;
	struct sockaddr_in6 *v6 = (void *)&out;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(port));
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(port));
	} else {
		fprintf(stderr, "knock: not an address: %s\n", text);
		exit(2);
	}
	return out;
}

static enum then then_of(const char *word)
{
	if (!strcmp(word, "rst"))
		return THEN_RST;
	return strcmp(word, "hold") ? THEN_FIN : THEN_HOLD;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"to", 1, NULL, 't'},	 {"from", 1, NULL, 'f'}, {"port", 1, NULL, 'p'},
		{"count", 1, NULL, 'c'}, {"rate", 1, NULL, 'r'}, {"wait-ms", 1, NULL, 'w'},
		{"greet", 0, NULL, 'g'}, {"then", 1, NULL, 'n'}, {0}};
	const char *to = "", *from = "", *port = "25";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 't':
			to = optarg;
			break;
		case 'f':
			from = optarg;
			break;
		case 'p':
			port = optarg;
			break;
		case 'c':
			option.count = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			option.rate = atof(optarg);
			break;
		case 'w':
			option.wait_ms = atof(optarg);
			break;
		case 'g':
			option.greet = true;
			break;
		case 'n':
			option.then = then_of(optarg);
			break;
		default:
			exit(2);
		}
	}
	option.to = address(to, port);
	option.from = address(from, "0");
	option.length = option.to.ss_family == AF_INET ? sizeof(struct sockaddr_in)
						       : sizeof(struct sockaddr_in6);
	if (!option.count || option.count > COUNT_MAX) {
		fprintf(stderr, "knock: --count is 1 to %d\n", COUNT_MAX);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct rlimit descriptors;
	double begin;

	parse(argc, argv);
	descriptors.rlim_cur = descriptors.rlim_max = option.count + SPARE_DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &descriptors))
		die("setrlimit");
	attempts = calloc(option.count, sizeof(*attempts));
	poller = epoll_create1(0);
	if (!attempts || poller < 0)
		die("setting up");
	for (unsigned i = 0; i < option.count; i++)
		attempts[i].fd = -1;
	begin = now_ms();
	knock();
	report((now_ms() - begin) / MS_PER_S);
	if (option.then == THEN_HOLD)
		hold();
	return 0;
}
