/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables, and how an older store becomes one of today: step N of the list makes schema N + 1
 * out of N. A store of a newer postern is refused, since what its columns mean is not known here.
 */
#include "store/inside.h"

#include <errno.h>
#include <stdio.h>

#define APPLICATION_ID 0x70737472 /* "pstr": PRAGMA application_id, shown by file(1) */
#define TEXT(x)	       TEXT_(x)
#define TEXT_(x)       #x

/*
 * kind, action: enum store_kind and store_action. family: 4 or 6; addr: 16 bytes, IPv4 mapped; bits
 * of that form. A rule without end has NULL in the four columns of its deadline.
 */
static const char *const steps[] = {
	"CREATE TABLE rule ("
	" kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2)," /* 0 block, 1 allow, 2 trust */
	" family INTEGER NOT NULL CHECK (family IN (4, 6)),"
	" addr BLOB NOT NULL CHECK (length(addr) = 16),"
	" bits INTEGER NOT NULL CHECK (bits BETWEEN 0 AND 128),"
	" action INTEGER NOT NULL CHECK (action BETWEEN 0 AND 2)," /* 0 none, 1 drop, 2 refuse */
	" origin TEXT NOT NULL,"
	" because TEXT NOT NULL,"
	" saying TEXT NOT NULL,"
	" created_wall_s INTEGER NOT NULL,"
	" boot_id TEXT,"
	" expires_boot_ns INTEGER,"
	" expires_wall_ns INTEGER,"
	" remaining_ns INTEGER,"
	" CHECK ((boot_id IS NULL) = (expires_boot_ns IS NULL)"
	"  AND (boot_id IS NULL) = (expires_wall_ns IS NULL)"
	"  AND (boot_id IS NULL) = (remaining_ns IS NULL)),"
	" PRIMARY KEY (kind, family, addr, bits)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX rule_ends ON rule (expires_boot_ns) WHERE expires_boot_ns IS NOT NULL;"
	/* Allow and trust exclude each other: the later one stands. */
	"CREATE TRIGGER rule_excludes BEFORE INSERT ON rule WHEN NEW.kind IN (1, 2) BEGIN"
	" DELETE FROM rule WHERE kind = 3 - NEW.kind AND family = NEW.family"
	"  AND addr = NEW.addr AND bits = NEW.bits;"
	"END;"
	"CREATE TABLE value (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
	" STRICT, WITHOUT ROWID;",
};

#define SCHEMA_VERSION ((int64_t)(sizeof(steps) / sizeof(*steps)))

_Static_assert(STORE_BLOCK == 0 && STORE_ALLOW == 1 && STORE_TRUST == 2, "kinds in the schema");
_Static_assert(STORE_NONE == 0 && STORE_DROP == 1 && STORE_REFUSE == 2, "actions in the schema");

static int version_read(struct store *s, int64_t *version, struct err *e)
{
	int64_t id = 0, tables = 0;
	int code = statement_number(s, "PRAGMA user_version", version, e);

	if (code == 0)
		code = statement_number(s, "PRAGMA application_id", &id, e);
	if (code == 0)
		code = statement_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (code < 0)
		return code;
	if (id == 0 && *version == 0 && tables == 0)
		return 0; /* just made */
	if (id != APPLICATION_ID || *version < 1)
		return fault_corrupt(s, "a database of another program", e);
	if (*version > SCHEMA_VERSION)
		return err_set(
			e, -EPROTO,
			"the store %s was written by a newer postern (schema %lld, this one knows "
			"%lld): run that version, or move the file away; the rules in force stay "
			"in the kernel",
			s->path, (long long)*version, (long long)SCHEMA_VERSION);
	return 0;
}

/* By one snapshot: another process may be making the store just now. */
static int version_look(struct store *s, int64_t *version, struct err *e)
{
	int code = statement_exec(s, "BEGIN", e);

	if (code < 0)
		return code;
	code = version_read(s, version, e);
	if (code == 0)
		return statement_exec(s, "COMMIT", e);
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

static int migrate(struct store *s, struct err *e)
{
	int64_t version;
	int code = statement_exec(s, "BEGIN IMMEDIATE", e);

	if (code < 0)
		return code;
	/* Another process may have been here first. */
	code = version_read(s, &version, e);
	for (; code == 0 && version < SCHEMA_VERSION; version++)
		code = statement_exec(s, steps[version], e);
	if (code == 0) {
		char text[128];

		snprintf(text, sizeof(text),
			 "PRAGMA application_id = " TEXT(
				 APPLICATION_ID) "; PRAGMA user_version = %lld; COMMIT",
			 (long long)SCHEMA_VERSION);
		code = statement_exec(s, text, e);
	}
	if (code < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

static int is_wal(struct store *s, bool *wal, struct err *e)
{
	sqlite3_stmt *st;
	int code = statement_prepare(s, "PRAGMA journal_mode", &st, e);

	if (code < 0)
		return code;
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		const char *mode = (const char *)sqlite3_column_text(st, 0);

		*wal = mode && sqlite3_stricmp(mode, "wal") == 0;
		code = 0;
	} else {
		code = fault_set(s, code, "cannot read the store", e);
	}
	sqlite3_finalize(st);
	return code;
}

/* Do the tables look as the statements expect? A damaged file may have a good header. */
static int tables_check(struct store *s, struct err *e)
{
	sqlite3_stmt *st;
	int code = statement_use(s, SQL_GET_RULE, &st, e);

	return code < 0 ? code : statement_use(s, SQL_GET_VALUE, &st, e);
}

int schema_check(struct store *s, struct err *e)
{
	bool wal = false;
	int64_t version;
	int code = version_look(s, &version, e);

	if (code < 0)
		return code;
	if (s->access == STORE_READ) {
		if (version == SCHEMA_VERSION)
			return tables_check(s, e);
		if (version == 0)
			return err_set(e, -ENOENT,
				       "there is no store in %s yet: no rule was ever made",
				       s->dir);
		return err_set(e, -EPROTO,
			       "the store %s is of an older postern: any command that changes a "
			       "rule brings it up to date",
			       s->path);
	}
	code = is_wal(s, &wal, e);
	if (code < 0)
		return code;
	if (wal && version == SCHEMA_VERSION)
		return tables_check(s, e);
	/* SQLite does not wait when two processes turn WAL on together, so they queue here. */
	code = store_lock(s, e);
	if (code < 0)
		return code;
	if (!wal)
		code = statement_exec(s, "PRAGMA journal_mode = WAL", e);
	if (code == 0)
		code = migrate(s, e);
	store_unlock(s);
	return code;
}
