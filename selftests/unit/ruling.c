/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules as a whole, with the store alone: the gate is not loaded. What the maps get is tested where there are
 * packets to be judged.
 */
#include "tap.h"

#include <errno.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/ruling.h"

struct bench {
	char dir[TAP_TEMP_MAX];
	struct conf conf;
	struct ruling r;
	struct err e;
};

static bool bench_open(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	if (!EXPECT(tap_temp_dir(b->dir, "ruling"), "a directory"))
		return false;
	conf_defaults(&b->conf);
	/* Own addresses of the machine the test runs on must not matter. */
	b->conf.local_networks = false;
	b->r.conf = &b->conf;
	return EXPECT(store_open(&b->r.store, b->dir, STORE_WRITE, &b->e) == 0, "%s", b->e.text);
}

static void bench_close(struct bench *b)
{
	static const char *const files[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm",
					    STORE_LOCK};
	char path[128];

	ruling_close(&b->r);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, files[i]);
		unlink(path);
	}
	rmdir(b->dir);
}

static struct store_rule rule_of(enum store_kind kind, const char *prefix)
{
	struct store_rule rule = {.kind = kind,
				  .action = kind == STORE_BLOCK ? STORE_DROP : STORE_NONE,
				  .origin = "operator",
				  .created_wall_s = 1};

	EXPECT(prefix_parse(prefix, &rule.prefix, NULL) == 0, "%s", prefix);
	return rule;
}

static int put(struct bench *b, enum store_kind kind, const char *prefix)
{
	struct store_rule rule = rule_of(kind, prefix);
	unsigned killed;

	return ruling_put(&b->r, &rule, &killed, &b->e);
}

static int take(struct bench *b, enum store_kind kind, const char *prefix)
{
	struct store_rule rule = rule_of(kind, prefix);

	return ruling_delete(&b->r, kind, &rule.prefix, &b->e);
}

static int get(struct bench *b, enum store_kind kind, const char *prefix)
{
	struct store_rule rule = rule_of(kind, prefix), found;

	return store_get_rule(b->r.store, kind, &rule.prefix, &found, &b->e);
}

static int count_one(void *context, const struct store_rule *rule)
{
	(void)rule;
	++*(unsigned *)context;
	return 0;
}

static unsigned count(struct bench *b)
{
	unsigned n = 0;

	EXPECT(store_each_rule(b->r.store, count_one, &n, &b->e) == 0, "%s", b->e.text);
	return n;
}

TEST(ruling_puts_and_deletes)
{
	struct bench b;

	if (!bench_open(&b))
		goto out;
	EXPECT(put(&b, STORE_BLOCK, "203.0.113.7") == 0, "%s", b.e.text);
	EXPECT(get(&b, STORE_BLOCK, "203.0.113.7") == 0, "is stored");
	EXPECT(take(&b, STORE_BLOCK, "203.0.113.7") == 0, "%s", b.e.text);
	EXPECT(get(&b, STORE_BLOCK, "203.0.113.7") == -ENOENT, "is gone");
	EXPECT(take(&b, STORE_BLOCK, "203.0.113.7") == -ENOENT, "was there once");
	EXPECT(strstr(b.e.text, "203.0.113.7 is not blocked"), "%s", b.e.text);
out:
	bench_close(&b);
}

TEST(ruling_says_which_rule_covers)
{
	struct bench b;

	if (!bench_open(&b))
		goto out;
	EXPECT(put(&b, STORE_BLOCK, "203.0.0.0/16") == 0, "%s", b.e.text);
	EXPECT(put(&b, STORE_BLOCK, "203.0.113.0/24") == 0, "%s", b.e.text);
	EXPECT(take(&b, STORE_BLOCK, "203.0.113.7") == -ENOENT, "has no rule of its own");
	EXPECT(strstr(b.e.text, "lies in 203.0.113.0/24"), "the longest: %s", b.e.text);
	EXPECT(put(&b, STORE_TRUST, "198.51.100.1") == 0, "%s", b.e.text);
	EXPECT(take(&b, STORE_ALLOW, "198.51.100.1") == -ENOENT, "is trusted");
	EXPECT(strstr(b.e.text, "postern distrust 198.51.100.1"), "%s", b.e.text);
	EXPECT(get(&b, STORE_TRUST, "198.51.100.1") == 0, "and stays so");
out:
	bench_close(&b);
}

TEST(ruling_never_blocks_own_addresses)
{
	static const char *const own[] = {"127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "::1",
					  "::/0",      "169.254.1.1", "fe80::1",   "126.0.0.0/7"};
	struct bench b;

	if (!bench_open(&b))
		goto out;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		EXPECT(put(&b, STORE_BLOCK, own[i]) == -EPERM, "%s", own[i]);
		EXPECT(strstr(b.e.text, "never blocked") || strstr(b.e.text, "too wide"), "%s",
		       b.e.text);
		EXPECT(put(&b, STORE_ALLOW, own[i]) == 0, "%s may be allowed", own[i]);
		EXPECT(take(&b, STORE_ALLOW, own[i]) == 0, "%s: %s", own[i], b.e.text);
	}
	EXPECT(count(&b) == 0, "nothing stayed");
out:
	bench_close(&b);
}

TEST(ruling_never_blocks_what_the_configuration_names)
{
	struct bench b;

	if (!bench_open(&b))
		goto out;
	ENSURE(prefix_parse("198.51.100.0/24", &b.conf.never_block[0], NULL) == 0, "a prefix");
	b.conf.never_block_count = 1;
	EXPECT(put(&b, STORE_BLOCK, "198.51.100.0/24") == -EPERM, "the very prefix");
	EXPECT(!strcmp(b.e.text, "198.51.100.0/24 is in never_block of the configuration and never "
				 "blocked (take it out there first)"),
	       "%s", b.e.text);
	EXPECT(put(&b, STORE_BLOCK, "198.51.100.7") == -EPERM, "an address in it");
	EXPECT(strstr(b.e.text, "lies in 198.51.100.0/24, in never_block"), "%s", b.e.text);
	EXPECT(put(&b, STORE_BLOCK, "198.51.0.0/16") == -EPERM, "a prefix around it");
	EXPECT(strstr(b.e.text, "covers 198.51.100.0/24"), "%s", b.e.text);
	EXPECT(put(&b, STORE_BLOCK, "198.51.101.7") == 0, "a neighbour may be: %s", b.e.text);
	b.r.anyway = true;
	EXPECT(put(&b, STORE_BLOCK, "198.51.100.7") == -EPERM, "whatever is said");
	EXPECT(put(&b, STORE_TRUST, "198.51.100.7") == 0, "an order of another kind is taken: %s",
	       b.e.text);
out:
	bench_close(&b);
}

TEST(ruling_changes_all_or_nothing)
{
	struct store_rule rules[3] = {rule_of(STORE_BLOCK, "203.0.113.1"),
				      rule_of(STORE_BLOCK, "203.0.113.2"),
				      rule_of(STORE_BLOCK, "127.0.0.1")};
	struct prefix list[3];
	unsigned killed;
	struct bench b;

	if (!bench_open(&b))
		goto out;
	EXPECT(ruling_put_many(&b.r, rules, 3, &killed, &b.e) == -EPERM, "one is our own");
	EXPECT(b.r.fault_at == 2, "the third: %zu", b.r.fault_at);
	EXPECT(count(&b) == 0, "nothing was changed");
	EXPECT(ruling_put_many(&b.r, rules, 2, &killed, &b.e) == 0, "%s", b.e.text);
	EXPECT(count(&b) == 2, "both are stored");
	for (int i = 0; i < 3; i++)
		list[i] = rules[i].prefix;
	EXPECT(ruling_delete_many(&b.r, STORE_BLOCK, list, 3, &b.e) == -ENOENT, "one is not there");
	EXPECT(b.r.fault_at == 2, "the third: %zu", b.r.fault_at);
	EXPECT(count(&b) == 2, "both are still stored");
	EXPECT(ruling_delete_many(&b.r, STORE_BLOCK, list, 2, &b.e) == 0, "%s", b.e.text);
	EXPECT(count(&b) == 0, "both are gone");
out:
	bench_close(&b);
}

TEST(ruling_keeps_the_mode_until_the_configuration_changes)
{
	uint64_t until = 1, now;
	struct bench b;

	if (!bench_open(&b))
		goto out;
	EXPECT(ruling_stored_mode(b.r.store, &b.conf, &until, &b.e) == 0 && until == 0, "monitor");
	EXPECT(ruling_set_mode(&b.r, CONF_ENFORCE, 0, &b.e) == 0, "%s", b.e.text);
	EXPECT(ruling_stored_mode(b.r.store, &b.conf, &until, &b.e) == 0, "%s", b.e.text);
	EXPECT(until == PN_FOREVER, "enforce without an end");
	now = now_boot_ns();
	EXPECT(ruling_set_mode(&b.r, CONF_ENFORCE, 600, &b.e) == 0, "%s", b.e.text);
	EXPECT(ruling_stored_mode(b.r.store, &b.conf, &until, &b.e) == 0, "%s", b.e.text);
	EXPECT(until >= now + 600 * NS_PER_S && until < now + 610 * NS_PER_S, "ten minutes");
	b.conf.mode = CONF_ENFORCE;
	EXPECT(ruling_stored_mode(b.r.store, &b.conf, &until, &b.e) == 0, "%s", b.e.text);
	EXPECT(until == PN_FOREVER, "a configuration that was changed wins");
	EXPECT(ruling_set_mode(&b.r, CONF_MONITOR, 0, &b.e) == 0, "%s", b.e.text);
	EXPECT(ruling_stored_mode(b.r.store, &b.conf, &until, &b.e) == 0 && until == 0,
	       "an order beats the configuration it was given under");
out:
	bench_close(&b);
}
