/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS as a client that wants to know everything: certificates of every worth, made on the spot and shown by a server of OpenSSL's; versions;
 * what is no TLS at all.
 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/tls.h"
#include "tap.h"
#include "unit/tls_rig.h"

#define TURNS_MAX    100
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum key_choice { KEY_P256, KEY_RSA1024, KEY_RSA2048, KEY_ED25519 };

/* A certificate to be made. */
struct wanted {
	const char *sentence;
	const char *common, *alternative; /* "DNS:a,IP:b"; NULL none */
	enum key_choice key;
	bool by_authority, is_sha1;
	int from_days, to_days;
};

struct made {
	X509 *x;
	EVP_PKEY *key;
};

static EVP_PKEY *key_make(enum key_choice choice)
{
	switch (choice) {
	case KEY_RSA1024:
		return EVP_RSA_gen(1024);
	case KEY_RSA2048:
		return EVP_RSA_gen(2048);
	case KEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case KEY_P256:
	default:
		return EVP_EC_gen("P-256");
	}
}

static void extend(X509 *x, int nid, const char *text)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, text);

	X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
}

static struct made make(const struct wanted *w, const struct made *authority)
{
	struct made m = {.x = X509_new(), .key = key_make(w->key)};
	const struct made *by = authority ? authority : &m;

	X509_set_version(m.x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(m.x), authority ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(m.x), (long)w->from_days * RIG_DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(m.x), (long)w->to_days * RIG_DAY_S);
	X509_set_pubkey(m.x, m.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(m.x), "O", MBSTRING_ASC,
				   (const unsigned char *)"Exa\033mple", -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(m.x), "CN", MBSTRING_ASC,
				   (const unsigned char *)w->common, -1, -1, 0);
	X509_set_issuer_name(m.x, X509_get_subject_name(by->x));
	if (w->alternative)
		extend(m.x, NID_subject_alt_name, w->alternative);
	if (!authority && !w->alternative)
		extend(m.x, NID_basic_constraints, "critical,CA:TRUE");
	X509_sign(m.x, by->key,
		  by->key == m.key && w->key == KEY_ED25519 ? NULL
		  : w->is_sha1				    ? EVP_sha1()
							    : EVP_sha256());
	return m;
}

static void made_free(struct made *m)
{
	X509_free(m->x);
	EVP_PKEY_free(m->key);
}

struct scene {
	struct tls_client *client;
	struct tls *tls;
	SSL *server;
	int fd[2]; /* the client's, the server's */
	unsigned wait_for;
};

static bool scene_open(struct scene *s, struct tls_client *client, const struct made *m,
		       const struct tls_wish *wish)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	*s = (struct scene){.client = client};
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_cipher_list(context, "ALL:eNULL");
	if (m) {
		SSL_CTX_use_certificate(context, m->x);
		SSL_CTX_use_PrivateKey(context, m->key);
	}
	s->server = SSL_new(context);
	SSL_CTX_free(context);
	if (!EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s->fd) == 0, "sockets"))
		return false;
	SSL_set_fd(s->server, s->fd[1]);
	SSL_set_accept_state(s->server);
	return EXPECT(tls_connect(&s->tls, client, s->fd[0], wish) == 0, "connect");
}

static void scene_close(struct scene *s)
{
	tls_free(s->tls);
	SSL_free(s->server);
	close(s->fd[0]);
	close(s->fd[1]);
}

/* Both in turn. What the client says in the end. */
static int shake_hands(struct scene *s)
{
	int ret = -EAGAIN, server = 0;

	for (unsigned i = 0; i < TURNS_MAX && (ret == -EAGAIN || (ret == 0 && server != 1)); i++) {
		if (ret == -EAGAIN)
			ret = tls_handshake(s->tls, &s->wait_for);
		server = SSL_do_handshake(s->server);
	}
	return ret;
}

static const struct wanted root_wanted = {.common = "Root of tests", .to_days = 10};

/* What is made of this certificate, asked for by this name. */
static bool look_at(struct tls_client *c, const struct made *m, const char *name,
		    struct tls_facts *out)
{
	struct tls_wish wish = {0};
	struct scene s;
	bool is_done;

	memcpy(wish.name, name, strlen(name) + 1);
	if (!scene_open(&s, c, m, &wish))
		return false;
	is_done = shake_hands(&s) == 0;
	if (is_done)
		tls_facts(s.tls, out);
	scene_close(&s);
	return is_done;
}

static struct tls_client *client_trusting(const struct made *root)
{
	struct tls_client *c = NULL;
	struct err e = {0};
	char path[TAP_TEMP_MAX];
	BIO *bio;

	close(tap_temp_file(path, "root"));
	bio = BIO_new_file(path, "w");
	PEM_write_bio_X509(bio, root->x);
	BIO_free(bio);
	EXPECT(tls_client_new(&c, &e) == 0, "%s", e.text);
	EXPECT(tls_client_trust(c, path, &e) == 0, "%s", e.text);
	unlink(path);
	return c;
}

TEST(a_certificate_is_judged_by_each_of_its_parts)
{
	static const struct {
		struct wanted want;
		const char *name; /* that the client wants */
		bool is_trusted, is_self_signed, has_name, weak_key, weak_signature;
		unsigned bits;
		const char *kind;
	} rows[] = {
		{{"a good one", "mx.example", "DNS:mx.example", KEY_P256, true, false, -1, 9},
		 "mx.example",
		 true,
		 false,
		 true,
		 false,
		 false,
		 256,
		 "EC"},
		{{"case and dot do not matter", "x", "DNS:MX.Example", KEY_P256, true, false, -1,
		  9},
		 "mx.example.",
		 true,
		 false,
		 true,
		 false,
		 false,
		 256,
		 "EC"},
		{{"of its own making", "mx.example", NULL, KEY_P256, false, false, -1, 9},
		 "mx.example",
		 false,
		 true,
		 true,
		 false,
		 false,
		 256,
		 "EC"},
		{{"for another name", "other", "DNS:other.example", KEY_P256, true, false, -1, 9},
		 "mx.example",
		 true,
		 false,
		 false,
		 false,
		 false,
		 256,
		 "EC"},
		{{"a wildcard", "x", "DNS:*.mail.example", KEY_P256, true, false, -1, 9},
		 "mx.mail.example",
		 true,
		 false,
		 true,
		 false,
		 false,
		 256,
		 "EC"},
		{{"a wildcard stands for one label", "x", "DNS:*.mail.example", KEY_P256, true,
		  false, -1, 9},
		 "a.mx.mail.example",
		 true,
		 false,
		 false,
		 false,
		 false,
		 256,
		 "EC"},
		{{"a part of a label is none", "x", "DNS:m*.mail.example", KEY_P256, true, false,
		  -1, 9},
		 "mx.mail.example",
		 true,
		 false,
		 false,
		 false,
		 false,
		 256,
		 "EC"},
		{{"an address", "x", "IP:192.0.2.25", KEY_P256, true, false, -1, 9},
		 "192.0.2.25",
		 true,
		 false,
		 true,
		 false,
		 false,
		 256,
		 "EC"},
		{{"an IPv6 address", "x", "IP:2001:db8::25", KEY_P256, true, false, -1, 9},
		 "2001:db8::25",
		 true,
		 false,
		 true,
		 false,
		 false,
		 256,
		 "EC"},
		{{"an address is no name", "x", "DNS:192.0.2.25", KEY_P256, true, false, -1, 9},
		 "192.0.2.25",
		 true,
		 false,
		 false,
		 false,
		 false,
		 256,
		 "EC"},
		{{"no name wished for", "mx.example", NULL, KEY_P256, true, false, -1, 9},
		 "",
		 true,
		 false,
		 false,
		 false,
		 false,
		 256,
		 "EC"},
		{{"the common name beside others does not count", "mx.example", "DNS:a.example",
		  KEY_P256, true, false, -1, 9},
		 "mx.example",
		 true,
		 false,
		 false,
		 false,
		 false,
		 256,
		 "EC"},
		{{"expired: the chain is what it was", "mx.example", NULL, KEY_P256, true, false,
		  -9, -1},
		 "mx.example",
		 true,
		 false,
		 true,
		 false,
		 false,
		 256,
		 "EC"},
		{{"short RSA", "mx.example", NULL, KEY_RSA1024, true, false, -1, 9},
		 "mx.example",
		 true,
		 false,
		 true,
		 true,
		 false,
		 1024,
		 "RSA"},
		{{"RSA", "mx.example", NULL, KEY_RSA2048, true, false, -1, 9},
		 "mx.example",
		 true,
		 false,
		 true,
		 false,
		 false,
		 2048,
		 "RSA"},
		{{"Edwards", "mx.example", NULL, KEY_ED25519, true, false, -1, 9},
		 "mx.example",
		 true,
		 false,
		 true,
		 false,
		 false,
		 256,
		 "ED25519"},
		{{"SHA-1", "mx.example", NULL, KEY_P256, true, true, -1, 9},
		 "mx.example",
		 true,
		 false,
		 true,
		 false,
		 true,
		 256,
		 "EC"},
	};
	struct made root = make(&root_wanted, NULL);
	struct tls_client *c = client_trusting(&root);

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct wanted *w = &rows[i].want;
		struct made m = make(w, w->by_authority ? &root : NULL);
		struct tls_facts f = {0};
		int64_t now = time(NULL);

		EXPECT(look_at(c, &m, rows[i].name, &f), "%s: the handshake", w->sentence);
		EXPECT(f.has_certificate && f.is_trusted == rows[i].is_trusted &&
			       !f.untrusted[0] == f.is_trusted,
		       "%s: trusted %d: %s", w->sentence, f.is_trusted, f.untrusted);
		EXPECT(f.is_self_signed == rows[i].is_self_signed, "%s: self-signed", w->sentence);
		EXPECT(f.has_name == rows[i].has_name, "%s: the name, of %s", w->sentence, f.names);
		EXPECT(f.is_weak_key == rows[i].weak_key && f.key_bits == rows[i].bits &&
			       !strcmp(f.key_kind, rows[i].kind),
		       "%s: %s of %u bits", w->sentence, f.key_kind, f.key_bits);
		EXPECT(f.is_weak_signature == rows[i].weak_signature, "%s: %s", w->sentence,
		       f.signature);
		EXPECT(llabs(f.not_after_s - now - w->to_days * (int64_t)RIG_DAY_S) < 60 &&
			       llabs(f.not_before_s - now - w->from_days * (int64_t)RIG_DAY_S) < 60,
		       "%s: times", w->sentence);
		made_free(&m);
	}
	tls_client_free(c);
	made_free(&root);
}

TEST(texts_and_digests_are_those_of_the_certificate)
{
	static const struct wanted want = {.common = "mx.example",
					   .alternative =
						   "DNS:mx.example,DNS:a.example,IP:192.0.2.1",
					   .to_days = 1};
	struct made m = make(&want, NULL);
	struct tls_facts f = {0};
	struct tls_client *c = NULL;
	uint8_t certificate[TLS_SHA256_BYTES], key[TLS_SHA256_BYTES];
	unsigned char *der = NULL;
	int length = i2d_PUBKEY(m.key, &der);

	ENSURE(tls_client_new(&c, NULL) == 0 && look_at(c, &m, "mx.example", &f), "a look");
	EXPECT(!strcmp(f.subject, "CN=mx.example, O=Exa\\x1bmple"), "%s", f.subject);
	EXPECT(!strcmp(f.issuer, f.subject), "%s", f.issuer);
	EXPECT(!strcmp(f.names, "mx.example, a.example, 192.0.2.1"), "%s", f.names);
	EXPECT(!strcmp(f.signature, "ecdsa-with-SHA256"), "%s", f.signature);
	EXPECT(strstr(f.untrusted, "self-signed"), "%s", f.untrusted);
	EXPECT(f.version == TLS_1_3 && strstr(f.cipher, "TLS_AES_") && !f.is_weak_cipher, "%s",
	       f.cipher);
	X509_digest(m.x, EVP_sha256(), certificate, NULL);
	EVP_Digest(der, (size_t)length, key, NULL, EVP_sha256(), NULL);
	EXPECT(!memcmp(certificate, f.certificate_sha256, sizeof(certificate)), "certificate");
	EXPECT(!memcmp(key, f.key_sha256, sizeof(key)), "key");
	OPENSSL_free(der);
	tls_client_free(c);
	made_free(&m);
}

TEST(it_speaks_what_it_is_asked_to_and_no_other)
{
	static const struct {
		enum tls_version least, most;
		int server_most;
		const char *ciphers;
		enum tls_version version; /* TLS_ANY: no handshake */
		bool is_weak;
	} rows[] = {
		{TLS_ANY, TLS_ANY, TLS1_3_VERSION, NULL, TLS_1_3, false},
		{TLS_ANY, TLS_ANY, TLS1_2_VERSION, NULL, TLS_1_2, false},
		{TLS_ANY, TLS_ANY, TLS1_VERSION, NULL, TLS_1_0, false},
		{TLS_1_0, TLS_1_0, TLS1_3_VERSION, NULL, TLS_1_0, false},
		{TLS_1_1, TLS_1_1, TLS1_3_VERSION, NULL, TLS_1_1, false},
		{TLS_1_2, TLS_1_2, TLS1_3_VERSION, NULL, TLS_1_2, false},
		{TLS_1_3, TLS_1_3, TLS1_2_VERSION, NULL, TLS_ANY, false},
		{TLS_1_2, TLS_ANY, TLS1_1_VERSION, NULL, TLS_ANY, false},
		{TLS_ANY, TLS_ANY, TLS1_2_VERSION, "eNULL:@SECLEVEL=0", TLS_1_2, true},
	};
	static const struct wanted want = {.common = "mx.example", .to_days = 1};
	struct made m = make(&want, NULL);
	struct tls_client *c = NULL;

	ENSURE(tls_client_new(&c, NULL) == 0, "a client");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_wish wish = {.least = rows[i].least, .most = rows[i].most};
		struct tls_facts f = {0};
		struct scene s;
		char why[TLS_TEXT_MAX];
		int ret;

		ENSURE(scene_open(&s, c, &m, &wish), "the scene");
		SSL_set_max_proto_version(s.server, rows[i].server_most);
		if (rows[i].ciphers)
			SSL_set_cipher_list(s.server, rows[i].ciphers);
		ret = shake_hands(&s);
		EXPECT((ret == 0) == (rows[i].version != TLS_ANY), "row %zu: %d", i, ret);
		if (ret == 0)
			tls_facts(s.tls, &f);
		else
			EXPECT(strstr(tls_why(s.tls, why, sizeof(why)), "version"), "row %zu: %s",
			       i, why);
		EXPECT(f.version == rows[i].version && f.is_weak_cipher == rows[i].is_weak,
		       "row %zu: %s, %s", i, tls_version_name(f.version), f.cipher);
		scene_close(&s);
	}
	tls_client_free(c);
	made_free(&m);
}

TEST(only_names_are_sent)
{
	static const struct {
		const char *wish, *sent;
	} rows[] = {{"mx.example", "mx.example"},
		    {"mx.example.", "mx.example"},
		    {"192.0.2.1", NULL},
		    {"2001:db8::1", NULL},
		    {"", NULL}};
	static const struct wanted want = {.common = "mx.example", .to_days = 1};
	struct made m = make(&want, NULL);
	struct tls_client *c = NULL;

	ENSURE(tls_client_new(&c, NULL) == 0, "a client");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_wish wish = {0};
		struct scene s;
		const char *sent;

		memcpy(wish.name, rows[i].wish, strlen(rows[i].wish));
		ENSURE(scene_open(&s, c, &m, &wish) && shake_hands(&s) == 0, "the handshake");
		sent = SSL_get_servername(s.server, TLSEXT_NAMETYPE_host_name);
		EXPECT(rows[i].sent ? sent && !strcmp(sent, rows[i].sent) : !sent, "%s: %s",
		       rows[i].wish, sent ? sent : "nothing");
		scene_close(&s);
	}
	tls_client_free(c);
	made_free(&m);
}

TEST(what_is_no_tls_is_told)
{
	static const struct {
		const char *sentence, *bytes; /* NULL: it closes */
		const char *says;
	} rows[] = {
		{"plain text", "220 mx.example ESMTP\r\n", "wrong version number"},
		{"noise", "\001\002\003\004\005\006\007\010\011\012", "wrong version number"},
		{"an alert", "\x15\x03\x01\x00\x02\x02\x28", "handshake failure"},
		{"nothing", NULL, "closed the connection"},
	};
	static const struct tls_wish wish = {.name = "mx.example"};
	struct tls_client *c = NULL;

	ENSURE(tls_client_new(&c, NULL) == 0, "a client");
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length = rows[i].bytes && rows[i].bytes[0] == 0x15 ? 7
				: rows[i].bytes				  ? strlen(rows[i].bytes)
									  : 0;
		char why[TLS_TEXT_MAX];
		struct scene s;

		ENSURE(scene_open(&s, c, NULL, &wish), "the scene");
		EXPECT(tls_handshake(s.tls, &s.wait_for) == -EAGAIN && s.wait_for == EPOLLIN,
		       "it waits for the server");
		if (rows[i].bytes)
			EXPECT(write(s.fd[1], rows[i].bytes, length) == (ssize_t)length, "bytes");
		else
			shutdown(s.fd[1], SHUT_WR);
		EXPECT(tls_handshake(s.tls, &s.wait_for) < 0, "%s: no handshake", rows[i].sentence);
		EXPECT(strstr(tls_why(s.tls, why, sizeof(why)), rows[i].says), "%s: %s",
		       rows[i].sentence, why);
		scene_close(&s);
	}
	tls_client_free(c);
}

TEST(trust_needs_certificates)
{
	struct tls_client *c = NULL;
	struct err e = {0};
	char path[TAP_TEMP_MAX];

	ENSURE(tls_client_new(&c, &e) == 0, "%s", e.text);
	EXPECT(tls_client_trust(c, "/nonexistent", &e) == -ENOENT && strstr(e.text, "/nonexistent"),
	       "%s", e.text);
	close(tap_temp_file(path, "trust"));
	EXPECT(tls_client_trust(c, path, &e) < 0 && strstr(e.text, path), "%s", e.text);
	unlink(path);
	ENSURE(tap_temp_dir(path, "trust"), "a directory");
	EXPECT(tls_client_trust(c, path, &e) == -ENOENT && strstr(e.text, path), "%s", e.text);
	rmdir(path);
	tls_client_free(c);
}
