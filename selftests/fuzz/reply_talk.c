/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever a client sends: the talk holds its bounds, its output is whole printable lines of 512 bytes at most, and what it keeps for the
 * log is printable. The first bytes say how it is set up, and how its bytes are cut.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reply/said.h"
#include "reply/talk.h"

#define HEAD_BYTES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
	if (!held)
		abort();
}

static void require_printable(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	require(length < size);
	for (size_t i = 0; i < length; i++)
		require(text[i] >= ' ' && text[i] <= '~');
}

/* Replies, whole, each ended by CR LF. */
static void require_replies(const struct talk *t)
{
	size_t line = 0;

	require(t->out_length <= sizeof(t->out));
	for (size_t i = 0; i < t->out_length; i++) {
		line++;
		require(line <= TALK_REPLY_MAX);
		if (t->out[i] == '\n') {
			require(line >= 2 && t->out[i - 1] == '\r');
			line = 0;
		} else {
			require((t->out[i] >= ' ' && t->out[i] <= '~') || t->out[i] == '\r');
		}
	}
	require(line == 0);
}

static void happened(struct talk *t, enum talk_event event)
{
	struct reply_said said;
	char line[SAID_LINE_MAX];

	require(t->state < TALK_STATES && t->errors <= TALK_ERRORS_MAX + 1 &&
		t->commands <= TALK_COMMANDS_MAX + 1);
	if (event == TALK_REFUSED_ONE) {
		talk_said(t, &said);
		require_printable(said.reply, sizeof(said.reply));
		require_printable(said.helo, sizeof(said.helo));
		require_printable(said.sender, sizeof(said.sender));
		require_printable(said.recipient, sizeof(said.recipient));
		require_printable(said_format(&said, line, sizeof(line)), sizeof(line));
	}
	require_replies(t);
}

static void tell(struct talk *t, unsigned kind)
{
	struct reply_because because = {.kind = kind, .by = "bl.example", .text = "Spam source"};
	enum talk_event event;

	talk_tell(t, &because, &event);
	happened(t, event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct addr addr = {{[10] = 0xff, 0xff, 192, 0, 2, 1}};
	struct reply_settings settings = {.name = "mx.example", .contact = "pm@example"};
	struct talk t;
	size_t at = HEAD_BYTES, step, n;
	enum talk_event event;

	if (size < HEAD_BYTES)
		return 0;
	settings.at_greeting = data[0] & 1;
	step = (size_t)data[1] + 1;
	talk_open(&t, &settings, data[0] & 2, &addr, 4711);
	if (data[0] & 4)
		tell(&t, data[2] & 7);
	happened(&t, TALK_NO_EVENT);
	while (at < size) {
		n = talk_take(&t, (const char *)data + at, size - at < step ? size - at : step,
			      &event);
		require(n <= size - at);
		happened(&t, event);
		at += n;
		talk_sent(&t, data[0] & 8 ? TALK_REPLY_MAX : TALK_OUT_MAX);
		if (n)
			continue;
		/* It waits: for TLS, for room, or for the reason, which comes once. */
		if (t.state == TALK_SECURING)
			talk_secured(&t);
		else if (!t.is_told)
			tell(&t, data[2] & 7);
		else
			require(talk_is_listening(&t));
	}
	talk_end(&t, data[0] & 16 ? TALK_TOO_SLOW : TALK_TOO_MUCH);
	return 0;
}
