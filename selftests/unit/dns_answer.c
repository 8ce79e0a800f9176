/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the DNS from bytes: what is said is read, and what is cut off, crooked or meant for others is no answer. */
#include "dns/answer.h"

#include <arpa/inet.h>

#include "tap.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define MESSAGE_MAX    8192
#define TEXTS_TOO_MANY (ANSWER_TEXTS_MAX + 2)
#define ASKED	       "7.113.0.203.bl.example"
#define FLAGS_OK       0x8180 /* a response, recursion desired and available */
#define FLAGS_NXDOMAIN 0x8183
#define NOISE_ROUNDS   200000 /* a second */

/* ---- a writer of messages ---- */

struct message {
	uint8_t byte[MESSAGE_MAX];
	size_t length;
};

static void put(struct message *m, const void *bytes, size_t length)
{
	memcpy(m->byte + m->length, bytes, length);
	m->length += length;
}

static void put16(struct message *m, unsigned value)
{
	uint16_t wire = htons((uint16_t)value);

	put(m, &wire, sizeof(wire));
}

static void put32(struct message *m, uint32_t value)
{
	uint32_t wire = htonl(value);

	put(m, &wire, sizeof(wire));
}

static void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t length = strcspn(name, ".");
		uint8_t byte = (uint8_t)length;

		put(m, &byte, 1);
		put(m, name, length);
		name += length + (name[length] == '.');
	}
	put(m, "", 1);
}

static void begin(struct message *m, unsigned flags, unsigned answers, unsigned authorities,
		  const char *name, enum record record)
{
	m->length = 0;
	put16(m, 4711);
	put16(m, flags);
	put16(m, 1);
	put16(m, answers);
	put16(m, authorities);
	put16(m, 0);
	put_name(m, name);
	put16(m, record);
	put16(m, 1);
}

static void put_head(struct message *m, const char *owner, enum record record, uint32_t ttl_s,
		     size_t length)
{
	put_name(m, owner);
	put16(m, record);
	put16(m, 1);
	put32(m, ttl_s);
	put16(m, (unsigned)length);
}

static void put_a(struct message *m, const char *owner, uint32_t code, uint32_t ttl_s)
{
	put_head(m, owner, RECORD_A, ttl_s, 4);
	put32(m, code);
}

/* A record whose data is a name. */
static void put_named(struct message *m, const char *owner, enum record record, const char *target,
		      uint32_t ttl_s)
{
	put_head(m, owner, record, ttl_s, strlen(target) + 2);
	put_name(m, target);
}

static void put_soa(struct message *m, const char *owner, uint32_t ttl_s, uint32_t minimum)
{
	put_head(m, owner, RECORD_SOA, ttl_s, 3 + 3 + 20);
	put_name(m, "n");
	put_name(m, "a");
	for (unsigned i = 0; i < 4; i++)
		put32(m, 1);
	put32(m, minimum);
}

static struct answer parse(const struct message *m, const char *name, enum record record)
{
	static struct answer out;
	/* Exactly as long, so that a sanitizer sees one byte too many. */
	uint8_t *copy = malloc(m->length ? m->length : 1);

	memcpy(copy, m->byte, m->length);
	answer_parse(copy, m->length, name, record, &out);
	free(copy);
	return out;
}

/* ---- what is said ---- */

TEST(answer_reads_addresses_and_the_least_ttl)
{
	static struct message m;
	struct answer a;

	begin(&m, FLAGS_OK, 3, 0, ASKED, RECORD_A);
	put_a(&m, ASKED, 0x7f000002, 900);
	put_a(&m, "7.113.0.203.BL.Example", 0x7f00000a, 300);
	put_a(&m, ASKED, 0x7f000004, 600);
	a = parse(&m, ASKED, RECORD_A);
	EXPECT(a.status == ANSWER_FOUND && a.count == 3 && a.ttl_s == 300,
	       "status %d count %u ttl %u", a.status, a.count, a.ttl_s);
	EXPECT(a.code[1] == 0x7f00000a, "%08x", a.code[1]);
}

TEST(answer_passes_over_records_of_other_names)
{
	static struct message m;
	struct answer a;

	begin(&m, FLAGS_OK, 2, 0, ASKED, RECORD_A);
	put_a(&m, "8.113.0.203.bl.example", 0x7f000002, 900);
	put_a(&m, "bl.example", 0x7f000002, 900);
	a = parse(&m, ASKED, RECORD_A);
	EXPECT(a.status == ANSWER_NONE && !a.count, "an address of another name is no listing");
}

TEST(answer_follows_aliases_and_no_loop)
{
	static struct message m;
	struct answer a;

	begin(&m, FLAGS_OK, 3, 0, ASKED, RECORD_A);
	put_named(&m, ASKED, RECORD_CNAME, "a.example", 100);
	put_named(&m, "a.example", RECORD_CNAME, "b.example", 50);
	put_a(&m, "b.example", 0x7f000002, 900);
	a = parse(&m, ASKED, RECORD_A);
	EXPECT(a.status == ANSWER_FOUND && a.code[0] == 0x7f000002 && a.ttl_s == 50,
	       "status %d ttl %u", a.status, a.ttl_s);
	begin(&m, FLAGS_OK, 40, 0, ASKED, RECORD_A);
	for (unsigned i = 0; i < 20; i++) {
		put_named(&m, ASKED, RECORD_CNAME, "b.example", 100);
		put_named(&m, "b.example", RECORD_CNAME, ASKED, 100);
	}
	a = parse(&m, ASKED, RECORD_A);
	EXPECT(a.status == ANSWER_MALFORMED, "a loop of aliases: %d", a.status);
}

TEST(answer_takes_the_lifetime_of_no_from_the_soa)
{
	static const struct {
		const char *sentence, *owner;
		unsigned flags;
		uint32_t ttl_s, minimum, expected;
	} rows[] = {
		{"the MINIMUM where it is less", "bl.example", FLAGS_NXDOMAIN, 3600, 300, 300},
		{"the SOA's TTL where that is", "bl.example", FLAGS_NXDOMAIN, 120, 300, 120},
		{"NODATA too", "bl.example", FLAGS_OK, 120, 300, 120},
		{"a SOA of another zone says nothing", "other.example", FLAGS_NXDOMAIN, 3600, 300,
		 0},
		{"that of the root does", "", FLAGS_NXDOMAIN, 3600, 300, 300},
		{"a negative MINIMUM is none", "bl.example", FLAGS_NXDOMAIN, 3600, 0xffffffff, 0},
	};
	static struct message m;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		begin(&m, rows[i].flags, 0, 1, ASKED, RECORD_A);
		put_soa(&m, rows[i].owner, rows[i].ttl_s, rows[i].minimum);
		a = parse(&m, ASKED, RECORD_A);
		EXPECT(a.status == ANSWER_NONE && a.ttl_s == rows[i].expected,
		       "%s: status %d ttl %u", rows[i].sentence, a.status, a.ttl_s);
	}
	begin(&m, FLAGS_NXDOMAIN, 0, 0, ASKED, RECORD_A);
	EXPECT(parse(&m, ASKED, RECORD_A).ttl_s == 0, "without a SOA there is no lifetime");
}

TEST(answer_tells_errors_apart)
{
	static const struct {
		const char *sentence;
		unsigned rcode;
		enum answer_status status;
	} rows[] = {
		{"SERVFAIL", 2, ANSWER_SERVFAIL}, {"REFUSED", 5, ANSWER_REFUSED},
		{"FORMERR", 1, ANSWER_SERVFAIL},  {"NOTIMP", 4, ANSWER_SERVFAIL},
		{"NXDOMAIN", 3, ANSWER_NONE},	  {"NOERROR", 0, ANSWER_NONE},
	};
	static struct message m;

	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(&m, 0x8180 | rows[i].rcode, 0, 0, ASKED, RECORD_A);
		EXPECT(parse(&m, ASKED, RECORD_A).status == rows[i].status, "%s", rows[i].sentence);
	}
}

TEST(answer_reads_texts_bounded)
{
	static struct message m;
	struct answer a;
	uint8_t long_one[255];

	begin(&m, FLAGS_OK, 2, 0, ASKED, RECORD_TXT);
	put_head(&m, ASKED, RECORD_TXT, 60, 6 + 3);
	put(&m, "\5hello", 6);
	put(&m, "\2\0\xff", 3);
	put_head(&m, ASKED, RECORD_TXT, 60, 6);
	put(&m, "\5other", 6);
	a = parse(&m, ASKED, RECORD_TXT);
	EXPECT(a.status == ANSWER_FOUND && a.text.length == 7 &&
		       !memcmp(a.text.byte, "hello\0\xff", 7),
	       "the strings of the first record: %zu bytes", a.text.length);
	memset(long_one, 'x', sizeof(long_one));
	begin(&m, FLAGS_OK, 1, 0, ASKED, RECORD_TXT);
	put_head(&m, ASKED, RECORD_TXT, 60, 4 * 256);
	for (unsigned i = 0; i < 4; i++) {
		put(&m, "\xff", 1);
		put(&m, long_one, sizeof(long_one));
	}
	a = parse(&m, ASKED, RECORD_TXT);
	EXPECT(a.status == ANSWER_FOUND && a.text.length == ANSWER_TEXT_MAX, "%zu bytes",
	       a.text.length);
}

TEST(answer_reads_host_names_and_no_others)
{
	static struct message m;
	struct answer a;

	begin(&m, FLAGS_OK, 14, 0, "7.113.0.203.in-addr.arpa", RECORD_PTR);
	put_named(&m, "7.113.0.203.in-addr.arpa", RECORD_PTR, "evil\x1b[2J.example", 60);
	put_named(&m, "7.113.0.203.in-addr.arpa", RECORD_PTR, "a b.example", 60);
	for (unsigned i = 0; i < 12; i++)
		put_named(&m, "7.113.0.203.in-addr.arpa", RECORD_PTR, "mail_1.Example-x.org", 60);
	a = parse(&m, "7.113.0.203.in-addr.arpa", RECORD_PTR);
	EXPECT(a.status == ANSWER_FOUND && a.count == ANSWER_NAMES_MAX, "%u names", a.count);
	EXPECT(!strcmp(a.name[0], "mail_1.Example-x.org"), "%s", a.name[0]);
}

TEST(answer_counts_no_further_than_it_has_room)
{
	static struct message m;
	struct answer a;

	begin(&m, FLAGS_OK, 200, 0, "a.b", RECORD_A);
	for (unsigned i = 0; i < 200; i++)
		put_a(&m, "a.b", 0x7f000002 + i % 8, 60);
	a = parse(&m, "a.b", RECORD_A);
	EXPECT(a.status == ANSWER_FOUND && a.count == OUTCOME_CODES_MAX, "%u", a.count);
}

/* ---- what is not an answer ---- */

TEST(answer_to_another_question_is_none)
{
	static const struct {
		const char *sentence, *name;
		enum record record;
	} rows[] = {
		{"another name", "8.113.0.203.bl.example", RECORD_A},
		{"a longer one", "1.7.113.0.203.bl.example", RECORD_A},
		{"another type", ASKED, RECORD_TXT},
	};
	static struct message m;

	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(&m, FLAGS_OK, 1, 0, rows[i].name, rows[i].record);
		put_a(&m, ASKED, 0x7f000002, 60);
		EXPECT(parse(&m, ASKED, RECORD_A).status == ANSWER_MALFORMED, "%s",
		       rows[i].sentence);
	}
	begin(&m, 0x0100, 1, 0, ASKED, RECORD_A);
	put_a(&m, ASKED, 0x7f000002, 60);
	EXPECT(parse(&m, ASKED, RECORD_A).status == ANSWER_MALFORMED, "a question is no answer");
	begin(&m, FLAGS_OK | 0x0200, 1, 0, ASKED, RECORD_A);
	put_a(&m, ASKED, 0x7f000002, 60);
	EXPECT(parse(&m, ASKED, RECORD_A).status == ANSWER_MALFORMED, "nor is a truncated one");
	begin(&m, FLAGS_OK, 1, 0, ASKED, RECORD_A);
	put_head(&m, ASKED, RECORD_A, 60, 5);
	put(&m, "\x7f\0\0\2\2", 5);
	EXPECT(parse(&m, ASKED, RECORD_A).status == ANSWER_MALFORMED, "an address of five bytes");
}

TEST(answer_cut_anywhere_is_none)
{
	static struct message m, cut;

	begin(&m, FLAGS_OK, 2, 0, ASKED, RECORD_A);
	put_named(&m, ASKED, RECORD_CNAME, "a.example", 100);
	put_a(&m, "a.example", 0x7f000002, 900);
	for (size_t length = 0; length < m.length; length++) {
		memcpy(&cut, &m, sizeof(cut));
		cut.length = length;
		EXPECT(parse(&cut, ASKED, RECORD_A).status == ANSWER_MALFORMED, "cut at %zu",
		       length);
	}
	EXPECT(parse(&m, ASKED, RECORD_A).status == ANSWER_FOUND, "whole it is one");
}

TEST(answer_names_that_loop_are_none)
{
	static const uint8_t pointers[][2] = {
		{0xc0, 0x29}, /* to itself: the owner of the record stands at 12 + 24 + 4 = 40 = 0x28 */
		{0xc0, 0x28}, {0xff, 0xff}, /* behind the end */
		{0x80, 0x01},		    /* a kind of label that there is not */
		{0x41, 0x41},		    /* an extended label */
	};
	static struct message m;

	for (size_t i = 0; i < COUNT(pointers); i++) {
		begin(&m, FLAGS_OK, 1, 0, ASKED, RECORD_A);
		put(&m, pointers[i], 2);
		put16(&m, RECORD_A);
		put16(&m, 1);
		put32(&m, 60);
		put16(&m, 4);
		put32(&m, 0x7f000002);
		EXPECT(parse(&m, ASKED, RECORD_A).status == ANSWER_MALFORMED, "pointer %zu", i);
	}
}

/* A small generator of its own, so that a failure can be repeated. */
static uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* With a sanitizer this finds what reads too far; without, what never ends. */
TEST(answer_survives_noise)
{
	static const enum record records[] = {RECORD_A, RECORD_AAAA, RECORD_PTR, RECORD_TXT};
	static struct message m, bad;
	uint32_t state = 2463534242U;

	begin(&m, FLAGS_OK, 3, 1, ASKED, RECORD_A);
	put_named(&m, ASKED, RECORD_CNAME, "a.example", 100);
	put_a(&m, "a.example", 0x7f000002, 900);
	put(&m, "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\4\3abc", 16);
	put_soa(&m, "example", 300, 300);
	for (unsigned i = 0; i < NOISE_ROUNDS; i++) {
		unsigned changes = noise(&state) % 6;
		struct answer a;

		memcpy(&bad, &m, sizeof(bad));
		while (changes--)
			bad.byte[noise(&state) % bad.length] = (uint8_t)noise(&state);
		bad.length -= noise(&state) % 4 ? 0 : noise(&state) % bad.length;
		/* Half of them with the question as it was, or all end there. */
		if (i & 1)
			memcpy(bad.byte + 12, m.byte + 12, 28);
		a = parse(&bad, ASKED, records[i >> 1 & 3]);
		ENSURE(a.count <= OUTCOME_CODES_MAX && a.status <= ANSWER_MALFORMED, "round %u", i);
	}
}

/* ---- what a domain publishes ---- */

TEST(answer_reads_mx_the_root_too)
{
	static struct message m;
	struct answer a;

	begin(&m, FLAGS_OK, 2, 0, "a.example", RECORD_MX);
	put_head(&m, "a.example", RECORD_MX, 300, 2 + 12);
	put16(&m, 10);
	put_name(&m, "mx.example");
	put_head(&m, "a.example", RECORD_MX, 300, 3);
	put16(&m, 0);
	put_name(&m, "");
	a = parse(&m, "a.example", RECORD_MX);
	EXPECT(a.status == ANSWER_FOUND && a.count == 2 && a.mx[0].preference == 10 &&
		       !strcmp(a.mx[0].name, "mx.example") && !a.mx[1].name[0],
	       "%u: %s, %s", a.count, a.mx[0].name, a.mx[1].name);
	EXPECT(!a.is_authentic && !a.is_alias, "plain");
	m.byte[3] |= 0x20;
	EXPECT(parse(&m, "a.example", RECORD_MX).is_authentic, "AD");
}

TEST(answer_reads_tlsa_and_says_what_it_cut)
{
	static const uint8_t data[100] = {3, 1, 1, 0xab};
	static struct message m;
	struct answer a;

	begin(&m, FLAGS_OK, 2, 0, "t.example", RECORD_TLSA);
	put_head(&m, "t.example", RECORD_TLSA, 300, 35);
	put(&m, data, 35);
	put_head(&m, "t.example", RECORD_TLSA, 300, sizeof(data));
	put(&m, data, sizeof(data));
	a = parse(&m, "t.example", RECORD_TLSA);
	EXPECT(a.status == ANSWER_FOUND && a.count == 2 && a.tlsa[0].usage == 3 &&
		       a.tlsa[0].selector == 1 && a.tlsa[0].matching == 1 &&
		       a.tlsa[0].length == 32 && a.tlsa[0].data[0] == 0xab,
	       "%u, %zu bytes", a.count, a.tlsa[0].length);
	EXPECT(a.tlsa[1].length == sizeof(data) - 3, "%zu bytes", a.tlsa[1].length);
	begin(&m, FLAGS_OK, 1, 0, "t.example", RECORD_TLSA);
	put_head(&m, "t.example", RECORD_TLSA, 300, 2);
	put(&m, data, 2);
	EXPECT(parse(&m, "t.example", RECORD_TLSA).status == ANSWER_MALFORMED, "half a record");
}

TEST(answer_gives_every_text_whole)
{
	static struct answer_texts texts;
	static struct message m;
	char string[] = "\xc8";
	uint8_t filler[200];
	struct answer a;

	memset(filler, 'x', sizeof(filler));
	begin(&m, FLAGS_OK, TEXTS_TOO_MANY, 0, "t.example", RECORD_TXT);
	put_head(&m, "t.example", RECORD_TXT, 300, 2 * (1 + sizeof(filler)));
	for (unsigned i = 0; i < 2; i++) {
		put(&m, string, 1);
		put(&m, filler, sizeof(filler));
	}
	for (unsigned i = 1; i < TEXTS_TOO_MANY; i++) {
		put_head(&m, "t.example", RECORD_TXT, 300, 4);
		put(&m, "\1a\1b", 4);
	}
	a = parse(&m, "t.example", RECORD_TXT);
	EXPECT(a.status == ANSWER_FOUND && a.count == 1, "the first");
	answer_texts(&a, "t.example", &texts);
	EXPECT(!texts.count, "without the message there are none");
	a.message = m.byte;
	a.message_length = m.length;
	answer_texts(&a, "t.example", &texts);
	EXPECT(texts.count == ANSWER_TEXTS_MAX && texts.is_short && texts.text[0].length == 400 &&
		       texts.text[1].length == 2 && !memcmp(texts.text[1].byte, "ab", 2),
	       "%u texts, the first of %zu bytes", texts.count, texts.text[0].length);
	answer_texts(&a, "other.example", &texts);
	EXPECT(!texts.count, "of another question there are none");
	/* Cut anywhere, it is none at all, and no byte behind it is read. */
	for (size_t length = 0; length < m.length; length++) {
		uint8_t *copy = malloc(length ? length : 1);

		memcpy(copy, m.byte, length);
		a.message = copy;
		a.message_length = length;
		answer_texts(&a, "t.example", &texts);
		EXPECT(!texts.count, "cut at %zu", length);
		free(copy);
	}
}
