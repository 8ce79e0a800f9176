/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS by OpenSSL, for servers and clients in the event loop: handshakes and records over a non-blocking socket that the caller owns.
 * Certificates and keys come as bytes, since who speaks TLS can open no file. OpenSSL is included in tls.c alone.
 */
#ifndef BASE_TLS_H
#define BASE_TLS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct tls_server; /* a certificate and what is offered */
struct tls;	   /* one connection */

/* Before privileges go: the library reads and allocates what it needs later. */
void tls_prepare(void);

/* PEM: a chain, the server's own certificate first, and its key. TLS 1.2 and up. 0 or -errno. */
int tls_server_new(struct tls_server **out, const void *chain, size_t chain_length, const void *key,
		   size_t key_length, struct err *e);
void tls_server_free(struct tls_server *s); /* NULL is fine */

/* fd stays the caller's. 0 or -ENOMEM. */
int tls_accept(struct tls **out, struct tls_server *s, int fd);
/*
 * What to wait for when a call could not go on: EPOLLIN or EPOLLOUT.
 * Handshake: 0 done, -EAGAIN, other -errno failed. Read and write: bytes, 0 at the end (read), -EAGAIN, -errno.
 */
int tls_handshake(struct tls *t, unsigned *wait_for);
ssize_t tls_read(struct tls *t, void *buffer, size_t size, unsigned *wait_for);
ssize_t tls_write(struct tls *t, const void *bytes, size_t length, unsigned *wait_for);
size_t
tls_pending(const struct tls *t); /* bytes that can be read without the socket becoming readable */
void tls_free(struct tls *t);	  /* NULL is fine; tries to say goodbye, never waits */

#endif
