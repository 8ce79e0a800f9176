/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentence that a refused sender is told. */
#ifndef REPLY_REFUSAL_H
#define REPLY_REFUSAL_H

#include <stdbool.h>

#include "reply/reply.h"

/* A reply line has 512 bytes with CR LF (RFC 5321, 4.5.3.1.5); a final 0 in place of one of them. */
#define REFUSAL_MAX 511

/*
 * "CODE Service unavailable; client [ADDR] blocked using BY; TEXT; CONTACT", parts that are empty left out, all printable. Where it does
 * not fit, the text is cut, and then the name: the contact is what helps, and stays whole. at_greeting: with the codes
 * that may stand there (RFC 5321, 4.3.2). Not for REPLY_NOTHING. Returns buffer.
 */
const char *refusal_write(const struct reply_because *because, const struct addr *addr,
			  const char *contact, bool at_greeting, char buffer[static REFUSAL_MAX]);

#endif
