/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Visits to servers of every kind, played by a thread: how each ends, why, and what is in the log. Time limits are so short that
 * a visit which kept none would be noticed.
 */
#include "audit/visit.h"

#include "tap.h"
#include "unit/peer_rig.h"
#include "unit/visit_rig.h"

/* In place of a count: whether server or client is faster decides what is asked and what is answered. */
#define AS_IT_FALLS 0

struct row {
	const char *sentence;
	struct act act[PEER_ACTS_MAX];
	enum visit_end end;
	const char *why;   /* part of it */
	unsigned count;	   /* of exchanges */
	unsigned at;	   /* one of them: */
	int code;	   /* 0: no response */
	unsigned oddities; /* and its oddities */
};

static const struct row rows[] = {
	{"a server as it should be",
	 {SAYS("220 mx ESMTP\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS, SAYS("250 ok\r\n"), HEARS,
	  SAYS("221 bye\r\n"), WAITS},
	 VISIT_DONE,
	 "",
	 4,
	 3,
	 221,
	 0},
	{"one that closes instead of saying goodbye",
	 {SAYS("220 mx ESMTP\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS, SAYS("250 ok\r\n"), HEARS},
	 VISIT_DONE,
	 "",
	 4,
	 3,
	 0,
	 0},
	{"one that says nothing to QUIT",
	 {SAYS("220 mx ESMTP\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS, SAYS("250 ok\r\n"), WAITS},
	 VISIT_DONE,
	 "",
	 4,
	 2,
	 250,
	 0},
	{"one that writes letters",
	 {SAYS("220 mx\r\n"),
	  HEARS,
	  {ACT_DRIP, EHLO_REPLY, 2},
	  HEARS,
	  {ACT_DRIP, "250 ok\r\n", 1},
	  HEARS,
	  SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 1,
	 250,
	 0},
	{"silence", {WAITS}, VISIT_TIMEOUT, "no greeting within 150 ms", 1, 0, 0, 0},
	{"silence later",
	 {SAYS("220 mx\r\n"), HEARS, WAITS},
	 VISIT_TIMEOUT,
	 "no whole answer within 150 ms after \"EHLO me\"",
	 2,
	 1,
	 0,
	 0},
	{"a tarpit",
	 {{ACT_DRIP, "220 a very slow server is here\r\n", 20}},
	 VISIT_TIMEOUT,
	 "no greeting",
	 1,
	 0,
	 220,
	 ODD_UNENDED},
	{"a tarpit of lines",
	 {SAYS("220 mx\r\n"),
	  HEARS,
	  SAYS("250-"),
	  {ACT_DRIP, "a\r\n250-b\r\n250-c\r\n250-d\r\n", 20}},
	 VISIT_TIMEOUT,
	 "no whole answer",
	 2,
	 1,
	 250,
	 ODD_UNENDED},
	{"the last line is missing",
	 {SAYS("220 mx\r\n"), HEARS, SAYS("250-a\r\n"), WAITS},
	 VISIT_TIMEOUT,
	 "no whole answer",
	 2,
	 1,
	 250,
	 ODD_UNENDED},
	{"421 as a greeting",
	 {SAYS("421 4.7.0 busy\r\n")},
	 VISIT_TURNED_AWAY,
	 "421 4.7.0 busy",
	 1,
	 0,
	 421,
	 0},
	{"421 without an end",
	 {SAYS("421 busy")},
	 VISIT_TURNED_AWAY,
	 "421 busy",
	 1,
	 0,
	 421,
	 ODD_UNENDED},
	{"554 as a greeting",
	 {SAYS("554 5.7.1 \033[2Jno\r\n"), WAITS},
	 VISIT_TURNED_AWAY,
	 "554 5.7.1 \\x1b[2Jno",
	 1,
	 0,
	 554,
	 ODD_ESCAPES},
	{"450 as a greeting",
	 {SAYS("450 later\r\n"), WAITS},
	 VISIT_TURNED_AWAY,
	 "450 later",
	 1,
	 0,
	 450,
	 0},
	{"421 to a command",
	 {SAYS("220 mx\r\n"), HEARS, SAYS("421 enough\r\n"), WAITS},
	 VISIT_TURNED_AWAY,
	 "421 enough",
	 2,
	 1,
	 421,
	 0},
	{"421 between commands",
	 {SAYS("220 mx\r\n"), HEARS, SAYS(EHLO_REPLY "421 enough\r\n"), WAITS},
	 VISIT_TURNED_AWAY,
	 "421 enough",
	 2,
	 1,
	 250,
	 ODD_EARLY},
	{"354 as a greeting",
	 {SAYS("354 go\r\n"), WAITS},
	 VISIT_ALIEN,
	 "does not speak SMTP",
	 1,
	 0,
	 354,
	 0},
	{"closed at once",
	 {{0}},
	 VISIT_CLOSED,
	 "closed the connection instead of a greeting",
	 1,
	 0,
	 0,
	 0},
	{"closed later",
	 {SAYS("220 mx\r\n"), HEARS},
	 VISIT_CLOSED,
	 "closed the connection after \"EHLO me\"",
	 2,
	 1,
	 0,
	 0},
	{"reset at once", {{ACT_RESET, NULL, 0}}, VISIT_CLOSED, "reset", 1, 0, 0, 0},
	{"reset later",
	 {SAYS("220 mx\r\n"), HEARS, {ACT_RESET, NULL, 0}},
	 VISIT_CLOSED,
	 "reset the connection after \"EHLO me\"",
	 2,
	 1,
	 0,
	 0},
	{"an endless line",
	 {SAYS("220 "), {ACT_FLOOD, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0}},
	 VISIT_FLOODED,
	 "more than anybody",
	 1,
	 0,
	 220,
	 ODD_LONG | ODD_UNENDED},
	{"endless lines",
	 {{ACT_FLOOD, "220-a\r\n", 0}},
	 VISIT_FLOODED,
	 "more than anybody",
	 1,
	 0,
	 220,
	 ODD_UNENDED},
	{"endless replies",
	 {{ACT_FLOOD, "220 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 0}},
	 VISIT_FLOODED,
	 "more than anybody",
	 AS_IT_FALLS,
	 0,
	 0,
	 0},
	{"binary inside",
	 {SAYS_BYTES("220 \0\001\377mx\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS, SAYS("250 ok\r\n"),
	  HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 0,
	 220,
	 ODD_BINARY},
	{"binary",
	 {SAYS_BYTES("\001\002\003"), WAITS},
	 VISIT_ALIEN,
	 "does not speak SMTP",
	 1,
	 0,
	 0,
	 0},
	{"HTTP",
	 {SAYS("HTTP/1.1 400 Bad Request\r\n\r\n")},
	 VISIT_ALIEN,
	 "does not speak SMTP: \"HTTP/1.1 400 Bad Request\"",
	 1,
	 0,
	 0,
	 ODD_CODES},
	{"a prompt", {SAYS("login: "), WAITS}, VISIT_ALIEN, "login: ", 1, 0, 0, ODD_CODES},
	{"a TLS alert",
	 {SAYS_BYTES("\x15\x03\x01\x00\x02\x02\x46"), WAITS},
	 VISIT_ALIEN,
	 "does not speak SMTP",
	 1,
	 0,
	 0,
	 0},
	{"escape codes",
	 {SAYS("220 \033]0;pwned\007\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS, SAYS("250 ok\r\n"),
	  HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 0,
	 220,
	 ODD_ESCAPES | ODD_BINARY},
	{"replies before they were asked for",
	 {SAYS("220 mx\r\n250 early\r\n250 too\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS,
	  SAYS("550 no\r\n"), HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 0,
	 220,
	 ODD_EARLY},
	{"and the answers stay in step",
	 {SAYS("220 mx\r\n250 early\r\n250 too\r\n"), HEARS, SAYS(EHLO_REPLY), HEARS,
	  SAYS("550 no\r\n"), HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 2,
	 550,
	 0},
	{"two replies to one command",
	 {SAYS("220 mx\r\n"), HEARS, SAYS(EHLO_REPLY "250 again\r\n"), HEARS, SAYS("550 no\r\n"),
	  HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 1,
	 250,
	 ODD_EARLY},
	{"and the next answer is its own",
	 {SAYS("220 mx\r\n"), HEARS, SAYS(EHLO_REPLY "250 again\r\n"), HEARS, SAYS("550 no\r\n"),
	  HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 2,
	 550,
	 0},
	{"half a reply too many",
	 {SAYS("220 mx\r\n"), HEARS, SAYS(EHLO_REPLY "250 ag"), HEARS, SAYS("ain\r\n550 no\r\n"),
	  HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 2,
	 550,
	 0},
	{"is noted where it was said",
	 {SAYS("220 mx\r\n"), HEARS, SAYS(EHLO_REPLY "250 ag"), HEARS, SAYS("ain\r\n550 no\r\n"),
	  HEARS, SAYS("221\r\n")},
	 VISIT_DONE,
	 "",
	 4,
	 1,
	 250,
	 ODD_EARLY},
};

TEST(each_server_has_the_end_it_deserves)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct exchange *x;
		struct scene s;
		struct peer p;

		scene_open(&s, usual, COUNT(usual));
		run_against(&s, &p, row->act, 0);
		ENSURE(s.log, "%s", row->sentence);
		EXPECT(s.log->end == row->end, "%s: %s, %s", row->sentence,
		       visit_end_name(s.log->end), s.log->why);
		EXPECT(strstr(s.log->why, row->why), "%s: %s", row->sentence, s.log->why);
		EXPECT(!strncmp(s.trace, "up; to read; ", 13), "%s: %s", row->sentence, s.trace);
		if (row->count == AS_IT_FALLS) {
			scene_close(&s);
			continue;
		}
		EXPECT(s.log->count == row->count, "%s: %u exchanges", row->sentence, s.log->count);
		x = s.log->count > row->at ? &s.log->exchange[row->at] : NULL;
		EXPECT(x && x->response.code == row->code && x->response.oddities == row->oddities,
		       "%s: code %d, oddities %x", row->sentence, x ? x->response.code : 0,
		       x ? x->response.oddities : 0);
		scene_close(&s);
	}
}

TEST(closed_at_every_byte_it_is_closed_and_no_more)
{
	static const struct act acts[PEER_ACTS_MAX] = {
		SAYS("220 mx ESMTP\r\n"), HEARS, SAYS(EHLO_REPLY),   HEARS,
		SAYS("250 ok\r\n"),	  HEARS, SAYS("221 bye\r\n")};
	const size_t before_quit = strlen("220 mx ESMTP\r\n" EHLO_REPLY "250 ok\r\n");
	const size_t all = before_quit + strlen("221 bye\r\n");

	for (size_t cut = 1; cut < all; cut++) {
		struct scene s;
		struct peer p;

		scene_open(&s, usual, COUNT(usual));
		run_against(&s, &p, acts, cut);
		/* A server may go after it has answered: whether QUIT could still be said is chance. */
		if (cut == before_quit)
			EXPECT(s.log->end == VISIT_DONE, "cut at %zu: %s", cut, s.log->why);
		else
			EXPECT(s.log->end == (cut > before_quit ? VISIT_DONE : VISIT_CLOSED),
			       "cut at %zu: %s, %s", cut, visit_end_name(s.log->end), s.log->why);
		scene_close(&s);
	}
}
