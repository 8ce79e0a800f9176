/* SPDX-License-Identifier: BSD-2-Clause */
/* A small talk about feeds: see feeding_talk.h. The controller never waits for who asked: an answer that has no room in his socket ends it. */
#include "daemon/feeding_talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/when.h"

#define CLIENTS_MAX 8 /* people; each asks once */
#define READ_WAIT_S                                                                                \
	120 /* for an answer: the largest feeds take seconds, and sixteen of them may stand in line */

struct client {
	struct feedtalk *of;
	int fd; /* -1: free */
	struct loop_source *source;
	uint32_t waits;	   /* a bit for each feed */
	uint64_t since_ns; /* when he came */
};

struct feedtalk {
	struct loop *loop;
	feedtalk_fn fn;
	void *context;
	int fd;
	struct loop_source *source;
	struct client client[CLIENTS_MAX];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

const char *feed_state_name(enum feed_state s)
{
	static const char *const names[FEED_STATES] = {[FEED_MISSING] = "missing",
						       [FEED_LOADED] = "loaded",
						       [FEED_HELD_BACK] = "held back",
						       [FEED_UNREADABLE] = "unreadable"};

	return s < FEED_STATES ? names[s] : "unknown";
}

/* ---- the controller ---- */

static void client_drop(struct client *c)
{
	if (c->fd < 0)
		return;
	loop_remove(c->of->loop, c->source);
	close(c->fd);
	*c = (struct client){.of = c->of, .fd = -1};
}

static void client_answer(struct client *c, struct feedtalk_answer *a)
{
	a->magic = FEEDTALK_MAGIC;
	a->more = c->waits != 0;
	if (send(c->fd, a, sizeof(*a), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(*a) || !a->more)
		client_drop(c);
}

static void client_heard(void *context, int fd, uint32_t events)
{
	struct feedtalk_answer none = {0};
	struct client *c = context;
	struct feedtalk_ask ask;

	(void)events;
	if (recv(fd, &ask, sizeof(ask), MSG_DONTWAIT | MSG_TRUNC) != sizeof(ask) ||
	    ask.magic != FEEDTALK_MAGIC || ask.anyway > 1 || c->waits ||
	    !text_is_plain(ask.name, sizeof(ask.name))) {
		client_drop(c);
		return;
	}
	c->waits = c->of->fn(c->of->context, ask.name, ask.anyway);
	if (!c->waits)
		client_answer(c, &none);
}

/* For one who comes: a place that is free, or that of who has said nothing for longest. NULL: all wait for answers. */
static struct client *room_make(struct feedtalk *t)
{
	struct client *silent = NULL;

	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &t->client[i];

		if (c->fd < 0)
			return c;
		if (!c->waits && (!silent || c->since_ns < silent->since_ns))
			silent = c;
	}
	if (silent)
		client_drop(silent);
	return silent;
}

static void talk_accept(void *context, int fd, uint32_t events)
{
	struct feedtalk *t = context;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *room;

	(void)events;
	if (client < 0)
		return;
	room = room_make(t);
	if (!room) {
		close(client);
		return;
	}
	room->fd = client;
	room->since_ns = now_boot_ns();
	if (loop_add_fd(t->loop, client, EPOLLIN, client_heard, room, &room->source)) {
		close(client);
		room->fd = -1;
	}
}

static int path_of(const char *path, struct sockaddr_un *out, struct err *e)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(out->sun_path))
		return err_set(e, -ENAMETOOLONG, "the path %s is too long for a socket", path);
	strcpy(out->sun_path, path);
	return 0;
}

static int talk_listen(struct feedtalk *t, const char *path, struct err *e)
{
	struct sockaddr_un at;
	mode_t before;
	int ret = path_of(path, &at, e);

	if (ret)
		return ret;
	t->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return err_set(e, -errno, "cannot make the socket %s: %s", path, strerror(errno));
	/* The caller holds the instance's lock: what lies there is a dead one's. */
	unlink(path);
	before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
	ret = bind(t->fd, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
	umask(before);
	if (!ret && listen(t->fd, CLIENTS_MAX))
		ret = -errno;
	if (!ret)
		ret = loop_add_fd(t->loop, t->fd, EPOLLIN, talk_accept, t, &t->source);
	if (ret)
		return err_set(e, ret, "cannot listen at %s: %s", path, strerror(-ret));
	snprintf(t->path, sizeof(t->path), "%s", path);
	return 0;
}

int feedtalk_open(struct feedtalk **out, struct loop *loop, const char *path, feedtalk_fn fn,
		  void *context, struct err *e)
{
	struct feedtalk *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return err_set(e, -ENOMEM, "no memory to be asked about feeds");
	*t = (struct feedtalk){.loop = loop, .fn = fn, .context = context, .fd = -1};
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		t->client[i] = (struct client){.of = t, .fd = -1};
	ret = talk_listen(t, path, e);
	if (ret)
		feedtalk_close(t);
	else
		*out = t;
	return ret;
}

void feedtalk_tell(struct feedtalk *t, unsigned number, struct feedtalk_answer *answer)
{
	for (unsigned i = 0; t && i < CLIENTS_MAX; i++) {
		struct client *c = &t->client[i];

		if (c->fd < 0 || !(c->waits >> number & 1))
			continue;
		c->waits &= ~(1U << number);
		client_answer(c, answer);
	}
}

void feedtalk_forget(struct feedtalk *t)
{
	for (unsigned i = 0; t && i < CLIENTS_MAX; i++)
		if (t->client[i].waits)
			client_drop(&t->client[i]);
}

void feedtalk_close(struct feedtalk *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		client_drop(&t->client[i]);
	if (t->source)
		loop_remove(t->loop, t->source);
	if (t->fd >= 0)
		close(t->fd);
	if (t->path[0])
		unlink(t->path);
	free(t);
}

/* ---- who asks ---- */

int feedtalk_ask(const char *path, const char *name, bool anyway, struct err *e)
{
	struct feedtalk_ask ask = {.magic = FEEDTALK_MAGIC, .anyway = anyway};
	const struct timeval patience = {.tv_sec = READ_WAIT_S};
	struct sockaddr_un at;
	int fd, ret = path_of(path, &at, e);

	if (ret)
		return ret;
	if (strlen(name) >= sizeof(ask.name))
		return err_set(e, -EINVAL, "no feed has a name so long");
	strcpy(ask.name, name);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    send(fd, &ask, sizeof(ask), MSG_NOSIGNAL) != sizeof(ask)) {
		ret = -errno;
		close(fd);
		return err_set(e, ret, "cannot ask the controller at %s: %s", path, strerror(-ret));
	}
	return fd;
}

int feedtalk_read(int fd, struct feedtalk_answer *out, struct err *e)
{
	ssize_t n;

	do {
		n = recv(fd, out, sizeof(*out), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return err_set(e, -ETIMEDOUT, "the controller does not answer");
	if (n <= 0)
		return err_set(e, -EPIPE,
			       "the controller has hung up: it was reloaded, or ended, or "
			       "too many ask");
	if (n != sizeof(*out) || out->magic != FEEDTALK_MAGIC || out->more > 1 ||
	    out->state >= FEED_STATES || out->report.format >= FEED_FORMATS ||
	    out->report.note_count > FEED_NOTES_MAX ||
	    !text_is_plain(out->name, sizeof(out->name)) ||
	    !text_is_plain(out->why, sizeof(out->why)))
		return err_set(e, -EBADMSG,
			       "the controller's answer cannot be understood: is it of "
			       "another version?");
	for (uint32_t i = 0; i < out->report.note_count; i++)
		if (!text_is_plain(out->report.note[i].text, FEED_NOTE_TEXT_MAX))
			return err_set(e, -EBADMSG, "the controller's answer is not printable");
	return 0;
}
