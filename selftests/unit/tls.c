/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS over a pair of sockets: handshakes with clients that are good, old, broken and gone; certificates that are none. */
#include "base/tls.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/drop.h"
#include "tap.h"
#include "unit/tls_rig.h"

#define TURNS_MAX 100 /* of a handshake that takes six at most */
#define WAIT_MS	  10000

struct scene {
	struct rig rig;
	struct tls_server *server;
	struct tls *tls;
	SSL *client;
	int fd[2]; /* the server's, the client's */
	unsigned wait_for;
};

static bool scene_open(struct scene *s, int least, int most)
{
	struct err e = {0};

	memset(s, 0, sizeof(*s));
	tls_prepare();
	rig_make(&s->rig, 1, NULL);
	if (!EXPECT(tls_server_new(&s->server, s->rig.chain, s->rig.chain_length, s->rig.key,
				   s->rig.key_length, &e) == 0,
		    "%s", e.text))
		return false;
	if (!EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s->fd) == 0, "sockets"))
		return false;
	s->client = rig_client(s->fd[1], least, most);
	return EXPECT(tls_accept(&s->tls, s->server, s->fd[0]) == 0, "accept");
}

static void scene_close(struct scene *s)
{
	tls_free(s->tls);
	tls_server_free(s->server);
	SSL_free(s->client);
	close(s->fd[0]);
	if (s->fd[1] >= 0)
		close(s->fd[1]);
}

/* Both in turn. What the server says in the end. */
static int shake_hands(struct scene *s)
{
	int ret = -EAGAIN, client = 0;

	for (unsigned i = 0; i < TURNS_MAX && (ret == -EAGAIN || (ret == 0 && client != 1)); i++) {
		client = SSL_do_handshake(s->client);
		if (ret == -EAGAIN)
			ret = tls_handshake(s->tls, &s->wait_for);
	}
	return ret;
}

TEST(both_ends_hear_each_other)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	char text[64];

	for (unsigned i = 0; i < 2; i++) {
		struct scene s;

		ENSURE(scene_open(&s, versions[i], versions[i]), "the scene");
		EXPECT(tls_handshake(s.tls, &s.wait_for) == -EAGAIN && s.wait_for == EPOLLIN,
		       "the server waits for the client");
		EXPECT(shake_hands(&s) == 0, "the handshake");
		EXPECT(SSL_version(s.client) == versions[i], "version %x", SSL_version(s.client));
		EXPECT(tls_read(s.tls, text, sizeof(text), &s.wait_for) == -EAGAIN &&
			       s.wait_for == EPOLLIN,
		       "nothing was said yet");
		EXPECT(SSL_write(s.client, "NOOP\r\n", 6) == 6, "the client speaks");
		EXPECT(tls_read(s.tls, text, 2, &s.wait_for) == 2 && memcmp(text, "NO", 2) == 0,
		       "a part is heard");
		EXPECT(tls_read(s.tls, text, sizeof(text), &s.wait_for) == 4, "and the rest");
		EXPECT(tls_write(s.tls, "250 Ok\r\n", 8, &s.wait_for) == 8, "the server speaks");
		EXPECT(SSL_read(s.client, text, sizeof(text)) == 8, "and is heard");
		SSL_shutdown(s.client);
		EXPECT(tls_read(s.tls, text, sizeof(text), &s.wait_for) == 0, "goodbye");
		tls_free(s.tls);
		s.tls = NULL;
		EXPECT(SSL_read(s.client, text, sizeof(text)) == 0 &&
			       SSL_get_error(s.client, 0) == SSL_ERROR_ZERO_RETURN,
		       "goodbye to you");
		scene_close(&s);
	}
}

TEST(old_versions_are_refused)
{
	struct scene s;

	ENSURE(scene_open(&s, TLS1_VERSION, TLS1_1_VERSION), "the scene");
	EXPECT(shake_hands(&s) == -EPROTO, "TLS 1.1");
	EXPECT(tls_handshake(s.tls, &s.wait_for) == -EPROTO, "and for good");
	scene_close(&s);
}

TEST(nobody_shakes_hands_twice_nor_resumes)
{
	struct scene s;
	unsigned turns = 0;
	char text[8];
	int client;

	ENSURE(scene_open(&s, TLS1_2_VERSION, TLS1_2_VERSION), "the scene");
	ENSURE(shake_hands(&s) == 0, "the handshake");
	EXPECT(!SSL_SESSION_is_resumable(SSL_get_session(s.client)), "no session to come back to");
	SSL_renegotiate(s.client);
	do {
		client = SSL_do_handshake(s.client);
		(void)tls_read(s.tls, text, sizeof(text), &s.wait_for);
	} while (client != 1 && SSL_get_error(s.client, client) == SSL_ERROR_WANT_READ &&
		 turns++ < TURNS_MAX);
	EXPECT(client != 1, "the client has it refused");
	scene_close(&s);
}

TEST(noise_is_no_handshake)
{
	struct scene s;
	char noise[512];

	for (unsigned i = 0; i < 3; i++) {
		memset(noise, i == 0 ? 0 : i == 1 ? 0x16 : 'E', sizeof(noise));
		ENSURE(scene_open(&s, TLS1_2_VERSION, TLS1_3_VERSION), "the scene");
		EXPECT(write(s.fd[1], noise, sizeof(noise)) > 0, "noise");
		EXPECT(tls_handshake(s.tls, &s.wait_for) == -EPROTO, "refused");
		scene_close(&s);
	}
}

TEST(who_leaves_ends_only_the_connection)
{
	struct scene s;
	char text[4096] = "x";
	ssize_t n = 0;

	ENSURE(scene_open(&s, TLS1_2_VERSION, TLS1_3_VERSION), "the scene");
	close(s.fd[1]);
	s.fd[1] = -1;
	EXPECT(tls_handshake(s.tls, &s.wait_for) == -ECONNRESET, "before the handshake");
	scene_close(&s);

	ENSURE(scene_open(&s, TLS1_2_VERSION, TLS1_3_VERSION), "the scene");
	ENSURE(shake_hands(&s) == 0, "the handshake");
	close(s.fd[1]);
	s.fd[1] = -1;
	/* A signal would end this program. */
	EXPECT(tls_write(s.tls, text, sizeof(text), &s.wait_for) == -ECONNRESET, "write");
	EXPECT(tls_read(s.tls, text, sizeof(text), &s.wait_for) == -EPROTO, "and no more");
	scene_close(&s);

	ENSURE(scene_open(&s, TLS1_2_VERSION, TLS1_3_VERSION), "the scene");
	ENSURE(shake_hands(&s) == 0, "the handshake");
	while ((n = tls_write(s.tls, text, sizeof(text), &s.wait_for)) > 0)
		;
	EXPECT(n == -EAGAIN && s.wait_for == EPOLLOUT, "one that does not read: %zd", n);
	scene_close(&s);
}

TEST(certificates_and_keys_are_held_to_what_they_are)
{
	static struct rig good, other, secret, two, many;
	const struct {
		const char *sentence;
		const struct rig *chain, *key;
		size_t chain_length, key_length;
		const char *says; /* NULL: taken */
	} rows[] = {
		{"a good one", &good, &good, good.chain_length, good.key_length, NULL},
		{"a chain of two", &two, &two, 0, 0, NULL},
		{"another's key", &good, &other, 0, 0, "does not belong"},
		{"a key with a password", &secret, &secret, 0, 0, "without a password"},
		{"no certificate", &good, &good, 1, 0, "no certificate"},
		{"half a certificate", &good, &good, 200, 0, "no certificate"},
		{"no key", &good, &good, 0, 1, "no private key"},
		{"a chain too long", &many, &many, 0, 0, "more than 16"},
	};
	struct tls_server *server;

	tls_prepare();
	rig_make(&good, 1, NULL);
	rig_make(&other, 1, NULL);
	rig_make(&two, 2, NULL);
	rig_make(&many, 17, NULL);
	rig_make(&secret, 1, "secret");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};
		int ret;

		server = NULL;
		ret = tls_server_new(
			&server, rows[i].chain->chain,
			rows[i].chain_length ? rows[i].chain_length : rows[i].chain->chain_length,
			rows[i].key->key,
			rows[i].key_length ? rows[i].key_length : rows[i].key->key_length, &e);
		if (rows[i].says)
			EXPECT(ret < 0 && strstr(e.text, rows[i].says), "%s: %d %s",
			       rows[i].sentence, ret, e.text);
		else
			EXPECT(ret == 0, "%s: %s", rows[i].sentence, e.text);
		tls_server_free(server);
	}
}

/* A whole session, in a process that has given up all but an event loop's system calls. Its exit status. */
static int serve_dropped(struct scene *s)
{
	struct drop d = {.files = 16};
	struct err e = {0};
	struct pollfd p = {.fd = s->fd[0]};
	char text[64];
	ssize_t n = -EAGAIN;

	if (drop_privileges(&d, &e) < 0)
		return 99;
	while ((n = tls_handshake(s->tls, &s->wait_for)) == -EAGAIN) {
		p.events = (short)s->wait_for;
		poll(&p, 1, WAIT_MS);
	}
	p.events = POLLIN;
	while (n == 0 || n == -EAGAIN) {
		n = tls_read(s->tls, text, sizeof(text), &s->wait_for);
		if (n == -EAGAIN)
			poll(&p, 1, WAIT_MS);
	}
	if (n != 6 || tls_write(s->tls, "250 Ok\r\n", 8, &s->wait_for) != 8)
		return 1;
	tls_free(s->tls);
	tls_server_free(s->server);
	return 0;
}

TEST(it_needs_no_file_and_no_further_system_call)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	if (geteuid() != 0)
		SKIP("root, to give it up");
	SKIP_IF_SANITIZED();
	fflush(stdout);
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;
		struct pollfd p = {.events = POLLIN};
		int status = 0;
		char text[64];
		pid_t pid;

		ENSURE(scene_open(&s, versions[i], versions[i]), "the scene");
		pid = fork();
		if (pid == 0)
			_exit(serve_dropped(&s));
		p.fd = s.fd[1];
		while (SSL_do_handshake(s.client) != 1 && poll(&p, 1, WAIT_MS) == 1 &&
		       waitpid(pid, &status, WNOHANG) == 0)
			;
		EXPECT(SSL_write(s.client, "NOOP\r\n", 6) == 6, "the client speaks");
		while (SSL_read(s.client, text, sizeof(text)) != 8 && poll(&p, 1, WAIT_MS) == 1 &&
		       waitpid(pid, &status, WNOHANG) == 0)
			;
		if (!status)
			waitpid(pid, &status, 0);
		EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "version %x: status %x",
		       versions[i], status);
		scene_close(&s);
	}
}

/* Of one that is idle between commands: what a responder pays for each client with TLS. */
#define BYTES_IDLE_MAX (16 * 1024)

TEST(an_idle_connection_costs_bounded_memory)
{
	struct scene s;
	size_t before, during;

#ifdef __SANITIZE_ADDRESS__
	SKIP("a sanitizer, which has an allocator of its own");
#endif
	ENSURE(scene_open(&s, TLS1_3_VERSION, TLS1_3_VERSION), "the scene");
	ENSURE(shake_hands(&s) == 0, "the handshake");
	SSL_free(s.client);
	s.client = NULL;
	during = mallinfo2().uordblks;
	tls_free(s.tls);
	s.tls = NULL;
	before = mallinfo2().uordblks;
	printf("# %zu bytes for an idle connection\n", during - before);
	EXPECT(during - before < BYTES_IDLE_MAX, "%zu bytes", during - before);
	scene_close(&s);
}
