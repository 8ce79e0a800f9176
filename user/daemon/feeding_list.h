/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A feed's list as the controller holds it: made by an unprivileged reader, checked, in memory, and in the state directory for the
 * next boot, when the file may be broken; and how all lists together get into the kernel.
 */
#ifndef DAEMON_FEEDING_LIST_H
#define DAEMON_FEEDING_LIST_H

#include "conf/conf.h"
#include "daemon/protected.h"
#include "feed/guard.h"
#include "kern/feeds.h"

#define FEEDLIST_NAMED_MAX 3 /* entries that are named in a sentence; the rest is counted */

struct feedlist {
	void *map; /* NULL: there is none */
	size_t map_length;
	const void *bytes; /* of the image, in the map */
	size_t length;
	struct image image;
	int64_t taken_wall_s; /* when it was found good */
	uint64_t number;      /* image_number() */
	uint64_t file;	      /* a number of the path that it was read from */
	bool kept;	      /* in the state directory, just so */
	bool fresh; /* read from its file by this process: nobody can know better what is in it */
	/* Entries that touch what must never be blocked: a bit for each, and how many. */
	uint8_t *left_out_hosts, *left_out_prefixes;
	uint64_t left_out;
};

/* A memory file for a reader to write a list to: as large as one can be, and no larger. A descriptor, or -errno. */
int feedlist_memory(struct err *e);
/* What the reader wrote of this feed's file, length bytes: nobody can change it any more. *l must be empty. 0 or -errno. */
int feedlist_take(struct feedlist *l, const struct conf_feed *of, int memory, size_t length,
		  struct err *e);
/* The one that was kept for this feed, or for one that had its file and is configured no more. 0; -ENOENT: none; or -errno. */
int feedlist_load(struct feedlist *l, const struct conf *c, const char *name, struct err *e);
/* Keep it. 0 or -errno: then the one that was kept before is still there. */
int feedlist_keep(struct feedlist *l, const struct conf *c, const char *name, struct err *e);
/* Is it from the file that the feed has now? Of another file's list the size says nothing. */
bool feedlist_is_of(const struct feedlist *l, const struct conf_feed *of);
/* Feeds that are no longer configured leave nothing behind, nor does one who was killed over keeping a list. */
void feedlist_forget_others(const struct conf *c);
/*
 * Find the entries that touch what must not be blocked (protected.h), and leave them out from now on. names: the first few, for people ("" none). 0 or -ENOMEM.
 */
int feedlist_leave_out(struct feedlist *l, const struct protected_list *never, char *names,
		       size_t size);
void feedlist_free(struct feedlist *l); /* empty is fine */

/* A feed and its list, which has no entries where it has no map. */
struct feedlist_part {
	const struct conf_feed *conf;
	const struct feedlist *list;
	bool may_be_lost; /* what the kernel has of it, though it was not kept: so it was ordered */
};

/*
 * All lists in the place of what the kernel has, by one step; nothing is done when it has just these. 0; -EBUSY: of one that was not
 * read from its file the kernel has another list, which would be lost, and so everything stays as it is, unless it may_be_lost; or -errno.
 */
int feedlist_put_all(struct gate *g, const struct feedlist_part *part, unsigned count,
		     struct err *e);
/* The kept ones into a gate that has none. For those who set up a gate; what cannot be read is left to the controller to say. */
int feedlist_put_kept(struct gate *g, const struct conf *c, struct err *e);

#endif
