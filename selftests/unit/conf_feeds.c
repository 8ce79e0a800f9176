/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds in the configuration: a list of groups, whose members, faults and way back to JSON are those of every such list. */
#include "conf/conf.h"
#include "conf/schema.h"
#include "tap.h"

#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Reads text as a file would be. 0 or -errno. */
static int read_text(const char *text, struct conf *c, struct err *e)
{
	char path[TAP_TEMP_MAX];
	int fd = tap_temp_file(path, "conf-feeds"), ret = -1;

	*e = (struct err){0};
	if (EXPECT(fd >= 0, "a file") &&
	    EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "its text"))
		ret = conf_read(path, c, e);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return ret;
}

TEST(feeds_are_read)
{
	static struct conf c;
	struct err e;

	ENSURE(read_text("feeds = ( { name = \"drop\"; file = \"/var/lib/x/drop.json\";\n"
			 "  action = \"refuse\"; always = true; },\n"
			 "  { file = \"/var/lib/x/own\"; name = \"own-1_A\"; } );\n"
			 "feed_shrink = 4; feed_grow = 0;\n",
			 &c, &e) == 0,
	       "%s", e.text);
	EXPECT(c.feed_count == 2 && c.feed_shrink == 4 && c.feed_grow == 0, "counts");
	EXPECT(!strcmp(c.feeds[0].name, "drop") &&
		       !strcmp(c.feeds[0].file, "/var/lib/x/drop.json") &&
		       c.feeds[0].action == CONF_REFUSE && c.feeds[0].always,
	       "the first");
	EXPECT(!strcmp(c.feeds[1].name, "own-1_A") && c.feeds[1].action == CONF_DROP &&
		       !c.feeds[1].always,
	       "the second, by defaults");
	conf_defaults(&c);
	EXPECT(!c.feed_count && c.feed_shrink == 2 && c.feed_grow == 10, "defaults");
}

TEST(feeds_with_a_fault_are_refused)
{
	static const struct {
		const char *sentence, *text, *says;
	} rows[] = {
		{"without a name", "feeds = ( { file = \"/a\"; } );", "lacks its name"},
		{"without a file", "feeds = (\n{ name = \"a\"; } );", "\"a\" lacks its file"},
		{"a path that is none", "feeds = ( { name = \"a\"; file = \"a\"; } );",
		 "an absolute path"},
		{"an empty path", "feeds = ( { name = \"a\"; file = \"\"; } );",
		 "an absolute path"},
		{"a name that is none", "feeds = ( { name = \"a b\"; file = \"/a\"; } );",
		 "letters, digits"},
		{"the name of all", "feeds = ( { name = \"all\"; file = \"/a\"; } );",
		 "the word for all"},
		{"an unknown action",
		 "feeds = ( { name = \"a\"; file = \"/a\"; action = \"pass\"; } );",
		 "\"drop\", \"refuse\" or \"reply\""},
		{"a typing error", "feeds = ( { nmae = \"a\"; file = \"/a\"; } );",
		 "did you mean 'name'"},
		{"a typing error in the key", "feed = ( );", "did you mean 'feeds'"},
		{"a name twice",
		 "feeds = ( { name = \"a\"; file = \"/a\"; }, { name = \"a\"; file = \"/b\"; } );",
		 "\"a\" is there twice"},
		{"a file twice",
		 "feeds = ( { name = \"a\"; file = \"/a\"; }, { name = \"b\"; file = \"/a\"; } );",
		 "\"a\" and \"b\" have the same file"},
		{"a text instead of groups", "feeds = [\"/a\"];", "groups such as ( { name"},
		{"a text in the list", "feeds = (\"/a\");", "an entry is a group"},
		{"always as a number", "feeds = ( { name = \"a\"; file = \"/a\"; always = 1; } );",
		 "true or false"},
		{"a factor out of bounds", "feed_grow = 1001;", "from 0 to 1000"},
		{"seventeen of them",
		 "feeds = ({},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{});", "0 to 16"},
	};
	static struct conf c;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e;

		EXPECT(read_text(rows[i].text, &c, &e) < 0 && strstr(e.text, rows[i].says),
		       "%s: %s", rows[i].sentence, e.text);
	}
}

static int keep_feeds(void *context, json_t *row)
{
	json_t **out = context;

	if (!strcmp(json_string_value(json_object_get(row, "key")), "feeds"))
		*out = row;
	else
		json_decref(row);
	return 0;
}

TEST(feeds_are_shown_as_they_are_written)
{
	static struct conf c;
	json_t *row = NULL, *expected;
	struct err e;

	ENSURE(read_text("feeds = ( { name = \"a\"; file = \"/a\"; action = \"reply\"; } );", &c,
			 &e) == 0,
	       "%s", e.text);
	ENSURE(conf_each(&c, keep_feeds, &row) == 0 && row, "a row");
	expected = json_pack("[{s:s, s:s, s:s, s:b}]", "name", "a", "file", "/a", "action", "reply",
			     "always", 0);
	EXPECT(json_equal(json_object_get(row, "value"), expected), "the value");
	EXPECT(json_array_size(json_object_get(row, "default")) == 0, "the default");
	json_decref(expected);
	json_decref(row);
}

TEST(feeds_stand_in_the_sample)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ENSURE(out && conf_write_sample(out) == 0 && fclose(out) == 0, "a sample");
	EXPECT(strstr(text, "#feeds = ( );\n") && strstr(text, "#   file: ") &&
		       strstr(text, "#feed_shrink = 2;\n"),
	       "the keys and the members");
	free(text);
}
