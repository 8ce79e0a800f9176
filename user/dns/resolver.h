/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to the configured resolvers, through c-ares, in the event loop. A question goes to one server at a time and, when that
 * one fails, to the next. Not many are under way at once: past about a hundred, answers are lost in socket buffers.
 */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include "base/loop.h"
#include "dns/answer.h"

#define RESOLVER_SERVERS_MAX 8
#define RESOLVER_TEXT_MAX    64 /* "[ADDR]:PORT" */

struct resolver_server {
	struct addr addr;
	uint16_t port;
};

/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53". 0 or -EINVAL. */
int resolver_server_parse(const char *text, struct resolver_server *out, struct err *e);

struct resolver;
struct question;

/*
 * With these servers, or with those of /etc/resolv.conf when count is 0. timeout_ms: for a question as a whole. What has to be
 * read from files is read here, so that later no file need be opened. 0 or -errno.
 */
int resolver_open(struct resolver **out, struct loop *loop, const struct resolver_server *servers,
		  unsigned count, unsigned timeout_ms, struct err *e);
/* Questions under way are forgotten: their functions are not called. NULL is fine. */
void resolver_close(struct resolver *r);
/* The servers that are asked; how many. */
unsigned resolver_servers(const struct resolver *r,
			  struct resolver_server out[static RESOLVER_SERVERS_MAX]);

/* The answer is the callee's until it returns; latency_ms is of the attempt that brought it. */
typedef void (*resolver_fn)(void *context, const struct answer *answer, unsigned latency_ms);

/*
 * Ask. fn is called once, from the loop, never from in here. *out may be NULL; it is valid until fn is called. 0, or -EAGAIN
 * when too many are waiting already, or -ENOMEM.
 */
int resolver_ask(struct resolver *r, const char *name, enum record record, resolver_fn fn,
		 void *context, struct question **out);
/* fn will not be called. NULL is fine. */
void resolver_cancel(struct question *q);

#endif
