/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside user/store only (and its tests, which play other clocks): the open store, its statements,
 * its faults.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <limits.h>
#include <sqlite3.h>

#include "base/when.h"
#include "store/store.h"

/* The clocks deadlines are kept by. Tests put their own here, to play a reboot or a step. */
struct store_clock {
	uint64_t (*boot_ns)(void);
	int64_t (*wall_ns)(void);
	const char *(*boot_id)(char buffer[static BOOT_ID_MAX]);
};

/* store_open by other clocks; clock must outlive the store. */
int store_open_by(struct store **out, const char *dir, enum store_access access,
		  const struct store_clock *clock, struct err *e);

enum store_sql {
	SQL_PUT_RULE,
	SQL_DELETE_RULE,
	SQL_GET_RULE,
	SQL_REAP,
	SQL_REBASE,
	SQL_GET_VALUE,
	SQL_PUT_VALUE,
	SQL_DELETE_VALUE,
	SQL_COUNT,
};

/* One instant by both clocks, taken once a statement so that all its rows agree. */
struct store_now {
	int64_t boot_ns;
	int64_t wall_ns;
	char boot_id[BOOT_ID_MAX];
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statement[SQL_COUNT]; /* prepared when first used */
	const struct store_clock *clock;
	struct store_now now;
	enum store_access access;
	bool in_transaction; /* between store_begin and store_commit */
	int fault;	     /* SQLite's code of the last fault_set */
	int lock_fd;	     /* -1: never locked */
	char dir[PATH_MAX];
	char path[PATH_MAX]; /* of the database */
};

/* ---- schema.c ---- */

/* Is it a store, and of this schema? Makes or migrates it (STORE_WRITE). */
int schema_check(struct store *s, struct err *e);

/* ---- statement.c ---- */

/* The cached statement, reset and without bindings, and a fresh instant for left_ns(). 0 or -errno.
 */
int statement_use(struct store *s, enum store_sql which, sqlite3_stmt **out, struct err *e);
/* One not cached, for a walk whose callback may use the store. Finalized by the caller. */
int statement_prepare(struct store *s, const char *sql, sqlite3_stmt **out, struct err *e);
/* Refuses changes by a reader, and after SQLite itself has rolled a transaction back. */
int statement_may_change(struct store *s, struct err *e);
/* sqlite3_exec of fixed text. */
int statement_exec(struct store *s, const char *sql, struct err *e);
/* The first column of the first row. */
int statement_number(struct store *s, const char *sql, int64_t *out, struct err *e);
/* Take the instant that left_ns() and the walks go by. */
void now_take(struct store *s);
/* Registers left_ns(boot_id, expires_boot_ns, expires_wall_ns, remaining_ns) with SQLite. */
int now_register(struct store *s);
/* Nanoseconds until a deadline as it is stored; 0 or less: it has passed. */
int64_t now_left_ns(const struct store_now *now, const char *boot_id, int64_t boot_ns,
		    int64_t wall_ns, int64_t remaining_ns);
/* wall + left without overflow, and the same for boot time. */
int64_t now_add_ns(int64_t a, int64_t b);

/* ---- fault.c ---- */

/* What SQLite reported last as -errno and sentence. what: "cannot open the store". */
int fault_set(struct store *s, int sqlite_code, const char *what, struct err *e);
/* A file that is there but is no good store. */
int fault_corrupt(const struct store *s, const char *why, struct err *e);

#endif
