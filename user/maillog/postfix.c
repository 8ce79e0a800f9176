/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Postfix. smtpd(8) says who is connected and gives a message its queue id, cleanup(8) may throw it away, qmgr(8) says that it is in the queue:
 *
 *	postfix/smtpd[7]: connect from mail.example.org[192.0.2.7]
 *	postfix/smtpd[7]: 4bXk2N1zzz: client=mail.example.org[192.0.2.7], sasl_method=PLAIN, sasl_username=...
 *	postfix/qmgr[9]: 4bXk2N1zzz: from=<a@example.org>, size=512, nrcpt=1 (queue active)
 *
 * A connection is known by the process that has it, a message by its id: an smtpd has one client at a time. What stands before the slash is the
 * instance's or the service's own choice (syslog_name), so the last word decides.
 */
#include "maillog/inside.h"

#include <string.h>

#define ID_CHARACTERS                                                                              \
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" /* enable_long_queue_ids */
#define ID_LEAST 6
#define ID_MOST	 32

/* A client that postscreen(8) let on comes back as smtpd's: known by its address and port, or by its address. */
static struct slice passed_key(struct slice said)
{
	struct slice address = {said.at, said.at};

	if (slice_skip(&said, "["))
		(void)slice_until(&said, "]", &address);
	return address;
}

static void rejected(const struct line *l, struct slice client)
{
	struct maillog_event event = {.what = MAILLOG_REJECT, .wall_s = l->wall_s};

	if (line_client(&client, &event))
		line_tell(l, &event);
}

/* "reject: RCPT from name[192.0.2.7]: 554 ...", and milters'. */
static bool is_rejection(struct slice *said)
{
	struct slice command;

	if (!slice_skip(said, "reject: ") && !slice_skip(said, "milter-reject: "))
		return false;
	/* "RCPT", "END-OF-MESSAGE", "header Subject: ..." of cleanup: only a single word is surely smtpd's. */
	command = slice_word(said);
	return slice_has_only(&command, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-", 1, 16) &&
	       slice_skip(said, "from ");
}

static void client_came(const struct line *l)
{
	struct slice client = l->said;
	struct session *s, *passed;
	struct maillog_event event = {
		.what = MAILLOG_CONNECT, .wall_s = l->wall_s, .connected_wall_s = l->wall_s};
	char text[ADDR_TEXT_MAX];

	if (!line_client(&client, &event))
		return;
	addr_format(&event.addr, text);
	passed = line_recall(l, "postscreen", &(struct slice){text, text + strlen(text)});
	if (passed && passed->counted) {
		event.connected_wall_s = passed->event.connected_wall_s;
		passed->counted--;
	} else {
		line_tell(l, &event);
	}
	s = line_remember(l, "smtpd", &l->pid);
	if (s)
		s->event = event;
}

/* "client=name[192.0.2.7]"; behind a filter in front of the queue it is the filter, and orig_client is who was meant. */
static void message_began(const struct line *l, const struct slice *id, struct slice client)
{
	struct maillog_event event = {.what = MAILLOG_DELIVERY}, original;
	const struct session *connection = line_recall(l, "smtpd", &l->pid);
	struct session *s;
	uint32_t port;

	if (!line_client(&client, &event))
		return;
	if (connection)
		event.connected_wall_s = connection->event.connected_wall_s;
	/* smtpd_client_port_logging = yes */
	if (slice_skip(&client, ":"))
		(void)slice_number(&client, &port);
	/* Only who may say so is heard by Postfix (smtpd_authorized_xforward_hosts). */
	original = event;
	if (slice_skip(&client, ", orig_client=") && line_client(&client, &original)) {
		event = original;
		event.connected_wall_s = 0;
	}
	s = line_remember(l, "queue", id);
	if (s)
		s->event = event;
}

static void smtpd(const struct line *l, const struct slice *id, struct slice said)
{
	if (id->at == id->end) {
		struct line rest = *l;

		rest.said = said;
		if (slice_skip(&rest.said, "connect from "))
			client_came(&rest);
		else if (slice_starts(&said, "disconnect from "))
			sessions_drop(line_sessions(l), line_recall(l, "smtpd", &l->pid));
	} else if (slice_skip(&said, "client=")) {
		if (!slice_is(id, "NOQUEUE"))
			message_began(l, id, said);
	} else if (is_rejection(&said)) {
		rejected(l, said);
	}
}

static void postscreen(const struct line *l, const struct slice *id, struct slice said)
{
	struct maillog_event event = {
		.what = MAILLOG_CONNECT, .wall_s = l->wall_s, .connected_wall_s = l->wall_s};
	struct slice client;
	struct session *s;

	if (id->at != id->end) {
		if (is_rejection(&said))
			rejected(l, said);
		return;
	}
	if (slice_skip(&said, "CONNECT from ")) {
		struct slice key = passed_key(said);
		uint32_t passed = 0;

		if (!line_client(&said, &event))
			return;
		s = line_recall(l, "postscreen", &key);
		if (s)
			passed = s->counted;
		s = line_remember(l, "postscreen", &key);
		if (s) {
			s->event = event;
			s->counted = passed;
		}
		line_tell(l, &event);
		return;
	}
	/* postscreen(8): "PASS NEW", "PASS OLD"; ALLOWLISTED since 3.6. */
	if (!slice_skip(&said, "PASS NEW ") && !slice_skip(&said, "PASS OLD ") &&
	    !slice_skip(&said, "WHITELISTED ") && !slice_skip(&said, "ALLOWLISTED "))
		return;
	client = passed_key(said);
	s = line_recall(l, "postscreen", &client);
	if (s)
		s->counted++;
}

/* "from=<a@example.org>, size=512, nrcpt=1 (queue active)": read from its end, since the sender may be any text. */
static void queued(const struct line *l, const struct slice *id, struct slice said)
{
	struct session *s = line_recall(l, "queue", id);
	struct slice count, from;
	const char *at;
	uint32_t recipients;

	if (!s || !slice_skip(&said, "from=<"))
		return;
	at = slice_find_last(&said, ", nrcpt=");
	if (!at)
		return;
	count = (struct slice){at + strlen(", nrcpt="), said.end};
	if (!slice_number(&count, &recipients) || !slice_is(&count, " (queue active)"))
		return;
	said.end = at;
	at = slice_find_last(&said, ">, size=");
	if (!at)
		return;
	from = (struct slice){said.at, at};
	text_take(&from, s->event.from, sizeof(s->event.from));
	s->event.wall_s = l->wall_s;
	s->event.recipients = recipients ? recipients : 1;
	line_tell(l, &s->event);
	/* It is told of again at each attempt to deliver it: the first counts. */
	sessions_drop(line_sessions(l), s);
}

static void cleanup(const struct line *l, const struct slice *id, struct slice said)
{
	if (!slice_starts(&said, "milter-reject: END-OF-MESSAGE ") &&
	    !slice_starts(&said, "milter-discard: ") && !slice_starts(&said, "reject: ") &&
	    !slice_starts(&said, "discard: "))
		return;
	if (is_rejection(&said))
		rejected(l, said);
	sessions_drop(line_sessions(l), line_recall(l, "queue", id));
}

bool line_postfix(const struct line *l)
{
	const char *slash = slice_find_last(&l->tag, "/");
	struct slice service, id = {l->said.at, l->said.at}, said = l->said, word;

	if (!slash)
		return false;
	service = (struct slice){slash + 1, l->tag.end};
	word = slice_word(&said);
	if (word.end > word.at && word.end[-1] == ':') {
		word.end--;
		if (slice_has_only(&word, ID_CHARACTERS, ID_LEAST, ID_MOST))
			id = word;
	}
	if (id.at == id.end)
		said = l->said;
	if (slice_is(&service, "smtpd"))
		smtpd(l, &id, said);
	else if (slice_is(&service, "postscreen"))
		postscreen(l, &id, said);
	else if (slice_is(&service, "qmgr"))
		queued(l, &id, said);
	else if (slice_is(&service, "cleanup"))
		cleanup(l, &id, said);
	else if (slice_is(&service, "pickup")) /* short ids are used again */
		sessions_drop(line_sessions(l), line_recall(l, "queue", &id));
	else
		return slice_is(&service, "smtp") || slice_is(&service, "master") ||
		       slice_is(&service, "local") || slice_is(&service, "anvil") ||
		       slice_is(&service, "lmtp") || slice_is(&service, "bounce");
	return true;
}
