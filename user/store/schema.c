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

/* A deadline; of what never ends all four are NULL. */
#define DEADLINE_COLUMNS                                                                           \
	" boot_id TEXT,"                                                                           \
	" expires_boot_ns INTEGER,"                                                                \
	" expires_wall_ns INTEGER,"                                                                \
	" remaining_ns INTEGER,"                                                                   \
	" CHECK ((boot_id IS NULL) = (expires_boot_ns IS NULL)"                                    \
	"  AND (boot_id IS NULL) = (expires_wall_ns IS NULL)"                                      \
	"  AND (boot_id IS NULL) = (remaining_ns IS NULL)),"

/*
 * kind, action: enum store_kind and store_action. family: 4 or 6; addr: 16 bytes, IPv4 mapped; bits
 * of that form.
 */
#define RULE_TABLE(name, last_action)                                                              \
	"CREATE TABLE " name " ("                                                                  \
	" kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2)," /* 0 block, 1 allow, 2 trust */     \
	" family INTEGER NOT NULL CHECK (family IN (4, 6)),"                                       \
	" addr BLOB NOT NULL CHECK (length(addr) = 16),"                                           \
	" bits INTEGER NOT NULL CHECK (bits BETWEEN 0 AND 128),"                                   \
	" action INTEGER NOT NULL CHECK (action BETWEEN 0 AND " last_action "),"                   \
	" origin TEXT NOT NULL,"                                                                   \
	" because TEXT NOT NULL,"                                                                  \
	" saying TEXT NOT NULL,"                                                                   \
	" created_wall_s INTEGER NOT NULL," DEADLINE_COLUMNS                                       \
	" PRIMARY KEY (kind, family, addr, bits)"                                                  \
	") STRICT, WITHOUT ROWID;"

#define RULE_EXTRAS                                                                                                                                           \
	"CREATE INDEX rule_ends ON rule (expires_boot_ns) WHERE expires_boot_ns IS NOT NULL;" /* Allow and trust exclude each other: the later one stands. */ \
	"CREATE TRIGGER rule_excludes BEFORE INSERT ON rule WHEN NEW.kind IN (1, 2) BEGIN"                                                                    \
	" DELETE FROM rule WHERE kind = 3 - NEW.kind AND family = NEW.family"                                                                                 \
	"  AND addr = NEW.addr AND bits = NEW.bits;"                                                                                                          \
	"END;"

/*
 * zones: the public names, a blank before and behind each. asked: who was asked about. What is found by an address is found
 * by addr and bits, a look for each length.
 */
#define VERDICT_TABLE                                                                              \
	"CREATE TABLE verdict ("                                                                   \
	" id INTEGER PRIMARY KEY,"                                                                 \
	" addr BLOB NOT NULL CHECK (length(addr) = 16),"                                           \
	" bits INTEGER NOT NULL CHECK (bits BETWEEN 0 AND 128),"                                   \
	" asked BLOB NOT NULL CHECK (length(asked) = 16),"                                         \
	" listed INTEGER NOT NULL CHECK (listed IN (0, 1)),"                                       \
	" partial INTEGER NOT NULL CHECK (partial IN (0, 1)),"                                     \
	" classes INTEGER NOT NULL,"                                                               \
	" score INTEGER NOT NULL,"                                                                 \
	" threshold INTEGER NOT NULL,"                                                             \
	" zones TEXT NOT NULL,"                                                                    \
	" by_zone TEXT NOT NULL,"                                                                  \
	" reason TEXT NOT NULL,"                                                                   \
	" evidence TEXT NOT NULL,"                                                                 \
	" decided_wall_s INTEGER NOT NULL," DEADLINE_COLUMNS                                       \
	" CHECK (boot_id IS NOT NULL)," /* each verdict ends */                                    \
	" UNIQUE (addr, bits)"                                                                     \
	") STRICT;"                                                                                \
	"CREATE INDEX verdict_ends ON verdict (expires_boot_ns);"

/*
 * id: at which byte the entry ends, if the whole journal since its beginning were one file: so its size is known without being
 * counted. addr and bits are NULL in an entry about no address.
 */
#define JOURNAL_TABLE                                                                              \
	"CREATE TABLE journal ("                                                                   \
	" id INTEGER PRIMARY KEY,"                                                                 \
	" wall_s INTEGER NOT NULL,"                                                                \
	" what TEXT NOT NULL,"                                                                     \
	" addr BLOB CHECK (length(addr) = 16),"                                                    \
	" bits INTEGER CHECK (bits BETWEEN 0 AND 128),"                                            \
	" text TEXT NOT NULL,"                                                                     \
	" CHECK ((addr IS NULL) = (bits IS NULL))"                                                 \
	") STRICT;"                                                                                \
	"CREATE INDEX journal_of ON journal (addr, bits) WHERE addr IS NOT NULL;"                  \
	"CREATE INDEX journal_when ON journal (wall_s);"

/*
 * A refusal: what one source met, or in monitor mode would have met, for one reason, as a row of some minutes. acted: it was done; else
 * it would have been. detail: the lists or the limit that named it; says: the reason of the first list. connections: those not told one by
 * one among them.
 */
#define REFUSAL_TABLE                                                                              \
	"CREATE TABLE refusal ("                                                                   \
	" id INTEGER PRIMARY KEY,"                                                                 \
	" addr BLOB NOT NULL CHECK (length(addr) = 16),"                                           \
	" reason TEXT NOT NULL,"                                                                   \
	" class INTEGER NOT NULL,"                                                                 \
	" action TEXT NOT NULL,"                                                                   \
	" acted INTEGER NOT NULL CHECK (acted IN (0, 1)),"                                         \
	" detail TEXT NOT NULL,"                                                                   \
	" says TEXT NOT NULL,"                                                                     \
	" first_wall_s INTEGER NOT NULL,"                                                          \
	" last_wall_s INTEGER NOT NULL,"                                                           \
	" connections INTEGER NOT NULL"                                                            \
	") STRICT;"                                                                                \
	"CREATE INDEX refusal_of ON refusal (addr, last_wall_s);"                                  \
	"CREATE INDEX refusal_when ON refusal (last_wall_s);"

/* What the counters grew by in an hour. */
#define HOUR_TABLE                                                                                 \
	"CREATE TABLE hour ("                                                                      \
	" wall_s INTEGER NOT NULL,"                                                                \
	" reason TEXT NOT NULL,"                                                                   \
	" class INTEGER NOT NULL,"                                                                 \
	" packets INTEGER NOT NULL,"                                                               \
	" would INTEGER NOT NULL,"                                                                 \
	" PRIMARY KEY (wall_s, reason, class)"                                                     \
	") STRICT, WITHOUT ROWID;"

/* Who delivers mail. */
#define SENDER_TABLE                                                                               \
	"CREATE TABLE sender ("                                                                    \
	" addr BLOB PRIMARY KEY NOT NULL CHECK (length(addr) = 16),"                               \
	" host TEXT NOT NULL,"                                                                     \
	" first_wall_s INTEGER NOT NULL,"                                                          \
	" last_wall_s INTEGER NOT NULL,"                                                           \
	" messages INTEGER NOT NULL,"                                                              \
	" recipients INTEGER NOT NULL"                                                             \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE INDEX sender_when ON sender (last_wall_s);"

/* Who offended again and again. level: how many bans there were; the deadline is that of the ban in force, none when there is none. */
#define BAN_TABLE                                                                                  \
	"CREATE TABLE ban ("                                                                       \
	" addr BLOB NOT NULL CHECK (length(addr) = 16),"                                           \
	" bits INTEGER NOT NULL CHECK (bits BETWEEN 0 AND 128),"                                   \
	" level INTEGER NOT NULL,"                                                                 \
	" offences INTEGER NOT NULL,"                                                              \
	" reason TEXT NOT NULL,"                                                                   \
	" last_wall_s INTEGER NOT NULL," DEADLINE_COLUMNS " PRIMARY KEY (addr, bits)"              \
	") STRICT;"                                                                                \
	"CREATE INDEX ban_ends ON ban (expires_boot_ns);"

/* Trusted providers: when their networks were confirmed, and the networks; held: those that are held back, since held_wall_s (0 none). */
#define PROVIDER_TABLE                                                                             \
	"CREATE TABLE provider ("                                                                  \
	" domain TEXT PRIMARY KEY NOT NULL,"                                                       \
	" read_wall_s INTEGER NOT NULL,"                                                           \
	" held_wall_s INTEGER NOT NULL"                                                            \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE TABLE provider_network ("                                                          \
	" domain TEXT NOT NULL,"                                                                   \
	" held INTEGER NOT NULL CHECK (held IN (0, 1)),"                                           \
	" addr BLOB NOT NULL CHECK (length(addr) = 16),"                                           \
	" bits INTEGER NOT NULL CHECK (bits BETWEEN 0 AND 128),"                                   \
	" PRIMARY KEY (domain, held, addr, bits)"                                                  \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE INDEX provider_network_of ON provider_network (addr, bits);"

static const char *const steps[] = {
	/* actions: none, drop, refuse */
	RULE_TABLE("rule", "2") RULE_EXTRAS
	"CREATE TABLE value (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
	" STRICT, WITHOUT ROWID;",
	/* and reply. A check cannot be altered: the table is made anew. Index and trigger go with the old one. */
	RULE_TABLE("rule_next",
		   "3") "INSERT INTO rule_next SELECT * FROM rule;"
			"DROP TABLE rule;"
			"ALTER TABLE rule_next RENAME TO rule;" RULE_EXTRAS VERDICT_TABLE
				JOURNAL_TABLE,
	/* What the report, the bans and the trusted providers rest on. */
	REFUSAL_TABLE HOUR_TABLE SENDER_TABLE BAN_TABLE PROVIDER_TABLE,
};

#define SCHEMA_VERSION ((int64_t)(sizeof(steps) / sizeof(*steps)))

_Static_assert(STORE_BLOCK == 0 && STORE_ALLOW == 1 && STORE_TRUST == 2, "kinds in the schema");
_Static_assert(STORE_NONE == 0 && STORE_DROP == 1 && STORE_REFUSE == 2 && STORE_REPLY == 3,
	       "actions in the schema");

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
	static const enum store_sql each[] = {SQL_GET_RULE,  SQL_GET_VALUE,  SQL_PUT_VERDICT,
					      SQL_PUT_ENTRY, SQL_PUT_SENDER, SQL_PUT_BAN};
	sqlite3_stmt *st;
	int code = 0;

	for (size_t i = 0; i < sizeof(each) / sizeof(*each) && code == 0; i++)
		code = statement_use(s, each[i], &st, e);
	return code;
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
