/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS by OpenSSL, for servers and clients in the event loop: handshakes and records over a non-blocking socket that the caller owns.
 * Certificates and keys come as bytes, since who speaks TLS can open no file. OpenSSL is included in tls*.c alone.
 */
#ifndef BASE_TLS_H
#define BASE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define TLS_NAME_MAX	 256
#define TLS_TEXT_MAX	 256
#define TLS_WORD_MAX	 48
#define TLS_SHA256_BYTES 32

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
 * Handshake: 0 done, -EAGAIN, other -errno failed. Read and write: bytes, 0 at the end (read), -EAGAIN, -errno. Read until -EAGAIN: what
 * has been decrypted already makes no socket readable.
 */
int tls_handshake(struct tls *t, unsigned *wait_for);
ssize_t tls_read(struct tls *t, void *buffer, size_t size, unsigned *wait_for);
ssize_t tls_write(struct tls *t, const void *bytes, size_t length, unsigned *wait_for);
void tls_free(struct tls *t); /* NULL is fine; tries to say goodbye, never waits */

/* ---- the client ---- */

enum tls_version { TLS_ANY, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };
const char *tls_version_name(enum tls_version v); /* "TLS 1.2" */

struct tls_client; /* whom to trust */

/* Reads the system's trusted certificates: before privileges go. None there is no error: then no chain is trusted. 0 or -errno. */
int tls_client_new(struct tls_client **out, struct err *e);
/* A file or directory of certificates (PEM) to trust as well: of one's own authority. 0 or -errno. */
int tls_client_trust(struct tls_client *c, const char *path, struct err *e);
void tls_client_free(struct tls_client *c); /* NULL is fine */

struct tls_wish {
	char name
		[TLS_NAME_MAX]; /* of the server: sent to it, and looked for in its certificate; "" none */
	enum tls_version least, most; /* TLS_ANY: 1.0, and 1.3 */
};

/*
 * fd stays the caller's; then tls_handshake(). The handshake goes on whatever the certificate is, and with ciphers that nobody should
 * use any more: what was agreed on is in the facts. 0 or -ENOMEM.
 */
int tls_connect(struct tls **out, struct tls_client *c, int fd, const struct tls_wish *wish);

/* What the handshake came to. Texts come from the peer and are escaped. */
struct tls_facts {
	enum tls_version version;
	char cipher[TLS_TEXT_MAX]; /* "ECDHE-RSA-AES256-GCM-SHA384" */
	bool is_weak_cipher;	   /* RC4, DES, 3DES, export, MD5, anonymous, no encryption */
	bool has_certificate;
	bool is_trusted; /* the chain, name and times apart */
	bool is_self_signed;
	char untrusted[TLS_TEXT_MAX]; /* why; "" when trusted */
	bool has_name;		      /* the wished name is among its names (RFC 6125) */
	char subject[TLS_TEXT_MAX], issuer[TLS_TEXT_MAX], names[TLS_TEXT_MAX];
	int64_t not_before_s, not_after_s; /* wall clock */
	unsigned key_bits;
	char key_kind[TLS_WORD_MAX], signature[TLS_WORD_MAX]; /* "RSA", "sha256WithRSAEncryption" */
	bool is_weak_key, is_weak_signature; /* RSA under 2048, EC under 224 bits; MD5 and SHA-1 */
	uint8_t certificate_sha256[TLS_SHA256_BYTES],
		key_sha256[TLS_SHA256_BYTES]; /* DANE (RFC 6698): selectors 0 and 1 */
};

/* After the handshake. */
void tls_facts(const struct tls *t, struct tls_facts *out);
/* Why the handshake failed, escaped; "" not known. Returns buffer. */
const char *tls_why(const struct tls *t, char *buffer, size_t size);

#endif
