/* SPDX-License-Identifier: BSD-2-Clause */
/* Bans: what a full table, a restart, a command, a reload and their end make of them. */
#include "parts_rig.h"

#include "base/when.h"
#include "daemon/bans_inside.h"
#include "store/bans.h"
#include "store/verdicts.h"

#define HOUR 3600
#define DAY  86400

static bool any_listed(void *context, const struct source_entry *s)
{
	(void)context;
	(void)s;
	return true;
}

static bool part_open(void)
{
	struct err e = {0};

	return EXPECT(bans_part.open(&d, &e) == 0, "%s", e.text);
}

/* As the controller starts anew. */
static bool restart(void)
{
	bans_part.close(&d);
	store_close(d.store);
	d.store = NULL;
	return store_use() && part_open();
}

static bool bench_get(void)
{
	unsigned count;

	if (!d.gate && !bench_load())
		return false;
	if (d.bans)
		bans_part.close(&d);
	EXPECT(sources_prune_listed(d.gate, any_listed, NULL, NULL, NULL) == 0 &&
		       store_reap_bans(d.store, INT64_MAX, &count, NULL) == 0,
	       "nobody is banned");
	/* Two offences, which need not wait for each other. */
	d.conf.bans.after = 2;
	d.conf.bans.within_s = 1;
	d.conf.bans.first_s = HOUR;
	d.conf.bans.longest_s = 7 * DAY;
	d.conf.bans.forget_s = 7 * DAY;
	d.conf.bans.neighbours = 0;
	return part_open();
}

#define BENCH_OR_SKIP()                                                                            \
	if (geteuid() != 0)                                                                        \
		SKIP("root");                                                                      \
	if (!bench_get())                                                                          \
	return

static const struct addr nobody = {{[10] = 0xff, 0xff, 203, 0, 113, 7}};

static struct prefix key_of(const struct addr *a)
{
	return prefix_of(a, ADDR_BITS);
}

static void offend(const struct addr *a, unsigned times)
{
	while (times-- > 0)
		bans_note_cut(&d, a);
}

static struct offender *offender_of(const struct addr *a)
{
	struct prefix p = key_of(a);

	return offenders_get(d.bans->all, &p);
}

static void tick(void)
{
	bans_part.tick(&d, now_boot_ns());
}

/* Seconds until its ban ends in the kernel; 0: there is none. */
static int64_t mapped_s(const struct addr *a)
{
	struct prefix p = key_of(a);
	struct pn_listed there;

	if (sources_get_listed(d.gate, &p, &there, NULL) || there.origin != PN_ORIGIN_BAN)
		return 0;
	return (int64_t)(there.expires / NS_PER_S) - ban_now_s();
}

static bool stored(const struct addr *a, struct store_ban *out)
{
	struct prefix p = key_of(a);

	return store_get_ban(d.store, &p, out, NULL) == 0;
}

/* One that is in force, and in the store. */
static struct offender *banned(const struct addr *a)
{
	struct store_ban row;

	offend(a, 2);
	tick();
	EXPECT(mapped_s(a) > 0 && d.bans->in_force == 1 && stored(a, &row), "he is banned");
	return offender_of(a);
}

/* Its time is over, by a moment. */
static void end(struct offender *o)
{
	struct pn_listed there;

	o->history.until_s = ban_now_s();
	if (EXPECT(sources_get_listed(d.gate, &o->prefix, &there, NULL) == 0, "in the map")) {
		there.expires = (uint64_t)o->history.until_s * NS_PER_S;
		sources_put_listed(d.gate, &o->prefix, &there, NULL);
	}
}

static struct prefix filler(unsigned i)
{
	const struct addr a = {{[10] = 0xff, 0xff, 198, 51, (uint8_t)(i >> 8), (uint8_t)i}};

	return key_of(&a);
}

static void table_fill(void)
{
	const struct pn_listed listed = {.action = PN_DROP, .origin = PN_ORIGIN_DNSBL};
	unsigned i = 0;

	while (i < 2 * LISTED_BOUND) {
		struct prefix p = filler(i++);

		if (sources_put_listed(d.gate, &p, &listed, NULL))
			break;
	}
	EXPECT(i < 2 * LISTED_BOUND, "it is full");
}

static void table_make_room(void)
{
	for (unsigned i = 0; i < LISTED_BOUND / 2; i++) {
		struct prefix p = filler(i);

		(void)sources_take_listed(d.gate, &p, NULL);
	}
}

/* As a command does, which has the gate and the store open for itself. */
static void command_forget(struct ruling *r, const struct addr *a)
{
	struct forgotten f;
	struct err e = {0};

	EXPECT(ruling_forget(r, a, &f, &e) == 0 && f.bans == 1, "%u: %s", f.bans, e.text);
}

static bool command_begin(struct ruling *r)
{
	struct err e = {0}, kept = {0};

	return EXPECT(ruling_open_lenient(r, &d.conf, &kept, &e) == 0 && r->store && r->gate,
		      "%s %s", e.text, kept.text);
}

TEST(a_ban_that_finds_no_room_is_none)
{
	struct offender *o;

	BENCH_OR_SKIP();
	table_fill();
	offend(&nobody, 2);
	o = offender_of(&nobody);
	ENSURE(o, "he is known");
	EXPECT(!o->in_force && !o->history.level && !d.bans->in_force && !o->unwritten,
	       "and not banned: level %u", o->history.level);
	table_make_room();
	offend(&nobody, 1);
	EXPECT(o->history.level == 1 && llabs(mapped_s(&nobody) - HOUR) <= 1,
	       "when there is room the first is the first: level %u, %lld s", o->history.level,
	       (long long)mapped_s(&nobody));
}

TEST(a_ban_that_finds_no_room_in_other_maps_comes_when_there_is)
{
	struct offender *o;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o, "he is known");
	(void)sources_take_listed(d.gate, &o->prefix, NULL);
	table_fill();
	bans_part.gate_changed(&d);
	EXPECT(!d.bans->in_force && !o->in_force, "he gets in");
	tick();
	ENSURE(offender_of(&nobody) == o && o->history.level == 1, "and is not forgotten");
	table_make_room();
	tick();
	EXPECT(d.bans->in_force == 1 && mapped_s(&nobody) > 0 && o->history.level == 1,
	       "the same ban goes on");
	ENSURE(restart(), "a restart");
	table_fill();
	EXPECT(mapped_s(&nobody) > 0, "it was there first");
}

TEST(who_is_forgotten_while_there_is_no_room_does_not_come_back)
{
	struct offender *o;
	struct ruling r;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o && command_begin(&r), "he is known");
	(void)sources_take_listed(d.gate, &o->prefix, NULL);
	table_fill();
	bans_part.gate_changed(&d);
	command_forget(&r, &nobody);
	table_make_room();
	tick();
	tick();
	EXPECT(!mapped_s(&nobody) && !d.bans->in_force && !offender_of(&nobody), "forgotten");
	ruling_close(&r);
}

TEST(a_ban_that_has_ended_comes_back_with_its_end)
{
	struct store_ban row = {.prefix = key_of(&nobody), .level = 3, .offences = 9};
	struct offender *o;
	struct err e = {0};
	int64_t now_s;

	BENCH_OR_SKIP();
	/* It lasted for an hour, as long as all is remembered, and ended a minute ago. */
	d.conf.bans.forget_s = HOUR;
	now_s = ban_now_s();
	row.expires_boot_ns = (uint64_t)(now_s - 60) * NS_PER_S;
	row.last_wall_s = now_wall_s() - 60 - HOUR;
	ENSURE(store_put_bans(d.store, &row, 1, &e) == 0 && restart(), "%s", e.text);
	tick();
	o = offender_of(&nobody);
	ENSURE(o && o->history.level == 3, "it is remembered");
	EXPECT(llabs(o->history.until_s - (now_s - 60)) <= 1, "ended %lld s ago",
	       (long long)(now_s - o->history.until_s));
	EXPECT(!o->in_force && !mapped_s(&nobody), "and is over");
}

/* As the controller of a host that was started since writes it. */
TEST(an_end_before_this_boot_stays_where_it_is)
{
	struct store_ban row = {.prefix = key_of(&nobody), .level = 3, .offences = 9}, got;
	struct offender *o;
	struct err e = {0};

	BENCH_OR_SKIP();
	d.conf.bans.forget_s = (uint64_t)ban_now_s() + DAY;
	row.until_wall_s = now_wall_s() - ban_now_s() - HOUR;
	row.last_wall_s = row.until_wall_s - HOUR;
	ENSURE(store_put_bans(d.store, &row, 1, &e) == 0 && restart(), "%s", e.text);
	tick();
	EXPECT(!d.bans->unwritten, "it stands there already");
	o = offenders_get(d.bans->all, &row.prefix);
	ENSURE(o, "he is known");
	o->unwritten = d.bans->unwritten = true;
	tick();
	EXPECT(stored(&nobody, &got) && !d.bans->unwritten &&
		       llabs(got.until_wall_s - row.until_wall_s) <= 1,
	       "%lld s later", (long long)(got.until_wall_s - row.until_wall_s));
}

/* Does the store have it as one that has ended, also for a host whose clock stands? */
static void expect_end_written(const char *when)
{
	struct store_ban row;

	tick();
	EXPECT(d.bans->unwritten, "%s: it is to be written", when);
	tick();
	EXPECT(!d.bans->unwritten && stored(&nobody, &row) && !row.expires_boot_ns &&
		       llabs(row.until_wall_s - now_wall_s()) <= 2,
	       "%s: it is written", when);
	tick();
	EXPECT(!d.bans->unwritten, "%s: once", when);
}

TEST(an_end_that_nobody_saw_is_written)
{
	struct store_ban row = {.prefix = key_of(&nobody), .level = 1, .offences = 2};
	struct offender *o;
	struct err e = {0};

	BENCH_OR_SKIP();
	row.last_wall_s = now_wall_s();
	row.expires_boot_ns = now_boot_ns() + 20 * NS_PER_MS;
	ENSURE(store_put_bans(d.store, &row, 1, &e) == 0, "%s", e.text);
	while (now_boot_ns() <= row.expires_boot_ns)
		;
	ENSURE(restart(), "anew");
	expect_end_written("while no controller ran");
	ENSURE(bench_get(), "anew");
	o = banned(&nobody);
	ENSURE(o, "he is known");
	end(o);
	bans_part.gate_changed(&d);
	expect_end_written("while the gate was changed");
	ENSURE(bench_get(), "anew");
	o = banned(&nobody);
	ENSURE(o, "he is known");
	(void)sources_take_listed(d.gate, &o->prefix, NULL);
	table_fill();
	bans_part.gate_changed(&d);
	EXPECT(!o->in_force, "there is no room");
	o->history.until_s = ban_now_s();
	expect_end_written("while the map was full");
}

TEST(the_end_of_a_ban_is_written)
{
	struct store_ban row;
	struct offender *o;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o, "he is known");
	end(o);
	tick();
	EXPECT(!mapped_s(&nobody) && !d.bans->in_force && d.bans->unwritten, "it is over");
	tick();
	EXPECT(stored(&nobody, &row) && !row.expires_boot_ns &&
		       llabs(row.until_wall_s - now_wall_s()) <= 1 && row.level == 1,
	       "and the store has it so");
}

/* The kernel's entry is nobody's any more, and may be gone or a list's before the clock comes round. */
TEST(a_ban_that_has_ended_is_not_taken_for_forgotten)
{
	const struct pn_listed listed = {.action = PN_DROP, .origin = PN_ORIGIN_DNSBL};
	struct offender *o;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o, "he is known");
	end(o);
	EXPECT(sources_put_listed(d.gate, &o->prefix, &listed, NULL) == 0, "a list names him");
	offend(&nobody, 1);
	ENSURE(offender_of(&nobody) == o && o->history.level == 1, "his history is kept");
	tick();
	EXPECT(!d.bans->in_force && o->history.level == 1, "and then too");
	offend(&nobody, 1);
	EXPECT(o->history.level == 2 && mapped_s(&nobody) > HOUR, "the next ban is the second");
}

TEST(what_is_forgotten_is_forgotten_once_and_whatever_stands_behind_it)
{
	struct store_entry other = {.what = "listed", .text = "by bl.example"};
	struct offender *o;
	struct err e = {0};
	struct ruling r;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o && command_begin(&r), "a command");
	end(o);
	tick();
	command_forget(&r, &nobody);
	for (unsigned i = 0; i < 100; i++)
		EXPECT(store_write_journal(r.store, &other, 1, &e) == 0, "%s", e.text);
	tick();
	EXPECT(!offender_of(&nobody) || !offender_of(&nobody)->history.level, "forgotten");
	offend(&nobody, 1);
	EXPECT(store_write_journal(r.store, &other, 1, &e) == 0, "%s", e.text);
	tick();
	o = offender_of(&nobody);
	EXPECT(o && o->history.offences == 1, "what he did since counts");
	ruling_close(&r);
}

TEST(who_is_forgotten_a_moment_ago_begins_anew)
{
	struct store_ban row;
	struct offender *o;
	struct ruling r;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o && command_begin(&r), "a command");
	o->charged_ns = 77;
	o->unwritten = d.bans->unwritten = true;
	command_forget(&r, &nobody);
	offend(&nobody, 1);
	EXPECT(offender_of(&nobody) == o && o->history.offences == 1 && !o->history.level &&
		       !o->unwritten && !o->charged_ns && !o->in_force && !d.bans->in_force,
	       "by all that is known of him");
	tick();
	EXPECT(!stored(&nobody, &row), "and the store knows nothing");
	ruling_close(&r);
}

/* What is taken back of the network leaves nothing of his own behind. */
TEST(who_is_known_by_his_network_alone_is_forgotten_himself)
{
	struct store_ban row = {.level = 1, .offences = 1, .reason = "neighbours"};
	struct offender *o;
	struct err e = {0};
	struct ruling r;

	BENCH_OR_SKIP();
	row.prefix = prefix_of(&nobody, ADDR_BITS - 8);
	row.last_wall_s = now_wall_s();
	ENSURE(store_put_bans(d.store, &row, 1, &e) == 0 && command_begin(&r), "%s", e.text);
	tick();
	offend(&nobody, 1);
	o = offender_of(&nobody);
	ENSURE(o && o->history.offences == 1, "he has offended");
	command_forget(&r, &nobody);
	tick();
	o = offender_of(&nobody);
	EXPECT(!o || !o->history.offences, "forgotten");
	ruling_close(&r);
}

TEST(a_ban_that_is_over_and_forgotten_does_not_come_back_with_a_batch)
{
	struct store_ban row;
	struct offender *o;
	struct err e = {0};
	struct ruling r;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o && command_begin(&r), "a command");
	end(o);
	(void)sources_take_listed(d.gate, &o->prefix, NULL);
	command_forget(&r, &nobody);
	o->unwritten = d.bans->unwritten = true;
	EXPECT(bans_write(&d, &e) == 0 && !stored(&nobody, &row), "%s", e.text);
	ruling_close(&r);
}

TEST(a_shorter_longest_ends_bans_earlier)
{
	struct store_ban row;
	struct offender *o;

	BENCH_OR_SKIP();
	o = banned(&nobody);
	ENSURE(o, "he is known");
	bans_part.reload(&d);
	EXPECT(mapped_s(&nobody) > HOUR - 5 && !o->unwritten, "nothing has changed");
	d.conf.bans.longest_s = 600;
	bans_part.reload(&d);
	EXPECT(llabs(mapped_s(&nobody) - 600) <= 1, "%lld s", (long long)mapped_s(&nobody));
	tick();
	EXPECT(stored(&nobody, &row) && llabs(row.until_wall_s - now_wall_s() - 600) <= 2,
	       "in the store too");
	d.conf.bans.longest_s = 60;
	ENSURE(restart(), "a restart");
	EXPECT(llabs(mapped_s(&nobody) - 60) <= 1, "%lld s", (long long)mapped_s(&nobody));
	EXPECT(offender_of(&nobody)->history.level == 1, "it is the same ban");
}

TEST(nobody_is_banned_before_it_is_known_who_was)
{
	struct store_ban row = {.prefix = key_of(&nobody), .level = 3, .offences = 9};
	struct store *kept;
	struct err e = {0};

	BENCH_OR_SKIP();
	row.last_wall_s = now_wall_s();
	ENSURE(store_put_bans(d.store, &row, 1, &e) == 0, "%s", e.text);
	bans_part.close(&d);
	kept = d.store;
	d.store = NULL;
	ENSURE(part_open(), "without a store");
	d.store = kept;
	offend(&nobody, 2);
	EXPECT(!mapped_s(&nobody), "the store has come back, and nobody has read it");
	tick();
	offend(&nobody, 2);
	EXPECT(offender_of(&nobody)->history.level == 4, "the fourth, not the first");
}

TEST(a_new_store_in_the_place_of_a_damaged_one_gets_the_bans)
{
	struct store_ban row;

	BENCH_OR_SKIP();
	ENSURE(banned(&nobody), "he is known");
	ENSURE(store_replace(), "a new store");
	EXPECT(!stored(&nobody, &row), "which is empty");
	tick();
	EXPECT(mapped_s(&nobody) > 0 && stored(&nobody, &row) && row.level == 1,
	       "the ban goes on, and is in it");
	ENSURE(restart(), "a restart");
	EXPECT(mapped_s(&nobody) > 0, "which it outlives");
}

TEST(bans_that_are_taken_back_without_a_store_are_taken_from_it_later)
{
	struct store_ban row;
	struct store *kept;

	BENCH_OR_SKIP();
	ENSURE(banned(&nobody), "he is known");
	kept = d.store;
	d.store = NULL;
	d.conf.bans.after = 0;
	bans_part.reload(&d);
	EXPECT(!mapped_s(&nobody), "out of the map at once");
	d.store = kept;
	EXPECT(stored(&nobody, &row), "not yet out of the store");
	tick();
	EXPECT(!stored(&nobody, &row), "now it is");
	d.conf.bans.after = 2;
	ENSURE(restart(), "a restart");
	EXPECT(!mapped_s(&nobody) && !offender_of(&nobody), "and does not come back");
}

TEST(bans_come_back_when_no_command_is_in_between)
{
	struct err e = {0};
	struct ruling r;

	BENCH_OR_SKIP();
	ENSURE(banned(&nobody) && command_begin(&r), "he is known");
	bans_part.close(&d);
	store_set_patience(d.store, 0);
	ENSURE(store_lock(r.store, &e) == 0 && part_open(), "a command has begun: %s", e.text);
	EXPECT(!d.bans->restored && mapped_s(&nobody) > 0, "what the kernel has stands");
	store_unlock(r.store);
	tick();
	EXPECT(d.bans->restored && d.bans->in_force == 1, "and is ours when it is done");
	ruling_close(&r);
}

TEST(what_a_killed_controller_had_not_written_is_no_ban)
{
	BENCH_OR_SKIP();
	offend(&nobody, 2);
	EXPECT(mapped_s(&nobody) > 0, "in the map alone");
	d.bans->unwritten = false;
	ENSURE(restart(), "a restart");
	EXPECT(!mapped_s(&nobody), "nobody could say why");
}
