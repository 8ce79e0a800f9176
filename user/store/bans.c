/* SPDX-License-Identifier: BSD-2-Clause */
/* Bans as rows: see bans.h. Every field that is read is held to its bounds again: the file may have been edited. */
#include "store/bans.h"

#include <errno.h>

#include "store/inside.h"

#define COLUMNS "addr, bits, level, offences, reason, last_wall_s, " LEFT_NS ", remaining_ns > 0"

enum ban_column {
	COL_ADDR,
	COL_BITS,
	COL_LEVEL,
	COL_OFFENCES,
	COL_REASON,
	COL_LAST,
	COL_LEFT,
	COL_GOES_ON
};
/* Of SQL_PUT_BAN; the first two, of the others too. */
enum ban_parameter {
	PAR_ADDR = 1,
	PAR_BITS,
	PAR_LEVEL,
	PAR_OFFENCES,
	PAR_REASON,
	PAR_LAST,
	PAR_DEADLINE, /* four of them */
};

static int ban_put(struct store *s, const void *row, struct err *e)
{
	const struct store_ban *b = row;
	int code = row_check_prefix(&b->prefix, e);
	sqlite3_stmt *st = NULL;

	if (code == 0 && !row_text_ends(b->reason, sizeof(b->reason)))
		code = err_set(e, -EINVAL, "the reason of a ban is too long");
	if (code == 0)
		code = statement_use(s, SQL_PUT_BAN, &st, e);
	if (code < 0)
		return code;
	row_bind_addr(st, PAR_ADDR, &b->prefix.addr);
	sqlite3_bind_int(st, PAR_BITS, b->prefix.bits);
	sqlite3_bind_int64(st, PAR_LEVEL, b->level);
	sqlite3_bind_int64(st, PAR_OFFENCES, b->offences);
	row_bind_text(st, PAR_REASON, b->reason);
	sqlite3_bind_int64(st, PAR_LAST, b->last_wall_s);
	if (!b->expires_boot_ns && b->until_wall_s)
		deadline_bind_wall(s, st, PAR_DEADLINE, b->until_wall_s);
	else
		deadline_bind(s, st, PAR_DEADLINE, b->expires_boot_ns);
	return statement_finish(s, st, NULL, e);
}

int store_put_bans(struct store *s, const struct store_ban *list, size_t count, struct err *e)
{
	return rows_put(s, list, count, sizeof(*list), ban_put, e);
}

static int ban_read(struct store *s, sqlite3_stmt *st, struct store_ban *out, struct err *e)
{
	int64_t level = sqlite3_column_int64(st, COL_LEVEL);
	int64_t offences = sqlite3_column_int64(st, COL_OFFENCES);

	*out = (struct store_ban){.level = (uint32_t)level,
				  .offences = (uint32_t)offences,
				  .last_wall_s = sqlite3_column_int64(st, COL_LAST),
				  .goes_on = sqlite3_column_int(st, COL_GOES_ON)};
	out->until_wall_s = out->last_wall_s;
	if (sqlite3_column_type(st, COL_LEFT) != SQLITE_NULL)
		out->until_wall_s =
			(s->now.wall_ns + sqlite3_column_int64(st, COL_LEFT)) / (int64_t)NS_PER_S;
	(void)deadline_read(s, st, COL_LEFT, &out->expires_boot_ns);
	if (level >= 0 && level <= UINT32_MAX && offences >= 0 && offences <= UINT32_MAX &&
	    row_read_prefix(st, COL_ADDR, COL_BITS, &out->prefix) &&
	    row_read_text(st, COL_REASON, out->reason, sizeof(out->reason)))
		return 0;
	return fault_corrupt(s, "a ban in it makes no sense", e);
}

static int ban_tell(const struct row_walk *w, struct store *s, sqlite3_stmt *st, struct err *e)
{
	struct store_ban ban;
	int code = ban_read(s, st, &ban, e);

	return code ? code : w->fn.ban(w->context, &ban);
}

int store_get_ban(struct store *s, const struct prefix *p, struct store_ban *out, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = statement_use(s, SQL_GET_BAN, &st, e);

	if (code < 0)
		return code;
	row_bind_addr(st, PAR_ADDR, &p->addr);
	sqlite3_bind_int(st, PAR_BITS, p->bits);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		code = ban_read(s, st, out, e);
	else
		code = code == SQLITE_DONE ? err_set(e, -ENOENT, "there is no such ban")
					   : fault_set(s, code, "cannot read the store", e);
	sqlite3_reset(st);
	return code;
}

int store_delete_ban(struct store *s, const struct prefix *p, struct err *e)
{
	int code = statement_may_change(s, e);
	sqlite3_stmt *st = NULL;
	unsigned count = 0;

	if (code == 0)
		code = statement_use(s, SQL_DELETE_BAN, &st, e);
	if (code < 0)
		return code;
	row_bind_addr(st, PAR_ADDR, &p->addr);
	sqlite3_bind_int(st, PAR_BITS, p->bits);
	code = statement_finish(s, st, &count, e);
	return code || count ? code : err_set(e, -ENOENT, "there is no such ban");
}

int store_each_ban(struct store *s, const struct addr *addr,
		   int (*fn)(void *context, const struct store_ban *ban), void *context,
		   struct err *e)
{
	const struct row_walk walk = {
		.sql = addr ? ROWS_WITH_ADDR(COLUMNS, "ban") "ORDER BY n DESC"
			    : "SELECT " COLUMNS " FROM ban",
		.addr = addr,
		.row = ban_tell,
		.fn.ban = fn,
		.context = context,
	};

	return row_each(s, &walk, e);
}

int store_reap_bans(struct store *s, int64_t before_wall_s, unsigned *count, struct err *e)
{
	int code = statement_may_change(s, e);
	sqlite3_stmt *st = NULL;

	*count = 0;
	if (code == 0)
		code = statement_use(s, SQL_REAP_BANS, &st, e);
	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, before_wall_s);
	sqlite3_bind_int64(st, 2, s->now.wall_ns);
	sqlite3_bind_int64(st, 3, (int64_t)NS_PER_S);
	return statement_finish(s, st, count, e);
}
