/* SPDX-License-Identifier: BSD-2-Clause */
/* The refusal: see refusal.h. The form is that of postscreen(8), which people and their log readers know. */
#include "reply/refusal.h"

#include <stdio.h>
#include <string.h>

#define CUT_MARK "..."

struct writer {
	char *buffer;
	size_t at, most; /* without the final 0 */
};

/* The whole text, or as much as the room lets through with a mark at its end; nothing, when not even that is worth it. */
static void write_cut(struct writer *w, const char *lead, const char *text, size_t room)
{
	size_t before = strlen(lead), length = strlen(text), mark = strlen(CUT_MARK), take = length;

	if (!length)
		return;
	if (before + length > room) {
		if (room <= before + mark)
			return;
		take = room - before - mark;
	}
	memcpy(w->buffer + w->at, lead, before);
	memcpy(w->buffer + w->at + before, text, take);
	w->at += before + take;
	if (take < length) {
		memcpy(w->buffer + w->at, CUT_MARK, mark);
		w->at += mark;
	}
}

static const char *code_of(enum reply_kind kind, bool at_greeting)
{
	if (kind == REPLY_LIMIT)
		return at_greeting ? "421 4.7.1" : "450 4.7.1";
	return at_greeting ? "554 5.7.1" : "550 5.7.1";
}

const char *refusal_write(const struct reply_because *because, const struct addr *addr,
			  const char *contact, bool at_greeting, char buffer[static REFUSAL_MAX])
{
	struct writer w = {.buffer = buffer, .most = REFUSAL_MAX - 1};
	char shown[ADDR_TEXT_MAX];
	size_t kept = contact[0] ? strlen("; ") + strlen(contact) : 0;
	int head;

	head = snprintf(buffer, REFUSAL_MAX, "%s Service unavailable; client [%s]%s",
			code_of(because->kind, at_greeting), addr_format(addr, shown),
			because->kind == REPLY_LIMIT ? "" : " blocked");
	w.at = (size_t)head;
	/* A contact of the longest form leaves some ten bytes: no more can be asked for. */
	if (kept > w.most - w.at)
		kept = w.most - w.at;
	if (because->kind == REPLY_LISTED)
		write_cut(&w, " using ", because->by, w.most - w.at - kept);
	write_cut(&w, because->kind == REPLY_LIMIT ? " " : "; ", because->text,
		  w.most - w.at - kept);
	write_cut(&w, "; ", contact, w.most - w.at);
	for (size_t i = 0; i < w.at; i++)
		if (buffer[i] < ' ' || buffer[i] > '~')
			buffer[i] = '?';
	buffer[w.at] = '\0';
	return buffer;
}
