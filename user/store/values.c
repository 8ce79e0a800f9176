/* SPDX-License-Identifier: BSD-2-Clause */
/* Small named values: what must outlive a reboot and is no rule. */
#include "store/inside.h"

#include <errno.h>
#include <string.h>

#define NAME_BYTES_MAX	64
#define VALUE_BYTES_MAX 4096 /* values are words and numbers; what is longer is a mistake */

static int name_check(const char *name, struct err *e)
{
	if (!*name || strlen(name) > NAME_BYTES_MAX)
		return err_set(e, -EINVAL,
			       "the name of a stored value is empty or longer than %d bytes",
			       NAME_BYTES_MAX);
	return 0;
}

int store_get_value(struct store *s, const char *name, char *buffer, size_t size, struct err *e)
{
	int code = name_check(name, e);
	sqlite3_stmt *st;

	if (code < 0)
		return code;
	code = statement_use(s, SQL_GET_VALUE, &st, e);
	if (code < 0)
		return code;
	row_bind_text(st, 1, name);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		size_t length = (size_t)sqlite3_column_bytes(st, 0);

		if (!text || memchr(text, '\0', length)) {
			code = fault_corrupt(s, "a value in it makes no sense", e);
		} else if (length >= size) {
			code = err_set(e, -ENOBUFS, "the stored value '%s' is too long", name);
		} else {
			memcpy(buffer, text, length);
			buffer[length] = '\0';
			code = 0;
		}
	} else if (code == SQLITE_DONE) {
		code = err_set(e, -ENOENT, "the value '%s' is not stored", name);
	} else {
		code = fault_set(s, code, "cannot read the store", e);
	}
	sqlite3_reset(st);
	return code;
}

int store_put_value(struct store *s, const char *name, const char *value, struct err *e)
{
	int code = statement_may_change(s, e);
	sqlite3_stmt *st;

	if (code == 0)
		code = name_check(name, e);
	if (code == 0 && value && strlen(value) > VALUE_BYTES_MAX)
		code = err_set(e, -EINVAL, "the value '%s' is longer than %d bytes", name,
			       VALUE_BYTES_MAX);
	if (code < 0)
		return code;
	code = statement_use(s, value ? SQL_PUT_VALUE : SQL_DELETE_VALUE, &st, e);
	if (code < 0)
		return code;
	row_bind_text(st, 1, name);
	if (value)
		row_bind_text(st, 2, value);
	return statement_finish(s, st, NULL, e);
}
