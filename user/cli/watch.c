/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch: events as they happen. The kernel's ring has one reader; while a controller runs that is the controller,
 * which hands on what it reads over a socket. Without one the ring is read directly. Ctrl-C ends it.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"
#include "daemon/events.h"
#include "daemon/instance.h"

#define WATCH_LINE_MAX 4096 /* an event is some 300 bytes */

static volatile sig_atomic_t watch_ended;

static void on_signal(int signal_number)
{
	(void)signal_number;
	watch_ended = 1;
}

/* Both signals stay blocked but within ppoll(2), so that none slips in between test and wait. */
static void signals_set(sigset_t *waiting)
{
	struct sigaction act = {.sa_handler = on_signal};
	sigset_t block;

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, waiting);
	sigdelset(waiting, SIGINT);
	sigdelset(waiting, SIGTERM);
}

/* 1: readable; 0: asked to end; or -errno. */
static int readable(int fd, const sigset_t *waiting)
{
	/* A reader of ours that went away is noticed though nothing happens. */
	struct pollfd poll_on[] = {{.fd = fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};

	while (!watch_ended) {
		int rc = ppoll(poll_on, 2, NULL, waiting);

		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc > 0 && (poll_on[1].revents & (POLLERR | POLLHUP)))
			return 0;
		if (rc > 0)
			return 1;
	}
	return 0;
}

/* ---- printing ---- */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "?";
}

static const char *deed_of(const json_t *row)
{
	static const struct {
		const char *action, *done, *would;
	} deeds[] = {
		{"drop", "dropped", "would drop"},
		{"refuse", "refused", "would refuse"},
		{"reply", "answered", "would answer"},
		{"hold", "held", "would hold"},
	};
	const char *action = text_of(row, "action"), *would = text_of(row, "would");

	for (unsigned i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		if (strcmp(action, deeds[i].action) == 0)
			return deeds[i].done;
		if (strcmp(action, "pass") == 0 && strcmp(would, deeds[i].action) == 0)
			return deeds[i].would;
	}
	return "passed";
}

/* Takes the reference. */
static int event_print(const struct cli *cli, json_t *row)
{
	json_int_t more, port;
	int rc = 0;

	if (cli->json) {
		rc = json_line(stdout, row);
	} else {
		more = json_integer_value(json_object_get(row, "suppressed"));
		port = json_integer_value(json_object_get(row, "port"));
		printf("%s %s %s", text_of(row, "time"), deed_of(row), text_of(row, "source"));
		if (port)
			printf(" port %lld", (long long)port);
		if (json_is_string(json_object_get(row, "interface")))
			printf(" on %s", text_of(row, "interface"));
		printf(": %s", text_of(row, "reason"));
		if (more)
			printf(" (and %lld more before)", (long long)more);
		putchar('\n');
		json_decref(row);
	}
	/* Each as it happens, also into a pipe. */
	return fflush(stdout) || ferror(stdout) ? -EPIPE : rc;
}

/* ---- from the controller ---- */

static int controller_connect(const struct cli *cli)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[INSTANCE_PATH_MAX];
	int fd;

	_Static_assert(INSTANCE_PATH_MAX <= sizeof(address.sun_path), "fits a socket address");
	strcpy(address.sun_path, instance_path(cli->conf.instance, INSTANCE_EVENTS, path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static int line_print(const struct cli *cli, const char *line, size_t length)
{
	json_t *row = json_loadb(line, length, 0, NULL);

	/* A line that is none is the controller's fault, and no reason to end. */
	return json_is_object(row) ? event_print(cli, row) : (json_decref(row), 0);
}

/* Whole lines in the buffer are printed; what is left of the last moves to the front. */
static int lines_print(const struct cli *cli, char *buffer, size_t *used)
{
	char *line = buffer, *end;
	int rc = 0;

	while (rc == 0 && (end = memchr(line, '\n', *used - (size_t)(line - buffer)))) {
		rc = line_print(cli, line, (size_t)(end - line));
		line = end + 1;
	}
	*used -= (size_t)(line - buffer);
	memmove(buffer, line, *used);
	return rc;
}

static int watch_controller(const struct cli *cli, int fd, const sigset_t *waiting)
{
	char buffer[WATCH_LINE_MAX];
	size_t used = 0;
	int rc;

	while ((rc = readable(fd, waiting)) > 0) {
		ssize_t n = read(fd, buffer + used, sizeof(buffer) - used);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return cli_fail(cli, CLI_FAILED,
					"the controller has ended, or we read too slowly");
		used += (size_t)n;
		rc = lines_print(cli, buffer, &used);
		if (rc || used == sizeof(buffer))
			break;
	}
	return rc < 0 ? CLI_FAILED : CLI_DONE;
}

/* ---- from the ring ---- */

struct ring_context {
	const struct cli *cli;
	int rc;
};

static void ring_event(void *context, const struct pn_event *e)
{
	struct ring_context *ring = context;
	char name[IF_NAMESIZE] = "";
	json_t *row;

	if (e->ifindex)
		(void)if_indextoname(e->ifindex, name);
	row = event_row(e, name);
	if (row && ring->rc == 0)
		ring->rc = event_print(ring->cli, row);
	else
		json_decref(row);
}

static int watch_ring(const struct cli *cli, const sigset_t *waiting)
{
	struct ring_context context = {.cli = cli};
	struct events *events = NULL;
	struct err e = {0};
	CLI_GATE g = NULL;
	int status = cli_gate_open(cli, &g), rc;

	if (status)
		return status;
	if (events_open(&events, g, ring_event, &context, &e))
		return cli_fail_err(cli, CLI_FAILED, &e);
	while ((rc = readable(events_fd(events), waiting)) > 0) {
		rc = events_read(events);
		if (rc < 0 || context.rc)
			break;
	}
	events_close(events);
	return rc < 0 || context.rc ? CLI_FAILED : CLI_DONE;
}

int verb_watch(struct cli *cli, const struct sentence *s)
{
	sigset_t waiting;
	int fd, status;

	(void)s;
	signals_set(&waiting);
	fd = controller_connect(cli);
	if (fd < 0) {
		/* A controller that runs reads the ring: two readers would halve the events. */
		if (cli_controller_pid(cli))
			return cli_fail(cli, CLI_FAILED,
					"cannot connect to the controller's events: %s%s",
					strerror(-fd), fd == -EACCES ? ": this needs root" : "");
		return watch_ring(cli, &waiting);
	}
	status = watch_controller(cli, fd, &waiting);
	close(fd);
	return status;
}
