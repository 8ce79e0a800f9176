/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentence that a refused sender is told: its form, its bound, and what is cut first. */
#include "reply/refusal.h"

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void fill(char *text, size_t size, char with)
{
	memset(text, with, size - 1);
	text[size - 1] = '\0';
}

TEST(a_refusal_fits_its_line_and_keeps_the_contact)
{
	static struct reply_because b;
	char contact[REPLY_TEXT_MAX], text[REFUSAL_MAX];
	struct addr a;

	addr_parse("2001:db8:1111:2222:3333:4444:5555:6666", &a, NULL);
	for (size_t length = 2; length <= REPLY_TEXT_MAX; length++) {
		b.kind = REPLY_LISTED;
		fill(b.by, sizeof(b.by), 'b');
		fill(b.text, sizeof(b.text), 't');
		fill(contact, length, 'c');
		refusal_write(&b, &a, contact, false, text);
		EXPECT(strlen(text) <= REFUSAL_MAX - 1, "%zu bytes", strlen(text));
		EXPECT(strlen(text) > strlen(contact) &&
			       strcmp(text + strlen(text) - strlen(contact), contact) == 0,
		       "contact of %zu: %s", length, text);
	}
	fill(b.by, 12, 'b');
	fill(contact, 20, 'c');
	refusal_write(&b, &a, contact, false, text);
	EXPECT(strlen(text) == REFUSAL_MAX - 1 && strstr(text, "ttt...; ccc"), "%s", text);
}

TEST(a_refusal_leaves_out_what_is_empty_and_is_printable)
{
	static const struct {
		struct reply_because because;
		const char *contact;
		bool at_greeting;
		const char *out;
	} rows[] = {
		{{REPLY_LISTED, "", ""},
		 "",
		 false,
		 "550 5.7.1 Service unavailable; client [192.0.2.1] blocked"},
		{{REPLY_LISTED, "z.example", ""},
		 "",
		 false,
		 "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using z.example"},
		{{REPLY_LISTED, "z.example", ""},
		 "me",
		 false,
		 "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using z.example; me"},
		{{REPLY_LISTED, "z.example", "why"},
		 "",
		 false,
		 "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using z.example; why"},
		{{REPLY_RULE, "not shown", "why"},
		 "me",
		 false,
		 "550 5.7.1 Service unavailable; client [192.0.2.1] blocked; why; me"},
		{{REPLY_RULE, "", "why"},
		 "me",
		 true,
		 "554 5.7.1 Service unavailable; client [192.0.2.1] blocked; why; me"},
		{{REPLY_LIMIT, "", ""},
		 "me",
		 false,
		 "450 4.7.1 Service unavailable; client [192.0.2.1]; me"},
		{{REPLY_LIMIT, "", "slow down"},
		 "",
		 true,
		 "421 4.7.1 Service unavailable; client [192.0.2.1] slow down"},
		{{REPLY_RULE, "", "a\r\n250 \xff\x01"},
		 "",
		 false,
		 "550 5.7.1 Service unavailable; client [192.0.2.1] blocked; a??250 ??"},
	};
	char text[REFUSAL_MAX];
	struct addr a;

	addr_parse("192.0.2.1", &a, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		refusal_write(&rows[i].because, &a, rows[i].contact, rows[i].at_greeting, text);
		EXPECT(strcmp(text, rows[i].out) == 0, "%s", text);
	}
}
