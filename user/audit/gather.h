/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DNS says of a domain, its hosts and their addresses, and of the lists they might be on: fills the domain, the hosts and the
 * addresses of struct seen. Runs in the event loop, after privileges are gone.
 */
#ifndef AUDIT_GATHER_H
#define AUDIT_GATHER_H

#include "audit/request.h"
#include "audit/seen.h"

struct gather;

typedef void (*gather_fn)(void *context);

/*
 * Ask everything about the request's domain or host: MX, addresses, CNAME, PTR, SPF, DMARC, DKIM, MTA-STS, TLS-RPT, TLSA, consent, lists. engine
 * asks the lists (its zones are probed first); data names their removal pages. fn is called once, from the loop, when all is in
 * seen; an address that was given as the host stands there too. Sets consent only so far as the DNS gives it (seen_address.may_intrude
 * and consent: "mx.example.org publishes _postern-audit"). 0 or -errno.
 */
int gather_start(struct gather **out, struct loop *loop, const struct audit_request *request,
		 struct dns_engine *engine, const struct zonedata *data, struct seen *seen,
		 gather_fn fn, void *context, struct err *e);
/* Which lists the local mail server asks (from seen->local) work through this resolver: fills seen->zone. After gather_start's fn. */
int gather_zones(struct gather *g, gather_fn fn, void *context, struct err *e);
void gather_stop(struct gather *g); /* no function is called; NULL is fine */

#endif
