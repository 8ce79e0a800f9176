/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of TLS need: certificates made on the spot, and a client to shake hands with. */
#ifndef SELFTESTS_UNIT_TLS_RIG_H
#define SELFTESTS_UNIT_TLS_RIG_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define RIG_PEM_MAX 8192
#define RIG_DAY_S   86400

struct rig {
	char chain[RIG_PEM_MAX], key[RIG_PEM_MAX];
	size_t chain_length, key_length;
};

static inline size_t rig_take(BIO *bio, char *buffer)
{
	int n = BIO_read(bio, buffer, RIG_PEM_MAX - 1);

	BIO_free(bio);
	buffer[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* A certificate of its own making for "mx.example", so often in its chain; its key, with a password if there is one. */
static inline void rig_make(struct rig *r, unsigned certificates, const char *password)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *chain = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_mem());

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), RIG_DAY_S);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"mx.example", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_sign(x, key, EVP_sha256());
	for (unsigned i = 0; i < certificates; i++)
		PEM_write_bio_X509(chain, x);
	PEM_write_bio_PrivateKey(private, key, password ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
				 (void *)password);
	r->chain_length = rig_take(chain, r->chain);
	r->key_length = rig_take(private, r->key);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* A client over a socket, of these versions. */
static inline SSL *rig_client(int fd, int least, int most)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_security_level(context, 0); /* else it would not even try what is old */
	SSL_CTX_set_min_proto_version(context, least);
	SSL_CTX_set_max_proto_version(context, most);
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(ssl, fd);
	SSL_set_connect_state(ssl);
	return ssl;
}

#endif
