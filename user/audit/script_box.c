/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said to POP3 and IMAP servers: their capabilities, TLS, and, with consent, whether they would take a password in the clear. The
 * name and the password are random; no mailbox has them.
 */
#include "audit/script_rows.h"

/* RFC 1939; CAPA: RFC 2449; STLS: RFC 2595, 4. USER alone: whoever says +OK to it would read the password. */
static const struct script_row pop3[] = {
	{.kind = STEP_READ, .what = WHAT_GREETING},
	{.kind = STEP_SAY, .what = WHAT_CAPA, .text = "CAPA", .shape = SHAPE_MULTILINE},
	{.kind = STEP_SAY,
	 .what = WHAT_POP_USER,
	 .text = "USER {random}",
	 .flags = ROW_INTRUDES | ROW_CLEAR},
	{.kind = STEP_TLS,
	 .what = WHAT_STARTTLS,
	 .text = "STLS",
	 .flags = ROW_CLEAR,
	 .offered = "STLS"},
	{.kind = STEP_SAY,
	 .what = WHAT_TLS_EHLO,
	 .text = "CAPA",
	 .shape = SHAPE_MULTILINE,
	 .when = IF_ACCEPTED,
	 .of = WHAT_STARTTLS},
	ROW_QUIT,
};

/* RFC 9051; ID: RFC 2971, and NIL tells nothing of us. */
static const struct script_row imap[] = {
	{.kind = STEP_READ, .what = WHAT_GREETING},
	{.kind = STEP_SAY, .what = WHAT_CAPA, .text = "a1 CAPABILITY", .shape = SHAPE_TAGGED},
	{.kind = STEP_SAY,
	 .what = WHAT_IMAP_ID,
	 .text = "a2 ID NIL",
	 .shape = SHAPE_TAGGED,
	 .flags = ROW_INTRUDES,
	 .offered = "ID"},
	{.kind = STEP_SAY,
	 .what = WHAT_IMAP_LOGIN,
	 .text = "a3 LOGIN {random} {random}",
	 .shape = SHAPE_TAGGED,
	 .flags = ROW_INTRUDES | ROW_CLEAR},
	{.kind = STEP_TLS,
	 .what = WHAT_STARTTLS,
	 .text = "a4 STARTTLS",
	 .shape = SHAPE_TAGGED,
	 .flags = ROW_CLEAR,
	 .offered = "STARTTLS"},
	{.kind = STEP_SAY,
	 .what = WHAT_TLS_EHLO,
	 .text = "a5 CAPABILITY",
	 .shape = SHAPE_TAGGED,
	 .when = IF_ACCEPTED,
	 .of = WHAT_STARTTLS},
	ROW_QUIT,
};

static const struct script_table pop3_table = SCRIPT_TABLE(pop3);
static const struct script_table imap_table = SCRIPT_TABLE(imap);

const struct script_table *script_box_table(enum purpose purpose)
{
	if (purpose == PURPOSE_POP3)
		return &pop3_table;
	return purpose == PURPOSE_IMAP ? &imap_table : NULL;
}
