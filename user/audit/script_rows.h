/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of what is said: a row is a command, when it is said, and as what its answer is found again. Within script*.c only.
 *
 * Texts have placeholders in braces (script_text.c). A row whose placeholder has no value is left out, so that
 * nothing half filled in is ever sent.
 */
#ifndef AUDIT_SCRIPT_ROWS_H
#define AUDIT_SCRIPT_ROWS_H

#include "audit/script.h"

enum row_flag {
	ROW_INTRUDES = 1, /* only with consent */
	ROW_CLEAR = 2,	  /* only where the visit did not begin inside TLS */
	ROW_IN_MAIL = 4,  /* only while a MAIL stands that was accepted */
	ROW_NO_MAIL = 8,  /* only while none does */
	ROW_EACH = 16, /* once for each alias of this visit; the index counts through all of them */
	ROW_PROVED =
		32, /* only inside TLS, with a server that has proved to be the one that is meant */
};

enum row_if {
	IF_ALWAYS,
	IF_ACCEPTED, /* the last answer to `of` was positive */
	IF_REFUSED,  /* it was neither that nor "go on" */
	IF_MORE,     /* it was "go on" */
};

struct script_row {
	enum step_kind kind;
	enum what what;
	unsigned index;
	enum response_shape shape;
	const char *text;
	const char *shown;    /* as in struct step */
	unsigned patience_ms; /* READ: as in struct step */
	unsigned flags;	      /* enum row_flag bits */
	enum row_if when;
	enum what of;
	const char *offered; /* "STARTTLS"; "AUTH NTLM": the keyword has that word behind it */
};

/* One visit. */
struct script_table {
	const struct script_row *row;
	unsigned count;
};
#define SCRIPT_TABLE(rows)                                                                         \
	{                                                                                          \
		.row = (rows), .count = sizeof(rows) / sizeof((rows)[0])                           \
	}

struct script {
	const struct script_facts *facts;
	const struct script_table *table;
	struct relay_script *relay; /* these two have scripts of their own */
	struct active_script *active;
	unsigned at, each; /* the row; which alias of this visit */
	unsigned alias_first, alias_count;
	unsigned octets; /* of a long line */
	bool in_mail;	 /* a MAIL stands */
	unsigned refused;
	char *text; /* of the last step */
};

/* script_text.c: the row's text with its values; malloc'd. NULL: a value is not known, or there is no memory. */
char *script_text(const struct script *s, const char *format, const struct visit_log *log);
/* Has the server offered this in what it said last of itself? */
bool script_offered(const struct visit_log *log, const char *offered);

/* script_smtp.c, script_mail.c, script_box.c: the tables of a purpose, one a visit; NULL none. */
const struct script_table *script_smtp_table(enum purpose purpose, unsigned round);
const struct script_table *script_mail_table(enum purpose purpose, unsigned round);
const struct script_table *script_box_table(enum purpose purpose);
/* The lengths of lines that are tried, with CR LF; 0 behind the last. */
unsigned script_long_octets(unsigned round);

/* How every SMTP visit begins and ends. */
#define ROWS_SMTP_HELLO                                                                            \
	{.kind = STEP_READ, .what = WHAT_GREETING},                                                \
		{.kind = STEP_SAY, .what = WHAT_EHLO, .text = "EHLO {helo}"},                      \
	{                                                                                          \
		.kind = STEP_SAY, .what = WHAT_HELO, .text = "HELO {helo}", .when = IF_REFUSED,    \
		.of = WHAT_EHLO                                                                    \
	}
#define ROW_RSET                                                                                   \
	{                                                                                          \
		.kind = STEP_SAY, .what = WHAT_RSET, .text = "RSET", .flags = ROW_IN_MAIL          \
	}
#define ROW_QUIT                                                                                   \
	{                                                                                          \
		.kind = STEP_QUIT, .what = WHAT_QUIT                                               \
	}

#endif
