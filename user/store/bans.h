/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who was banned, how often and until when: one row a source or network, kept until it is forgotten, so that the next ban is longer also
 * after a restart. Written in batches by the controller alone; commands read them, and `forget` deletes. Deadlines are kept as those of
 * rules are (store.h).
 */
#ifndef STORE_BANS_H
#define STORE_BANS_H

#include "store/store.h"

#define STORE_BAN_REASON_MAX 64 /* a word or two of ours */

struct store_ban {
	struct prefix prefix;
	uint32_t level;	   /* bans so far */
	uint32_t offences; /* so far */
	char reason
		[STORE_BAN_REASON_MAX]; /* of the last: "rate", "open", "listed", "cut", "neighbours" */
	int64_t last_wall_s;		/* when that was */
	uint64_t
		expires_boot_ns; /* of the last ban; 0: it is over, or, when written, ended before this boot */
	int64_t until_wall_s; /* its end, also where it is over; when written: where expires_boot_ns is 0, 0 not known */
	bool goes_on; /* when read: nobody has written yet that it is over */
};

/* Insert or replace, as one transaction. 0 or -errno: then nothing of it was written. */
int store_put_bans(struct store *s, const struct store_ban *list, size_t count, struct err *e);
int store_get_ban(struct store *s, const struct prefix *p, struct store_ban *out,
		  struct err *e);					      /* -ENOENT */
int store_delete_ban(struct store *s, const struct prefix *p, struct err *e); /* -ENOENT */
/*
 * fn for each, also where no ban is in force any more; addr: only those whose prefix has the address, longest first; NULL: all. fn returns
 * 0 to go on. 0, fn's value, or -errno.
 */
int store_each_ban(struct store *s, const struct addr *addr,
		   int (*fn)(void *context, const struct store_ban *ban), void *context,
		   struct err *e);
/* Those whose last ban ended before that time go. How many. */
int store_reap_bans(struct store *s, int64_t before_wall_s, unsigned *count, struct err *e);

#endif
