/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the run directory and evidence of verdicts: what others wrote is held to its shape, and escaped before it is shown. */
#include "cli/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ZONE                                                                                       \
	"{\"zone\":\"zen.example\",\"state\":\"good\",\"why\":\"\",\"asked\":5,\"listed\":2,"      \
	"\"errors\":0,\"latency_ms\":12,\"over_budget\":0}"
#define UPDATED "{\"updated\":\"2026-01-02T03:04:05Z\"}\n"

static int zones_read(const char *text, json_t **rows, struct err *e)
{
	int64_t updated = 0;
	int code = foreign_zones(text, strlen(text), rows, &updated, e);

	EXPECT(code || updated == 1767323045, "%lld", (long long)updated);
	return code;
}

TEST(zones_come_back_as_they_were_written)
{
	json_t *rows = NULL;
	struct err e = {0};
	char *text;

	EXPECT(zones_read(UPDATED, &rows, &e) == 0 && json_array_size(rows) == 0, "none: %s",
	       e.text);
	json_decref(rows);
	ENSURE(zones_read(ZONE "\n" ZONE "\n" UPDATED, &rows, &e) == 0, "%s", e.text);
	ENSURE(json_array_size(rows) == 2, "%zu", json_array_size(rows));
	text = json_dumps(json_array_get(rows, 1), JSON_COMPACT | JSON_PRESERVE_ORDER);
	EXPECT(text && !strcmp(text, ZONE), "%s", text);
	free(text);
	json_decref(rows);
}

TEST(providers_come_back_with_nulls_for_what_is_not_said)
{
	static const char line[] =
		"{\"domain\":\"one.test\",\"state\":\"held\",\"networks\":3,\"in_gate\":2,"
		"\"addresses\":256,\"subnets6\":0,\"read\":\"\",\"why\":\"it \\u001b grew\","
		"\"note\":\"\"}\n" UPDATED;
	static const char shown[] =
		"{\"domain\":\"one.test\",\"state\":\"held\",\"networks\":3,\"in_gate\":2,"
		"\"addresses\":256,\"subnets6\":0,\"read\":null,\"why\":\"it \\\\x1b grew\","
		"\"note\":null}";
	static const char bad[] = "{\"domain\":\"one.test\",\"state\":\"well\"}\n" UPDATED;
	int64_t updated = 0;
	json_t *rows = NULL;
	struct err e = {0};
	char *text;

	ENSURE(foreign_providers(line, strlen(line), &rows, &updated, &e) == 0, "%s", e.text);
	text = json_dumps(json_array_get(rows, 0), JSON_COMPACT | JSON_PRESERVE_ORDER);
	EXPECT(text && !strcmp(text, shown), "%s", text);
	free(text);
	json_decref(rows);
	EXPECT(foreign_providers(bad, strlen(bad), &rows, &updated, &e) == -EBADMSG && !rows,
	       "a state that is none: %s", e.text);
}

TEST(a_file_of_zones_that_is_none_is_refused)
{
	static const struct {
		const char *sentence, *text, *want;
	} rows[] = {
		{"empty", "", "line 1"},
		{"cut before its end", ZONE "\n", "line 2"},
		{"more behind its end", UPDATED ZONE "\n", "line 2"},
		{"no JSON", "zen.example good\n" UPDATED, "line 1"},
		{"an array", "[1]\n" UPDATED, "line 1"},
		{"a time that is none", ZONE "\n{\"updated\":\"now\"}\n", "line 2"},
		{"a key lacks", "{\"zone\":\"a\"}\n" UPDATED, "line 1"},
		{"another state",
		 "{\"zone\":\"a\",\"state\":\"well\",\"why\":null,\"asked\":1,\"listed\":1,"
		 "\"errors\":1,\"latency_ms\":1,\"over_budget\":0}\n" UPDATED,
		 "line 1"},
		{"a negative count",
		 "{\"zone\":\"a\",\"state\":\"good\",\"why\":null,\"asked\":-1,\"listed\":1,"
		 "\"errors\":1,\"latency_ms\":1,\"over_budget\":0}\n" UPDATED,
		 "line 1"},
		{"a count that is a text",
		 "{\"zone\":\"a\",\"state\":\"good\",\"why\":null,\"asked\":\"1\",\"listed\":1,"
		 "\"errors\":1,\"latency_ms\":1,\"over_budget\":0}\n" UPDATED,
		 "line 1"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = {0};
		json_t *out = NULL;

		EXPECT(zones_read(rows[i].text, &out, &e) == -EBADMSG && !out &&
			       strstr(e.text, rows[i].want),
		       "%s: %d '%s'", rows[i].sentence, e.code, e.text);
	}
}

#define FEED                                                                                       \
	"{\"name\":\"drop\",\"state\":\"held back\",\"why\":\"it has no "                          \
	"entry\",\"format\":\"list\","                                                             \
	"\"hosts\":1,\"prefixes\":2,\"taken\":null,\"faults\":3,\"refused\":4,\"doubles\":5,"      \
	"\"left_out\":6,\"senders\":7,\"named\":[\"192.0.2.7\"]}"

TEST(feeds_come_back_as_they_were_written)
{
	static const char *const bad[] = {FEED "\n", "{\"name\":\"drop\"}\n" UPDATED,
					  "{\"name\":\"a\",\"state\":\"fine\",\"why\":\"\","
					  "\"format\":\"\",\"hosts\":1,\"prefixes\":2,"
					  "\"taken\":null,\"faults\":3,\"refused\":4,\"doubles\":5,"
					  "\"left_out\":6,\"senders\":7,"
					  "\"named\":[]}\n" UPDATED};
	json_t *rows = NULL;
	struct err e = {0};
	int64_t updated = 0;
	char *text;

	ENSURE(foreign_feeds(FEED "\n" UPDATED, strlen(FEED "\n" UPDATED), &rows, &updated, &e) ==
			       0 &&
		       json_array_size(rows) == 1,
	       "%s", e.text);
	text = json_dumps(json_array_get(rows, 0), JSON_COMPACT | JSON_PRESERVE_ORDER);
	EXPECT(text && !strcmp(text, FEED), "%s", text);
	free(text);
	json_decref(rows);
	for (size_t i = 0; i < COUNT(bad); i++)
		EXPECT(foreign_feeds(bad[i], strlen(bad[i]), &rows, &updated, &e) == -EBADMSG &&
			       !rows && strstr(e.text, "no state of a feed"),
		       "%s", e.text);
}

TEST(texts_are_escaped_once)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{"plain, with \"quotes\"", "plain, with \"quotes\""},
		{"escaped before: \\x1b", "escaped before: \\x1b"},
		{"\x1b[2J", "\\x1b[2J"},
		{"a\nb\\", "a\\x0ab\\\\"},
		{"\xc3\xa4", "\\xc3\\xa4"},
		{"\xff", "\\xff"},
		{"\x7f", "\\x7f"},
	};
	char large[3000];
	json_t *value;

	for (size_t i = 0; i < COUNT(rows); i++) {
		value = foreign_text(rows[i].text);
		EXPECT(value && !strcmp(json_string_value(value), rows[i].want), "%zu: %s", i,
		       json_string_value(value));
		json_decref(value);
	}
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	value = foreign_text(large);
	EXPECT(json_string_length(value) < 600, "%zu bytes", json_string_length(value));
	json_decref(value);
}

#define MAIL_LOG(state)                                                                            \
	"\"mail_log\":{\"state\":\"" state "\",\"source\":\"/var/log/mail.log\",\"deliveries\":1," \
	"\"lines\":9,\"understood\":8,\"gaps\":0,\"deaths\":0}"

#define TWO_CHILDREN                                                                               \
	"{\"resolver\":{\"state\":\"up\",\"deaths\":1},\"responder\":{\"state\":\"off\","          \
	"\"deaths\":0,"                                                                            \
	"\"accepted\":3,\"refused\":2,\"open\":1,\"turned_away\":0},"
#define UPDATED_THEN "\"updated\":\"2026-01-02T03:04:05Z\"}"

TEST(what_an_older_controller_does_not_tell_is_not_missed)
{
	static const struct {
		const char *sentence, *text;
		bool has_meter, has_vitals;
	} rows[] = {
		{"an older one", TWO_CHILDREN UPDATED_THEN, false, false},
		{"all of it",
		 TWO_CHILDREN
		 "\"meter\":{\"state\":\"up\",\"deaths\":0},\"vitals\":{\"started\":"
		 "\"2026-01-02T03:04:05Z\",\"reloaded\":null,\"reload_failed\":true}," UPDATED_THEN,
		 true, true},
		{"what is none is left out",
		 TWO_CHILDREN
		 "\"meter\":{\"state\":\"\\u001b\",\"deaths\":0},\"vitals\":{\"started\":7,"
		 "\"reloaded\":null,\"reload_failed\":true}," UPDATED_THEN,
		 false, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = {0};
		json_t *row = NULL;
		int64_t updated = 0;
		int r = foreign_children(rows[i].text, strlen(rows[i].text), &row, &updated, &e);

		EXPECT(r == 0, "%s: %s", rows[i].sentence, e.text);
		EXPECT(!!json_object_get(row, "meter") == rows[i].has_meter &&
			       !!json_object_get(row, "vitals") == rows[i].has_vitals,
		       "%s", rows[i].sentence);
		json_decref(row);
	}
}

TEST(children_are_taken_by_their_keys_alone)
{
	static const char good[] =
		"{\"resolver\":{\"state\":\"up\",\"deaths\":1,\"more\":\"\\u001b\"},"
		"\"responder\":{\"state\":\"off\",\"deaths\":0,\"accepted\":3,\"refused\":2,"
		"\"open\":1,\"turned_away\":0}," MAIL_LOG(
			"up") ",\"updated\":\"2026-01-02T03:04:05Z\"}\n";
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"resolver\":{\"state\":\"up\",\"deaths\":1},"
		"\"updated\":\"2026-01-02T03:04:05Z\"}",
		"{\"resolver\":{\"state\":\"up\",\"deaths\":1},\"responder\":{\"state\":\"off\"},"
		"\"updated\":\"2026-01-02T03:04:05Z\"}",
		"{\"resolver\":{\"state\":\"\\u001b\",\"deaths\":1},\"responder\":{\"state\":"
		"\"off\",\"deaths\":0,\"accepted\":3,\"refused\":2,\"open\":1,"
		"\"turned_away\":0}," MAIL_LOG("up") ",\"updated\":\"2026-01-02T03:04:05Z\"}",
	};
	struct err e = {0};
	json_t *row = NULL;
	int64_t updated = 0;

	ENSURE(foreign_children(good, strlen(good), &row, &updated, &e) == 0, "%s", e.text);
	EXPECT(json_object_size(json_object_get(row, "resolver")) == 2 && updated == 1767323045,
	       "other keys");
	EXPECT(json_integer_value(json_object_get(json_object_get(row, "responder"), "accepted")) ==
		       3,
	       "the responder");
	json_decref(row);
	for (size_t i = 0; i < COUNT(bad); i++) {
		row = NULL;
		EXPECT(foreign_children(bad[i], strlen(bad[i]), &row, &updated, &e) == -EBADMSG &&
			       !row,
		       "%s", bad[i]);
	}
}

TEST(evidence_is_taken_as_far_as_it_is_some)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"{\"zones\":[{\"zone\":\"bl.example\",\"outcome\":\"listed\",\"codes\":"
		 "[\"127.0.0.2\"],\"added\":3,\"ttl_s\":900}],\"asked\":5,\"rdns\":{\"result\":"
		 "\"pass\",\"host\":\"a.example\",\"generic\":false,\"added\":0},\"partial\":"
		 "false}",
		 "{\"zones\":[{\"zone\":\"bl.example\",\"outcome\":\"listed\",\"codes\":"
		 "[\"127.0.0.2\"],\"added\":3,\"ttl_s\":900}],\"asked\":5,\"rdns\":{\"result\":"
		 "\"pass\",\"host\":\"a.example\",\"generic\":false,\"added\":0},"
		 "\"partial\":false}"},
		{"{}", "{\"zones\":[],\"asked\":null,\"rdns\":null,\"partial\":null}"},
		{"{\"zones\":[],\"asked\":-1,\"rdns\":7,\"partial\":\"x\"}",
		 "{\"zones\":[],\"asked\":null,\"rdns\":null,\"partial\":null}"},
		{"{\"zones\":[{\"zone\":\"bl\\u001b\",\"outcome\":\"listed\",\"codes\":[],"
		 "\"added\":-3,\"ttl_s\":0}]}",
		 "{\"zones\":[{\"zone\":\"bl\\\\x1b\",\"outcome\":\"listed\",\"codes\":[],"
		 "\"added\":-3,\"ttl_s\":0}],\"asked\":null,\"rdns\":null,\"partial\":null}"},
		{"{\"zones\":[{\"zone\":\"bl\"}]}", NULL},
		{"{\"zones\":[{\"zone\":\"bl\",\"outcome\":\"listed\",\"codes\":[7],\"added\":0,"
		 "\"ttl_s\":0}]}",
		 NULL},
		{"[]", NULL},
		{"", NULL},
		{"{\"zones\":[]", NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *row = foreign_evidence(rows[i].text);
		char *text = row ? json_dumps(row, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

		EXPECT(rows[i].want ? text && !strcmp(text, rows[i].want) : !row, "%s: %s",
		       rows[i].text, text ? text : "nothing");
		free(text);
		json_decref(row);
	}
}

TEST(only_a_small_regular_file_is_loaded)
{
	char dir[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 16], link[TAP_TEMP_MAX + 16];
	static char block[4096];
	struct err e = {0};
	char *bytes = NULL;
	size_t length = 0;
	int fd;

	ENSURE(tap_temp_dir(dir, "foreign"), "a directory");
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	EXPECT(foreign_load(path, &bytes, &length, &e) == -ENOENT, "%s", e.text);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	EXPECT(write(fd, "abc", 3) == 3, "write");
	EXPECT(foreign_load(path, &bytes, &length, &e) == 0 && length == 3 && !strcmp(bytes, "abc"),
	       "%s", e.text);
	free(bytes);
	EXPECT(symlink(path, link) == 0 && foreign_load(link, &bytes, &length, &e) == -ELOOP,
	       "a link: %s", e.text);
	for (size_t n = 0; n <= FOREIGN_FILE_MAX; n += sizeof(block))
		EXPECT(write(fd, block, sizeof(block)) == sizeof(block), "write");
	EXPECT(foreign_load(path, &bytes, &length, &e) == -EFBIG, "too large: %s", e.text);
	close(fd);
	unlink(path);
	EXPECT(mkfifo(path, 0600) == 0 && foreign_load(path, &bytes, &length, &e) == -EINVAL,
	       "a pipe: %s", e.text);
	EXPECT(foreign_load(dir, &bytes, &length, &e) == -EINVAL, "a directory: %s", e.text);
	unlink(path);
	unlink(link);
	rmdir(dir);
}

#define CHANGE                                                                                     \
	"{\"key\":\"limits.rate\",\"was\":\"\",\"now\":\"1/1m burst 1\",\"effect\":\"live\"}\n"
#define LAST "{\"reload\":3,\"file\":\"/etc/postern/postern.conf\",\"fault\":null}\n"

TEST(the_answer_to_a_reload_is_held_to_its_shape)
{
	static const char *const bad[] = {
		"",
		CHANGE,
		LAST CHANGE,
		LAST LAST,
		"{}\n" LAST,
		"[]\n" LAST,
		"reload\n" LAST,
		"{\"reload\":-1,\"file\":\"/a\",\"fault\":null}\n",
		"{\"reload\":1,\"file\":null,\"fault\":null}\n",
		"{\"key\":\"a\",\"was\":1,\"now\":\"\",\"effect\":\"\"}\n" LAST,
	};
	json_t *changes = NULL, *last = NULL;
	struct err e = {0};

	ENSURE(foreign_reload(CHANGE CHANGE LAST, strlen(CHANGE CHANGE LAST), &changes, &last,
			      &e) == 0,
	       "%s", e.text);
	EXPECT(json_array_size(changes) == 2 &&
		       json_integer_value(json_object_get(last, "reload")) == 3 &&
		       json_is_null(json_object_get(last, "fault")),
	       "it came back otherwise");
	json_decref(changes);
	json_decref(last);
	for (size_t i = 0; i < COUNT(bad); i++)
		EXPECT(foreign_reload(bad[i], strlen(bad[i]), &changes, &last, &e) == -EBADMSG &&
			       !changes && !last,
		       "'%s' was taken", bad[i]);
}
