/* SPDX-License-Identifier: BSD-2-Clause */
/* The statements, each prepared once, and how they end. */
#include "store/inside.h"

#include <errno.h>

/* Of the rows whose deadline is stored by other clocks than today's. ?1 boot id, ?2 boot time, ?3 wall time. */
#define REBASE(table)                                                                              \
	"UPDATE " table " SET boot_id = ?1, expires_boot_ns = ?2 + " LEFT_NS                       \
	", expires_wall_ns = ?3 + " LEFT_NS ", remaining_ns = " LEFT_NS                            \
	" WHERE expires_boot_ns IS NOT NULL"
#define THIS_RULE "kind = ?1 AND family = ?2 AND addr = ?3 AND bits = ?4"

static const char *const sql_texts[SQL_COUNT] = {
	[SQL_PUT_RULE] =
		"INSERT OR REPLACE INTO rule (kind, family, addr, bits, action, origin, because, "
		"saying, created_wall_s, boot_id, expires_boot_ns, expires_wall_ns, remaining_ns) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[SQL_DELETE_RULE] = "DELETE FROM rule WHERE " THIS_RULE " RETURNING " LEFT_NS,
	[SQL_GET_RULE] =
		"SELECT kind, addr, bits, action, origin, because, saying, created_wall_s, " LEFT_NS
		" FROM rule WHERE " THIS_RULE,
	[SQL_REAP_RULES] =
		"DELETE FROM rule WHERE expires_boot_ns IS NOT NULL AND " LEFT_NS " <= 0",
	[SQL_REBASE_RULES] = REBASE("rule"),
	[SQL_GET_VALUE] = "SELECT value FROM value WHERE name = ?1",
	[SQL_PUT_VALUE] = "INSERT OR REPLACE INTO value (name, value) VALUES (?1, ?2)",
	[SQL_DELETE_VALUE] = "DELETE FROM value WHERE name = ?1",
	/* In its place, so that a verdict that is renewed each hour does not wander through the file. */
	[SQL_PUT_VERDICT] =
		"INSERT INTO verdict (addr, bits, asked, listed, partial, classes, score, "
		"threshold, zones, by_zone, reason, evidence, decided_wall_s, boot_id, "
		"expires_boot_ns, expires_wall_ns, remaining_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
		"?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
		"ON CONFLICT (addr, bits) DO UPDATE SET asked = ?3, listed = ?4, partial = ?5, "
		"classes = ?6, score = ?7, threshold = ?8, zones = ?9, by_zone = ?10, "
		"reason = ?11, evidence = ?12, decided_wall_s = ?13, boot_id = ?14, "
		"expires_boot_ns = ?15, expires_wall_ns = ?16, remaining_ns = ?17",
	[SQL_DELETE_VERDICT] = "DELETE FROM verdict WHERE addr = ?1 AND bits = ?2 "
			       "RETURNING " LEFT_NS,
	/* By its index: the shortest at the first address leads, which is the prefix itself. */
	[SQL_FIND_VERDICT] = "SELECT " VERDICT_COLUMNS " FROM verdict WHERE addr >= ?1 "
			     "AND addr <= ?2 AND bits >= ?3 ORDER BY addr, bits",
	[SQL_NEXT_VERDICT] = "SELECT min(id) FROM verdict WHERE id >= ?1",
	[SQL_DELETE_VERDICTS] = "DELETE FROM verdict WHERE id BETWEEN ?3 AND ?4 "
				"AND (?1 IS NULL OR instr(zones, ?1)) AND (NOT ?2 OR listed)",
	/* By the index on boot time: those of another boot are found when they have been rebased. */
	[SQL_REAP_VERDICTS] = "DELETE FROM verdict WHERE id IN (SELECT id FROM verdict "
			      "WHERE expires_boot_ns <= ?1 AND " LEFT_NS " <= 0 LIMIT ?2)",
	[SQL_REBASE_VERDICTS] = REBASE("verdict"),
	[SQL_PUT_ENTRY] = "INSERT INTO journal (id, wall_s, what, addr, bits, text) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_LAST_ENTRY] = "SELECT coalesce(max(id), 0) FROM journal",
	[SQL_TRIM_ENTRIES] = "DELETE FROM journal WHERE id <= ?1 OR wall_s < ?2",
	/* A name that comes late, or none, does not take the place of the latest. */
	[SQL_PUT_SENDER] =
		"INSERT INTO sender (addr, host, first_wall_s, last_wall_s, messages, recipients) "
		"VALUES (?1, ?2, ?3, ?3, 1, ?4) ON CONFLICT (addr) DO UPDATE SET "
		"host = CASE WHEN ?2 <> '' AND (?3 >= last_wall_s OR host = '') THEN ?2 ELSE host "
		"END, first_wall_s = min(first_wall_s, ?3), last_wall_s = max(last_wall_s, ?3), "
		"messages = messages + 1, recipients = recipients + ?4",
	[SQL_TRIM_SENDERS] = "DELETE FROM sender WHERE last_wall_s < ?1",
	[SQL_PUT_REFUSAL] = "INSERT OR REPLACE INTO refusal (" REFUSAL_COLUMNS
			    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[SQL_ADD_HOUR] = "INSERT INTO hour (wall_s, reason, class, packets, would) "
			 "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET "
			 "packets = packets + ?4, would = would + ?5",
	[SQL_PUT_BAN] = "INSERT OR REPLACE INTO ban (addr, bits, level, offences, reason, "
			"last_wall_s, boot_id, expires_boot_ns, expires_wall_ns, remaining_ns) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[SQL_GET_BAN] = "SELECT addr, bits, level, offences, reason, last_wall_s, " LEFT_NS
			", remaining_ns > 0 FROM ban WHERE addr = ?1 AND bits = ?2",
	[SQL_DELETE_BAN] = "DELETE FROM ban WHERE addr = ?1 AND bits = ?2",
	/* By the end as it is reckoned everywhere: the wall clock may have been stepped since it was written. ?2 its time now. */
	[SQL_REAP_BANS] = "DELETE FROM ban WHERE "
			  "coalesce((?2 + " LEFT_NS ") / ?3, last_wall_s) < ?1",
	[SQL_REBASE_BANS] = REBASE("ban"),
};

int statement_prepare(struct store *s, const char *sql, sqlite3_stmt **out, struct err *e)
{
	int code = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);

	return code == SQLITE_OK ? 0 : fault_set(s, code, "cannot use the store", e);
}

int statement_use(struct store *s, enum store_sql which, sqlite3_stmt **out, struct err *e)
{
	sqlite3_stmt **st = &s->statement[which];
	int code = *st ? 0 : statement_prepare(s, sql_texts[which], st, e);

	if (code < 0)
		return code;
	now_take(s);
	sqlite3_reset(*st);
	sqlite3_clear_bindings(*st);
	*out = *st;
	return 0;
}

int statement_finish(struct store *s, sqlite3_stmt *st, unsigned *count, struct err *e)
{
	int code;

	while ((code = sqlite3_step(st)) == SQLITE_ROW)
		;
	if (count)
		*count = code == SQLITE_DONE ? (unsigned)sqlite3_changes(s->db) : 0;
	code = code == SQLITE_DONE ? 0 : fault_set(s, code, "cannot write to the store", e);
	sqlite3_reset(st);
	return code;
}

int statement_may_change(struct store *s, struct err *e)
{
	if (s->access != STORE_WRITE)
		return err_set(e, -EBADF, "the store %s was opened for reading only", s->path);
	/*
	 * On some errors SQLite rolls a transaction back by itself. A change after that would
	 * commit alone, as a part of what was meant to be whole.
	 */
	if (s->in_transaction && sqlite3_get_autocommit(s->db))
		return err_set(e, -ECANCELED,
			       "the changes to the store %s were taken back after an earlier error",
			       s->path);
	return 0;
}

int statement_exec(struct store *s, const char *sql, struct err *e)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fault_set(s, code, "cannot use the store", e);
}

int statement_number(struct store *s, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *st;
	int code = statement_prepare(s, sql, &st, e);

	if (code < 0)
		return code;
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		code = 0;
	} else {
		code = code == SQLITE_DONE ? fault_corrupt(s, "an empty answer", e)
					   : fault_set(s, code, "cannot read the store", e);
	}
	sqlite3_finalize(st);
	return code;
}
