/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts in the store: they come back as they were put, go with their zone, and come in batches that are whole or not at
 * all. A file that was edited is not believed.
 */
#include <sched.h>
#include <sys/mount.h>

#include "verdict_rig.h"

TEST(verdicts_come_back_as_they_were_put)
{
	struct store *s = open_fresh();
	struct store_verdict v;
	struct err e = {0};
	struct met *m;

	ENSURE(s, "no store");
	v = verdict_of("2001:db8:1:2::/64", " zen.example list.example ");
	v.addr.byte[15] = 7;
	v.score = -9000000000;
	v.classes = 3;
	v.partial = true;
	ENSURE(put_verdict(s, &v), "put");
	store_close(s);
	ENSURE(store_open(&s, dir, STORE_READ, &e) == 0, "%s", e.text);
	m = met_by(s, NULL);
	ENSURE(m->count == 1, "%u", m->count);
	EXPECT(prefix_equal(&m->last.prefix, &v.prefix) && addr_equal(&m->last.addr, &v.addr) &&
		       m->last.listed && m->last.partial && m->last.classes == 3 &&
		       m->last.score == v.score && m->last.threshold == 3 &&
		       m->last.decided_wall_s == v.decided_wall_s &&
		       m->last.expires_boot_ns == v.expires_boot_ns,
	       "another verdict");
	EXPECT(!strcmp(m->zones, v.zones) && !strcmp(m->by, v.by) && !strcmp(m->reason, v.reason) &&
		       !strcmp(m->evidence, EVIDENCE),
	       "other texts: %s %s %s %s", m->zones, m->by, m->reason, m->evidence);
	EXPECT(store_put_verdicts(s, &v, 1, &e) == -EBADF, "a reader does not write");
	store_close(s);
}

TEST(a_later_verdict_replaces)
{
	struct store *s = open_fresh();
	struct store_verdict v;

	ENSURE(s, "no store");
	v = verdict_of("192.0.2.1", " zen.example ");
	put_verdict(s, &v);
	v = verdict_of("192.0.2.1", "");
	put_verdict(s, &v);
	EXPECT(count_verdicts(s) == 1 && !met_by(s, NULL)->last.listed, "clean now");
	store_close(s);
}

TEST(an_address_finds_the_verdicts_that_hold_for_it_longest_first)
{
	static const char *const prefixes[] = {"192.0.2.0/24",	    "192.0.2.7",     "192.0.2.8",
					       "2001:db8::/48",	    "2001:db8::/64", "2001:db8::1",
					       "2001:db8:0:1::/64", "0.0.0.0/0",     "::/0"};
	static const struct {
		const char *addr, *want;
	} rows[] = {
		{"192.0.2.7", "192.0.2.7 192.0.2.0/24 0.0.0.0/0"},
		{"192.0.2.9", "192.0.2.0/24 0.0.0.0/0"},
		{"198.51.100.1", "0.0.0.0/0"},
		{"2001:db8::1", "2001:db8::1 2001:db8::/64 2001:db8::/48 ::/0"},
		{"2001:db8::2", "2001:db8::/64 2001:db8::/48 ::/0"},
		{"2001:db8:0:1::1", "2001:db8:0:1::/64 2001:db8::/48 ::/0"},
	};
	struct store *s = open_fresh();

	ENSURE(s, "no store");
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		struct store_verdict v = verdict_of(prefixes[i], " zen.example ");

		put_verdict(s, &v);
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		EXPECT(!strcmp(met_by(s, rows[i].addr)->text, rows[i].want), "%s: %s", rows[i].addr,
		       met_by(s, rows[i].addr)->text);
	EXPECT(count_verdicts(s) == COUNT(prefixes), "%u", count_verdicts(s));
	store_close(s);
}

TEST(a_prefix_finds_its_own_verdict_or_one_on_a_part_of_it)
{
	static const char *const prefixes[] = {"192.0.2.0/24",	"192.0.2.0",	    "192.0.2.7",
					       "198.51.100.9",	"2001:db8:0:1::5",  "2001:db8::/64",
					       "2001:db8::/48", "2001:db8:0:1::/65"};
	static const struct {
		const char *prefix, *want;
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.0/24"},    {"192.0.2.0", "192.0.2.0"},
		{"192.0.2.7", "192.0.2.7"},	     {"192.0.2.8", ""},
		{"198.51.100.0/24", "198.51.100.9"}, {"2001:db8::/64", "2001:db8::/64"},
		{"2001:db8::/48", "2001:db8::/48"},  {"2001:db8:0:1::/64", "2001:db8:0:1::/65"},
		{"2001:db8:0:2::/64", ""},
	};
	struct store *s = open_fresh();

	ENSURE(s, "no store");
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		struct store_verdict v = verdict_of(prefixes[i], " zen.example ");

		put_verdict(s, &v);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		static struct met m;
		struct err e = {0};
		struct prefix p;
		int code;

		m = (struct met){0};
		EXPECT(prefix_parse(rows[i].prefix, &p, &e) == 0, "%s", e.text);
		code = store_find_verdict(s, &p, meet, &m, &e);
		EXPECT(code == (*rows[i].want ? 0 : -ENOENT) && !strcmp(m.text, rows[i].want),
		       "%s: %d, '%s'", rows[i].prefix, code, m.text);
	}
	store_close(s);
}

TEST(verdicts_go_one_by_one_and_with_their_zone)
{
	struct store *s = open_fresh();
	struct store_verdict v;
	struct err e = {0};
	unsigned count;

	ENSURE(s, "no store");
	v = verdict_of("192.0.2.1", " zen.example ");
	put_verdict(s, &v);
	v = verdict_of("192.0.2.2", " list.example zen.example ");
	put_verdict(s, &v);
	v = verdict_of("192.0.2.3", " x.zen.example zen.example.org ");
	put_verdict(s, &v);
	v = verdict_of("192.0.2.4", " zen.example ");
	v.listed = false;
	put_verdict(s, &v);
	EXPECT(store_delete_verdicts(s, "zen.example", true, &count, &e) == 0 && count == 2,
	       "%u gone: %s", count, e.text);
	EXPECT(!strcmp(met_by(s, NULL)->text, "192.0.2.3 192.0.2.4"), "left: %s",
	       met_by(s, NULL)->text);
	EXPECT(store_delete_verdicts(s, "zen.example", false, &count, &e) == 0 && count == 1,
	       "the clean one: %u", count);
	EXPECT(store_delete_verdicts(s, "%", false, &count, &e) == 0 && count == 0, "no pattern");
	EXPECT(store_delete_verdicts(s, "", false, &count, &e) == -EINVAL, "no name");
	EXPECT(store_delete_verdicts(s, "a b", false, &count, &e) == -EINVAL, "two names");
	EXPECT(store_delete_verdict(s, &v.prefix, &e) == -ENOENT, "gone already");
	v = verdict_of("192.0.2.3", "");
	EXPECT(store_delete_verdict(s, &v.prefix, &e) == 0 && count_verdicts(s) == 0, "%s", e.text);
	v = verdict_of("192.0.2.0/24", "");
	put_verdict(s, &v);
	v = verdict_of("192.0.2.0/25", "");
	EXPECT(store_delete_verdict(s, &v.prefix, &e) == -ENOENT, "another length");
	EXPECT(store_delete_verdicts(s, NULL, false, &count, &e) == 0 && count == 1, "all");
	store_close(s);
}

TEST(verdicts_that_make_no_sense_are_refused_with_their_batch)
{
	static char zones[STORE_ZONES_MAX + 1], evidence[STORE_EVIDENCE_MAX + 1];
	struct store_verdict list[2];
	struct store *s = open_fresh();
	struct err e = {0};

	ENSURE(s, "no store");
	memset(zones, 'z', STORE_ZONES_MAX);
	memset(evidence, 'e', STORE_EVIDENCE_MAX);
	for (int fault = 0; fault < 8; fault++) {
		list[0] = verdict_of("192.0.2.1", " zen.example ");
		list[1] = verdict_of("192.0.2.2", " zen.example ");
		switch (fault) {
		case 0:
			list[1].expires_boot_ns = 0;
			break;
		case 1:
			list[1].expires_boot_ns = UINT64_MAX;
			break;
		case 2:
			list[1].prefix.bits = 120;
			break;
		case 3:
			list[1].prefix.bits = 200;
			break;
		case 4:
			list[1].addr.byte[15] = 77;
			break;
		case 5:
			list[1].zones = zones;
			break;
		case 6:
			list[1].evidence = evidence;
			break;
		default:
			list[1].reason = NULL;
			break;
		}
		EXPECT(store_put_verdicts(s, list, 2, &e) == -EINVAL, "fault %d", fault);
		EXPECT(count_verdicts(s) == 0, "fault %d: the first of the batch is there", fault);
	}
	zones[STORE_ZONES_MAX - 1] = '\0';
	evidence[STORE_EVIDENCE_MAX - 1] = '\0';
	list[1] = verdict_of("192.0.2.2", zones);
	list[1].evidence = evidence;
	EXPECT(store_put_verdicts(s, list, 2, &e) == 0 && count_verdicts(s) == 2,
	       "at the bound: %s", e.text);
	store_close(s);
}

TEST(a_batch_in_a_transaction_is_a_part_of_it)
{
	struct store *s = open_fresh();
	struct store_verdict good, other, bad;
	struct store_rule rule;
	struct err e = {0};

	ENSURE(s, "no store");
	good = verdict_of("192.0.2.1", "");
	other = verdict_of("192.0.2.3", "");
	bad = verdict_of("192.0.2.2", "");
	bad.expires_boot_ns = 0;
	rule = rule_numbered(1);
	EXPECT(store_begin(s, &e) == 0, "%s", e.text);
	put(s, &rule);
	put_verdict(s, &good);
	EXPECT(store_put_verdicts(s, (struct store_verdict[]){other, bad}, 2, &e) == -EINVAL,
	       "bad");
	EXPECT(store_commit(s, &e) == 0, "the rest stands: %s", e.text);
	EXPECT(count_verdicts(s) == 1 && has(s, &rule), "both");
	EXPECT(store_begin(s, &e) == 0, "%s", e.text);
	EXPECT(store_delete_verdict(s, &good.prefix, &e) == 0, "%s", e.text);
	store_rollback(s);
	EXPECT(count_verdicts(s) == 1, "taken back");
	store_close(s);
}

#define BATCH 20000
#define BATCH_MOST                                                                                 \
	(2000 * 1000000ULL) /* ns; a quarter of a second is usual, on a busy machine more */

TEST(twenty_thousand_verdicts_are_a_batch)
{
	struct store_verdict *list = calloc(BATCH, sizeof(*list));
	struct store *s = open_fresh();
	struct err e = {0};
	char evidence[400];
	uint64_t begun;
	unsigned count;

	ENSURE(s && list, "no store");
	memset(evidence, 'e', sizeof(evidence) - 1);
	evidence[sizeof(evidence) - 1] = '\0';
	for (unsigned i = 0; i < BATCH; i++) {
		struct store_rule place = rule_numbered(i * 2654435761u);

		list[i] = verdict_of("192.0.2.1", " zen.example ");
		list[i].prefix = place.prefix;
		list[i].addr = place.prefix.addr;
		list[i].evidence = evidence;
	}
	for (int round = 0; round < 2; round++) {
		begun = now_monotonic_ns();
		EXPECT(store_put_verdicts(s, list, BATCH, &e) == 0, "%s", e.text);
		begun = now_monotonic_ns() - begun;
		printf("# %s %d verdicts: %u ms\n", round ? "replacing" : "putting", BATCH,
		       (unsigned)(begun / 1000000));
		EXPECT(begun < BATCH_MOST, "it took %u ms", (unsigned)(begun / 1000000));
	}
	/* Wide gaps, and more than one part. */
	EXPECT(statement_exec(s,
			      "UPDATE verdict SET id = 9223372036854775807 WHERE id = 7;"
			      "UPDATE verdict SET id = -9223372036854775808 WHERE id = 8;"
			      "UPDATE verdict SET id = id + 1000000000000 WHERE id BETWEEN 100 AND "
			      "200",
			      &e) == 0,
	       "%s", e.text);
	begun = now_monotonic_ns();
	EXPECT(store_delete_verdicts(s, "zen.example", true, &count, &e) == 0 && count > BATCH / 2,
	       "%u gone: %s", count, e.text);
	EXPECT(count_verdicts(s) == 0, "%u left", count_verdicts(s));
	printf("# deleting %u: %u ms\n", count, (unsigned)((now_monotonic_ns() - begun) / 1000000));
	store_close(s);
	free(list);
}

/* ---- files ---- */

static void edit(const char *sql)
{
	char *text = NULL;
	sqlite3 *db;

	EXPECT(sqlite3_open(file, &db) == SQLITE_OK, "open");
	EXPECT(sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK, "%s: %s", sql, text);
	sqlite3_free(text);
	sqlite3_close(db);
}

#define NEVER "boot_id = NULL, expires_boot_ns = NULL, expires_wall_ns = NULL, remaining_ns = NULL"

TEST(rows_that_make_no_sense_are_damage)
{
	static const char *const edits[] = {
		"zones = printf('%5000s', 'x')",
		"by_zone = printf('%300s', 'x')",
		"reason = printf('%400s', 'x')",
		"evidence = printf('%9000s', 'x')",
		"reason = 'a' || char(0) || 'b'",
		"bits = 100", /* bits behind the length */
		"bits = 500",
		"addr = x'00'",
		"asked = x'00'",
		"asked = zeroblob(16)",
		"classes = -1",
		"classes = 1 << 40",
		NEVER,
	};

	for (size_t i = 0; i < COUNT(edits); i++) {
		struct store *s = open_fresh();
		struct store_verdict v = verdict_of("192.0.2.1", " zen.example ");
		struct err e = {0};
		struct met m = {0};
		char sql[200];
		int code;

		ENSURE(s, "no store");
		put_verdict(s, &v);
		store_close(s);
		snprintf(sql, sizeof(sql),
			 "PRAGMA ignore_check_constraints = ON; UPDATE verdict SET %s", edits[i]);
		edit(sql);
		ENSURE(store_open(&s, dir, STORE_READ, &e) == 0, "%s", e.text);
		code = store_each_verdict(s, NULL, meet, &m, &e);
		EXPECT(code == -EBADMSG && m.count == 0, "%s: %d '%s'", edits[i], code, e.text);
		store_close(s);
	}
}

static void disk_fills(void)
{
	struct store_verdict list[50];
	struct err e = {0};
	unsigned put = 0;
	struct store *s;
	int code = 0;

	if (!EXPECT(mkdir(dir, 0700) == 0 && unshare(CLONE_NEWNS) == 0 &&
			    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			    mount("none", dir, "tmpfs", 0, "size=1m") == 0 &&
			    store_open(&s, dir, STORE_WRITE, &e) == 0,
		    "a store on a small disk: %s %s", strerror(errno), e.text))
		return;
	while (code == 0 && put < 100000) {
		for (unsigned i = 0; i < COUNT(list); i++) {
			struct store_rule place = rule_numbered(put + i);

			list[i] = verdict_of("192.0.2.1", " zen.example ");
			list[i].prefix = place.prefix;
			list[i].addr = place.prefix.addr;
		}
		code = store_put_verdicts(s, list, COUNT(list), &e);
		if (code == 0)
			put += COUNT(list);
	}
	EXPECT(code == -ENOSPC && strstr(e.text, "space"), "%d '%s'", code, e.text);
	EXPECT(put > 0 && count_verdicts(s) == put, "%u of %u", count_verdicts(s), put);
	store_close(s);
}

TEST(a_full_disk_takes_no_part_of_a_batch)
{
	pid_t child;
	int status = -1;

	dir_fresh();
	child = fork();
	if (child == 0) {
		tap_failed = false;
		disk_fills();
		_exit(tap_failed ? 1 : 0);
	}
	waitpid(child, &status, 0);
	EXPECT(status == 0, "the child ended with %d", status);
}

TEST(a_change_by_another_process_is_seen)
{
	struct store_verdict v = verdict_of("192.0.2.1", " zen.example ");
	int64_t first = 0, own = 0, other = 0;
	struct store *s = open_fresh(), *second;
	struct err e = {0};
	uint32_t number;

	ENSURE(s && store_open(&second, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_get_version(s, &first, &e) == 0, "%s", e.text);
	put_verdict(s, &v);
	EXPECT(store_get_version(s, &own, &e) == 0 && own == first, "its own change");
	EXPECT(store_delete_verdict(second, &v.prefix, &e) == 0, "%s", e.text);
	EXPECT(store_get_version(s, &other, &e) == 0 && other != first, "another's change");
	number = store_number(s);
	store_close(s);
	ENSURE(store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_get_version(s, &own, &e) == 0 && own != first && own != other,
	       "opened anew: what came in between may be anything");
	EXPECT(store_number(s) != number && number, "and it is another store");
	store_close(second);
	store_close(s);
}
