/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the controller's feeding share; nobody else includes it. */
#ifndef DAEMON_FEEDING_INSIDE_H
#define DAEMON_FEEDING_INSIDE_H

#include <sys/stat.h>

#include "base/channel.h"
#include "daemon/feeding_hand.h"
#include "daemon/feeding_list.h"
#include "daemon/feeding_talk.h"
#include "daemon/state.h"
#include "store/senders.h"

#define FED_SENDERS_NAMED_MAX 5 /* in the log and in `show feeds`; the rest is counted */

/* A known sender that a feed would refuse. */
struct fed_sender {
	struct addr addr;
	struct prefix entry;
	uint64_t messages;
	char host[STORE_HOST_MAX];
};

struct fed {
	struct conf_feed conf;
	struct feedlist list;	   /* in force */
	struct feedlist waiting;   /* good, and comes into force with one that was not read yet */
	struct feed_report report; /* of the file as it was read last */
	enum feed_state state;
	char why[ERR_TEXT_MAX]; /* "" where all is well */
	struct said said;
	int watch;   /* of inotify, on the directory; -1 none */
	bool wanted; /* to be read as soon as nothing else is */
	bool look;   /* or only looked at: is it there, has it changed? */
	bool anyway; /* and to be taken whatever its size */
	bool unkept; /* its list could not be kept, and that was said */
	bool waits;  /* there is one waiting */
	/* Who was at its file last, and when they were told to end: one that hangs is not given company. */
	pid_t hand, reader;
	uint64_t ended_ns;
	struct stat seen; /* the file that was read last */
	uint64_t added, removed;
	bool stale; /* one who is on it has delivered since its senders were looked for */
	uint64_t searched_ns;
	unsigned senders;
	struct fed_sender sender[FED_SENDERS_NAMED_MAX]; /* the busiest first */
};

struct feeding {
	struct daemon *d;
	struct fed *fed; /* CONF_FEEDS_MAX of them */
	unsigned count;
	uint32_t shrink, grow;
	int inotify; /* -1: none, and files are looked at every minute */
	struct loop_source *inotify_source, *settling;
	struct feedtalk *talk;
	int reading;  /* the number of the feed that is read or looked at now; -1 none */
	bool looking; /* the latter */
	int memory;   /* what its reader writes to */
	struct channel *hand, *reader;
	struct loop_source *patience;
	pid_t lost[CONF_FEEDS_MAX]; /* hands of feeds that are configured no more; 0: none */
	uint64_t looked_ns;	    /* for what inotify does not tell */
	unsigned rounds;	    /* of that */
};

/* ---- feeding.c ---- */

/* All lists into the kernel, those that wait too: see feedlist_put_all(). */
int feeding_put(struct feeding *f, bool may_be_lost, struct err *e);

/* The entries that must not be blocked, as this host is now. names: the first few. 0 or -errno. */
int feeding_leave_out(struct feeding *f, struct feedlist *l, char *names, size_t size,
		      struct err *e);

/* ---- feeding_read.c: one file at a time, by a child ---- */

void feeding_read_next(struct feeding *f); /* or look */
void feeding_read_stop(struct feeding *f);
/* Once a second: processes that are gone by now give their numbers back. */
void feeding_read_reap(struct feeding *f);
/* So does the hand of a feed that is configured no more. */
void feeding_read_leave(struct feeding *f, pid_t hand);

/* ---- feeding_take.c: what becomes of what was read ---- */

/* fresh: what the child made, or NULL and why not in e. */
void feeding_decide(struct feeding *f, unsigned i, struct feedlist *fresh, const struct err *e);

/* Those that had to wait came into force. */
void feeding_take_waiting(struct feeding *f);

/* Those that could not be kept: the disk may have room now. */
void feeding_keep_again(struct feeding *f);

/* ---- feeding_watch.c ---- */

int feeding_watch_open(struct feeding *f, struct err *e);
/* Those that are wanted, from the loop. */
void feeding_read_soon(struct feeding *f, uint64_t ms);
void feeding_watch_look(struct feeding *f); /* for what inotify does not tell */
void feeding_watch_looked(struct fed *one, const struct stat *now);
void feeding_watch_forget(struct feeding *f, int watch); /* unless a feed has it still */
void feeding_watch_close(struct feeding *f);

/* ---- feeding_senders.c ---- */

/* Who delivers mail, and would be refused by those that are stale. */
void feeding_find_senders(struct feeding *f);
bool feeding_search_is_due(const struct feeding *f);
/* Somebody has delivered: that may make some stale. */
void feeding_note_sender(struct feeding *f, const struct addr *a);

#endif
