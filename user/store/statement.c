/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The statements, each prepared once, and the one function by which every one of them reckons
 * deadlines: left_ns(), which SQLite calls back.
 */
#include "store/inside.h"

#include <errno.h>
#include <string.h>

/* Deadlines behind this are cut to it, so that no sum of a clock and a rest overflows. */
#define LEFT_MAX_NS (100LL * 365 * 86400 * (int64_t)NS_PER_S)

#define LEFT	  "left_ns(boot_id, expires_boot_ns, expires_wall_ns, remaining_ns)"
#define THIS_RULE "kind = ?1 AND family = ?2 AND addr = ?3 AND bits = ?4"

static const char *const sql_texts[SQL_COUNT] = {
	[SQL_PUT_RULE] =
		"INSERT OR REPLACE INTO rule (kind, family, addr, bits, action, origin, because, "
		"saying, created_wall_s, boot_id, expires_boot_ns, expires_wall_ns, remaining_ns) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[SQL_DELETE_RULE] = "DELETE FROM rule WHERE " THIS_RULE " RETURNING " LEFT,
	[SQL_GET_RULE] =
		"SELECT kind, addr, bits, action, origin, because, saying, created_wall_s, " LEFT
		" FROM rule WHERE " THIS_RULE,
	[SQL_REAP] = "DELETE FROM rule WHERE expires_boot_ns IS NOT NULL AND " LEFT " <= 0",
	[SQL_REBASE] = "UPDATE rule SET boot_id = ?1, expires_boot_ns = ?2 + " LEFT
		       ", expires_wall_ns = ?3 + " LEFT ", remaining_ns = " LEFT
		       " WHERE expires_boot_ns IS NOT NULL",
	[SQL_GET_VALUE] = "SELECT value FROM value WHERE name = ?1",
	[SQL_PUT_VALUE] = "INSERT OR REPLACE INTO value (name, value) VALUES (?1, ?2)",
	[SQL_DELETE_VALUE] = "DELETE FROM value WHERE name = ?1",
};

int statement_prepare(struct store *s, const char *sql, sqlite3_stmt **out, struct err *e)
{
	int code = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);

	return code == SQLITE_OK ? 0 : fault_set(s, code, "cannot use the store", e);
}

int statement_use(struct store *s, enum store_sql which, sqlite3_stmt **out, struct err *e)
{
	sqlite3_stmt **st = &s->statement[which];
	int code = *st ? 0 : statement_prepare(s, sql_texts[which], st, e);

	if (code < 0)
		return code;
	now_take(s);
	sqlite3_reset(*st);
	sqlite3_clear_bindings(*st);
	*out = *st;
	return 0;
}

int statement_may_change(struct store *s, struct err *e)
{
	if (s->access != STORE_WRITE)
		return err_set(e, -EBADF, "the store %s was opened for reading only", s->path);
	/*
	 * On some errors SQLite rolls a transaction back by itself. A change after that would
	 * commit alone, as a part of what was meant to be whole.
	 */
	if (s->in_transaction && sqlite3_get_autocommit(s->db))
		return err_set(e, -ECANCELED,
			       "the changes to the store %s were taken back after an earlier error",
			       s->path);
	return 0;
}

int statement_exec(struct store *s, const char *sql, struct err *e)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fault_set(s, code, "cannot use the store", e);
}

int statement_number(struct store *s, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *st;
	int code = statement_prepare(s, sql, &st, e);

	if (code < 0)
		return code;
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		code = 0;
	} else {
		code = code == SQLITE_DONE ? fault_corrupt(s, "an empty answer", e)
					   : fault_set(s, code, "cannot read the store", e);
	}
	sqlite3_finalize(st);
	return code;
}

/* ---- deadlines ---- */

int64_t now_add_ns(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static int64_t subtract_ns(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return difference;
}

void now_take(struct store *s)
{
	s->now.boot_ns = (int64_t)s->clock->boot_ns();
	s->now.wall_ns = s->clock->wall_ns();
	s->clock->boot_id(s->now.boot_id);
}

/*
 * In the boot it was written in, boot time decides alone. In another one, whichever of the wall
 * clock and the bound ends first: the clock may have been set back or have stopped while the host
 * was off.
 */
int64_t now_left_ns(const struct store_now *now, const char *boot_id, int64_t boot_ns,
		    int64_t wall_ns, int64_t remaining_ns)
{
	int64_t left;

	/* A boot without an id could be any. */
	if (*boot_id && strcmp(boot_id, now->boot_id) == 0) {
		left = subtract_ns(boot_ns, now->boot_ns);
	} else {
		left = subtract_ns(wall_ns, now->wall_ns);
		if (left > remaining_ns)
			left = remaining_ns;
	}
	if (left > LEFT_MAX_NS)
		return LEFT_MAX_NS;
	return left < -LEFT_MAX_NS ? -LEFT_MAX_NS : left;
}

static void left_call(sqlite3_context *call, int count, sqlite3_value **argument)
{
	const struct store *s = sqlite3_user_data(call);
	const char *id = (const char *)sqlite3_value_text(argument[0]);

	(void)count;
	if (sqlite3_value_type(argument[1]) == SQLITE_NULL) {
		sqlite3_result_null(call); /* never */
		return;
	}
	sqlite3_result_int64(call,
			     now_left_ns(&s->now, id ? id : "", sqlite3_value_int64(argument[1]),
					 sqlite3_value_int64(argument[2]),
					 sqlite3_value_int64(argument[3])));
}

int now_register(struct store *s)
{
	return sqlite3_create_function_v2(s->db, "left_ns", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, s,
					  left_call, NULL, NULL, NULL);
}
