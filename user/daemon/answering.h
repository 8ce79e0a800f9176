/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The responder as the keeper sees it: it gets a listening socket that pn_steer hands refused connections to, asks why they are refused, and
 * reports what it was told. While it is not there the kernel refuses by the operator's rules, and lets in by automatic ones.
 */
#ifndef DAEMON_ANSWERING_H
#define DAEMON_ANSWERING_H

#include "daemon/child.h"
#include "reply/reply.h"

struct daemon;
struct responder_settings;

struct answering {
	struct child *responder; /* NULL: none on a gateway */
	struct responder_settings *settings;
	size_t settings_length;
	struct reply_status status; /* its last word */
	bool changed;
	uint64_t written_ns;
};

/* 0 or -errno: a certificate that cannot be used. */
int answering_open(struct daemon *d, struct err *e);
/* The gate is another one, and needs the socket. */
void answering_gate_changed(struct daemon *d);
void answering_reload(struct daemon *d);
/* Which interfaces refused connections come in by: after any change of interfaces. */
void answering_ingress(struct daemon *d);
void answering_tick(struct daemon *d, uint64_t now_boot_ns);
void answering_close(struct daemon *d);

#endif
