/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds in a real gate that is attached to no interface. Needs root and a kernel with BTF. */
#include "gate_rig.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kern/feeds.h"
#include "kern/maps.h"

/* Half of the cells of 1024 lines: some are full, and their hosts lie in the next. */
#define HOSTS 8192
#define FIRST 0xc6120000 /* 198.18.0.0/15 (RFC 2544): nobody's */

/* A set of one feed. */
#define ONE                                                                                        \
	{                                                                                          \
		.part = {{.name = "one", .action = PN_DROP}}, .count = 1                           \
	}

static struct feeds_host hosts[HOSTS];

static void gate_arm(void)
{
	gate_conf(gate)->enforce_until = gate_conf(gate)->alive_until = PN_FOREVER;
}

static bool gate_again(enum gate_origin want)
{
	if (!gate_replace(want))
		return false;
	gate_arm();
	return true;
}

#define ARMED_OR_SKIP()                                                                            \
	GATE_OR_SKIP();                                                                            \
	gate_arm()

static struct pn_why why_of(const char *address)
{
	struct pn_why why = {0};
	struct prefix p = {0};

	EXPECT(prefix_parse(address, &p, NULL) == 0 && why_ask(gate, &p.addr, 25, &why, &e) == 0,
	       "%s: %s", address, e.text);
	return why;
}

static enum pn_reason reason_of_v4(uint32_t host)
{
	struct addr a = addr_from_v4((struct in_addr){htonl(host)});
	struct pn_why why = {0};

	why_ask(gate, &a, 25, &why, &e);
	return why.reason;
}

static struct feeds_prefix entry_at(const char *text, uint32_t feed)
{
	struct feeds_prefix p = {.feed = feed};

	EXPECT(prefix_parse(text, &p.prefix, NULL) == 0, "%s", text);
	return p;
}

static int replace(const struct feeds_image *image)
{
	return feeds_replace(gate, image, &e);
}

TEST(every_host_of_a_feed_is_found_and_no_other)
{
	struct feeds_image image = {
		.hosts = hosts,
		.host_count = HOSTS,
		.set = {.part = {[3] = {.name = "3", .action = PN_DROP}}, .count = 4}};
	struct feeds_size size;
	unsigned missed = 0, wrong = 0;

	ARMED_OR_SKIP();
	EXPECT(!feeds_are_loaded(gate), "a new gate has none");
	for (uint32_t i = 0; i < HOSTS; i++)
		hosts[i] = (struct feeds_host){.addr = FIRST + 2 * i, .feed = 3};
	ENSURE(replace(&image) == 0, "%s", e.text);
	EXPECT(feeds_are_loaded(gate), "now it has");
	for (uint32_t i = 0; i < HOSTS; i++) {
		missed += reason_of_v4(FIRST + 2 * i) != PN_REASON_FEED;
		wrong += reason_of_v4(FIRST + 2 * i + 1) != PN_REASON_CLEAN;
	}
	EXPECT(missed == 0, "%u of %u are not found", missed, HOSTS);
	EXPECT(wrong == 0, "%u are found that are not there", wrong);
	ENSURE(feeds_get_size(gate, &size, &e) == 0, "%s", e.text);
	EXPECT(size.hosts == HOSTS && size.prefixes == 0, "its size");
	EXPECT(size.bytes >= HOSTS * 8ULL && size.bytes <= HOSTS * 32ULL, "%llu bytes",
	       (unsigned long long)size.bytes);
}

TEST(a_set_takes_the_place_of_another)
{
	struct feeds_host host = {.addr = 0xc0000207, .feed = 1}; /* 192.0.2.7 */
	struct feeds_prefix prefixes[] = {
		entry_at("198.51.100.0/24", 0),
		entry_at("2001:db8::/32", 0),
		entry_at("2001:db8:1::7", 1),
	};
	struct feeds_image image = {
		.hosts = &host,
		.host_count = 1,
		.prefixes = prefixes,
		.prefix_count = 3,
		.set = {.part = {{"a", PN_REFUSE, true, 0, 0}, {"b", PN_DROP, false, 0, 0}},
			.count = 2}};
	struct feeds_image rest = {.prefixes = prefixes, .prefix_count = 1, .set = ONE};
	struct pn_why why;

	ARMED_OR_SKIP();
	for (unsigned round = 0; round < 3; round++) {
		ENSURE(replace(&image) == 0, "%s", e.text);
		why = why_of("192.0.2.7");
		EXPECT(why.reason == PN_REASON_FEED && why.feed == 1 && why.would == PN_DROP &&
			       why.bits == 128 && why.origin == PN_ORIGIN_FEED,
		       "a host: %s of %u", reason_name(why.reason), why.feed);
		why = why_of("198.51.100.9");
		EXPECT(why.reason == PN_REASON_FEED && why.feed == 0 && why.would == PN_REFUSE &&
			       why.bits == 120,
		       "a prefix: %s, %u bits", reason_name(why.reason), why.bits);
		EXPECT(why_of("2001:db8:1::7").feed == 1, "a host of IPv6 in a prefix");
		EXPECT(why_of("2001:db8:1::8").bits == 32, "its neighbour");
		EXPECT(why_of("198.18.0.0").reason == PN_REASON_CLEAN, "the set before is gone");
		ENSURE(replace(&rest) == 0, "%s", e.text);
		EXPECT(why_of("192.0.2.7").reason == PN_REASON_CLEAN, "a host is gone");
		EXPECT(why_of("198.51.100.9").would == PN_DROP, "what stays has its new action");
	}
	ENSURE(replace(&(struct feeds_image){0}) == 0, "%s", e.text);
	EXPECT(!feeds_are_loaded(gate) && why_of("198.51.100.9").reason == PN_REASON_CLEAN,
	       "an empty set takes all out");
}

struct asked {
	unsigned long times, missed;
};

/* Until it is killed: is the address in a feed? */
static void ask_on(volatile struct asked *asked)
{
	for (;;) {
		asked->missed += reason_of_v4(0xc0000207) != PN_REASON_FEED;
		asked->times++;
	}
}

/* Once as an address, once in a prefix: who looked into a part of each set would find it in neither. */
TEST(nobody_sees_half_a_set)
{
	struct feeds_host host = {.addr = 0xc0000207, .feed = 0};
	struct feeds_prefix prefix = entry_at("192.0.2.0/24", 0);
	struct feeds_image sets[] = {
		{.hosts = &host, .host_count = 1, .set = ONE},
		{.prefixes = &prefix, .prefix_count = 1, .set = ONE},
	};
	volatile struct asked *asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long before;
	pid_t child;

	ARMED_OR_SKIP();
	ENSURE(asked != MAP_FAILED && replace(&sets[0]) == 0, "%s", e.text);
	child = fork();
	if (child == 0)
		ask_on(asked);
	for (unsigned i = 1; i < 5; i++) {
		/* It asks all the time, and not only when this is done. */
		for (before = asked->times; asked->times < before + 100;)
			usleep(100);
		EXPECT(replace(&sets[i % 2]) == 0, "%s", e.text);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT(asked->missed == 0, "%lu of %lu times it was in no feed", asked->missed,
	       asked->times);
	munmap((void *)asked, sizeof(*asked));
}

TEST(actions_change_with_an_image)
{
	struct feeds_prefix prefix = entry_at("198.51.100.0/24", 0);
	struct feeds_image image = {.prefixes = &prefix, .prefix_count = 1, .set = ONE};
	struct pn_why why;

	ARMED_OR_SKIP();
	ENSURE(replace(&image) == 0, "%s", e.text);
	gate_conf(gate)->enforce_until = 0;
	why = why_of("198.51.100.9");
	EXPECT(why.would == PN_DROP && why.action == PN_PASS, "monitor mode");
	image.set.part[0].action = PN_REFUSE;
	image.set.part[0].always = true;
	ENSURE(replace(&image) == 0, "%s", e.text);
	why = why_of("198.51.100.9");
	EXPECT(why.would == PN_REFUSE && why.action == PN_REFUSE, "always");
	gate_conf(gate)->enforce_until = PN_FOREVER;
}

static bool hits_put(uint32_t number, uint64_t each)
{
	uint64_t per_cpu[1024];

	for (unsigned i = 0; i < 1024; i++)
		per_cpu[i] = each;
	return EXPECT(bpf_map_update_elem(gate->map.pn_feed_hits, &number, per_cpu, BPF_ANY) == 0,
		      "some hits");
}

/* Another configuration numbers them otherwise. */
TEST(hits_go_with_the_names)
{
	struct feeds_prefix prefix = entry_at("198.51.100.0/24", 0);
	struct feeds_image image = {
		.prefixes = &prefix,
		.prefix_count = 1,
		.set = {.part = {{"a", PN_DROP, false, 1, 2}, {"b", PN_REFUSE, true, 3, 4}},
			.count = 2}};
	char name[PN_FEED_NAME_MAX];
	struct feeds_part first;
	struct feeds_hits hits;
	struct feeds_set set;
	uint64_t one;

	ARMED_OR_SKIP();
	ENSURE(replace(&(struct feeds_image){0}) == 0 && replace(&image) == 0, "%s", e.text);
	ENSURE(feeds_get_set(gate, &set, &e) == 0, "%s", e.text);
	EXPECT(set.count == 2 && set.part[1].action == PN_REFUSE && set.part[1].always &&
		       set.part[0].list == 1 && set.part[0].made == 2 && set.part[1].made == 4,
	       "the set is told as it was given");
	EXPECT(feeds_find(&set, "b") == 1 && feeds_find(&set, "c") == -1, "by name");
	EXPECT(feeds_get_name(gate, 1, name) && !strcmp(name, "b"), "by number");
	EXPECT(!feeds_get_name(gate, 2, name), "of none");
	if (!hits_put(0, 1) || !hits_put(1, 2))
		return;
	ENSURE(feeds_get_hits(gate, &hits, &e) == 0, "%s", e.text);
	one = feeds_hits_of(&hits, "a");
	EXPECT(one && feeds_hits_of(&hits, "b") == 2 * one && !feeds_hits_of(&hits, "c"),
	       "summed over the CPUs");
	first = image.set.part[0];
	image.set.part[0] = image.set.part[1];
	image.set.part[1] = first;
	ENSURE(replace(&image) == 0 && feeds_get_hits(gate, &hits, &e) == 0, "%s", e.text);
	EXPECT(hits.packets[0] == 2 * one && hits.packets[1] == one, "the other way about");
	snprintf(image.set.part[0].name, sizeof(image.set.part[0].name), "c");
	ENSURE(replace(&image) == 0 && feeds_get_hits(gate, &hits, &e) == 0, "%s", e.text);
	EXPECT(!feeds_hits_of(&hits, "c") && feeds_hits_of(&hits, "a") == one,
	       "another begins with none");
	ENSURE(replace(&(struct feeds_image){0}) == 0, "%s", e.text);
	EXPECT(feeds_get_set(gate, &set, &e) == 0 && !set.count && !feeds_get_name(gate, 0, name),
	       "and none is in force");
}

TEST(an_entry_of_no_feed_changes_nothing)
{
	struct feeds_prefix prefix = entry_at("198.51.100.0/24", 0);
	struct feeds_image image = {.prefixes = &prefix, .prefix_count = 1, .set = ONE};

	ARMED_OR_SKIP();
	ENSURE(replace(&image) == 0, "%s", e.text);
	prefix.feed = 1;
	EXPECT(replace(&image) == -EINVAL, "refused: %s", e.text);
	EXPECT(why_of("198.51.100.9").feed == 0, "what was in force is");
}

/* A reload replaces the programs and keeps the maps; other sizes make other maps, to which the feeds go along. */
TEST(feeds_outlive_the_programs)
{
	struct feeds_prefix prefix = entry_at("198.51.100.0/24", 0);
	struct feeds_host host = {.addr = 0xc0000207, .feed = 0};
	struct feeds_image image = {.hosts = &host,
				    .host_count = 1,
				    .prefixes = &prefix,
				    .prefix_count = 1,
				    .set = ONE};

	ARMED_OR_SKIP();
	ENSURE(replace(&image) == 0, "%s", e.text);
	ENSURE(gate_again(GATE_ADOPTED), "adopted");
	EXPECT(feeds_are_loaded(gate), "they are there");
	EXPECT(why_of("192.0.2.7").reason == PN_REASON_FEED, "an address");
	EXPECT(why_of("198.51.100.9").reason == PN_REASON_FEED, "a prefix");
	ENSURE(replace(&image) == 0, "and can be replaced: %s", e.text);
	EXPECT(why_of("192.0.2.7").reason == PN_REASON_FEED, "an address, again");
	sizes.rules *= 2;
	ENSURE(gate_again(GATE_MIGRATED), "migrated");
	EXPECT(feeds_are_loaded(gate), "they have come along");
	EXPECT(why_of("192.0.2.7").reason == PN_REASON_FEED, "an address");
	EXPECT(why_of("198.51.100.9").reason == PN_REASON_FEED, "a prefix");
	ENSURE(replace(&image) == 0, "%s", e.text);
	EXPECT(why_of("192.0.2.7").reason == PN_REASON_FEED, "and can be replaced");
	ENSURE(replace(&(struct feeds_image){0}) == 0, "%s", e.text);
	sizes.rules *= 2;
	ENSURE(gate_again(GATE_MIGRATED), "migrated without any");
	EXPECT(!feeds_are_loaded(gate), "there are none");
}
