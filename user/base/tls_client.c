/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS for clients: see tls.h. This one wants to know what a server does, not to be safe with it: it offers what nobody should take any
 * more, and no certificate ends a handshake. Trusted certificates are read whole at the start, since OpenSSL's own way looks for
 * each when it is needed, in files that are out of reach by then.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/tls_inside.h"

/*
 * All that the library has, the strongest first, and what encrypts nothing at the very end. Without anonymous ones: a server that prefers
 * them would show no certificate.
 */
#define CIPHERS "ALL:!PSK:!SRP:!aNULL:eNULL:@SECLEVEL=0"
#define DEPTH_MAX                                                                                  \
	10 /* certificates between the server's and a trusted one: real chains have up to four */

#define SHOWN_MAX 200 /* bytes of a path in a sentence */

struct tls_client {
	SSL_CTX *context;
};

/* Where systems keep all of them in one file: Debian, Fedora, Alpine and OpenBSD. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
};

static const char *const version_names[] = {
	[TLS_ANY] = "any",     [TLS_1_0] = "TLS 1.0", [TLS_1_1] = "TLS 1.1",
	[TLS_1_2] = "TLS 1.2", [TLS_1_3] = "TLS 1.3",
};

const char *tls_version_name(enum tls_version v)
{
	return version_names[v];
}

/* ---- whom to trust ---- */

static int trust_file(struct tls_client *c, const char *path, struct err *e)
{
	char what[SHOWN_MAX + TLS_REASON_MAX], shown[SHOWN_MAX];

	ERR_clear_error();
	if (X509_STORE_load_file(SSL_CTX_get_cert_store(c->context), path) == 1)
		return 0;
	(void)snprintf(what, sizeof(what), "%s: no certificates (PEM) can be read",
		       text_escape(path, strlen(path), shown, sizeof(shown)));
	return tls_fail(e, -EINVAL, what);
}

/* Each file in it; what is none of certificates is passed over, since directories of them hold other things too. */
static int trust_directory(struct tls_client *c, const char *path, struct err *e)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	unsigned count = 0;
	char file[PATH_MAX], shown[SHOWN_MAX];
	struct stat st;

	text_escape(path, strlen(path), shown, sizeof(shown));
	if (!directory)
		return err_set(e, -errno, "%s: %s", shown, strerror(errno));
	while ((entry = readdir(directory))) {
		int length = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);

		if (length > 0 && (size_t)length < sizeof(file) && stat(file, &st) == 0 &&
		    S_ISREG(st.st_mode) && trust_file(c, file, NULL) == 0)
			count++;
	}
	closedir(directory);
	return count ? 0 : err_set(e, -ENOENT, "%s: no file of certificates (PEM) in it", shown);
}

int tls_client_trust(struct tls_client *c, const char *path, struct err *e)
{
	char shown[SHOWN_MAX];
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(e, -errno, "%s: %s",
			       text_escape(path, strlen(path), shown, sizeof(shown)),
			       strerror(errno));
	return S_ISDIR(st.st_mode) ? trust_directory(c, path, e) : trust_file(c, path, e);
}

static void trust_system(struct tls_client *c)
{
	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
		if (trust_file(c, bundles[i], NULL) == 0)
			return;
	(void)trust_file(c, X509_get_default_cert_file(), NULL);
	ERR_clear_error();
}

/* ---- the client ---- */

static int client_set_up(SSL_CTX *c)
{
	X509_VERIFY_PARAM *p = SSL_CTX_get0_param(c);

	/* Servers without secure renegotiation (RFC 5746) are old, not unreachable. Some devices choke on a hello of 256 to 511 bytes. */
	SSL_CTX_set_options(c, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_RENEGOTIATION |
				       SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
				       SSL_OP_TLSEXT_PADDING | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_verify_depth(c, DEPTH_MAX);
	/* The times of the certificate are a fact of their own; a chain is not distrusted for them. */
	if (X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_NO_CHECK_TIME) != 1 ||
	    SSL_CTX_set_cipher_list(c, CIPHERS) != 1)
		return -EPROTO;
	return 0;
}

int tls_client_new(struct tls_client **out, struct err *e)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return err_set(e, -ENOMEM, "no memory for TLS");
	tls_prepare();
	ERR_clear_error();
	c->context = SSL_CTX_new(TLS_client_method());
	ret = c->context ? client_set_up(c->context) : -ENOMEM;
	if (ret < 0) {
		tls_client_free(c);
		return tls_fail(e, ret, "TLS cannot be set up");
	}
	trust_system(c);
	*out = c;
	return 0;
}

void tls_client_free(struct tls_client *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->context);
	free(c);
}

/* ---- one connection ---- */

static int version_number(enum tls_version v, int any)
{
	static const int numbers[] = {
		[TLS_1_0] = TLS1_VERSION,
		[TLS_1_1] = TLS1_1_VERSION,
		[TLS_1_2] = TLS1_2_VERSION,
		[TLS_1_3] = TLS1_3_VERSION,
	};

	return v == TLS_ANY ? any : numbers[v];
}

/* The name of a host is sent to it (RFC 6066, 3); addresses are not, nor what is none and would be refused here. */
static void name_send(SSL *ssl, const char *name)
{
	struct addr addr;

	if (*name && addr_parse(name, &addr, NULL) < 0)
		(void)SSL_set_tlsext_host_name(ssl, name);
}

int tls_connect(struct tls **out, struct tls_client *c, int fd, const struct tls_wish *wish)
{
	struct tls *t;
	size_t length;
	int ret = tls_new(&t, c->context, fd);

	if (ret < 0)
		return ret;
	t->wished = strdup(wish->name);
	if (!t->wished ||
	    SSL_set_min_proto_version(t->ssl, version_number(wish->least, TLS1_VERSION)) != 1 ||
	    SSL_set_max_proto_version(t->ssl, version_number(wish->most, TLS1_3_VERSION)) != 1) {
		tls_free(t);
		return -ENOMEM;
	}
	/* The root's dot is no part of a name in TLS (RFC 6066, 3). */
	length = strlen(t->wished);
	if (length && t->wished[length - 1] == '.')
		t->wished[length - 1] = '\0';
	name_send(t->ssl, t->wished);
	ERR_clear_error();
	SSL_set_connect_state(t->ssl);
	*out = t;
	return 0;
}
