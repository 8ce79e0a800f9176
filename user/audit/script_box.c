/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said to POP3 and IMAP servers: their capabilities, TLS, and, with consent, whether they would take a password in the clear. The
 * name and the password of that are random; no mailbox has them. Those of a mailbox of the operator's own are said only inside TLS,
 * to a server that has proved to be his, and stand in no log.
 */
#include "audit/script_rows.h"
#include "base/when.h"

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

/* RFC 9051; GETQUOTAROOT: RFC 9208, 4.1.3. What is offered may change with who asks (RFC 9051, 6.1.1), so it is asked for again. */
static const struct script_row quota[] = {
	{.kind = STEP_READ, .what = WHAT_GREETING},
	{.kind = STEP_SAY,
	 .what = WHAT_CAPA,
	 .text = "q1 CAPABILITY",
	 .shape = SHAPE_TAGGED,
	 .flags = ROW_CLEAR},
	{.kind = STEP_TLS,
	 .what = WHAT_STARTTLS,
	 .text = "q2 STARTTLS",
	 .shape = SHAPE_TAGGED,
	 .flags = ROW_CLEAR,
	 .offered = "STARTTLS"},
	{.kind = STEP_SAY,
	 .what = WHAT_QUOTA_LOGIN,
	 .text = "q3 LOGIN {credentials}",
	 .shown = "q3 LOGIN (the name and the password that were given)",
	 .shape = SHAPE_TAGGED,
	 .flags = ROW_INTRUDES | ROW_PROVED},
	{.kind = STEP_SAY,
	 .what = WHAT_QUOTA_CAPA,
	 .text = "q4 CAPABILITY",
	 .shape = SHAPE_TAGGED,
	 .when = IF_ACCEPTED,
	 .of = WHAT_QUOTA_LOGIN},
	{.kind = STEP_SAY,
	 .what = WHAT_QUOTA,
	 .text = "q5 GETQUOTAROOT INBOX",
	 .shape = SHAPE_TAGGED,
	 .when = IF_ACCEPTED,
	 .of = WHAT_QUOTA_LOGIN,
	 .offered = "QUOTA"},
	ROW_QUIT,
};

static const struct script_table pop3_table = SCRIPT_TABLE(pop3);
static const struct script_table imap_table = SCRIPT_TABLE(imap);
static const struct script_table quota_table = SCRIPT_TABLE(quota);

bool script_is_proved(const struct visit_log *log)
{
	const struct tls_facts *t = &log->tls;
	int64_t now_s = now_wall_s();

	return log->has_tls && t->has_certificate && t->is_trusted && t->has_name &&
	       t->not_before_s <= now_s && now_s <= t->not_after_s;
}

const struct script_table *script_box_table(enum purpose purpose)
{
	if (purpose == PURPOSE_POP3)
		return &pop3_table;
	if (purpose == PURPOSE_IMAP)
		return &imap_table;
	return purpose == PURPOSE_QUOTA ? &quota_table : NULL;
}
