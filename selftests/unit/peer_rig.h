/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that does as a list of acts says, in a thread, on a port of loopback. It serves one connection. */
#ifndef SELFTESTS_UNIT_PEER_RIG_H
#define SELFTESTS_UNIT_PEER_RIG_H

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "unit/tls_rig.h"

#define PEER_ACTS_MAX	 16
#define PEER_HEARD_MAX	 4096
#define PEER_FLOOD_BYTES 16384
#define PEER_WAIT_MS	 10000 /* a test that gets here has failed */

enum act_kind {
	ACT_LEAVE, /* the end of the list: close */
	ACT_SAY,
	ACT_HEAR,      /* a line */
	ACT_HEAR_MANY, /* so many bytes */
	ACT_DRIP,      /* say it a byte at a time, with a pause */
	ACT_FLOOD,     /* say it again and again, until nobody listens */
	ACT_TLS,       /* shake hands */
	ACT_RESET,
	ACT_WAIT, /* until the other end closes */
};

struct act {
	enum act_kind kind;
	const char *text;
	size_t length; /* of SAY with zero bytes in it; HEAR_MANY: how many; DRIP: milliseconds */
};

#define SAYS(what)                                                                                 \
	{                                                                                          \
		ACT_SAY, what, 0                                                                   \
	}
#define SAYS_BYTES(what)                                                                           \
	{                                                                                          \
		ACT_SAY, what, sizeof(what) - 1                                                    \
	}
#define HEARS                                                                                      \
	{                                                                                          \
		ACT_HEAR, NULL, 0                                                                  \
	}
#define WAITS                                                                                      \
	{                                                                                          \
		ACT_WAIT, NULL, 0                                                                  \
	}

struct peer {
	struct act act[PEER_ACTS_MAX];
	int listener, fd;
	uint16_t port;
	SSL *ssl;
	SSL_CTX *context;
	pthread_t thread;
	size_t cut; /* close after so many bytes were said; 0: never */
	size_t said;
	char heard[PEER_HEARD_MAX]; /* lines */
	size_t heard_length;
};

static inline ssize_t peer_write(struct peer *p, const char *bytes, size_t length)
{
	if (p->ssl)
		return SSL_write(p->ssl, bytes, (int)length);
	return send(p->fd, bytes, length, MSG_NOSIGNAL);
}

static inline ssize_t peer_read(struct peer *p, char *bytes, size_t size)
{
	return p->ssl ? SSL_read(p->ssl, bytes, (int)size) : recv(p->fd, bytes, size, 0);
}

static inline bool peer_say(struct peer *p, const char *bytes, size_t length)
{
	if (p->cut && p->said + length >= p->cut)
		length = p->cut - p->said;
	p->said += length;
	if (length && peer_write(p, bytes, length) != (ssize_t)length)
		return false;
	return !p->cut || p->said < p->cut;
}

static inline bool peer_hear(struct peer *p)
{
	char byte = 0;

	while (byte != '\n' && peer_read(p, &byte, 1) == 1)
		if (p->heard_length < sizeof(p->heard) - 1)
			p->heard[p->heard_length++] = byte;
	return byte == '\n';
}

static inline bool peer_hear_many(struct peer *p, size_t length)
{
	static char bytes[65536];
	ssize_t n;

	for (; length; length -= (size_t)n) {
		n = peer_read(p, bytes, length < sizeof(bytes) ? length : sizeof(bytes));
		if (n <= 0)
			return false;
	}
	return true;
}

static inline bool peer_drip(struct peer *p, const struct act *a)
{
	struct pollfd gone = {.fd = p->fd, .events = POLLRDHUP};

	for (const char *c = a->text; *c; c++)
		if (!peer_say(p, c, 1) || poll(&gone, 1, (int)a->length) > 0)
			return false;
	return true;
}

/* Much at once: told line by line a quick reader would be through with its questions before it is a flood. */
static inline void peer_flood(struct peer *p, const char *text)
{
	char block[PEER_FLOOD_BYTES];
	size_t length = strlen(text), size = 0;

	for (; size + length <= sizeof(block); size += length)
		for (size_t i = 0; i < length; i++)
			block[size + i] = text[i];
	while (peer_say(p, block, size))
		;
}

static inline bool peer_secure(struct peer *p)
{
	p->ssl = SSL_new(p->context);
	SSL_set_fd(p->ssl, p->fd);
	return SSL_accept(p->ssl) == 1;
}

static inline void peer_wait(struct peer *p)
{
	char byte;

	while (peer_read(p, &byte, 1) > 0)
		;
}

/* False: nothing more can be done. */
static inline bool peer_act(struct peer *p, const struct act *a)
{
	const struct linger abrupt = {.l_onoff = 1};

	switch (a->kind) {
	case ACT_SAY:
		return peer_say(p, a->text, a->length ? a->length : strlen(a->text));
	case ACT_HEAR:
		return peer_hear(p);
	case ACT_HEAR_MANY:
		return peer_hear_many(p, a->length);
	case ACT_DRIP:
		return peer_drip(p, a);
	case ACT_FLOOD:
		peer_flood(p, a->text);
		return false;
	case ACT_TLS:
		return peer_secure(p);
	case ACT_RESET:
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt));
		return false;
	case ACT_WAIT:
		peer_wait(p);
		return false;
	case ACT_LEAVE:
	default:
		return false;
	}
}

static inline void *peer_run(void *context)
{
	struct peer *p = context;
	struct pollfd comes = {.fd = p->listener, .events = POLLIN};
	const struct timeval wait = {.tv_sec = PEER_WAIT_MS / 1000};

	if (poll(&comes, 1, PEER_WAIT_MS) != 1)
		return NULL;
	p->fd = accept(p->listener, NULL, NULL);
	setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	for (const struct act *a = p->act; peer_act(p, a); a++)
		;
	if (p->ssl) {
		SSL_shutdown(p->ssl);
		SSL_free(p->ssl);
	}
	close(p->fd);
	return NULL;
}

/* A listener on loopback, with room for so many that were not accepted. */
static inline int peer_listen(uint16_t *port, int backlog)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, backlog) == 0 &&
		       getsockname(fd, (struct sockaddr *)&at, &length) == 0,
	       "a listener");
	*port = ntohs(at.sin_port);
	return fd;
}

/* The certificate of its TLS. Made once. */
static inline SSL_CTX *peer_context(void)
{
	static SSL_CTX *context;
	static struct rig rig;

	if (context)
		return context;
	rig_make(&rig, 1, NULL);
	context = SSL_CTX_new(TLS_server_method());
	BIO *chain = BIO_new_mem_buf(rig.chain, (int)rig.chain_length);
	BIO *private = BIO_new_mem_buf(rig.key, (int)rig.key_length);
	X509 *x = PEM_read_bio_X509(chain, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(private, NULL, NULL, NULL);

	SSL_CTX_use_certificate(context, x);
	SSL_CTX_use_PrivateKey(context, key);
	SSL_CTX_set_num_tickets(context, 0);
	X509_free(x);
	EVP_PKEY_free(key);
	BIO_free(chain);
	BIO_free(private);
	return context;
}

static inline void peer_start(struct peer *p, const struct act *acts, size_t cut)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->act, acts, sizeof(p->act));
	p->cut = cut;
	p->context = peer_context();
	p->listener = peer_listen(&p->port, 1);
	EXPECT(pthread_create(&p->thread, NULL, peer_run, p) == 0, "a thread");
}

static inline void peer_end(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->listener);
}

#endif
