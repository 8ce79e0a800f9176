/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said at a visit. A script is a state of its own and a script_fn (visit.h); most are rows of a table that one function walks. Each
 * purpose has one.
 */
#ifndef AUDIT_SCRIPT_H
#define AUDIT_SCRIPT_H

#include "audit/request.h"
#include "audit/seen.h"

/* What a script may put into its texts. */
struct script_facts {
	const struct audit_request *request;
	const struct seen *seen;
	const struct seen_address *address;
	const char *helo;   /* our name */
	const char *domain; /* one that the server hosts: the audited one, or the host's own name */
	const char *foreign; /* one that it does not */
	char random[24];     /* letters and digits; new in each run: nobody has this name */
	bool may_intrude;
};

struct script;

/* NULL when there is nothing (more) to say for this purpose: then no visit is made. round: 0 and up, for purposes of several visits. */
struct script *script_new(enum purpose purpose, unsigned round, const struct script_facts *facts);
bool script_next(void *script, const struct visit_log *log, const struct exchange *last,
		 struct step *out); /* a script_fn */
void script_free(struct script *s); /* NULL is fine */

#endif
