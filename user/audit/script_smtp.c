/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said to SMTP servers without a message in mind: who they are, what they disclose, whether they encrypt, how long a line they
 * take. Rows that need consent are marked; what remains without it is greeting, EHLO, STARTTLS and QUIT.
 */
#include "audit/script_rows.h"

/*
 * A type 1 message that asks for nothing but the target's name (MS-NLMP, 2.2.1.1): unicode, OEM, request target, NTLM, always
 * sign, extended session security. The type 2 message in the answer bears the host's internal names.
 */
#define NTLM_TYPE1 "TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA="

#define INJECTED_WAIT_MS                                                                           \
	1000 /* an answer of a server that is at it already: a way there and back */

/* RFC 4954, 4: a line with "*" cancels. */
#define ROWS_NTLM                                                                                  \
	{.kind = STEP_SAY,                                                                         \
	 .what = WHAT_NTLM,                                                                        \
	 .text = "AUTH NTLM",                                                                      \
	 .flags = ROW_INTRUDES,                                                                    \
	 .offered = "AUTH NTLM"},                                                                  \
		{.kind = STEP_SAY,                                                                 \
		 .what = WHAT_NTLM_TYPE1,                                                          \
		 .text = NTLM_TYPE1,                                                               \
		 .when = IF_MORE,                                                                  \
		 .of = WHAT_NTLM},                                                                 \
	{                                                                                          \
		.kind = STEP_SAY, .what = WHAT_AUTH_CANCEL, .index = 1, .text = "*",               \
		.when = IF_MORE, .of = WHAT_NTLM_TYPE1                                             \
	}

/*
 * Asked even where it is not offered: a server may take what it does not announce. No name and no password is sent (RFC 4954, 4: without
 * an initial response the server asks for it by 334).
 */
#define ROWS_AUTH_EARLY                                                                            \
	{.kind = STEP_SAY,                                                                         \
	 .what = WHAT_AUTH_PLAIN_EARLY,                                                            \
	 .text = "AUTH {mechanism}",                                                               \
	 .flags = ROW_INTRUDES | ROW_CLEAR},                                                       \
	{                                                                                          \
		.kind = STEP_SAY, .what = WHAT_AUTH_CANCEL, .text = "*", .when = IF_MORE,          \
		.of = WHAT_AUTH_PLAIN_EARLY                                                        \
	}

#define ROW_STARTTLS                                                                               \
	{                                                                                          \
		.kind = STEP_TLS, .what = WHAT_STARTTLS, .text = "STARTTLS", .flags = ROW_CLEAR,   \
		.offered = "STARTTLS"                                                              \
	}
#define ROW_TLS_EHLO                                                                               \
	{                                                                                          \
		.kind = STEP_SAY, .what = WHAT_TLS_EHLO, .text = "EHLO {helo}",                    \
		.when = IF_ACCEPTED, .of = WHAT_STARTTLS                                           \
	}

/* VRFY with a domain: Exim calls a name without one a syntax error, unless it is postmaster, and the two could not be compared. */
static const struct script_row hello[] = {
	ROWS_SMTP_HELLO,
	{.kind = STEP_SAY, .what = WHAT_HELP, .text = "HELP", .flags = ROW_INTRUDES},
	{.kind = STEP_SAY, .what = WHAT_UNKNOWN, .text = "XAUDIT", .flags = ROW_INTRUDES},
	{.kind = STEP_SAY,
	 .what = WHAT_VRFY_RANDOM,
	 .text = "VRFY {random}@{domain}",
	 .flags = ROW_INTRUDES},
	{.kind = STEP_SAY,
	 .what = WHAT_VRFY_POSTMASTER,
	 .text = "VRFY postmaster@{domain}",
	 .flags = ROW_INTRUDES},
	{.kind = STEP_SAY, .what = WHAT_EXPN, .text = "EXPN postmaster", .flags = ROW_INTRUDES},
	ROWS_AUTH_EARLY,
	ROWS_NTLM,
	ROW_QUIT,
};

static const struct script_row starttls[] = {
	ROWS_SMTP_HELLO, ROW_STARTTLS, ROW_TLS_EHLO, ROWS_NTLM, ROW_QUIT,
};

/*
 * A command that stands behind STARTTLS in the same packet must be thrown away (RFC 3207, 4.2). Where it is not, its answer comes
 * unasked as soon as hands are shaken, and is read before anything else is said. That costs a healthy server's audit the
 * wait for nothing: EHLO, whose answer could follow that of the injected command, would not tell the two apart for sure.
 */
static const struct script_row injection[] = {
	ROWS_SMTP_HELLO,
	{.kind = STEP_TLS,
	 .what = WHAT_STARTTLS,
	 .text = "STARTTLS\r\nNOOP",
	 .offered = "STARTTLS"},
	{.kind = STEP_READ,
	 .what = WHAT_INJECTED,
	 .patience_ms = INJECTED_WAIT_MS,
	 .when = IF_ACCEPTED,
	 .of = WHAT_STARTTLS},
	ROW_TLS_EHLO,
	ROW_QUIT,
};

/*
 * Of all commands HELO is the one that every server judges: Exim has no access list for NOOP, OpenSMTPD takes no NOOP with an argument. What
 * makes it long are blanks, which stand between words in every parser; the name behind them is good. Where it is refused the same command
 * is said short, with two blanks: who refuses that too has not looked at the length.
 */
static const struct script_row long_line[] = {
	{.kind = STEP_READ, .what = WHAT_GREETING},
	{.kind = STEP_SAY, .what = WHAT_LONG, .text = "HELO {filler}{helo}"},
	{.kind = STEP_SAY,
	 .what = WHAT_LONG_SHORT,
	 .text = "HELO  {helo}",
	 .when = IF_REFUSED,
	 .of = WHAT_LONG},
	ROW_QUIT,
};

/* RFC 1870, 6.1: a declared size over the limit is refused at MAIL. */
static const struct script_row size[] = {
	ROWS_SMTP_HELLO,
	{.kind = STEP_SAY,
	 .what = WHAT_MAIL_SIZE,
	 .text = "MAIL FROM:<> SIZE={oversize}",
	 .offered = "SIZE"},
	ROW_RSET,
	ROW_QUIT,
};

static const struct script_row submission[] = {
	ROWS_SMTP_HELLO,
	ROWS_AUTH_EARLY,
	ROW_STARTTLS,
	ROW_TLS_EHLO,
	ROWS_NTLM,
	{.kind = STEP_SAY,
	 .what = WHAT_MAIL_BEFORE_AUTH,
	 .text = "MAIL FROM:<{sender}>",
	 .flags = ROW_INTRUDES},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_BEFORE_AUTH,
	 .text = "RCPT TO:<{recipient}>",
	 .flags = ROW_INTRUDES | ROW_IN_MAIL},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_FOREIGN_BEFORE_AUTH,
	 .text = "RCPT TO:<{stranger}>",
	 .flags = ROW_INTRUDES | ROW_IN_MAIL},
	ROW_RSET,
	ROW_QUIT,
};

static const struct {
	enum purpose purpose;
	struct script_table table;
} tables[] = {
	{PURPOSE_HELLO, SCRIPT_TABLE(hello)},		{PURPOSE_STARTTLS, SCRIPT_TABLE(starttls)},
	{PURPOSE_TLS_1_0, SCRIPT_TABLE(starttls)},	{PURPOSE_TLS_1_1, SCRIPT_TABLE(starttls)},
	{PURPOSE_INJECTION, SCRIPT_TABLE(injection)},	{PURPOSE_SIZE, SCRIPT_TABLE(size)},
	{PURPOSE_SUBMISSION, SCRIPT_TABLE(submission)},
};
static const struct script_table long_table = SCRIPT_TABLE(long_line);

/*
 * RFC 5321, 4.5.3.1.4: 512 with CR LF must be taken, so one more may be refused. 1 KiB and 16 KiB: what a server with a limit of its own
 * (Postfix: line_length_limit, 2048) lets pass, and what none should.
 */
static const unsigned long_octets[] = {513, 1024, 16384};

unsigned script_long_octets(unsigned round)
{
	return round < sizeof(long_octets) / sizeof(long_octets[0]) ? long_octets[round] : 0;
}

const struct script_table *script_smtp_table(enum purpose purpose, unsigned round)
{
	if (purpose == PURPOSE_LONG_LINE)
		return script_long_octets(round) ? &long_table : NULL;
	for (size_t i = 0; round == 0 && i < sizeof(tables) / sizeof(tables[0]); i++)
		if (tables[i].purpose == purpose)
			return &tables[i].table;
	return NULL;
}
