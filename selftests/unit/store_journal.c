/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal: the latest first, by address too, bounded by days and bytes, and not believed when the file was edited. */
#include "store/verdicts.h"
#include "store_rig.h"

static struct store_entry entry_of(const char *prefix, const char *text)
{
	struct store_entry entry = {.wall_s = WALL / S, .what = "listed"};
	struct err e = {0};

	if (prefix) {
		entry.has_prefix = true;
		EXPECT(prefix_parse(prefix, &entry.prefix, &e) == 0, "%s", e.text);
	}
	snprintf(entry.text, sizeof(entry.text), "%s", text);
	return entry;
}

static void write_one(struct store *s, const char *prefix, const char *text, int64_t wall_s)
{
	struct store_entry entry = entry_of(prefix, text);
	struct err e = {0};

	entry.wall_s = wall_s;
	EXPECT(store_write_journal(s, &entry, 1, &e) == 0, "write: %s", e.text);
}

struct told {
	char text[256];
	unsigned count;
	struct store_entry last;
};

static int tell(void *context, const struct store_entry *entry)
{
	struct told *t = context;
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%s%.20s", n ? " " : "", entry->text);
	t->last = *entry;
	t->count++;
	return 0;
}

static struct told told_by(struct store *s, const char *addr, unsigned most)
{
	struct told t = {0};
	struct err e = {0};
	struct addr a;
	int code;

	if (addr)
		EXPECT(addr_parse(addr, &a, &e) == 0, "%s", e.text);
	code = store_each_entry(s, addr ? &a : NULL, most, tell, &t, &e);
	EXPECT(code == 0, "each: %d %s", code, e.text);
	return t;
}

static struct store *journal_fresh(void)
{
	dir_fresh();
	play("boot-a", 1000 * S, WALL);
	return open_played();
}

TEST(entries_come_back_the_latest_first)
{
	struct store *s = journal_fresh();
	struct store_entry list[2];
	struct err e = {0};
	struct told t;

	ENSURE(s, "no store");
	write_one(s, "192.0.2.1", "a", WALL / S);
	/* By order of writing, not by a clock that was set back. */
	write_one(s, "2001:db8::/64", "b", 5);
	list[0] = entry_of(NULL, "c");
	list[1] = entry_of("192.0.2.0/24", "d");
	EXPECT(store_write_journal(s, list, 2, &e) == 0, "%s", e.text);
	store_close(s);
	s = open_played();
	ENSURE(s, "no store");
	write_one(s, "192.0.2.1", "e", WALL / S);
	t = told_by(s, NULL, 100);
	EXPECT(!strcmp(t.text, "e d c b a"), "%s", t.text);
	EXPECT(t.last.has_prefix && t.last.prefix.bits == 128 && !strcmp(t.last.what, "listed") &&
		       t.last.wall_s == WALL / S,
	       "another entry");
	t = told_by(s, NULL, 2);
	EXPECT(!strcmp(t.text, "e d"), "two at most: %s", t.text);
	t = told_by(s, "192.0.2.1", 100);
	EXPECT(!strcmp(t.text, "e d a"), "those about an address: %s", t.text);
	t = told_by(s, "192.0.2.1", 2);
	EXPECT(!strcmp(t.text, "e d"), "two of them at most: %s", t.text);
	t = told_by(s, "192.0.2.9", 100);
	EXPECT(!strcmp(t.text, "d"), "of its network: %s", t.text);
	t = told_by(s, "2001:db8::77", 100);
	EXPECT(!strcmp(t.text, "b"), "of its /64: %s", t.text);
	t = told_by(s, "2001:db9::", 100);
	EXPECT(t.count == 0, "of nobody: %s", t.text);
	store_close(s);
}

TEST(entries_that_make_no_sense_are_refused_with_their_batch)
{
	struct store *s = journal_fresh();
	struct store_entry list[2];
	struct err e = {0};

	ENSURE(s, "no store");
	for (int fault = 0; fault < 4; fault++) {
		list[0] = entry_of("192.0.2.1", "good");
		list[1] = entry_of("192.0.2.2", "bad");
		if (fault == 0)
			list[1].what[0] = '\0';
		else if (fault == 1)
			memset(list[1].what, 'w', sizeof(list[1].what));
		else if (fault == 2)
			memset(list[1].text, 't', sizeof(list[1].text));
		else
			list[1].prefix.bits = 120;
		EXPECT(store_write_journal(s, list, 2, &e) == -EINVAL, "fault %d", fault);
		EXPECT(told_by(s, NULL, 9).count == 0, "fault %d: the first is there", fault);
	}
	EXPECT(store_begin(s, &e) == 0 && store_write_journal(s, list, 1, &e) == 0, "%s", e.text);
	store_rollback(s);
	EXPECT(told_by(s, NULL, 9).count == 0, "a part of a transaction");
	store_close(s);
}

static struct told forgotten_behind(struct store *s, int64_t id)
{
	struct told t = {0};
	struct err e = {0};
	int code = store_each_entry_behind(s, id, STORE_FORGOTTEN, tell, &t, &e);

	EXPECT(code == 0, "each: %d %s", code, e.text);
	return t;
}

/* By their order, not by a clock, and however many others stand behind them. */
TEST(entries_of_one_name_behind_another_entry_are_found)
{
	struct store *s = journal_fresh();
	struct store_entry entry = entry_of("192.0.2.1", "first");
	struct err e = {0};
	int64_t end = 77;
	struct told t;

	ENSURE(s, "no store");
	EXPECT(store_last_entry(s, &end, &e) == 0 && end == 0, "none yet: %lld", (long long)end);
	snprintf(entry.what, sizeof(entry.what), STORE_FORGOTTEN);
	EXPECT(store_write_journal(s, &entry, 1, &e) == 0, "%s", e.text);
	t = forgotten_behind(s, end);
	EXPECT(!strcmp(t.text, "first"), "%s", t.text);
	EXPECT(store_last_entry(s, &end, &e) == 0 && end > 0 && end == t.last.id, "its id");
	EXPECT(forgotten_behind(s, end).count == 0, "once");
	entry = entry_of("192.0.2.2", "second");
	snprintf(entry.what, sizeof(entry.what), STORE_FORGOTTEN);
	entry.wall_s = 5;
	EXPECT(store_write_journal(s, &entry, 1, &e) == 0, "%s", e.text);
	for (unsigned i = 0; i < 100; i++)
		write_one(s, "192.0.2.3", "another", WALL / S);
	t = forgotten_behind(s, end);
	EXPECT(t.count == 1 && !strcmp(t.text, "second") && t.last.id > end, "%s", t.text);
	store_close(s);
}

#define DAY (24 * H)

TEST(entries_are_kept_for_so_many_days)
{
	struct store *s = journal_fresh();
	struct err e = {0};
	unsigned count = 77;

	ENSURE(s, "no store");
	write_one(s, NULL, "a", WALL / S);
	write_one(s, NULL, "1970", 5);
	play_on(DAY);
	write_one(s, NULL, "b", played_wall_ns / S);
	EXPECT(store_trim_journal(s, &count, &e) == 0 && count == 1, "%u %s", count, e.text);
	play_on((STORE_JOURNAL_DAYS - 1) * DAY);
	EXPECT(store_trim_journal(s, &count, &e) == 0 && count == 0, "the last second: %u", count);
	play_on(S);
	EXPECT(store_trim_journal(s, &count, &e) == 0 && count == 1, "one more: %u", count);
	EXPECT(!strcmp(told_by(s, NULL, 9).text, "b"), "%s", told_by(s, NULL, 9).text);
	/* A clock set back makes nothing young again, and nothing go. */
	played_wall_ns = 0;
	EXPECT(store_trim_journal(s, &count, &e) == 0 && count == 0, "%u", count);
	store_close(s);
}

TEST(the_oldest_go_when_the_journal_is_too_large)
{
	struct store *s = journal_fresh();
	struct err e = {0};
	unsigned count = 77;
	char sql[100];

	ENSURE(s, "no store");
	write_one(s, NULL, "a", WALL / S);
	write_one(s, NULL, "b", WALL / S);
	/* As if there were so many bytes between them. */
	snprintf(sql, sizeof(sql), "UPDATE journal SET id = id + %d WHERE text = 'b'",
		 STORE_JOURNAL_BYTES - 1000);
	EXPECT(statement_exec(s, sql, &e) == 0, "%s", e.text);
	EXPECT(store_trim_journal(s, &count, &e) == 0 && count == 0, "not yet: %u", count);
	for (int i = 0; i < 10; i++)
		write_one(s, NULL, "c", WALL / S);
	EXPECT(store_trim_journal(s, &count, &e) == 0 && count == 1, "%u %s", count, e.text);
	EXPECT(told_by(s, NULL, 99).count == 11 && !strcmp(told_by(s, NULL, 99).last.text, "b"),
	       "%s", told_by(s, NULL, 99).text);
	store_close(s);
}

#define MANY 20000

TEST(its_bytes_are_those_of_the_file)
{
	struct store_entry *list = calloc(MANY, sizeof(*list));
	struct store *s = journal_fresh();
	int64_t counted = 0, pages = 0, before = 0;
	struct err e = {0};
	uint64_t begun;

	ENSURE(s && list, "no store");
	EXPECT(statement_number(s, "PRAGMA page_count", &before, &e) == 0, "%s", e.text);
	for (unsigned i = 0; i < MANY; i++) {
		struct store_rule place = rule_numbered(i * 2654435761u);

		list[i] = entry_of(NULL, "score 5 of 3: zen.example 127.0.0.2 (3)");
		list[i].has_prefix = true;
		list[i].prefix = place.prefix;
	}
	begun = now_monotonic_ns();
	EXPECT(store_write_journal(s, list, MANY, &e) == 0, "%s", e.text);
	printf("# %d entries: %u ms\n", MANY, (unsigned)((now_monotonic_ns() - begun) / 1000000));
	EXPECT(statement_number(s, "PRAGMA page_count", &pages, &e) == 0 &&
		       statement_number(s, "SELECT max(id) FROM journal", &counted, &e) == 0,
	       "%s", e.text);
	pages = (pages - before) * 4096;
	printf("# %" PRId64 " bytes counted, %" PRId64 " in the file\n", counted, pages);
	EXPECT(pages < counted + counted / 5 && pages > counted / 2,
	       "%" PRId64 " counted, %" PRId64 " in the file", counted, pages);
	store_close(s);
	free(list);
}

TEST(rows_that_make_no_sense_are_damage)
{
	static const char *const edits[] = {
		"what = ''",
		"what = printf('%30s', 'x')",
		"text = printf('%600s', 'x')",
		"text = 'a' || char(0)",
		"bits = 100",
		"bits = -1",
		"addr = x'00'",
	};

	for (size_t i = 0; i < COUNT(edits); i++) {
		struct store *s = journal_fresh();
		struct err e = {0};
		struct told t = {0};
		char sql[160];
		int code;

		ENSURE(s, "no store");
		write_one(s, "192.0.2.1", "a", WALL / S);
		snprintf(sql, sizeof(sql),
			 "PRAGMA ignore_check_constraints = ON; UPDATE journal SET %s", edits[i]);
		EXPECT(statement_exec(s, sql, &e) == 0, "%s: %s", edits[i], e.text);
		code = store_each_entry(s, NULL, 9, tell, &t, &e);
		EXPECT(code == -EBADMSG && t.count == 0, "%s: %d '%s'", edits[i], code, e.text);
		store_close(s);
	}
}

TEST(an_order_that_nobody_counted_is_damage)
{
	static const char *const ids[] = {"-5", "9223372036854775807"};

	for (size_t i = 0; i < COUNT(ids); i++) {
		struct store_entry entry = entry_of(NULL, "b");
		struct store *s = journal_fresh();
		struct err e = {0};
		unsigned count;
		char sql[80];

		ENSURE(s, "no store");
		write_one(s, NULL, "a", WALL / S);
		snprintf(sql, sizeof(sql), "UPDATE journal SET id = %s", ids[i]);
		EXPECT(statement_exec(s, sql, &e) == 0, "%s", e.text);
		EXPECT(store_write_journal(s, &entry, 1, &e) == -EBADMSG, "write: '%s'", e.text);
		EXPECT(store_trim_journal(s, &count, &e) == -EBADMSG, "trim: '%s'", e.text);
		store_close(s);
	}
}
