/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSMTPD. Each line begins with the session's number; who it is stands in the first one alone:
 *
 *	smtpd[7]: 8a1bc2d3e4f50617 smtp connected address=192.0.2.7 host=mail.example.org
 *	smtpd[7]: 8a1bc2d3e4f50617 smtp message msgid=1a2b3c4d size=512 nrcpt=1 proto=ESMTP
 *	smtpd[7]: 8a1bc2d3e4f50617 smtp envelope evpid=1a2b3c4d5e6f7788 from=<a@example.org> to=<b@example.net>
 *
 * The name behind host= is what the address says of itself, and whether it was verified is not logged: it is not taken.
 */
#include "maillog/inside.h"

#define HEX	"0123456789abcdef"
#define ID_LONG 16

static void connected(const struct line *l, const char *key, struct slice said)
{
	struct maillog_event event = {
		.what = MAILLOG_CONNECT, .wall_s = l->wall_s, .connected_wall_s = l->wall_s};
	struct slice address;
	struct session *s;

	if (!slice_skip(&said, "address="))
		return;
	address = slice_word(&said);
	/* IPv6 in brackets, in some versions. */
	if (slice_skip(&address, "[") && address.end > address.at && address.end[-1] == ']')
		address.end--;
	if (!slice_addr(&address, &event.addr))
		return; /* "local" */
	s = sessions_put(line_sessions(l), key);
	if (s)
		s->event = event;
	line_tell(l, &event);
}

/* "msgid=1a2b3c4d size=512 nrcpt=1 proto=ESMTP": all of it the server's. */
static void message(const struct line *l, struct session *s, struct slice said)
{
	struct slice skipped;
	uint32_t count;

	if (!slice_skip(&said, "msgid=") || !slice_until(&said, " nrcpt=", &skipped) ||
	    !slice_number(&said, &count))
		return;
	s->event.what = MAILLOG_DELIVERY;
	s->event.wall_s = l->wall_s;
	s->event.from[0] = '\0';
	s->counted = count;
	line_wait(l, s);
}

static void envelope(struct session *s, struct slice said)
{
	struct slice id, from;

	if (slice_skip(&said, "evpid=") && slice_until(&said, " from=<", &id) &&
	    slice_has_only(&id, HEX, 1, ID_LONG) && slice_until(&said, ">", &from))
		text_take(&from, s->event.from, sizeof(s->event.from));
}

bool line_opensmtpd(const struct line *l)
{
	struct slice said = l->said, id = slice_word(&said);
	char key[MAILLOG_KEY_MAX];
	struct session *s;

	if (!slice_has_only(&id, HEX, ID_LONG, ID_LONG) || !slice_skip(&said, "smtp ") ||
	    !line_key(l, "opensmtpd", &id, key))
		return false;
	if (slice_skip(&said, "connected ")) {
		connected(l, key, said);
		return true;
	}
	s = sessions_get(line_sessions(l), key);
	if (!s)
		return true;
	if (slice_skip(&said, "envelope ")) {
		if (!s->waits)
			return true;
		envelope(s, said);
		line_complete(l, s);
		return true;
	}
	if (s->waits)
		line_complete(l, s);
	if (slice_skip(&said, "message ")) {
		message(l, s, said);
	} else if (slice_starts(&said, "failed-command ")) {
		struct maillog_event event = {
			.what = MAILLOG_REJECT, .wall_s = l->wall_s, .addr = s->event.addr};

		line_tell(l, &event);
	} else if (slice_starts(&said, "disconnected ")) {
		sessions_drop(line_sessions(l), s);
	}
	return true;
}
