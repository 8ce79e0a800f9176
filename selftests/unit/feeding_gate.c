/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of feeds into a real gate that is attached to no interface: what is rebuilt, what is never lost, and whom they would hurt. Needs root and a kernel with BTF. */
#include "gate_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/feeding_inside.h"
#include "feed/work.h"
#include "kern/maps.h"

static const struct conf_feed drop = {.name = "drop", .file = "/lists/drop"};
static const struct conf_feed own = {
	.name = "own", .file = "/lists/own", .action = CONF_REFUSE, .always = true};

static bool read_text(const struct conf_feed *of, const char *text, struct feedlist *out)
{
	int from = memfd_create("from", MFD_CLOEXEC), memory = feedlist_memory(&e), ret = -EIO;
	size_t length = 0;

	if (from >= 0 && memory >= 0 && write(from, text, strlen(text)) == (ssize_t)strlen(text) &&
	    lseek(from, 0, SEEK_SET) == 0 && feed_work(from, memory, &length, &e) == 0)
		ret = feedlist_take(out, of, memory, length, &e);
	close(from);
	close(memory);
	return EXPECT(ret == 0, "%s: %s", text, e.text);
}

/* The bank changes with each set that is made. */
static uint32_t bank(void)
{
	return gate_conf(gate)->feeds_bank;
}

static bool is_blocked(const char *address)
{
	struct pn_why why = {0};
	struct prefix p = {0};

	return EXPECT(prefix_parse(address, &p, NULL) == 0 &&
			      why_ask(gate, &p.addr, 25, &why, &e) == 0,
		      "%s: %s", address, e.text) &&
	       why.reason == PN_REASON_FEED;
}

TEST(what_the_kernel_has_is_not_put_there_again_and_nothing_unknown_is_lost)
{
	struct feedlist a = {0}, b = {0}, other = {0}, none = {0};
	struct feedlist_part part[] = {{&drop, &a}, {&own, &b}},
			     turned[] = {{&own, &b}, {&drop, &a}};
	struct feedlist_part broken[] = {{&drop, &other}, {&own, &none}};
	uint8_t bits[1] = {1};
	uint32_t was;

	if (geteuid() != 0)
		SKIP("root");
	if (!gate_begin() || !read_text(&drop, "192.0.2.1\n", &a) ||
	    !read_text(&own, "192.0.2.2\n198.51.100.0/24\n", &b) ||
	    !read_text(&drop, "192.0.2.3\n", &other))
		return;
	ENSURE(feedlist_put_all(gate, part, 2, false, &e) == 0, "%s", e.text);
	EXPECT(is_blocked("192.0.2.1") && is_blocked("192.0.2.2"), "both are in force");
	was = bank();
	EXPECT(feedlist_put_all(gate, part, 2, false, &e) == 0 && bank() == was, "the same again");
	EXPECT(feedlist_put_all(gate, turned, 2, false, &e) == 0 && bank() != was,
	       "another order is another set");
	was = bank();
	/* An entry that is left out from now on. */
	a.left_out = 1;
	a.left_out_hosts = a.left_out_prefixes = bits;
	EXPECT(feedlist_put_all(gate, turned, 2, false, &e) == 0 && bank() != was &&
		       !is_blocked("192.0.2.1"),
	       "what is left out is");
	a.left_out = 0;
	a.left_out_hosts = a.left_out_prefixes = NULL;
	ENSURE(feedlist_put_all(gate, part, 2, false, &e) == 0, "%s", e.text);
	was = bank();
	EXPECT(feedlist_put_all(gate, broken, 2, false, &e) == -EBUSY && strstr(e.text, "own") &&
		       bank() == was && is_blocked("192.0.2.2") && is_blocked("192.0.2.1"),
	       "of one the list is not known: %s", e.text);
	broken[1].list = &b;
	b.fresh = false;
	EXPECT(feedlist_put_all(gate, broken, 2, false, &e) == 0 && is_blocked("192.0.2.3") &&
		       is_blocked("192.0.2.2"),
	       "it was kept as it is in force: %s", e.text);
	EXPECT(feedlist_put_all(gate, broken, 1, false, &e) == 0 && !is_blocked("192.0.2.2"),
	       "a feed that is configured no more goes");
	broken[0].list = &none;
	EXPECT(feedlist_put_all(gate, broken, 1, true, &e) == 0 && !is_blocked("192.0.2.3"),
	       "and at an order: %s", e.text);
	feedlist_free(&a);
	feedlist_free(&b);
	feedlist_free(&other);
}

static struct store *senders_store(const char *directory)
{
	struct store_delivery list[] = {{.wall_s = now_wall_s(), .recipients = 1},
					{.wall_s = now_wall_s(), .recipients = 1},
					{.wall_s = now_wall_s(), .recipients = 1}};
	static const char *const from[] = {"192.0.2.1", "198.51.100.9", "203.0.113.1"};
	struct store *s = NULL;
	struct prefix p;
	int r = store_open(&s, directory, STORE_WRITE, &e);

	for (size_t i = 0; i < 3; i++) {
		prefix_parse(from[i], &p, NULL);
		list[i].addr = p.addr;
	}
	if (r == 0)
		r = store_put_deliveries(s, list, 3, &e);
	EXPECT(r == 0, "%s", e.text);
	return s;
}

TEST(who_is_allowed_asks_for_no_search_of_senders)
{
	static struct daemon d;
	static struct fed fed[2];
	struct feeding f = {.d = &d, .fed = fed, .count = 2};
	struct feedlist_part part[2];
	char base[TAP_TEMP_MAX], directory[TAP_TEMP_MAX + 8], command[TAP_TEMP_MAX + 16];
	struct prefix p;

	if (geteuid() != 0)
		SKIP("root");
	if (!gate_begin() || !read_text(&drop, "192.0.2.1\n", &fed[0].list) ||
	    !read_text(&own, "198.51.100.0/24\n", &fed[1].list))
		return;
	ENSURE(tap_temp_dir(base, "senders"), "a directory");
	snprintf(directory, sizeof(directory), "%s/store", base);
	d.gate = gate;
	d.conf.ports[0].port = 25;
	d.store = senders_store(directory);
	fed[0].conf = drop;
	fed[1].conf = own;
	for (unsigned i = 0; i < 2; i++) {
		part[i] = (struct feedlist_part){&fed[i].conf, &fed[i].list};
		fed[i].stale = true;
	}
	ENSURE(d.store && feedlist_put_all(gate, part, 2, true, &e) == 0, "%s", e.text);
	EXPECT(feeding_search_is_due(&f), "nobody has searched yet");
	feeding_find_senders(&f);
	EXPECT(fed[0].senders == 1 && fed[1].senders == 1 && !fed[0].stale && !fed[1].stale,
	       "one search for both");
	prefix_parse("198.51.100.9", &p, NULL);
	feeding_note_sender(&f, &p.addr);
	EXPECT(!fed[0].stale && fed[1].stale && !feeding_search_is_due(&f),
	       "he is known already: that has time");
	ENSURE(rules_allow(gate, &p, PN_ALLOW, PN_ORIGIN_OPERATOR, 0, &e) == 0, "%s", e.text);
	feeding_find_senders(&f);
	EXPECT(!fed[1].senders && !fed[1].stale, "he is allowed");
	feeding_note_sender(&f, &p.addr);
	EXPECT(!fed[1].stale && !feeding_search_is_due(&f), "and asks for nothing any more");
	prefix_parse("198.51.100.10", &p, NULL);
	feeding_note_sender(&f, &p.addr);
	EXPECT(feeding_search_is_due(&f), "the first who is not comes soon");
	store_close(d.store);
	snprintf(command, sizeof(command), "rm -r %s", base);
	EXPECT(system(command) == 0, "nothing is left");
	feedlist_free(&fed[0].list);
	feedlist_free(&fed[1].list);
}
