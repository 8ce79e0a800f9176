/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The responder's process as the keeper has it: born with its settings, without privileges, held to the system calls of an event
 * loop; and a client that speaks with it, with and without TLS.
 */
#include "daemon/responder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/channel.h"
#include "base/drop.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"
#include "unit/reply_rig.h"

#define REFUSAL                                                                                    \
	"550 5.7.1 Service unavailable; client [127.0.0.1] blocked using bl.example; Spam; "       \
	"pm@example\r\n"

struct scene {
	char dir[TAP_TEMP_MAX];
	struct conf conf;
	struct responder_settings *settings;
	size_t length;
	int keeper; /* its end of the channel */
	struct rig_responder r;
};

static const char *in_dir(const struct scene *s, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	return path;
}

static void file_write(const struct scene *s, const char *name, const char *text)
{
	FILE *f = fopen(in_dir(s, name), "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static bool scene_new(struct scene *s)
{
	static struct rig rig, other;

	memset(s, 0, sizeof(*s));
	conf_defaults(&s->conf);
	strcpy(s->conf.responder.name, "mx.example");
	strcpy(s->conf.responder.contact, "pm@example");
	if (!EXPECT(tap_temp_dir(s->dir, "responder"), "a directory"))
		return false;
	rig_make(&rig, 2, NULL);
	rig_make(&other, 1, NULL);
	file_write(s, "cert.pem", rig.chain);
	file_write(s, "key.pem", rig.key);
	file_write(s, "other.pem", other.key);
	file_write(s, "empty.pem", "");
	if (mkfifo(in_dir(s, "fifo.pem"), 0600) || truncate(in_dir(s, "empty.pem"), 0))
		return false;
	file_write(s, "large.pem", "");
	return truncate(in_dir(s, "large.pem"), RESPONDER_PEM_MAX + 1) == 0;
}

static void scene_remove(struct scene *s)
{
	static const char *const files[] = {"cert.pem",	 "key.pem",  "other.pem",
					    "empty.pem", "fifo.pem", "large.pem"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(in_dir(s, files[i]));
	rmdir(s->dir);
	responder_settings_free(s->settings);
}

/* ---- settings ---- */

static const struct {
	const char *sentence, *certificate, *key, *name, *contact;
	const char *says; /* NULL: taken */
} rows[] = {
	{"plain", "", "", "mx.example", "", NULL},
	{"the host's name", "", "", "", "", NULL},
	{"with TLS", "cert.pem", "key.pem", "mx.example", "", NULL},
	{"a certificate alone", "cert.pem", "", "mx.example", "", "no responder.key beside it"},
	{"a key alone", "", "key.pem", "mx.example", "", "no responder.certificate beside it"},
	{"no such file", "cert.pem", "none.pem", "mx.example", "", "none.pem: No such file"},
	{"a pipe", "fifo.pem", "key.pem", "mx.example", "", "fifo.pem: not a regular file"},
	{"too large", "large.pem", "key.pem", "mx.example", "", "large.pem: larger"},
	{"an empty one", "empty.pem", "key.pem", "mx.example", "", "no certificate"},
	{"another's key", "cert.pem", "other.pem", "mx.example", "",
	 "cert.pem and its key: the key"},
	{"two names", "", "", "mx.example evil", "", "responder.name"},
	{"a contact with a line end", "", "", "mx.example", "a\r\n250 b", "responder.contact"},
};

static void path_set(const struct scene *s, char *to, const char *name)
{
	to[0] = '\0';
	if (*name)
		strcpy(to, in_dir(s, name));
}

TEST(settings_are_made_from_the_configuration_or_it_is_said_why_not)
{
	struct scene s;

	ENSURE(scene_new(&s), "the scene");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct responder_settings *out = NULL;
		struct err e = {0};
		int ret;

		path_set(&s, s.conf.responder.certificate, rows[i].certificate);
		path_set(&s, s.conf.responder.key, rows[i].key);
		strcpy(s.conf.responder.name, rows[i].name);
		strcpy(s.conf.responder.contact, rows[i].contact);
		ret = responder_settings_make(&s.conf, &out, &s.length, &e);
		if (rows[i].says)
			EXPECT(ret < 0 && !out && strstr(e.text, rows[i].says), "%s: %d %s",
			       rows[i].sentence, ret, e.text);
		else
			EXPECT(ret == 0 && out && out->reply.name[0] &&
				       responder_settings_check(out, s.length) == out,
			       "%s: %s", rows[i].sentence, e.text);
		responder_settings_free(out);
	}
	memset(s.conf.responder.contact, 'x', REPLY_TEXT_MAX);
	s.conf.responder.contact[REPLY_TEXT_MAX] = '\0';
	EXPECT(responder_settings_make(&s.conf, &s.settings, &s.length, NULL) < 0, "too long");
	scene_remove(&s);
}

TEST(settings_that_are_not_whole_are_none)
{
	struct scene s;

	ENSURE(scene_new(&s), "the scene");
	path_set(&s, s.conf.responder.certificate, "cert.pem");
	path_set(&s, s.conf.responder.key, "key.pem");
	ENSURE(responder_settings_make(&s.conf, &s.settings, &s.length, NULL) == 0, "made");
	EXPECT(!responder_settings_check(s.settings, s.length - 1), "a byte is missing");
	EXPECT(!responder_settings_check(s.settings, 10), "most is missing");
	s.settings->key_length += s.settings->chain_length;
	s.settings->chain_length = 0;
	EXPECT(!responder_settings_check(s.settings, s.length), "a key alone");
	scene_remove(&s);
}

/* ---- the process ---- */

static void serve(const struct scene *s, int channel, int listener)
{
	struct err e = {0};

	close(s->keeper);
	if (geteuid() == 0 && drop_identity(&e) < 0)
		_exit(99);
	_exit(responder_run(channel, listener, s->settings, s->length));
}

static bool scene_start(struct scene *s, const char *certificate, const char *key)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), off = 0, ends[2];
	struct err e = {0};

	if (!EXPECT(scene_new(s), "the scene"))
		return false;
	path_set(s, s->conf.responder.certificate, certificate);
	path_set(s, s->conf.responder.key, key);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (!EXPECT(responder_settings_make(&s->conf, &s->settings, &s->length, &e) == 0 &&
			    channel_pair(ends, &e) == 0,
		    "%s", e.text) ||
	    !EXPECT(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 16) == 0 &&
			    getsockname(fd, (struct sockaddr *)&at, &length) == 0,
		    "a listener"))
		return false;
	s->r.port = ntohs(at.sin6_port);
	s->keeper = ends[0];
	fflush(stdout);
	s->r.pid = fork();
	if (s->r.pid == 0)
		serve(s, ends[1], fd);
	close(ends[1]);
	close(fd);
	return EXPECT(s->r.pid > 0, "fork");
}

/* The next message of one type; others are passed over. NULL: none came. */
static const union message *hears(struct scene *s, enum message_type type)
{
	static union message m;
	struct pollfd p = {.fd = s->keeper, .events = POLLIN};
	struct err e = {0};
	ssize_t n;

	while (poll(&p, 1, RIG_WAIT_MS) == 1 && (n = recv(s->keeper, &m, sizeof(m), 0)) > 0) {
		if (!message_check(&m, (size_t)n,
				   1U << MESSAGE_READY | 1U << MESSAGE_WHY | 1U << MESSAGE_REJECT |
					   1U << MESSAGE_BUSY,
				   &e)) {
			EXPECT(false, "%s", e.text);
			return NULL;
		}
		if (m.head.type == type)
			return &m;
	}
	EXPECT(false, "no message %u came", type);
	return NULL;
}

static void answer(struct scene *s, const union message *why)
{
	struct message_because m = {
		.head = message_head(MESSAGE_BECAUSE),
		.id = why->why.id,
		.because = {.kind = REPLY_LISTED, .by = "bl.example", .text = "Spam"}};

	EXPECT(why->why.port == s->r.port && addr_is_v4(&why->why.addr), "who asks");
	EXPECT(send(s->keeper, &m, sizeof(m), 0) == sizeof(m), "the answer");
}

static void scene_end(struct scene *s, int want)
{
	int status = 0;

	close(s->keeper);
	waitpid(s->r.pid, &status, 0);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == want, "it ends: status %x", status);
	scene_remove(s);
}

TEST(it_asks_why_says_so_and_tells_of_it)
{
	struct scene s;
	const union message *m;
	int fd;

	SKIP_IF_SANITIZED();
	ENSURE(scene_start(&s, "", ""), "the responder");
	ENSURE(hears(&s, MESSAGE_READY), "ready");
	fd = rig_dial(&s.r, "127.0.0.1");
	rig_say(fd, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	rig_hears(fd,
		  "220 mx.example ESMTP\r\n"
		  "250-mx.example\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
		  "250 2.1.0 Ok\r\n");
	m = hears(&s, MESSAGE_WHY);
	ENSURE(m, "it asks");
	answer(&s, m);
	rig_hears(fd, REFUSAL);
	m = hears(&s, MESSAGE_REJECT);
	EXPECT(m && strcmp(m->reject.said.recipient, "c@d") == 0 && m->reject.said.esmtp, "said");
	m = hears(&s, MESSAGE_BUSY);
	EXPECT(m && m->busy.status.accepted == 1 && m->busy.status.refused == 1 &&
		       m->busy.status.open == 1,
	       "busy");
	close(fd);
	m = hears(&s, MESSAGE_BUSY);
	EXPECT(m && m->busy.status.open == 0, "and then not");
	scene_end(&s, EXIT_SUCCESS);
}

TEST(it_speaks_tls_where_it_can_open_nothing)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct scene s;
	const union message *m;
	char text[256] = "";
	SSL *ssl;
	int fd;

	SKIP_IF_SANITIZED();
	ENSURE(scene_start(&s, "cert.pem", "key.pem"), "the responder");
	ENSURE(hears(&s, MESSAGE_READY), "ready");
	for (unsigned i = 0; i < 2; i++) {
		fd = rig_dial(&s.r, "127.0.0.1");
		rig_say(fd, "STARTTLS\r\n");
		rig_hears(fd, "220 mx.example ESMTP\r\n220 2.0.0 Ready to start TLS\r\n");
		m = hears(&s, MESSAGE_WHY);
		ENSURE(m, "it asks");
		answer(&s, m);
		ssl = rig_client(fd, versions[i], versions[i]);
		ENSURE(SSL_do_handshake(ssl) == 1, "the handshake");
		EXPECT(SSL_write(ssl, "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\n", 29) == 29, "speaks");
		m = hears(&s, MESSAGE_REJECT);
		EXPECT(m && m->reject.said.tls == 1, "under TLS");
		EXPECT(SSL_read(ssl, text, sizeof(text) - 1) > 0, "answered");
		SSL_free(ssl);
		close(fd);
	}
	scene_end(&s, EXIT_SUCCESS);
}

TEST(a_keeper_that_talks_nonsense_ends_it)
{
	struct message_why m = {.head = message_head(MESSAGE_WHY)};
	struct scene s;

	SKIP_IF_SANITIZED();
	ENSURE(scene_start(&s, "", ""), "the responder");
	ENSURE(hears(&s, MESSAGE_READY), "ready");
	EXPECT(send(s.keeper, &m, sizeof(m), 0) == sizeof(m), "nonsense");
	scene_end(&s, EXIT_FAILURE);
}

TEST(settings_that_are_broken_end_it)
{
	char broken[16] = "";

	EXPECT(responder_run(-1, -1, broken, sizeof(broken)) == EXIT_FAILURE, "not whole");
}
