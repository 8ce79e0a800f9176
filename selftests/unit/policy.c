/* SPDX-License-Identifier: BSD-2-Clause */
/* The pure decisions of user/policy: what may not be blocked, and which mode is in force. */
#include "tap.h"

#include <errno.h>
#include <inttypes.h>

#include "policy/mode.h"
#include "policy/protect.h"

/* ---- protect ---- */

static const struct {
	const char *prefix;
	enum protect_kind kind;
} own_rows[] = {
	{"127.0.0.0/8", PROTECT_OWN},	{"fe80::/10", PROTECT_OWN},
	{"192.0.2.10", PROTECT_OWN},	{"10.1.0.0/16", PROTECT_LOCAL},
	{"10.1.2.0/24", PROTECT_LOCAL}, {"10.1.2.1", PROTECT_GATEWAY},
	{"192.0.2.1", PROTECT_GATEWAY}, {"2001:db8::53", PROTECT_RESOLVER},
};
#define OWN_ROWS (sizeof(own_rows) / sizeof(own_rows[0]))

static const struct {
	const char *sentence, *prefix;
	enum protect_touch touch;
	const char *by; /* the entry that is named, NULL none */
} protect_rows[] = {
	{"a stranger may be blocked", "203.0.113.7", PROTECT_NONE, NULL},
	{"a neighbour of an own address may be", "192.0.2.11", PROTECT_NONE, NULL},
	{"an own address may not", "192.0.2.10", PROTECT_INSIDE, "192.0.2.10"},
	{"nor a prefix that covers one", "192.0.2.8/30", PROTECT_COVERS, "192.0.2.10"},
	{"nor everything", "0.0.0.0/0", PROTECT_COVERS, "127.0.0.0/8"},
	{"nor every IPv6 address", "::/0", PROTECT_COVERS, "fe80::/10"},
	{"an IPv6 prefix covers no IPv4 address", "2001::/32", PROTECT_NONE, NULL},
	{"inside a private network the longest is named", "10.1.2.9", PROTECT_INSIDE,
	 "10.1.2.0/24"},
	{"of a gateway in it the gateway is", "10.1.2.1", PROTECT_INSIDE, "10.1.2.1"},
	{"beside the longer one the shorter is", "10.1.3.0/24", PROTECT_INSIDE, "10.1.0.0/16"},
	{"a resolver may not", "2001:db8::53", PROTECT_INSIDE, "2001:db8::53"},
	{"nor its network", "2001:db8::/64", PROTECT_COVERS, "2001:db8::53"},
	{"another network of the same length may", "2001:db8:0:1::/64", PROTECT_NONE, NULL},
};

TEST(protect_finds_what_a_prefix_touches)
{
	struct protect_entry own[OWN_ROWS];

	for (size_t i = 0; i < OWN_ROWS; i++) {
		own[i].kind = own_rows[i].kind;
		ENSURE(prefix_parse(own_rows[i].prefix, &own[i].prefix, NULL) == 0, "%s",
		       own_rows[i].prefix);
	}
	for (size_t i = 0; i < sizeof(protect_rows) / sizeof(*protect_rows); i++) {
		const struct protect_entry *which = &own[0];
		char text[PREFIX_TEXT_MAX];
		enum protect_touch touch;
		struct prefix p;

		ENSURE(prefix_parse(protect_rows[i].prefix, &p, NULL) == 0, "%s",
		       protect_rows[i].prefix);
		touch = protect_find(own, OWN_ROWS, &p, &which);
		EXPECT(touch == protect_rows[i].touch, "%s: %d", protect_rows[i].sentence, touch);
		EXPECT(!which == !protect_rows[i].by, "%s: named or not", protect_rows[i].sentence);
		if (which && protect_rows[i].by)
			EXPECT(!strcmp(prefix_format(&which->prefix, text), protect_rows[i].by),
			       "%s: names %s", protect_rows[i].sentence, text);
	}
}

TEST(protect_says_what_each_kind_is)
{
	for (enum protect_kind k = PROTECT_OWN; k < PROTECT_KINDS; k++)
		for (enum protect_kind other = PROTECT_OWN; other < k; other++)
			EXPECT(strcmp(protect_sentence(k), protect_sentence(other)) != 0,
			       "kinds %d and %d differ", k, other);
}

TEST(protect_lets_nothing_automatic_touch_the_list)
{
	static const struct {
		const char *sentence, *prefix;
		const char *why; /* NULL: it may be blocked */
	} rows[] = {
		{"a stranger may be", "203.0.113.7", NULL},
		{"and his network", "203.0.113.0/24", NULL},
		{"a gateway may not", "192.0.2.1", "192.0.2.1 is a gateway"},
		{"nor a network around it", "192.0.2.0/29",
		 "192.0.2.0/29 covers 192.0.2.1, which is a gateway"},
		{"nor what lies in a private one", "10.1.3.7",
		 "10.1.3.7 lies in 10.1.0.0/16, which is a private network of a guarded interface"},
		{"a /8 of IPv4 may be", "203.0.0.0/8", NULL},
		{"a shorter one may not, whatever it touches", "202.0.0.0/7",
		 "202.0.0.0/7 is shorter than /8, the most that is ever blocked automatically"},
		{"a /16 of IPv6 may be", "2a00::/16", NULL},
		{"a shorter one may not", "2a00::/15",
		 "2a00::/15 is shorter than /16, the most that is ever blocked automatically"},
	};
	struct protect_entry own[OWN_ROWS];

	for (size_t i = 0; i < OWN_ROWS; i++) {
		own[i].kind = own_rows[i].kind;
		ENSURE(prefix_parse(own_rows[i].prefix, &own[i].prefix, NULL) == 0, "%s",
		       own_rows[i].prefix);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = {0};
		struct prefix p;
		int rc;

		ENSURE(prefix_parse(rows[i].prefix, &p, NULL) == 0, "%s", rows[i].prefix);
		rc = protect_check_automatic(own, OWN_ROWS, &p, &e);
		EXPECT(rc == (rows[i].why ? -EPERM : 0), "%s: %d", rows[i].sentence, rc);
		EXPECT(!strcmp(e.text, rows[i].why ? rows[i].why : ""), "%s: %s", rows[i].sentence,
		       e.text);
	}
}

TEST(protect_knows_what_nobody_may_block)
{
	static const struct {
		const char *prefix;
		bool wide;
	} rows[] = {{"0.0.0.0/0", true},    {"::/0", true},	 {"202.0.0.0/7", true},
		    {"203.0.0.0/8", false}, {"2000::/11", true}, {"2a00::/12", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct prefix p;

		ENSURE(prefix_parse(rows[i].prefix, &p, NULL) == 0, "%s", rows[i].prefix);
		EXPECT(protect_is_too_wide(&p) == rows[i].wide, "%s", rows[i].prefix);
	}
}

/* ---- mode ---- */

#define NOW_NS	 (1000 * NS_PER_S)
#define NOW_WALL 1700000000
#define BOOT	 "11111111-2222-3333-4444-555555555555"
#define OTHER	 "99999999-2222-3333-4444-555555555555"

static const struct {
	const char *sentence;
	bool configured;
	const char *order; /* NULL: none */
	uint64_t until;
} mode_rows[] = {
	{"without an order the configuration holds: monitor", false, NULL, MODE_MONITOR},
	{"without an order the configuration holds: enforce", true, NULL, MODE_ENFORCE},
	{"an order to enforce beats a configuration to monitor", false,
	 "enforce configured monitor until 0 - 0 0", MODE_ENFORCE},
	{"an order to monitor beats a configuration to enforce", true,
	 "monitor configured enforce until 0 - 0 0", MODE_MONITOR},
	{"a configuration changed since beats an order to enforce", false,
	 "enforce configured enforce until 0 - 0 0", MODE_MONITOR},
	{"a configuration changed since beats an order to monitor", true,
	 "monitor configured monitor until 0 - 0 0", MODE_ENFORCE},
	{"a deadline of this boot holds whatever the wall clock says", false,
	 "enforce configured monitor until 1600000000000 " BOOT " 5 5", 1600 * NS_PER_S},
	{"a deadline of this boot that has passed means monitor", false,
	 "enforce configured monitor until 1000000000000 " BOOT " 1700009999 9999", MODE_MONITOR},
	{"so it does where the configuration enforces", true,
	 "enforce configured enforce until 999000000000 " BOOT " 1700009999 9999", MODE_MONITOR},
	{"after a reboot the wall clock tells what is left", false,
	 "enforce configured monitor until 5000000000000 " OTHER " 1700000060 600",
	 NOW_NS + 60 * NS_PER_S},
	{"a wall clock set back lengthens nothing", false,
	 "enforce configured monitor until 5000000000000 " OTHER " 1700086400 600",
	 NOW_NS + 600 * NS_PER_S},
	{"after a reboot a deadline that has passed means monitor", false,
	 "enforce configured monitor until 5000000000000 " OTHER " 1700000000 600", MODE_MONITOR},
	{"without a boot id the wall clock tells", false,
	 "enforce configured monitor until 5000000000000 - 1700000030 600", NOW_NS + 30 * NS_PER_S},
	{"a deadline that is absurd is cut", false,
	 "enforce configured monitor until 5 - 9223372036854775807 18446744073709551615",
	 NOW_NS + DURATION_MAX_S *NS_PER_S},
};

TEST(mode_decides_between_order_and_configuration)
{
	const struct mode_now now = {.boot_ns = NOW_NS, .wall_s = NOW_WALL, .boot = BOOT};

	for (size_t i = 0; i < sizeof(mode_rows) / sizeof(*mode_rows); i++) {
		struct mode_order order;
		uint64_t until;

		if (mode_rows[i].order)
			ENSURE(mode_parse(mode_rows[i].order, &order) == 0, "%s parses",
			       mode_rows[i].order);
		until = mode_decide(mode_rows[i].configured, mode_rows[i].order ? &order : NULL,
				    &now);
		EXPECT(until == mode_rows[i].until, "%s: %" PRIu64, mode_rows[i].sentence, until);
	}
}

TEST(mode_orders_come_back_as_they_were_written)
{
	const struct mode_order orders[] = {
		{.enforce = true,
		 .until_boot_ns = 7,
		 .boot = BOOT,
		 .until_wall_s = 1700000000,
		 .left_s = 9},
		{.configured_enforce = true},
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		struct mode_order back;
		char text[MODE_TEXT_MAX], again[MODE_TEXT_MAX];

		ENSURE(mode_parse(mode_format(&orders[i], text), &back) == 0, "%s", text);
		EXPECT(!strcmp(mode_format(&back, again), text), "%s is %s", again, text);
		EXPECT(back.enforce == orders[i].enforce && !strcmp(back.boot, orders[i].boot) &&
			       back.configured_enforce == orders[i].configured_enforce &&
			       back.until_wall_s == orders[i].until_wall_s,
		       "%s", text);
	}
}

TEST(mode_refuses_what_it_did_not_write)
{
	static const char *const bad[] = {
		"",
		"enforce",
		"enforce configured",
		"perhaps configured monitor until 0 - 0 0",
		"enforce configured perhaps until 0 - 0 0",
		"enforce configured monitor until x - 0 0",
		"enforce configured monitor until 0 - 0 0 more",
		"enforce configured monitor until 0 -",
		"enforceenforceenforce configured monitor until 0 - 0 0",
	};
	struct mode_order order;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT(mode_parse(bad[i], &order) != 0, "\"%s\" is refused", bad[i]);
}
