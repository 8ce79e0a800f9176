/* SPDX-License-Identifier: BSD-2-Clause */
/* A store that an earlier version made is brought up to date when it is first written, and keeps what it has. */
#include "store/verdicts.h"
#include "store_rig.h"

/* The tables of the first schema, as the version that made them did. */
static const char schema_1[] =
	"PRAGMA journal_mode = WAL;"
	"CREATE TABLE rule ("
	" kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),"
	" family INTEGER NOT NULL CHECK (family IN (4, 6)),"
	" addr BLOB NOT NULL CHECK (length(addr) = 16),"
	" bits INTEGER NOT NULL CHECK (bits BETWEEN 0 AND 128),"
	" action INTEGER NOT NULL CHECK (action BETWEEN 0 AND 2),"
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
	"CREATE TRIGGER rule_excludes BEFORE INSERT ON rule WHEN NEW.kind IN (1, 2) BEGIN"
	" DELETE FROM rule WHERE kind = 3 - NEW.kind AND family = NEW.family"
	"  AND addr = NEW.addr AND bits = NEW.bits;"
	"END;"
	"CREATE TABLE value (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"PRAGMA application_id = 0x70737472; PRAGMA user_version = 1;"
	"INSERT INTO value VALUES ('mode', 'enforce');"
	"INSERT INTO rule VALUES (0, 4, x'00000000000000000000ffffc0000201', 128, 2, 'operator',"
	" 'spam', 'go away', 1700000000, NULL, NULL, NULL, NULL);"
	"INSERT INTO rule VALUES (1, 6, x'20010db8000000000000000000000000', 32, 0, 'operator',"
	" '', '', 1700000001, 'boot-a', 1000, 2000, 3600000000000);";

TEST(a_store_of_the_first_schema_keeps_its_rules)
{
	struct store_rule block = rule_of("192.0.2.1", STORE_BLOCK), back;
	struct store_rule allow = rule_of("2001:db8::/32", STORE_ALLOW);
	struct store_rule trust = rule_of("2001:db8::/32", STORE_TRUST);
	struct store_entry entry = {.what = "listed"};
	struct err e = {0};
	struct store *s;
	sqlite3 *db;
	char mode[16];

	dir_fresh();
	ENSURE(mkdir(dir, 0700) == 0, "mkdir");
	ENSURE(sqlite3_open(file, &db) == SQLITE_OK, "open");
	EXPECT(sqlite3_exec(db, schema_1, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	fails_with(STORE_READ, -EPROTO, "an older schema");
	play("boot-a", 0, 0);
	s = open_played();
	ENSURE(s, "no store");
	ENSURE(store_get_rule(s, STORE_BLOCK, &block.prefix, &back, &e) == 0, "%s", e.text);
	EXPECT(back.action == STORE_REFUSE && !strcmp(back.because, "spam") &&
		       !strcmp(back.saying, "go away") && back.created_wall_s == 1700000000 &&
		       back.expires_boot_ns == 0,
	       "the block is another one");
	ENSURE(store_get_rule(s, STORE_ALLOW, &allow.prefix, &back, &e) == 0, "%s", e.text);
	EXPECT(back.expires_boot_ns == 1000, "its deadline: %" PRIu64, back.expires_boot_ns);
	EXPECT(store_get_value(s, "mode", mode, sizeof(mode), &e) == 0 && !strcmp(mode, "enforce"),
	       "the mode");
	/* What a rule could not have before, and what it could. */
	block.action = STORE_REPLY;
	put(s, &block);
	EXPECT(store_get_rule(s, STORE_BLOCK, &block.prefix, &back, &e) == 0 &&
		       back.action == STORE_REPLY,
	       "reply: %s", e.text);
	put(s, &trust);
	EXPECT(has(s, &trust) && !has(s, &allow), "they exclude each other as ever");
	EXPECT(store_write_journal(s, &entry, 1, &e) == 0, "and a journal: %s", e.text);
	store_close(s);
	reads(2, "and is read from now on");
}
