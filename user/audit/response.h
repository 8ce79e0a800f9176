/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server says to one command, read from its bytes with every bound checked: an SMTP reply (RFC 5321, 4.2), a POP3 response (RFC
 * 1939, 3) or an IMAP response (RFC 9051, 7). The one reader of foreign bytes of the audit's client. It is fed bytes as they come, and
 * keeps what is over for the next.
 */
#ifndef AUDIT_RESPONSE_H
#define AUDIT_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Real servers stay far below. Past a bound the visit ends: whoever floods costs us no more. */
#define RESPONSE_LINE_MAX  4096	 /* bytes of a line; RFC 5321, 4.5.3.1.5 allows 512 */
#define RESPONSE_LINES_MAX 256	 /* of one response; a long HELP has some 40 */
#define RESPONSE_BYTES_MAX 65536 /* of one response */

enum protocol { PROTOCOL_SMTP, PROTOCOL_POP3, PROTOCOL_IMAP };
const char *protocol_name(enum protocol p); /* "SMTP" */

/* What it comes to, whatever the protocol. */
enum response_kind {
	RESPONSE_NONE,	    /* there was none */
	RESPONSE_POSITIVE,  /* 2xx, +OK, OK */
	RESPONSE_MORE,	    /* 3xx, "+": go on */
	RESPONSE_TRANSIENT, /* 4xx */
	RESPONSE_NEGATIVE,  /* 5xx, -ERR, NO and BAD */
};

/* What was odd about it. Bits: several may hold. */
enum response_oddity {
	ODD_BARE_LF = 1,  /* a line that ends without CR */
	ODD_CODES = 2,	  /* lines with different codes */
	ODD_UNENDED = 4,  /* the last line never came */
	ODD_BINARY = 8,	  /* bytes that are neither printable nor white space; NUL */
	ODD_ESCAPES = 16, /* ESC: somebody writes to a terminal */
	ODD_EARLY = 32,	  /* it lay there before it was asked for */
	ODD_LONG = 64,	  /* a line over what RFC 5321 allows */
};

struct response {
	enum response_kind kind;
	int code;	     /* SMTP: 200..599; else 0 */
	bool has_enhanced;   /* RFC 3463 */
	uint8_t enhanced[3]; /* 5.7.1 */
	unsigned oddities;   /* enum response_oddity bits */
	unsigned line_count;
	/*
	 * The lines without the three digits (an enhanced code stays), each with '\n' at its end; those of POP3 and IMAP are whole, but
	 * for stuffed dots and the last one of a multi-line response. Raw foreign bytes, but for NUL, which is '?'. Ended by 0. NULL with
	 * RESPONSE_NONE, unless what came was no response at all: then it is what came.
	 */
	char *text;
};

void response_free(struct response *r); /* what it holds */
/* Said to its end. What was cut off, by the server or by a bound of ours, is no answer: the word that decides may have been in the rest. */
bool response_is_whole(const struct response *r);
/* Line number i (from 0) of the text, and its length; NULL behind the last. Not ended by 0. */
const char *response_line(const struct response *r, unsigned i, size_t *length);
/* Is the word (case does not matter) in the text, wherever? */
bool response_says(const struct response *r, const char *word);
/*
 * The line that decides, for one-line evidence: escaped, with the code: "550 5.7.1 Relaying denied". The last of SMTP and IMAP, the first
 * of POP3; "" when there is none. Returns buffer.
 */
const char *response_format(const struct response *r, char *buffer, size_t size);
/*
 * EHLO (RFC 5321, 4.1.1.1), CAPA (RFC 2449, 5) or CAPABILITY (RFC 9051, 7.2.2, and in the brackets of a greeting): the parameters behind
 * this keyword, or NULL. "" when it has none. In buffer, escaped. The old form "AUTH=LOGIN" counts as AUTH; for IMAP, which has no
 * other, the mechanisms of all of them are told: "PLAIN LOGIN".
 */
const char *response_keyword(const struct response *r, const char *keyword, char *buffer,
			     size_t size);

/* ---- reading ---- */

struct response_reader;

enum response_step {
	RESPONSE_WANTS, /* more bytes are needed */
	RESPONSE_WHOLE, /* *out is one response; there may be more */
	RESPONSE_FLOOD, /* a bound was passed: *out has what was read; nothing more is read */
	RESPONSE_ALIEN, /* this is not the protocol: the same */
};

/* What kind of response is expected: POP3 and IMAP responses do not say where they end. */
enum response_shape {
	SHAPE_REPLY,	 /* SMTP; POP3: one line; IMAP: the greeting, or a "+" line */
	SHAPE_MULTILINE, /* POP3: up to a line with "." (CAPA) */
	SHAPE_TAGGED,	 /* IMAP: up to the line with our tag, or a "+" line */
};

int response_reader_new(struct response_reader **out, enum protocol p);
void response_reader_free(struct response_reader *r); /* NULL is fine */
void response_expect(struct response_reader *r, enum response_shape shape, const char *tag);
/* Takes over all bytes; -ENOMEM, or -EMSGSIZE when more wait than any server has to say unasked. */
int response_feed(struct response_reader *r, const void *bytes, size_t length);
enum response_step response_next(struct response_reader *r, struct response *out);
/*
 * No more will come: what lies there unended, as a response with ODD_UNENDED (RESPONSE_WHOLE); RESPONSE_WANTS when nothing does of which
 * a meaning could be told; or RESPONSE_ALIEN.
 */
enum response_step response_last(struct response_reader *r, struct response *out);
bool response_waiting(const struct response_reader *r); /* bytes that no response has taken */
/* Throw away what waits (RFC 3207, 4.2: at STARTTLS); how many bytes that were. */
size_t response_discard(struct response_reader *r);

#endif
