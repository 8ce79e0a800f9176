/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversation with one client, without its socket: bytes in, reply bytes out, and what was learnt. All of it is one state
 * machine; what happens is an input of it (a command, an answer from the keeper, time that is up), and one
 * function without side effects says where each leads and what is said.
 *
 * Of one size, and it allocates nothing.
 */
#ifndef REPLY_TALK_H
#define REPLY_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reply/command.h"
#include "reply/line.h"
#include "reply/refusal.h"
#include "reply/reply.h"

/* One who mistypes hears what is wrong; one who speaks HTTP soon hears nothing any more. */
#define TALK_ERRORS_MAX 8
/* A client must be able to name 100 recipients (RFC 5321, 4.5.3.1.8); each is refused, and told so. */
#define TALK_RECIPIENTS_MAX 100
/* Those, and what stands around them in more than one message. */
#define TALK_COMMANDS_MAX 150
/* Room for three of the longest replies; while there is none for one more, nothing is taken. */
#define TALK_REPLY_MAX 512
#define TALK_OUT_MAX   (3 * TALK_REPLY_MAX)

enum talk_state {
	TALK_UNGREETED, /* the greeting is the refusal: waits for the reason */
	TALK_READY,	/* for a command */
	TALK_SENDER,	/* a sender is named */
	TALK_ASKED,	/* a recipient is named: waits for the reason */
	TALK_SECURING,	/* told to begin with TLS */
	TALK_REFUSED,	/* in the greeting: only QUIT is left */
	TALK_LEAVING,	/* all is said */
	TALK_STATES,
};
const char *talk_state_name(enum talk_state state);

/* What happens: enum command_kind, and these. */
enum talk_input {
	TALK_TLS_ABSENT = COMMAND_KINDS, /* STARTTLS that was not offered */
	TALK_TLS_AGAIN,
	TALK_TLS_BUSY,	    /* too many others have it */
	TALK_TOLD_FOR_GOOD, /* the reason has come: a listing or rule */
	TALK_TOLD_FOR_NOW,  /* a limit */
	TALK_TOLD_NOTHING,  /* none, or no answer */
	TALK_SECURED,	    /* the handshake is done */
	TALK_TOO_MUCH,	    /* errors, commands, recipients or bytes */
	TALK_TOO_SLOW,
	TALK_INPUTS,
};

enum talk_saying {
	SAY_NOTHING,
	SAY_GREETING,
	SAY_HELLO,
	SAY_EXTENSIONS,
	SAY_OK,
	SAY_SENDER_OK,
	SAY_REFUSAL,
	SAY_BEGIN_TLS,
	SAY_TLS_BUSY,
	SAY_CANNOT_VERIFY,
	SAY_BYE,
	SAY_AGAIN,
	SAY_TOO_MUCH,
	SAY_TOO_SLOW,
	SAY_ERRORS, /* those from here on count as errors of the client */
	SAY_HELLO_BAD = SAY_ERRORS,
	SAY_MAIL_BAD,
	SAY_RCPT_BAD,
	SAY_NO_ARGUMENT,
	SAY_NESTED,
	SAY_NEED_MAIL,
	SAY_NEED_RCPT,
	SAY_NO_AUTH,
	SAY_TLS_AGAIN,
	SAY_ABSENT,
	SAY_UNKNOWN,
	SAY_LONG,
	SAY_REFUSED_ALREADY,
	SAYINGS,
};

struct talk_step {
	enum talk_state next;
	enum talk_saying says;
};

/* The whole protocol. Inputs that cannot come in a state leave it as it is, and say nothing. */
struct talk_step talk_transition(enum talk_state state, unsigned input);

/* What the caller has to do. */
enum talk_event {
	TALK_NO_EVENT,
	TALK_REFUSED_ONE, /* a recipient, or the greeting: talk_said() says what was said */
	TALK_START_TLS,	  /* when the output is sent: handshake, then talk_secured() */
};

struct talk {
	const struct reply_settings *settings; /* the caller's, and so for all of its talks */
	struct addr addr;
	uint16_t port; /* the client's */
	enum talk_state state;
	bool offers_tls, has_tls, is_esmtp;
	bool is_tls_busy; /* the caller's: no handshake may begin now */
	bool is_told;
	uint32_t kind; /* enum reply_kind, when told */
	unsigned errors, commands, recipients;
	char refusal[REFUSAL_MAX];
	/* Escaped. */
	char helo[REPLY_NAME_MAX], sender[REPLY_MAILBOX_MAX], recipient[REPLY_MAILBOX_MAX];
	struct line line;
	size_t out_length;
	char out[TALK_OUT_MAX];
};

/* Begins it: with the greeting, where that does not wait for the reason. */
void talk_open(struct talk *t, const struct reply_settings *settings, bool offers_tls,
	       const struct addr *addr, uint16_t port);
/* Would it take a byte now? Not while it waits for something, or its output for room. */
bool talk_is_listening(const struct talk *t);
/*
 * Takes bytes, at most to the end of one command; how many. Behind STARTTLS it takes all there are and looks at none: what was
 * pipelined there in the clear never counts as said under TLS (RFC 3207, 4 and 6; CVE-2011-0411). When leaving too.
 */
size_t talk_take(struct talk *t, const char *bytes, size_t length, enum talk_event *event);
/* The reason; REPLY_NOTHING when none comes. Only the first one counts. */
void talk_tell(struct talk *t, const struct reply_because *because, enum talk_event *event);
void talk_secured(struct talk *t);
/* TALK_TOO_MUCH or TALK_TOO_SLOW: it says so, and leaves. */
void talk_end(struct talk *t, enum talk_input why);
/* The first bytes of out are sent. */
void talk_sent(struct talk *t, size_t length);
/* At TALK_REFUSED_ONE. */
void talk_said(const struct talk *t, struct reply_said *out);

#endif
