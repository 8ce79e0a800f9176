/* SPDX-License-Identifier: BSD-2-Clause */
/* Forgetting with the store alone: verdicts on an address, its /64 and its network go, others stay, and the journal tells. */
#include "tap.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/ruling.h"
#include "store/bans.h"

struct bench {
	struct conf conf; /* its state directory: where the test makes one */
	char dir[PATH_MAX + 64];
	struct ruling r;
	struct err e, kept;
};

static bool bench_make(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	conf_defaults(&b->conf);
	snprintf(b->conf.instance, sizeof(b->conf.instance), "unit-forget-%d", (int)getpid());
	if (!EXPECT(tap_temp_dir(b->conf.state_dir, "forget"), "a directory"))
		return false;
	snprintf(b->dir, sizeof(b->dir), "%s/%s", b->conf.state_dir, b->conf.instance);
	return true;
}

static void bench_end(struct bench *b)
{
	static const char *const files[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm",
					    STORE_LOCK};
	char path[PATH_MAX + 128];

	ruling_close(&b->r);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, files[i]);
		unlink(path);
	}
	rmdir(b->dir);
	rmdir(b->conf.state_dir);
}

static bool store_fill(struct bench *b, const char *const *prefixes, size_t count)
{
	struct store *s;
	int rc = store_open(&s, b->dir, STORE_WRITE, &b->e);

	for (size_t i = 0; i < count && rc == 0; i++) {
		struct store_verdict v = {.listed = true,
					  .classes = 1,
					  .score = 4,
					  .threshold = 3,
					  .zones = " zen.example ",
					  .by = "zen.example",
					  .reason = "",
					  .evidence = "{}",
					  .decided_wall_s = 1,
					  .expires_boot_ns = now_boot_ns() + 3600 * NS_PER_S};

		EXPECT(prefix_parse(prefixes[i], &v.prefix, NULL) == 0, "%s", prefixes[i]);
		v.addr = v.prefix.addr;
		rc = store_put_verdicts(s, &v, 1, &b->e);
	}
	store_close(s);
	return EXPECT(rc == 0, "%s", b->e.text);
}

static int count_verdict(void *context, const struct store_verdict *v)
{
	(void)v;
	++*(unsigned *)context;
	return 0;
}

static int keep_entry(void *context, const struct store_entry *entry)
{
	*(struct store_entry *)context = *entry;
	return 0;
}

static int forget(struct bench *b, const char *addr, struct forgotten *out)
{
	struct addr a;

	EXPECT(addr_parse(addr, &a, &b->e) == 0, "%s", b->e.text);
	return ruling_forget(&b->r, &a, out, &b->e);
}

TEST(verdicts_that_hold_for_an_address_are_forgotten)
{
	static const char *const prefixes[] = {"192.0.2.7",	  "192.0.2.8",
					       "192.0.2.0/24",	  "2001:db8:1:1::/64",
					       "2001:db8:1::/48", "2001:db8:1:2::/64"};
	struct store_entry last = {0};
	struct forgotten f;
	unsigned left = 0;
	struct bench b;

	ENSURE(bench_make(&b), "no bench");
	ENSURE(store_fill(&b, prefixes, sizeof(prefixes) / sizeof(*prefixes)), "no store");
	ENSURE(ruling_open_lenient(&b.r, &b.conf, &b.kept, &b.e) == 0 && b.r.store, "%s %s",
	       b.e.text, b.kept.text);
	EXPECT(forget(&b, "192.0.2.7", &f) == 0 && f.verdicts == 2 && !f.kernel && !f.kept.code,
	       "%u: %s", f.verdicts, b.e.text);
	EXPECT(f.verdict[0].bits == 128 && f.verdict[1].bits == 120, "address, then network");
	EXPECT(forget(&b, "192.0.2.7", &f) == -ENOENT && strstr(b.e.text, "192.0.2.7"), "%s",
	       b.e.text);
	EXPECT(forget(&b, "2001:db8:1:1::99", &f) == 0 && f.verdicts == 2, "%u", f.verdicts);
	EXPECT(store_each_verdict(b.r.store, NULL, count_verdict, &left, &b.e) == 0 && left == 2,
	       "%u left", left);
	EXPECT(store_each_entry(b.r.store, NULL, 1, keep_entry, &last, &b.e) == 0 &&
		       !strcmp(last.what, "forgotten") && last.has_prefix &&
		       last.prefix.bits == 48 && strstr(last.text, "zen.example"),
	       "the journal: %s %s", last.what, last.text);
	bench_end(&b);
}

/* Bans that have ended too: by their number the next one would be longer. */
TEST(bans_are_forgotten_with_their_history)
{
	static const char *const prefixes[] = {"192.0.2.7"};
	struct store_ban list[] = {
		{.level = 3, .offences = 15, .reason = "rate", .expires_boot_ns = 1},
		{.level = 1, .offences = 1, .reason = "neighbours"},
	};
	struct store_entry last = {0};
	struct forgotten f;
	struct bench b;

	ENSURE(bench_make(&b), "no bench");
	ENSURE(store_fill(&b, prefixes, 1), "no store");
	ENSURE(ruling_open_lenient(&b.r, &b.conf, &b.kept, &b.e) == 0 && b.r.store, "%s", b.e.text);
	list[1].expires_boot_ns = now_boot_ns() + 3600 * NS_PER_S;
	ENSURE(prefix_parse("192.0.2.7", &list[0].prefix, NULL) == 0 &&
		       prefix_parse("192.0.2.0/24", &list[1].prefix, NULL) == 0 &&
		       store_put_bans(b.r.store, list, 2, &b.e) == 0,
	       "%s", b.e.text);
	EXPECT(forget(&b, "192.0.2.7", &f) == 0 && f.verdicts == 1 && f.bans == 2, "%u and %u: %s",
	       f.verdicts, f.bans, b.e.text);
	EXPECT(f.ban[0].bits == 128 && f.ban[1].bits == 120, "address, then network");
	EXPECT(store_each_entry(b.r.store, NULL, 1, keep_entry, &last, &b.e) == 0 &&
		       !strcmp(last.what, "forgotten") && last.prefix.bits == 120 &&
		       strstr(last.text, "neighbours"),
	       "the journal: %s %s", last.what, last.text);
	EXPECT(forget(&b, "192.0.2.7", &f) == -ENOENT, "once");
	bench_end(&b);
}

TEST(a_store_that_is_not_there_is_not_made)
{
	struct forgotten f;
	struct bench b;

	ENSURE(bench_make(&b), "no bench");
	EXPECT(ruling_open_lenient(&b.r, &b.conf, &b.kept, &b.e) == 0 && !b.r.store && !b.kept.code,
	       "%s %s", b.e.text, b.kept.text);
	EXPECT(access(b.dir, F_OK) < 0, "%s was made", b.dir);
	EXPECT(forget(&b, "192.0.2.7", &f) == -ENOENT, "nothing to forget");
	bench_end(&b);
}

TEST(a_store_that_is_damaged_is_said)
{
	char path[PATH_MAX + 128];
	struct bench b;
	FILE *out;

	ENSURE(bench_make(&b), "no bench");
	ENSURE(mkdir(b.dir, 0700) == 0, "mkdir");
	snprintf(path, sizeof(path), "%s/" STORE_FILE, b.dir);
	out = fopen(path, "w");
	ENSURE(out, "fopen");
	fputs("no database", out);
	fclose(out);
	EXPECT(ruling_open_lenient(&b.r, &b.conf, &b.kept, &b.e) == 0 && !b.r.store &&
		       b.kept.code == -EBADMSG,
	       "%d %s", b.kept.code, b.kept.text);
	bench_end(&b);
}
