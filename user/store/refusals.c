/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusals and hours as rows. The file may have been edited: what is read is held to its bounds again. */
#include "store/refusals.h"

#include <errno.h>

#include "base/when.h"
#include "store/inside.h"

/* In the order of REFUSAL_COLUMNS; parameters count from 1. */
enum refusal_column {
	COL_ID,
	COL_ADDR,
	COL_REASON,
	COL_CLASS,
	COL_ACTION,
	COL_ACTED,
	COL_DETAIL,
	COL_SAYS,
	COL_FIRST,
	COL_LAST,
	COL_CONNECTIONS,
};

static int refusal_check(const struct store_refusal *r, struct err *e)
{
	if (r->id > 0 && r->reason[0] && row_text_ends(r->reason, sizeof(r->reason)) &&
	    row_text_ends(r->action, sizeof(r->action)) &&
	    row_text_ends(r->detail, sizeof(r->detail)) &&
	    row_text_ends(r->says, sizeof(r->says)) && r->first_wall_s <= r->last_wall_s &&
	    r->connections <= INT64_MAX)
		return 0;
	return err_set(e, -EINVAL, "a refusal without a reason, an order or an end of its texts");
}

static int refusal_put(struct store *s, const void *row, struct err *e)
{
	const struct store_refusal *r = row;
	sqlite3_stmt *st = NULL;
	int code = refusal_check(r, e);

	if (code == 0)
		code = statement_use(s, SQL_PUT_REFUSAL, &st, e);
	if (code < 0)
		return code;
	sqlite3_bind_int64(st, COL_ID + 1, r->id);
	row_bind_addr(st, COL_ADDR + 1, &r->addr);
	row_bind_text(st, COL_REASON + 1, r->reason);
	sqlite3_bind_int64(st, COL_CLASS + 1, r->class_);
	row_bind_text(st, COL_ACTION + 1, r->action);
	sqlite3_bind_int(st, COL_ACTED + 1, r->acted);
	row_bind_text(st, COL_DETAIL + 1, r->detail);
	row_bind_text(st, COL_SAYS + 1, r->says);
	sqlite3_bind_int64(st, COL_FIRST + 1, r->first_wall_s);
	sqlite3_bind_int64(st, COL_LAST + 1, r->last_wall_s);
	sqlite3_bind_int64(st, COL_CONNECTIONS + 1, (int64_t)r->connections);
	return statement_finish(s, st, NULL, e);
}

int store_put_refusals(struct store *s, const struct store_refusal *list, size_t count,
		       struct err *e)
{
	return rows_put(s, list, count, sizeof(*list), refusal_put, e);
}

int store_next_refusal(struct store *s, int64_t *id, struct err *e)
{
	int code = statement_number(s, "SELECT coalesce(max(id), 0) + 1 FROM refusal", id, e);

	if (code == 0 && *id < 1)
		return fault_corrupt(s, "its refusals have no order", e);
	return code;
}

static int refusal_read(struct store *s, sqlite3_stmt *st, struct store_refusal *r, struct err *e)
{
	int64_t connections = sqlite3_column_int64(st, COL_CONNECTIONS);

	*r = (struct store_refusal){
		.id = sqlite3_column_int64(st, COL_ID),
		.class_ = (uint32_t)sqlite3_column_int64(st, COL_CLASS),
		.acted = sqlite3_column_int(st, COL_ACTED) != 0,
		.first_wall_s = sqlite3_column_int64(st, COL_FIRST),
		.last_wall_s = sqlite3_column_int64(st, COL_LAST),
		.connections = connections < 0 ? 0 : (uint64_t)connections,
	};
	if (row_read_addr(st, COL_ADDR, &r->addr) &&
	    row_read_text(st, COL_REASON, r->reason, sizeof(r->reason)) &&
	    row_read_text(st, COL_ACTION, r->action, sizeof(r->action)) &&
	    row_read_text(st, COL_DETAIL, r->detail, sizeof(r->detail)) &&
	    row_read_text(st, COL_SAYS, r->says, sizeof(r->says)) && refusal_check(r, NULL) == 0)
		return 0;
	return fault_corrupt(s, "a refusal in it makes no sense", e);
}

int store_each_refusal(struct store *s, int64_t since_wall_s,
		       int (*fn)(void *context, const struct store_refusal *r), void *context,
		       struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct store_refusal r;
	int step = SQLITE_DONE;
	int code = statement_prepare(s,
				     "SELECT " REFUSAL_COLUMNS " FROM refusal "
				     "WHERE last_wall_s >= ?1 ORDER BY addr, first_wall_s, id",
				     &st, e);

	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, since_wall_s);
	while (code == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		code = refusal_read(s, st, &r, e);
		if (code == 0)
			code = fn(context, &r);
	}
	return row_walk_end(s, st, step, code, e);
}

/* ---- hours ---- */

static int hour_add(struct store *s, const void *row, struct err *e)
{
	const struct store_hour *h = row;
	sqlite3_stmt *st = NULL;
	int code;

	if (!h->reason[0] || !row_text_ends(h->reason, sizeof(h->reason)) ||
	    h->packets > INT64_MAX || h->would > INT64_MAX)
		return err_set(e, -EINVAL, "an hour's count without a reason, or too large");
	code = statement_use(s, SQL_ADD_HOUR, &st, e);
	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, h->wall_s - h->wall_s % STORE_HOUR_S);
	row_bind_text(st, 2, h->reason);
	sqlite3_bind_int64(st, 3, h->class_);
	sqlite3_bind_int64(st, 4, (int64_t)h->packets);
	sqlite3_bind_int64(st, 5, (int64_t)h->would);
	return statement_finish(s, st, NULL, e);
}

int store_add_hours(struct store *s, const struct store_hour *list, size_t count, struct err *e)
{
	return rows_put(s, list, count, sizeof(*list), hour_add, e);
}

int store_each_hour(struct store *s, int64_t since_wall_s,
		    int (*fn)(void *context, const struct store_hour *h), void *context,
		    struct err *e)
{
	sqlite3_stmt *st = NULL;
	int step = SQLITE_DONE;
	int code = statement_prepare(s,
				     "SELECT wall_s, reason, class, packets, would FROM hour "
				     "WHERE wall_s >= ?1 ORDER BY wall_s, reason, class",
				     &st, e);

	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, since_wall_s - since_wall_s % STORE_HOUR_S);
	while (code == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t packets = sqlite3_column_int64(st, 3), would = sqlite3_column_int64(st, 4);
		struct store_hour h = {
			.wall_s = sqlite3_column_int64(st, 0),
			.class_ = (uint32_t)sqlite3_column_int64(st, 2),
			.packets = packets < 0 ? 0 : (uint64_t)packets,
			.would = would < 0 ? 0 : (uint64_t)would,
		};

		if (!row_read_text(st, 1, h.reason, sizeof(h.reason)))
			code = fault_corrupt(s, "a count of an hour in it makes no sense", e);
		else
			code = fn(context, &h);
	}
	return row_walk_end(s, st, step, code, e);
}

/* ---- the bounds ---- */

static int rows_drop(struct store *s, const char *sql, int64_t first, int64_t second,
		     unsigned *count, struct err *e)
{
	sqlite3_stmt *st = NULL;
	unsigned gone = 0;
	int code = statement_prepare(s, sql, &st, e);

	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, first);
	sqlite3_bind_int64(st, 2, second);
	code = statement_finish(s, st, &gone, e);
	sqlite3_finalize(st);
	*count += gone;
	return code;
}

int store_trim_refusals(struct store *s, unsigned *count, struct err *e)
{
	int64_t next = 0, oldest_s;
	int code = statement_may_change(s, e);

	*count = 0;
	if (code == 0)
		code = store_next_refusal(s, &next, e);
	if (code < 0)
		return code;
	now_take(s);
	oldest_s = s->now.wall_ns / (int64_t)NS_PER_S - (int64_t)STORE_REFUSAL_DAYS * DAY_S;
	/* Ids grow by one with each row: those below the last so many are too many. */
	code = rows_drop(s, "DELETE FROM refusal WHERE id < ?1 OR last_wall_s < ?2",
			 next - STORE_REFUSALS_MAX, oldest_s, count, e);
	if (code == 0)
		code = rows_drop(s, "DELETE FROM hour WHERE wall_s < ?1 AND ?2 = 0", oldest_s, 0,
				 count, e);
	return code;
}
