/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading responses: see response.h. A line is judged when its end has come, so a response reads the same however its bytes were cut.
 * Only what cannot be text at all is told from the protocol before: a server of something else may never end a line.
 */
#include "audit/response.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WAITING_MAX (2 * RESPONSE_BYTES_MAX) /* one response at its bound, and as much behind it */
#define TAG_MAX	    32			     /* bytes; ours are of one letter */
#define ROOM_LEAST  512			     /* bytes: most responses */
#define CODE_DIGITS 3
/* Of a line with its end (RFC 5321, 4.5.3.1.5; RFC 1939, 3). IMAP knows no bound. */
#define LINE_ALLOWED 512
#define ESCAPE	     0x1b

struct bytes {
	char *byte;
	size_t length, room;
};

struct response_reader {
	enum protocol protocol;
	enum response_shape shape;
	char tag[TAG_MAX];
	struct bytes waiting;
	size_t at;	/* in waiting: what is before was taken */
	size_t scanned; /* and no end of a line is before this */
	/* The response that is being read: */
	struct response response;
	struct bytes text;
	size_t taken;		 /* its bytes */
	unsigned lines;		 /* empty ones before it too */
	enum response_step over; /* RESPONSE_FLOOD, RESPONSE_ALIEN: nothing more is read */
};

enum line_verdict { LINE_MORE, LINE_LAST, LINE_ALIEN, LINE_NO_ROOM };

int response_reader_new(struct response_reader **out, enum protocol p)
{
	struct response_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->protocol = p;
	r->over = RESPONSE_WANTS;
	*out = r;
	return 0;
}

void response_reader_free(struct response_reader *r)
{
	if (!r)
		return;
	free(r->waiting.byte);
	free(r->text.byte);
	free(r);
}

void response_expect(struct response_reader *r, enum response_shape shape, const char *tag)
{
	size_t length = tag ? strnlen(tag, sizeof(r->tag) - 1) : 0;

	r->shape = shape;
	if (length)
		memcpy(r->tag, tag, length);
	r->tag[length] = '\0';
}

/* ---- bytes ---- */

static bool bytes_add(struct bytes *b, const void *more, size_t length)
{
	size_t room = b->room ? b->room : ROOM_LEAST;
	char *grown;

	while (room - b->length < length)
		room *= 2;
	if (room != b->room) {
		grown = realloc(b->byte, room);
		if (!grown)
			return false;
		b->byte = grown;
		b->room = room;
	}
	if (length)
		memcpy(b->byte + b->length, more, length);
	b->length += length;
	return true;
}

int response_feed(struct response_reader *r, const void *bytes, size_t length)
{
	if (r->at) {
		r->waiting.length -= r->at;
		memmove(r->waiting.byte, r->waiting.byte + r->at, r->waiting.length);
		r->scanned -= r->at;
		r->at = 0;
	}
	if (length > WAITING_MAX - r->waiting.length)
		return -EMSGSIZE;
	return bytes_add(&r->waiting, bytes, length) ? 0 : -ENOMEM;
}

bool response_waiting(const struct response_reader *r)
{
	return r->at < r->waiting.length || r->taken;
}

static void building_reset(struct response_reader *r)
{
	r->response = (struct response){0};
	r->text.length = 0;
	r->taken = 0;
	r->lines = 0;
}

size_t response_discard(struct response_reader *r)
{
	size_t count = r->waiting.length - r->at + r->taken;

	r->waiting.length = r->at = r->scanned = 0;
	building_reset(r);
	return count;
}

/* ---- lines ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static bool begins(const char *line, size_t length, const char *word)
{
	size_t n = strlen(word);

	return length >= n && strncasecmp(line, word, n) == 0;
}

/* The same, and behind it a space or nothing. */
static bool begins_word(const char *line, size_t length, const char *word)
{
	size_t n = strlen(word);

	return begins(line, length, word) && (length == n || line[n] == ' ');
}

static unsigned oddities_of(const char *line, size_t length)
{
	unsigned odd = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == ESCAPE)
			odd |= ODD_ESCAPES;
		else if ((c < ' ' && c != '\t' && c != '\r') || c > '~')
			odd |= ODD_BINARY; /* RFC 5321, 4.2: textstring */
	}
	return odd;
}

static enum line_verdict text_add(struct response_reader *r, const char *line, size_t length,
				  enum line_verdict verdict)
{
	size_t from = r->text.length;

	if (!bytes_add(&r->text, line, length) || !bytes_add(&r->text, "\n", 1))
		return LINE_NO_ROOM;
	for (char *c = r->text.byte + from; c < r->text.byte + r->text.length; c++)
		if (!*c)
			*c = '?';
	r->response.line_count++;
	return verdict;
}

/* "5.7.1" and a space or the end (RFC 3463, 2). Numbers that fit no byte are nobody's. */
static void enhanced_take(struct response *out, const char *line, size_t length)
{
	uint8_t number[3] = {0};
	size_t i = 0;

	for (unsigned part = 0; part < 3; part++) {
		unsigned value = 0;
		size_t first = i;

		while (i < length && is_digit(line[i]) && i - first < 3)
			value = value * 10 + (unsigned)(line[i++] - '0');
		if (i == first || value > UINT8_MAX)
			return;
		if (part < 2 && (i == length || line[i++] != '.'))
			return;
		number[part] = (uint8_t)value;
	}
	if ((i < length && line[i] != ' ') || number[0] < 2 || number[0] > 5 || number[0] == 3)
		return;
	out->has_enhanced = true;
	memcpy(out->enhanced, number, sizeof(number));
}

/* The code of a line, or 0. */
static int code_of(const char *line, size_t length)
{
	if (length < CODE_DIGITS || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
	    !is_digit(line[2]))
		return 0;
	if (length > CODE_DIGITS && line[CODE_DIGITS] != ' ' && line[CODE_DIGITS] != '-' &&
	    line[CODE_DIGITS] != '\t')
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

static enum response_kind kind_of_code(int code)
{
	static const enum response_kind kinds[] = {[2] = RESPONSE_POSITIVE,
						   [3] = RESPONSE_MORE,
						   [4] = RESPONSE_TRANSIENT,
						   [5] = RESPONSE_NEGATIVE};

	return kinds[code / 100];
}

/* RFC 5321, 4.2 and 4.2.1. Lines without a code within a response are text: some write their help so. The last code counts. */
static enum line_verdict smtp_take(struct response_reader *r, const char *line, size_t length)
{
	struct response *out = &r->response;
	int code = code_of(line, length);
	size_t head = length > CODE_DIGITS ? CODE_DIGITS + 1 : CODE_DIGITS;
	bool is_last;

	if (!code && !out->code) {
		out->oddities |= ODD_CODES;
		return is_blank(line, length) ? LINE_MORE : LINE_ALIEN;
	}
	if (!code) {
		out->oddities |= ODD_CODES;
		return text_add(r, line, length, LINE_MORE);
	}
	if (out->code && out->code != code)
		out->oddities |= ODD_CODES;
	is_last = length == CODE_DIGITS || line[CODE_DIGITS] != '-';
	out->code = code;
	out->kind = kind_of_code(code);
	enhanced_take(out, line + head, length - head);
	return text_add(r, line + head, length - head, is_last ? LINE_LAST : LINE_MORE);
}

/* RFC 1939, 3; "+ " is RFC 5034, 4. */
static enum line_verdict pop3_take(struct response_reader *r, const char *line, size_t length)
{
	struct response *out = &r->response;

	if (out->kind != RESPONSE_NONE) {
		if (length == 1 && line[0] == '.')
			return LINE_LAST;
		if (length && line[0] == '.')
			return text_add(r, line + 1, length - 1, LINE_MORE);
		return text_add(r, line, length, LINE_MORE);
	}
	if (begins_word(line, length, "+OK"))
		out->kind = RESPONSE_POSITIVE;
	else if (begins_word(line, length, "-ERR"))
		out->kind = RESPONSE_NEGATIVE;
	else if (begins_word(line, length, "+"))
		out->kind = RESPONSE_MORE;
	else
		return is_blank(line, length) ? LINE_MORE : LINE_ALIEN;
	return text_add(r, line, length,
			r->shape == SHAPE_MULTILINE && out->kind == RESPONSE_POSITIVE ? LINE_MORE
										      : LINE_LAST);
}

/* What a status word says (RFC 9051, 7.1), or RESPONSE_NONE. */
static enum response_kind kind_of_status(const char *line, size_t length)
{
	static const struct {
		const char *word;
		enum response_kind kind;
	} words[] = {
		{"OK", RESPONSE_POSITIVE},  {"PREAUTH", RESPONSE_POSITIVE},
		{"NO", RESPONSE_NEGATIVE},  {"BAD", RESPONSE_NEGATIVE},
		{"BYE", RESPONSE_NEGATIVE},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (begins_word(line, length, words[i].word))
			return words[i].kind;
	return RESPONSE_NONE;
}

/*
 * RFC 9051, 7. Bytes of literals are taken for lines of text: only the server itself could hide an end in one. A goodbye is kept in
 * mind, since often nothing follows it.
 */
static enum line_verdict imap_take(struct response_reader *r, const char *line, size_t length)
{
	size_t tag = strlen(r->tag);
	struct response *out = &r->response;
	bool is_untagged = length >= 2 && line[0] == '*' && line[1] == ' ';
	enum response_kind kind;

	if (begins_word(line, length, "+")) {
		out->kind = RESPONSE_MORE;
		return text_add(r, line, length, LINE_LAST);
	}
	if (r->shape == SHAPE_TAGGED && tag && length > tag && line[tag] == ' ' &&
	    memcmp(line, r->tag, tag) == 0) {
		kind = kind_of_status(line + tag + 1, length - tag - 1);
		if (kind == RESPONSE_NONE)
			return LINE_ALIEN;
		out->kind = kind;
		return text_add(r, line, length, LINE_LAST);
	}
	if (!is_untagged) {
		if (out->line_count)
			return text_add(r, line, length, LINE_MORE);
		return is_blank(line, length) ? LINE_MORE : LINE_ALIEN;
	}
	kind = kind_of_status(line + 2, length - 2);
	if (r->shape == SHAPE_TAGGED) {
		if (begins_word(line + 2, length - 2, "BYE"))
			out->kind = RESPONSE_NEGATIVE;
		return text_add(r, line, length, LINE_MORE);
	}
	if (kind == RESPONSE_NONE)
		return LINE_ALIEN;
	out->kind = kind;
	return text_add(r, line, length, LINE_LAST);
}

/* One line with its end, if that has come. */
static enum line_verdict line_take(struct response_reader *r, const char *line, size_t length)
{
	size_t whole = length;
	enum line_verdict verdict;

	r->taken += whole;
	r->lines++;
	if (length && line[length - 1] == '\n') {
		length--;
		if (!length || line[length - 1] != '\r')
			r->response.oddities |= ODD_BARE_LF;
	}
	while (length && line[length - 1] == '\r')
		length--;
	r->response.oddities |= oddities_of(line, length);
	if (whole > LINE_ALLOWED && r->protocol != PROTOCOL_IMAP)
		r->response.oddities |= ODD_LONG;
	if (r->protocol == PROTOCOL_SMTP)
		verdict = smtp_take(r, line, length);
	else if (r->protocol == PROTOCOL_POP3)
		verdict = pop3_take(r, line, length);
	else
		verdict = imap_take(r, line, length);
	return verdict;
}

/* ---- responses ---- */

static enum response_step give(struct response_reader *r, struct response *out,
			       enum response_step step)
{
	*out = r->response;
	if (r->text.length && bytes_add(&r->text, "", 1)) {
		out->text = r->text.byte;
		r->text = (struct bytes){0};
	} else {
		*out = (struct response){.oddities = out->oddities};
	}
	building_reset(r);
	if (step == RESPONSE_FLOOD || step == RESPONSE_ALIEN)
		r->over = step;
	return step;
}

/* What came, though it means nothing. */
static enum response_step give_alien(struct response_reader *r, struct response *out,
				     const char *line, size_t length)
{
	if (length > RESPONSE_LINE_MAX)
		length = RESPONSE_LINE_MAX;
	while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	r->response.kind = RESPONSE_NONE;
	r->response.code = 0;
	(void)text_add(r, line, length, LINE_ALIEN);
	return give(r, out, RESPONSE_ALIEN);
}

static bool is_past_bounds(const struct response_reader *r, size_t line)
{
	return line > RESPONSE_LINE_MAX || r->lines >= RESPONSE_LINES_MAX ||
	       r->taken + line > RESPONSE_BYTES_MAX;
}

static enum response_step give_flood(struct response_reader *r, struct response *out,
				     const char *line, size_t length)
{
	if (length > RESPONSE_LINE_MAX)
		length = RESPONSE_LINE_MAX;
	if (r->lines < RESPONSE_LINES_MAX)
		(void)line_take(r, line, length);
	r->response.oddities |= ODD_UNENDED;
	return give(r, out, RESPONSE_FLOOD);
}

/* No text begins so: that is TLS, or another protocol of bytes. */
static bool is_no_text(char c)
{
	return ((unsigned char)c < ' ' && c != '\r' && c != '\n' && c != '\t' && c != ESCAPE) ||
	       (unsigned char)c > '~';
}

enum response_step response_next(struct response_reader *r, struct response *out)
{
	*out = (struct response){0};
	if (r->over != RESPONSE_WANTS)
		return r->over;
	while (r->scanned < r->waiting.length) {
		const char *line = r->waiting.byte + r->at;
		const char *end =
			memchr(r->waiting.byte + r->scanned, '\n', r->waiting.length - r->scanned);
		size_t length = end ? (size_t)(end - line) + 1 : r->waiting.length - r->at;

		if (!r->response.line_count && is_no_text(line[0]))
			return give_alien(r, out, line, length);
		if (is_past_bounds(r, length))
			return give_flood(r, out, line, length);
		r->scanned = r->at + length;
		if (!end)
			break;
		r->at = r->scanned;
		switch (line_take(r, line, length)) {
		case LINE_LAST:
			return give(r, out, RESPONSE_WHOLE);
		case LINE_ALIEN:
			return give_alien(r, out, line, length);
		case LINE_NO_ROOM:
			return give(r, out, RESPONSE_FLOOD);
		case LINE_MORE:
			break;
		}
	}
	return RESPONSE_WANTS;
}

/* Could more bytes have made a response of these? They are not ended by 0. */
static bool could_begin(const struct response_reader *r, const char *bytes, size_t length)
{
	size_t tag = strlen(r->tag);

	if (is_blank(bytes, length))
		return true;
	switch (r->protocol) {
	case PROTOCOL_SMTP:
		return length < CODE_DIGITS && bytes[0] >= '2' && bytes[0] <= '5' &&
		       (length == 1 || is_digit(bytes[1]));
	case PROTOCOL_POP3:
		return strncasecmp(bytes, "+OK", length) == 0 ||
		       strncasecmp(bytes, "-ERR", length) == 0;
	case PROTOCOL_IMAP:
	default:
		return bytes[0] == '*' || memcmp(bytes, r->tag, length < tag ? length : tag) == 0;
	}
}

enum response_step response_last(struct response_reader *r, struct response *out)
{
	size_t length = r->waiting.length - r->at;
	const char *line = length ? r->waiting.byte + r->at : "";

	*out = (struct response){0};
	if (r->over != RESPONSE_WANTS)
		return r->over;
	r->at = r->scanned = r->waiting.length;
	if (length && !r->response.line_count && could_begin(r, line, length))
		length = 0;
	if (length && line_take(r, line, length) == LINE_ALIEN)
		return give_alien(r, out, line, length);
	r->response.oddities |= ODD_UNENDED;
	if (!r->response.line_count) {
		building_reset(r);
		return RESPONSE_WANTS;
	}
	/* Untagged lines of IMAP alone mean neither yes nor no, but were said. */
	if (r->response.kind == RESPONSE_NONE)
		r->response.kind = RESPONSE_POSITIVE;
	return give(r, out, RESPONSE_WHOLE);
}
