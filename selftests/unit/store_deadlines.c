/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines hold through reboots and steps of the wall clock, both played: none ends early, none lasts longer. */
#include "store_rig.h"

/* Put a rule of the given length into a new store at boot time 1000 s; ENSURE-able. */
static struct store *played_with_rule(struct store_rule *r, int64_t length_ns)
{
	struct store *s;

	dir_fresh();
	play("boot-a", 1000 * S, WALL);
	s = open_played();
	*r = rule_of("192.0.2.1", STORE_BLOCK);
	r->expires_boot_ns = (uint64_t)(played_boot_ns + length_ns);
	if (s)
		put(s, r);
	return s;
}

/* Left until the rule ends as the store tells it; 0: not found. */
static int64_t left_now(struct store *s, const struct store_rule *r)
{
	struct store_rule back;

	if (store_get_rule(s, r->kind, &r->prefix, &back, NULL) < 0)
		return 0;
	return (int64_t)back.expires_boot_ns - played_boot_ns;
}

TEST(a_clock_step_changes_no_deadline_of_this_boot)
{
	static const int64_t steps_ns[] = {H, -H, -2 * H, 100000 * H, -WALL};

	for (size_t i = 0; i < COUNT(steps_ns); i++) {
		struct store_rule r;
		struct store *s = played_with_rule(&r, 600 * S);

		ENSURE(s, "no store");
		play_on(10 * S);
		played_wall_ns = WALL + 10 * S + steps_ns[i];
		EXPECT(left_now(s, &r) == 590 * S, "before rebase: %" PRId64, left_now(s, &r));
		EXPECT(store_rebase(s, NULL) == 0, "rebase");
		EXPECT(left_now(s, &r) == 590 * S, "after rebase: %" PRId64, left_now(s, &r));
		store_close(s);
		s = open_played();
		ENSURE(s, "no store");
		play_on(590 * S - 1);
		EXPECT(left_now(s, &r) == 1, "the last nanosecond: %" PRId64, left_now(s, &r));
		play_on(1);
		EXPECT(left_now(s, &r) == 0, "ended");
		store_close(s);
	}
}

TEST(deadlines_hold_through_a_reboot)
{
	static const struct {
		const char *sentence;
		int64_t off_ns, clock_error_ns; /* of the new boot's wall clock */
		int64_t left_ns;		/* of a rule that had an hour left; 0 ended */
	} rows[] = {
		{"a reboot of a minute", 60 * S, 0, H - 60 * S},
		{"off for longer than the rule", H, 0, 0},
		{"off for a year", 8766 * H, 0, 0},
		{"the clock an hour slow: never longer than was left", 60 * S, -H, H},
		{"the clock at 1970: never longer than was left", 60 * S, -WALL, H},
		{"the clock half an hour fast", 60 * S, H / 2, H / 2 - 60 * S},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_rule r, forever = rule_of("192.0.2.2", STORE_ALLOW);
		struct store *s = played_with_rule(&r, H), *reader;
		struct err e = {0};

		ENSURE(s, "no store");
		put(s, &forever);
		store_close(s);
		play("boot-b", 5 * S, WALL + rows[i].off_ns + rows[i].clock_error_ns);
		ENSURE(store_open_by(&reader, dir, STORE_READ, &played, STORE_PATIENCE_MS, &e) == 0,
		       "%s", e.text);
		EXPECT(left_now(reader, &r) == rows[i].left_ns, "%s: a reader sees %" PRId64,
		       rows[i].sentence, left_now(reader, &r) / S);
		store_close(reader);
		s = open_played();
		ENSURE(s, "no store");
		EXPECT(left_now(s, &r) == rows[i].left_ns, "%s: %" PRId64, rows[i].sentence,
		       left_now(s, &r) / S);
		/* From here on boot time decides, and the clock may be put right. */
		play_on(10 * S);
		played_wall_ns -= rows[i].clock_error_ns;
		EXPECT(left_now(s, &r) == (rows[i].left_ns ? rows[i].left_ns - 10 * S : 0),
		       "%s, the clock put right: %" PRId64, rows[i].sentence, left_now(s, &r) / S);
		EXPECT(has(s, &forever), "a rule without end has none");
		store_close(s);
	}
}

TEST(a_clock_step_before_a_reboot_moves_no_deadline)
{
	/* With a controller that rebases, and with none: then the next to open the store does. */
	for (int with_controller = 0; with_controller < 2; with_controller++) {
		for (int64_t step = -H; step <= H; step += 2 * H) {
			struct store_rule r;
			struct store *s = played_with_rule(&r, 2 * H);

			ENSURE(s, "no store");
			play_on(600 * S);
			played_wall_ns += step;
			if (with_controller) {
				EXPECT(store_rebase(s, NULL) == 0, "rebase");
				store_close(s);
			} else {
				store_close(s);
				store_close(open_played());
			}
			play("boot-b", 0, played_wall_ns + 60 * S);
			s = open_played();
			ENSURE(s, "no store");
			EXPECT(left_now(s, &r) == 2 * H - 660 * S,
			       "controller %d, step %" PRId64 " s: %" PRId64 " s left",
			       with_controller, step / S, left_now(s, &r) / S);
			store_close(s);
		}
	}
}

TEST(many_reboots_without_a_clock_never_lengthen_a_rule)
{
	struct store_rule r;
	struct store *s = played_with_rule(&r, H);
	char id[BOOT_ID_MAX];
	int64_t before = H;

	ENSURE(s, "no store");
	for (int i = 0; i < 10; i++) {
		int64_t left;

		play_on(60 * S);
		EXPECT(store_rebase(s, NULL) == 0, "rebase");
		store_close(s);
		snprintf(id, sizeof(id), "boot-%d", i);
		play(id, 0, 0); /* no battery: always 1970 */
		s = open_played();
		ENSURE(s, "no store");
		left = left_now(s, &r);
		EXPECT(left == before - 60 * S, "boot %d: %" PRId64 " s left", i, left / S);
		before = left;
	}
	store_close(s);
}

TEST(expired_rules_are_not_found_and_can_be_reaped)
{
	struct store_rule r, other = rule_of("192.0.2.2", STORE_BLOCK);
	struct store *s = played_with_rule(&r, 10 * S);
	struct err e = {0};
	unsigned count = 77;

	ENSURE(s, "no store");
	put(s, &other);
	EXPECT(store_reap(s, &count, &e) == 0 && count == 0, "nothing to reap: %u", count);
	play_on(10 * S);
	EXPECT(!has(s, &r) && count_rules(s) == 1, "not found");
	EXPECT(store_reap(s, &count, &e) == 0 && count == 1, "one to reap: %u %s", count, e.text);
	r.expires_boot_ns = (uint64_t)(played_boot_ns + 10 * S);
	put(s, &r);
	play_on(10 * S);
	EXPECT(store_delete_rule(s, STORE_BLOCK, &r.prefix, &e) == -ENOENT, "was no rule any more");
	EXPECT(store_reap(s, &count, &e) == 0 && count == 0, "and is gone: %u", count);
	store_close(s);
}

TEST(deadlines_of_another_boot_that_could_not_be_renewed_are_told)
{
	struct store_rule r;
	struct store *writer, *s = played_with_rule(&r, 600 * S);

	ENSURE(s, "no store");
	EXPECT(!store_is_stale(s), "this boot's");
	played_wall_ns += H;
	EXPECT(!store_is_stale(s), "as it was when it was opened: nothing is read again");
	writer = s;
	EXPECT(store_begin(writer, NULL) == 0, "begin");
	play("boot-b", 10 * S, WALL + 100 * S);
	s = open_played_within(1);
	ENSURE(s, "no store while another one writes");
	EXPECT(store_is_stale(s), "could not be written anew");
	EXPECT(left_now(s, &r) == 500 * S, "reckoned: %" PRId64, left_now(s, &r));
	store_rollback(writer);
	store_close(writer);
	EXPECT(store_rebase(s, NULL) == 0 && !store_is_stale(s), "written anew");
	EXPECT(left_now(s, &r) == 500 * S, "as before: %" PRId64, left_now(s, &r));
	store_close(s);
}
