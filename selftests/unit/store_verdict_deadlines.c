/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts end when they should, through reboots and steps of the wall clock: as rules do, none lasts longer. */
#include "verdict_rig.h"

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
