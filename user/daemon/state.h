/* SPDX-License-Identifier: BSD-2-Clause */
/* What one run of the controller holds. Private to the files that make up the controller. */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include <stdbool.h>

#include "base/loop.h"
#include "conf/conf.h"
#include "daemon/answering.h"
#include "daemon/contact.h"
#include "daemon/instance.h"
#include "daemon/links.h"
#include "daemon/manager.h"
#include "daemon/nursery.h"
#include "daemon/own.h"
#include "daemon/pulse.h"
#include "daemon/watchers.h"
#include "kern/maps.h"
#include "net/net.h"
#include "store/store.h"

enum ending {
	ENDING_NONE,
	ENDING_LEAVE,  /* the gate stays, with its rules and rates */
	ENDING_REMOVE, /* nothing stays */
	ENDING_TAKEN, /* somebody else took the gate away, or over: there is nothing left to control
		       */
};

struct daemon {
	struct conf conf; /* in force */
	const char *config_path;
	bool instance_given; /* the command line's, not the file's */
	bool trial;
	bool has_terminal;	 /* at the start: its hang-up is told from a reload by that */
	struct nursery *nursery; /* where the children come from */
	struct instance instance;
	struct loop *loop;

	struct store *store; /* NULL: not to be had now */
	struct said store_said;
	bool store_busy; /* there is none, since another process holds it: tried again soon */
	struct loop_source
		*reload_timer;	  /* a reload that waits for another process, and is tried again */
	uint64_t reload_until_ns; /* and until when */
	bool rules_owed; /* the store was held: its rules and its mode are to be compared with the kernel's */

	struct gate *gate;
	struct events *events;
	struct loop_source *events_source;
	struct watchers *watchers; /* NULL: the socket could not be made */
	struct net_watch *watch;
	struct loop_source *watch_source;

	struct contact contact;
	struct answering answering;

	uint32_t parts_open;	 /* a bit for each row of parts.c */
	struct witness *witness; /* of the parts, each its own */
	struct bans *bans;
	struct feeding *feeding;
	struct providers *providers;
	struct following *following;
	struct meter *meter;

	struct links links;
	struct own own;
	struct pulse pulse;
	struct manager manager;

	uint64_t started_boot_ns;
	uint64_t told_before; /* events in the ring from before this controller */
	uint64_t told_mode;   /* what those who watch know: 0 monitor, else until when enforce */
	bool has_told_mode;
	enum ending ending;
	int status;
};

/* keep.c: the store comes and goes, policing does not. */
/* Try to open it; says so when it fails (once) or comes back. True when there is one. */
bool keep_store(struct daemon *d);
/* A call on the store failed: say it once, and let go of a store that is of no use any more. */
void keep_fault(struct daemon *d, int r, const struct err *e);
/* The loop has ended: no heart beats any more, and what is still to be written may wait a little. */
void keep_end(struct daemon *d);

/*
 * Load the gate by conf and put it in the place of d->gate: programs replaced, maps kept or
 * migrated, events read from the new ring. On failure d->gate is as before. Once there is a gate nobody is waited for: -EBUSY while
 * another process is loading one, and d->rules_owed where another one holds the store. lifts_brake: see ruling.h.
 */
int daemon_load_gate(struct daemon *d, const struct conf *conf, bool lifts_brake, struct err *e);
/* End the loop; the first ending counts. */
void daemon_end(struct daemon *d, enum ending ending, int status);

/* SIGHUP. */
void reload_run(struct daemon *d);

#endif
