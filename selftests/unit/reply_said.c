/* SPDX-License-Identifier: BSD-2-Clause */
/* The log line, held beside what postscreen(8) writes. */
#include "reply/said.h"

#include "tap.h"

static struct reply_said said_of(const char *addr)
{
	struct reply_said s = {.port = 4711, .esmtp = 1};

	addr_parse(addr, &s.addr, NULL);
	strcpy(s.reply,
	       "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example");
	strcpy(s.helo, "mail.example");
	strcpy(s.sender, "a@example");
	strcpy(s.recipient, "b@example.org");
	return s;
}

TEST(the_line_is_as_postscreen_writes_it)
{
	struct reply_said s = said_of("192.0.2.1");
	char line[SAID_LINE_MAX];

	said_format(&s, line, sizeof(line));
	EXPECT(strcmp(line,
		      "NOQUEUE: reject: RCPT from [192.0.2.1]:4711: 550 5.7.1 Service unavailable; "
		      "client [192.0.2.1] blocked using bl.example; from=<a@example>, "
		      "to=<b@example.org>, proto=ESMTP, helo=<mail.example>") == 0,
	       "%s", line);
	s = said_of("2001:db8::1");
	s.esmtp = 0;
	s.helo[0] = s.sender[0] = '\0';
	said_format(&s, line, sizeof(line));
	EXPECT(strstr(line, " from [2001:db8::1]:4711: ") &&
		       strstr(line, "; from=<>, to=<b@example.org>, proto=SMTP, helo=<>"),
	       "%s", line);
}

TEST(a_refusal_in_the_greeting_knows_nobody)
{
	struct reply_said s = said_of("192.0.2.1");
	char line[SAID_LINE_MAX];

	s.at_greeting = 1;
	said_format(&s, line, sizeof(line));
	EXPECT(strcmp(line, "NOQUEUE: reject: CONNECT from [192.0.2.1]:4711: 550 5.7.1 Service "
			    "unavailable; client [192.0.2.1] blocked using bl.example") == 0,
	       "%s", line);
}

TEST(nobody_writes_fields_of_his_own)
{
	struct reply_said s = said_of("192.0.2.1");
	char line[SAID_LINE_MAX];

	strcpy(s.sender, "x>, to=<root@example");
	strcpy(s.helo, "y> <z");
	said_format(&s, line, sizeof(line));
	EXPECT(strstr(line, "; from=<x\\x3e, to=\\x3croot@example>, to=<b@example.org>, "
			    "proto=ESMTP, helo=<y\\x3e \\x3cz>"),
	       "%s", line);
}

TEST(the_longest_line_has_room_and_a_shorter_room_cuts)
{
	struct reply_said s = said_of("2001:db8:1111:2222:3333:4444:5555:6666");
	char line[SAID_LINE_MAX], small[64];

	memset(s.reply, '<', sizeof(s.reply) - 1);
	memset(s.helo, '<', sizeof(s.helo) - 1);
	memset(s.sender, '>', sizeof(s.sender) - 1);
	memset(s.recipient, '>', sizeof(s.recipient) - 1);
	said_format(&s, line, sizeof(line));
	EXPECT(strlen(line) < sizeof(line) - 1 && strcmp(line + strlen(line) - 5, "\\x3c>") == 0,
	       "%zu bytes", strlen(line));
	said_format(&s, small, sizeof(small));
	EXPECT(strlen(small) == sizeof(small) - 1, "%s", small);
}
