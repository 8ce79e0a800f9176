/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who delivers mail: see senders.h. A source costs one row however much it sends. Lines of a log come late and in any order (two files, a
 * rotation), so the first and the last time are the least and the greatest, and a name is taken from the latest that had one.
 */
#include "store/senders.h"

#include <errno.h>

#include "base/when.h"
#include "store/inside.h"
#include "store/verdicts.h"

#define ROW "addr, host, first_wall_s, last_wall_s, messages, recipients"

enum sender_column { COL_ADDR, COL_HOST, COL_FIRST, COL_LAST, COL_MESSAGES, COL_RECIPIENTS };
enum sender_parameter { PAR_ADDR = 1, PAR_HOST, PAR_WALL, PAR_RECIPIENTS };

static int delivery_put(struct store *s, const void *row, struct err *e)
{
	const struct store_delivery *d = row;
	sqlite3_stmt *st = NULL;
	int code;

	if (!row_text_ends(d->host, sizeof(d->host)) || d->wall_s < 0)
		return err_set(e, -EINVAL, "a delivery with a name too long, or before 1970");
	code = statement_use(s, SQL_PUT_SENDER, &st, e);
	if (code < 0)
		return code;
	row_bind_addr(st, PAR_ADDR, &d->addr);
	row_bind_text(st, PAR_HOST, d->host);
	sqlite3_bind_int64(st, PAR_WALL, d->wall_s);
	sqlite3_bind_int64(st, PAR_RECIPIENTS, d->recipients);
	return statement_finish(s, st, NULL, e);
}

int store_put_deliveries(struct store *s, const struct store_delivery *list, size_t count,
			 struct err *e)
{
	return rows_put(s, list, count, sizeof(*list), delivery_put, e);
}

static int sender_read(struct store *s, sqlite3_stmt *st, struct store_sender *out, struct err *e)
{
	int64_t messages = sqlite3_column_int64(st, COL_MESSAGES);
	int64_t recipients = sqlite3_column_int64(st, COL_RECIPIENTS);

	*out = (struct store_sender){.first_wall_s = sqlite3_column_int64(st, COL_FIRST),
				     .last_wall_s = sqlite3_column_int64(st, COL_LAST),
				     .messages = (uint64_t)messages,
				     .recipients = (uint64_t)recipients};
	if (messages > 0 && recipients >= 0 && out->first_wall_s <= out->last_wall_s &&
	    row_read_addr(st, COL_ADDR, &out->addr) &&
	    row_read_text(st, COL_HOST, out->host, sizeof(out->host)))
		return 0;
	return fault_corrupt(s, "a sender in it makes no sense", e);
}

/* A walk of its own: what fn calls may use the store, and these parameters are no other walk's. */
int store_each_sender(struct store *s, const struct prefix *inside, int64_t since_wall_s,
		      int (*fn)(void *context, const struct store_sender *sender), void *context,
		      struct err *e)
{
	const struct prefix all = {0};
	const struct prefix *within = inside ? inside : &all;
	struct addr last = prefix_last(within);
	struct store_sender sender;
	sqlite3_stmt *st = NULL;
	int code = row_check_prefix(within, e), step = SQLITE_DONE;

	if (code == 0)
		code = statement_prepare(
			s,
			"SELECT " ROW " FROM sender WHERE addr BETWEEN ?1 AND ?2 AND "
			"last_wall_s >= ?3 ORDER BY messages DESC, last_wall_s DESC, addr",
			&st, e);
	if (code < 0)
		return code;
	row_bind_addr(st, 1, &within->addr);
	row_bind_addr(st, 2, &last);
	sqlite3_bind_int64(st, 3, since_wall_s);
	while (code == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		code = sender_read(s, st, &sender, e);
		/* Mapped IPv4 lies inside short IPv6 prefixes, and is none of theirs. */
		if (code == 0 && (!inside || prefix_has(inside, &sender.addr)))
			code = fn(context, &sender);
	}
	return row_walk_end(s, st, step, code, e);
}

int store_trim_senders(struct store *s, unsigned *count, struct err *e)
{
	int code = statement_may_change(s, e);
	sqlite3_stmt *st = NULL;

	*count = 0;
	if (code == 0)
		code = statement_use(s, SQL_TRIM_SENDERS, &st, e);
	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1,
			   s->now.wall_ns / (int64_t)NS_PER_S - (int64_t)STORE_SENDER_DAYS * DAY_S);
	return statement_finish(s, st, count, e);
}
