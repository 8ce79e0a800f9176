/* SPDX-License-Identifier: BSD-2-Clause */
/* What rows of all tables have in common: prefixes and bounded texts, read like any foreign bytes, since the file may have been edited. */
#include "store/inside.h"

#include <errno.h>
#include <string.h>

int row_check_prefix(const struct prefix *p, struct err *e)
{
	struct prefix cut;

	if (p->bits > ADDR_BITS)
		return err_set(e, -EINVAL, "a prefix longer than an address (%u bits)", p->bits);
	cut = prefix_of(&p->addr, p->bits);
	if (!prefix_equal(&cut, p))
		return err_set(e, -EINVAL, "a prefix with bits set behind its length");
	return 0;
}

bool row_text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

void row_bind_addr(sqlite3_stmt *st, int parameter, const struct addr *a)
{
	sqlite3_bind_blob(st, parameter, a->byte, sizeof(a->byte), SQLITE_TRANSIENT);
}

void row_bind_text(sqlite3_stmt *st, int parameter, const char *text)
{
	sqlite3_bind_text(st, parameter, text, -1, SQLITE_TRANSIENT);
}

bool row_read_addr(sqlite3_stmt *st, int column, struct addr *out)
{
	const void *bytes = sqlite3_column_blob(st, column);

	if (!bytes || sqlite3_column_bytes(st, column) != (int)sizeof(out->byte))
		return false;
	memcpy(out->byte, bytes, sizeof(out->byte));
	return true;
}

bool row_read_prefix(sqlite3_stmt *st, int addr_column, int bits_column, struct prefix *out)
{
	int64_t bits = sqlite3_column_int64(st, bits_column);

	if (bits < 0 || bits > ADDR_BITS || !row_read_addr(st, addr_column, &out->addr))
		return false;
	out->bits = (uint8_t)bits;
	return row_check_prefix(out, NULL) == 0;
}

const char *row_text(sqlite3_stmt *st, int column, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	size_t length = (size_t)sqlite3_column_bytes(st, column);

	return text && length < size && !memchr(text, '\0', length) ? text : NULL;
}

bool row_read_text(sqlite3_stmt *st, int column, char *out, size_t size)
{
	const char *text = row_text(st, column, size);

	if (!text)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

int row_walk_end(struct store *s, sqlite3_stmt *st, int step, int code, struct err *e)
{
	if (code == 0 && step != SQLITE_DONE && step != SQLITE_ROW)
		code = fault_set(s, step, "cannot read the store", e);
	sqlite3_finalize(st);
	return code;
}

int row_each(struct store *s, const struct row_walk *w, struct err *e)
{
	int code, step = SQLITE_DONE;
	sqlite3_stmt *st;

	code = statement_prepare(s, w->sql, &st, e);
	if (code < 0)
		return code;
	if (w->addr) {
		row_bind_addr(st, 1, w->addr);
		sqlite3_bind_int(st, 2, addr_is_v4(w->addr) ? ADDR_V4_LEAD_BITS : 0);
	}
	if (w->number || w->text)
		sqlite3_bind_int64(st, 3, w->number);
	if (w->text)
		row_bind_text(st, 4, w->text);
	now_take(s);
	while (code == 0 && (step = sqlite3_step(st)) == SQLITE_ROW)
		code = w->row(w, s, st, e);
	return row_walk_end(s, st, step, code, e);
}

int rows_put(struct store *s, const void *list, size_t count, size_t size,
	     int (*put)(struct store *s, const void *row, struct err *e), struct err *e)
{
	bool own;
	int code = transaction_enter(s, &own, e);

	if (code < 0)
		return code;
	for (size_t i = 0; i < count && code == 0; i++)
		code = put(s, (const char *)list + i * size, e);
	return transaction_leave(s, own, code, e);
}

static void cut_call(sqlite3_context *call, int count, sqlite3_value **argument)
{
	const void *bytes = sqlite3_value_blob(argument[0]);
	int bits = sqlite3_value_int(argument[1]);
	struct prefix p;
	struct addr a;

	(void)count;
	if (!bytes || sqlite3_value_bytes(argument[0]) != (int)sizeof(a.byte) || bits < 0 ||
	    bits > ADDR_BITS) {
		sqlite3_result_null(call);
		return;
	}
	memcpy(a.byte, bytes, sizeof(a.byte));
	p = prefix_of(&a, (uint8_t)bits);
	sqlite3_result_blob(call, p.addr.byte, sizeof(p.addr.byte), SQLITE_TRANSIENT);
}

int row_register(struct store *s)
{
	return sqlite3_create_function_v2(s->db, "cut", 2,
					  SQLITE_UTF8 | SQLITE_DIRECTONLY | SQLITE_DETERMINISTIC, s,
					  cut_call, NULL, NULL, NULL);
}
