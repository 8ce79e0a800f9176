/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a token comes back: a mail server of a few lines that takes mail for one mailbox while the audit runs, looks for our tokens in it, and keeps
 * nothing. Only with --send-to and --collect.
 */
#ifndef AUDIT_COLLECTOR_H
#define AUDIT_COLLECTOR_H

#include "audit/request.h"
#include "base/loop.h"

/* What stands in front of a token, in a message. Of letters and hyphens: no encoding on the way changes them. */
#define COLLECTOR_MARK	    "postern-audit-token-"
#define COLLECTOR_TOKEN_MAX 63 /* bytes */
#define COLLECTOR_CLIENTS   8  /* at once */
/* Descriptors that it opens at most (drop.h). */
#define COLLECTOR_FILES (COLLECTOR_CLIENTS + 2)

struct collector;

/* Called for each message that has the token somewhere: what followed the token up to white space (at most 63 bytes, letters and digits). */
typedef void (*collector_fn)(void *context, const char *token);

/* Listens at once (a port below 1024 needs privileges); reads nothing before the loop runs. 0 or -errno. */
int collector_open(struct collector **out, struct loop *loop, const struct audit_request *request,
		   collector_fn fn, void *context, struct err *e);
uint16_t collector_port(const struct collector *c); /* where it listens: with port 0, some */
void collector_close(struct collector *c);	    /* NULL is fine */

#endif
