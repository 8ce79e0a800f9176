/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The responder: see reply.h. It accepts while it has room and stops where it has none: the kernel's backlog fills then, and what
 * comes after that meets silence. All clients share one timer that looks at each once a second. It always runs: it could not be
 * made when descriptors have run out, which is when it is needed.
 */
#include "reply/reply.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/when.h"
#include "reply/client.h"

/* Of one source (IPv4 address, IPv6 /64) at once: mail servers open a few in parallel, and all get the same answer. */
#define SOURCE_MAX 8
/* Accepted in one go; then those who speak have their turn. */
#define ACCEPT_BATCH 32
#define TICK_MS	     1000 /* as fine as times of some seconds need */
#define V6_BITS	     64
/* In the kernel, for each connection: commands and replies are short, and a ClientHello has some 2 KB. It doubles them. */
#define BUFFER_BYTES 8192
/* For what is unsent when the responder has closed. */
#define UNSENT_MS 10000

struct reply {
	struct loop *loop;
	int listener;
	struct loop_source *accepting; /* NULL: it does not */
	struct loop_source *tick;
	struct reply_settings settings;
	struct reply_calls calls;
	void *context;
	struct client_host host;
	struct reply_status status;
	uint32_t serial;     /* of the next id: id = serial * connections + slot */
	uint32_t slots_used; /* no client stands above */
	uint32_t free_count;
	uint32_t *free_slot;	/* those below slots_used that are empty */
	struct client **client; /* by slot */
	struct addr *source;	/* by slot: close together, since each accept looks at all */
};

static void listen_again(struct reply *r);

static uint64_t now_ms(void)
{
	return now_boot_ns() / NS_PER_MS;
}

/* ---- slots ---- */

static uint32_t slot_take(struct reply *r)
{
	return r->free_count ? r->free_slot[--r->free_count] : r->slots_used++;
}

static void slot_give(struct reply *r, uint32_t slot)
{
	r->client[slot] = NULL;
	r->free_slot[r->free_count++] = slot;
	if (r->free_count == r->slots_used)
		r->free_count = r->slots_used = 0;
}

static uint32_t id_next(struct reply *r, uint32_t slot)
{
	if (r->serial >= UINT32_MAX / r->settings.connections)
		r->serial = 0;
	return r->serial++ * r->settings.connections + slot;
}

static struct client *client_by_id(const struct reply *r, uint32_t id)
{
	struct client *c = r->client[id % r->settings.connections];

	return c && c->id == id ? c : NULL;
}

static struct addr source_of(const struct addr *a)
{
	return prefix_of(a, addr_is_v4(a) ? ADDR_BITS : V6_BITS).addr;
}

static unsigned source_count(const struct reply *r, const struct addr *source)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < r->slots_used; i++)
		if (r->client[i] && addr_equal(&r->source[i], source))
			count++;
	return count;
}

/* ---- clients ---- */

static void client_free(struct reply *r, struct client *c)
{
	loop_remove(r->loop, c->source);
	client_end_tls(c);
	close(c->fd);
	slot_give(r, c->slot);
	r->status.open--;
	free(c);
}

static void client_gone(struct reply *r, struct client *c)
{
	client_free(r, c);
	listen_again(r);
}

static void on_client(void *context, int fd, uint32_t events);

static int client_watch(struct reply *r, struct client *c)
{
	if (c->source && c->watched == c->wait_for)
		return 0;
	loop_remove(r->loop, c->source);
	c->source = NULL;
	c->watched = c->wait_for;
	return loop_add_fd(r->loop, c->fd, c->watched, on_client, c, &c->source);
}

/* After each turn of a client: it waits for something, or it is gone. */
static void client_settle(struct reply *r, struct client *c, bool goes_on)
{
	if (!goes_on || client_watch(r, c) < 0)
		client_gone(r, c);
}

static void on_client(void *context, int fd, uint32_t events)
{
	struct client *c = context;
	struct reply *r = c->host->context;

	(void)fd;
	(void)events;
	/* Who waits for nothing from its socket hears of it only when the connection is dead. */
	client_settle(r, c, c->wait_for && client_go_on(c, now_ms()));
}

static void on_refused(void *context, struct client *c)
{
	struct reply *r = context;
	struct reply_said said;

	if (!c->is_refused)
		r->status.refused++;
	c->is_refused = true;
	if (c->said++ >= CLIENT_SAID_MAX)
		return;
	talk_said(&c->talk, &said);
	r->calls.said(r->context, &said);
}

void reply_tell(struct reply *r, uint32_t id, const struct reply_because *because)
{
	struct client *c = client_by_id(r, id);
	uint64_t now = now_ms();

	if (!c)
		return;
	client_tell(c, because, now);
	client_settle(r, c, client_go_on(c, now));
}

static void on_tick(void *context)
{
	struct reply *r = context;
	uint64_t now = now_ms();

	for (uint32_t i = 0; i < r->slots_used; i++)
		if (r->client[i])
			client_settle(r, r->client[i], client_tick(r->client[i], now));
	listen_again(r);
}

/* ---- accepting ---- */

/* Its last words fit into an empty socket; if not, so be it. */
static void turn_away(struct reply *r, int fd)
{
	static const char words[] = "421 4.7.0 Error: too many connections\r\n";

	r->status.turned_away++;
	(void)!send(fd, words, sizeof(words) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

/* Of either family: it lies in the same place. */
static uint16_t port_of(const struct sockaddr_storage *ss)
{
	struct sockaddr_in in;

	memcpy(&in, ss, sizeof(in));
	return ntohs(in.sin_port);
}

/* The one that the client meant: sk_lookup changes the socket, not the address. */
static int our_port(int fd, uint16_t *port)
{
	struct sockaddr_storage ss = {0};
	socklen_t length = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &length) < 0)
		return -errno;
	*port = port_of(&ss);
	return 0;
}

static struct client *client_new(struct reply *r, int fd, const struct addr *addr, uint16_t port)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->host = &r->host;
	c->fd = fd;
	c->slot = slot_take(r);
	c->id = id_next(r, c->slot);
	c->born_ms = c->active_ms = now_ms();
	talk_open(&c->talk, &r->settings, r->host.tls != NULL, addr, port);
	r->client[c->slot] = c;
	r->source[c->slot] = source_of(addr);
	r->status.open++;
	r->status.accepted++;
	return c;
}

/* Takes fd. */
static void welcome(struct reply *r, int fd, const struct sockaddr_storage *peer)
{
	static const struct reply_because nothing = {.kind = REPLY_NOTHING};
	struct addr addr, source;
	struct client *c = NULL;
	uint16_t port = 0;
	uint32_t id;

	if (addr_from_sockaddr(peer, &addr) < 0 || our_port(fd, &port) < 0) {
		close(fd);
		return;
	}
	source = source_of(&addr);
	if (source_count(r, &source) < SOURCE_MAX)
		c = client_new(r, fd, &addr, port_of(peer));
	if (!c) {
		turn_away(r, fd);
		return;
	}
	id = c->id;
	client_settle(r, c, client_go_on(c, c->born_ms));
	if (!client_by_id(r, id))
		return;
	/* It may be answered before this returns. */
	if (r->calls.why(r->context, id, &addr, port) < 0)
		reply_tell(r, id, &nothing);
}

static void stop_listening(struct reply *r)
{
	loop_remove(r->loop, r->accepting);
	r->accepting = NULL;
}

static void on_listener(void *context, int fd, uint32_t events)
{
	struct reply *r = context;

	(void)events;
	for (unsigned i = 0; i < ACCEPT_BATCH && r->accepting; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t length = sizeof(peer);
		int client = accept4(fd, (struct sockaddr *)&peer, &length,
				     SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0) {
			welcome(r, client, &peer);
			if (r->status.open >= r->settings.connections)
				stop_listening(r);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* It would be told again and again. The tick looks whether there is room again. */
			stop_listening(r);
			return;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		}
		/* All else was about one client that is gone already (accept(2)). */
	}
}

static void listen_again(struct reply *r)
{
	if (r->accepting || r->status.open >= r->settings.connections)
		return;
	/* Without memory for it, at the next tick. */
	(void)loop_add_fd(r->loop, r->listener, EPOLLIN, on_listener, r, &r->accepting);
}

/* ---- the whole ---- */

/* What the listener has, each connection is born with. None of it is needed for right answers. */
static void options_set(int listener)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES},
		{SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES},
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, UNSENT_MS},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(listener, options[i].level, options[i].name, &options[i].value,
				 sizeof(options[i].value));
}

static int settings_check(const struct reply_settings *s, struct err *e)
{
	if (!s->connections)
		return err_set(e, -EINVAL, "a responder for no connection");
	if (strnlen(s->name, sizeof(s->name)) == sizeof(s->name) ||
	    strnlen(s->contact, sizeof(s->contact)) == sizeof(s->contact))
		return err_set(e, -EINVAL, "the responder's name or contact has no end");
	return 0;
}

int reply_open(struct reply **out, struct loop *loop, int listener,
	       const struct reply_settings *settings, struct tls_server *tls,
	       const struct reply_calls *calls, void *context, struct err *e)
{
	struct reply *r = NULL;
	int ret = settings_check(settings, e);

	if (ret == 0)
		r = calloc(1, sizeof(*r));
	if (!r) {
		close(listener);
		return ret ? ret : err_set(e, -ENOMEM, "no memory for the responder");
	}
	r->loop = loop;
	r->listener = listener;
	r->settings = *settings;
	r->calls = *calls;
	r->context = context;
	r->host = (struct client_host){.tls = tls, .refused = on_refused, .context = r};
	r->free_slot = calloc(settings->connections, sizeof(*r->free_slot));
	r->client = calloc(settings->connections, sizeof(struct client *));
	r->source = calloc(settings->connections, sizeof(*r->source));
	if (!r->free_slot || !r->client || !r->source) {
		reply_close(r);
		return err_set(e, -ENOMEM, "no memory for the responder's connections");
	}
	options_set(listener);
	ret = loop_add_fd(loop, listener, EPOLLIN, on_listener, r, &r->accepting);
	if (ret == 0)
		ret = loop_add_timer(loop, TICK_MS, TICK_MS, on_tick, r, &r->tick);
	if (ret < 0) {
		reply_close(r);
		return err_set(e, ret, "cannot listen to the responder's socket: %s",
			       strerror(-ret));
	}
	*out = r;
	return 0;
}

void reply_count(const struct reply *r, struct reply_status *out)
{
	*out = r->status;
}

void reply_close(struct reply *r)
{
	if (!r)
		return;
	for (uint32_t i = r->slots_used; i-- > 0;)
		if (r->client[i])
			client_free(r, r->client[i]);
	loop_remove(r->loop, r->accepting);
	loop_remove(r->loop, r->tick);
	close(r->listener);
	free(r->free_slot);
	free(r->client);
	free(r->source);
	free(r);
}
