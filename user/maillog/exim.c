/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exim's main log (its specification, chapter 53). A message is one line when it is taken and one more for each recipient:
 *
 *	2026-11-22 06:27:11 1wGhQk-0001Xy-2Z <= a@example.org H=mail.example.org (helo) [192.0.2.7]:40312 P=esmtp S=512 id=...
 *	2026-11-22 06:27:11 1wGhQk-0001Xy-2Z => b@example.net R=local T=maildir
 *	2026-11-22 06:27:11 1wGhQk-0001Xy-2Z Completed
 *
 * The HELO in parentheses and the sender are the client's words, and either may look like what follows it. So the sender is read by the rules of
 * quoting, the HELO ends at its first parenthesis, and a line in which another address follows another parenthesis is nobody's.
 */
#include "maillog/inside.h"

#include <string.h>

#define BASE62 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* 6-6-2, and 6-11-4 since 4.97. */
static bool is_id(const struct slice *word)
{
	struct slice rest = *word, time, process;

	return slice_until(&rest, "-", &time) && slice_until(&rest, "-", &process) &&
	       slice_has_only(&time, BASE62, 6, 6) && slice_has_only(&process, BASE62, 6, 11) &&
	       slice_has_only(&rest, BASE62, 2, 4);
}

/* An address of mail as Exim writes it: quotes may stand in it (RFC 5321, 4.1.2), and in them anything. */
static struct slice mailbox(struct slice *p)
{
	struct slice out = *p;
	bool quoted = false;

	for (; p->at < p->end && (quoted || *p->at != ' '); p->at++) {
		if (*p->at == '"')
			quoted = !quoted;
		else if (*p->at == '\\' && p->at + 1 < p->end)
			p->at++;
	}
	out.end = p->at;
	(void)slice_skip(p, " ");
	return out;
}

/* "(helo) ", which is the client's. False: where it ends cannot be told. */
static bool helo_skip(struct slice *p)
{
	struct slice helo;

	if (!slice_skip(p, "("))
		return true;
	return slice_until(p, ")", &helo) && !memchr(helo.at, ' ', (size_t)(helo.end - helo.at)) &&
	       slice_skip(p, " ");
}

/* Does an address in brackets follow a parenthesis? Then what was read before was perhaps a HELO's. */
static bool has_another(struct slice p)
{
	struct slice skipped, address;
	struct addr a;

	while (slice_until(&p, ") [", &skipped)) {
		struct slice inside = p;

		if (slice_until(&inside, "]", &address) && slice_addr(&address, &a))
			return true;
	}
	return false;
}

/* Behind "H=": "name (helo) [192.0.2.7]:40312", where name, HELO and port may be missing. peer: address and port. */
static bool fullhost(struct slice *p, struct maillog_event *event, struct slice *peer)
{
	struct slice name = {p->at, p->at}, address;

	if (!slice_starts(p, "[") && !slice_starts(p, "("))
		name = slice_word(p);
	if (!slice_is_name(&name) || !helo_skip(p) || !slice_starts(p, "["))
		return false;
	peer->at = p->at++;
	if (!slice_until(p, "]", &address) || !slice_addr(&address, &event->addr))
		return false;
	while (p->at < p->end && *p->at != ' ')
		p->at++;
	peer->end = p->at;
	if (has_another(*p))
		return false;
	text_take(&name, event->host, sizeof(event->host));
	return true;
}

/* "<= sender H=..."; without H= it was handed in on this host. */
static void taken(const struct line *l, const struct slice *id, struct slice said)
{
	struct maillog_event event = {.what = MAILLOG_DELIVERY, .wall_s = l->wall_s};
	struct slice from = mailbox(&said), peer = {said.at, said.at};
	const struct session *connection;
	struct session *s;

	if (!slice_skip(&said, "H=") || !fullhost(&said, &event, &peer))
		return;
	if (!slice_is(&from, "<>"))
		text_take(&from, event.from, sizeof(event.from));
	connection = line_recall(l, "peer", &peer);
	if (connection)
		event.connected_wall_s = connection->event.wall_s;
	s = line_remember(l, "exim", id);
	if (!s)
		return;
	s->event = event;
	line_wait(l, s);
}

/* A message that has its id. False: no line of it. */
static bool message(const struct line *l, const struct slice *id, struct slice said)
{
	struct session *s = line_recall(l, "exim", id);
	struct slice word = slice_word(&said);

	if (slice_is(&word, "<=")) {
		taken(l, id, said);
		return true;
	}
	if (slice_is(&word, "=>") || slice_is(&word, "->") || slice_is(&word, ">>") ||
	    slice_is(&word, "**") || slice_is(&word, "==")) {
		if (s && s->waits)
			s->counted++;
		return true;
	}
	if (slice_is(&word, "Completed")) {
		if (s && s->waits)
			line_complete(l, s);
		sessions_drop(line_sessions(l), s);
		return true;
	}
	return false;
}

/* "H=... F=<a@example.org> rejected RCPT <b@example.net>: ...". */
static bool rejection(const struct line *l, struct slice said)
{
	struct maillog_event event = {.what = MAILLOG_REJECT, .wall_s = l->wall_s};
	struct slice peer, before;

	if (!slice_skip(&said, "H="))
		return false;
	if (!fullhost(&said, &event, &peer) || slice_starts(&said, " Warning:"))
		return true;
	if (slice_until(&said, " rejected ", &before))
		line_tell(l, &event);
	return true;
}

/* "SMTP connection from [192.0.2.7]:40312 (TCP/IP connection count = 1)" (log_selector = +smtp_connection). */
static bool connection(const struct line *l, struct slice said)
{
	struct maillog_event event = {
		.what = MAILLOG_CONNECT, .wall_s = l->wall_s, .connected_wall_s = l->wall_s};
	struct slice peer, before;
	struct session *s;

	if (!slice_skip(&said, "SMTP connection from "))
		return false;
	if (!slice_starts(&said, "[") || !fullhost(&said, &event, &peer) ||
	    !slice_until(&said, "(TCP/IP connection count = ", &before))
		return true;
	line_tell(l, &event);
	s = line_remember(l, "peer", &peer);
	if (s)
		s->event = event;
	return true;
}

bool line_exim(const struct line *l)
{
	struct slice said = l->said, rest, word, pid;

	/* log_selector = +pid */
	if (slice_skip(&said, "[") &&
	    (!slice_until(&said, "] ", &pid) || !slice_has_only(&pid, "0123456789", 1, 10)))
		return false;
	rest = said;
	word = slice_word(&rest);
	if (is_id(&word))
		return message(l, &word, rest) || rejection(l, rest);
	return rejection(l, said) || connection(l, said) || slice_starts(&said, "exim ") ||
	       slice_starts(&said, "Start queue run") || slice_starts(&said, "End queue run");
}
