/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From where the server sees us. A host that audits itself is inside by nature: its own addresses may relay. So sockets are made
 * beforehand in a network namespace of our own that is on a cable with this host and bears a documentation address; what connects by
 * them comes from outside. The namespace lives as long as one of the sockets and leaves nothing behind.
 */
#ifndef AUDIT_VANTAGE_H
#define AUDIT_VANTAGE_H

#include "audit/words.h"
#include "base/addr.h"
#include "base/err.h"

struct vantage_sockets;

/*
 * With privileges: sockets for so many connections of each family. *out is NULL and 0 is returned where there is no need; -errno where it
 * cannot be done: then the sentence says why, and the audit goes on from where it stands.
 */
int vantage_sockets_open(struct vantage_sockets **out, unsigned count, struct err *e);
/* One of them (a visit_socket_fn), which is the caller's; -EMFILE when they are spent. */
int vantage_sockets_take(void *sockets, int family);
/* Are there sockets of this family? NULL has none. */
bool vantage_sockets_has(const struct vantage_sockets *s, int family);
/* What they are bound to. */
struct addr vantage_sockets_source(const struct vantage_sockets *s, int family);
unsigned vantage_sockets_count(const struct vantage_sockets *s); /* descriptors */
void vantage_sockets_close(struct vantage_sockets *s);		 /* NULL is fine */

/* This host's own addresses and links, read once, with or without privileges. */
struct vantage_own;
int vantage_own_read(struct vantage_own **out, struct err *e);
bool vantage_is_own(const struct vantage_own *o, const struct addr *a);
/* Can the sockets of a namespace reach it? An own address that is not one of loopback or of the link alone. */
bool vantage_is_reached(const struct vantage_own *o, const struct addr *a);
/* How a server at `to` sees a connection of ours from `from`. */
enum vantage vantage_judge(const struct vantage_own *o, const struct addr *from,
			   const struct addr *to);
void vantage_own_free(struct vantage_own *o);

#endif
