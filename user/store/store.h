/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store: SQLite in WAL mode, one file postern.db in a directory of its own (0700). It holds the
 * operator's rules and what must outlive a reboot; the BPF maps are its image.
 *
 * Deadlines. A rule that ends, and every verdict (verdicts.h), carries its deadline three times: as boot time together with the boot id (exact
 * while this boot lasts, whatever the wall clock does), as wall time (for after a reboot) and as the
 * time that was ordered or left at the last rebase (a bound: a clock set back never
 * lengthens a rule). store_rebase() writes the last two anew when the wall clock was stepped.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

#define STORE_FILE	  "postern.db"
#define STORE_LOCK	  "lock"
#define STORE_PATIENCE_MS 5000 /* a transaction of a million rules takes about as long */
#define STORE_ORIGIN_MAX  24   /* bytes of an origin, with the final 0 */
#define STORE_TEXT_MAX	  256  /* bytes of a because or saying, with the final 0 */

enum store_kind { STORE_BLOCK, STORE_ALLOW, STORE_TRUST };
enum store_action {
	STORE_NONE,
	STORE_DROP,
	STORE_REFUSE,
	STORE_REPLY
}; /* of a block; NONE for the others */

/* Allow and trust exclude each other for one prefix; a block of the same prefix stands beside them. */
struct store_rule {
	struct prefix prefix;
	enum store_kind kind;
	enum store_action action;
	char origin[STORE_ORIGIN_MAX]; /* "operator" */
	char because[STORE_TEXT_MAX];  /* private; "" none */
	char saying[STORE_TEXT_MAX];   /* told to the refused; "" none */
	int64_t created_wall_s;
	uint64_t expires_boot_ns; /* 0 never; in this boot's time when read */
};

enum store_access { STORE_READ, STORE_WRITE };

struct store;

/*
 * dir is made (0700) for STORE_WRITE when missing. Errors say which file and what to do: -ENOENT (READ: no store yet),
 * -EACCES, -EROFS, -ENOSPC, -EBADMSG (corrupt), -EPROTO (a newer schema), -EIO.
 */
int store_open(struct store **out, const char *dir, enum store_access access, struct err *e);
/* The same, with another patience than STORE_PATIENCE_MS from the start: -EBUSY where it has to be migrated and somebody else is at it. */
int store_open_within(struct store **out, const char *dir, enum store_access access,
		      unsigned patience_ms, struct err *e);
void store_close(struct store *s); /* NULL is fine */
/* Which opening it is: no other store that this process opens has the number, not even one at the same address. From 1 on. */
uint32_t store_number(const struct store *s);

/*
 * The lock that orders changes of store and maps between processes (flock on DIR/lock; waits at most STORE_PATIENCE_MS, then -EBUSY).
 * Held around: change the store, commit, change the map.
 */
int store_lock(struct store *s, struct err *e);
/* Wait at most so long, for the lock and for other writers: for who has better things to do, and comes again. */
void store_set_patience(struct store *s, unsigned ms);
void store_unlock(struct store *s);

/* Many changes as one transaction. Each 0 or -errno; a change outside begin/commit commits by itself. */
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

/* Insert or replace (same prefix: a block replaces a block, allow and trust replace each other). */
int store_put_rule(struct store *s, const struct store_rule *rule, struct err *e);
/* 0 deleted, -ENOENT none such. kind ALLOW and TRUST match exactly. */
int store_delete_rule(struct store *s, enum store_kind kind, const struct prefix *p, struct err *e);
/* 0 and *out, or -ENOENT. Expired rules are not found. */
int store_get_rule(struct store *s, enum store_kind kind, const struct prefix *p,
		   struct store_rule *out, struct err *e);
/* All that are not expired, by kind, family, address, length. fn returns 0 to go on. Returns 0, fn's value, or -errno. */
int store_each_rule(struct store *s, int (*fn)(void *context, const struct store_rule *rule),
		    void *context, struct err *e);
/* Delete what has expired; how many in *count. */
int store_reap(struct store *s, unsigned *count, struct err *e);
/*
 * The wall clock was stepped, or a boot was found new: write wall and remaining times anew. store_open() for STORE_WRITE does so where it
 * is needed, and goes on without where somebody else writes or the disk is full: until then they are reckoned when they are read.
 */
int store_rebase(struct store *s, struct err *e);
/* Did it have, when it was opened, deadlines that are still to be written anew by store_rebase()? */
bool store_is_stale(const struct store *s);

/*
 * A number, never 0, that is another one when another process has changed the store since, or when it was opened anew: 0 or -errno. What
 * this very store has written does not change it.
 */
int store_get_version(struct store *s, int64_t *out, struct err *e);

/* Small named values (the mode and its deadline). get: -ENOENT when unset; put with NULL deletes. */
int store_get_value(struct store *s, const char *name, char *buffer, size_t size, struct err *e);
int store_put_value(struct store *s, const char *name, const char *value, struct err *e);

const char *store_kind_name(enum store_kind k);	    /* "block", "allow", "trust" */
const char *store_action_name(enum store_action a); /* "drop", "refuse", "reply", "none" */

#endif
