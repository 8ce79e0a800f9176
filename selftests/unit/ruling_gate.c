/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules, own addresses and the mode in a real gate that is attached to nothing: store and maps change together or not
 * at all. Needs root and a kernel with BTF.
 */
#include "setup_rig.h"

#include "base/when.h"

#define RULES_BOUND 1024 /* the least the configuration allows */
#define RULES_MANY  (RULES_BOUND + 100)

struct bench {
	char dir[TAP_TEMP_MAX];
	struct conf conf;
	struct ruling r;
	struct err e;
};

/* One gate for all tests: loading it takes seconds. Taken down when the program ends. */
static struct bench shared;

static void shared_remove(void)
{
	static const char *const files[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm",
					    STORE_LOCK};
	char path[128];

	store_close(shared.r.store);
	setup_remove(shared.r.gate, shared.conf.instance);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", shared.dir, files[i]);
		unlink(path);
	}
	rmdir(shared.dir);
}

static void conf_reset(struct bench *b)
{
	setup_conf_reset(&b->conf);
	b->conf.tables.rules = RULES_BOUND;
}

static bool shared_load(struct bench *b)
{
	if (!EXPECT(tap_temp_dir(b->dir, "gate"), "a directory"))
		return false;
	conf_reset(b);
	b->r.conf = &b->conf;
	atexit(shared_remove);
	return EXPECT(store_open(&b->r.store, b->dir, STORE_WRITE, &b->e) == 0, "%s", b->e.text) &&
	       setup_load(&b->r);
}

static int delete_stored(void *context, const struct store_rule *rule)
{
	struct bench *b = context;

	return ruling_delete(&b->r, rule->kind, &rule->prefix, &b->e);
}

/* A gate and a store without rules and orders. NULL after a failure. */
static struct bench *bench_get(void)
{
	struct bench *b = &shared;

	if (!b->r.gate && !shared_load(b))
		return NULL;
	conf_reset(b);
	EXPECT(store_each_rule(b->r.store, delete_stored, b, &b->e) == 0, "%s", b->e.text);
	EXPECT(ruling_set_mode(&b->r, CONF_MONITOR, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(ruling_sync(&b->r, &b->e) == 0, "%s", b->e.text);
	EXPECT(setup_own(b->r.gate, &b->conf, NULL, 0, &b->e) == 0, "%s", b->e.text);
	return b;
}

#define BENCH_OR_SKIP(b)                                                                           \
	if (geteuid() != 0)                                                                        \
		SKIP("root");                                                                      \
	b = bench_get();                                                                           \
	if (!b)                                                                                    \
	return

static struct prefix prefix_at(const char *text)
{
	struct prefix p = {0};

	EXPECT(prefix_parse(text, &p, NULL) == 0, "%s", text);
	return p;
}

static struct store_rule rule_of(enum store_kind kind, const char *prefix)
{
	return (struct store_rule){.prefix = prefix_at(prefix),
				   .kind = kind,
				   .action = kind == STORE_BLOCK ? STORE_DROP : STORE_NONE,
				   .origin = "operator",
				   .created_wall_s = 1};
}

static int put(struct bench *b, enum store_kind kind, const char *prefix)
{
	struct store_rule rule = rule_of(kind, prefix);
	unsigned killed;

	return ruling_put(&b->r, &rule, &killed, &b->e);
}

/* ---- what the maps have ---- */

struct look {
	struct prefix prefix;
	struct rule_entry found;
	unsigned hits, entries, operators;
};

static int look_at(void *context, const struct rule_entry *r)
{
	struct look *l = context;

	l->entries++;
	l->operators += r->rule.origin == PN_ORIGIN_OPERATOR;
	if (prefix_equal(&r->prefix, &l->prefix)) {
		l->found = *r;
		l->hits++;
	}
	return 0;
}

static struct look blocked(struct bench *b, const char *prefix)
{
	struct look l = {.prefix = prefix_at(prefix)};

	EXPECT(rules_each_block(b->r.gate, look_at, &l, &b->e) == 0, "%s", b->e.text);
	return l;
}

static struct look allowed(struct bench *b, const char *prefix)
{
	struct look l = {.prefix = prefix_at(prefix)};

	EXPECT(rules_each_allow(b->r.gate, look_at, &l, &b->e) == 0, "%s", b->e.text);
	return l;
}

static int count_one(void *context, const struct store_rule *rule)
{
	(void)rule;
	++*(unsigned *)context;
	return 0;
}

static unsigned stored(struct bench *b)
{
	unsigned n = 0;

	EXPECT(store_each_rule(b->r.store, count_one, &n, &b->e) == 0, "%s", b->e.text);
	return n;
}

/* More blocks of addresses than the map holds; the caller's. */
static struct store_rule *many_of(const char *origin)
{
	struct store_rule *many = calloc(RULES_MANY, sizeof(*many));
	char text[ADDR_TEXT_MAX];

	for (unsigned i = 0; many && i < RULES_MANY; i++) {
		snprintf(text, sizeof(text), "198.18.%u.%u", i >> 8, i & 255);
		many[i] = rule_of(STORE_BLOCK, text);
		snprintf(many[i].origin, sizeof(many[i].origin), "%s", origin);
	}
	return many;
}

TEST(ruling_gate_a_full_map_leaves_everything_as_it_was)
{
	struct store_rule *many, found;
	struct bench *b;
	unsigned killed;

	BENCH_OR_SKIP(b);
	many = many_of("operator");
	if (!many)
		return;
	many[0].action = STORE_REFUSE;
	EXPECT(ruling_put_many(&b->r, many, 1, &killed, &b->e) == 0, "%s", b->e.text);
	many[0].action = STORE_DROP;
	EXPECT(ruling_put_many(&b->r, many, RULES_MANY, &killed, &b->e) == -ENOSPC, "it is full");
	EXPECT(strstr(b->e.text, "tables.rules"), "the key is named: %s", b->e.text);
	EXPECT(b->r.fault_at == RULES_BOUND, "the first too many: %zu", b->r.fault_at);
	EXPECT(stored(b) == 1, "one rule is stored: %u", stored(b));
	EXPECT(store_get_rule(b->r.store, STORE_BLOCK, &many[0].prefix, &found, &b->e) == 0 &&
		       found.action == STORE_REFUSE,
	       "as it was");
	EXPECT(blocked(b, "198.18.0.0").entries == 1, "one is in the map");
	EXPECT(blocked(b, "198.18.0.0").found.rule.action == PN_REFUSE, "as it was");
	free(many);
}

TEST(ruling_gate_a_block_does_in_the_kernel_what_it_says)
{
	static const struct {
		enum store_action stored;
		enum pn_action action;
	} rows[] = {{STORE_DROP, PN_DROP}, {STORE_REFUSE, PN_REFUSE}, {STORE_REPLY, PN_REPLY}};
	struct bench *b;

	BENCH_OR_SKIP(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct store_rule rule = rule_of(STORE_BLOCK, "203.0.113.7");
		struct prefix p = rule.prefix;
		unsigned killed;

		rule.action = rows[i].stored;
		EXPECT(ruling_put(&b->r, &rule, &killed, &b->e) == 0, "%s", b->e.text);
		EXPECT(blocked(b, "203.0.113.7").found.rule.action == rows[i].action, "%s: put",
		       store_action_name(rule.action));
		EXPECT(rules_unblock(b->r.gate, &p, &b->e) == 0, "%s", b->e.text);
		EXPECT(ruling_sync(&b->r, &b->e) == 0, "%s", b->e.text);
		EXPECT(blocked(b, "203.0.113.7").found.rule.action == rows[i].action, "%s: synced",
		       store_action_name(rule.action));
		EXPECT(strcmp(action_name(rows[i].action), store_action_name(rule.action)) == 0,
		       "both have one name for it");
	}
}

TEST(ruling_gate_sync_makes_the_maps_the_image_of_the_store)
{
	struct store_rule lost = rule_of(STORE_BLOCK, "203.0.113.0/24");
	struct store_rule trust = rule_of(STORE_TRUST, "198.51.100.1");
	struct prefix stray = prefix_at("203.0.113.9"), stray_allow = prefix_at("198.51.100.0/24");
	struct bench *b;

	BENCH_OR_SKIP(b);
	EXPECT(put(b, STORE_BLOCK, "203.0.113.8") == 0, "%s", b->e.text);
	/* As a command leaves it that was killed between the store and the map. */
	EXPECT(store_put_rule(b->r.store, &lost, &b->e) == 0, "%s", b->e.text);
	EXPECT(store_put_rule(b->r.store, &trust, &b->e) == 0, "%s", b->e.text);
	EXPECT(rules_block(b->r.gate, &stray, PN_DROP, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(rules_allow(b->r.gate, &stray_allow, PN_ALLOW, PN_ORIGIN_OPERATOR, 0, &b->e) == 0,
	       "%s", b->e.text);
	EXPECT(ruling_sync(&b->r, &b->e) == 0, "%s", b->e.text);
	EXPECT(blocked(b, "203.0.113.8").hits == 1, "what was alike stays");
	EXPECT(blocked(b, "203.0.113.0/24").hits == 1, "what lacked is there");
	EXPECT(blocked(b, "203.0.113.9").hits == 0, "what was stale is gone");
	EXPECT(allowed(b, "198.51.100.1").found.rule.action == PN_TRUST, "trust as well");
	EXPECT(allowed(b, "198.51.100.0/24").hits == 0, "a stale allow is gone");
	EXPECT(allowed(b, "127.0.0.0/8").found.rule.origin == PN_ORIGIN_OWN,
	       "own addresses are left alone");
}

static void count_meanwhile(void *context, struct gate *gate)
{
	(void)gate;
	++*(unsigned *)context;
}

TEST(ruling_gate_is_owed_what_another_process_keeps_locked)
{
	struct store_rule lost = rule_of(STORE_BLOCK, "203.0.113.0/24");
	struct prefix stray = prefix_at("203.0.113.9");
	struct store *other = NULL;
	struct ruling hasty;
	unsigned called = 0;
	struct bench *b;

	BENCH_OR_SKIP(b);
	hasty = b->r;
	hasty.may_owe = true;
	hasty.meanwhile = count_meanwhile;
	hasty.context = &called;
	store_set_patience(b->r.store, 0);
	EXPECT(store_put_rule(b->r.store, &lost, &b->e) == 0, "%s", b->e.text);
	EXPECT(rules_block(b->r.gate, &stray, PN_DROP, 0, &b->e) == 0, "%s", b->e.text);
	b->conf.mode = CONF_ENFORCE;
	if (!EXPECT(store_open(&other, b->dir, STORE_WRITE, &b->e) == 0, "%s", b->e.text))
		return;
	EXPECT(store_lock(other, &b->e) == 0 && store_begin(other, &b->e) == 0, "%s", b->e.text);
	EXPECT(ruling_sync(&b->r, &b->e) == -EBUSY, "who does not owe is told");
	EXPECT(ruling_sync(&hasty, &b->e) == 0 && hasty.owes, "%s", b->e.text);
	EXPECT(called, "a heart may beat meanwhile");
	EXPECT(blocked(b, "203.0.113.0/24").hits == 1, "what lacked is there");
	EXPECT(blocked(b, "203.0.113.9").hits == 1, "what seems stale may be just being put");
	hasty.owes = false;
	EXPECT(ruling_apply_mode(&hasty, &b->e) == 0 && hasty.owes, "%s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until == PN_FOREVER, "the mode is in force");
	store_rollback(other);
	store_close(other);
	EXPECT(ruling_sync(&b->r, &b->e) == 0, "%s", b->e.text);
	EXPECT(blocked(b, "203.0.113.9").hits == 0, "and is stale");
	store_set_patience(b->r.store, STORE_PATIENCE_MS);
}

TEST(ruling_gate_own_addresses_are_an_image_too)
{
	struct prefix stale = prefix_at("198.51.100.77"), loopback = prefix_at("127.0.0.0/8");
	struct bench *b;

	BENCH_OR_SKIP(b);
	EXPECT(rules_allow(b->r.gate, &stale, PN_ALLOW, PN_ORIGIN_GATEWAY, 0, &b->e) == 0, "%s",
	       b->e.text);
	EXPECT(setup_own(b->r.gate, &b->conf, NULL, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(allowed(b, "198.51.100.77").hits == 0, "a gateway that is gone is judged again");
	EXPECT(put(b, STORE_TRUST, "127.0.0.0/8") == 0, "%s", b->e.text);
	EXPECT(setup_own(b->r.gate, &b->conf, NULL, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(allowed(b, "127.0.0.0/8").found.rule.action == PN_TRUST, "the operator's stays");
	EXPECT(ruling_delete(&b->r, STORE_TRUST, &loopback, &b->e) == 0, "%s", b->e.text);
	EXPECT(allowed(b, "127.0.0.0/8").found.rule.origin == PN_ORIGIN_OWN &&
		       allowed(b, "127.0.0.0/8").found.rule.action == PN_ALLOW,
	       "and gives the place back");
	EXPECT(ruling_delete(&b->r, STORE_ALLOW, &loopback, &b->e) == -ENOENT,
	       "an own address is no rule of the operator");
	EXPECT(allowed(b, "127.0.0.0/8").hits == 1, "and stays");
}

TEST(ruling_gate_delete_takes_from_store_and_map_or_neither)
{
	struct prefix list[2] = {prefix_at("203.0.113.1"), prefix_at("203.0.113.2")};
	struct bench *b;

	BENCH_OR_SKIP(b);
	EXPECT(put(b, STORE_BLOCK, "203.0.113.1") == 0, "%s", b->e.text);
	EXPECT(ruling_delete_many(&b->r, STORE_BLOCK, list, 2, &b->e) == -ENOENT, "one lacks");
	EXPECT(b->r.fault_at == 1, "the second: %zu", b->r.fault_at);
	EXPECT(stored(b) == 1 && blocked(b, "203.0.113.1").hits == 1, "both sides have it still");
	EXPECT(ruling_delete_many(&b->r, STORE_BLOCK, list, 1, &b->e) == 0, "%s", b->e.text);
	EXPECT(stored(b) == 0 && blocked(b, "203.0.113.1").hits == 0, "neither has");
	EXPECT(rules_block(b->r.gate, &list[1], PN_DROP, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(ruling_delete_many(&b->r, STORE_BLOCK, list + 1, 1, &b->e) == 0,
	       "a rule of the map alone can be deleted: %s", b->e.text);
	EXPECT(blocked(b, "203.0.113.2").hits == 0, "and is gone");
}

static int put_by(struct bench *b, const char *origin, const char *const *prefixes, size_t count)
{
	struct store_rule rules[4];
	unsigned killed;
	int rc;

	for (size_t i = 0; i < count; i++) {
		rules[i] = rule_of(STORE_BLOCK, prefixes[i]);
		rules[i].action = STORE_REFUSE;
		snprintf(rules[i].origin, sizeof(rules[i].origin), "%s", origin);
	}
	b->r.origin = origin;
	rc = ruling_put_many(&b->r, rules, count, &killed, &b->e);
	b->r.origin = NULL;
	return rc;
}

static int delete_by(struct bench *b, const char *origin, const char *prefix)
{
	struct prefix p = prefix_at(prefix);
	int rc;

	b->r.origin = origin;
	rc = ruling_delete(&b->r, STORE_BLOCK, &p, &b->e);
	b->r.origin = NULL;
	return rc;
}

TEST(ruling_gate_an_origin_leaves_the_rules_of_others_alone)
{
	static const char *const prefixes[] = {"203.0.113.1", "203.0.113.2"};
	struct store_rule found;
	struct prefix p = prefix_at(prefixes[0]), other = prefix_at("203.0.113.3");
	struct bench *b;

	BENCH_OR_SKIP(b);
	EXPECT(put(b, STORE_BLOCK, prefixes[0]) == 0, "%s", b->e.text);
	EXPECT(put_by(b, "program", prefixes, 2) == 0, "%s", b->e.text);
	EXPECT(b->r.kept == 1 && strcmp(b->r.kept_origin, "operator") == 0, "one stood already");
	EXPECT(store_get_rule(b->r.store, STORE_BLOCK, &p, &found, &b->e) == 0 &&
		       strcmp(found.origin, "operator") == 0 && found.action == STORE_DROP,
	       "as it was");
	EXPECT(blocked(b, prefixes[0]).found.rule.action == PN_DROP, "in the kernel too");
	EXPECT(blocked(b, prefixes[1]).found.rule.action == PN_REFUSE, "the other is there");
	EXPECT(delete_by(b, "program", prefixes[0]) == -ENOENT &&
		       strstr(b->e.text, "by origin operator"),
	       "it is not his: %s", b->e.text);
	EXPECT(stored(b) == 2 && blocked(b, prefixes[0]).hits == 1, "and stays on both sides");
	EXPECT(delete_by(b, "another", prefixes[1]) == -ENOENT, "nor another's: %s", b->e.text);
	EXPECT(delete_by(b, "program", prefixes[1]) == 0, "%s", b->e.text);
	EXPECT(blocked(b, prefixes[1]).hits == 0, "his own goes");
	EXPECT(rules_block(b->r.gate, &other, PN_DROP, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(delete_by(b, "program", "203.0.113.3") == -ENOENT &&
		       blocked(b, "203.0.113.3").hits == 1,
	       "of the map alone nobody knows whose it is");
	/* The operator has his way with all. */
	EXPECT(put_by(b, "program", prefixes + 1, 1) == 0, "%s", b->e.text);
	EXPECT(put(b, STORE_BLOCK, prefixes[1]) == 0 && b->r.kept == 0, "%s", b->e.text);
	EXPECT(blocked(b, prefixes[1]).found.rule.action == PN_DROP, "it is the operator's now");
	EXPECT(rules_unblock(b->r.gate, &other, &b->e) == 0, "%s", b->e.text);
}

/* A full map in the middle: what was kept must not be taken for what was put. */
TEST(ruling_gate_what_is_anothers_survives_a_full_map)
{
	struct store_rule *many;
	struct bench *b;
	unsigned killed;

	BENCH_OR_SKIP(b);
	many = many_of("program");
	if (!many)
		return;
	EXPECT(put(b, STORE_BLOCK, "198.18.0.0") == 0, "%s", b->e.text);
	b->r.origin = "program";
	EXPECT(ruling_put_many(&b->r, many, RULES_MANY, &killed, &b->e) == -ENOSPC, "it is full");
	b->r.origin = NULL;
	EXPECT(stored(b) == 1 && blocked(b, "198.18.0.0").hits == 1, "his rule stands");
	EXPECT(blocked(b, "198.18.0.0").entries == 1, "and nothing else");
	free(many);
}

static int entry_look(void *context, const struct rule_entry *r)
{
	struct rule_entry *wanted = context;

	if (prefix_equal(&r->prefix, &wanted->prefix))
		*wanted = *r;
	return 0;
}

/* What pn_allow has for a prefix. */
static struct pn_rule entry_at(struct bench *b, const struct prefix *p)
{
	struct rule_entry entry = {.prefix = *p};

	EXPECT(rules_each_allow(b->r.gate, entry_look, &entry, &b->e) == 0, "%s", b->e.text);
	return entry.rule;
}

TEST(ruling_gate_a_network_of_a_provider_comes_back_when_a_rule_leaves_it)
{
	struct store_provider spf = {.domain = "provider.test", .count = 1};
	struct store_rule rule = {.kind = STORE_TRUST, .origin = "operator"};
	struct prefix inside = prefix_at("203.0.113.7");
	struct ruling_provider found;
	unsigned killed;
	struct bench *b;

	BENCH_OR_SKIP(b);
	rule.prefix = spf.network[0] = prefix_at("203.0.113.0/24");
	EXPECT(store_put_provider(b->r.store, &spf, &b->e) == 0, "%s", b->e.text);
	for (int kind = STORE_ALLOW; kind <= STORE_TRUST; kind++) {
		rule.kind = (enum store_kind)kind;
		EXPECT(ruling_put(&b->r, &rule, &killed, &b->e) == 0, "%s", b->e.text);
		EXPECT(entry_at(b, &rule.prefix).origin == PN_ORIGIN_OPERATOR, "his");
		EXPECT(ruling_delete(&b->r, rule.kind, &rule.prefix, &b->e) == 0, "%s", b->e.text);
		EXPECT(entry_at(b, &rule.prefix).origin == PN_ORIGIN_SPF &&
			       entry_at(b, &rule.prefix).action == PN_TRUST,
		       "the provider's, at once");
	}
	EXPECT(ruling_find_provider(&b->r, &inside, &found) &&
		       prefix_equal(&found.network, &rule.prefix) &&
		       !strcmp(found.domain, "provider.test"),
	       "what lies in it is told by its name");
	rule.prefix = inside;
	EXPECT(ruling_put(&b->r, &rule, &killed, &b->e) == 0 &&
		       ruling_delete(&b->r, rule.kind, &inside, &b->e) == 0,
	       "%s", b->e.text);
	EXPECT(entry_at(b, &inside).origin == PN_ORIGIN_NONE, "and gets no entry of its own");
	EXPECT(store_keep_providers(b->r.store, NULL, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(!ruling_find_provider(&b->r, &inside, &found), "nobody's");
	EXPECT(rules_disallow(b->r.gate, &spf.network[0], &b->e) == 0, "%s", b->e.text);
}

TEST(ruling_gate_the_kernel_has_the_mode)
{
	struct bench *b;
	uint64_t now;

	BENCH_OR_SKIP(b);
	EXPECT(gate_conf(b->r.gate)->enforce_until == 0, "monitor is the default");
	EXPECT(ruling_set_mode(&b->r, CONF_ENFORCE, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until == PN_FOREVER, "enforce has no end");
	now = now_boot_ns();
	EXPECT(ruling_set_mode(&b->r, CONF_ENFORCE, 60, &b->e) == 0, "%s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until >= now + 60 * NS_PER_S &&
		       gate_conf(b->r.gate)->enforce_until < now + 70 * NS_PER_S,
	       "a minute is a minute");
	gate_conf(b->r.gate)->enforce_until = 0;
	EXPECT(ruling_apply_mode(&b->r, &b->e) == 0, "%s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until >= now + 60 * NS_PER_S, "the order is stored");
	b->conf.mode = CONF_ENFORCE;
	EXPECT(ruling_apply_mode(&b->r, &b->e) == 0, "%s", b->e.text);
	b->conf.mode = CONF_MONITOR;
	EXPECT(ruling_apply_mode(&b->r, &b->e) == 0, "%s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until == 0, "an order once overtaken stays forgotten");
}

TEST(ruling_gate_the_kernel_has_a_mode_that_the_store_cannot_be_told_of)
{
	struct ruling hasty;
	struct bench *b;

	BENCH_OR_SKIP(b);
	EXPECT(ruling_set_mode(&b->r, CONF_MONITOR, 0, &b->e) == 0, "%s", b->e.text);
	b->conf.mode = CONF_ENFORCE;
	hasty = b->r;
	hasty.may_owe = true;
	/* As on a full disk: every change is refused. */
	if (!EXPECT(store_open(&hasty.store, b->dir, STORE_READ, &b->e) == 0, "%s", b->e.text))
		return;
	EXPECT(ruling_apply_mode(&hasty, &b->e) == 0 && !hasty.owes && hasty.unwritten,
	       "the kernel has all that is owed to it: %s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until == PN_FOREVER, "the file overtakes the order");
	store_close(hasty.store);
}

TEST(ruling_gate_the_brake_needs_no_store)
{
	struct bench *b;

	BENCH_OR_SKIP(b);
	EXPECT(ruling_set_mode(&b->r, CONF_ENFORCE, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(ruling_brake(&b->conf, &b->e) == 0, "%s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until == 0, "monitor mode is in force");
	EXPECT(ruling_apply_mode(&b->r, &b->e) == 0, "%s", b->e.text);
	EXPECT(gate_conf(b->r.gate)->enforce_until == 0, "and stays so, whoever looks again");
	b->r.lifts_brake = true;
	EXPECT(ruling_apply_mode(&b->r, &b->e) == 0, "%s", b->e.text);
	b->r.lifts_brake = false;
	EXPECT(gate_conf(b->r.gate)->enforce_until == PN_FOREVER, "a reload takes what is stored");
	EXPECT(ruling_brake(&b->conf, &b->e) == 0, "%s", b->e.text);
	EXPECT(ruling_set_mode(&b->r, CONF_ENFORCE, 0, &b->e) == 0 &&
		       gate_conf(b->r.gate)->enforce_until == PN_FOREVER,
	       "and so does another order: %s", b->e.text);
	gate_conf(b->r.gate)->enforce_until = 0;
	EXPECT(ruling_apply_mode(&b->r, &b->e) == 0 &&
		       gate_conf(b->r.gate)->enforce_until == PN_FOREVER,
	       "which ends it: %s", b->e.text);
}

/* The controller's own maps, or those that another process puts in their place. */
TEST(ruling_gate_new_maps_stay_braked)
{
	enum gate_origin origin = GATE_NEW;
	struct conf wider;
	struct ruling r;
	struct bench *b;
	int lock;

	BENCH_OR_SKIP(b);
	EXPECT(ruling_set_mode(&b->r, CONF_ENFORCE, 0, &b->e) == 0, "%s", b->e.text);
	EXPECT(ruling_brake(&b->conf, &b->e) == 0, "%s", b->e.text);
	wider = b->conf;
	wider.tables.rules *= 2;
	r = (struct ruling){.conf = &wider, .store = b->r.store};
	lock = gate_lock(&b->e);
	if (!EXPECT(lock >= 0 && setup_gate(&r, &origin, &b->e) == 0, "%s", b->e.text))
		return;
	EXPECT(origin == GATE_MIGRATED && gate_conf(r.gate)->enforce_until == 0, "still");
	gate_close(r.gate);
	gate_close(b->r.gate);
	b->r.gate = NULL;
	r = (struct ruling){.conf = &b->conf, .store = b->r.store, .lifts_brake = true};
	EXPECT(setup_gate(&r, &origin, &b->e) == 0, "%s", b->e.text);
	gate_unlock(lock);
	b->r.gate = r.gate;
	EXPECT(origin == GATE_MIGRATED && gate_conf(r.gate)->enforce_until == PN_FOREVER &&
		       !gate_conf(r.gate)->braked,
	       "a reload with other tables lifts it");
}

TEST(ruling_gate_knobs_are_those_of_the_configuration)
{
	struct pn_conf *knobs;
	struct bench *b;

	BENCH_OR_SKIP(b);
	EXPECT(rate_parse("60/1m burst 5", &b->conf.limits.rate, &b->e) == 0, "%s", b->e.text);
	b->conf.limits.open = 7;
	b->conf.port_count = 2;
	b->conf.ports[1] = (struct conf_port){.port = 587,
					      .local_port = 10587,
					      .class_ = CONF_CLASS_SUBMISSION,
					      .only = {prefix_at("192.0.2.0/24")},
					      .only_count = 1};
	EXPECT(setup_conf(b->r.gate, &b->conf, &b->e) == 0, "%s", b->e.text);
	knobs = gate_conf(b->r.gate);
	EXPECT(knobs->rate.interval_ns == NS_PER_S, "one a second");
	EXPECT(knobs->rate.burst_ns == 4 * NS_PER_S, "and four more at once");
	EXPECT(knobs->network_rate.interval_ns == 0, "no limit of networks");
	EXPECT(knobs->open_max == 7 && knobs->abi == PN_ABI_VERSION, "open and ABI");
	EXPECT(knobs->ports[0].port == 25 && knobs->ports[0].local_port == 25, "port 25");
	EXPECT(knobs->ports[1].port == 587 && knobs->ports[1].local_port == 10587 &&
		       knobs->ports[1].class_ == PN_CLASS_SUBMISSION && knobs->ports[1].only == 1,
	       "port 587");
	EXPECT(knobs->ports[2].port == 0 && knobs->netns[0] != 0 && knobs->netns[1] == 0,
	       "no more");
	EXPECT(knobs->guarded == 0, "every destination");
	b->conf.guard[0] = prefix_at("192.0.2.25");
	b->conf.guard_count = 1;
	b->conf.port_count = 1;
	EXPECT(setup_conf(b->r.gate, &b->conf, &b->e) == 0, "%s", b->e.text);
	EXPECT(knobs->guarded == 1 && knobs->ports[1].port == 0, "one destination, one port");
}
