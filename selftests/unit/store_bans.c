/* SPDX-License-Identifier: BSD-2-Clause */
/* Bans in the store: put, found, ended, forgotten; and they hold through a reboot, no longer than ordered. */
#include "store/bans.h"

#include "store_rig.h"

static struct store *open_new(void)
{
	struct err e = {0};
	struct store *s;

	EXPECT(store_open(&s, dir_fresh(), STORE_WRITE, &e) == 0, "open: %s", e.text);
	return s;
}

static struct store_ban ban_of(const char *prefix, uint32_t level, uint64_t expires_boot_ns)
{
	struct store_ban b = {.level = level,
			      .offences = 5 * level,
			      .reason = "rate",
			      .last_wall_s = 1700000000,
			      .expires_boot_ns = expires_boot_ns};

	EXPECT(prefix_parse(prefix, &b.prefix, NULL) == 0, "%s", prefix);
	return b;
}

static int put_ban(struct store *s, const struct store_ban *b)
{
	struct err e = {0};
	int code = store_put_bans(s, b, 1, &e);

	EXPECT(code == 0, "put: %s", e.text);
	return code;
}

static int meet_ban(void *context, const struct store_ban *b)
{
	char *text = context, prefix[PREFIX_TEXT_MAX];
	size_t n = strlen(text);

	snprintf(text + n, 256 - n, "%s%s:%u", n ? " " : "", prefix_format(&b->prefix, prefix),
		 b->level);
	return 0;
}

static const char *bans_of(struct store *s, const char *addr)
{
	static char text[256];
	struct err e = {0};
	struct addr a;

	text[0] = '\0';
	if (addr)
		EXPECT(addr_parse(addr, &a, &e) == 0, "%s", e.text);
	EXPECT(store_each_ban(s, addr ? &a : NULL, meet_ban, text, &e) == 0, "%s", e.text);
	return text;
}

TEST(bans_are_found_by_address)
{
	struct store *s = open_new();
	uint64_t later = now_boot_ns() + 600 * NS_PER_S;
	struct store_ban list[] = {ban_of("192.0.2.7", 2, later), ban_of("192.0.2.0/24", 1, later),
				   ban_of("2001:db8:1:2::/64", 3, 0)};
	struct store_ban got;
	struct err e = {0};

	ENSURE(s && store_put_bans(s, list, 3, &e) == 0, "%s", e.text);
	EXPECT(strcmp(bans_of(s, "192.0.2.7"), "192.0.2.7:2 192.0.2.0/24:1") == 0, "%s",
	       bans_of(s, "192.0.2.7"));
	EXPECT(strcmp(bans_of(s, "192.0.2.8"), "192.0.2.0/24:1") == 0, "its neighbour");
	EXPECT(strcmp(bans_of(s, "2001:db8:1:2::9"), "2001:db8:1:2::/64:3") == 0, "a /64");
	EXPECT(*bans_of(s, "198.51.100.1") == '\0', "a stranger");
	ENSURE(store_get_ban(s, &list[0].prefix, &got, &e) == 0, "%s", e.text);
	EXPECT(got.level == 2 && got.offences == 10 && strcmp(got.reason, "rate") == 0 &&
		       got.last_wall_s == 1700000000 &&
		       got.expires_boot_ns / NS_PER_S == later / NS_PER_S,
	       "all of it");
	list[0].level = 3;
	put_ban(s, &list[0]);
	EXPECT(strcmp(bans_of(s, "192.0.2.7"), "192.0.2.7:3 192.0.2.0/24:1") == 0, "replaced");
	EXPECT(store_delete_ban(s, &list[1].prefix, &e) == 0, "%s", e.text);
	EXPECT(store_delete_ban(s, &list[1].prefix, &e) == -ENOENT, "once");
	EXPECT(store_get_ban(s, &list[1].prefix, &got, &e) == -ENOENT, "gone");
	store_close(s);
}

TEST(what_has_ended_is_remembered_until_it_is_reaped)
{
	struct store *s = open_new();
	uint64_t later = now_boot_ns() + 600 * NS_PER_S;
	struct store_ban ended = ban_of("192.0.2.7", 2, 1), live = ban_of("192.0.2.8", 1, later);
	struct store_ban got;
	unsigned count = 0;

	ENSURE(s && put_ban(s, &ended) == 0 && put_ban(s, &live) == 0, "put");
	ENSURE(store_get_ban(s, &ended.prefix, &got, NULL) == 0, "there");
	EXPECT(got.expires_boot_ns == 0 && got.level == 2, "no ban is in force, and it counts");
	EXPECT(got.until_wall_s < now_wall_s() && got.until_wall_s > got.last_wall_s,
	       "when it ended is told, and that is not when it began");
	EXPECT(store_get_ban(s, &live.prefix, &got, NULL) == 0 &&
		       llabs(got.until_wall_s - now_wall_s() - 600) <= 1,
	       "as when one in force will end");
	ended.expires_boot_ns = 0;
	ended.prefix = live.prefix;
	ended.prefix.addr.byte[15]++;
	put_ban(s, &ended);
	EXPECT(store_get_ban(s, &ended.prefix, &got, NULL) == 0 &&
		       got.until_wall_s == got.last_wall_s,
	       "one whose end nobody wrote down");
	EXPECT(store_reap_bans(s, 1600000000, &count, NULL) == 0 && count == 0, "not yet");
	EXPECT(store_reap_bans(s, now_wall_s() - 1, &count, NULL) == 0 && count == 2, "reaped");
	EXPECT(strcmp(bans_of(s, NULL), "192.0.2.8:1") == 0, "one in force is not: %s",
	       bans_of(s, NULL));
	store_close(s);
}

TEST(bans_hold_through_a_reboot_and_never_longer)
{
	struct store_ban b = ban_of("192.0.2.7", 1, 0), got;
	struct store *s;

	dir_fresh();
	play("boot-a", 1000 * S, WALL);
	s = open_played();
	ENSURE(s, "no store");
	b.expires_boot_ns = (uint64_t)(played_boot_ns + H);
	put_ban(s, &b);
	store_close(s);
	play("boot-b", 5 * S, WALL + 60 * S);
	s = open_played();
	ENSURE(s && store_get_ban(s, &b.prefix, &got, NULL) == 0, "there");
	EXPECT((int64_t)got.expires_boot_ns - played_boot_ns == H - 60 * S, "less a minute");
	store_close(s);
	play("boot-c", 5 * S, 0);
	s = open_played();
	ENSURE(s && store_get_ban(s, &b.prefix, &got, NULL) == 0, "there");
	EXPECT((int64_t)got.expires_boot_ns - played_boot_ns == H - 60 * S,
	       "no longer than what was left, with the clock at 1970");
	store_close(s);
}

/* The end of one that ended before this boot is put as it is, and not as the boot's beginning. */
TEST(an_end_before_this_boot_is_no_later_when_it_is_written_again)
{
	struct store_ban b = ban_of("192.0.2.7", 1, 0), got;
	struct store *s;

	dir_fresh();
	play("boot-a", 1000 * S, WALL);
	b.last_wall_s = WALL / S - 20000;
	b.until_wall_s = WALL / S - 16000;
	for (unsigned boot = 0; boot < 2; boot++) {
		s = open_played();
		ENSURE(s, "no store");
		for (unsigned i = 0; i < 2; i++) {
			put_ban(s, &b);
			ENSURE(store_get_ban(s, &b.prefix, &got, NULL) == 0, "there");
			EXPECT(!got.expires_boot_ns && got.until_wall_s == b.until_wall_s,
			       "ended %lld s later",
			       (long long)(got.until_wall_s - b.until_wall_s));
			b = got;
		}
		store_close(s);
		play("boot-b", 5 * S, WALL + 60 * S);
	}
}

/* What ended an hour ago ended an hour ago, whatever the wall clock says, which nobody was running to see stepped. */
TEST(a_step_of_the_clock_makes_no_end_older)
{
	struct store_ban b = ban_of("192.0.2.7", 1, 0), got;
	unsigned count = 77;
	struct store *s;

	dir_fresh();
	play("boot-a", 1000 * S, WALL);
	s = open_played();
	ENSURE(s, "no store");
	b.last_wall_s = WALL / S;
	b.expires_boot_ns = (uint64_t)(played_boot_ns + H);
	put_ban(s, &b);
	play_on(2 * H);
	played_wall_ns += 1000 * H;
	ENSURE(store_get_ban(s, &b.prefix, &got, NULL) == 0, "there");
	EXPECT(got.until_wall_s == (played_wall_ns - H) / S && !got.expires_boot_ns,
	       "an hour ago: %lld s", (long long)(played_wall_ns / S - got.until_wall_s));
	EXPECT(store_reap_bans(s, (played_wall_ns - 2 * H) / S, &count, NULL) == 0 && count == 0,
	       "it is not as old as that: %u", count);
	EXPECT(store_reap_bans(s, (played_wall_ns - H) / S + 1, &count, NULL) == 0 && count == 1,
	       "but as old as this: %u", count);
	store_close(s);
}
