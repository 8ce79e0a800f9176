/* SPDX-License-Identifier: BSD-2-Clause */
/* The store: rules and values come back as they were put, and transactions are whole. */
#include "store_rig.h"

/* ---- rules ---- */

static struct store *open_fresh(void)
{
	struct err e = {0};
	struct store *s;

	EXPECT(store_open(&s, dir_fresh(), STORE_WRITE, &e) == 0, "open: %s", e.text);
	return s;
}

static bool rule_equal(const struct store_rule *a, const struct store_rule *b)
{
	return prefix_equal(&a->prefix, &b->prefix) && a->kind == b->kind &&
	       a->action == b->action && strcmp(a->origin, b->origin) == 0 &&
	       strcmp(a->because, b->because) == 0 && strcmp(a->saying, b->saying) == 0 &&
	       a->created_wall_s == b->created_wall_s && a->expires_boot_ns == b->expires_boot_ns;
}

struct walk {
	char text[4096];
	unsigned count;
	unsigned stop_at;
};

static int walk_rule(void *context, const struct store_rule *r)
{
	struct walk *w = context;
	char p[PREFIX_TEXT_MAX];
	size_t n = strlen(w->text);

	if (n + PREFIX_TEXT_MAX + 16 < sizeof(w->text))
		snprintf(w->text + n, sizeof(w->text) - n, "%s %s;", store_kind_name(r->kind),
			 prefix_format(&r->prefix, p));
	return ++w->count == w->stop_at ? 77 : 0;
}

TEST(rules_come_back_as_they_were_put)
{
	static const char *const prefixes[] = {
		"192.0.2.1",	 "192.0.2.0/24", "0.0.0.0/0",	   "2001:db8::1",
		"2001:db8::/32", "::/0",	 "192.0.2.128/25", "::1"};
	struct store *s = open_fresh();
	struct err e = {0};

	ENSURE(s, "no store");
	for (int k = STORE_BLOCK; k <= STORE_TRUST; k++) {
		for (size_t i = 0; i < COUNT(prefixes); i++) {
			struct store_rule r = rule_of(prefixes[i], (enum store_kind)k), back;

			if (k == STORE_BLOCK && i % 2)
				r.action = STORE_REFUSE;
			if (i == 3)
				r.expires_boot_ns = now_boot_ns() + 3600 * NS_PER_S;
			snprintf(r.because, sizeof(r.because), "because %zu", i);
			snprintf(r.saying, sizeof(r.saying), "saying %zu", i);
			put(s, &r);
			EXPECT(store_get_rule(s, r.kind, &r.prefix, &back, &e) == 0, "get: %s",
			       e.text);
			EXPECT(rule_equal(&r, &back), "%s %s came back otherwise",
			       store_kind_name(r.kind), prefixes[i]);
		}
	}
	EXPECT(count_rules(s) == 2 * COUNT(prefixes), "allow and trust exclude each other: %u",
	       count_rules(s));
	store_close(s);
}

TEST(rules_are_walked_by_kind_family_address_length)
{
	static const char *const texts[] = {"2001:db8::1", "10.0.0.0/24", "10.0.0.0",
					    "::/0",	   "9.9.9.9",	  "10.0.0.0/8"};
	const char *want = "block 9.9.9.9;block 10.0.0.0/8;block 10.0.0.0/24;block 10.0.0.0;"
			   "block ::/0;block 2001:db8::1;allow 10.0.0.0/24;trust 9.9.9.9;";
	struct walk w = {0}, short_walk = {.stop_at = 3};
	struct store *s = open_fresh();
	struct store_rule r;

	ENSURE(s, "no store");
	r = rule_of("9.9.9.9", STORE_TRUST);
	put(s, &r);
	r = rule_of("10.0.0.0/24", STORE_ALLOW);
	put(s, &r);
	for (size_t i = 0; i < COUNT(texts); i++) {
		r = rule_of(texts[i], STORE_BLOCK);
		put(s, &r);
	}
	EXPECT(store_each_rule(s, walk_rule, &w, NULL) == 0, "walk");
	EXPECT(strcmp(w.text, want) == 0, "walked as %s", w.text);
	EXPECT(store_each_rule(s, walk_rule, &short_walk, NULL) == 77 && short_walk.count == 3,
	       "a callback's value ends the walk");
	store_close(s);
}

TEST(a_later_rule_of_the_same_prefix_replaces)
{
	struct store *s = open_fresh();
	struct store_rule block, allow, trust, back;
	struct err e = {0};

	ENSURE(s, "no store");
	block = rule_of("192.0.2.0/24", STORE_BLOCK);
	allow = rule_of("192.0.2.0/24", STORE_ALLOW);
	trust = rule_of("192.0.2.0/24", STORE_TRUST);
	put(s, &block);
	put(s, &allow);
	put(s, &trust);
	EXPECT(has(s, &block) && has(s, &trust) && !has(s, &allow), "trust replaced allow");
	put(s, &allow);
	EXPECT(has(s, &block) && has(s, &allow) && !has(s, &trust), "allow replaced trust");
	block.action = STORE_REFUSE;
	put(s, &block);
	EXPECT(store_get_rule(s, STORE_BLOCK, &block.prefix, &back, &e) == 0 &&
		       back.action == STORE_REFUSE,
	       "refuse replaced drop: %s", e.text);
	EXPECT(count_rules(s) == 2, "%u rules", count_rules(s));
	EXPECT(store_delete_rule(s, STORE_TRUST, &trust.prefix, &e) == -ENOENT, "no trust here");
	EXPECT(store_delete_rule(s, STORE_ALLOW, &allow.prefix, &e) == 0, "%s", e.text);
	EXPECT(has(s, &block) && !has(s, &allow), "the block stands");
	block = rule_of("192.0.2.0/25", STORE_BLOCK);
	EXPECT(store_delete_rule(s, STORE_BLOCK, &block.prefix, &e) == -ENOENT, "another length");
	store_close(s);
}

TEST(texts_up_to_the_bound_are_kept_byte_by_byte)
{
	struct store *s = open_fresh();
	struct store_rule r, back;
	struct err e = {0};

	ENSURE(s, "no store");
	r = rule_of("192.0.2.1", STORE_BLOCK);
	for (unsigned i = 1; i < STORE_TEXT_MAX; i++)
		r.because[i - 1] = (char)i; /* every byte but 0: no valid UTF-8 at all */
	snprintf(r.saying, sizeof(r.saying), "%s",
		 "it's \"so\"; DROP TABLE rule; -- %%s \\ \xc3\xa4\xe2\x82\xac");
	put(s, &r);
	ENSURE(store_get_rule(s, STORE_BLOCK, &r.prefix, &back, &e) == 0, "%s", e.text);
	EXPECT(rule_equal(&r, &back), "'%s' came back as '%s'", r.saying, back.saying);

	memset(r.because, 'x', sizeof(r.because));
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "a because over the bound");
	r.because[sizeof(r.because) - 1] = '\0';
	EXPECT(store_put_rule(s, &r, &e) == 0, "a because at the bound: %s", e.text);
	memset(r.saying, 'x', sizeof(r.saying));
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "a saying over the bound");
	r.saying[0] = '\0';
	memset(r.origin, 'x', sizeof(r.origin));
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "an origin over the bound");
	ENSURE(store_get_rule(s, STORE_BLOCK, &r.prefix, &back, &e) == 0, "%s", e.text);
	EXPECT(strlen(back.because) == STORE_TEXT_MAX - 1, "what was refused changed nothing");
	store_close(s);
}

TEST(rules_that_make_no_sense_are_refused)
{
	struct store *s = open_fresh();
	struct store_rule r;
	struct err e = {0};

	ENSURE(s, "no store");
	r = rule_of("192.0.2.1", STORE_BLOCK);
	r.action = STORE_NONE;
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "a block that does nothing");
	r = rule_of("192.0.2.1", STORE_TRUST);
	r.action = STORE_DROP;
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "a trust that drops");
	r = rule_of("192.0.2.1", STORE_BLOCK);
	r.prefix.bits = 120;
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "bits behind the length");
	r.prefix.bits = 129;
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "longer than an address");
	r = rule_of("192.0.2.1", STORE_BLOCK);
	r.kind = (enum store_kind)9;
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "an unknown kind");
	r = rule_of("192.0.2.1", STORE_BLOCK);
	r.expires_boot_ns = ~0ULL;
	EXPECT(store_put_rule(s, &r, &e) == -EINVAL, "a deadline out of range");
	EXPECT(count_rules(s) == 0, "nothing was stored");
	store_close(s);
}

/* ---- values and transactions ---- */

TEST(values_are_kept_replaced_and_deleted)
{
	struct store *s = open_fresh();
	struct err e = {0};
	char text[64], huge[5000];

	ENSURE(s, "no store");
	EXPECT(store_get_value(s, "mode", text, sizeof(text), &e) == -ENOENT, "unset");
	EXPECT(store_put_value(s, "mode", "monitor", &e) == 0, "%s", e.text);
	EXPECT(store_put_value(s, "mode", "enforce 'for' a \"while\"", &e) == 0, "%s", e.text);
	store_close(s);
	ENSURE(store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_get_value(s, "mode", text, sizeof(text), &e) == 0, "%s", e.text);
	EXPECT(strcmp(text, "enforce 'for' a \"while\"") == 0, "'%s'", text);
	EXPECT(store_get_value(s, "mode", text, 5, &e) == -ENOBUFS, "no room for it");
	EXPECT(store_put_value(s, "mode", NULL, &e) == 0, "%s", e.text);
	EXPECT(store_get_value(s, "mode", text, sizeof(text), &e) == -ENOENT, "deleted");
	EXPECT(store_put_value(s, "", "x", &e) == -EINVAL, "no name");
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	EXPECT(store_put_value(s, "mode", huge, &e) == -EINVAL, "too long");
	store_close(s);
}

TEST(a_transaction_is_whole_or_not_at_all)
{
	struct store *s = open_fresh(), *reader;
	struct err e = {0};

	ENSURE(s, "no store");
	EXPECT(store_commit(s, &e) == -EINVAL, "nothing was begun");
	EXPECT(store_begin(s, &e) == 0, "%s", e.text);
	EXPECT(store_begin(s, &e) == -EINVAL, "begun twice");
	for (unsigned i = 0; i < 100; i++) {
		struct store_rule r = rule_numbered(i);

		put(s, &r);
	}
	ENSURE(store_open(&reader, dir, STORE_READ, &e) == 0, "%s", e.text);
	EXPECT(count_rules(reader) == 0, "another sees nothing before the commit");
	store_rollback(s);
	EXPECT(count_rules(s) == 0, "taken back");
	EXPECT(store_begin(s, &e) == 0, "%s", e.text);
	for (unsigned i = 0; i < 100; i++) {
		struct store_rule r = rule_numbered(i);

		put(s, &r);
	}
	EXPECT(store_commit(s, &e) == 0, "%s", e.text);
	EXPECT(count_rules(reader) == 100, "%u after the commit", count_rules(reader));
	EXPECT(store_put_value(reader, "mode", "x", &e) == -EBADF, "a reader does not write");
	store_close(reader);
	store_close(s);
}

TEST(nothing_of_a_transaction_commits_after_sqlite_took_it_back)
{
	struct store *s = open_fresh();
	struct store_rule r;
	struct err e = {0};

	ENSURE(s, "no store");
	EXPECT(store_begin(s, &e) == 0, "%s", e.text);
	r = rule_numbered(1);
	put(s, &r);
	/* As SQLite does by itself on some errors of the disk. */
	EXPECT(sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK, "rollback");
	r = rule_numbered(2);
	EXPECT(store_put_rule(s, &r, &e) == -ECANCELED, "a later put would commit alone");
	EXPECT(store_commit(s, &e) == -ECANCELED, "there is nothing to commit");
	EXPECT(count_rules(s) == 0, "nothing is there");
	EXPECT(store_put_rule(s, &r, &e) == 0 && count_rules(s) == 1, "it works on: %s", e.text);
	store_close(s);
}

static int delete_rule(void *context, const struct store_rule *r)
{
	return store_delete_rule(context, r->kind, &r->prefix, NULL);
}

TEST(a_walk_may_delete_what_it_is_given)
{
	struct store *s = open_fresh();
	struct err e = {0};

	ENSURE(s, "no store");
	for (unsigned i = 0; i < 500; i++) {
		struct store_rule r = rule_numbered(i);

		if (i == 0)
			EXPECT(store_begin(s, &e) == 0, "%s", e.text);
		put(s, &r);
	}
	EXPECT(store_commit(s, &e) == 0, "%s", e.text);
	EXPECT(store_each_rule(s, delete_rule, s, &e) == 0, "%s", e.text);
	EXPECT(count_rules(s) == 0, "%u left", count_rules(s));
	store_close(s);
}

TEST(commits_are_written_through_to_the_disk)
{
	struct store *s = open_fresh();
	struct err e = {0};
	struct stat st;
	int64_t n = -1;

	ENSURE(s, "no store");
	EXPECT(statement_number(s, "PRAGMA synchronous", &n, &e) == 0 && n == 2,
	       "synchronous is FULL: %" PRId64, n);
	EXPECT(statement_number(s, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &n,
				&e) == 0 &&
		       n == 1,
	       "the journal is a write-ahead log: %s", e.text);
	EXPECT(stat(dir, &st) == 0 && (st.st_mode & 0777) == 0700, "the directory is 0700");
	EXPECT(stat(s->path, &st) == 0 && (st.st_mode & 0777) == 0600, "the file is 0600");
	store_close(s);
}
