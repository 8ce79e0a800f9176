/* SPDX-License-Identifier: BSD-2-Clause */
/* A line as an SMTP command (RFC 5321, 4.1): which one, and the part of it that is kept for the log. */
#ifndef REPLY_COMMAND_H
#define REPLY_COMMAND_H

#include <stddef.h>

enum command_kind {
	COMMAND_HELO,
	COMMAND_EHLO,
	COMMAND_HELLO_BAD, /* without a name */
	COMMAND_STARTTLS,
	COMMAND_STARTTLS_BAD, /* with an argument (RFC 3207, 4) */
	COMMAND_MAIL,
	COMMAND_MAIL_BAD,
	COMMAND_RCPT,
	COMMAND_RCPT_BAD,
	COMMAND_DATA, /* and BDAT */
	COMMAND_RSET,
	COMMAND_NOOP,
	COMMAND_VRFY,
	COMMAND_AUTH,
	COMMAND_QUIT,
	COMMAND_ABSENT, /* known, and not done here: EXPN, HELP, ETRN, TURN */
	COMMAND_UNKNOWN,
	COMMAND_LONG, /* longer than it may be */
	COMMAND_KINDS,
};

struct command {
	enum command_kind kind;
	const char *
		text; /* a name behind HELO and EHLO, a mailbox behind MAIL and RCPT: in the line, without <> */
	size_t length;
};

struct command command_read(const char *line, size_t length);

#endif
