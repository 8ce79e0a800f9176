/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch: what happens, as it happens: the kernel's events and the controller's decisions. The kernel's ring has one reader; while a
 * controller runs that is the controller, which hands on what it reads over a socket, with what it decides itself. Without one the ring is
 * read directly, until one comes. Ctrl-C ends it.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/signals.h"
#include "cli/stream.h"
#include "daemon/events.h"
#include "kern/feeds.h"

#define WATCH_TEXT_MAX 512 /* of one text of a row */
#define RING_LOOK_NS                                                                               \
	NS_PER_S /* between two looks whether the ring is still ours to read, and still the gate's */

#define MUTE_MAX                                                                                   \
	10 /* such looks at a controller that has no socket: it starts in less, or never has one */

/* What is to be seen. */
struct watch {
	const struct cli *cli;
	bool has_source;
	struct prefix source;
	const char *reason; /* NULL: all */
	bool colour;
	bool ended; /* the controller has said so */
};

static volatile sig_atomic_t watch_ended;

static void on_signal(int signal_number)
{
	(void)signal_number;
	watch_ended = 1;
}

static const struct signals_row signals[] = {{SIGINT, on_signal}, {SIGTERM, on_signal}, {0, NULL}};

/* 1: readable; 0: asked to end; -ETIMEDOUT: nothing came until then (0: it may take for ever); or -errno. */
static int readable(int fd, uint64_t until_ns, const sigset_t *waiting)
{
	/* A reader of ours that went away is noticed though nothing happens. */
	struct pollfd poll_on[] = {{.fd = fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};

	while (!watch_ended) {
		uint64_t now = now_monotonic_ns(), left = until_ns > now ? until_ns - now : 0;
		struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S),
					   .tv_nsec = (long)(left % NS_PER_S)};
		int rc = ppoll(poll_on, 2, until_ns ? &timeout : NULL, waiting);

		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc > 0 && (poll_on[1].revents & (POLLERR | POLLHUP)))
			return 0;
		if (rc == 0)
			return -ETIMEDOUT;
		if (rc > 0)
			return 1;
	}
	return 0;
}

/* ---- what is to be seen ---- */

/* A network that was decided about concerns whoever asks for an address in it. */
static bool is_of_source(const struct watch *w, const char *text)
{
	struct prefix about;

	return prefix_parse(text, &about, NULL) == 0 &&
	       (prefix_covers(&w->source, &about) || prefix_covers(&about, &w->source));
}

/* A decision has the name of the reason that it makes: what is "listed" is refused because it is. */
static bool is_wanted(const struct watch *w, const json_t *row)
{
	const char *source = json_string_value(json_object_get(row, "source"));
	const char *reason = json_string_value(json_object_get(row, "reason"));

	if (!source)
		source = json_string_value(json_object_get(row, "prefix"));
	if (!reason)
		reason = json_string_value(json_object_get(row, "what"));
	if (w->has_source && (!source || !is_of_source(w, source)))
		return false;
	return !w->reason || (reason && strcmp(reason, w->reason) == 0);
}

/* ---- printing ---- */

struct deed {
	const char *action, *done, *would;
};

static const char *deed_of(const json_t *row)
{
	static const struct deed deeds[] = {
		{"drop", "dropped", "would drop"},
		{"refuse", "refused", "would refuse"},
		{"reply", "answered", "would answer"},
		{"hold", "held", "would hold"},
	};
	const char *action = json_string_value(json_object_get(row, "action"));
	const char *would = json_string_value(json_object_get(row, "would"));

	for (unsigned i = 0; action && would && i < sizeof(deeds) / sizeof(*deeds); i++) {
		if (strcmp(action, deeds[i].action) == 0)
			return deeds[i].done;
		if (strcmp(action, "pass") == 0 && strcmp(would, deeds[i].action) == 0)
			return deeds[i].would;
	}
	return "passed";
}

#define COLOUR_END "\033[0m"

/* What was stopped is red, what waits or would be is yellow, what was decided is cyan. "": none. */
static const char *colour_of(const struct watch *w, const char *kind, const char *deed)
{
	if (!w->colour)
		return "";
	if (strcmp(kind, "packet") != 0)
		return "\033[36m";
	if (strcmp(deed, "passed") == 0)
		return "\033[32m";
	return strcmp(deed, "held") == 0 || strncmp(deed, "would", 5) == 0 ? "\033[33m"
									   : "\033[31m";
}

/* "dropped 203.0.113.7 port 25 on eth0: rule (and 3 more before)" */
static void packet_print(const struct watch *w, const json_t *row)
{
	json_int_t more = json_integer_value(json_object_get(row, "suppressed"));
	json_int_t port = json_integer_value(json_object_get(row, "port"));
	const char *deed = deed_of(row), *colour = colour_of(w, "packet", deed);
	char text[WATCH_TEXT_MAX];

	printf("%s%s%s %s", colour, deed, *colour ? COLOUR_END : "",
	       stream_text(row, "source", text, sizeof(text)));
	if (port)
		printf(" port %lld", (long long)port);
	if (json_is_string(json_object_get(row, "interface")))
		printf(" on %s", stream_text(row, "interface", text, sizeof(text)));
	printf(": %s", stream_text(row, "reason", text, sizeof(text)));
	if (json_is_string(json_object_get(row, "feed")))
		printf(" %s", stream_text(row, "feed", text, sizeof(text)));
	if (more)
		printf(" (and %lld more before)", (long long)more);
}

/* "listed 203.0.113.7: by bl.example, score 3 ..." */
static void decision_print(const struct watch *w, const json_t *row)
{
	const char *colour = colour_of(w, "decision", "");
	char text[WATCH_TEXT_MAX];

	printf("%s%s%s", colour, stream_text(row, "what", text, sizeof(text)),
	       *colour ? COLOUR_END : "");
	if (json_is_string(json_object_get(row, "prefix")))
		printf(" %s", stream_text(row, "prefix", text, sizeof(text)));
	printf(": %s", stream_text(row, "text", text, sizeof(text)));
}

static void mode_print(const struct watch *w, const json_t *row)
{
	const char *colour = colour_of(w, "mode", "");
	char text[WATCH_TEXT_MAX];

	printf("%smode%s %s", colour, *colour ? COLOUR_END : "",
	       stream_text(row, "mode", text, sizeof(text)));
	if (json_is_string(json_object_get(row, "until")))
		printf(" until %s", stream_text(row, "until", text, sizeof(text)));
}

/* Takes the reference. 0 or -errno. */
static int row_print(void *context, json_t *row)
{
	struct watch *w = context;
	const char *kind = json_string_value(json_object_get(row, "kind"));
	char text[WATCH_TEXT_MAX];
	int rc = 0;

	/* Too many watch already: the one thing it says that is about us. */
	if (json_is_string(json_object_get(row, "error"))) {
		(void)cli_fail(w->cli, CLI_FAILED, "%s",
			       stream_text(row, "error", text, sizeof(text)));
		json_decref(row);
		return -EBUSY;
	}
	w->ended = kind && strcmp(kind, "end") == 0;
	if ((w->ended && !w->cli->json) || (!w->ended && !is_wanted(w, row))) {
		json_decref(row);
		return 0;
	}
	if (w->cli->json) {
		rc = json_line(stdout, row);
	} else {
		printf("%s ", stream_text(row, "time", text, sizeof(text)));
		if (kind && strcmp(kind, "decision") == 0)
			decision_print(w, row);
		else if (kind && strcmp(kind, "mode") == 0)
			mode_print(w, row);
		else
			packet_print(w, row);
		putchar('\n');
		json_decref(row);
	}
	/* Each as it happens, also into a pipe. */
	return fflush(stdout) || ferror(stdout) ? -EPIPE : rc;
}

/* ---- from the controller ---- */

static int watch_controller(struct watch *w, struct stream *s, const sigset_t *waiting)
{
	int pid = cli_controller_pid(w->cli), rc;

	while ((rc = readable(s->fd, 0, waiting)) > 0) {
		rc = stream_read(s, row_print, w);
		if (rc == -EBUSY || ferror(stdout))
			return CLI_FAILED;
		if (rc == 0)
			continue;
		if (!w->ended && pid && pid == cli_controller_pid(w->cli))
			return cli_fail(w->cli, CLI_FAILED,
					"we took too long to read, and the controller has cut us "
					"off: what happened since is not told");
		return cli_fail(w->cli, CLI_FAILED, "the controller has ended");
	}
	return rc < 0 ? CLI_FAILED : CLI_DONE;
}

/* ---- from the ring ---- */

/*
 * What was read is written when the ring has been let go of: a pager may let us wait for hours, and a reader that goes on where it was
 * would take the ring's end back there, under the controller that reads it by then.
 */
struct ring_context {
	struct pn_event *list;
	size_t count, room;
};

static void ring_event(void *context, const struct pn_event *e)
{
	struct ring_context *ring = context;
	void *list = grow(ring->list, ring->count, &ring->room, sizeof(*ring->list));

	if (!list)
		return;
	ring->list = list;
	ring->list[ring->count++] = *e;
}

static int ring_print(struct watch *w, struct gate *g, struct ring_context *ring)
{
	int rc = 0;

	for (size_t i = 0; i < ring->count && rc == 0; i++) {
		const struct pn_event *e = &ring->list[i];
		char name[IF_NAMESIZE] = "", of[PN_FEED_NAME_MAX];
		const char *feed = NULL;
		json_t *row;

		if (e->ifindex)
			(void)if_indextoname(e->ifindex, name);
		if (e->reason == PN_REASON_FEED)
			feed = feeds_get_name(g, e->feed, of);
		row = event_row(e, name, feed);
		if (row)
			rc = row_print(w, row);
	}
	ring->count = 0;
	return rc;
}

/* The ring until then. *status, and true when that was the end. */
static bool ring_read(struct watch *w, uint64_t until_ns, const sigset_t *waiting, int *status)
{
	struct ring_context context = {.count = 0};
	struct events *events = NULL;
	struct err e = {0};
	CLI_GATE g = NULL;
	int rc;

	*status = cli_gate_open(w->cli, &g);
	if (*status)
		return true;
	if (events_open(&events, g, ring_event, &context, &e)) {
		*status = cli_fail_err(w->cli, CLI_FAILED, &e);
		return true;
	}
	while ((rc = readable(events_fd(events), until_ns, waiting)) > 0) {
		/* Where we were stopped meanwhile it may be somebody else's by now. */
		if (now_monotonic_ns() >= until_ns) {
			rc = -ETIMEDOUT;
			break;
		}
		rc = events_read(events);
		if (rc >= 0)
			rc = ring_print(w, g, &context);
		if (rc < 0)
			break;
	}
	events_close(events);
	free(context.list);
	*status = rc < 0 ? CLI_FAILED : CLI_DONE;
	return rc != -ETIMEDOUT;
}

/* A controller that runs reads the ring: two readers would halve the events. */
static int stream_fail(const struct cli *cli, int rc)
{
	return cli_fail(cli, CLI_FAILED, "cannot connect to the controller's events: %s%s",
			strerror(-rc), rc == -EACCES ? ": this needs root" : "");
}

/* The gate may go, or have new maps, and a controller may come, beside whom nobody else may read the ring. */
static int watch_ring(struct watch *w, struct stream *s, const sigset_t *waiting)
{
	for (unsigned mute = 0;;) {
		uint64_t until_ns = now_monotonic_ns() + RING_LOOK_NS;
		int status, rc = stream_open(s, w->cli->conf.instance);

		if (rc == 0)
			return watch_controller(w, s, waiting);
		if (!cli_controller_pid(w->cli)) {
			mute = 0;
			if (ring_read(w, until_ns, waiting, &status))
				return status;
			continue;
		}
		if (++mute > MUTE_MAX)
			return stream_fail(w->cli, rc);
		/* One that is about to start has no socket yet. */
		rc = readable(-1, until_ns, waiting);
		if (rc != -ETIMEDOUT)
			return rc < 0 ? CLI_FAILED : CLI_DONE;
	}
}

/* ---- the sentence ---- */

static int reason_check(const struct cli *cli, const char *name)
{
	char known[WATCH_TEXT_MAX] = "", shown[WATCH_TEXT_MAX];
	size_t used = 0;

	for (unsigned r = 0; r < PN_REASONS; r++) {
		if (strcmp(reason_name((enum pn_reason)r), name) == 0)
			return CLI_DONE;
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", r ? ", " : "",
					 reason_name((enum pn_reason)r));
	}
	return cli_fail(cli, CLI_MISUSED, "watch: there is no reason \"%s\": they are %s",
			text_escape(name, strlen(name), shown, sizeof(shown)), known);
}

/* no-color.org: any value but an empty one means none. */
static bool has_colour(const struct cli *cli)
{
	const char *term = getenv("TERM"), *none = getenv("NO_COLOR");

	return !cli->json && isatty(STDOUT_FILENO) && !(none && *none) && term &&
	       strcmp(term, "dumb") != 0;
}

int verb_watch(struct cli *cli, const struct sentence *s)
{
	struct watch w = {.cli = cli, .colour = has_colour(cli)};
	const char *source = sentence_get(s, "source");
	static struct stream stream;
	struct err e = {0};
	sigset_t waiting;
	int rc, status;

	w.has_source = source != NULL;
	if (source && prefix_parse(source, &w.source, &e))
		return cli_fail(cli, CLI_MISUSED, "watch: %s", e.text);
	w.reason = sentence_get(s, "reason");
	if (w.reason && reason_check(cli, w.reason))
		return CLI_MISUSED;
	signals_hear(signals, &waiting);
	rc = stream_open(&stream, cli->conf.instance);
	if (rc) {
		if (cli_controller_pid(cli))
			return stream_fail(cli, rc);
		status = watch_ring(&w, &stream, &waiting);
	} else {
		status = watch_controller(&w, &stream, &waiting);
	}
	stream_close(&stream);
	return status;
}
