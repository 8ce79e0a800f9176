/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What servers say, as sentences: each row is what came, and what it is read as. Every row is read again byte by byte, and cut off at
 * every byte.
 */
#include "audit/response.h"

#include <errno.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX     600
#define S(text)	     text, sizeof(text) - 1

struct row {
	const char *sentence;
	enum protocol protocol;
	enum response_shape shape;
	const char *bytes;
	size_t length;
	enum response_step step;
	enum response_kind kind;
	int code;
	unsigned lines, oddities;
	const char *text;   /* NULL: not looked at */
	const char *format; /* the same */
};

static const struct row rows[] = {
	{"one line", 0, 0, S("250 2.1.5 Ok\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 250, 1, 0,
	 "2.1.5 Ok\n", "250 2.1.5 Ok"},
	{"no text", 0, 0, S("354\r\n"), RESPONSE_WHOLE, RESPONSE_MORE, 354, 1, 0, "\n", "354"},
	{"a space and no text", 0, 0, S("250 \r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 250, 1, 0,
	 "\n", "250"},
	{"several lines", 0, 0, S("250-mx.example\r\n250-SIZE 1\r\n250 HELP\r\n"), RESPONSE_WHOLE,
	 RESPONSE_POSITIVE, 250, 3, 0, "mx.example\nSIZE 1\nHELP\n", "250 HELP"},
	{"the last line has only a code", 0, 0, S("250-a\r\n250\r\n"), RESPONSE_WHOLE,
	 RESPONSE_POSITIVE, 250, 2, 0, "a\n\n", "250"},
	{"temporary", 0, 0, S("454 4.7.1 Relay access denied\r\n"), RESPONSE_WHOLE,
	 RESPONSE_TRANSIENT, 454, 1, 0, NULL, "454 4.7.1 Relay access denied"},
	{"refused", 0, 0, S("550 no\r\n"), RESPONSE_WHOLE, RESPONSE_NEGATIVE, 550, 1, 0, "no\n",
	 "550 no"},
	{"the last line is missing", 0, 0, S("250-a\r\n250-b\r\n"), RESPONSE_WANTS,
	 RESPONSE_POSITIVE, 250, 2, ODD_UNENDED, "a\nb\n", "250 b"},
	{"the end of the last line is missing", 0, 0, S("250-a\r\n250 b"), RESPONSE_WANTS,
	 RESPONSE_POSITIVE, 250, 2, ODD_UNENDED, "a\nb\n", "250 b"},
	{"half a code", 0, 0, S("25"), RESPONSE_WANTS, RESPONSE_NONE, 0, 0, 0, NULL, ""},
	{"bare LF", 0, 0, S("250-a\n250 b\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 250, 2,
	 ODD_BARE_LF, "a\nb\n", "250 b"},
	{"two CR", 0, 0, S("250 a\r\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 250, 1, 0, "a\n",
	 NULL},
	{"codes that differ: the last counts", 0, 0, S("250-a\r\n550 5.7.1 b\r\n"), RESPONSE_WHOLE,
	 RESPONSE_NEGATIVE, 550, 2, ODD_CODES, "a\n5.7.1 b\n", "550 5.7.1 b"},
	{"a line without a code inside", 0, 0, S("214-help:\r\n  MAIL\r\n214 end\r\n"),
	 RESPONSE_WHOLE, RESPONSE_POSITIVE, 214, 3, ODD_CODES, "help:\n  MAIL\nend\n", "214 end"},
	{"an empty line before", 0, 0, S("\r\n220 a\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 220,
	 1, ODD_CODES, "a\n", "220 a"},
	{"eight bits", 0, 0, S("550 unzul\344ssig\r\n"), RESPONSE_WHOLE, RESPONSE_NEGATIVE, 550, 1,
	 ODD_BINARY, NULL, "550 unzul\\xe4ssig"},
	{"NUL", 0, 0, S("220 a\0b\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 220, 1, ODD_BINARY,
	 "a?b\n", "220 a?b"},
	{"ESC", 0, 0, S("220 \033[2J\007\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 220, 1,
	 ODD_ESCAPES | ODD_BINARY, NULL, "220 \\x1b[2J\\x07"},
	{"a CR inside", 0, 0, S("250 a\r250 b\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 250, 1, 0,
	 NULL, "250 a\\x0d250 b"},
	{"a tab is white", 0, 0, S("220\ta\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 220, 1, 0,
	 "a\n", "220 a"},
	{"HTTP", 0, 0, S("HTTP/1.1 400 Bad Request\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1,
	 ODD_CODES, "HTTP/1.1 400 Bad Request\n", "HTTP/1.1 400 Bad Request"},
	{"SSH", 0, 0, S("SSH-2.0-OpenSSH_9.2\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1, ODD_CODES,
	 NULL, NULL},
	{"text that never ends its line", 0, 0, S("login: "), RESPONSE_WANTS, RESPONSE_NONE, 0, 1,
	 ODD_CODES, "login: \n", NULL},
	{"a TLS alert", 0, 0, S("\x15\x03\x01\x00\x02\x02\x46"), RESPONSE_ALIEN, RESPONSE_NONE, 0,
	 1, 0, NULL, NULL},
	{"a code of no protocol", 0, 0, S("199 a\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1,
	 ODD_CODES, NULL, NULL},
	{"another", 0, 0, S("600 a\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1, ODD_CODES, NULL,
	 NULL},
	{"four digits", 0, 0, S("2200 a\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1, ODD_CODES, NULL,
	 NULL},
	{"POP3 on the port of SMTP", 0, 0, S("+OK\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1,
	 ODD_CODES, NULL, NULL},

	{"POP3: yes", 1, 0, S("+OK ready\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 0, 1, 0,
	 "+OK ready\n", "+OK ready"},
	{"POP3: yes and no more", 1, 0, S("+OK\r\n"), RESPONSE_WHOLE, RESPONSE_POSITIVE, 0, 1, 0,
	 NULL, "+OK"},
	{"POP3: no", 1, 1, S("-ERR [AUTH] no\r\n"), RESPONSE_WHOLE, RESPONSE_NEGATIVE, 0, 1, 0,
	 NULL, "-ERR [AUTH] no"},
	{"POP3: go on", 1, 0, S("+ \r\n"), RESPONSE_WHOLE, RESPONSE_MORE, 0, 1, 0, NULL, "+ "},
	{"POP3: lines", 1, 1, S("+OK capa\r\nSTLS\r\n..a\r\n.\r\n"), RESPONSE_WHOLE,
	 RESPONSE_POSITIVE, 0, 3, 0, "+OK capa\nSTLS\n.a\n", "+OK capa"},
	{"POP3: no end of lines", 1, 1, S("+OK\r\nSTLS\r\n"), RESPONSE_WANTS, RESPONSE_POSITIVE, 0,
	 2, ODD_UNENDED, NULL, "+OK"},
	{"POP3: +OKAY is none", 1, 0, S("+OKAY\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1, 0, NULL,
	 NULL},
	{"SMTP on the port of POP3", 1, 0, S("220 mx\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1, 0,
	 NULL, NULL},

	{"IMAP: greeting", 2, 0, S("* OK [CAPABILITY IMAP4rev1] ready\r\n"), RESPONSE_WHOLE,
	 RESPONSE_POSITIVE, 0, 1, 0, NULL, "* OK [CAPABILITY IMAP4rev1] ready"},
	{"IMAP: goodbye for a greeting", 2, 0, S("* BYE busy\r\n"), RESPONSE_WHOLE,
	 RESPONSE_NEGATIVE, 0, 1, 0, NULL, NULL},
	{"IMAP: done", 2, 2, S("* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n"), RESPONSE_WHOLE,
	 RESPONSE_POSITIVE, 0, 2, 0, NULL, "a1 OK done"},
	{"IMAP: no", 2, 2, S("a1 NO no\r\n"), RESPONSE_WHOLE, RESPONSE_NEGATIVE, 0, 1, 0, NULL,
	 NULL},
	{"IMAP: bad", 2, 2, S("a1 BAD no\r\n"), RESPONSE_WHOLE, RESPONSE_NEGATIVE, 0, 1, 0, NULL,
	 NULL},
	{"IMAP: go on", 2, 2, S("+ go\r\n"), RESPONSE_WHOLE, RESPONSE_MORE, 0, 1, 0, NULL, NULL},
	{"IMAP: a literal inside", 2, 2, S("* ID (\"name\" {2}\r\nab)\r\na1 OK\r\n"),
	 RESPONSE_WHOLE, RESPONSE_POSITIVE, 0, 3, 0, NULL, "a1 OK"},
	{"IMAP: goodbye, and nothing more", 2, 2, S("* BYE too many\r\n"), RESPONSE_WANTS,
	 RESPONSE_NEGATIVE, 0, 1, ODD_UNENDED, NULL, "* BYE too many"},
	{"IMAP: another's tag", 2, 2, S("a2 OK\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1, 0, NULL,
	 NULL},
	{"POP3 on the port of IMAP", 2, 0, S("+OK\r\n"), RESPONSE_ALIEN, RESPONSE_NONE, 0, 1, 0,
	 NULL, NULL},
};

static struct response_reader *reader_of(const struct row *row)
{
	struct response_reader *r = NULL;

	if (EXPECT(response_reader_new(&r, row->protocol) == 0, "a reader"))
		response_expect(r, row->shape, row->shape == SHAPE_TAGGED ? "a1" : NULL);
	return r;
}

/* The bytes, so many at a time, until it has something to say. */
static enum response_step read_in_parts(struct response_reader *r, const char *bytes, size_t length,
					size_t part, struct response *out)
{
	enum response_step step = RESPONSE_WANTS;

	for (size_t at = 0; at < length && step == RESPONSE_WANTS; at += part) {
		size_t n = length - at < part ? length - at : part;

		EXPECT(response_feed(r, bytes + at, n) == 0, "feed");
		step = response_next(r, out);
	}
	return step;
}

static void expect_row(const struct row *row, const struct response *out, size_t part)
{
	char format[TEXT_MAX];

	EXPECT(out->kind == row->kind && out->code == row->code, "%s, by %zu: kind %d, code %d",
	       row->sentence, part, out->kind, out->code);
	EXPECT(out->line_count == row->lines, "%s, by %zu: %u lines", row->sentence, part,
	       out->line_count);
	EXPECT(out->oddities == row->oddities, "%s, by %zu: oddities %x", row->sentence, part,
	       out->oddities);
	if (row->text)
		EXPECT(out->text && !strcmp(out->text, row->text), "%s, by %zu: text '%s'",
		       row->sentence, part, out->text ? out->text : "");
	if (row->format)
		EXPECT(!strcmp(response_format(out, format, sizeof(format)), row->format),
		       "%s, by %zu: '%s'", row->sentence, part, format);
}

TEST(each_is_read_as_it_is_meant_however_it_comes)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t part = rows[i].length; part; part--) {
			struct response_reader *r = reader_of(&rows[i]);
			struct response out = {0};
			enum response_step step =
				read_in_parts(r, rows[i].bytes, rows[i].length, part, &out);

			EXPECT(step == rows[i].step, "%s, by %zu: step %d", rows[i].sentence, part,
			       step);
			if (step == RESPONSE_WANTS)
				step = response_last(r, &out);
			/* One that is told from the protocol by its first byte has said no more. */
			if (step != RESPONSE_ALIEN || part == rows[i].length)
				expect_row(&rows[i], &out, part);
			response_free(&out);
			response_reader_free(r);
		}
	}
}

TEST(cut_at_every_byte_it_is_never_whole)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t length = 0; length < rows[i].length; length++) {
			struct response_reader *r = reader_of(&rows[i]);
			struct response out = {0};
			enum response_step step =
				read_in_parts(r, rows[i].bytes, length, rows[i].length, &out);

			EXPECT(step == RESPONSE_WANTS || step == RESPONSE_ALIEN,
			       "%s, cut at %zu: step %d", rows[i].sentence, length, step);
			if (step == RESPONSE_WANTS && response_last(r, &out) == RESPONSE_WHOLE)
				EXPECT(out.oddities & ODD_UNENDED, "%s, cut at %zu",
				       rows[i].sentence, length);
			response_free(&out);
			response_reader_free(r);
		}
	}
}

TEST(enhanced_codes_are_those_of_the_rfc)
{
	static const struct {
		const char *reply;
		bool has;
		uint8_t code[3];
	} codes[] = {
		{"550 5.7.1 no\r\n", true, {5, 7, 1}},
		{"250 2.0.0\r\n", true, {2, 0, 0}},
		{"450 4.7.128 no\r\n", true, {4, 7, 128}},
		{"550 5.7.1: no\r\n", false, {0}},
		{"550 5.7 no\r\n", false, {0}},
		{"550 5.7.1.2 no\r\n", false, {0}},
		{"550 5.7.300 no\r\n", false, {0}},
		{"550 3.7.1 no\r\n", false, {0}},
		{"550 no 5.7.1\r\n", false, {0}},
		{"550 5.7.1000 no\r\n", false, {0}},
		{"550-5.1.1 a\r\n550 b\r\n", true, {5, 1, 1}},
	};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct row row = {.protocol = PROTOCOL_SMTP};
		struct response_reader *r = reader_of(&row);
		struct response out = {0};

		EXPECT(read_in_parts(r, codes[i].reply, strlen(codes[i].reply), TEXT_MAX, &out) ==
			       RESPONSE_WHOLE,
		       "%s", codes[i].reply);
		EXPECT(out.has_enhanced == codes[i].has &&
			       !memcmp(out.enhanced, codes[i].code, sizeof(out.enhanced)),
		       "%s: %d %u.%u.%u", codes[i].reply, out.has_enhanced, out.enhanced[0],
		       out.enhanced[1], out.enhanced[2]);
		response_free(&out);
		response_reader_free(r);
	}
}

/* What lies behind the last byte is what the server said before. */
TEST(half_a_tag_is_no_more_than_came)
{
	struct response_reader *r = NULL;
	struct response out = {0};

	ENSURE(response_reader_new(&r, PROTOCOL_IMAP) == 0, "a reader");
	response_expect(r, SHAPE_TAGGED, "bye");
	ENSURE(response_feed(r, "bye OK\r\n", 8) == 0 && response_next(r, &out) == RESPONSE_WHOLE,
	       "an answer");
	response_free(&out);
	ENSURE(response_feed(r, "* x\r\n", 5) == 0 && response_next(r, &out) == RESPONSE_WANTS,
	       "an untagged line");
	(void)response_discard(r);
	ENSURE(response_feed(r, "b", 1) == 0 && response_next(r, &out) == RESPONSE_WANTS, "a byte");
	EXPECT(response_last(r, &out) == RESPONSE_WANTS, "which means nothing yet");
	response_free(&out);
	response_reader_free(r);
}

/* So many lines of so many bytes, CR and LF among them; the last ends the reply, or not. */
static enum response_step flood(enum protocol p, size_t lines, size_t bytes, bool ends,
				struct response *out)
{
	struct row row = {.protocol = p, .shape = p == PROTOCOL_POP3 ? SHAPE_MULTILINE : 0};
	struct response_reader *r = reader_of(&row);
	enum response_step step = RESPONSE_WANTS;
	char *line = malloc(bytes + 1);

	for (size_t i = 0; i < lines && step == RESPONSE_WANTS; i++) {
		bool is_last = ends && i + 1 == lines;

		memset(line, 'a', bytes);
		memcpy(line, p == PROTOCOL_POP3 ? "+OK " : is_last ? "250 " : "250-", 4);
		memcpy(line + bytes - 2, "\r\n", 2);
		EXPECT(response_feed(r, line, bytes) == 0, "feed");
		step = response_next(r, out);
	}
	if (step == RESPONSE_FLOOD) {
		struct response more;

		EXPECT(response_next(r, &more) == RESPONSE_FLOOD && !more.text, "no more is read");
	}
	free(line);
	response_reader_free(r);
	return step;
}

TEST(bounds_hold)
{
	static const struct {
		const char *sentence;
		enum protocol protocol;
		size_t lines, bytes;
		bool ends;
		enum response_step step;
		unsigned oddities;
	} floods[] = {
		{"as long as RFC 5321 allows", 0, 1, 512, true, RESPONSE_WHOLE, 0},
		{"one byte more", 0, 1, 513, true, RESPONSE_WHOLE, ODD_LONG},
		{"the longest line", 0, 1, 4096, true, RESPONSE_WHOLE, ODD_LONG},
		{"a longer one", 0, 1, 4097, true, RESPONSE_FLOOD, ODD_LONG | ODD_UNENDED},
		{"5000 bytes", 0, 1, 5000, true, RESPONSE_FLOOD, ODD_LONG | ODD_UNENDED},
		{"as many lines as may be", 0, 256, 10, true, RESPONSE_WHOLE, 0},
		{"one more", 0, 257, 10, true, RESPONSE_FLOOD, ODD_UNENDED},
		{"endless lines", 0, 300, 10, false, RESPONSE_FLOOD, ODD_UNENDED},
		{"all bytes that may be", 0, 128, 512, true, RESPONSE_WHOLE, 0},
		{"more", 0, 129, 512, true, RESPONSE_FLOOD, ODD_UNENDED},
		{"POP3 without end", 1, 300, 10, false, RESPONSE_FLOOD, ODD_UNENDED},
	};

	for (size_t i = 0; i < COUNT(floods); i++) {
		struct response out = {0};
		enum response_step step = flood(floods[i].protocol, floods[i].lines,
						floods[i].bytes, floods[i].ends, &out);

		EXPECT(step == floods[i].step && out.oddities == floods[i].oddities,
		       "%s: step %d, oddities %x", floods[i].sentence, step, out.oddities);
		EXPECT(out.kind == RESPONSE_POSITIVE && out.text, "%s: what was read is there",
		       floods[i].sentence);
		response_free(&out);
	}
}

TEST(a_line_or_empty_lines_without_end_are_a_flood)
{
	struct row row = {.protocol = PROTOCOL_SMTP};
	struct response out = {0};
	struct response_reader *r = reader_of(&row);
	enum response_step step = RESPONSE_WANTS;
	size_t fed = 0;

	for (; fed < 10000 && step == RESPONSE_WANTS; fed++) {
		EXPECT(response_feed(r, "A", 1) == 0, "feed");
		step = response_next(r, &out);
	}
	EXPECT(step == RESPONSE_FLOOD && fed == RESPONSE_LINE_MAX + 1, "step %d at %zu", step, fed);
	response_free(&out);
	response_reader_free(r);

	r = reader_of(&row);
	step = RESPONSE_WANTS;
	for (fed = 0; fed < 1000 && step == RESPONSE_WANTS; fed++) {
		EXPECT(response_feed(r, "\r\n", 2) == 0, "feed");
		step = response_next(r, &out);
	}
	EXPECT(step == RESPONSE_FLOOD && fed == RESPONSE_LINES_MAX + 1, "step %d at %zu", step,
	       fed);
	response_free(&out);
	response_reader_free(r);
}

TEST(what_is_over_is_kept_and_can_be_thrown_away)
{
	struct row row = {.protocol = PROTOCOL_SMTP};
	struct response_reader *r = reader_of(&row);
	struct response out;
	static char much[RESPONSE_BYTES_MAX * 2];

	EXPECT(response_feed(r, S("220 a\r\n250-b\r\n250 c\r\n25")) == 0, "feed");
	EXPECT(response_next(r, &out) == RESPONSE_WHOLE && out.code == 220, "the first");
	response_free(&out);
	EXPECT(response_waiting(r), "more waits");
	EXPECT(response_next(r, &out) == RESPONSE_WHOLE && out.line_count == 2, "the second");
	response_free(&out);
	EXPECT(response_waiting(r) && response_next(r, &out) == RESPONSE_WANTS, "a part waits");
	EXPECT(response_feed(r, S("0 d\r\n")) == 0 && response_next(r, &out) == RESPONSE_WHOLE &&
		       out.code == 250,
	       "the third");
	response_free(&out);
	EXPECT(!response_waiting(r) && response_discard(r) == 0, "nothing waits");
	EXPECT(response_feed(r, S("250-a\r\n250 b\r\n25")) == 0, "feed");
	EXPECT(response_discard(r) == 16 && !response_waiting(r), "all is thrown away");
	EXPECT(response_feed(r, S("250-a\r\n25")) == 0 && response_next(r, &out) == RESPONSE_WANTS,
	       "half a response");
	EXPECT(response_waiting(r) && response_discard(r) == 9 && !response_waiting(r), "too");
	EXPECT(response_feed(r, S("550 z\r\n")) == 0 && response_next(r, &out) == RESPONSE_WHOLE &&
		       out.code == 550 && !out.oddities,
	       "nothing of it is left");
	response_free(&out);
	EXPECT(response_feed(r, much, sizeof(much)) == 0 && response_feed(r, "a", 1) == -EMSGSIZE &&
		       response_discard(r) == sizeof(much),
	       "nobody has so much to say");
	response_reader_free(r);
}

TEST(words_and_lines_are_found)
{
	static const struct {
		enum protocol protocol;
		enum response_shape shape;
		const char *bytes, *keyword, *found; /* NULL: not */
	} said[] = {
		{0, 0, "250-mx\r\n250-SIZE 100\r\n250 AUTH PLAIN LOGIN\r\n", "size", "100"},
		{0, 0, "250-mx\r\n250-SIZE 100\r\n250 AUTH PLAIN LOGIN\r\n", "AUTH", "PLAIN LOGIN"},
		{0, 0, "250-mx\r\n250-STARTTLS\r\n250 AUTH=LOGIN\r\n", "AUTH", "LOGIN"},
		{0, 0, "250-mx\r\n250-STARTTLS \r\n250 X\r\n", "STARTTLS", ""},
		{0, 0, "250-mx\r\n250-STARTTLSX\r\n250 X\r\n", "STARTTLS", NULL},
		{0, 0, "250-STARTTLS\r\n250 X\r\n", "STARTTLS", NULL},
		{0, 0, "250 STARTTLS\r\n", "STARTTLS", NULL},
		{0, 0, "250-a\r\n250 X \033[2J\r\n", "X", "\\x1b[2J"},
		{1, 1, "+OK\r\nSASL PLAIN\r\nSTLS\r\n.\r\n", "STLS", ""},
		{1, 1, "+OK\r\nSASL PLAIN\r\nSTLS\r\n.\r\n", "sasl", "PLAIN"},
		{2, 2, "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN AUTH=LOGIN\r\na1 OK\r\n", "AUTH",
		 "PLAIN LOGIN"},
		{2, 2, "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n", "STARTTLS", ""},
		{2, 2, "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n", "AUTH", NULL},
		{2, 0, "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] STARTTLS\r\n", "LOGINDISABLED",
		 ""},
		{2, 0, "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] STARTTLS\r\n", "STARTTLS", NULL},
	};

	for (size_t i = 0; i < COUNT(said); i++) {
		struct row row = {.protocol = said[i].protocol, .shape = said[i].shape};
		struct response_reader *r = reader_of(&row);
		struct response out = {0};
		char buffer[TEXT_MAX];
		const char *found;
		size_t length;

		EXPECT(read_in_parts(r, said[i].bytes, strlen(said[i].bytes), TEXT_MAX, &out) ==
			       RESPONSE_WHOLE,
		       "%s", said[i].bytes);
		found = response_keyword(&out, said[i].keyword, buffer, sizeof(buffer));
		EXPECT(said[i].found ? found && !strcmp(found, said[i].found) : !found,
		       "%s: %s: %s", said[i].bytes, said[i].keyword, found ? found : "not");
		EXPECT(response_says(&out, "X") == !!strcasestr(said[i].bytes, "x"), "says");
		EXPECT(response_line(&out, 0, &length) == out.text, "the first line");
		EXPECT(!response_line(&out, out.line_count, &length) && !length, "behind the last");
		response_free(&out);
		response_reader_free(r);
	}
}

TEST(nothing_is_nothing)
{
	struct response none = {0};
	char buffer[8];
	size_t length;

	EXPECT(!response_line(&none, 0, &length) && !response_says(&none, "") &&
		       !response_keyword(&none, "AUTH", buffer, sizeof(buffer)) &&
		       !strcmp(response_format(&none, buffer, sizeof(buffer)), ""),
	       "no response has no text");
	response_reader_free(NULL);
	EXPECT(!strcmp(protocol_name(PROTOCOL_IMAP), "IMAP"), "a name");
}
