/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of the responder: its socket, its TLS, its talk (talk.h) and its time. Private to user/reply: reply.c
 * owns the clients and says who is accepted; client.c moves bytes.
 */
#ifndef REPLY_CLIENT_H
#define REPLY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/tls.h"
#include "reply/reply.h"
#include "reply/talk.h"

#define CLIENT_MS_PER_S 1000
/* All of it. A mail server says what it has to say in two seconds; one that tries 100 recipients over a slow line needs half of this. */
#define CLIENT_LIFETIME_MS (60 * CLIENT_MS_PER_S)
/* From command to command, the handshake being one: a line that comes byte by byte does not count as coming. */
#define CLIENT_IDLE_MS (20 * CLIENT_MS_PER_S)
/* The keeper answers within milliseconds; it is dead or gone by then. */
#define CLIENT_WHY_MS (5 * CLIENT_MS_PER_S)
/* For the last reply to arrive: a close with bytes unread would take it back by RST. */
#define CLIENT_LINGER_MS (2 * CLIENT_MS_PER_S)
/* Of all commands: 150 of the longest kind that is common. */
#define CLIENT_INPUT_MAX (32 * 1024)
/* Read at once; what is behind a command that waits for its answer stays here. */
#define CLIENT_IN_MAX 512
/* Refusals that are told for the log; a connection that is refused more often is known by then. */
#define CLIENT_SAID_MAX 3

/* Handshakes and sessions of all clients: each may take 64 KB while a record or a ClientHello is under way. */
#define CLIENT_TLS_MAX 256

enum client_phase {
	CLIENT_PLAIN,
	CLIENT_HANDSHAKE, /* once what was said in the clear is sent */
	CLIENT_TLS,
	CLIENT_LINGER, /* all was said: waits for the client to close */
};

struct client_host;

struct client {
	struct client_host *host;
	uint32_t id;
	uint32_t slot;
	int fd;
	enum client_phase phase;
	bool is_refused; /* was told why */
	unsigned said;
	unsigned wait_for; /* events: what the last step could not go on without */
	uint32_t watched;  /* events that the loop looks for */
	struct loop_source *source;
	struct tls *tls;
	bool holds_tls; /* is counted in the host's tls_open */
	size_t input;	/* bytes so far */
	uint64_t born_ms, active_ms, linger_ms;
	size_t in_at, in_length;
	char in[CLIENT_IN_MAX];
	struct talk talk;
};

/* What a client needs from the responder. */
struct client_host {
	struct tls_server *tls;				  /* NULL: none */
	unsigned tls_open;				  /* clients that have it */
	void (*refused)(void *context, struct client *c); /* talk_said() knows what was said */
	void *context;
};

/* As far as it goes now. False: it is over, and is to be freed. wait_for says what it waits for. */
bool client_go_on(struct client *c, uint64_t now_ms);
/* The reason; then client_go_on(). */
void client_tell(struct client *c, const struct reply_because *because, uint64_t now_ms);
/* Ends its TLS, with a goodbye if there was any. */
void client_end_tls(struct client *c);
/* Looks at the time, and goes on where it is up. False: it is over. */
bool client_tick(struct client *c, uint64_t now_ms);

#endif
