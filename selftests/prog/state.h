/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state before a packet, in words. The rig writes it into the maps; the model reads it as it
 * is. So the two meet only in this struct and in the ABI header.
 *
 * Times are far from now on either side (LIFE_*, FILL_*): no row depends on how fast it runs.
 */
#ifndef PROG_STATE_H
#define PROG_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "postern_abi.h"

/* States and rows leave out what is zero: that is what makes them read as sentences. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define STATE_ENTRIES_MAX 12
#define STATE_PORTS_MAX	  PN_PORTS_MAX

enum life {
	LIFE_FOREVER = 0, /* no end */
	LIFE_LIVE,	  /* ends in an hour */
	LIFE_EXPIRED,	  /* ended long ago */
};

struct entry {
	const char *prefix; /* NULL ends the list */
	enum pn_action action;
	enum life life;
	bool always;	  /* obeyed in monitor mode */
	unsigned classes; /* pn_listed: bits of enum pn_class; 0: all */
	bool fresh;	  /* pn_known: not to be asked about again */
	bool banned;	  /* pn_listed: a ban, and no verdict of the DNS */
};

enum fill {
	FILL_NONE = 0, /* no entry */
	FILL_SOME,     /* credit is left */
	FILL_SPENT,    /* no credit is left */
	FILL_BEYOND,   /* an arrival far beyond what the limit allows: from an older, narrower limit
			*/
};

/* How long ago the SYN in a cell of pn_wait was held: in all cells alike. */
enum wait {
	WAIT_EMPTY = 0, /* none was */
	WAIT_YOUNG,	/* too short for a repeat */
	WAIT_DUE,	/* as long as a repeat takes */
	WAIT_OLD,	/* so long that it is forgotten */
};

struct state {
	bool monitor;	 /* enforce_until has passed */
	bool orphaned;	 /* alive_until has passed */
	bool guarded;	 /* destinations outside guard are not policed */
	bool pressed;	 /* a source is near a limit: handshakes are looked at */
	bool charge_syn; /* no sockets here */
	bool rate, network_rate, total_rate; /* the limits that are on */
	struct {
		uint16_t port;
		enum pn_class class_;
		bool only;
		bool mute;	  /* the responder cannot speak here */
	} ports[STATE_PORTS_MAX]; /* none: port 25 of class mx */
	const char *guard[STATE_ENTRIES_MAX];
	struct {
		uint16_t port;
		const char *prefix;
	} only[STATE_ENTRIES_MAX];
	struct entry allow[STATE_ENTRIES_MAX];
	struct entry rule[STATE_ENTRIES_MAX];
	struct entry block[STATE_ENTRIES_MAX];
	struct entry feed
		[STATE_ENTRIES_MAX]; /* each of a feed of its own, that many from 0; without an end */
	bool feed_crowded;	     /* lines of their addresses are full of others */
	struct entry listed[STATE_ENTRIES_MAX]; /* by source, or by network */
	struct entry known[STATE_ENTRIES_MAX];	/* by source; LIFE_FOREVER is PN_FOREVER */
	struct {
		const char *source;
		uint32_t open;
	} open[STATE_ENTRIES_MAX];
	uint64_t total_open;
	uint32_t open_max, total_open_max;
	struct {
		const char *source; /* or network */
		enum fill fill;
	} rates[STATE_ENTRIES_MAX];
	enum fill total_fill;
	enum pn_action rate_action, open_action, only_action; /* 0: drop */
	uint32_t refuse_budget; /* RSTs at once, in a very long time; 0: no bound */
	enum pn_contact contact;
	enum wait wait;
	uint32_t hold_budget; /* SYNs held at once, in a very long time; 0: no bound */
	bool hold_spent;      /* and none is left of it */
	bool unanswering;     /* no responder */
	struct {
		const char *source;
		uint32_t count;
		enum life life; /* of the verdict it was told under */
		bool stale;	/* the first of it long ago */
	} answered[STATE_ENTRIES_MAX];
};

/* Sources of rates: a limit of one in ten minutes; what a burst is tells the limits apart. */
#define RATE_INTERVAL_NS   (600ULL * 1000000000)
#define RATE_BURST	   5
#define NETWORK_RATE_BURST 9
#define TOTAL_RATE_BURST   13
#define RATE_MARGIN_NS                                                                             \
	(300ULL * 1000000000) /* how far FILL_SOME and FILL_SPENT stay from the edge */
#define RATE_BEYOND_NS (1000000ULL * 1000000000)

#endif
