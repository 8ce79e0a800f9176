/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts as rows. They come in batches of thousands, so each is written by one statement that finds its place by one index; and
 * they are read by commands that may stand before a damaged or edited file, so every field is held to its bounds again.
 */
#include "store/verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/inside.h"

/* In the order of VERDICT_COLUMNS. */
enum verdict_column {
	COL_ADDR,
	COL_BITS,
	COL_ASKED,
	COL_LISTED,
	COL_PARTIAL,
	COL_CLASSES,
	COL_SCORE,
	COL_THRESHOLD,
	COL_ZONES,
	COL_BY,
	COL_REASON,
	COL_EVIDENCE,
	COL_DECIDED,
	COL_LEFT,
};

/* Of SQL_PUT_VERDICT; the first two, of SQL_DELETE_VERDICT too. */
enum verdict_parameter {
	PAR_ADDR = 1,
	PAR_BITS,
	PAR_ASKED,
	PAR_LISTED,
	PAR_PARTIAL,
	PAR_CLASSES,
	PAR_SCORE,
	PAR_THRESHOLD,
	PAR_ZONES,
	PAR_BY,
	PAR_REASON,
	PAR_EVIDENCE,
	PAR_DECIDED,
	PAR_DEADLINE, /* four of them */
};

static int verdict_check(const struct store_verdict *v, struct err *e)
{
	const struct {
		const char *name, *text;
		size_t size;
	} texts[] = {
		{"list of zones", v->zones, STORE_ZONES_MAX},
		{"zone", v->by, STORE_BY_MAX},
		{"reason", v->reason, STORE_REASON_MAX},
		{"evidence", v->evidence, STORE_EVIDENCE_MAX},
	};
	int code = row_check_prefix(&v->prefix, e);

	if (code < 0)
		return code;
	if (!prefix_has(&v->prefix, &v->addr))
		return err_set(e, -EINVAL, "a verdict on another address than was asked about");
	if (!v->expires_boot_ns || v->expires_boot_ns > INT64_MAX)
		return err_set(e, -EINVAL, "a verdict without an end");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!texts[i].text || strnlen(texts[i].text, texts[i].size) == texts[i].size)
			return err_set(e, -EINVAL, "the %s of a verdict is longer than %zu bytes",
				       texts[i].name, texts[i].size - 1);
	return 0;
}

static int verdict_put(struct store *s, const void *row, struct err *e)
{
	const struct store_verdict *v = row;
	sqlite3_stmt *st = NULL;
	int code = verdict_check(v, e);

	if (code == 0)
		code = statement_use(s, SQL_PUT_VERDICT, &st, e);
	if (code < 0)
		return code;
	row_bind_addr(st, PAR_ADDR, &v->prefix.addr);
	sqlite3_bind_int(st, PAR_BITS, v->prefix.bits);
	row_bind_addr(st, PAR_ASKED, &v->addr);
	sqlite3_bind_int(st, PAR_LISTED, v->listed);
	sqlite3_bind_int(st, PAR_PARTIAL, v->partial);
	sqlite3_bind_int64(st, PAR_CLASSES, v->classes);
	sqlite3_bind_int64(st, PAR_SCORE, v->score);
	sqlite3_bind_int64(st, PAR_THRESHOLD, v->threshold);
	row_bind_text(st, PAR_ZONES, v->zones);
	row_bind_text(st, PAR_BY, v->by);
	row_bind_text(st, PAR_REASON, v->reason);
	row_bind_text(st, PAR_EVIDENCE, v->evidence);
	sqlite3_bind_int64(st, PAR_DECIDED, v->decided_wall_s);
	deadline_bind(s, st, PAR_DEADLINE, v->expires_boot_ns);
	return statement_finish(s, st, NULL, e);
}

int store_put_verdicts(struct store *s, const struct store_verdict *list, size_t count,
		       struct err *e)
{
	return rows_put(s, list, count, sizeof(*list), verdict_put, e);
}

int store_delete_verdict(struct store *s, const struct prefix *p, struct err *e)
{
	int code = statement_may_change(s, e);
	bool found = false;
	sqlite3_stmt *st = NULL;

	if (code == 0)
		code = row_check_prefix(p, e);
	if (code == 0)
		code = statement_use(s, SQL_DELETE_VERDICT, &st, e);
	if (code < 0)
		return code;
	row_bind_addr(st, PAR_ADDR, &p->addr);
	sqlite3_bind_int(st, PAR_BITS, p->bits);
	/* One that had expired was no verdict any more. */
	if ((code = sqlite3_step(st)) == SQLITE_ROW) {
		found = sqlite3_column_int64(st, 0) > 0;
		code = statement_finish(s, st, NULL, e);
	} else {
		code = code == SQLITE_DONE ? 0 : fault_set(s, code, "cannot write to the store", e);
		sqlite3_reset(st);
	}
	if (code == 0 && !found)
		return err_set(e, -ENOENT, "there is no such verdict");
	return code;
}

/* The least id from here on; 0: there is none, or -errno. */
static int verdict_next(struct store *s, int64_t *id, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = statement_use(s, SQL_NEXT_VERDICT, &st, e);
	bool found = false;

	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, *id);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		found = sqlite3_column_type(st, 0) != SQLITE_NULL;
		*id = sqlite3_column_int64(st, 0);
		code = 0;
	} else {
		code = fault_set(s, code, "cannot read the store", e);
	}
	sqlite3_reset(st);
	return code < 0 ? code : found;
}

/* Of the verdicts with ids from first to last, those that rest on the name (NULL: all). */
static int verdicts_delete_part(struct store *s, const char *name, bool listed_only, int64_t first,
				int64_t last, unsigned *count, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = statement_use(s, SQL_DELETE_VERDICTS, &st, e);

	*count = 0;
	if (code < 0)
		return code;
	if (name)
		row_bind_text(st, 1, name);
	sqlite3_bind_int(st, 2, listed_only);
	sqlite3_bind_int64(st, 3, first);
	sqlite3_bind_int64(st, 4, last);
	return statement_finish(s, st, count, e);
}

int store_delete_verdicts(struct store *s, const char *zone, bool listed_only, unsigned *count,
			  struct err *e)
{
	int code = statement_may_change(s, e);
	char name[STORE_BY_MAX + 2];
	int64_t at = INT64_MIN;

	*count = 0;
	if (code == 0 && zone && (!*zone || strchr(zone, ' ') || strlen(zone) >= STORE_BY_MAX))
		code = err_set(e, -EINVAL, "a name of a zone that none can have");
	snprintf(name, sizeof(name), " %s ", zone && code == 0 ? zone : "");
	if (code == 0)
		code = verdict_next(s, &at, e);
	while (code > 0) {
		int64_t last =
			at > INT64_MAX - STORE_PART_MAX ? INT64_MAX : at + STORE_PART_MAX - 1;
		unsigned part;

		code = verdicts_delete_part(s, zone ? name : NULL, listed_only, at, last, &part, e);
		*count += part;
		at = last;
		if (code == 0 && last < INT64_MAX) {
			at++;
			code = verdict_next(s, &at, e);
		}
	}
	return code;
}

/* 1: a verdict; 0: one that has expired; else -EBADMSG. */
static int verdict_read(struct store *s, sqlite3_stmt *st, struct store_verdict *out, struct err *e)
{
	int64_t classes = sqlite3_column_int64(st, COL_CLASSES);
	bool is_live;

	*out = (struct store_verdict){
		.listed = sqlite3_column_int(st, COL_LISTED) == 1,
		.partial = sqlite3_column_int(st, COL_PARTIAL) == 1,
		.classes = (uint32_t)classes,
		.score = sqlite3_column_int64(st, COL_SCORE),
		.threshold = sqlite3_column_int64(st, COL_THRESHOLD),
		.zones = row_text(st, COL_ZONES, STORE_ZONES_MAX),
		.by = row_text(st, COL_BY, STORE_BY_MAX),
		.reason = row_text(st, COL_REASON, STORE_REASON_MAX),
		.evidence = row_text(st, COL_EVIDENCE, STORE_EVIDENCE_MAX),
		.decided_wall_s = sqlite3_column_int64(st, COL_DECIDED),
	};
	is_live = deadline_read(s, st, COL_LEFT, &out->expires_boot_ns);
	if (is_live && (classes < 0 || classes > UINT32_MAX ||
			!row_read_prefix(st, COL_ADDR, COL_BITS, &out->prefix) ||
			!row_read_addr(st, COL_ASKED, &out->addr) || verdict_check(out, NULL) < 0))
		return fault_corrupt(s, "a verdict in it makes no sense", e);
	return is_live;
}

static int verdict_tell(const struct row_walk *w, struct store *s, sqlite3_stmt *st, struct err *e)
{
	struct store_verdict verdict;
	int code = verdict_read(s, st, &verdict, e);

	return code > 0 ? w->fn.verdict(w->context, &verdict) : code;
}

int store_each_verdict(struct store *s, const struct addr *addr,
		       int (*fn)(void *context, const struct store_verdict *v), void *context,
		       struct err *e)
{
	const struct row_walk walk = {
		.sql = addr ? ROWS_WITH_ADDR(VERDICT_COLUMNS, "verdict") "ORDER BY n DESC"
			    : "SELECT " VERDICT_COLUMNS " FROM verdict",
		.addr = addr,
		.row = verdict_tell,
		.fn.verdict = fn,
		.context = context,
	};

	return row_each(s, &walk, e);
}

int store_find_verdict(struct store *s, const struct prefix *p,
		       int (*fn)(void *context, const struct store_verdict *v), void *context,
		       struct err *e)
{
	struct addr last = prefix_last(p);
	struct store_verdict verdict;
	sqlite3_stmt *st = NULL;
	int code = statement_use(s, SQL_FIND_VERDICT, &st, e), result = 0;

	if (code < 0)
		return code;
	row_bind_addr(st, 1, &p->addr);
	row_bind_addr(st, 2, &last);
	sqlite3_bind_int(st, 3, p->bits);
	while (result == 0 && (code = sqlite3_step(st)) == SQLITE_ROW)
		result = verdict_read(s, st, &verdict, e);
	if (result > 0)
		result = fn(context, &verdict);
	else if (result == 0)
		result = code == SQLITE_DONE ? err_set(e, -ENOENT, "there is no such verdict")
					     : fault_set(s, code, "cannot read the store", e);
	sqlite3_reset(st);
	return result;
}

int store_reap_verdicts(struct store *s, unsigned *count, struct err *e)
{
	int code = statement_may_change(s, e);
	sqlite3_stmt *st = NULL;

	*count = 0;
	if (code == 0)
		code = statement_use(s, SQL_REAP_VERDICTS, &st, e);
	if (code < 0)
		return code;
	sqlite3_bind_int64(st, 1, s->now.boot_ns);
	sqlite3_bind_int(st, 2, STORE_PART_MAX);
	return statement_finish(s, st, count, e);
}
