/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal: what was decided automatically, one sentence each. Strangers cause entries, so it is bounded by its own size: rules and
 * verdicts in the same file, however many, cost it nothing, and it costs them nothing. Pages of entries that went are used
 * again, so the file keeps the size it once had.
 */
#include <errno.h>
#include <string.h>

#include "base/when.h"
#include "store/inside.h"
#include "store/verdicts.h"

#define COLUMNS "id, wall_s, what, addr, bits, text"

enum entry_column { COL_ID, COL_WALL, COL_WHAT, COL_ADDR, COL_BITS, COL_TEXT };
enum entry_parameter { PAR_ID = 1, PAR_WALL, PAR_WHAT, PAR_ADDR, PAR_BITS, PAR_TEXT };

/* Of a row in its table and its two indexes, without the texts (measured). */
#define ENTRY_BYTES 90
/* Behind it an id was not made by counting bytes. */
#define ID_MAX (INT64_MAX / 2)

static int entry_check(const struct store_entry *entry, struct err *e)
{
	if (!entry->what[0] || !row_text_ends(entry->what, sizeof(entry->what)) ||
	    !row_text_ends(entry->text, sizeof(entry->text)))
		return err_set(e, -EINVAL, "an entry of the journal without a name, or too long");
	return entry->has_prefix ? row_check_prefix(&entry->prefix, e) : 0;
}

static int entry_put(struct store *s, const struct store_entry *entry, int64_t *id, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = entry_check(entry, e);

	if (code == 0)
		code = statement_use(s, SQL_PUT_ENTRY, &st, e);
	if (code < 0)
		return code;
	*id += (int64_t)(ENTRY_BYTES + strlen(entry->what) + strlen(entry->text));
	sqlite3_bind_int64(st, PAR_ID, *id);
	sqlite3_bind_int64(st, PAR_WALL, entry->wall_s);
	row_bind_text(st, PAR_WHAT, entry->what);
	if (entry->has_prefix) {
		row_bind_addr(st, PAR_ADDR, &entry->prefix.addr);
		sqlite3_bind_int(st, PAR_BITS, entry->prefix.bits);
	}
	row_bind_text(st, PAR_TEXT, entry->text);
	return statement_finish(s, st, NULL, e);
}

/* Ids are the bytes up to the end of an entry. */
int store_last_entry(struct store *s, int64_t *out, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = statement_use(s, SQL_LAST_ENTRY, &st, e);

	if (code < 0)
		return code;
	code = sqlite3_step(st);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	code = code == SQLITE_ROW ? 0 : fault_set(s, code, "cannot read the store", e);
	sqlite3_reset(st);
	if (code == 0 && (*out < 0 || *out > ID_MAX))
		return fault_corrupt(s, "its journal has no order", e);
	return code;
}

int store_write_journal(struct store *s, const struct store_entry *list, size_t count,
			struct err *e)
{
	int64_t id = 0;
	bool own;
	int code = transaction_enter(s, &own, e);

	if (code < 0)
		return code;
	code = store_last_entry(s, &id, e);
	for (size_t i = 0; i < count && code == 0; i++)
		code = entry_put(s, &list[i], &id, e);
	return transaction_leave(s, own, code, e);
}

static int entry_read(struct store *s, sqlite3_stmt *st, struct store_entry *out, struct err *e)
{
	*out = (struct store_entry){.id = sqlite3_column_int64(st, COL_ID),
				    .wall_s = sqlite3_column_int64(st, COL_WALL)};
	out->has_prefix = sqlite3_column_type(st, COL_ADDR) != SQLITE_NULL;
	if (row_read_text(st, COL_WHAT, out->what, sizeof(out->what)) &&
	    row_read_text(st, COL_TEXT, out->text, sizeof(out->text)) &&
	    (!out->has_prefix || row_read_prefix(st, COL_ADDR, COL_BITS, &out->prefix)) &&
	    entry_check(out, NULL) == 0)
		return 0;
	return fault_corrupt(s, "an entry of its journal makes no sense", e);
}

static int entry_tell(const struct row_walk *w, struct store *s, sqlite3_stmt *st, struct err *e)
{
	struct store_entry entry;
	int code = entry_read(s, st, &entry, e);

	return code < 0 ? code : w->fn.entry(w->context, &entry);
}

int store_each_entry(struct store *s, const struct addr *addr, unsigned most,
		     int (*fn)(void *context, const struct store_entry *entry), void *context,
		     struct err *e)
{
	const struct row_walk walk = {
		.sql = addr ? ROWS_WITH_ADDR(COLUMNS, "journal") "ORDER BY id DESC LIMIT ?3"
			    : "SELECT " COLUMNS " FROM journal ORDER BY id DESC LIMIT ?3",
		.addr = addr,
		.number = most,
		.row = entry_tell,
		.fn.entry = fn,
		.context = context,
	};

	return most ? row_each(s, &walk, e) : 0;
}

int store_each_entry_behind(struct store *s, int64_t id, const char *what,
			    int (*fn)(void *context, const struct store_entry *entry),
			    void *context, struct err *e)
{
	const struct row_walk walk = {
		.sql = "SELECT " COLUMNS " FROM journal WHERE id > ?3 AND what = ?4 ORDER BY id",
		.number = id,
		.text = what,
		.row = entry_tell,
		.fn.entry = fn,
		.context = context,
	};

	return row_each(s, &walk, e);
}

int store_trim_journal(struct store *s, unsigned *count, struct err *e)
{
	int64_t end = 0;
	sqlite3_stmt *st = NULL;
	int code = statement_may_change(s, e);

	*count = 0;
	if (code == 0)
		code = store_last_entry(s, &end, e);
	if (code == 0)
		code = statement_use(s, SQL_TRIM_ENTRIES, &st, e);
	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, end - STORE_JOURNAL_BYTES);
	sqlite3_bind_int64(
		st, 2, s->now.wall_ns / (int64_t)NS_PER_S - (int64_t)STORE_JOURNAL_DAYS * DAY_S);
	return statement_finish(s, st, count, e);
}
