/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was decided automatically, with its evidence, and the journal of it. Verdicts are written in batches by the controller alone;
 * commands read them, and `forget` deletes. Deadlines are kept as those of rules are (store.h).
 */
#ifndef STORE_VERDICTS_H
#define STORE_VERDICTS_H

#include "store/store.h"

#define STORE_BY_MAX	   200	 /* the longest public name of a list */
#define STORE_ZONES_MAX	   4096	 /* public names, a blank before and behind each */
#define STORE_REASON_MAX   320	 /* a list's reason */
#define STORE_EVIDENCE_MAX 8192	 /* JSON */
#define STORE_PART_MAX	   20000 /* verdicts that go at once: a quarter of a second */

struct store_verdict {
	struct prefix prefix; /* what it holds for */
	struct addr addr;     /* who was asked about */
	bool listed;	      /* else clean */
	bool partial;	      /* an answer that was missing could have turned it */
	uint32_t classes;     /* bit per port class it holds for */
	int64_t score, threshold;
	const char *zones;    /* those it rests on: " zen.example list.example "; "" none */
	const char *by;	      /* the list that weighed most; "" none */
	const char *reason;   /* its reason, printable; "" none */
	const char *evidence; /* a JSON object of all answers */
	int64_t decided_wall_s;
	uint64_t expires_boot_ns;
};

/*
 * Insert or replace, as one transaction (or as a part of one that was begun). 0 or -errno: then nothing of it was written. -EINVAL: one of
 * them has no end, or a text over its bound.
 */
int store_put_verdicts(struct store *s, const struct store_verdict *list, size_t count,
		       struct err *e);
int store_delete_verdict(struct store *s, const struct prefix *p, struct err *e); /* -ENOENT */
/*
 * Every verdict whose zones have this name, or (zone NULL) every one. How many in *count. In parts, each a transaction of its own
 * unless one was begun, so that a command that waits for the store gets its turn.
 */
int store_delete_verdicts(struct store *s, const char *zone, bool listed_only, unsigned *count,
			  struct err *e);
/*
 * fn for each that has not expired; addr: only those whose prefix has the address, longest first; NULL: all. The texts are the store's
 * until fn returns. fn returns 0 to go on. 0, fn's value, or -errno.
 */
int store_each_verdict(struct store *s, const struct addr *addr,
		       int (*fn)(void *context, const struct store_verdict *v), void *context,
		       struct err *e);
/*
 * fn for the verdict on this very prefix, or else for one on a part of it; fn leaves the store alone. fn's value, or -errno: -ENOENT there is
 * none.
 */
int store_find_verdict(struct store *s, const struct prefix *p,
		       int (*fn)(void *context, const struct store_verdict *v), void *context,
		       struct err *e);
/* Delete what has expired, at most STORE_PART_MAX of them; how many. */
int store_reap_verdicts(struct store *s, unsigned *count, struct err *e);

/* ---- the journal ---- */

#define STORE_WHAT_MAX	   24  /* "listed", "taken back", "suspended", "cut", ... */
#define STORE_ENTRY_MAX	   512 /* a sentence */
#define STORE_JOURNAL_DAYS 30
#define STORE_JOURNAL_BYTES                                                                        \
	(100 << 20) /* of its own, without rules and verdicts; then the oldest go */

/* The name of the entries that `forget` makes: by them the controller learns of it. */
#define STORE_FORGOTTEN "forgotten"

struct store_entry {
	int64_t id; /* when read: later entries have greater ones */
	int64_t wall_s;
	char what[STORE_WHAT_MAX];
	struct prefix prefix;
	bool has_prefix; /* else it is about no address */
	char text[STORE_ENTRY_MAX];
};

/* Append, as one transaction. */
int store_write_journal(struct store *s, const struct store_entry *list, size_t count,
			struct err *e);
/* The latest first; addr: only those whose prefix has it, NULL: all. At most `most`. */
int store_each_entry(struct store *s, const struct addr *addr, unsigned most,
		     int (*fn)(void *context, const struct store_entry *entry), void *context,
		     struct err *e);
/* The id of the last one; 0: there is none. */
int store_last_entry(struct store *s, int64_t *id, struct err *e);
/* Those behind the entry `id` that have this name, the earliest first. */
int store_each_entry_behind(struct store *s, int64_t id, const char *what,
			    int (*fn)(void *context, const struct store_entry *entry),
			    void *context, struct err *e);
/* Drop what is older than STORE_JOURNAL_DAYS, and the oldest while there is more than STORE_JOURNAL_BYTES. How many. */
int store_trim_journal(struct store *s, unsigned *count, struct err *e);

#endif
