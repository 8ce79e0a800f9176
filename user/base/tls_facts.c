/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client's handshake came to: see tls.h. All in a certificate was chosen by whoever made it: texts are escaped, and what cannot be
 * read is left empty.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/tls_inside.h"

/* NIST SP 800-131A, 2 and 3: less than 112 bits of strength. */
#define RSA_BITS_LEAST 2048
#define EC_BITS_LEAST  224

static void text_copy(char *to, size_t size, const char *text)
{
	if (text)
		text_escape(text, strlen(text), to, size);
}

/* ---- versions and ciphers ---- */

static enum tls_version version_of(const SSL *ssl)
{
	switch (SSL_version(ssl)) {
	case TLS1_VERSION:
		return TLS_1_0;
	case TLS1_1_VERSION:
		return TLS_1_1;
	case TLS1_2_VERSION:
		return TLS_1_2;
	case TLS1_3_VERSION:
		return TLS_1_3;
	default:
		return TLS_ANY;
	}
}

static bool is_weak_cipher(const SSL_CIPHER *c)
{
	static const int weak[] = {NID_undef,	NID_rc4,    NID_des_cbc, NID_des_ede3_cbc,
				   NID_rc2_cbc, NID_rc4_40, NID_idea_cbc};
	int cipher = SSL_CIPHER_get_cipher_nid(c);

	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		if (cipher == weak[i])
			return true;
	return SSL_CIPHER_get_digest_nid(c) == NID_md5 ||
	       SSL_CIPHER_get_auth_nid(c) == NID_auth_null;
}

static void facts_of_cipher(const SSL *ssl, struct tls_facts *out)
{
	const SSL_CIPHER *c = SSL_get_current_cipher(ssl);

	if (!c)
		return;
	text_copy(out->cipher, sizeof(out->cipher), SSL_CIPHER_get_name(c));
	out->is_weak_cipher = is_weak_cipher(c);
}

/* ---- texts of a certificate ---- */

/* What was written into it, escaped. Takes the BIO. */
static void bio_take(BIO *bio, char *to, size_t size)
{
	char *bytes = NULL;
	long length = BIO_get_mem_data(bio, &bytes);

	if (length > 0)
		text_escape(bytes, (size_t)length, to, size);
	BIO_free(bio);
}

/* The common name comes first, as that is what people look for in a text that may be cut. */
static void facts_of_entity(const X509_NAME *name, char *to, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (!bio)
		return;
	(void)X509_NAME_print_ex(bio, name, 0,
				 XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN |
					 ASN1_STRFLGS_UTF8_CONVERT);
	bio_take(bio, to, size);
}

static void address_print(BIO *bio, const ASN1_OCTET_STRING *octets)
{
	const unsigned char *byte = ASN1_STRING_get0_data(octets);
	char text[ADDR_TEXT_MAX];
	struct addr a;

	if (ASN1_STRING_length(octets) == sizeof(struct in_addr)) {
		struct in_addr in;

		memcpy(&in, byte, sizeof(in));
		a = addr_from_v4(in);
	} else if (ASN1_STRING_length(octets) == sizeof(a.byte)) {
		memcpy(a.byte, byte, sizeof(a.byte));
	} else {
		return;
	}
	BIO_puts(bio, addr_format(&a, text));
}

static void names_print(BIO *bio, const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type != GEN_DNS && n->type != GEN_IPADD)
			continue;
		if (BIO_ctrl_pending(bio))
			BIO_puts(bio, ", ");
		if (n->type == GEN_IPADD)
			address_print(bio, n->d.iPAddress);
		else
			BIO_write(bio, ASN1_STRING_get0_data(n->d.dNSName),
				  ASN1_STRING_length(n->d.dNSName));
	}
}

/* The common name counts where no other names are given (RFC 6125, 6.4.4). */
static void common_name_print(BIO *bio, const X509_NAME *subject)
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const X509_NAME_ENTRY *entry = at < 0 ? NULL : X509_NAME_get_entry(subject, at);
	const ASN1_STRING *text = entry ? X509_NAME_ENTRY_get_data(entry) : NULL;

	if (text)
		BIO_write(bio, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
}

static void facts_of_names(X509 *x, struct tls_facts *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio) {
		names_print(bio, names);
		if (!BIO_ctrl_pending(bio))
			common_name_print(bio, X509_get_subject_name(x));
		bio_take(bio, out->names, sizeof(out->names));
	}
	GENERAL_NAMES_free(names);
}

/* ---- what it is worth ---- */

static bool has_name(X509 *x, const char *name)
{
	struct addr addr;

	if (!name || !*name)
		return false;
	if (addr_parse(name, &addr, NULL) == 0)
		return X509_check_ip_asc(x, name, 0) == 1;
	return X509_check_host(x, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void facts_of_key(X509 *x, struct tls_facts *out)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	int bits = key ? EVP_PKEY_get_bits(key) : 0;
	bool is_curve = key && (EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "ED25519") ||
				EVP_PKEY_is_a(key, "ED448"));

	if (!key)
		return;
	text_copy(out->key_kind, sizeof(out->key_kind), EVP_PKEY_get0_type_name(key));
	out->key_bits = bits > 0 ? (unsigned)bits : 0;
	out->is_weak_key = out->key_bits < (is_curve ? EC_BITS_LEAST : RSA_BITS_LEAST);
}

static void facts_of_signature(X509 *x, struct tls_facts *out)
{
	static const int weak[] = {NID_md2, NID_md4, NID_md5, NID_sha1};
	int digest = NID_undef;

	text_copy(out->signature, sizeof(out->signature), OBJ_nid2ln(X509_get_signature_nid(x)));
	if (X509_get_signature_info(x, &digest, NULL, NULL, NULL) != 1)
		return;
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		if (digest == weak[i])
			out->is_weak_signature = true;
}

static void facts_of_digests(X509 *x, struct tls_facts *out)
{
	unsigned char *bytes = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &bytes);

	(void)X509_digest(x, EVP_sha256(), out->certificate_sha256, NULL);
	if (length > 0)
		(void)EVP_Digest(bytes, (size_t)length, out->key_sha256, NULL, EVP_sha256(), NULL);
	OPENSSL_free(bytes);
}

static void facts_of_certificate(const struct tls *t, X509 *x, struct tls_facts *out)
{
	long verdict = SSL_get_verify_result(t->ssl);

	out->has_certificate = true;
	out->is_trusted = verdict == X509_V_OK;
	if (!out->is_trusted)
		text_copy(out->untrusted, sizeof(out->untrusted),
			  X509_verify_cert_error_string(verdict));
	out->is_self_signed = X509_self_signed(x, 1) == 1;
	out->has_name = has_name(x, t->wished);
	facts_of_entity(X509_get_subject_name(x), out->subject, sizeof(out->subject));
	facts_of_entity(X509_get_issuer_name(x), out->issuer, sizeof(out->issuer));
	facts_of_names(x, out);
	out->not_before_s = seconds_of(X509_get0_notBefore(x));
	out->not_after_s = seconds_of(X509_get0_notAfter(x));
	facts_of_key(x, out);
	facts_of_signature(x, out);
	facts_of_digests(x, out);
}

void tls_facts(const struct tls *t, struct tls_facts *out)
{
	X509 *x = SSL_get1_peer_certificate(t->ssl);

	*out = (struct tls_facts){0};
	out->version = version_of(t->ssl);
	facts_of_cipher(t->ssl, out);
	if (x)
		facts_of_certificate(t, x, out);
	X509_free(x);
	ERR_clear_error();
}
