/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A watcher must never slow the gate down. The only buffer is the socket's own, of a fixed size;
 * one who lets it fill is cut off rather than waited for, and nothing is ever read from him.
 */
#include "daemon/watchers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * Bytes of lines that may wait for one watcher. The kernel charges about 1 KiB for each write, and
 * the event budget's default is 1000 a second, so this is a second or two of the worst.
 */
#define WATCHER_BUFFER_BYTES (1024 * 1024)
#define WATCHERS_BACKLOG     WATCHERS_MAX /* as many may come at once as may stay */

struct watcher {
	struct watchers *of;
	int fd; /* -1: free */
	struct loop_source *source;
};

struct watchers {
	struct loop *loop;
	int fd;
	struct loop_source *source;
	struct watcher list[WATCHERS_MAX];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static const char watchers_full[] = "{\"error\":\"too many watch already\",\"status\":1}\n";

static void watcher_drop(struct watcher *one)
{
	loop_remove(one->of->loop, one->source);
	one->source = NULL;
	close(one->fd);
	one->fd = -1;
}

/* Asked for no events, so only a hang-up or an error comes here. */
static void watcher_hung_up(void *context, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	watcher_drop(context);
}

static void watchers_accept(void *context, int fd, uint32_t events)
{
	struct watchers *w = context;
	struct watcher *free_one = NULL;
	int size = WATCHER_BUFFER_BYTES;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (client < 0)
		return;
	for (unsigned i = 0; i < WATCHERS_MAX && !free_one; i++)
		if (w->list[i].fd < 0)
			free_one = &w->list[i];
	if (!free_one) {
		if (send(client, watchers_full, sizeof(watchers_full) - 1, MSG_NOSIGNAL) < 0)
			errno = 0; /* he learns it from the end of the stream */
		close(client);
		return;
	}
	if (setsockopt(client, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		errno = 0; /* then the system's default size it is */
	free_one->fd = client;
	if (loop_add_fd(w->loop, client, 0, watcher_hung_up, free_one, &free_one->source)) {
		close(client);
		free_one->fd = -1;
	}
}

static int watchers_listen(const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	mode_t before;
	int fd, r;

	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(e, -ENAMETOOLONG, "the path %s is too long for a socket", path);
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, -errno, "cannot make the socket %s: %s", path, strerror(errno));
	unlink(path);
	before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
	r = bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
	umask(before);
	if (!r && listen(fd, WATCHERS_BACKLOG))
		r = -errno;
	if (r) {
		close(fd);
		return err_set(e, r, "cannot listen at %s: %s", path, strerror(-r));
	}
	return fd;
}

int watchers_open(struct watchers **out, struct loop *loop, const char *path, struct err *e)
{
	struct watchers *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, -ENOMEM, "no memory for the watchers");
	w->loop = loop;
	for (unsigned i = 0; i < WATCHERS_MAX; i++)
		w->list[i] = (struct watcher){.of = w, .fd = -1};
	r = watchers_listen(path, e);
	if (r < 0) {
		free(w);
		return r;
	}
	w->fd = r;
	snprintf(w->path, sizeof(w->path), "%s", path);
	r = loop_add_fd(loop, w->fd, EPOLLIN, watchers_accept, w, &w->source);
	if (r) {
		err_set(e, r, "cannot wait for watchers at %s: %s", path, strerror(-r));
		watchers_close(w);
		return r;
	}
	*out = w;
	return 0;
}

unsigned watchers_send(struct watchers *w, const char *lines, size_t length)
{
	unsigned dropped = 0;

	for (unsigned i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *one = &w->list[i];

		if (one->fd < 0)
			continue;
		/* A part would break a line in two: he who cannot take all is too slow. */
		if (send(one->fd, lines, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length)
			continue;
		watcher_drop(one);
		dropped++;
	}
	return dropped;
}

unsigned watchers_count(const struct watchers *w)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WATCHERS_MAX; i++)
		count += w->list[i].fd >= 0;
	return count;
}

void watchers_close(struct watchers *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < WATCHERS_MAX; i++)
		if (w->list[i].fd >= 0)
			watcher_drop(&w->list[i]);
	loop_remove(w->loop, w->source);
	close(w->fd);
	unlink(w->path);
	free(w);
}
