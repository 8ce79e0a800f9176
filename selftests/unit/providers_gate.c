/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Networks of providers in a real gate that is attached to nothing: how many fit, what they give way to, and what stays when they go; and
 * what is believed while the store cannot be had, or a command is at it. Needs root and a kernel with BTF.
 */
#include "setup_rig.h"
#include "store_rig.h"

#include "base/when.h"
#include "daemon/providers.h"
#include "daemon/state.h"

#define ALLOW_BOUND 1024 /* the least the configuration allows */
#define ROOM	    (ALLOW_BOUND / 2)
#define EACH	    300
#define HURRY_MS    1 /* as in the controller's loop nobody waits for a command */

static struct daemon d;
static struct provider list[2];
static struct providers p = {.d = &d, .list = list, .restored = true};

static void bench_remove(void)
{
	recording_close(d.contact.recording);
	loop_free(d.loop);
	setup_remove(d.gate, d.conf.instance);
}

/* One gate for all tests: loading it takes seconds. */
static bool bench_get(void)
{
	struct ruling ruling = {.conf = &d.conf};
	bool loaded;

	memset(list, 0, sizeof(list));
	list[0].known = list[1].known = true;
	p.count = 0;
	p.restored = true;
	store_close(d.store);
	d.store = NULL;
	d.providers = &p;
	if (d.gate) {
		providers_apply(&p);
		return true;
	}
	setup_conf_reset(&d.conf);
	d.conf.tables.allow = ALLOW_BOUND;
	if (!EXPECT(loop_new(&d.loop) == 0 && recording_open(&d.contact.recording, &d) == 0,
		    "parts"))
		return false;
	loaded = setup_load(&ruling);
	d.gate = ruling.gate;
	if (!loaded)
		return false;
	atexit(bench_remove);
	return true;
}

#define BENCH_OR_SKIP()                                                                            \
	if (geteuid() != 0)                                                                        \
		SKIP("root");                                                                      \
	if (!bench_get())                                                                          \
	return

/* 203.N.0.0/32 and so on, each apart. */
static void provider_fill(struct provider *one, uint8_t net, unsigned count)
{
	one->kept.count = count;
	for (unsigned i = 0; i < count; i++)
		one->kept.network[i] = prefix_of(&(struct addr){{[10] = 0xff,
								 0xff,
								 203,
								 net,
								 (uint8_t)(i >> 7),
								 (uint8_t)(i << 1)}},
						 ADDR_BITS);
}

static void provider_set_text(struct provider *one, const char *text)
{
	one->kept.count = 1;
	EXPECT(prefix_parse(text, &one->kept.network[0], NULL) == 0, "%s", text);
}

struct look {
	const char *text; /* NULL: count those of providers */
	enum pn_action action;
	enum pn_origin origin;
	unsigned count;
};

static int look_at(void *context, const struct rule_entry *r)
{
	struct look *l = context;
	char text[PREFIX_TEXT_MAX];

	if (!l->text) {
		l->count += r->rule.origin == PN_ORIGIN_SPF && r->rule.action == PN_TRUST;
	} else if (!strcmp(prefix_format(&r->prefix, text), l->text)) {
		l->action = r->rule.action;
		l->origin = r->rule.origin;
		l->count++;
	}
	return 0;
}

static unsigned ours(void)
{
	struct look l = {0};

	EXPECT(rules_each_allow(d.gate, look_at, &l, NULL) == 0, "a walk");
	return l.count;
}

/* The origin of the entry of a prefix, PN_ORIGIN_NONE without one. */
static enum pn_origin origin_at(const char *prefix)
{
	struct look l = {.text = prefix};

	EXPECT(rules_each_allow(d.gate, look_at, &l, NULL) == 0, "a walk");
	return l.count ? l.origin : PN_ORIGIN_NONE;
}

static void rule_put(const char *prefix, enum pn_action action, enum pn_origin origin)
{
	struct err e = {0};
	struct prefix at;

	EXPECT(prefix_parse(prefix, &at, NULL) == 0 &&
		       rules_allow(d.gate, &at, action, origin, 0, &e) == 0,
	       "%s", e.text);
}

static void rule_take(const char *prefix)
{
	struct prefix at;

	EXPECT(prefix_parse(prefix, &at, NULL) == 0 && rules_disallow(d.gate, &at, NULL) == 0, "%s",
	       prefix);
}

TEST(providers_take_half_of_the_table_and_no_more)
{
	BENCH_OR_SKIP();
	provider_fill(&list[0], 1, EACH);
	provider_fill(&list[1], 2, EACH);
	p.count = 2;
	providers_apply(&p);
	EXPECT(ours() == ROOM, "%u", ours());
	EXPECT(list[0].fitting == EACH && list[1].fitting == ROOM - EACH,
	       "the first comes first: %u, %u", list[0].fitting, list[1].fitting);
	EXPECT(strstr(p.full_said.text, "raise tables.allow"), "%s", p.full_said.text);
	list[0].kept.count = 100;
	providers_apply(&p);
	EXPECT(ours() == 100 + EACH && list[1].fitting == EACH, "there is room now: %u", ours());
	EXPECT(!p.full_said.text[0], "%s", p.full_said.text);
	/* What both have takes its room once. */
	provider_fill(&list[0], 1, EACH);
	provider_fill(&list[1], 1, EACH);
	providers_apply(&p);
	EXPECT(ours() == EACH && list[0].fitting == EACH && list[1].fitting == EACH &&
		       !p.full_said.text[0],
	       "each has all of its own: %u, %u, %u", ours(), list[0].fitting, list[1].fitting);
	p.count = 0;
	providers_apply(&p);
	EXPECT(ours() == 0, "all are gone: %u", ours());
}

TEST(providers_never_stand_inside_what_is_allowed)
{
	BENCH_OR_SKIP();
	provider_set_text(&list[0], "203.0.113.64/26");
	provider_set_text(&list[1], "203.0.113.0/24");
	p.count = 2;
	rule_put("203.0.113.0/24", PN_ALLOW, PN_ORIGIN_CONFIG);
	providers_apply(&p);
	EXPECT(ours() == 0, "neither inside nor over it: %u", ours());
	EXPECT(origin_at("203.0.113.0/24") == PN_ORIGIN_CONFIG, "which stays");
	EXPECT(list[0].fitting == 1 && list[1].fitting == 1, "they lack nothing");
	rule_take("203.0.113.0/24");
	providers_apply(&p);
	EXPECT(ours() == 2, "when it is gone they come: %u", ours());
	rule_put("203.0.113.0/24", PN_ALLOW, PN_ORIGIN_OPERATOR);
	providers_apply(&p);
	EXPECT(ours() == 0 && origin_at("203.0.113.0/24") == PN_ORIGIN_OPERATOR,
	       "a rule of the operator's: %u", ours());
	rule_put("203.0.113.0/24", PN_TRUST, PN_ORIGIN_OPERATOR);
	providers_apply(&p);
	EXPECT(ours() == 1, "a network inside what is trusted changes nothing: %u", ours());
	EXPECT(origin_at("203.0.113.0/24") == PN_ORIGIN_OPERATOR, "his stays his");
	rule_take("203.0.113.0/24");
}

TEST(providers_of_before_stay_until_the_store_was_read)
{
	BENCH_OR_SKIP();
	rule_put("203.0.113.0/24", PN_TRUST, PN_ORIGIN_SPF);
	p.count = 1;
	p.gate_was_empty = false;
	list[0].known = false;
	providers_apply(&p);
	EXPECT(ours() == 1, "what a controller before left: %u", ours());
	list[0].known = true;
	providers_apply(&p);
	EXPECT(ours() == 0, "nobody's: %u", ours());
}

TEST(own_addresses_leave_providers_alone)
{
	struct err e = {0};

	BENCH_OR_SKIP();
	provider_set_text(&list[0], "203.0.113.0/24");
	p.count = 1;
	providers_apply(&p);
	EXPECT(setup_own(d.gate, &d.conf, NULL, 0, &e) == 0, "%s", e.text);
	EXPECT(ours() == 1, "%u", ours());
}

/* Its record as the reader tells it, of one network, or none for "". */
static void record_come(struct provider *one, const char *network)
{
	struct message_provider m = {.state = SPF_FINE};

	snprintf(m.why, sizeof(m.why), "%s", *network ? "" : "it names no network");
	one->part_count = *network ? 1 : 0;
	if (*network)
		EXPECT(prefix_parse(network, &one->part[0], NULL) == 0, "%s", network);
	provider_take(&p, one, &m);
}

static bool trusts(const struct provider *one, const char *network)
{
	char text[PREFIX_TEXT_MAX];

	if (!*network)
		return one->kept.count == 0 && ours() == 0;
	return one->kept.count == 1 && ours() == 1 &&
	       !strcmp(prefix_format(&one->kept.network[0], text), network) &&
	       origin_at(network) == PN_ORIGIN_SPF;
}

TEST(providers_are_believed_when_they_stay_as_they_are)
{
	struct provider *one = &list[0];

	BENCH_OR_SKIP();
	p.count = 1;
	record_come(one, "203.0.113.0/24");
	EXPECT(trusts(one, "203.0.113.0/24") && one->state == PROVIDER_GOOD && one->dirty, "%s",
	       one->why);
	record_come(one, "198.51.100.0/24");
	EXPECT(trusts(one, "203.0.113.0/24") && one->state == PROVIDER_HELD &&
		       one->kept.held_count == 1,
	       "others are held back: %s", one->why);
	record_come(one, "203.0.113.0/24");
	EXPECT(one->state == PROVIDER_GOOD && !one->kept.held_count && !one->kept.held_wall_s,
	       "and forgotten when all is as it was: %s", one->why);
	record_come(one, "198.51.100.0/24");
	one->kept.held_wall_s -= 3 * DAY_S;
	record_come(one, "198.51.100.0/24");
	EXPECT(trusts(one, "198.51.100.0/24") && one->state == PROVIDER_GOOD &&
		       !one->kept.held_wall_s,
	       "after three days they are taken: %s", one->why);
	record_come(one, "0.0.0.0/1");
	EXPECT(trusts(one, "198.51.100.0/24") && one->state == PROVIDER_REFUSED &&
		       strstr(one->why, "0.0.0.0/1"),
	       "what is too wide never is: %s", one->why);
	record_come(one, "");
	one->kept.held_wall_s -= 3 * DAY_S;
	record_come(one, "");
	EXPECT(trusts(one, "") && one->state == PROVIDER_EMPTY, "nothing is taken too: %s",
	       one->why);
}

TEST(providers_are_forgotten_when_nobody_confirms_them)
{
	struct provider *one = &list[0];

	BENCH_OR_SKIP();
	p.count = 1;
	record_come(one, "203.0.113.0/24");
	one->kept.read_wall_s -= 30 * DAY_S - 60;
	provider_expire(&p, one);
	EXPECT(trusts(one, "203.0.113.0/24"), "not yet");
	one->kept.read_wall_s -= 61;
	provider_expire(&p, one);
	EXPECT(trusts(one, "") && one->dirty, "after thirty days");
}

/* A second of the controller, without telling those who look. */
static void tick(void)
{
	p.written_ns = p.applied_ns = now_boot_ns();
	providers_part.tick(&d, now_boot_ns());
}

TEST(providers_records_wait_for_a_store_that_cannot_be_had)
{
	struct provider *one = &list[0];
	struct store_provider kept = {
		.domain = "provider.test", .read_wall_s = now_wall_s(), .count = 1};
	struct err e = {0};

	BENCH_OR_SKIP();
	EXPECT(prefix_parse("203.0.113.0/24", &kept.network[0], NULL) == 0, "a network");
	ENSURE(store_open(&d.store, dir_fresh(), STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_put_provider(d.store, &kept, &e) == 0, "%s", e.text);
	store_close(d.store);
	d.store = NULL;

	rule_put("203.0.113.0/24", PN_TRUST, PN_ORIGIN_SPF);
	p.count = 1;
	p.restored = one->known = p.gate_seen = false;
	providers_apply(&p);
	snprintf(one->kept.domain, sizeof(one->kept.domain), "%s", kept.domain);
	record_come(one, "198.51.100.0/24");
	tick();
	EXPECT(ours() == 1 && origin_at("203.0.113.0/24") == PN_ORIGIN_SPF,
	       "beside nothing no record is believed, and what stands stays: %u", ours());
	EXPECT(one->state == PROVIDER_ASKING && strstr(one->why, "waits until the store"), "%s",
	       one->why);

	ENSURE(store_open(&d.store, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	tick();
	EXPECT(one->state == PROVIDER_HELD && trusts(one, "203.0.113.0/24"),
	       "beside what the store knows it is held back: %s", one->why);
	record_come(one, "203.0.113.0/25");
	EXPECT(one->state == PROVIDER_GOOD && trusts(one, "203.0.113.0/25"), "%s", one->why);

	one = &list[1];
	snprintf(one->kept.domain, sizeof(one->kept.domain), "new.test");
	one->known = p.restored = false;
	p.count = 2;
	record_come(one, "198.51.100.0/24");
	tick();
	EXPECT(one->state == PROVIDER_GOOD && ours() == 2, "of one that is new nothing waits: %s",
	       one->why);
}

TEST(providers_are_believed_where_neither_a_store_nor_the_gate_knows_any)
{
	struct provider *one = &list[0];
	struct store_provider kept = {
		.domain = "provider.test", .read_wall_s = now_wall_s(), .count = 1};
	struct err e = {0};

	BENCH_OR_SKIP();
	p.count = 1;
	p.restored = one->known = p.gate_seen = false;
	providers_apply(&p);
	snprintf(one->kept.domain, sizeof(one->kept.domain), "%s", kept.domain);
	d.store_busy = true;
	record_come(one, "203.0.113.0/24");
	tick();
	EXPECT(trusts(one, "") && one->state == PROVIDER_ASKING, "a store comes soon: %s",
	       one->why);
	d.store_busy = false;
	tick();
	EXPECT(trusts(one, "203.0.113.0/24") && one->state == PROVIDER_GOOD, "none comes: %s",
	       one->why);
	record_come(one, "198.51.100.0/24");
	EXPECT(trusts(one, "203.0.113.0/24") && one->state == PROVIDER_HELD,
	       "but the next is held to the first: %s", one->why);
	record_come(one, "203.0.113.0/24");
	kept.read_wall_s -= 31 * DAY_S;
	EXPECT(prefix_parse("203.0.113.0/24", &kept.network[0], NULL) == 0, "a network");
	ENSURE(store_open(&d.store, dir_fresh(), STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_put_provider(d.store, &kept, &e) == 0, "%s", e.text);
	tick();
	EXPECT(trusts(one, "203.0.113.0/24"), "what was just read makes an old row new: %s",
	       one->why);
}

TEST(providers_of_a_store_are_older_than_what_was_believed_without_it)
{
	struct provider *one = &list[0];
	struct store_provider kept = {
		.domain = "provider.test", .read_wall_s = now_wall_s(), .count = 1};
	struct err e = {0};

	BENCH_OR_SKIP();
	p.count = 1;
	p.restored = one->known = p.gate_seen = false;
	providers_apply(&p);
	snprintf(one->kept.domain, sizeof(one->kept.domain), "%s", kept.domain);
	record_come(one, "203.0.113.0/24");
	EXPECT(prefix_parse("192.0.2.0/24", &kept.network[0], NULL) == 0, "a network");
	ENSURE(store_open(&d.store, dir_fresh(), STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_put_provider(d.store, &kept, &e) == 0, "%s", e.text);
	tick();
	EXPECT(trusts(one, "192.0.2.0/24"), "and what a store knows is older: %s", one->why);
}

TEST(providers_change_the_gate_while_no_command_does)
{
	struct store *command = NULL;
	struct err e = {0};

	BENCH_OR_SKIP();
	ENSURE(store_open(&d.store, dir_fresh(), STORE_WRITE, &e) == 0, "%s", e.text);
	ENSURE(store_open(&command, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	store_set_patience(d.store, HURRY_MS);
	provider_set_text(&list[0], "203.0.113.0/24");
	list[0].kept.read_wall_s = now_wall_s();
	p.count = 1;
	EXPECT(store_lock(command, &e) == 0, "%s", e.text);
	providers_apply(&p);
	EXPECT(ours() == 0 && p.overdue, "a command is at it: %u", ours());
	/* It has looked already; what it writes now nobody may write over. */
	rule_put("203.0.113.0/24", PN_TRUST, PN_ORIGIN_OPERATOR);
	tick();
	EXPECT(p.overdue, "it still is");
	store_unlock(command);
	tick();
	EXPECT(!p.overdue && ours() == 0 && origin_at("203.0.113.0/24") == PN_ORIGIN_OPERATOR,
	       "his stays his");
	rule_take("203.0.113.0/24");
	p.overdue = true;
	tick();
	EXPECT(ours() == 1, "and without it the provider's is there: %u", ours());
	store_close(command);
}

TEST(providers_find_what_is_allowed_among_many)
{
	struct prefix at;
	char text[PREFIX_TEXT_MAX];

	BENCH_OR_SKIP();
	provider_fill(&list[0], 3, EACH);
	provider_fill(&list[1], 4, EACH);
	provider_set_text(&list[1], "2001:db8::/48");
	p.count = 2;
	/* Of other lengths, on both sides, and one of IPv6 that only looks as if it covered IPv4. */
	rule_put("203.3.0.0/25", PN_ALLOW, PN_ORIGIN_OPERATOR);
	rule_put("203.3.0.0/30", PN_ALLOW, PN_ORIGIN_OPERATOR);
	rule_put("203.2.0.0/16", PN_ALLOW, PN_ORIGIN_OPERATOR);
	rule_put("::/0", PN_ALLOW, PN_ORIGIN_OPERATOR);
	providers_apply(&p);
	EXPECT(ours() == EACH - 64, "all but the 64 in 203.3.0.0/25, and those of IPv6: %u",
	       ours());
	at = list[0].kept.network[64];
	EXPECT(origin_at(prefix_format(&at, text)) == PN_ORIGIN_SPF, "%s lies behind it", text);
	rule_take("203.3.0.0/25");
	rule_take("203.3.0.0/30");
	rule_take("203.2.0.0/16");
	rule_take("::/0");
}

TEST(providers_are_back_when_a_rule_ends)
{
	const uint64_t now_ns = now_boot_ns(), later_ns = now_ns + HOUR_S * NS_PER_S;
	struct prefix at;

	BENCH_OR_SKIP();
	EXPECT(prefix_parse("203.0.113.0/24", &at, NULL) == 0, "a prefix");
	provider_set_text(&list[0], "203.0.113.0/24");
	list[0].kept.read_wall_s = now_wall_s();
	p.count = 1;
	EXPECT(rules_allow(d.gate, &at, PN_ALLOW, PN_ORIGIN_OPERATOR, later_ns, NULL) == 0,
	       "a rule of an hour");
	providers_apply(&p);
	EXPECT(ours() == 0 && p.expiry_ns == later_ns, "it holds until then");
	/* The hour is over. */
	EXPECT(rules_allow(d.gate, &at, PN_ALLOW, PN_ORIGIN_OPERATOR, now_ns, NULL) == 0, "then");
	p.expiry_ns = now_ns;
	tick();
	EXPECT(ours() == 1 && origin_at("203.0.113.0/24") == PN_ORIGIN_SPF && !p.expiry_ns,
	       "and no longer, whether or not it was swept away: %u", ours());
}
