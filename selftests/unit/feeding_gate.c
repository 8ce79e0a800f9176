/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of feeds into a real gate that is attached to no interface: what is rebuilt, what is never lost, and whom they would hurt. Needs root and a kernel with BTF. */
#include "gate_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/feeding.h"
#include "daemon/feeding_inside.h"
#include "daemon/recording.h"
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
	struct feedlist_part part[] = {{&drop, &a, false}, {&own, &b, false}},
			     turned[] = {{&own, &b, false}, {&drop, &a, false}};
	struct feedlist_part broken[] = {{&drop, &other, false}, {&own, &none, false}};
	uint8_t bits[1] = {1};
	uint32_t was;

	if (geteuid() != 0)
		SKIP("root");
	if (!gate_begin() || !read_text(&drop, "192.0.2.1\n", &a) ||
	    !read_text(&own, "192.0.2.2\n198.51.100.0/24\n", &b) ||
	    !read_text(&drop, "192.0.2.3\n", &other))
		return;
	ENSURE(feedlist_put_all(gate, part, 2, &e) == 0, "%s", e.text);
	EXPECT(is_blocked("192.0.2.1") && is_blocked("192.0.2.2"), "both are in force");
	was = bank();
	EXPECT(feedlist_put_all(gate, part, 2, &e) == 0 && bank() == was, "the same again");
	EXPECT(feedlist_put_all(gate, turned, 2, &e) == 0 && bank() != was,
	       "another order is another set");
	was = bank();
	/* An entry that is left out from now on. */
	a.left_out = 1;
	a.left_out_hosts = a.left_out_prefixes = bits;
	EXPECT(feedlist_put_all(gate, turned, 2, &e) == 0 && bank() != was &&
		       !is_blocked("192.0.2.1"),
	       "what is left out is");
	a.left_out = 0;
	a.left_out_hosts = a.left_out_prefixes = NULL;
	ENSURE(feedlist_put_all(gate, part, 2, &e) == 0, "%s", e.text);
	was = bank();
	EXPECT(feedlist_put_all(gate, broken, 2, &e) == -EBUSY && strstr(e.text, "own") &&
		       bank() == was && is_blocked("192.0.2.2") && is_blocked("192.0.2.1"),
	       "of one the list is not known: %s", e.text);
	broken[1].list = &b;
	b.fresh = false;
	EXPECT(feedlist_put_all(gate, broken, 2, &e) == 0 && is_blocked("192.0.2.3") &&
		       is_blocked("192.0.2.2"),
	       "it was kept as it is in force: %s", e.text);
	EXPECT(feedlist_put_all(gate, broken, 1, &e) == 0 && !is_blocked("192.0.2.2"),
	       "a feed that is configured no more goes");
	broken[0] = (struct feedlist_part){&drop, &none, true};
	EXPECT(feedlist_put_all(gate, broken, 1, &e) == 0 && !is_blocked("192.0.2.3"),
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
		part[i] = (struct feedlist_part){.conf = &fed[i].conf, .list = &fed[i].list};
		fed[i].stale = true;
	}
	ENSURE(d.store && feedlist_put_all(gate, part, 2, &e) == 0, "%s", e.text);
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

/* A feed of which only the kernel has the list, and another one whose file was read. */
struct two {
	struct daemon d;
	struct fed fed[2];
	struct feeding f;
	char base[TAP_TEMP_MAX];
};

static bool two_begin(struct two *t)
{
	struct feedlist unkept = {0};
	struct feedlist_part in_force[] = {{&drop, &unkept, true}, {&own, &t->fed[1].list, true}};
	char kept[TAP_TEMP_MAX + sizeof(instance) + 1];
	bool ok;

	t->f = (struct feeding){.d = &t->d, .fed = t->fed, .count = 2, .shrink = 1, .grow = 1000};
	t->fed[0].conf = drop;
	t->fed[1].conf = own;
	t->d.gate = gate;
	t->d.feeding = &t->f;
	t->d.conf.local_networks = false;
	snprintf(t->d.conf.instance, sizeof(t->d.conf.instance), "%s", instance);
	ok = EXPECT(tap_temp_dir(t->base, "feeds"), "a directory") &&
	     EXPECT(loop_new(&t->d.loop) == 0 &&
			    recording_open(&t->d.contact.recording, &t->d) == 0,
		    "parts") &&
	     read_text(&drop, "192.0.2.1\n", &unkept) &&
	     read_text(&drop, "192.0.2.9\n", &t->fed[0].list) &&
	     read_text(&own, "198.51.100.1\n", &t->fed[1].list);
	snprintf(t->d.conf.state_dir, sizeof(t->d.conf.state_dir), "%s", t->base);
	snprintf(kept, sizeof(kept), "%s/%s", t->base, instance);
	ok = ok && EXPECT(mkdir(kept, 0700) == 0, "%s", kept);
	t->fed[0].list.fresh = false; /* as it was kept, which is older */
	ok = ok && EXPECT(feedlist_put_all(gate, in_force, 2, &e) == 0, "%s", e.text);
	feedlist_free(&unkept);
	return ok;
}

static void two_end(struct two *t)
{
	char command[TAP_TEMP_MAX + 16];

	recording_close(t->d.contact.recording);
	loop_free(t->d.loop);
	for (unsigned i = 0; i < 2; i++) {
		feedlist_free(&t->fed[i].list);
		feedlist_free(&t->fed[i].waiting);
	}
	snprintf(command, sizeof(command), "rm -r %s", t->base);
	EXPECT(system(command) == 0, "nothing is left");
}

static void two_read(struct two *t, unsigned i, const char *text, bool anyway)
{
	struct feedlist fresh = {0};

	t->fed[i].anyway = anyway;
	if (read_text(&t->fed[i].conf, text, &fresh))
		feeding_decide(&t->f, i, &fresh, NULL);
}

TEST(a_list_that_waits_is_not_told_as_the_one_in_force)
{
	static struct two t;

	if (geteuid() != 0)
		SKIP("root");
	if (!gate_begin() || !two_begin(&t))
		return;
	two_read(&t, 1, "198.51.100.1\n198.51.100.2\n", true);
	EXPECT(t.fed[1].state == FEED_HELD_BACK && is_blocked("192.0.2.1") &&
		       !is_blocked("198.51.100.2"),
	       "nobody was told yet what would be lost: %s", t.fed[1].why);
	EXPECT(t.fed[1].waits && t.fed[1].list.image.host_count == 1, "the old one is in force");
	two_read(&t, 1, "198.51.100.1\n198.51.100.2\n198.51.100.3\n", false);
	EXPECT(t.fed[1].waits && t.fed[1].list.image.host_count == 1, "and still");
	two_read(&t, 0, "203.0.113.1\n203.0.113.2\n", false);
	EXPECT(t.fed[0].state == FEED_LOADED && t.fed[1].state == FEED_LOADED && !t.fed[1].waits &&
		       !t.fed[1].waiting.map && t.fed[1].list.image.host_count == 3 &&
		       is_blocked("203.0.113.2") && is_blocked("198.51.100.3"),
	       "both come together");
	two_end(&t);
}

TEST(who_was_told_what_would_be_lost_can_order_it)
{
	static struct two t;

	if (geteuid() != 0)
		SKIP("root");
	if (!gate_begin() || !two_begin(&t))
		return;
	two_read(&t, 1, "198.51.100.2\n", false);
	EXPECT(t.fed[1].waits && is_blocked("192.0.2.1"), "told: %s", t.fed[1].why);
	two_read(&t, 1, "198.51.100.2\n", true);
	EXPECT(t.fed[1].state == FEED_LOADED && !t.fed[1].waits && !t.fed[1].waiting.map &&
		       is_blocked("198.51.100.2") && is_blocked("192.0.2.9") &&
		       !is_blocked("192.0.2.1"),
	       "and ordered: %s", t.fed[1].why);
	two_end(&t);
}

TEST(a_gate_that_a_command_made_gets_the_newer_lists)
{
	static struct two t;
	struct feedlist older = {0};
	struct feedlist_part kept[] = {{&drop, &t.fed[0].list, true}, {&own, &older, true}};

	if (geteuid() != 0)
		SKIP("root");
	if (!gate_begin() || !two_begin(&t) || !read_text(&own, "198.51.100.7\n", &older))
		return;
	two_read(&t, 1, "198.51.100.1\n198.51.100.2\n", false);
	EXPECT(t.fed[1].waits, "it waits: %s", t.fed[1].why);
	ENSURE(feedlist_put_all(gate, kept, 2, &e) == 0 && is_blocked("198.51.100.7"), "%s",
	       e.text);
	feeding_part.gate_changed(&t.d);
	EXPECT(is_blocked("198.51.100.2") && !is_blocked("198.51.100.7") && !t.fed[1].waits &&
		       t.fed[1].state == FEED_LOADED && t.fed[1].list.image.host_count == 2,
	       "what was in memory, and what waited");
	feedlist_free(&older);
	two_end(&t);
}
