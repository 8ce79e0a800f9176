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
#include "store/bans.h"
#include "store/verdicts.h"

/* The clocks deadlines are kept by. Tests put their own here, to play a reboot or a step. */
struct store_clock {
	uint64_t (*boot_ns)(void);
	int64_t (*wall_ns)(void);
	const char *(*boot_id)(char buffer[static BOOT_ID_MAX]);
};

/* store_open by other clocks; clock must outlive the store. */
int store_open_by(struct store **out, const char *dir, enum store_access access,
		  const struct store_clock *clock, unsigned patience_ms, struct err *e);

enum store_sql {
	SQL_PUT_RULE,
	SQL_DELETE_RULE,
	SQL_GET_RULE,
	SQL_REAP_RULES,
	SQL_REBASE_RULES,
	SQL_GET_VALUE,
	SQL_PUT_VALUE,
	SQL_DELETE_VALUE,
	SQL_PUT_VERDICT,
	SQL_DELETE_VERDICT,
	SQL_FIND_VERDICT,
	SQL_NEXT_VERDICT,
	SQL_DELETE_VERDICTS,
	SQL_REAP_VERDICTS,
	SQL_REBASE_VERDICTS,
	SQL_PUT_ENTRY,
	SQL_LAST_ENTRY,
	SQL_TRIM_ENTRIES,
	SQL_PUT_SENDER,
	SQL_TRIM_SENDERS,
	SQL_PUT_REFUSAL,
	SQL_ADD_HOUR,
	SQL_PUT_BAN,
	SQL_GET_BAN,
	SQL_DELETE_BAN,
	SQL_REAP_BANS,
	SQL_REBASE_BANS,
	SQL_COUNT,
};

/* One instant by both clocks, taken once a statement so that all its rows agree. */
struct store_now {
	int64_t boot_ns;
	int64_t wall_ns;
	char boot_id[BOOT_ID_MAX]; /* no process outlives it: read when the store is opened */
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statement[SQL_COUNT]; /* prepared when first used */
	const struct store_clock *clock;
	uint32_t number;
	struct store_now now;
	enum store_access access;
	bool in_transaction; /* between store_begin and store_commit */
	bool is_stale;	     /* see store_is_stale(): whoever looks reads all rules and bans */
	int fault;	     /* SQLite's code of the last fault_set */
	int lock_fd;	     /* -1: never locked */
	unsigned patience_ms;
	char dir[PATH_MAX];
	char path[PATH_MAX]; /* of the database */
};

/* ---- schema.c ---- */

/* Is it a store, and of this schema? Makes or migrates it (STORE_WRITE). */
int schema_check(struct store *s, struct err *e);

/* ---- store.c ---- */

/*
 * A group of changes that is whole or not at all: a transaction of its own, or a part of the one that store_begin() began. Ends
 * with transaction_leave(), which takes back what was done when code is negative. 0 or -errno.
 */
int transaction_enter(struct store *s, bool *own, struct err *e);
int transaction_leave(struct store *s, bool own, int code, struct err *e);

/* ---- statement.c ---- */

/* The cached statement, reset and without bindings, and a fresh instant for left_ns(). 0 or -errno.
 */
int statement_use(struct store *s, enum store_sql which, sqlite3_stmt **out, struct err *e);
/* One not cached, for a walk whose callback may use the store. Finalized by the caller. */
int statement_prepare(struct store *s, const char *sql, sqlite3_stmt **out, struct err *e);
/* A change: to its end, and reset. *count, unless NULL: rows that changed. 0 or -errno. */
int statement_finish(struct store *s, sqlite3_stmt *st, unsigned *count, struct err *e);
/* Refuses changes by a reader, and after SQLite itself has rolled a transaction back. */
int statement_may_change(struct store *s, struct err *e);
/* sqlite3_exec of fixed text. */
int statement_exec(struct store *s, const char *sql, struct err *e);
/* The first column of the first row. */
int statement_number(struct store *s, const char *sql, int64_t *out, struct err *e);

/* ---- deadline.c: the columns boot_id, expires_boot_ns, expires_wall_ns, remaining_ns ---- */

#define LEFT_NS "left_ns(boot_id, expires_boot_ns, expires_wall_ns, remaining_ns)"

/* Take the instant that left_ns() and the walks go by. */
void now_take(struct store *s);
/* Registers left_ns(), the nanoseconds until a deadline as it is stored, with SQLite. */
int deadline_register(struct store *s);
/* Binds the four columns to the parameters from `first`; nothing for 0, never. After statement_use(). */
void deadline_bind(const struct store *s, sqlite3_stmt *st, int first, uint64_t expires_boot_ns);
/* Likewise a moment of the wall clock, which may lie before this boot. */
void deadline_bind_wall(const struct store *s, sqlite3_stmt *st, int first, int64_t wall_s);
/* A column of left_ns() as boot time, 0 never. False: it has passed. */
bool deadline_read(const struct store *s, sqlite3_stmt *st, int column, uint64_t *expires_boot_ns);
/*
 * Deadlines of an earlier boot, or of before a step of the wall clock that nobody was running to
 * see, are written anew by whoever opens the store first.
 */
void deadlines_renew(struct store *s);

/* ---- row.c: what rows of all tables have in common ---- */

/* Is it a prefix as prefix_of() makes them? 0 or -EINVAL. */
int row_check_prefix(const struct prefix *p, struct err *e);
/* Does what is to be stored as a text end within its bytes? */
bool row_text_ends(const char *text, size_t size);
void row_bind_addr(sqlite3_stmt *st, int parameter, const struct addr *a);
void row_bind_text(sqlite3_stmt *st, int parameter, const char *text);
/* False: the column holds no such thing. */
bool row_read_addr(sqlite3_stmt *st, int column, struct addr *out);
bool row_read_prefix(sqlite3_stmt *st, int addr_column, int bits_column, struct prefix *out);
/* A text without a 0 inside, shorter than size; SQLite's until the next step. NULL: no such thing. */
const char *row_text(sqlite3_stmt *st, int column, size_t size);
bool row_read_text(sqlite3_stmt *st, int column, char *out, size_t size);
/* Registers cut(addr, bits), an address without the bits behind a length, with SQLite. */
int row_register(struct store *s);

/* What verdicts.c reads, in the order of its enum verdict_column. */
#define VERDICT_COLUMNS                                                                            \
	"addr, bits, asked, listed, partial, classes, score, threshold, zones, by_zone, reason, "  \
	"evidence, decided_wall_s, " LEFT_NS

/* Likewise of refusals.c, whose parameters have the same order. */
#define REFUSAL_COLUMNS                                                                            \
	"id, addr, reason, class, action, acted, detail, says, first_wall_s, last_wall_s, "        \
	"connections"

/*
 * The rows of a table whose prefix has an address, each found by an index on (addr, bits): one look for each length that a prefix of
 * the family of ?1 can have (?2: the least).
 */
#define ROWS_WITH_ADDR(columns, table)                                                             \
	"WITH RECURSIVE length(n) AS (VALUES (128) UNION ALL SELECT n - 1 FROM length WHERE n > "  \
	"?2) SELECT " columns " FROM length CROSS JOIN " table " ON addr = cut(?1, n) AND bits = " \
	"n "

/*
 * A walk: each row of a statement goes to row(), until that returns another value than 0. What row() calls may use the store. addr binds
 * ?1 and ?2 of ROWS_WITH_ADDR, NULL nothing; number binds ?3, text ?4 (NULL nothing).
 */
struct row_walk {
	const char *sql;
	const struct addr *addr;
	int64_t number;
	const char *text;
	int (*row)(const struct row_walk *w, struct store *s, sqlite3_stmt *st, struct err *e);
	union { /* whom row() tells */
		int (*rule)(void *context, const struct store_rule *rule);
		int (*verdict)(void *context, const struct store_verdict *verdict);
		int (*entry)(void *context, const struct store_entry *entry);
		int (*ban)(void *context, const struct store_ban *ban);
	} fn;
	void *context;
};
/* 0, row()'s value, or -errno. */
int row_each(struct store *s, const struct row_walk *w, struct err *e);
/*
 * The end of any walk: st is finalized. step: SQLite's last word; code: what who was told of the rows said, or a fault of ours. 0,
 * that code, or -errno for what SQLite says.
 */
int row_walk_end(struct store *s, sqlite3_stmt *st, int step, int code, struct err *e);
/* Rows of one kind, of so many bytes each, put as one transaction (or as a part of one that was begun). 0 or -errno: then nothing of it was written. */
int rows_put(struct store *s, const void *list, size_t count, size_t size,
	     int (*put)(struct store *s, const void *row, struct err *e), struct err *e);

/* ---- fault.c ---- */

/* What SQLite reported last as -errno and sentence. what: "cannot open the store". */
int fault_set(struct store *s, int sqlite_code, const char *what, struct err *e);
/* A file that is there but is no good store. */
int fault_corrupt(const struct store *s, const char *why, struct err *e);

#endif
