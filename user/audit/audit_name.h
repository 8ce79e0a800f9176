/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By which name servers are greeted, and which domain is foreign to them. Both are ours where that can be: a good server refuses a HELO name that does
 * not exist, and a foreign domain that takes no mail, and then nothing is learnt of relaying.
 */
#ifndef AUDIT_AUDIT_NAME_H
#define AUDIT_AUDIT_NAME_H

#include "audit/request.h"
#include "audit/seen.h"

#define AUDIT_NAME_FOREIGN "example.com" /* RFC 2606, 3: nobody's; but it has a null MX */

struct audit_name_order {
	struct resolver *resolver;
	const struct audit_request *request;
	const char *host_name; /* of this host, with a domain; "" none */
	struct seen *seen;     /* its addresses have been placed; helo and foreign are set */
};

struct audit_name;
typedef void (*audit_name_fn)(void *context);

/* fn is called once, from the loop; but where nothing need be asked *out is NULL, all is set, and it is not called. 0 or -ENOMEM. */
int audit_name_start(struct audit_name **out, const struct audit_name_order *order,
		     audit_name_fn fn, void *context);
/* Settles with what is known so far; fn will not be called. NULL is fine. */
void audit_name_stop(struct audit_name *n);

#endif
