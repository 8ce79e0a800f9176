/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of visits, as data. First who is there, then what is harmless, then what may cost a server's patience: the relay matrix comes
 * last, so that a server that turns us away for it has told all else before; and only then what changes something.
 */
#include "audit/plan_rows.h"

#include <string.h>

#define TIMEOUTS_MAX	  2 /* on port 25, and on all others: a server that hangs costs no more */
#define FAILURES_MAX	  3 /* one after the other: it will not talk to us */
#define GREETED_EXCHANGES 2 /* the greeting and EHLO: nothing has been asked yet */
#define CODE_GOODBYE	  421

/* clang-format off */
const struct plan_row plan_rows[] = {
	{.purpose = PURPOSE_HELLO, .name = "greeting", .port = PORT_SMTP,
	 .checks = "banner relay source auth-required auth-tls starttls vrfy expn help helo sender "
		   "null-sender long-line size limits rdns mx spf dane backscatter aliases roles "
		   "patches smuggling antivirus antispam attachments "},
	{.purpose = PURPOSE_STARTTLS, .name = "STARTTLS", .port = PORT_SMTP,
	 .checks = "starttls auth-tls dane "},
	{.purpose = PURPOSE_TLS_1_0, .name = "TLS 1.0", .port = PORT_SMTP, .version = TLS_1_0,
	 .may_close = true, .checks = "starttls "},
	{.purpose = PURPOSE_TLS_1_1, .name = "TLS 1.1", .port = PORT_SMTP, .version = TLS_1_1,
	 .may_close = true, .checks = "starttls "},
	{.purpose = PURPOSE_INJECTION, .name = "STARTTLS injection", .port = PORT_SMTP,
	 .may_close = true, .checks = "starttls "},
	{.purpose = PURPOSE_SIZE, .name = "size", .port = PORT_SMTP, .checks = "size "},
	{.purpose = PURPOSE_RECIPIENTS, .name = "recipients", .port = PORT_SMTP,
	 .checks = "backscatter aliases roles source "},
	{.purpose = PURPOSE_SENDERS, .name = "senders", .port = PORT_SMTP,
	 .checks = "helo sender null-sender spf source "},
	{.purpose = PURPOSE_LONG_LINE, .name = "long lines", .port = PORT_SMTP,
	 .may_close = true, .checks = "long-line "},
	{.purpose = PURPOSE_SUBMISSION, .name = "submission", .port = 587,
	 .checks = "auth-required auth-tls starttls banner patches "},
	{.purpose = PURPOSE_SUBMISSION, .name = "submissions", .port = 465, .implicit_tls = true,
	 .checks = "auth-required auth-tls starttls banner patches "},
	{.purpose = PURPOSE_POP3, .name = "POP3", .port = 110, .protocol = PROTOCOL_POP3,
	 .checks = "auth-tls starttls banner patches "},
	{.purpose = PURPOSE_POP3, .name = "POP3S", .port = 995, .protocol = PROTOCOL_POP3,
	 .implicit_tls = true, .checks = "auth-tls starttls banner patches "},
	{.purpose = PURPOSE_IMAP, .name = "IMAP", .port = 143, .protocol = PROTOCOL_IMAP,
	 .checks = "auth-tls starttls banner patches "},
	{.purpose = PURPOSE_IMAP, .name = "IMAPS", .port = 993, .protocol = PROTOCOL_IMAP,
	 .implicit_tls = true, .checks = "auth-tls starttls banner patches "},
	{.purpose = PURPOSE_QUOTA, .name = "quota", .port = 993, .protocol = PROTOCOL_IMAP,
	 .implicit_tls = true, .may_close = true, .is_delicate = true, .checks = "mailbox-quota "},
	{.purpose = PURPOSE_QUOTA, .name = "quota", .port = 143, .protocol = PROTOCOL_IMAP,
	 .may_close = true, .is_delicate = true, .checks = "mailbox-quota "},
	{.purpose = PURPOSE_RELAY, .name = "relay", .port = PORT_SMTP, .is_delicate = true,
	 .checks = "relay "},
	{.purpose = PURPOSE_ACTIVE, .name = "samples", .port = PORT_SMTP, .may_close = true,
	 .is_delicate = true,
	 .checks = "smuggling antivirus antispam attachments limits backscatter "},
};
/* clang-format on */
const unsigned plan_row_count = sizeof(plan_rows) / sizeof(plan_rows[0]);

/* ---- what is wanted ---- */

static bool list_has(const struct audit_list *list, const char *word, size_t length)
{
	for (unsigned i = 0; i < list->count; i++)
		if (strlen(list->word[i]) == length && memcmp(list->word[i], word, length) == 0)
			return true;
	return false;
}

bool plan_is_wanted(const struct audit_request *request, const char *ids)
{
	while (*ids) {
		size_t length = strcspn(ids, " ");

		if (!list_has(&request->skip, ids, length) &&
		    (!request->only.count || list_has(&request->only, ids, length)))
			return true;
		ids += length + (ids[length] == ' ');
	}
	return false;
}

/* A mailbox is visited only by who has its key. */
static bool row_is_wanted(const struct plan_row *row, const struct audit_request *request)
{
	return plan_is_wanted(request, row->checks) &&
	       (row->purpose != PURPOSE_QUOTA || request->imap_user[0]);
}

enum plan_worth plan_worth(const struct plan_row *row, const struct place *place,
			   const struct audit_request *request, enum visit_end *end)
{
	enum port_state state = port_state_of(place->address, row->port);

	if (place->is_dead || !row_is_wanted(row, request))
		return WORTH_NOTHING;
	if (row->port == PORT_SMTP)
		return place->is_mute ? WORTH_NOTHING : WORTH_VISIT;
	if (place->other_timeouts >= TIMEOUTS_MAX)
		return WORTH_NOTHING;
	if (state != PORT_CLOSED && state != PORT_FILTERED)
		return WORTH_VISIT;
	*end = state == PORT_CLOSED ? VISIT_REFUSED : VISIT_SILENT;
	return WORTH_NOTE;
}

static void port_add(uint16_t ports[static SEEN_PORTS_MAX], unsigned *count, uint16_t port)
{
	for (unsigned i = 0; i < *count; i++)
		if (ports[i] == port)
			return;
	if (*count < SEEN_PORTS_MAX)
		ports[(*count)++] = port;
}

unsigned plan_ports(const struct seen_address *a, const struct audit_request *request,
		    uint16_t out[static SEEN_PORTS_MAX])
{
	bool all = a->may_intrude && plan_is_wanted(request, "ports ");
	unsigned count = 0;

	if (a->host->is_backend) {
		out[0] = PORT_SMTP;
		return plan_is_wanted(request, "ports ");
	}
	/* What is visited anyway. */
	for (unsigned i = 0; i < plan_row_count; i++)
		if (plan_rows[i].port != PORT_SMTP && row_is_wanted(&plan_rows[i], request))
			port_add(out, &count, plan_rows[i].port);
	for (unsigned i = 0; all && i < port_row_count; i++)
		port_add(out, &count, port_rows[i].port);
	return count;
}

/* ---- what a visit says ---- */

static const struct response *answer_last(const struct visit_log *log)
{
	for (unsigned i = log->count; i-- > 0;)
		if (response_is_whole(&log->exchange[i].response))
			return &log->exchange[i].response;
	return NULL;
}

bool plan_is_worth_retry(const struct plan_row *row, const struct visit_log *log)
{
	const struct response *r = answer_last(log);

	if (row->is_delicate && log->count > GREETED_EXCHANGES)
		return false;
	if (log->end == VISIT_TURNED_AWAY)
		return r && (r->code == CODE_GOODBYE || r->kind == RESPONSE_TRANSIENT);
	return log->end == VISIT_CLOSED && !row->may_close;
}

static bool is_greeted(const struct visit_log *log)
{
	const struct exchange *greeting = log->count ? log->exchange : NULL;

	return greeting && response_is_whole(&greeting->response) &&
	       greeting->response.kind == RESPONSE_POSITIVE;
}

void plan_place_judge(struct place *place, const struct plan_row *row, const struct visit_log *log)
{
	bool is_first = row->purpose == PURPOSE_HELLO;

	if (is_first) {
		const struct response *r = answer_last(log);

		place->address->is_answering = r && log->end != VISIT_ALIEN;
		place->is_mute = !is_greeted(log);
	}
	if (log->end == VISIT_TIMEOUT || log->end == VISIT_FLOODED) {
		place->is_dead = is_first;
		if (row->port == PORT_SMTP)
			place->timeouts++;
		else
			place->other_timeouts++;
	}
	if (row->port != PORT_SMTP)
		return;
	if (log->end == VISIT_TURNED_AWAY || log->end == VISIT_REFUSED ||
	    log->end == VISIT_SILENT || (log->end == VISIT_CLOSED && !row->may_close))
		place->failures++;
	else
		place->failures = 0;
	if (place->timeouts >= TIMEOUTS_MAX || place->failures >= FAILURES_MAX)
		place->is_mute = true;
}
