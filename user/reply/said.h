/* SPDX-License-Identifier: BSD-2-Clause */
/* The log line about a client that was refused. */
#ifndef REPLY_SAID_H
#define REPLY_SAID_H

#include "reply/reply.h"

/* The longest line: each byte of a foreign text may take four. */
#define SAID_LINE_MAX 6144

/*
 * As postscreen(8) writes it, so that what reads its log reads ours:
 *
 *   NOQUEUE: reject: RCPT from [ADDR]:PORT: 550 5.7.1 ...; from=<S>, to=<R>, proto=ESMTP, helo=<H>
 *   NOQUEUE: reject: CONNECT from [ADDR]:PORT: 554 5.7.1 ...
 *
 * < and > inside a foreign text become \x3c and \x3e: nobody writes fields of his own into the line. Cut at size. Returns buffer.
 */
const char *said_format(const struct reply_said *said, char *buffer, size_t size);

#endif
