/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The responder: the SMTP server that refused senders are handed to, so that they learn why. It speaks just enough of RFC 5321 to
 * refuse in good manners: greeting, EHLO, HELO, STARTTLS (with a certificate), MAIL, RCPT, NOOP, RSET, QUIT; no mail is ever taken. Everything it holds
 * is bounded: connections, those of one source, bytes in both directions, commands, time. One for a process, in its event loop.
 */
#ifndef REPLY_REPLY_H
#define REPLY_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/loop.h"

#define REPLY_TEXT_MAX                                                                             \
	400 /* of what a refused sender is told: a reply line has 512 bytes (RFC 5321, 4.5.3.1.5) */
#define REPLY_NAME_MAX	  256 /* of a host (RFC 5321, 4.5.3.1.2), with the final 0 */
#define REPLY_MAILBOX_MAX 322 /* local part, @ and domain (RFC 5321, 4.5.3.1), with the final 0 */

struct reply_settings {
	char name[REPLY_NAME_MAX];    /* in the greeting */
	char contact[REPLY_TEXT_MAX]; /* at the end of each refusal; "" none */
	bool at_greeting;	      /* refuse there, with 554 (RFC 5321, 3.1); else at RCPT */
	uint32_t connections;	      /* at once */
};

/* Why a client is refused. */
enum reply_kind {
	REPLY_LISTED,  /* 550 5.7.1 ... blocked using BY; TEXT */
	REPLY_RULE,    /* 550 5.7.1 ... blocked; TEXT */
	REPLY_LIMIT,   /* 450 4.7.1 ... TEXT */
	REPLY_NOTHING, /* nothing stands against it any more: 421 4.3.2, it may come again */
	REPLY_KINDS,
};
struct reply_because {
	uint32_t kind;		   /* enum reply_kind */
	char by[REPLY_NAME_MAX];   /* the list's public name, printable; "" none */
	char text[REPLY_TEXT_MAX]; /* printable; "" none */
};

/* What was said to a client that was refused, for the log: foreign texts are escaped, printable and ended. */
struct reply_said {
	struct addr addr;
	uint16_t port;	/* the client's */
	uint16_t esmtp; /* it said EHLO */
	uint16_t tls;
	uint16_t at_greeting;		  /* it was refused before it said anything */
	char reply[REPLY_TEXT_MAX + 112]; /* the whole reply, without line end */
	char helo[REPLY_NAME_MAX], sender[REPLY_MAILBOX_MAX], recipient[REPLY_MAILBOX_MAX];
};

struct reply_status {
	uint64_t accepted, refused; /* connections; those that were told why */
	uint64_t turned_away;	    /* connections over the bound of one source */
	uint32_t open;
	uint32_t pad;
};

struct reply_calls {
	/* Why is this client (its address, and the port of ours) refused? Answered by reply_because(). 0, or -errno: 421. */
	int (*why)(void *context, uint32_t id, const struct addr *addr, uint16_t port);
	void (*said)(void *context, const struct reply_said *said);
};

struct reply;
struct tls_server; /* base/tls.h; NULL: no STARTTLS */

/* listener: a listening, non-blocking socket; the responder takes it. 0 or -errno. */
int reply_open(struct reply **out, struct loop *loop, int listener,
	       const struct reply_settings *settings, struct tls_server *tls,
	       const struct reply_calls *calls, void *context, struct err *e);
/* An id that nobody waits for any more is ignored. */
void reply_tell(struct reply *r, uint32_t id, const struct reply_because *because);
void reply_count(const struct reply *r, struct reply_status *out);
void reply_close(struct reply *r); /* NULL is fine */

#endif
