/* SPDX-License-Identifier: BSD-2-Clause */
/* Networks of providers in the store: as they were put, whole or not at all, and found by an address. */
#include "store/providers.h"
#include "store_rig.h"

#define WALL_S 1800000000

static struct store_provider provider_of(const char *domain, const char *const *networks)
{
	struct store_provider p = {.read_wall_s = WALL_S};

	snprintf(p.domain, sizeof(p.domain), "%s", domain);
	for (; *networks; networks++)
		EXPECT(prefix_parse(*networks, &p.network[p.count++], NULL) == 0, "%s", *networks);
	return p;
}

static int find(void *context, const char *domain, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX], *found = context;
	size_t n = strlen(found);

	snprintf(found + n, 128 - n, "%s%s %s", n ? ", " : "", domain, prefix_format(p, text));
	return 0;
}

static const char *found_of(struct store *s, const char *addr, char found[static 128])
{
	struct err e = {0};
	struct addr a;

	found[0] = '\0';
	EXPECT(addr_parse(addr, &a, &e) == 0 && store_each_provider_of(s, &a, find, found, &e) == 0,
	       "%s: %s", addr, e.text);
	return found;
}

TEST(providers_come_back_as_they_were_put)
{
	struct store_provider one, two, got;
	struct store *s = NULL;
	struct err e = {0};
	char found[128];

	one = provider_of("one.test", (const char *const[]){"192.0.2.0/24", "198.51.100.0/24",
							    "2001:db8::/32", NULL});
	two = provider_of("two.test", (const char *const[]){"192.0.2.128/25", NULL});
	two.held_wall_s = WALL_S - 1;
	two.held[two.held_count++] = one.network[1];

	ENSURE(store_open(&s, dir_fresh(), STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_get_provider(s, "one.test", &got, &e) == -ENOENT, "nothing yet");
	EXPECT(store_put_provider(s, &one, &e) == 0, "%s", e.text);
	EXPECT(store_put_provider(s, &two, &e) == 0, "%s", e.text);
	EXPECT(store_get_provider(s, "two.test", &got, &e) == 0, "%s", e.text);
	EXPECT(memcmp(&got, &two, sizeof(got)) == 0, "what was held back too");
	EXPECT(!strcmp(found_of(s, "192.0.2.200", found),
		       "two.test 192.0.2.128/25, one.test 192.0.2.0/24"),
	       "the longest first: %s", found);
	EXPECT(!strcmp(found_of(s, "2001:db8::1", found), "one.test 2001:db8::/32"), "%s", found);
	EXPECT(!strcmp(found_of(s, "198.51.100.7", found), "one.test 198.51.100.0/24"),
	       "not what is held back: %s", found);
	one.count = 1;
	EXPECT(store_put_provider(s, &one, &e) == 0, "%s", e.text);
	store_close(s);
	ENSURE(store_open(&s, dir, STORE_WRITE, &e) == 0, "%s", e.text);
	EXPECT(store_get_provider(s, "one.test", &got, &e) == 0 && got.count == 1,
	       "what was put last, and nothing of before: %u", got.count);
	EXPECT(store_keep_providers(s, (const char *const[]){"one.test"}, 1, &e) == 0, "%s",
	       e.text);
	EXPECT(store_get_provider(s, "two.test", &got, &e) == -ENOENT, "it went");
	EXPECT(!strcmp(found_of(s, "192.0.2.200", found), "one.test 192.0.2.0/24"), "%s", found);
	EXPECT(store_keep_providers(s, NULL, 0, &e) == 0, "%s", e.text);
	EXPECT(!strcmp(found_of(s, "192.0.2.200", found), ""), "all went: %s", found);
	store_close(s);
}

TEST(providers_that_make_no_sense_are_refused_whole)
{
	struct store_provider p, got;
	struct store *s = NULL;
	struct err e = {0};

	ENSURE(store_open(&s, dir_fresh(), STORE_WRITE, &e) == 0, "%s", e.text);
	p = provider_of("one.test", (const char *const[]){"192.0.2.0/24", NULL});
	EXPECT(store_put_provider(s, &p, &e) == 0, "%s", e.text);
	p.network[p.count++] = (struct prefix){.addr = p.network[0].addr, .bits = 1};
	EXPECT(store_put_provider(s, &p, &e) == -EINVAL, "a prefix that is none");
	EXPECT(store_get_provider(s, "one.test", &got, &e) == 0 && got.count == 1,
	       "as it was: %u networks", got.count);
	p.domain[0] = '\0';
	EXPECT(store_put_provider(s, &p, &e) == -EINVAL, "no name");
	p.count = STORE_NETWORKS_MAX + 1;
	EXPECT(store_put_provider(s, &p, &e) == -EINVAL, "too many");
	store_close(s);
}
