/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder as clients meet it on the wire: patient ones and all others, one and a thousand. */
#include "reply/reply.h"

#include <sched.h>

#include "unit/reply_rig.h"

#define GREETING "220 mx.example ESMTP\r\n"
#define EHLO	 "250-mx.example\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
#define EHLO_TLS                                                                                   \
	"250-mx.example\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 "        \
	"SMTPUTF8\r\n"
#define SENDER_OK "250 2.1.0 Ok\r\n"
#define BYE	  "221 2.0.0 Bye\r\n"
#define AGAIN	  "421 4.3.2 Try again\r\n"
#define TOO_MUCH  "421 4.7.0 Error: too much\r\n"
#define TOO_MANY  "421 4.7.0 Error: too many connections\r\n"
#define REFUSAL(addr)                                                                              \
	"550 5.7.1 Service unavailable; client [" addr "] blocked using bl.example; Spam\r\n"

#define SOURCE_MAX 8 /* connections of one source at once */
/* What one costs at most: a talk with its buffers and an event source. */
#define CLIENT_BYTES_MAX (8 * 1024)
/* And with TLS, in the midst of a handshake. */
#define CLIENT_TLS_BYTES_MAX (96 * 1024)

static struct rig_setting plain(void)
{
	return (struct rig_setting){
		.settings = {.name = "mx.example", .connections = 2000},
		.because = {.kind = REPLY_LISTED, .by = "bl.example", .text = "Spam"}};
}

static void expect_session(int fd, const char *refusal)
{
	rig_hears(fd, GREETING);
	rig_say(fd, "EHLO client.example\r\n");
	rig_hears(fd, EHLO);
	rig_say(fd, "MAIL FROM:<a@b>\r\n");
	rig_hears(fd, SENDER_OK);
	rig_say(fd, "RCPT TO:<c@d>\r\n");
	rig_hears(fd, refusal);
	rig_say(fd, "QUIT\r\n");
	rig_hears(fd, BYE);
	rig_hears_end(fd);
	close(fd);
}

TEST(a_refused_client_learns_why_and_the_log_learns_of_it)
{
	static const struct {
		const char *from, *refusal;
	} rows[] = {
		{"127.0.0.1", REFUSAL("127.0.0.1")},
		{"::1", REFUSAL("::1")},
	};

	for (enum rig_keeper keeper = RIG_AT_ONCE; keeper <= RIG_LATE; keeper++) {
		struct rig_setting setting = plain();
		struct rig_responder r;

		setting.keeper = keeper;
		ENSURE(rig_open(&r, &setting), "the responder");
		for (unsigned i = 0; i < 2; i++) {
			char addr[ADDR_TEXT_MAX];
			struct reply_said said;

			expect_session(rig_dial(&r, rows[i].from), rows[i].refusal);
			EXPECT(RIG_UNTIL(r.seen->status.refused == i + 1 && !r.seen->status.open),
			       "counted");
			said = *(struct reply_said *)&r.seen->last;
			EXPECT(strcmp(addr_format(&said.addr, addr), rows[i].from) == 0, "%s",
			       addr);
			EXPECT(r.seen->why_port == r.port && r.seen->whys == i + 1, "port %u",
			       r.seen->why_port);
			EXPECT(strcmp(said.recipient, "c@d") == 0 && said.esmtp && said.port,
			       "what was said");
		}
		rig_close(&r);
	}
}

TEST(a_keeper_that_fails_is_no_refusal)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	int fd;

	setting.keeper = RIG_FAILS;
	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_say(fd, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	rig_hears(fd, GREETING SENDER_OK AGAIN);
	rig_hears_end(fd);
	close(fd);
	EXPECT(r.seen->said == 0 && r.seen->status.refused == 0, "nothing for the log");
	rig_close(&r);
}

TEST(at_the_greeting_it_waits_for_the_reason)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	int fd;

	setting.settings.at_greeting = true;
	setting.keeper = RIG_LATE;
	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_hears(fd, "554 5.7.1 Service unavailable; client [127.0.0.1] blocked using bl.example; "
		      "Spam\r\n");
	rig_say(fd, "EHLO x\r\nQUIT\r\n");
	rig_hears(fd, "503 5.5.1 Error: refused; only QUIT is possible\r\n" BYE);
	rig_hears_end(fd);
	close(fd);
	EXPECT(RIG_UNTIL(r.seen->said == 1) && r.seen->last.at_greeting, "for the log");
	rig_close(&r);
}

TEST(a_connection_tells_the_log_of_a_few_recipients_only)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	int fd;

	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_hears(fd, GREETING);
	rig_say(fd, "MAIL FROM:<a@b>\r\n");
	rig_hears(fd, SENDER_OK);
	for (unsigned i = 0; i < 20; i++) {
		rig_say(fd, "RCPT TO:<c@d>\r\n");
		rig_hears(fd, REFUSAL("127.0.0.1"));
	}
	EXPECT(r.seen->said == 3, "%u told", r.seen->said);
	close(fd);
	EXPECT(RIG_UNTIL(r.seen->status.refused == 1), "refused is counted once for a connection");
	rig_close(&r);
}

TEST(one_source_has_few_connections_and_others_theirs)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	int fd[SOURCE_MAX], other;

	ENSURE(rig_open(&r, &setting), "the responder");
	for (unsigned i = 0; i < SOURCE_MAX; i++) {
		fd[i] = rig_dial(&r, "127.0.0.1");
		rig_hears(fd[i], GREETING);
	}
	other = rig_dial(&r, "127.0.0.1");
	rig_hears(other, TOO_MANY);
	rig_hears_end(other);
	close(other);
	other = rig_dial(&r, "127.0.0.2");
	rig_hears(other, GREETING);
	close(other);
	close(fd[0]);
	EXPECT(RIG_UNTIL(r.seen->status.open == SOURCE_MAX - 1), "%u open", r.seen->status.open);
	fd[0] = rig_dial(&r, "127.0.0.1");
	rig_hears(fd[0], GREETING);
	EXPECT(RIG_UNTIL(r.seen->status.turned_away == 1), "turned away");
	for (unsigned i = 0; i < SOURCE_MAX; i++)
		close(fd[i]);
	rig_close(&r);
}

/* In a network namespace of its own, where all of 2001:db8::/32 is this host. */
static void try_source_of_a_64(void)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	char from[ADDR_TEXT_MAX];
	int fd;

	if (unshare(CLONE_NEWNET) || system("ip link set lo up") ||
	    system("ip -6 route add local 2001:db8::/32 dev lo"))
		_exit(2);
	if (!rig_open(&r, &setting))
		_exit(1);
	for (unsigned i = 0; i < SOURCE_MAX; i++) {
		snprintf(from, sizeof(from), "2001:db8::%x", i + 1);
		rig_hears(rig_dial(&r, from), GREETING);
	}
	fd = rig_dial(&r, "2001:db8::ffff:1");
	rig_hears(fd, TOO_MANY);
	fd = rig_dial(&r, "2001:db8:0:1::1");
	rig_hears(fd, GREETING);
	rig_close(&r);
	fflush(stdout);
	_exit(tap_failed);
}

TEST(a_source_of_ipv6_is_a_64)
{
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("root, for a network namespace");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		try_source_of_a_64();
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
}

TEST(where_it_is_full_others_wait_and_then_come_in)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	int fd[3];

	setting.settings.connections = 2;
	ENSURE(rig_open(&r, &setting), "the responder");
	for (unsigned i = 0; i < 3; i++)
		fd[i] = rig_dial(&r, "127.0.0.1");
	rig_hears(fd[0], GREETING);
	rig_hears(fd[1], GREETING);
	EXPECT(rig_is_silent(fd[2]), "the third hears nothing");
	close(fd[0]);
	rig_hears(fd[2], GREETING);
	close(fd[1]);
	close(fd[2]);
	rig_close(&r);
}

static double cpu_s(pid_t pid)
{
	char path[64];
	unsigned long user = 0, system = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			 &system) != 2)
		user = 1000000;
	if (f)
		fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

TEST(without_descriptors_it_waits_and_does_not_spin)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	double before;
	int fd[SOURCE_MAX];

	setting.files = 12; /* standard ones, what the rig holds, and a few */
	ENSURE(rig_open(&r, &setting), "the responder");
	for (unsigned i = 0; i < SOURCE_MAX; i++)
		fd[i] = rig_dial(&r, "127.0.0.1");
	EXPECT(RIG_UNTIL(r.seen->status.open > 0), "some are accepted");
	before = cpu_s(r.pid);
	EXPECT(rig_is_silent(fd[SOURCE_MAX - 1]), "the last hears nothing");
	EXPECT(r.seen->status.open < SOURCE_MAX, "%u accepted", r.seen->status.open);
	EXPECT(cpu_s(r.pid) - before < 0.1, "%.2f s of work", cpu_s(r.pid) - before);
	for (unsigned i = 0; i + 1 < SOURCE_MAX; i++)
		close(fd[i]);
	rig_hears(fd[SOURCE_MAX - 1], GREETING);
	close(fd[SOURCE_MAX - 1]);
	rig_close(&r);
}

/* ---- those who do not play by the rules ---- */

static char junk[256 * 1024];

TEST(who_says_too_much_hears_so)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	int fd;

	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_hears(fd, GREETING);
	memset(junk, 'x', sizeof(junk));
	/* More than it takes: a reset would take the answer back. */
	EXPECT(send(fd, junk, 48 * 1024, MSG_NOSIGNAL) == 48 * 1024, "an endless line");
	rig_hears(fd, TOO_MUCH);
	rig_hears_end(fd);
	close(fd);
	EXPECT(RIG_UNTIL(!r.seen->status.open), "gone");
	rig_close(&r);
}

TEST(who_does_not_read_is_not_read_from)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	size_t before;
	int fd;

	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_hears(fd, GREETING);
	EXPECT(RIG_UNTIL(r.seen->looks), "looked at");
	before = r.seen->heap;
	for (size_t i = 0; i + 8 <= sizeof(junk); i += 8)
		memcpy(junk + i, "EHLO x\r\n", 8);
	while (send(fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
	EXPECT(RIG_UNTIL(rig_is_silent(-1)), "time to go on");
	EXPECT(r.seen->heap < before + CLIENT_BYTES_MAX, "%zu bytes more", r.seen->heap - before);
	close(fd);
	EXPECT(RIG_UNTIL(!r.seen->status.open), "gone");
	rig_close(&r);
}

TEST(who_leaves_while_it_waits_for_the_reason_is_gone_at_once)
{
	const struct linger reset = {.l_onoff = 1};
	struct rig_setting setting = plain();
	struct rig_responder r;
	double before;
	int fd;

	setting.keeper = RIG_NEVER;
	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_say(fd, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	rig_hears(fd, GREETING SENDER_OK);
	before = cpu_s(r.pid);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	EXPECT(RIG_UNTIL(!r.seen->status.open), "gone");
	EXPECT(cpu_s(r.pid) - before < 0.1, "%.2f s of work", cpu_s(r.pid) - before);
	rig_close(&r);
}

/* A thousand of all kinds that harm; each stays as long as it can. */
static void misbehave(int fd, unsigned kind)
{
	const struct linger reset = {.l_onoff = 1};

	switch (kind) {
	case 0: /* silent */
		break;
	case 1: /* byte by byte */
		rig_say(fd, "E");
		break;
	case 2: /* a line without end */
		(void)!send(fd, junk, 4000, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 3: /* binary */
		(void)!send(fd, "\x16\x03\x01\0\0\xff\xfe\n\0\0", 10, MSG_NOSIGNAL);
		break;
	case 4: /* does not read */
		for (unsigned i = 0; i < 100; i++)
			rig_say(fd, "EHLO x\r\n");
		break;
	case 5: /* as far as the refusal, and stays */
		rig_say(fd, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
		break;
	case 6: /* half closed */
		shutdown(fd, SHUT_WR);
		break;
	default: /* gone by a reset */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
}

#define CROWD 1000
#define KINDS 8

TEST(a_thousand_that_misbehave_cost_bounded_memory_and_no_honest_client)
{
	struct rlimit files = {CROWD + 100, CROWD + 100};
	struct rig_setting setting = plain();
	struct rig_responder r;
	size_t before;
	double cpu;
	char from[ADDR_TEXT_MAX];

	setrlimit(RLIMIT_NOFILE, &files);
	memset(junk, 'x', sizeof(junk));
	ENSURE(rig_open(&r, &setting), "the responder");
	EXPECT(RIG_UNTIL(r.seen->looks), "looked at");
	before = r.seen->heap;
	for (unsigned i = 0; i < CROWD; i++) {
		int fd;

		snprintf(from, sizeof(from), "127.0.%u.%u", 1 + i / 200, 1 + i % 200);
		fd = rig_dial(&r, from);
		ENSURE(fd >= 0, "client %u", i);
		misbehave(fd, i % KINDS);
	}
	/* All but those that are gone, and half closed. */
	EXPECT(RIG_UNTIL(r.seen->status.accepted == CROWD &&
			 r.seen->status.open == CROWD / KINDS * (KINDS - 2)),
	       "%u of %lu are there", r.seen->status.open, (unsigned long)r.seen->status.accepted);
	printf("# %zu bytes for each connection\n", (r.seen->heap - before) / r.seen->status.open);
	EXPECT(r.seen->heap - before < (size_t)r.seen->status.open * CLIENT_BYTES_MAX,
	       "%zu bytes for each", (r.seen->heap - before) / r.seen->status.open);
	cpu = cpu_s(r.pid);
	expect_session(rig_dial(&r, "127.0.0.1"), REFUSAL("127.0.0.1"));
	EXPECT(rig_is_silent(-1) && cpu_s(r.pid) - cpu < 0.2, "%.2f s of work", cpu_s(r.pid) - cpu);
	rig_close(&r);
	for (int fd = 3; fd < (int)files.rlim_cur; fd++)
		close(fd);
}

/* ---- TLS ---- */

static bool tls_hears(SSL *ssl, const char *text)
{
	char got[1024] = "";
	int at = 0, want = (int)strlen(text), n;

	while (at < want && (n = SSL_read(ssl, got + at, want - at)) > 0)
		at += n;
	return EXPECT(at == want && strcmp(got, text) == 0, "heard '%s', not '%s'", got, text);
}

static void tls_say(SSL *ssl, const char *text)
{
	EXPECT(SSL_write(ssl, text, (int)strlen(text)) > 0, "says %s", text);
}

TEST(under_tls_it_is_as_in_the_clear)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	SSL *ssl;
	int fd;

	setting.has_tls = true;
	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_hears(fd, GREETING);
	rig_say(fd, "EHLO x\r\n");
	rig_hears(fd, EHLO_TLS);
	rig_say(fd, "STARTTLS\r\n");
	rig_hears(fd, "220 2.0.0 Ready to start TLS\r\n");
	ssl = rig_client(fd, TLS1_2_VERSION, TLS1_3_VERSION);
	ENSURE(SSL_do_handshake(ssl) == 1, "the handshake");
	tls_say(ssl, "EHLO y\r\n");
	tls_hears(ssl, EHLO);
	tls_say(ssl, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n");
	tls_hears(ssl, SENDER_OK REFUSAL("127.0.0.1") BYE);
	EXPECT(SSL_read(ssl, junk, 1) == 0 && SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN,
	       "goodbye under TLS");
	EXPECT(RIG_UNTIL(r.seen->said == 1) && r.seen->last.tls == 1, "for the log");
	SSL_free(ssl);
	close(fd);
	rig_close(&r);
}

TEST(what_is_smuggled_in_before_tls_is_not_said_under_it)
{
	struct rig_setting setting = plain();
	struct rig_responder r;
	SSL *ssl;
	int fd;

	setting.has_tls = true;
	ENSURE(rig_open(&r, &setting), "the responder");
	fd = rig_dial(&r, "127.0.0.1");
	rig_hears(fd, GREETING);
	rig_say(fd, "STARTTLS\r\nNOOP\r\nMAIL FROM:<smuggled@example>\r\n");
	rig_hears(fd, "220 2.0.0 Ready to start TLS\r\n");
	ssl = rig_client(fd, TLS1_2_VERSION, TLS1_3_VERSION);
	ENSURE(SSL_do_handshake(ssl) == 1, "the handshake");
	tls_say(ssl, "RCPT TO:<c@d>\r\n");
	tls_hears(ssl, "503 5.5.1 Error: need MAIL command\r\n");
	SSL_free(ssl);
	close(fd);
	rig_close(&r);
}

#define TLS_CROWD 256 /* so many at once */

TEST(handshakes_that_do_not_end_cost_bounded_memory)
{
	/* The head of a record of 16 KB with a ClientHello of 64 KB. */
	static const char hello[] = "\x16\x03\x01\x40\x00\x01\x00\xff\xff\x03\x03";
	struct rig_setting setting = plain();
	struct rig_responder r;
	size_t before;
	int fd[TLS_CROWD], late;
	char from[ADDR_TEXT_MAX];

	setting.has_tls = true;
	ENSURE(rig_open(&r, &setting), "the responder");
	EXPECT(RIG_UNTIL(r.seen->looks), "looked at");
	before = r.seen->heap;
	for (unsigned i = 0; i < TLS_CROWD; i++) {
		snprintf(from, sizeof(from), "127.0.%u.%u", 1 + i / 200, 1 + i % 200);
		fd[i] = rig_dial(&r, from);
		rig_hears(fd[i], GREETING);
		rig_say(fd[i], "STARTTLS\r\n");
		rig_hears(fd[i], "220 2.0.0 Ready to start TLS\r\n");
		(void)!send(fd[i], hello, sizeof(hello) - 1, MSG_NOSIGNAL);
		(void)!send(fd[i], junk, 10000, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	EXPECT(rig_is_silent(fd[TLS_CROWD - 1]) && r.seen->status.open == TLS_CROWD, "%u wait",
	       r.seen->status.open);
	printf("# %zu bytes for each handshake\n", (r.seen->heap - before) / TLS_CROWD);
	EXPECT(r.seen->heap - before < (size_t)TLS_CROWD * CLIENT_TLS_BYTES_MAX,
	       "%zu bytes for each", (r.seen->heap - before) / TLS_CROWD);
	late = rig_dial(&r, "127.0.0.1");
	rig_say(late, "STARTTLS\r\n");
	rig_hears(late, GREETING "454 4.7.0 TLS not available now\r\n");
	for (unsigned i = 0; i < TLS_CROWD; i++)
		close(fd[i]);
	EXPECT(RIG_UNTIL(r.seen->status.open == 1), "they are gone");
	rig_say(late, "STARTTLS\r\n");
	rig_hears(late, "220 2.0.0 Ready to start TLS\r\n");
	close(late);
	EXPECT(RIG_UNTIL(!r.seen->status.open), "gone");
	rig_close(&r);
}
