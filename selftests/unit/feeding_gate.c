/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of feeds into a real gate that is attached to no interface: what is rebuilt, and what is never lost. Needs root and a kernel with BTF. */
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/feeding_list.h"
#include "feed/work.h"
#include "kern/maps.h"

static const struct gate_sizes sizes = {.rules = 64,
					.blocks = 64,
					.allow = 64,
					.open = 64,
					.rates = 4096,
					.listed = 64,
					.known = 4096};
static const struct conf_feed drop = {.name = "drop", .file = "/lists/drop"};
static const struct conf_feed own = {
	.name = "own", .file = "/lists/own", .action = CONF_REFUSE, .always = true};
static char instance[32];
static struct gate *gate;
static struct err e;

static void gate_end(void)
{
	int lock = gate_lock(NULL);

	gate_close(gate);
	gate_remove(instance, NULL);
	gate_unlock(lock);
}

static bool gate_begin(void)
{
	enum gate_origin origin;
	int lock = gate_lock(&e), r;

	snprintf(instance, sizeof(instance), "unit-feeding-%d", (int)getpid());
	if (!EXPECT(lock >= 0, "%s", e.text))
		return false;
	r = gate_load(&gate, instance, &sizes, &origin, &e);
	if (r == 0)
		r = gate_switch(gate, &e);
	gate_unlock(lock);
	atexit(gate_end);
	return EXPECT(r == 0, "%s", e.text);
}

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
	gate_conf(gate)->ports[0] = (struct pn_port){.port = 25, .local_port = 25};
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
