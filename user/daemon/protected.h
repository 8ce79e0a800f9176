/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list that policy/protect.h goes by, as this host has it now: own addresses, private networks, gateways, resolvers, never_block,
 * and from where people are logged in; for what is automatic also what is allowed and trusted in the gate.
 */
#ifndef DAEMON_PROTECTED_H
#define DAEMON_PROTECTED_H

#include "conf/conf.h"
#include "kern/gate.h"
#include "policy/protect.h"

struct protected_list {
	struct protect_entry *entry;
	size_t count, room;
};

/* For an order of the operator's. g may be NULL. 0 or -errno; *out is for protected_free(), whatever is returned. */
int protected_read(struct protected_list *out, const struct conf *c, struct gate *g, struct err *e);
/* For what is automatic (protect_check_automatic()): the same, and every live entry of pn_allow. */
int protected_read_automatic(struct protected_list *out, const struct conf *c, struct gate *g,
			     struct err *e);
void protected_free(struct protected_list *list);

#endif
