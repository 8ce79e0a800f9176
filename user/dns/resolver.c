/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to the configured resolvers: see resolver.h. Each server has a c-ares channel of its own that tries once, and
 * the order of attempts is kept here: c-ares would take REFUSED of the first server for the end, or hide which of
 * SERVFAIL, REFUSED and silence it was. c-ares sends, repeats by TCP what was truncated, compares id, source and
 * question; the bytes are read in answer.c.
 */
#include "dns/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "base/json.h"
#include "base/when.h"

/* More are lost on their way: measured, 0.8 of a raw client's speed with 100 outstanding, 0.2 with 1000. */
#define OUTSTANDING_MAX 100
/* Some MB of memory; who asks keeps the longer queue. */
#define WAITING_MAX 16384
#define ATTEMPTS_LEAST                                                                             \
	2 /* a lost datagram is repeated once, to the same server if there is but one */
#define TICK_MS	     50 /* how late a timeout may be noticed */
#define SOCKETS_MAX  8	/* of one channel: one for UDP, one for TCP, and what is being replaced */
#define PORT_DOMAIN  53
#define FLAG_AD	     0x20 /* in the fourth byte of a message (RFC 4035, 3.2.3) */
#define EDNS_BYTES   1232 /* fits every link unfragmented (RFC 9715) */
#define SHOWN_MAX    80
#define RANDOM_BYTES 256 /* the largest state that random(3) has */

struct question {
	struct question *next, *prev;
	struct resolver *r;
	char name[NAME_TEXT_MAX];
	enum record record;
	resolver_fn fn; /* NULL: cancelled */
	void *context;
	unsigned attempt;
	uint64_t sent_ns;
	bool waiting; /* in the queue, else under way */
};

struct watched {
	int fd;
	struct loop_source *source;
};

struct server {
	struct resolver *r;
	struct resolver_server at;
	ares_channel channel;
	bool is_open;
	struct watched socket[SOCKETS_MAX];
};

struct resolver {
	struct loop *loop;
	struct server server[RESOLVER_SERVERS_MAX];
	unsigned server_count, attempts;
	struct question *first, *last, *live;
	unsigned waiting, outstanding;
	struct loop_source *tick, *kick;
	bool inside; /* c-ares is at work, and pump() comes behind it */
	bool closing;
};

/* ---- servers as text ---- */

static int port_parse(const char *text, uint16_t *out)
{
	unsigned value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && value <= UINT16_MAX; at++)
		value = value * 10 + (unsigned)(*at - '0');
	if (at == text || *at || !value || value > UINT16_MAX)
		return -EINVAL;
	*out = (uint16_t)value;
	return 0;
}

int resolver_server_parse(const char *text, struct resolver_server *out, struct err *e)
{
	char host[RESOLVER_TEXT_MAX], shown[SHOWN_MAX];
	const char *start = text, *end, *port = NULL;
	struct resolver_server server = {.port = PORT_DOMAIN};
	bool brackets = *text == '[';
	size_t length;

	text += brackets;
	end = strchr(text, brackets ? ']' : ':');
	/* More than one ':' and no brackets: an IPv6 address alone. */
	if (!end || (!brackets && strchr(end + 1, ':')))
		end = brackets ? text : text + strlen(text);
	length = (size_t)(end - text);
	if (!length || length >= sizeof(host))
		goto fault;
	memcpy(host, text, length);
	host[length] = '\0';
	end += brackets;
	if (*end == ':')
		port = end + 1;
	else if (*end)
		goto fault;
	if (addr_parse(host, &server.addr, NULL) < 0 ||
	    (port && port_parse(port, &server.port) < 0))
		goto fault;
	*out = server;
	return 0;
fault:
	return err_set(
		e, -EINVAL,
		"'%s' is no resolver: write ADDR or ADDR:PORT, an IPv6 address with a port as "
		"[ADDR]:PORT",
		text_escape(start, strlen(start), shown, sizeof(shown)));
}

/* ---- sockets of c-ares in our loop ---- */

static void pump(struct resolver *r);

static void socket_event(void *context, int fd, uint32_t events)
{
	struct server *s = context;
	struct resolver *r = s->r;

	/* An error shows itself in the read. */
	r->inside = true;
	ares_process_fd(s->channel, events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
			events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	r->inside = false;
	pump(r);
}

static void socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
	struct server *s = context;
	struct watched *w = NULL;

	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		struct watched *at = &s->socket[i];

		if (at->source && at->fd == fd) {
			loop_remove(s->r->loop, at->source);
			at->source = NULL;
		}
		if (!at->source && !w)
			w = at;
	}
	if (!w || (!readable && !writable))
		return;
	w->fd = fd;
	/* Not watched for want of memory: its questions time out. */
	if (loop_add_fd(s->r->loop, fd, (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U),
			socket_event, s, &w->source) < 0)
		w->source = NULL;
}

/* ---- questions ---- */

static void list_remove(struct question **head, struct question *q)
{
	if (q->prev)
		q->prev->next = q->next;
	else
		*head = q->next;
	if (q->next)
		q->next->prev = q->prev;
}

static void queue_put(struct resolver *r, struct question *q, bool in_front)
{
	q->waiting = true;
	q->next = in_front ? r->first : NULL;
	q->prev = in_front ? NULL : r->last;
	if (q->next)
		q->next->prev = q;
	else
		r->last = q;
	if (q->prev)
		q->prev->next = q;
	else
		r->first = q;
	r->waiting++;
}

static void queue_take(struct resolver *r, struct question *q)
{
	if (r->last == q)
		r->last = q->prev;
	list_remove(&r->first, q);
	r->waiting--;
	q->waiting = false;
}

static enum answer_status status_of_ares(int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED: /* nobody listens there */
	case ARES_ESERVFAIL:
		return ANSWER_TIMEOUT;
	default:
		return ANSWER_MALFORMED;
	}
}

/* Another server may know what this one refused; only silence is worth a repetition to the same. */
static bool is_tried_again(const struct resolver *r, const struct question *q,
			   enum answer_status status)
{
	if (status <= ANSWER_NONE)
		return false;
	return q->attempt + 1 < (status == ANSWER_TIMEOUT ? r->attempts : r->server_count);
}

static void question_answered(void *context, int status, int timeouts, unsigned char *bytes,
			      int length)
{
	struct question *q = context;
	struct resolver *r = q->r;
	struct answer answer = {0};

	(void)timeouts;
	list_remove(&r->live, q);
	r->outstanding--;
	if (r->closing || !q->fn) {
		free(q);
		return;
	}
	if (bytes && length > 0) {
		answer_parse(bytes, (size_t)length, q->name, q->record, &answer);
		answer.message = answer.status == ANSWER_FOUND ? bytes : NULL;
		answer.message_length = answer.message ? (size_t)length : 0;
	} else {
		answer.status = status_of_ares(status);
	}
	if (is_tried_again(r, q, answer.status)) {
		q->attempt++;
		queue_put(r, q, true);
		return;
	}
	q->fn(q->context, &answer, (unsigned)((now_monotonic_ns() - q->sent_ns) / NS_PER_MS));
	free(q);
}

/*
 * A question that asks whether the signatures were checked (RFC 6840, 5.7: by the AD bit). c-ares knows nothing of that bit, but sends
 * what it is given. false: the ordinary way is all there is.
 */
static bool send_for_authentic(const struct server *s, struct question *q)
{
	unsigned char *bytes = NULL;
	uint16_t id;
	int length = 0;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id) ||
	    ares_create_query(q->name, 1 /* IN */, (int)q->record, id, 1, &bytes, &length,
			      EDNS_BYTES) != ARES_SUCCESS)
		return false;
	bytes[3] |= FLAG_AD;
	ares_send(s->channel, bytes, length, question_answered, q);
	ares_free_string(bytes);
	return true;
}

static void question_send(struct resolver *r, struct question *q)
{
	struct server *s = &r->server[q->attempt % r->server_count];

	q->prev = NULL;
	q->next = r->live;
	if (q->next)
		q->next->prev = q;
	r->live = q;
	r->outstanding++;
	q->sent_ns = now_monotonic_ns();
	if (q->record == RECORD_TLSA && send_for_authentic(s, q))
		return;
	ares_query(s->channel, q->name, 1 /* IN */, (int)q->record, question_answered, q);
}

static void tick(void *context)
{
	struct resolver *r = context;

	r->inside = true;
	for (unsigned i = 0; i < r->server_count; i++)
		ares_process_fd(r->server[i].channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	r->inside = false;
	pump(r);
}

/* Send what there is room for. Called from the loop alone, outside of c-ares. */
static void pump(struct resolver *r)
{
	while (r->first && r->outstanding < OUTSTANDING_MAX) {
		struct question *q = r->first;

		queue_take(r, q);
		question_send(r, q);
	}
	if (r->outstanding && !r->tick) {
		/* Without a clock nothing would ever time out: then nothing can be asked. */
		if (loop_add_timer(r->loop, TICK_MS, TICK_MS, tick, r, &r->tick) < 0)
			r->tick = NULL;
	} else if (!r->outstanding && r->tick) {
		loop_remove(r->loop, r->tick);
		r->tick = NULL;
	}
}

static void kicked(void *context)
{
	struct resolver *r = context;

	loop_remove(r->loop, r->kick);
	r->kick = NULL;
	pump(r);
}

int resolver_ask(struct resolver *r, const char *name, enum record record, resolver_fn fn,
		 void *context, struct question **out)
{
	struct question *q;
	int ret;

	if (r->waiting >= WAITING_MAX)
		return -EAGAIN;
	/* From the loop and not from here: a caller that holds half of its state must not be called back. */
	if (!r->kick && !r->inside) {
		ret = loop_add_timer(r->loop, 0, 0, kicked, r, &r->kick);
		if (ret < 0)
			return ret;
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->r = r;
	q->record = record;
	q->fn = fn;
	q->context = context;
	snprintf(q->name, sizeof(q->name), "%s", name);
	queue_put(r, q, false);
	if (out)
		*out = q;
	return 0;
}

void resolver_cancel(struct question *q)
{
	if (!q)
		return;
	if (!q->waiting) {
		q->fn = NULL;
		return;
	}
	queue_take(q->r, q);
	free(q);
}

/* ---- opening ---- */

static int server_open(struct resolver *r, const struct resolver_server *at, unsigned attempt_ms,
		       struct err *e)
{
	struct server *s = &r->server[r->server_count];
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP |
			 ARES_FLAG_EDNS,
		.timeout = (int)attempt_ms,
		.tries = 1,
		.ednspsz = EDNS_BYTES,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = s,
	};
#ifdef ARES_OPT_QUERY_CACHE
	/* A newer c-ares remembers answers, and a probe would see what a zone said before. */
	const int more = ARES_OPT_QUERY_CACHE;
#else
	const int more = 0;
#endif
	struct ares_addr_port_node node = {.udp_port = at->port, .tcp_port = at->port};
	int status;

	node.family = addr_is_v4(&at->addr) ? AF_INET : AF_INET6;
	if (node.family == AF_INET)
		memcpy(&node.addr.addr4, at->addr.byte + 12, sizeof(node.addr.addr4));
	else
		memcpy(&node.addr.addr6, at->addr.byte, sizeof(node.addr.addr6));
	s->r = r;
	s->at = *at;
	status = ares_init_options(&s->channel, &options,
				   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					   ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB | more);
	if (status == ARES_SUCCESS) {
		s->is_open = true;
		r->server_count++;
		status = ares_set_servers_ports(s->channel, &node);
	}
	if (status != ARES_SUCCESS)
		return err_set(e, -EIO, "cannot prepare questions to the DNS: %s",
			       ares_strerror(status));
	return 0;
}

/* What c-ares makes of /etc/resolv.conf: its servers, or 127.0.0.1 when there are none. */
static int servers_default(struct resolver_server *out, unsigned *count, struct err *e)
{
	static const struct prefix link_local = {{{0xfe, 0x80}}, 10};
	struct ares_addr_port_node *nodes = NULL;
	ares_channel channel;
	int status = ares_init(&channel);

	if (status == ARES_SUCCESS) {
		status = ares_get_servers_ports(channel, &nodes);
		ares_destroy(channel);
	}
	if (status != ARES_SUCCESS)
		return err_set(e, -EIO, "cannot learn the resolvers from /etc/resolv.conf: %s",
			       ares_strerror(status));
	*count = 0;
	for (struct ares_addr_port_node *n = nodes; n && *count < RESOLVER_SERVERS_MAX;
	     n = n->next) {
		struct in6_addr v6;

		if (n->family == AF_INET) {
			out[*count].addr = addr_from_v4(n->addr.addr4);
		} else {
			memcpy(&v6, &n->addr.addr6, sizeof(v6));
			out[*count].addr = addr_from_v6(&v6);
		}
		out[*count].port = n->udp_port ? (uint16_t)n->udp_port : PORT_DOMAIN;
		/* c-ares does not tell the interface of a link-local one, without which it cannot be reached. */
		*count += !prefix_has(&link_local, &out[*count].addr);
	}
	if (nodes)
		ares_free_data(nodes);
	return *count ? 0
		      : err_set(e, -ENOENT, "/etc/resolv.conf names no resolver that can be asked");
}

/*
 * c-ares before 1.20 numbers its questions from /dev/urandom and, where that cannot be opened, as in an empty root, from rand(3):
 * the same numbers in every process, and whoever knows them can answer in the server's place. So rand(3) gets a state that
 * nobody can guess; a seed alone would have only 32 bits.
 */
static int random_prepare(struct err *e)
{
	static char state[RANDOM_BYTES];
	const size_t head = sizeof(int32_t); /* of the state: its kind, which stays */

	if (!initstate(1, state, sizeof(state)) ||
	    getrandom(state + head, sizeof(state) - head, 0) != (ssize_t)(sizeof(state) - head))
		return err_set(e, -EIO, "no random numbers for questions to the DNS are to be had");
	return 0;
}

int resolver_open(struct resolver **out, struct loop *loop, const struct resolver_server *servers,
		  unsigned count, unsigned timeout_ms, struct err *e)
{
	struct resolver_server found[RESOLVER_SERVERS_MAX];
	struct resolver *r = calloc(1, sizeof(*r));
	int ret = 0;

	if (!r)
		return err_set(e, -ENOMEM, "no memory for questions to the DNS");
	r->loop = loop;
	ret = random_prepare(e);
	if (ret == 0 && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		ret = err_set(e, -EIO, "c-ares cannot be initialised");
	if (ret == 0 && !count) {
		ret = servers_default(found, &count, e);
		servers = found;
	}
	r->attempts = count > ATTEMPTS_LEAST ? count : ATTEMPTS_LEAST;
	for (unsigned i = 0; i < count && i < RESOLVER_SERVERS_MAX && ret == 0; i++)
		ret = server_open(r, &servers[i], timeout_ms / r->attempts, e);
	if (ret < 0)
		resolver_close(r);
	else
		*out = r;
	return ret;
}

void resolver_close(struct resolver *r)
{
	if (!r)
		return;
	r->closing = true;
	while (r->first) {
		struct question *q = r->first;

		r->first = q->next;
		free(q);
	}
	for (unsigned i = 0; i < RESOLVER_SERVERS_MAX; i++)
		if (r->server[i].is_open)
			ares_destroy(r->server[i].channel);
	loop_remove(r->loop, r->tick);
	loop_remove(r->loop, r->kick);
	ares_library_cleanup();
	free(r);
}

unsigned resolver_servers(const struct resolver *r,
			  struct resolver_server out[static RESOLVER_SERVERS_MAX])
{
	for (unsigned i = 0; i < r->server_count; i++)
		out[i] = r->server[i].at;
	return r->server_count;
}
