/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deadlines as rows have them (store.h), and the one function by which every statement reckons them: left_ns(), which SQLite
 * calls back.
 */
#include "store/inside.h"

#include <string.h>

/* Deadlines behind this are cut to it, so that no sum of a clock and a rest overflows. */
#define LEFT_MAX_NS (100LL * 365 * 86400 * (int64_t)NS_PER_S)
/* Wall deadlines that disagree with boot time by more were written before the clock was stepped. */
#define STEP_TOLERANCE_NS ((int64_t)NS_PER_S)

/* Without overflow. */
static int64_t add_ns(int64_t a, int64_t b)
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
}

/*
 * In the boot it was written in, boot time decides alone. In another one, whichever of the wall
 * clock and the bound ends first: the clock may have been set back or have stopped while the host
 * was off.
 */
static int64_t left_reckon(const struct store_now *now, const char *boot_id, int64_t boot_ns,
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
			     left_reckon(&s->now, id ? id : "", sqlite3_value_int64(argument[1]),
					 sqlite3_value_int64(argument[2]),
					 sqlite3_value_int64(argument[3])));
}

int deadline_register(struct store *s)
{
	return sqlite3_create_function_v2(s->db, "left_ns", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, s,
					  left_call, NULL, NULL, NULL);
}

static void deadline_put(const struct store *s, sqlite3_stmt *st, int first, int64_t until)
{
	int64_t left = left_reckon(&s->now, s->now.boot_id, until, 0, 0);

	sqlite3_bind_text(st, first, s->now.boot_id, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, first + 1, until);
	sqlite3_bind_int64(st, first + 2, add_ns(s->now.wall_ns, left));
	sqlite3_bind_int64(st, first + 3, left);
}

void deadline_bind(const struct store *s, sqlite3_stmt *st, int first, uint64_t expires_boot_ns)
{
	if (expires_boot_ns)
		deadline_put(s, st, first, (int64_t)expires_boot_ns);
}

void deadline_bind_wall(const struct store *s, sqlite3_stmt *st, int first, int64_t wall_s)
{
	int64_t wall_ns;

	if (__builtin_mul_overflow(wall_s, (int64_t)NS_PER_S, &wall_ns))
		wall_ns = wall_s < 0 ? INT64_MIN : INT64_MAX;
	deadline_put(s, st, first, add_ns(s->now.boot_ns, subtract_ns(wall_ns, s->now.wall_ns)));
}

bool deadline_read(const struct store *s, sqlite3_stmt *st, int column, uint64_t *expires_boot_ns)
{
	int64_t left;

	*expires_boot_ns = 0;
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return true;
	left = sqlite3_column_int64(st, column);
	if (left <= 0)
		return false;
	*expires_boot_ns = (uint64_t)add_ns(s->now.boot_ns, left);
	return true;
}

static int rebase_table(struct store *s, enum store_sql which, struct err *e)
{
	sqlite3_stmt *st;
	int code = statement_use(s, which, &st, e);

	if (code < 0)
		return code;
	sqlite3_bind_text(st, 1, s->now.boot_id, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, 2, s->now.boot_ns);
	sqlite3_bind_int64(st, 3, s->now.wall_ns);
	return statement_finish(s, st, NULL, e);
}

int store_rebase(struct store *s, struct err *e)
{
	bool own;
	int code = transaction_enter(s, &own, e);

	if (code < 0)
		return code;
	code = rebase_table(s, SQL_REBASE_RULES, e);
	if (code == 0)
		code = rebase_table(s, SQL_REBASE_VERDICTS, e);
	if (code == 0)
		code = rebase_table(s, SQL_REBASE_BANS, e);
	code = transaction_leave(s, own, code, e);
	if (code == 0 && own)
		s->is_stale = false;
	return code;
}

#define STALE(table)                                                                               \
	"SELECT 1 FROM " table " WHERE expires_boot_ns IS NOT NULL AND (boot_id <> ?1 "            \
	"OR abs(expires_wall_ns - expires_boot_ns - ?2) > ?3)"

static bool stale_find(struct store *s)
{
	sqlite3_stmt *st;
	bool stale;

	now_take(s);
	/*
	 * Of the verdicts, which may be a million, the first and the last are looked at: they are written by the controller alone,
	 * which writes all of them anew when the clock is stepped, so they agree but for what comes in between.
	 */
	if (statement_prepare(s,
			      STALE("rule") " UNION ALL " STALE("ban") " UNION ALL " STALE(
				      "verdict") " AND id IN ((SELECT min(id) FROM verdict), "
						 "(SELECT max(id) FROM verdict)) LIMIT 1",
			      &st, NULL) < 0)
		return false;
	sqlite3_bind_text(st, 1, s->now.boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, add_ns(s->now.wall_ns, -s->now.boot_ns));
	sqlite3_bind_int64(st, 3, STEP_TOLERANCE_NS);
	stale = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_finalize(st);
	return stale;
}

void deadlines_renew(struct store *s)
{
	s->is_stale = stale_find(s);
	if (s->is_stale)
		(void)store_rebase(s, NULL);
}

bool store_is_stale(const struct store *s)
{
	return s->is_stale;
}
