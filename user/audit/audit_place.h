/* SPDX-License-Identifier: BSD-2-Clause */
/* From where an address is seen, and how far one may go with it. */
#ifndef AUDIT_AUDIT_PLACE_H
#define AUDIT_AUDIT_PLACE_H

#include "audit/request.h"
#include "audit/seen.h"
#include "audit/vantage.h"

struct audit_place_facts {
	const struct audit_request *request;
	const struct vantage_own *own;	       /* this host's addresses */
	const struct vantage_sockets *sockets; /* NULL none */
};

/* Sets vantage, our end, by_namespace, may_intrude and consent. What the DNS has consented to stays. */
void audit_place(struct seen_address *a, const struct audit_place_facts *facts);

#endif
