/* SPDX-License-Identifier: BSD-2-Clause */
/* The log line: see said.h. */
#include "reply/said.h"

#include <stdio.h>

#define UNIT_MAX 4 /* bytes that one may become: \x3c */

/* Between < and >. The text is escaped already, but for these two. */
static const char *fence(const char *text, char *buffer, size_t size)
{
	size_t at = 0;

	for (; *text && at + UNIT_MAX < size; text++) {
		if (*text == '<' || *text == '>')
			at += (size_t)snprintf(buffer + at, size - at, "\\x%02x", *text);
		else
			buffer[at++] = *text;
	}
	buffer[at] = '\0';
	return buffer;
}

const char *said_format(const struct reply_said *said, char *buffer, size_t size)
{
	char addr[ADDR_TEXT_MAX], helo[UNIT_MAX * REPLY_NAME_MAX],
		sender[UNIT_MAX * REPLY_MAILBOX_MAX], recipient[UNIT_MAX * REPLY_MAILBOX_MAX],
		reply[UNIT_MAX * sizeof(said->reply)];

	addr_format(&said->addr, addr);
	fence(said->reply, reply, sizeof(reply));
	if (said->at_greeting)
		snprintf(buffer, size, "NOQUEUE: reject: CONNECT from [%s]:%u: %s", addr,
			 said->port, reply);
	else
		snprintf(buffer, size,
			 "NOQUEUE: reject: RCPT from [%s]:%u: %s; from=<%s>, to=<%s>, proto=%s, "
			 "helo=<%s>",
			 addr, said->port, reply, fence(said->sender, sender, sizeof(sender)),
			 fence(said->recipient, recipient, sizeof(recipient)),
			 said->esmtp ? "ESMTP" : "SMTP", fence(said->helo, helo, sizeof(helo)));
	return buffer;
}
