/* SPDX-License-Identifier: BSD-2-Clause */
/* Visits that do not get there, that send much, that wait, that go on in TLS: what the list of servers of audit_visit.c does not hold. */
#include "audit/visit.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/drop.h"
#include "tap.h"
#include "unit/peer_rig.h"
#include "unit/visit_rig.h"

#define MUCH_BYTES (8 << 20) /* more than the buffers of a connection */

static int no_socket(void *context, int family)
{
	(void)context;
	(void)family;
	return -EMFILE;
}

static int family_asked_for;

static int own_socket(void *context, int family)
{
	*(int *)context = family;
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

TEST(who_does_not_answer_is_told_from_who_refuses)
{
	struct scene s;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint16_t port;
	int listener = peer_listen(&port, 0), other[2];

	close(listener);
	scene_open(&s, usual, COUNT(usual));
	s.order.port = port;
	run(&s);
	EXPECT(s.log->end == VISIT_REFUSED && s.log->count == 0, "closed: %s", s.log->why);
	scene_close(&s);

	/* A queue that is full drops the SYN. */
	listener = peer_listen(&port, 0);
	at.sin_port = htons(port);
	for (unsigned i = 0; i < 2; i++) {
		other[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(other[i], (struct sockaddr *)&at, sizeof(at));
	}
	scene_open(&s, usual, COUNT(usual));
	s.order.port = port;
	run(&s);
	EXPECT(s.log->end == VISIT_SILENT && strstr(s.log->why, "150 ms"), "full: %s", s.log->why);
	scene_close(&s);
	close(other[0]);
	close(other[1]);
	close(listener);

	scene_open(&s, usual, COUNT(usual));
	s.order.addr = addr_from_v4((struct in_addr){INADDR_BROADCAST});
	s.order.port = port;
	run(&s);
	EXPECT(s.log->end == VISIT_UNREACHABLE, "nowhere: %s, %s", visit_end_name(s.log->end),
	       s.log->why);
	scene_close(&s);

	scene_open(&s, usual, COUNT(usual));
	s.order.socket = no_socket;
	run(&s);
	EXPECT(s.log->end == VISIT_FAILED && strstr(s.log->why, "no socket"), "none: %s",
	       s.log->why);
	scene_close(&s);

	scene_open(&s, usual, COUNT(usual));
	s.order.socket = own_socket;
	s.order.socket_context = &family_asked_for;
	s.order.port = 1;
	run(&s);
	EXPECT(s.log->end == VISIT_REFUSED && family_asked_for == AF_INET, "its own: %s",
	       s.log->why);
	scene_close(&s);

	scene_open(&s, usual, COUNT(usual));
	s.order.addr = addr_from_v6(&in6addr_loopback);
	s.order.socket = own_socket;
	s.order.socket_context = &family_asked_for;
	s.order.port = 1;
	run(&s);
	EXPECT(s.log->end == VISIT_REFUSED && family_asked_for == AF_INET6, "IPv6: %s", s.log->why);
	scene_close(&s);
}

TEST(it_says_what_it_is_told_and_shows_it_escaped)
{
	static const struct step steps[] = {
		{.kind = STEP_READ, .what = FIRST},
		{.kind = STEP_RAW,
		 .what = SECOND,
		 .index = 7,
		 .text = "A\033B\nX\r\n",
		 .length = 7},
		{.kind = STEP_MUTE, .what = THIRD, .text = "C\r\n", .length = 3},
		{.kind = STEP_READ, .what = FOURTH},
		{.kind = STEP_CUT},
	};
	static const struct act acts[PEER_ACTS_MAX] = {
		SAYS("220 mx\r\n"), HEARS, HEARS, SAYS("250 a\r\n"), HEARS,
		SAYS("250 c\r\n"),  WAITS};
	const struct exchange *x;
	struct scene s;
	struct peer p;

	scene_open(&s, steps, COUNT(steps));
	run_against(&s, &p, acts, 0);
	EXPECT(s.log->end == VISIT_DONE && s.log->count == 4, "%s", s.log->why);
	EXPECT(!memcmp(p.heard, "A\033B\nX\r\nC\r\n", 10) && p.heard_length == 10, "heard: %s",
	       p.heard);
	x = visit_find_index(s.log, SECOND, 7);
	EXPECT(x && !strcmp(x->sent, "A\\x1bB\\x0aX") && x->response.code == 250, "sent");
	EXPECT(!visit_find_index(s.log, SECOND, 8) && !visit_find(s.log, FIFTH), "no other");
	x = visit_find(s.log, THIRD);
	EXPECT(x && x->response.kind == RESPONSE_NONE && !strcmp(x->sent, "C"), "mute");
	x = visit_find(s.log, FOURTH);
	EXPECT(x && !x->sent && !strcmp(x->response.text, "c\n"), "read after mute");
	EXPECT(s.log->has_local && addr_equal(&s.log->local, &s.order.addr), "our end");
	EXPECT(!strcmp(s.trace,
		       "up; to read; answered; to say; said; answered; to say; said, mute; "
		       "to read; answered; over; "),
	       "%s", s.trace);
	scene_close(&s);
}

TEST(a_second_response_is_read_when_it_is_asked_for)
{
	static const struct step steps[] = {
		{.kind = STEP_READ, .what = FIRST},
		{.kind = STEP_SAY, .what = SECOND, .text = "."},
		{.kind = STEP_READ, .what = THIRD, .patience_ms = 50},
		{.kind = STEP_READ, .what = FOURTH, .patience_ms = 50},
		{.kind = STEP_QUIT, .what = FIFTH},
	};
	static const struct act acts[PEER_ACTS_MAX] = {
		SAYS("220 mx\r\n"), HEARS, SAYS("250 a\r\n500 b\r\n"), HEARS, SAYS("221 c\r\n")};
	struct scene s;
	struct peer p;

	scene_open(&s, steps, COUNT(steps));
	run_against(&s, &p, acts, 0);
	EXPECT(s.log->end == VISIT_DONE && s.log->count == 5, "%s", s.log->why);
	EXPECT(s.log->exchange[1].response.oddities == 0, "it was wanted");
	EXPECT(s.log->exchange[2].response.code == 500, "the second");
	EXPECT(s.log->exchange[3].response.kind == RESPONSE_NONE, "no third, and no harm");
	EXPECT(s.log->exchange[4].response.code == 221, "and it goes on");
	scene_close(&s);
}

TEST(it_never_talks_before_the_greeting)
{
	static const struct step steps[] = {{.kind = STEP_SAY, .text = "EHLO me"}};
	static const struct act acts[PEER_ACTS_MAX] = {WAITS};
	struct scene s;
	struct peer p;

	scene_open(&s, steps, COUNT(steps));
	run_against(&s, &p, acts, 0);
	EXPECT(s.log->end == VISIT_FAILED && p.heard_length == 0, "%s", s.log->why);
	scene_close(&s);
}

TEST(much_is_sent_in_parts_and_a_last_word_is_heard)
{
	static char much[MUCH_BYTES];
	struct step steps[] = {
		{.kind = STEP_READ, .what = FIRST},
		{.kind = STEP_RAW, .what = SECOND, .text = much, .length = MUCH_BYTES},
		{.kind = STEP_QUIT, .what = THIRD}};
	static const struct {
		const char *sentence;
		struct act act[PEER_ACTS_MAX];
		enum visit_end end;
		int code;
	} much_rows[] = {
		{"all is taken",
		 {SAYS("220 mx\r\n"), {ACT_HEAR_MANY, NULL, MUCH_BYTES}, SAYS("250 ok\r\n"), HEARS},
		 VISIT_DONE,
		 250},
		{"nothing is taken",
		 {SAYS("220 mx\r\n"), {ACT_DRIP, "\r\r\r", 300}},
		 VISIT_TIMEOUT,
		 0},
		{"it has heard enough",
		 {SAYS("220 mx\r\n"), {ACT_HEAR_MANY, NULL, 1000}, SAYS("500 too long\r\n")},
		 VISIT_DONE,
		 500},
	};

	memset(much, 'a', sizeof(much));
	for (size_t i = 0; i < COUNT(much_rows); i++) {
		struct scene s;
		struct peer p;

		scene_open(&s, steps, COUNT(steps));
		run_against(&s, &p, much_rows[i].act, 0);
		EXPECT(s.log->end == much_rows[i].end, "%s: %s, %s", much_rows[i].sentence,
		       visit_end_name(s.log->end), s.log->why);
		EXPECT(s.log->count >= 2 && s.log->exchange[1].response.code == much_rows[i].code &&
			       strlen(s.log->exchange[1].sent) < 600,
		       "%s: %d", much_rows[i].sentence, s.log->exchange[1].response.code);
		scene_close(&s);
	}
}

TEST(the_whole_has_a_limit_too)
{
	struct step steps[STEPS_MAX] = {{.kind = STEP_READ, .what = FIRST}};
	static const struct act acts[PEER_ACTS_MAX] = {{ACT_DRIP, "220 a\r\n", 15},
						       HEARS,
						       {ACT_DRIP, "250 a\r\n", 15},
						       HEARS,
						       {ACT_DRIP, "250 a\r\n", 15},
						       HEARS,
						       {ACT_DRIP, "250 a\r\n", 15},
						       HEARS,
						       {ACT_DRIP, "250 a\r\n", 15},
						       HEARS,
						       {ACT_DRIP, "250 a\r\n", 15},
						       HEARS,
						       WAITS};
	struct scene s;
	struct peer p;

	for (unsigned i = 1; i < STEPS_MAX; i++)
		steps[i] = (struct step){.kind = STEP_SAY, .what = i, .text = "NOOP"};
	scene_open(&s, steps, STEPS_MAX);
	s.order.whole_ms = 300;
	run_against(&s, &p, acts, 0);
	EXPECT(s.log->end == VISIT_TIMEOUT && strstr(s.log->why, "the whole visit") &&
		       s.log->elapsed_ms >= 300 && s.log->count > 1,
	       "%s after %u ms", s.log->why, s.log->elapsed_ms);
	scene_close(&s);
}

TEST(what_was_said_within_the_whole_limit_is_kept)
{
	static const struct act acts[PEER_ACTS_MAX] = {SAYS("220-wait\r\n"), WAITS};
	struct scene s;
	struct peer p;

	scene_open(&s, usual, COUNT(usual));
	s.order.whole_ms = 100;
	run_against(&s, &p, acts, 0);
	EXPECT(s.log->end == VISIT_TIMEOUT && strstr(s.log->why, "100 ms") && s.log->count == 1 &&
		       s.log->exchange[0].response.oddities == ODD_UNENDED,
	       "%s", s.log->why);
	scene_close(&s);
}

TEST(a_visit_can_be_stopped)
{
	static const struct act acts[PEER_ACTS_MAX] = {WAITS};
	struct scene s;
	struct peer p;
	struct visit *v;

	scene_open(&s, usual, COUNT(usual));
	peer_start(&p, acts, 0);
	s.order.port = p.port;
	ENSURE(visit_start(&v, s.loop, &s.order, is_over, &s) == 0, "a visit");
	visit_stop(v);
	visit_stop(NULL);
	EXPECT(s.calls == 0, "nobody is called");
	peer_end(&p);
	scene_close(&s);
}

/* ---- TLS ---- */

static const struct step securing[] = {
	{.kind = STEP_READ, .what = FIRST},
	{.kind = STEP_TLS, .what = SECOND, .text = "STARTTLS"},
	{.kind = STEP_SAY, .what = THIRD, .text = "EHLO again"},
	{.kind = STEP_QUIT, .what = FOURTH},
};

TEST(starttls_ends_as_it_should)
{
	static const struct {
		const char *sentence;
		struct act act[PEER_ACTS_MAX];
		enum visit_end end;
		const char *why;
		bool has_tls;
		size_t discarded;
		int code; /* to EHLO in TLS */
	} tls_rows[] = {
		{"a good one",
		 {SAYS("220 mx\r\n"),
		  HEARS,
		  SAYS("220 go\r\n"),
		  {ACT_TLS, NULL, 0},
		  HEARS,
		  SAYS(EHLO_REPLY),
		  HEARS,
		  SAYS("221\r\n")},
		 VISIT_DONE,
		 "",
		 true,
		 0,
		 250},
		{"refused: the script goes on",
		 {SAYS("220 mx\r\n"), HEARS, SAYS("454 no\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS,
		  SAYS("221\r\n")},
		 VISIT_DONE,
		 "",
		 false,
		 0,
		 250},
		{"more is said before TLS",
		 {SAYS("220 mx\r\n"),
		  HEARS,
		  SAYS("220 go\r\n250 injected\r\n25"),
		  {ACT_TLS, NULL, 0},
		  HEARS,
		  SAYS("550 no\r\n"),
		  HEARS,
		  SAYS("221\r\n")},
		 VISIT_DONE,
		 "",
		 true,
		 16,
		 550},
		{"plain text instead",
		 {SAYS("220 mx\r\n"),
		  HEARS,
		  SAYS("220 go\r\n"),
		  {ACT_HEAR_MANY, NULL, 5},
		  SAYS("500 what?\r\n"),
		  WAITS},
		 VISIT_TLS_FAILED,
		 "handshake failed: wrong version number",
		 false,
		 0,
		 -1},
		{"nothing instead",
		 {SAYS("220 mx\r\n"), HEARS, SAYS("220 go\r\n"), WAITS},
		 VISIT_TLS_FAILED,
		 "no TLS handshake within 150 ms",
		 false,
		 0,
		 -1},
		{"it closes",
		 {SAYS("220 mx\r\n"), HEARS, SAYS("220 go\r\n"), {ACT_HEAR_MANY, NULL, 5}},
		 VISIT_TLS_FAILED,
		 "handshake failed",
		 false,
		 0,
		 -1},
		{"it closes in TLS",
		 {SAYS("220 mx\r\n"), HEARS, SAYS("220 go\r\n"), {ACT_TLS, NULL, 0}, HEARS},
		 VISIT_CLOSED,
		 "closed the connection after \"EHLO again\"",
		 true,
		 0,
		 0},
		{"silence in TLS",
		 {SAYS("220 mx\r\n"), HEARS, SAYS("220 go\r\n"), {ACT_TLS, NULL, 0}, WAITS},
		 VISIT_TIMEOUT,
		 "no whole answer",
		 true,
		 0,
		 0},
		{"a flood in TLS",
		 {SAYS("220 mx\r\n"),
		  HEARS,
		  SAYS("220 go\r\n"),
		  {ACT_TLS, NULL, 0},
		  HEARS,
		  {ACT_FLOOD, "250-aaaaaaaaaaaaaa\r\n", 0}},
		 VISIT_FLOODED,
		 "more than",
		 true,
		 0,
		 250},
	};
	struct tls_client *c = NULL;

	ENSURE(tls_client_new(&c, NULL) == 0, "a client");
	for (size_t i = 0; i < COUNT(tls_rows); i++) {
		const struct exchange *x;
		struct scene s;
		struct peer p;

		scene_open(&s, securing, COUNT(securing));
		s.order.tls = c;
		memcpy(s.order.wish.name, "mx.example", sizeof("mx.example"));
		run_against(&s, &p, tls_rows[i].act, 0);
		EXPECT(s.log->end == tls_rows[i].end && strstr(s.log->why, tls_rows[i].why),
		       "%s: %s, %s", tls_rows[i].sentence, visit_end_name(s.log->end), s.log->why);
		EXPECT(s.log->has_tls == tls_rows[i].has_tls &&
			       s.log->tls.has_name == tls_rows[i].has_tls &&
			       s.log->tls.is_self_signed == tls_rows[i].has_tls,
		       "%s: facts", tls_rows[i].sentence);
		EXPECT(s.log->discarded == tls_rows[i].discarded, "%s: %zu bytes discarded",
		       tls_rows[i].sentence, s.log->discarded);
		x = visit_find(s.log, THIRD);
		EXPECT(tls_rows[i].code < 0 ? !x : x && x->response.code == tls_rows[i].code,
		       "%s: %d", tls_rows[i].sentence, x ? x->response.code : -1);
		EXPECT(!x || x->in_tls == tls_rows[i].has_tls, "%s: in TLS", tls_rows[i].sentence);
		scene_close(&s);
	}
	tls_client_free(c);
}

TEST(implicit_tls_comes_first)
{
	static const struct act good[PEER_ACTS_MAX] = {
		{ACT_TLS, NULL, 0},	      SAYS("+OK\r\n"), HEARS,
		SAYS("+OK\r\nSTLS\r\n.\r\n"), HEARS,	       SAYS("+OK\r\n")};
	static const struct act plain[PEER_ACTS_MAX] = {SAYS("220 mx ESMTP\r\n"), WAITS};
	static const struct step pop3[] = {
		{.kind = STEP_READ, .what = FIRST},
		{.kind = STEP_SAY, .what = SECOND, .shape = SHAPE_MULTILINE, .text = "CAPA"},
		{.kind = STEP_QUIT, .what = THIRD},
	};
	struct tls_client *c = NULL;
	struct scene s;
	struct peer p;

	ENSURE(tls_client_new(&c, NULL) == 0, "a client");
	scene_open(&s, pop3, COUNT(pop3));
	s.order.protocol = PROTOCOL_POP3;
	s.order.tls = c;
	s.order.implicit_tls = true;
	run_against(&s, &p, good, 0);
	EXPECT(s.log->end == VISIT_DONE && s.log->has_tls && s.log->count == 3 &&
		       s.log->exchange[0].in_tls && s.log->exchange[1].response.line_count == 2,
	       "%s", s.log->why);
	EXPECT(!strncmp(s.trace, "to TLS; secure; to read; ", 25), "%s", s.trace);
	EXPECT(!strcmp(p.heard, "CAPA\r\nQUIT\r\n"), "%s", p.heard);
	scene_close(&s);

	scene_open(&s, pop3, COUNT(pop3));
	s.order.tls = c;
	s.order.implicit_tls = true;
	run_against(&s, &p, plain, 0);
	EXPECT(s.log->end == VISIT_TLS_FAILED && s.log->count == 0, "%s", s.log->why);
	scene_close(&s);
	tls_client_free(c);
}

TEST(imap_answers_are_known_by_their_tags)
{
	static const struct act acts[PEER_ACTS_MAX] = {
		SAYS("* OK ready\r\n"), HEARS, SAYS("* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"),
		HEARS, SAYS("* BYE bye\r\nbye OK done\r\n")};
	static const struct act busy[PEER_ACTS_MAX] = {SAYS("* OK ready\r\n"), HEARS,
						       SAYS("* BYE too many\r\n")};
	static const struct step steps[] = {
		{.kind = STEP_READ, .what = FIRST},
		{.kind = STEP_SAY, .what = SECOND, .shape = SHAPE_TAGGED, .text = "a1 CAPABILITY"},
		{.kind = STEP_QUIT, .what = THIRD},
	};
	struct scene s;
	struct peer p;

	scene_open(&s, steps, COUNT(steps));
	s.order.protocol = PROTOCOL_IMAP;
	run_against(&s, &p, acts, 0);
	EXPECT(s.log->end == VISIT_DONE && s.log->count == 3 &&
		       s.log->exchange[1].response.line_count == 2 &&
		       s.log->exchange[2].response.line_count == 2,
	       "%s", s.log->why);
	scene_close(&s);

	scene_open(&s, steps, COUNT(steps));
	s.order.protocol = PROTOCOL_IMAP;
	run_against(&s, &p, busy, 0);
	EXPECT(s.log->end == VISIT_TURNED_AWAY && !strcmp(s.log->why, "* BYE too many"), "%s",
	       s.log->why);
	scene_close(&s);
}

/* ---- without privileges ---- */

/* In a process of its own that has given up all but an event loop's system calls. Its exit status. */
static int visit_dropped(int port_from, struct tls_client *c)
{
	const struct drop drop = {.files = 32};
	struct err e = {0};
	struct scene s;

	scene_open(&s, securing, COUNT(securing));
	s.order.tls = c;
	if (drop_privileges(&drop, &e) < 0)
		return 99;
	if (read(port_from, &s.order.port, sizeof(s.order.port)) != sizeof(s.order.port))
		return 98;
	run(&s);
	return s.log && s.log->end == VISIT_DONE && s.log->has_tls ? 0 : 1;
}

TEST(it_needs_no_file_and_no_further_system_call)
{
	static const struct act acts[PEER_ACTS_MAX] = {
		SAYS("220 mx\r\n"), HEARS, SAYS("220 go\r\n"), {ACT_TLS, NULL, 0}, HEARS,
		SAYS(EHLO_REPLY),   HEARS, SAYS("221\r\n")};
	struct tls_client *c = NULL;
	int port[2], status = 0;
	struct peer p;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("root, to give it up");
	SKIP_IF_SANITIZED();
	ENSURE(tls_client_new(&c, NULL) == 0 && pipe(port) == 0, "a client");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(visit_dropped(port[0], c));
	peer_start(&p, acts, 0);
	EXPECT(write(port[1], &p.port, sizeof(p.port)) == sizeof(p.port), "the port");
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
	/* If it never came, somebody must. */
	if (status) {
		struct sockaddr_in at = {.sin_family = AF_INET,
					 .sin_port = htons(p.port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		(void)connect(fd, (struct sockaddr *)&at, sizeof(at));
		close(fd);
	}
	peer_end(&p);
	close(port[0]);
	close(port[1]);
	tls_client_free(c);
}
