/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of feeds: from a reader that may be anybody's, into the state directory and back, and what is left out of them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/feeding_list.h"
#include "feed/work.h"
#include "tap.h"

static struct conf conf;
static const struct conf_feed of = {.name = "drop", .file = "/lists/drop"};

/* What a reader makes of a text. */
static int read_text(const char *text, struct feedlist *out, struct err *e)
{
	int from = memfd_create("from", MFD_CLOEXEC), memory = feedlist_memory(e), ret = -EIO;
	size_t length = 0;

	if (from >= 0 && memory >= 0 && write(from, text, strlen(text)) == (ssize_t)strlen(text) &&
	    lseek(from, 0, SEEK_SET) == 0 && feed_work(from, memory, &length, e) == 0)
		ret = feedlist_take(out, &of, memory, length, e);
	close(from);
	close(memory);
	return ret;
}

TEST(feedlists_are_taken_only_when_nobody_can_change_them)
{
	struct feedlist l = {0};
	struct err e = {0};
	int memory = feedlist_memory(&e);
	void *map;

	ENSURE(memory >= 0, "%s", e.text);
	EXPECT(ftruncate(memory, IMAGE_BYTES_MAX + 1) < 0 && ftruncate(memory, 1) < 0,
	       "it neither grows nor shrinks");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	EXPECT(map != MAP_FAILED && feedlist_take(&l, &of, memory, 4096, &e) == -EBUSY,
	       "not while it is mapped: %s", e.text);
	munmap(map, 4096);
	EXPECT(feedlist_take(&l, &of, memory, 4096, &e) == -EBADMSG && !l.map, "zeros: %s", e.text);
	EXPECT(pwrite(memory, "x", 1, 0) < 0, "nor can it be written any more");
	EXPECT(feedlist_take(&l, &of, memory, 0, &e) == -EBADMSG &&
		       feedlist_take(&l, &of, memory, IMAGE_BYTES_MAX + 1, &e) == -EBADMSG,
	       "lengths that are none: %s", e.text);
	close(memory);
}

TEST(feedlists_are_kept_and_come_back)
{
	char path[TAP_TEMP_MAX], kept[256], byte = 0x55;
	const struct conf_feed moved = {.name = "drop", .file = "/lists/drop2"};
	struct feedlist l = {0}, back = {0};
	struct err e = {0};
	int fd;

	ENSURE(tap_temp_dir(path, "feedlist"), "a directory");
	conf_defaults(&conf);
	snprintf(conf.state_dir, sizeof(conf.state_dir), "%s", path);
	snprintf(conf.instance, sizeof(conf.instance), "feedlist-test");
	snprintf(kept, sizeof(kept), "%s/feedlist-test", path);
	ENSURE(mkdir(kept, 0700) == 0, "the instance's");
	EXPECT(feedlist_load(&back, &conf, "drop", &e) == -ENOENT, "none yet: %s", e.text);
	ENSURE(read_text("192.0.2.1\n198.51.100.0/24\n", &l, &e) == 0, "%s", e.text);
	EXPECT(feedlist_keep(&l, &conf, "drop", &e) == 0, "%s", e.text);
	ENSURE(feedlist_load(&back, &conf, "drop", &e) == 0, "%s", e.text);
	EXPECT(back.length == l.length && !memcmp(back.bytes, l.bytes, l.length) &&
		       back.taken_wall_s == l.taken_wall_s && back.image.host_count == 1 &&
		       back.number == l.number && back.kept && !back.fresh && l.fresh,
	       "the same");
	EXPECT(feedlist_is_of(&back, &of) && !feedlist_is_of(&back, &moved), "and of which file");
	feedlist_free(&back);
	snprintf(kept, sizeof(kept), "%s/feedlist-test/feed-drop", path);
	fd = open(kept, O_RDWR | O_CLOEXEC);
	/* The last byte is the length of the last prefix. */
	EXPECT(fd >= 0 && lseek(fd, -1, SEEK_END) > 0 && write(fd, &byte, 1) == 1 &&
		       feedlist_load(&back, &conf, "drop", &e) == -EBADMSG && !back.map,
	       "a disk that lies: %s", e.text);
	EXPECT(ftruncate(fd, 100) == 0 && feedlist_load(&back, &conf, "drop", &e) == -EBADMSG,
	       "a cut one: %s", e.text);
	close(fd);
	EXPECT(feedlist_keep(&l, &conf, "drop", &e) == 0 &&
		       feedlist_keep(&l, &conf, "gone", &e) == 0,
	       "two of them: %s", e.text);
	conf.feed_count = 1;
	conf.feeds[0] = of;
	feedlist_forget_others(&conf);
	EXPECT(feedlist_load(&back, &conf, "gone", &e) == -ENOENT, "one is configured no more");
	EXPECT(feedlist_load(&back, &conf, "drop", &e) == 0, "the other stays: %s", e.text);
	feedlist_free(&back);
	snprintf(conf.feeds[0].name, sizeof(conf.feeds[0].name), "new");
	EXPECT(feedlist_load(&back, &conf, "new", &e) == 0 && back.number == l.number,
	       "another name, and the same file: %s", e.text);
	feedlist_free(&back);
	snprintf(conf.feeds[0].name, sizeof(conf.feeds[0].name), "newer");
	conf.feeds[0].file[0] = '\0';
	EXPECT(feedlist_load(&back, &conf, "newer", &e) == -ENOENT, "another file is another list");
	feedlist_forget_others(&conf);
	feedlist_free(&l);
	snprintf(kept, sizeof(kept), "%s/feedlist-test", path);
	EXPECT(rmdir(kept) == 0 && rmdir(path) == 0, "nothing is left");
}

TEST(feedlists_leave_out_what_must_not_be_blocked)
{
	static struct protect_entry never[3];
	struct protected_list list = {.entry = never, .count = 3};
	struct feedlist l = {0};
	struct err e = {0};
	char names[100], tiny[8];

	ENSURE(prefix_parse("192.0.2.0/28", &never[0].prefix, NULL) == 0 &&
		       prefix_parse("198.51.100.7", &never[1].prefix, NULL) == 0 &&
		       prefix_parse("192.0.2.1", &never[2].prefix, NULL) == 0 &&
		       read_text(
			       "192.0.2.1\n192.0.2.3\n192.0.2.99\n198.51.100.0/24\n2001:db8::/32\n",
			       &l, &e) == 0,
	       "%s", e.text);
	ENSURE(feedlist_leave_out(&l, &list, names, sizeof(names)) == 0, "memory");
	EXPECT(l.left_out == 3 && !strcmp(names, "192.0.2.1, 192.0.2.3, 198.51.100.0/24"),
	       "each once: %llu, %s", (unsigned long long)l.left_out, names);
	EXPECT(feedlist_leave_out(&l, &list, tiny, sizeof(tiny)) == 0 && l.left_out == 3 &&
		       strlen(tiny) < sizeof(tiny),
	       "again, with little room for names");
	list.count = 0;
	EXPECT(feedlist_leave_out(&l, &list, NULL, 0) == 0 && !l.left_out, "none any more");
	feedlist_free(&l);
}
