/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS by OpenSSL: see tls.h. A socket is written with MSG_NOSIGNAL through a BIO of our own, since OpenSSL's would let a client
 * that has gone end the process by SIGPIPE. What a peer could use to make the server work or remember is off: renegotiation,
 * sessions, tickets, compression, early data; buffers are given back between records.
 */
#include "base/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/tls_inside.h"

#define CHAIN_MAX 16 /* certificates: real chains have up to five */
/* Of what is written in one record: a few hundred bytes at a time, and the buffer is as large. */
#define RECORD_BYTES 1024

struct tls_server {
	SSL_CTX *context;
};

/* ---- the socket ---- */

static BIO_METHOD *socket_method;

static int socket_fd(BIO *bio)
{
	const struct tls *t = BIO_get_data(bio);

	return t->fd;
}

static int socket_write(BIO *bio, const char *bytes, int length)
{
	ssize_t n = send(socket_fd(bio), bytes, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);

	BIO_clear_retry_flags(bio);
	if (n < 0 && err_is_for_later(errno))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int socket_read(BIO *bio, char *buffer, int size)
{
	ssize_t n = recv(socket_fd(bio), buffer, (size_t)size, MSG_DONTWAIT);

	BIO_clear_retry_flags(bio);
	if (n < 0 && err_is_for_later(errno))
		BIO_set_retry_read(bio);
	return (int)n;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH; /* nothing is held back; all other questions: no */
}

static BIO_METHOD *socket_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");

	if (m && BIO_meth_set_write(m, socket_write) && BIO_meth_set_read(m, socket_read) &&
	    BIO_meth_set_ctrl(m, socket_control))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* ---- the server ---- */

void tls_prepare(void)
{
	unsigned char byte;

	/* The configuration file is the system's: what is offered is said here, and there is none in an empty root. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
				 OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
			 NULL);
	/* Both generators are made at their first use. */
	(void)RAND_bytes(&byte, 1);
	(void)RAND_priv_bytes(&byte, 1);
	if (!socket_method)
		socket_method = socket_method_new();
}

int tls_fail(struct err *e, int code, const char *what)
{
	char reason[TLS_REASON_MAX] = "";
	unsigned long first = ERR_get_error();

	if (first)
		ERR_error_string_n(first, reason, sizeof(reason));
	ERR_clear_error();
	return err_set(e, code, "%s%s%s", what, first ? ": " : "", reason);
}

/* Without one OpenSSL asks at the terminal. */
static int password_none(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

/* The certificates of the chain, the first of them the server's own. */
static int chain_use(SSL_CTX *context, BIO *pem, struct err *e)
{
	unsigned count = 0;
	X509 *x;

	while ((x = PEM_read_bio_X509(pem, NULL, password_none, NULL))) {
		bool is_used = count++ ? SSL_CTX_add1_chain_cert(context, x) == 1
				       : SSL_CTX_use_certificate(context, x) == 1;

		X509_free(x);
		if (!is_used)
			return tls_fail(e, -EINVAL, "the certificate cannot be used");
		if (count > CHAIN_MAX)
			return err_set(e, -E2BIG, "more than %d certificates in a chain",
				       CHAIN_MAX);
	}
	/* The end of the text is reported as a missing beginning of the next. */
	if (!count || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return tls_fail(e, -EINVAL, "no certificate (PEM) can be read");
	ERR_clear_error();
	return 0;
}

static int key_use(SSL_CTX *context, BIO *pem, struct err *e)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, password_none, NULL);
	int ret = 0;

	if (!key)
		return tls_fail(e, -EINVAL, "no private key (PEM, without a password) can be read");
	if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
		ret = tls_fail(e, -EINVAL, "the key does not belong to the certificate");
	EVP_PKEY_free(key);
	return ret;
}

static int context_set_up(SSL_CTX *c)
{
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
				       SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_num_tickets(c, 0) != 1 || SSL_CTX_set_max_early_data(c, 0) != 1 ||
	    SSL_CTX_set_max_send_fragment(c, RECORD_BYTES) != 1)
		return -EPROTO;
	return 0;
}

static int server_load(SSL_CTX *context, BIO *chain, BIO *key, struct err *e)
{
	int ret;

	if (!chain || !key)
		return err_set(e, -ENOMEM, "no memory for a certificate");
	if (context_set_up(context) < 0)
		return tls_fail(e, -EPROTO, "TLS cannot be set up");
	ret = chain_use(context, chain, e);
	return ret < 0 ? ret : key_use(context, key, e);
}

int tls_server_new(struct tls_server **out, const void *chain, size_t chain_length, const void *key,
		   size_t key_length, struct err *e)
{
	struct tls_server *s = NULL;
	BIO *chain_pem, *key_pem;
	int ret;

	if (chain_length > INT_MAX || key_length > INT_MAX)
		return err_set(e, -EFBIG, "a certificate of that size is none");
	if (!socket_method)
		return err_set(e, -EPROTO, "TLS was not prepared");
	ERR_clear_error();
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "no memory for TLS");
	s->context = SSL_CTX_new(TLS_server_method());
	chain_pem = BIO_new_mem_buf(chain, (int)chain_length);
	key_pem = BIO_new_mem_buf(key, (int)key_length);
	if (s->context)
		ret = server_load(s->context, chain_pem, key_pem, e);
	else
		ret = tls_fail(e, -ENOMEM, "TLS cannot be set up");
	BIO_free(chain_pem);
	BIO_free(key_pem);
	if (ret < 0) {
		tls_server_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void tls_server_free(struct tls_server *s)
{
	if (!s)
		return;
	SSL_CTX_free(s->context);
	free(s);
}

/* ---- one connection ---- */

int tls_new(struct tls **out, SSL_CTX *context, int fd)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio = BIO_new(socket_method);

	if (t)
		t->ssl = SSL_new(context);
	if (!t || !bio || !t->ssl) {
		BIO_free(bio);
		tls_free(t);
		ERR_clear_error();
		return -ENOMEM;
	}
	t->fd = fd;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	*out = t;
	return 0;
}

int tls_accept(struct tls **out, struct tls_server *s, int fd)
{
	int ret = tls_new(out, s->context, fd);

	if (ret == 0)
		SSL_set_accept_state((*out)->ssl);
	return ret;
}

/* What a call that did not succeed means. */
static int verdict_of(struct tls *t, int ret, unsigned *wait_for)
{
	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*wait_for = EPOLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*wait_for = EPOLLOUT;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		t->is_broken = true;
		return -ECONNRESET;
	default:
		t->is_broken = true;
		t->reason = ERR_peek_error();
		return -EPROTO;
	}
}

int tls_handshake(struct tls *t, unsigned *wait_for)
{
	int ret;

	if (t->is_broken)
		return -EPROTO;
	ERR_clear_error();
	ret = SSL_do_handshake(t->ssl);
	if (ret == 1) {
		t->is_done = true;
		return 0;
	}
	ret = verdict_of(t, ret, wait_for);
	if (ret == 0 || ret == -ECONNRESET)
		t->is_gone = true;
	return ret == 0 ? -ECONNRESET : ret;
}

const char *tls_why(const struct tls *t, char *buffer, size_t size)
{
	const char *text = t->reason ? ERR_reason_error_string(t->reason) : NULL;

	if (!text)
		text = t->is_gone ? "the other end closed the connection" : "";
	return text_escape(text, strlen(text), buffer, size);
}

ssize_t tls_read(struct tls *t, void *buffer, size_t size, unsigned *wait_for)
{
	size_t n = 0;

	if (t->is_broken)
		return -EPROTO;
	ERR_clear_error();
	if (SSL_read_ex(t->ssl, buffer, size, &n) == 1)
		return (ssize_t)n;
	return verdict_of(t, 0, wait_for);
}

ssize_t tls_write(struct tls *t, const void *bytes, size_t length, unsigned *wait_for)
{
	size_t n = 0;
	int ret;

	if (t->is_broken)
		return -EPROTO;
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, bytes, length, &n) == 1)
		return (ssize_t)n;
	ret = verdict_of(t, 0, wait_for);
	return ret == 0 ? -EPIPE : ret;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	ERR_clear_error();
	if (t->is_done && !t->is_broken)
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
	SSL_free(t->ssl);
	free(t->wished);
	free(t);
}
