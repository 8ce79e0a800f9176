/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What mail servers say that others do not. A pattern is found anywhere in a line, whatever the case; in it stand
 *
 *	^ $	at its ends: the ends of the line
 *	*	anything
 *	%v	a version: a digit and what follows of letters, digits and ".", "_", "+", "-"
 *	%w	one word, without spaces
 *
 * A row with a product names the server. One without gives points to its kind: a reply that only one server has gives enough alone.
 */
#ifndef AUDIT_FINGERPRINT_DATA_H
#define AUDIT_FINGERPRINT_DATA_H

#include "audit/words.h"

/* Where it is said. Bits. */
enum place {
	PLACE_GREETING = 1,
	PLACE_EHLO = 2,
	PLACE_HELP = 4,
	PLACE_UNKNOWN = 8,
	PLACE_VRFY = 16,
	PLACE_EXPN = 32,
	PLACE_ORDER = 64, /* RCPT or DATA before MAIL */
	PLACE_RSET = 128,
	PLACE_QUIT = 256,
	PLACE_POP3 = 512,	     /* the greeting of POP3 */
	PLACE_IMPLEMENTATION = 1024, /* its CAPA */
	PLACE_IMAP = 2048,	     /* the greeting of IMAP */
	PLACE_ID = 4096,	     /* its ID (RFC 2971) */
	PLACE_USER = 8192,	     /* its refusals of USER and LOGIN */
};

#define FINGERPRINT_ENOUGH                                                                         \
	2 /* points that recognise a server by its replies: two common ones, or one of its own */

struct fingerprint_row {
	enum server_kind kind;
	const char *product; /* NULL: recognised, not named */
	unsigned where;
	int code; /* of SMTP; 0 any */
	unsigned points;
	const char *pattern;
};
extern const struct fingerprint_row fingerprint_rows[];
extern const unsigned fingerprint_row_count;

/* A word by which an operating system is known, and how it is called. The first that is found counts. */
struct fingerprint_os {
	const char *word, *name;
};
extern const struct fingerprint_os fingerprint_systems[];
extern const unsigned fingerprint_system_count;

#endif
