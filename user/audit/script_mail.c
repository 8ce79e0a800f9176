/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said to SMTP servers about senders and recipients. Each ends before DATA, so that no mail is ever sent: the one DATA in here
 * comes before any MAIL, and where a server goes on even then the connection is cut at once.
 *
 * A recipient who exists is needed where a server judges the sender only at RCPT (Postfix, smtpd_delay_reject): the mailbox
 * that was named, else postmaster. Some servers let everybody write to postmaster, whoever he is (stock Exim): what they say of him
 * says nothing of others, and the checks know that.
 */
#include "audit/script_rows.h"

/* ---- senders ---- */

/* RFC 5321, 4.1.4: a server must not refuse for a HELO name that does not match; one that is its own is a lie all the same. */
static const struct script_row forged[] = {
	{.kind = STEP_READ, .what = WHAT_GREETING},
	{.kind = STEP_SAY, .what = WHAT_HELO_FORGED, .text = "HELO {server}"},
	{.kind = STEP_SAY,
	 .what = WHAT_MAIL,
	 .text = "MAIL FROM:<>",
	 .when = IF_ACCEPTED,
	 .of = WHAT_HELO_FORGED},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_AFTER_FORGED,
	 .text = "RCPT TO:<{recipient}>",
	 .flags = ROW_IN_MAIL},
	ROW_RSET,
	ROW_QUIT,
};

/* RFC 5321, 4.1.3: an address stands in brackets. Index 1: the bare address. */
static const struct script_row bare[] = {
	{.kind = STEP_READ, .what = WHAT_GREETING},
	{.kind = STEP_SAY, .what = WHAT_HELO_ADDRESS, .text = "HELO {bare}"},
	{.kind = STEP_SAY,
	 .what = WHAT_MAIL,
	 .index = 1,
	 .text = "MAIL FROM:<>",
	 .when = IF_ACCEPTED,
	 .of = WHAT_HELO_ADDRESS},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_AFTER_FORGED,
	 .index = 1,
	 .text = "RCPT TO:<{recipient}>",
	 .flags = ROW_IN_MAIL},
	ROW_RSET,
	ROW_QUIT,
};

static const struct script_row senders[] = {
	ROWS_SMTP_HELLO,
	{.kind = STEP_SAY, .what = WHAT_MAIL_NULL, .text = "MAIL FROM:<>"},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_AFTER_NULL,
	 .text = "RCPT TO:<{recipient}>",
	 .flags = ROW_IN_MAIL},
	ROW_RSET,
	/* RFC 6761, 6.4: nothing exists under invalid. */
	{.kind = STEP_SAY,
	 .what = WHAT_MAIL_NO_DOMAIN,
	 .text = "MAIL FROM:<{random}@{random}.invalid>"},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_AFTER_NO_DOMAIN,
	 .text = "RCPT TO:<{recipient}>",
	 .flags = ROW_IN_MAIL},
	ROW_RSET,
	{.kind = STEP_SAY, .what = WHAT_MAIL_SPOOFED, .text = "MAIL FROM:<postmaster@{spoofed}>"},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_AFTER_SPOOFED,
	 .text = "RCPT TO:<{recipient}>",
	 .flags = ROW_IN_MAIL},
	ROW_RSET,
	ROW_QUIT,
};

/* Two that Exim takes for protocol errors: they fill a visit. DATA is not said where RCPT was taken. */
static const struct script_row disorder[] = {
	ROWS_SMTP_HELLO,
	{.kind = STEP_SAY, .what = WHAT_RCPT_EARLY, .text = "RCPT TO:<{recipient}>"},
	{.kind = STEP_SAY,
	 .what = WHAT_DATA_EARLY,
	 .text = "DATA",
	 .when = IF_REFUSED,
	 .of = WHAT_RCPT_EARLY},
	{.kind = STEP_CUT, .when = IF_MORE, .of = WHAT_DATA_EARLY},
	ROW_QUIT,
};

/* ---- recipients ---- */

/*
 * From the empty sender, which no server may refuse for what it is (RFC 5321, 4.5.5), and whose domain nobody can fail to find: what is
 * said then is about the recipient. Where it is refused all the same, from an ordinary one.
 */
#define ROWS_ANY_MAIL                                                                              \
	{.kind = STEP_SAY, .what = WHAT_MAIL, .text = "MAIL FROM:<>"},                             \
	{                                                                                          \
		.kind = STEP_SAY, .what = WHAT_MAIL, .index = 1, .text = "MAIL FROM:<{sender}>",   \
		.flags = ROW_NO_MAIL                                                               \
	}

static const struct script_row recipients[] = {
	ROWS_SMTP_HELLO,
	ROWS_ANY_MAIL,
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_POSTMASTER,
	 .text = "RCPT TO:<postmaster@{domain}>",
	 .flags = ROW_IN_MAIL},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_ABUSE,
	 .text = "RCPT TO:<abuse@{domain}>",
	 .flags = ROW_IN_MAIL},
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_UNKNOWN,
	 .text = "RCPT TO:<{random}@{domain}>",
	 .flags = ROW_IN_MAIL},
	ROW_RSET,
	ROW_QUIT,
};

static const struct script_row aliases[] = {
	ROWS_SMTP_HELLO,
	ROWS_ANY_MAIL,
	{.kind = STEP_SAY,
	 .what = WHAT_RCPT_ALIAS,
	 .text = "RCPT TO:<{alias}>",
	 .flags = ROW_IN_MAIL | ROW_EACH},
	ROW_RSET,
	ROW_QUIT,
};

static const struct script_table sender_tables[] = {SCRIPT_TABLE(senders), SCRIPT_TABLE(forged),
						    SCRIPT_TABLE(bare), SCRIPT_TABLE(disorder)};
static const struct script_table recipient_table = SCRIPT_TABLE(recipients);
static const struct script_table alias_table = SCRIPT_TABLE(aliases);

const struct script_table *script_mail_table(enum purpose purpose, unsigned round)
{
	if (purpose == PURPOSE_RECIPIENTS)
		return round == 0 ? &recipient_table : &alias_table;
	if (purpose == PURPOSE_SENDERS && round < sizeof(sender_tables) / sizeof(sender_tables[0]))
		return &sender_tables[round];
	return NULL;
}
