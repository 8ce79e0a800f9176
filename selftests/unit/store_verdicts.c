/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts in the store: they come back as they were put, end when they should through reboots and steps of the clock, go with
 * their zone, and come in batches that are whole or not at all. A file that was edited is not believed.
 */
#include <sched.h>
#include <sys/mount.h>

#include "store/verdicts.h"
#include "store_rig.h"

#define EVIDENCE "{\"zones\":[],\"asked\":5}"

static struct store *open_fresh(void)
{
	struct err e = {0};
	struct store *s;

	EXPECT(store_open(&s, dir_fresh(), STORE_WRITE, &e) == 0, "open: %s", e.text);
	return s;
}

static struct store_verdict verdict_of(const char *prefix, const char *zones)
{
	struct store_verdict v = {.listed = *zones != '\0',
				  .classes = 1,
				  .score = 4,
				  .threshold = 3,
				  .zones = zones,
				  .by = *zones ? "zen.example" : "",
				  .reason = *zones ? "see https://example/?q" : "",
				  .evidence = EVIDENCE,
				  .decided_wall_s = 1700000000,
				  .expires_boot_ns = now_boot_ns() + 3600 * NS_PER_S};
	struct err e = {0};

	EXPECT(prefix_parse(prefix, &v.prefix, &e) == 0, "%s", e.text);
	v.addr = v.prefix.addr;
	return v;
}

static bool put_verdict(struct store *s, const struct store_verdict *v)
{
	struct err e = {0};
	int code = store_put_verdicts(s, v, 1, &e);

	return EXPECT(code == 0, "put: %d %s", code, e.text);
}

/* What a walk met, as "192.0.2.1 192.0.2.0/24". */
struct met {
	char text[512];
	unsigned count;
	struct store_verdict last;
	char zones[STORE_ZONES_MAX], by[STORE_BY_MAX], reason[STORE_REASON_MAX],
		evidence[STORE_EVIDENCE_MAX];
};

static int meet(void *context, const struct store_verdict *v)
{
	struct met *m = context;
	char text[PREFIX_TEXT_MAX];
	size_t n = strlen(m->text);

	if (n + PREFIX_TEXT_MAX + 1 < sizeof(m->text))
		snprintf(m->text + n, sizeof(m->text) - n, "%s%s", n ? " " : "",
			 prefix_format(&v->prefix, text));
	m->count++;
	m->last = *v;
	snprintf(m->zones, sizeof(m->zones), "%s", v->zones);
	snprintf(m->by, sizeof(m->by), "%s", v->by);
	snprintf(m->reason, sizeof(m->reason), "%s", v->reason);
	snprintf(m->evidence, sizeof(m->evidence), "%s", v->evidence);
	return 0;
}

/* Those that hold for an address, or (NULL) all. In memory of the program: it is large. */
static struct met *met_by(struct store *s, const char *addr)
{
	static struct met m;
	struct err e = {0};
	struct addr a = {0};
	int code;

	m = (struct met){0};
	if (addr)
		EXPECT(addr_parse(addr, &a, &e) == 0, "%s", e.text);
	code = store_each_verdict(s, addr ? &a : NULL, meet, &m, &e);
	EXPECT(code == 0, "each: %d %s", code, e.text);
	return &m;
}

static unsigned count_verdicts(struct store *s)
{
	return met_by(s, NULL)->count;
}

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
	begun = now_monotonic_ns();
	EXPECT(store_delete_verdicts(s, "zen.example", true, &count, &e) == 0 && count > BATCH / 2,
	       "%u gone: %s", count, e.text);
	printf("# deleting %u: %u ms\n", count, (unsigned)((now_monotonic_ns() - begun) / 1000000));
	store_close(s);
	free(list);
}

/* ---- deadlines ---- */

/* Left until the verdict ends as the store tells it; 0: not found. */
static int64_t left_now(struct store *s)
{
	struct met *m = met_by(s, "192.0.2.1");

	return m->count ? (int64_t)m->last.expires_boot_ns - played_boot_ns : 0;
}

static struct store *played_with_verdict(int64_t length_ns)
{
	struct store_verdict v = verdict_of("192.0.2.1", " zen.example ");
	struct store *s;

	dir_fresh();
	play("boot-a", 1000 * S, WALL);
	s = open_played();
	v.expires_boot_ns = (uint64_t)(played_boot_ns + length_ns);
	if (s)
		put_verdict(s, &v);
	return s;
}

TEST(a_clock_step_changes_no_verdict_of_this_boot)
{
	static const int64_t steps_ns[] = {H, -H, 100000 * H, -WALL};

	for (size_t i = 0; i < COUNT(steps_ns); i++) {
		struct store *s = played_with_verdict(600 * S);

		ENSURE(s, "no store");
		play_on(10 * S);
		played_wall_ns += steps_ns[i];
		EXPECT(left_now(s) == 590 * S, "before rebase: %" PRId64, left_now(s));
		EXPECT(store_rebase(s, NULL) == 0, "rebase");
		play_on(590 * S - 1);
		EXPECT(left_now(s) == 1, "the last nanosecond: %" PRId64, left_now(s));
		play_on(1);
		EXPECT(left_now(s) == 0, "ended");
		store_close(s);
	}
}

TEST(verdicts_hold_through_a_reboot_and_never_longer)
{
	static const struct {
		const char *sentence;
		int64_t off_ns, clock_error_ns, left_ns;
	} rows[] = {
		{"a reboot of a minute", 60 * S, 0, H - 60 * S},
		{"off for longer", H, 0, 0},
		{"the clock an hour slow", 60 * S, -H, H},
		{"the clock at 1970", 60 * S, -WALL, H},
		{"the clock half an hour fast", 60 * S, H / 2, H / 2 - 60 * S},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store *s = played_with_verdict(H);

		ENSURE(s, "no store");
		store_close(s);
		play("boot-b", 5 * S, WALL + rows[i].off_ns + rows[i].clock_error_ns);
		s = open_played();
		ENSURE(s, "no store");
		EXPECT(left_now(s) == rows[i].left_ns, "%s: %" PRId64, rows[i].sentence,
		       left_now(s) / S);
		/* From here on boot time decides, and the clock may be put right. */
		play_on(10 * S);
		played_wall_ns -= rows[i].clock_error_ns;
		EXPECT(left_now(s) == (rows[i].left_ns ? rows[i].left_ns - 10 * S : 0),
		       "%s, the clock put right: %" PRId64, rows[i].sentence, left_now(s) / S);
		store_close(s);
	}
}

TEST(a_clock_step_with_nobody_running_moves_no_verdict)
{
	for (int64_t step = -H; step <= H; step += 2 * H) {
		struct store *s = played_with_verdict(2 * H);

		ENSURE(s, "no store");
		play_on(600 * S);
		played_wall_ns += step;
		store_close(s);
		store_close(open_played());
		play("boot-b", 0, played_wall_ns + 60 * S);
		s = open_played();
		ENSURE(s, "no store");
		EXPECT(left_now(s) == 2 * H - 660 * S, "step %" PRId64 ": %" PRId64 " s left",
		       step / S, left_now(s) / S);
		store_close(s);
	}
}

TEST(expired_verdicts_are_not_found_and_reaped)
{
	struct store *s = played_with_verdict(10 * S);
	struct store_verdict v = verdict_of("192.0.2.2", "");
	struct err e = {0};
	unsigned count = 77;

	ENSURE(s, "no store");
	v.expires_boot_ns = (uint64_t)(played_boot_ns + H);
	put_verdict(s, &v);
	EXPECT(store_reap_verdicts(s, &count, &e) == 0 && count == 0, "nothing yet: %u", count);
	play_on(10 * S);
	EXPECT(left_now(s) == 0 && count_verdicts(s) == 1, "not found");
	EXPECT(store_reap_verdicts(s, &count, &e) == 0 && count == 1, "%u %s", count, e.text);
	store_close(s);
	/* After a reboot the boot time of the row is far ahead. */
	play("boot-b", 5 * S, played_wall_ns + 2 * H);
	s = open_played();
	ENSURE(s, "no store");
	EXPECT(store_reap_verdicts(s, &count, &e) == 0 && count == 1, "%u %s", count, e.text);
	v.expires_boot_ns = (uint64_t)(played_boot_ns + 1);
	put_verdict(s, &v);
	play_on(1);
	EXPECT(store_delete_verdict(s, &v.prefix, &e) == -ENOENT, "was no verdict any more");
	store_close(s);
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
		"boot_id = NULL, expires_boot_ns = NULL, expires_wall_ns = NULL, "
		"remaining_ns = NULL",
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
	struct store_verdict v = verdict_of("192.0.2.1", " zen.example ");
	struct err e = {0};
	struct store *s;
	char mode[16];

	dir_fresh();
	ENSURE(mkdir(dir, 0700) == 0, "mkdir");
	edit(schema_1);
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
	v.expires_boot_ns = (uint64_t)(played_boot_ns + H);
	put_verdict(s, &v);
	EXPECT(count_verdicts(s) == 1, "and verdicts");
	store_close(s);
	reads(2, "and is read from now on");
}

TEST(a_change_by_another_process_is_seen)
{
	struct store_verdict v = verdict_of("192.0.2.1", " zen.example ");
	int64_t first = 0, own = 0, other = 0;
	struct store *s = open_fresh(), *second;
	struct err e = {0};

	ENSURE(s && store_open(&second, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_get_version(s, &first, &e) == 0, "%s", e.text);
	put_verdict(s, &v);
	EXPECT(store_get_version(s, &own, &e) == 0 && own == first, "its own change");
	EXPECT(store_delete_verdict(second, &v.prefix, &e) == 0, "%s", e.text);
	EXPECT(store_get_version(s, &other, &e) == 0 && other != first, "another's change");
	store_close(second);
	store_close(s);
}
