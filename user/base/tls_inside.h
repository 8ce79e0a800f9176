/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of TLS share; nobody else includes it. */
#ifndef BASE_TLS_INSIDE_H
#define BASE_TLS_INSIDE_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/tls.h"

#define TLS_REASON_MAX 160 /* bytes of a sentence of OpenSSL's */

struct tls {
	SSL *ssl;
	int fd;		      /* the caller's */
	bool is_done;	      /* the handshake */
	bool is_broken;	      /* no goodbye may be said */
	bool is_gone;	      /* the other end closed in the handshake */
	char *wished;	      /* the name that the certificate should have; NULL none */
	unsigned long reason; /* OpenSSL's code of what broke it; 0 none */
};

/* A connection over the caller's socket, of neither role yet. 0 or -ENOMEM. */
int tls_new(struct tls **out, SSL_CTX *context, int fd);
/* The sentence, and OpenSSL's first reason behind it. Returns code. */
int tls_fail(struct err *e, int code, const char *what);

#endif
