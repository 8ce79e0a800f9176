/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cable from a network namespace of our own to this one: at its far end an address of each family that this host knows nothing of but
 * that it is at the cable. Whoever connects from there to an address of this host comes from outside.
 */
#ifndef NET_CABLE_H
#define NET_CABLE_H

#include "base/addr.h"
#include "base/err.h"

struct cable {
	struct addr v4, v6; /* of the far end */
	bool has_v4, has_v6;
};

/*
 * Go into a new network namespace, which is laid a cable from there to the one that the caller is in. It is the caller's thread that
 * goes: it should be one made for it, and end soon (a namespace ends with the last thread and the last socket in it, and the cable with
 * it). The near end has no address, its routes are those to the two addresses and no others. A family that this host does not have
 * is left out. 0 or -errno: then nothing stays, once the thread has ended.
 */
int cable_lay(const struct cable *wanted, struct cable *laid, struct err *e);

/*
 * Is nothing but a default route, or none at all, the way to this address? Then a route of our own takes it from nobody. 1, 0 or
 * -errno.
 */
int cable_is_free(const struct addr *a);

#endif
