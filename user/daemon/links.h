/* SPDX-License-Identifier: BSD-2-Clause */
/* Which interfaces are guarded, and what happens as they come, go and change their names. */
#ifndef DAEMON_LINKS_H
#define DAEMON_LINKS_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "daemon/said.h"
#include "kern/gate.h"
#include "net/net.h"

/* The configured ones, and as many that were attached by hand, left over or renamed. */
#define LINKS_MAX	  (2 * CONF_INTERFACES_MAX)
#define LINKS_INDEXES_MAX (2 * LINKS_MAX) /* each, and the bond or bridge it belongs to */

enum link_state {
	LINK_ABSENT,   /* no such interface now */
	LINK_UNFIT,    /* it is not one that can be guarded */
	LINK_FAILED,   /* attaching failed; tried again at retry_ns */
	LINK_GUARDED,  /* pn_xdp sits there */
	LINK_RELEASED, /* detached by hand: left alone until it comes anew or the configuration is
			  reloaded */
};

enum link_origin {
	LINK_CONFIGURED, /* named by the configuration */
	LINK_ROUTE,	 /* carries, or carried, a default route */
	LINK_FOUND,	 /* was attached by hand or by an earlier configuration */
};

struct guarded {
	char name[IFNAMSIZ]; /* as it is called now, or was last */
	int ifindex;	     /* of the last interface seen under it, 0 none yet */
	int master; /* the bond or bridge it belongs to, which bears its addresses; 0 none */
	enum link_state state;
	enum link_origin origin;
	enum gate_mode mode;
	bool up;
	bool before;	    /* it was guarded once in this run */
	bool swapped;	    /* its pin waits for its name under a temporary one */
	uint64_t retry_ns;  /* boot time */
	uint32_t backoff_s; /* the last wait */
	struct said said;
};

struct links {
	struct guarded list[LINKS_MAX];
	unsigned count;
	struct said said; /* about all of them */
};

struct daemon;

/*
 * Compare what should be guarded, what is, and what there is; change and say what differs. Cheap
 * when nothing does: called on every piece of news. One interface that fails does not stop the
 * others.
 */
void links_scan(struct daemon *d);
/* Scan when a failed attach is due again. */
void links_tick(struct daemon *d, uint64_t now_boot_ns);
/* The configuration has changed (d->conf is the new one): interfaces it no longer wants are
 * detached. */
void links_reload(struct daemon *d);
/* Interface numbers of those that are there and guarded, or about to be, and of their masters. How
 * many. */
unsigned links_indexes(const struct links *l, int indexes[static LINKS_INDEXES_MAX]);
/* "eth0 (native), eth1 (not there)". Returns buffer. */
const char *links_describe(const struct links *l, char *buffer, size_t size);

/* Why this interface cannot be guarded, or NULL when it can. */
const char *link_unfit(const struct net_link *link);
/* How long to wait after an attach failed with this error for another try, seconds; last_s: the
 * wait before, 0 none. */
uint32_t link_backoff_s(int error, uint32_t last_s);

#endif
