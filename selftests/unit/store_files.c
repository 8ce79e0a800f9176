/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that are no good store: damaged, cut, foreign, of a newer schema, edited by hand. Each is refused with a sentence that
 * names the file, nothing crashes, and nothing is overwritten.
 */
#include "store_rig.h"

static void file_write(const void *bytes, size_t size)
{
	FILE *f = fopen(file, "w");

	if (EXPECT(f, "%s", file)) {
		EXPECT(fwrite(bytes, 1, size, f) == size, "write");
		fclose(f);
	}
}

static size_t file_read(char *bytes, size_t size)
{
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(bytes, 1, size, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static char whole[1 << 18], spoilt[1 << 18];

static void foreign_is_refused(const char *case_)
{
	size_t before = file_read(whole, sizeof(whole));

	fails_with(STORE_READ, -EBADMSG, case_);
	fails_with(STORE_WRITE, -EBADMSG, case_);
	EXPECT(file_read(spoilt, sizeof(spoilt)) == before && memcmp(whole, spoilt, before) == 0,
	       "%s: the file was changed", case_);
}

static void database_made(const char *sql)
{
	sqlite3 *db;

	EXPECT(sqlite3_open(file, &db) == SQLITE_OK, "open");
	EXPECT(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
	       sqlite3_errmsg(db));
	sqlite3_close(db);
}

TEST(foreign_files_are_refused_and_left_alone)
{
	unsigned seed = 1;

	dir_fresh();
	ENSURE(mkdir(dir, 0700) == 0, "mkdir");
	for (size_t i = 0; i < 20000; i++)
		spoilt[i] = (char)rand_r(&seed);
	file_write(spoilt, 20000);
	foreign_is_refused("random bytes");
	file_write("192.0.2.1\n", 10);
	foreign_is_refused("a text");
	unlink(file);
	database_made("CREATE TABLE mail (id)");
	foreign_is_refused("a database of another program");
	unlink(file);
	database_made("CREATE TABLE mail (id); PRAGMA user_version = 1");
	foreign_is_refused("another program's first version");
	unlink(file);
	ENSURE(mkdir(file, 0700) == 0, "mkdir");
	fails_with(STORE_READ, -EBADMSG, "a directory");
	fails_with(STORE_WRITE, -EBADMSG, "a directory");
}

TEST(a_newer_schema_is_refused)
{
	dir_fresh();
	ENSURE(store_filled(5), "no store");
	database_made("PRAGMA user_version = 999");
	fails_with(STORE_READ, -EPROTO, "a newer schema");
	fails_with(STORE_WRITE, -EPROTO, "a newer schema");
	database_made("PRAGMA user_version = 3");
	reads(5, "the known schema again");
}

/* 0 or the error of opening and reading everything. */
static int read_all(enum store_access access, unsigned *count, struct err *e)
{
	struct store *s;
	int code = store_open(&s, dir, access, e);

	*count = 0;
	if (code == 0)
		code = store_each_rule(s, count_one, count, e);
	store_close(s);
	return code;
}

TEST(a_truncated_file_is_damaged_not_empty)
{
	size_t size = 0;

	dir_fresh();
	ENSURE(store_filled(500), "no store");
	size = file_read(whole, sizeof(whole));
	ENSURE(size > 40000U && size < sizeof(whole), "%zu bytes", size);
	for (size_t cut = 1; cut < size; cut += cut < 200 ? 7 : 1777) {
		for (int access = STORE_READ; access <= STORE_WRITE; access++) {
			struct err e = {0};
			unsigned count = 0;
			int code;

			file_write(whole, cut);
			code = read_all((enum store_access)access, &count, &e);
			EXPECT(code == -EBADMSG && strstr(e.text, file) &&
				       strstr(e.text, "move it away"),
			       "cut at %zu: %d, %u rules '%s'", cut, code, count, e.text);
		}
	}
}

TEST(flipped_bytes_never_crash_or_lie_about_shape)
{
	unsigned seed = 7, refused = 0;
	size_t size = 0;

	dir_fresh();
	ENSURE(store_filled(500), "no store");
	size = file_read(whole, sizeof(whole));
	for (int round = 0; round < 400; round++) {
		struct err e = {0};
		unsigned count = 0;
		int code;

		memcpy(spoilt, whole, size);
		for (int i = 0; i < 1 << (round % 10); i++)
			spoilt[(size_t)rand_r(&seed) % size] = (char)rand_r(&seed);
		file_write(spoilt, size);
		code = read_all(STORE_READ, &count, &e);
		EXPECT(code == 0 || code == -EBADMSG || code == -EPROTO || code == -ENOENT,
		       "round %d: %d '%s'", round, code, e.text);
		refused += code < 0;
	}
	EXPECT(refused > 100, "only %u of 400 were seen", refused);
}

TEST(rows_that_make_no_sense_are_damage)
{
	static const char *const edits[] = {
		"UPDATE rule SET because = printf('%300s', 'x')",
		"UPDATE rule SET because = 'a' || char(0) || 'b'",
		"UPDATE rule SET action = 0",
		"UPDATE rule SET bits = 100", /* bits behind the length */
		"PRAGMA ignore_check_constraints = ON; UPDATE rule SET bits = 500",
		"PRAGMA ignore_check_constraints = ON; UPDATE rule SET addr = x'00'",
		"PRAGMA ignore_check_constraints = ON; UPDATE rule SET kind = 7",
		"PRAGMA ignore_check_constraints = ON; UPDATE rule SET action = 4",
		"DROP TABLE verdict",
		"DROP TABLE journal",
		"DROP TABLE rule",
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		struct err e = {0};
		unsigned count = 0;
		int code;

		dir_fresh();
		ENSURE(store_filled(1), "no store");
		database_made(edits[i]);
		code = read_all(STORE_READ, &count, &e);
		EXPECT(code == -EBADMSG, "%s: %d '%s'", edits[i], code, e.text);
	}
	/* The last of them, a table that is not there, is seen when the store is opened. */
	fails_with(STORE_READ, -EBADMSG, "no table");
	fails_with(STORE_WRITE, -EBADMSG, "no table");
}
