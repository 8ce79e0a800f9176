/* SPDX-License-Identifier: BSD-2-Clause */
/* What the controller decides about interfaces, apart from the kernel. */
#include "daemon/links.h"

#include <errno.h>

#include "tap.h"

TEST(only_ethernet_can_be_guarded_and_the_reason_is_said)
{
	static const struct {
		const char *sentence;
		struct net_link link;
		const char *why; /* NULL: fit */
	} rows[] = {
		{"hardware", {.ethernet = true, .up = true}, NULL},
		{"one that is down", {.ethernet = true}, NULL},
		{"a bridge", {.ethernet = true, .kind = "bridge"}, NULL},
		{"a tunnel", {.kind = "tun", .up = true}, "Ethernet header"},
		{"WireGuard", {.kind = "wireguard", .up = true}, "Ethernet header"},
		{"loopback", {.loopback = true, .up = true}, "loopback"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = link_unfit(&rows[i].link);

		EXPECT(!why == !rows[i].why, "%s: %s", rows[i].sentence, why ? why : "fit");
		if (why && rows[i].why)
			EXPECT(strstr(why, rows[i].why), "%s: %s", rows[i].sentence, why);
	}
}

TEST(a_busy_interface_is_tried_every_ten_seconds_and_others_ever_more_rarely)
{
	uint32_t wait = 0, last;

	EXPECT(link_backoff_s(-EBUSY, 0) == 10, "busy at first");
	EXPECT(link_backoff_s(-EBUSY, 60) == 10, "busy later");
	for (int i = 0; i < 20; i++) {
		last = wait;
		wait = link_backoff_s(-ENOMEM, last);
		EXPECT(wait >= 1 && wait >= last && wait <= 60, "%u s after %u s", wait, last);
	}
	EXPECT(wait == 60, "a minute in the end, not %u s", wait);
}

TEST(own_addresses_are_those_of_what_is_guarded_and_of_its_bridge)
{
	struct links l = {
		.list = {{.ifindex = 3, .state = LINK_GUARDED, .master = 9},
			 {.ifindex = 4, .state = LINK_ABSENT}, /* about to be attached */
			 {.ifindex = 0, .state = LINK_ABSENT},
			 {.ifindex = 5, .state = LINK_RELEASED},
			 {.ifindex = 6, .state = LINK_UNFIT}},
		.count = 5,
	};
	int indexes[LINKS_INDEXES_MAX];
	unsigned count = links_indexes(&l, indexes);

	ENSURE(count == 3, "three, not %u", count);
	EXPECT(indexes[0] == 3 && indexes[1] == 9 && indexes[2] == 4, "%d %d %d", indexes[0],
	       indexes[1], indexes[2]);
}

TEST(the_sentence_of_all_interfaces_fits_any_buffer)
{
	struct links l = {
		.list = {{.name = "eth0", .state = LINK_GUARDED, .mode = GATE_NATIVE},
			 {.name = "eth1", .state = LINK_GUARDED, .mode = GATE_GENERIC},
			 {.name = "eth2", .state = LINK_ABSENT},
			 {.name = "tun0", .state = LINK_UNFIT}},
	};
	char text[256];

	EXPECT(strcmp(links_describe(&l, text, sizeof(text)), "no interface yet") == 0, "%s", text);
	l.count = 4;
	links_describe(&l, text, sizeof(text));
	EXPECT(strcmp(text,
		      "eth0 (native), eth1 (generic), eth2 (not there), tun0 (NOT guarded)") == 0,
	       "%s", text);
	for (size_t size = 1; size < 60; size++) {
		memset(text, 'z', sizeof(text));
		links_describe(&l, text, size);
		EXPECT(strlen(text) < size && text[size] == 'z', "cut at %zu", size);
	}
}
