/* SPDX-License-Identifier: BSD-2-Clause */
/* A feed's list as bytes, which are taken from nobody on trust; what is asked of it; and when a new list is held back. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed/guard.h"
#include "feed/work.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES_MAX    8192

static _Alignas(8) char bytes[BYTES_MAX];

/* A text's list as bytes. How many; 0 when it failed. */
static size_t image_of(const char *text, struct image *out)
{
	int from = memfd_create("from", MFD_CLOEXEC), to = memfd_create("to", MFD_CLOEXEC);
	size_t length = 0;
	struct err e = {0};
	bool done = from >= 0 && to >= 0 &&
		    write(from, text, strlen(text)) == (ssize_t)strlen(text) &&
		    lseek(from, 0, SEEK_SET) == 0 && feed_work(from, to, &length, &e) == 0 &&
		    length <= BYTES_MAX && pread(to, bytes, length, 0) == (ssize_t)length &&
		    image_check(bytes, length, out, &e) == 0;

	EXPECT(done, "%s", e.text);
	close(from);
	close(to);
	return done ? length : 0;
}

TEST(images_are_what_was_read)
{
	struct image i;
	struct prefix which;
	struct addr a;
	char text[PREFIX_TEXT_MAX];

	ENSURE(image_of("192.0.2.1\n192.0.2.7\n198.51.100.0/24\n2001:db8::/32\n2001:db9::1\nx\n",
			&i),
	       "an image");
	EXPECT(i.host_count == 2 && i.prefix_count == 3 && i.report->faults == 1, "counts");
	EXPECT(image_count_v4(&i) == 2 + 256, "addresses");
	EXPECT(image_count_v6(&i) == 1 << 16, "IPv6 networks: %d", (int)image_count_v6(&i));
	EXPECT(addr_parse("192.0.2.7", &a, NULL) == 0 && image_has(&i, &a, &which) &&
		       prefix_is_host(&which),
	       "a host");
	EXPECT(addr_parse("192.0.2.6", &a, NULL) == 0 && !image_has(&i, &a, NULL), "none");
	EXPECT(addr_parse("198.51.100.255", &a, NULL) == 0 && image_has(&i, &a, &which) &&
		       !strcmp(prefix_format(&which, text), "198.51.100.0/24"),
	       "inside a prefix: %s", text);
	EXPECT(addr_parse("2001:db8:ffff::", &a, NULL) == 0 && image_has(&i, &a, NULL), "IPv6");
	EXPECT(addr_parse("2001:db9::1", &a, NULL) == 0 && image_has(&i, &a, NULL), "its host");
	EXPECT(addr_parse("2001:db9::2", &a, NULL) == 0 && !image_has(&i, &a, NULL), "not this");
	EXPECT(addr_parse("::1", &a, NULL) == 0 && !image_has(&i, &a, NULL), "before all");
}

/* Each row breaks one promise of a list of two hosts and two prefixes. */
TEST(images_that_break_a_promise_are_refused)
{
	struct image_head *head = (void *)bytes;
	uint32_t *hosts = (void *)(head + 1);
	struct prefix *prefixes = (void *)(hosts + 2);
	struct image i;
	size_t length;
	struct err e = {0};

#define BROKEN(what, ...)                                                                          \
	do {                                                                                       \
		length = image_of("192.0.2.1\n192.0.2.7\n198.51.100.0/24\n2001:db8::/32\n", &i);   \
		ENSURE(length, "an image");                                                        \
		__VA_ARGS__;                                                                       \
		EXPECT(image_check(bytes, length, &i, &e) == -EBADMSG, what);                      \
	} while (0)

	BROKEN("another layout", head->magic[6] = '0');
	BROKEN("a byte short", length--);
	BROKEN("no head", length = sizeof(*head) - 1);
	BROKEN("nothing", length = 0);
	BROKEN("more hosts than there are", head->host_count = 3);
	BROKEN("endless hosts", head->host_count = UINT32_MAX);
	BROKEN("endless prefixes", head->prefix_count = UINT32_MAX);
	BROKEN("hosts out of order", hosts[0] = hosts[1] + 1);
	BROKEN("a host twice", hosts[0] = hosts[1]);
	BROKEN("a format that is none", head->report.format = FEED_FORMATS);
	BROKEN("endless notes", head->report.note_count = FEED_NOTES_MAX + 1);
	BROKEN("a note that a terminal obeys", head->report.note_count = 1;
	       strcpy(head->report.note[0].text, "\x1b"));
	BROKEN("a note without an end", head->report.note_count = 1;
	       memset(head->report.note[0].text, 'a', FEED_NOTE_TEXT_MAX));
	BROKEN("bits behind the length", prefixes[0].bits = ADDR_V4_LEAD_BITS + 16);
	BROKEN("a length that is none", prefixes[0].bits = 129);
	BROKEN("all of IPv4", prefixes[0] = prefix_of(&prefixes[0].addr, ADDR_V4_LEAD_BITS));
	BROKEN("nearly all of IPv6", prefixes[0] = prefix_of(&prefixes[0].addr, 3));
	BROKEN("all", prefixes[0] = prefix_of(&prefixes[0].addr, 0));
	BROKEN("a host among the prefixes", prefixes[0].bits = ADDR_BITS);
	BROKEN("prefixes out of order", prefixes[1] = prefixes[0]);
	BROKEN("one covers another", prefixes[0] = prefixes[1];
	       prefixes[1] = prefix_of(&prefixes[1].addr, 33));
}

TEST(files_that_are_too_long_are_not_read)
{
	int from = memfd_create("from", MFD_CLOEXEC), to = memfd_create("to", MFD_CLOEXEC);
	size_t length = 0;
	struct err e = {0};

	/* A hole: it would take as long to read as bytes that are there. */
	EXPECT(ftruncate(from, 10LL << 30) == 0 && feed_work(from, to, &length, &e) == -EFBIG,
	       "10 GB: %s", e.text);
	EXPECT(ftruncate(from, 1000) == 0 && feed_work(from, to, &length, &e) == -EBADMSG,
	       "zeros: %s", e.text);
	close(from);
	EXPECT(feed_work(from, to, &length, &e) == -EBADF, "no file: %s", e.text);
	close(to);
}

TEST(images_tell_what_is_new)
{
	static _Alignas(8) char before[BYTES_MAX];
	struct image old, new_;
	size_t length = image_of("192.0.2.1\n192.0.2.7\n198.51.100.0/24\n2001:db8::/32\n", &old);

	ENSURE(length, "an image");
	memcpy(before, bytes, length);
	ENSURE(image_check(before, length, &old, NULL) == 0 &&
		       image_of("192.0.2.1\n192.0.2.9\n198.51.100.0/25\n2001:db8::/32\n"
				"2001:db9::/32\n",
				&new_),
	       "another");
	EXPECT(image_count_new(&new_, &old) == 3, "added: %d", (int)image_count_new(&new_, &old));
	EXPECT(image_count_new(&old, &new_) == 2, "gone: %d", (int)image_count_new(&old, &new_));
}

TEST(guard_holds_back_what_looks_like_an_accident)
{
	static const struct {
		const char *sentence;
		struct guard_size old, new_;
		uint32_t shrink, grow;
		const char *says; /* NULL: it is taken */
	} rows[] = {
		{"the same", {1000, 1000, 0}, {1000, 1000, 0}, 2, 10, NULL},
		{"half of it", {1000, 1000, 0}, {500, 500, 0}, 2, 10, NULL},
		{"less than half",
		 {1000, 1000, 0},
		 {499, 499, 0},
		 2,
		 10,
		 "from 1000 entries to 499"},
		{"less than half, and none minds", {1000, 1000, 0}, {499, 499, 0}, 0, 10, NULL},
		{"less than half of a small one", {99, 99, 0}, {10, 10, 0}, 2, 10, NULL},
		{"ten times it", {1000, 1000, 0}, {10000, 10000, 0}, 2, 10, NULL},
		{"more", {1000, 1000, 0}, {10001, 10001, 0}, 2, 10, "from 1000 entries to 10001"},
		{"more, and none minds", {1000, 1000, 0}, {10001, 10001, 0}, 2, 0, NULL},
		{"one becomes ninety-nine", {1, 1, 0}, {99, 99, 0}, 2, 10, NULL},
		{"one becomes a hundred", {1, 1, 0}, {100, 100, 0}, 2, 10, "from 1 entries to 100"},
		{"few lines with the world in them",
		 {50, 50, 0},
		 {60, 1 << 24, 0},
		 2,
		 10,
		 "covers 16777216 IPv4 addresses where it covered 50"},
		{"not quite a /16", {50, 50, 0}, {60, 65535, 0}, 2, 10, NULL},
		{"nothing", {5, 5, 0}, {0, 0, 0}, 2, 10, "no entry left"},
		{"nothing, and none minds sizes", {5, 5, 0}, {0, 0, 0}, 0, 0, "no entry left"},
		{"numbers that would overflow 32 bits",
		 {4194304, 4194304, 0},
		 {2000000, 1ULL << 32, 0},
		 1000,
		 1000,
		 "more than half of all IPv4"},
		{"numbers that need 64 bits, and were as large before",
		 {4194304, 3ULL << 30, 0},
		 {2000000, 1ULL << 32, 0},
		 1000,
		 1000,
		 NULL},
		{"half of IPv4", {90, 1ULL << 31, 0}, {99, 1ULL << 31, 0}, 2, 10, NULL},
		{"a little more",
		 {90, 1ULL << 31, 0},
		 {99, (1ULL << 31) + 1, 0},
		 2,
		 10,
		 "of all IPv4"},
		{"less of too much", {90, 1ULL << 32, 0}, {90, 1ULL << 32, 0}, 2, 10, NULL},
		{"half of IPv6", {90, 0, 1}, {99, 0, 1ULL << 44}, 2, 10, NULL},
		{"a little more of it",
		 {90, 0, 1},
		 {99, 0, (1ULL << 44) + 1},
		 2,
		 10,
		 "of all IPv6"},
		{"the world, and none minds sizes", {90, 90, 0}, {99, 1ULL << 32, 0}, 2, 0, NULL},
	};
	struct guard_size any = {1000000, 1 << 24, 0}, none = {0, 0, 0},
			  world = {128, (1ULL << 31) + 1, 0};
	struct err e = {0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int ret =
			guard_change(&rows[i].old, &rows[i].new_, rows[i].shrink, rows[i].grow, &e);

		EXPECT(rows[i].says ? ret == -EXDEV && strstr(e.text, rows[i].says) : ret == 0,
		       "%s: %s", rows[i].sentence, e.text);
	}
	EXPECT(guard_change(NULL, &any, 2, 10, &e) == 0, "the first is taken");
	EXPECT(guard_change(&none, &any, 2, 10, &e) == 0, "and the first behind an empty one");
	EXPECT(guard_change(NULL, &none, 2, 10, &e) == -EXDEV, "but not an empty one");
	EXPECT(guard_change(NULL, &world, 2, 10, &e) == -EXDEV, "nor one with the world in it");
}

static int keep_text(void *context, size_t index, const struct prefix *entry)
{
	char *all = context, text[PREFIX_TEXT_MAX];

	(void)index;
	strcat(strcat(all, prefix_format(entry, text)), " ");
	return 0;
}

TEST(guard_finds_what_touches_the_protected)
{
	static const struct {
		const char *sentence, *protected_, *touching;
	} rows[] = {
		{"a host itself", "192.0.2.7", "192.0.2.7 "},
		{"nothing", "192.0.2.6", ""},
		{"inside a prefix", "198.51.100.77", "198.51.100.0/24 "},
		{"around hosts and prefixes", "192.0.2.0/24",
		 "192.0.2.128/25 192.0.2.1 192.0.2.7 "},
		{"the same prefix", "198.51.100.0/24", "198.51.100.0/24 "},
		{"around all of IPv4", "0.0.0.0/0",
		 "192.0.2.128/25 198.51.100.0/24 192.0.2.1 192.0.2.7 203.0.113.9 "},
		{"inside a prefix of IPv6", "2001:db8:1::/48", "2001:db8::/32 "},
		{"around all of IPv6", "::/0", "2001:db8::/32 2001:db9::1 "},
	};
	struct image i;

	ENSURE(image_of("192.0.2.1\n192.0.2.7\n203.0.113.9\n192.0.2.128/25\n198.51.100.0/24\n"
			"2001:db8::/32\n2001:db9::1\n",
			&i),
	       "an image");
	for (size_t r = 0; r < COUNT(rows); r++) {
		char all[512] = "";
		struct prefix p;

		ENSURE(prefix_parse(rows[r].protected_, &p, NULL) == 0, "%s", rows[r].protected_);
		(void)guard_touching(&i, &p, keep_text, all);
		EXPECT(strcmp(all, rows[r].touching) == 0, "%s: %s", rows[r].sentence, all);
	}
}
