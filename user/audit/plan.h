/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which visits are made to whom, in which order: one connection at a time to a server (all addresses of one host are one server), with
 * a pause between; several servers at once. Servers count errors, so each script keeps within a budget of them. A visit that
 * ends by 421 or a reset is made once more. Where nothing intrusive may be done only greeting, EHLO and STARTTLS are said.
 */
#ifndef AUDIT_PLAN_H
#define AUDIT_PLAN_H

#include "audit/audit.h"
#include "audit/vantage.h"

struct plan;

typedef void (*plan_fn)(void *context);

/* fn is called once, when every visit has been made or given up. 0 or -errno. */
int plan_start(struct plan **out, struct loop *loop, const struct audit_request *request,
	       struct tls_client *tls, struct vantage_sockets *sockets, struct seen *seen,
	       audit_progress_fn progress, void *progress_context, plan_fn fn, void *context);
void plan_stop(struct plan *p); /* NULL is fine */

#endif
