/* SPDX-License-Identifier: BSD-2-Clause */
/* Foreign objects, held to tables of their keys: see foreign.h. */
#include "cli/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/when.h"

#define TEXT_SHOWN_MAX	  512 /* bytes of one text; a reason has at most 320 */
#define WORDS_SHOWN_MAX	  16  /* codes of one zone */
#define EVIDENCE_ROWS_MAX 64  /* zones of one verdict: a configuration has at most 32 */

/* ---- objects by tables ---- */

enum field_type {
	FIELD_TEXT,
	FIELD_TEXT_OR_NULL,
	FIELD_STATE, /* one of words */
	FIELD_COUNT, /* a number that is not negative */
	FIELD_NUMBER,
	FIELD_BOOLEAN,
	FIELD_TEXTS,
};

struct field {
	const char *key;
	enum field_type type;
	const char *const *words;
};

json_t *foreign_text(const char *text)
{
	char shown[TEXT_SHOWN_MAX];
	const unsigned char *at = (const unsigned char *)text;

	while (*at >= ' ' && *at < 0x7f)
		at++;
	/* What its writer has escaped is not escaped twice. */
	if (!*at && strlen(text) < sizeof(shown))
		return json_string(text);
	return json_string(text_escape(text, strlen(text), shown, sizeof(shown)));
}

static json_t *texts_take(const json_t *value)
{
	size_t count = json_array_size(value);
	json_t *list = json_array();

	for (size_t i = 0; i < count && i < WORDS_SHOWN_MAX; i++) {
		const char *text = json_string_value(json_array_get(value, i));

		if (!text || json_array_append_new(list, foreign_text(text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *value_take(const struct field *f, const json_t *value)
{
	const char *text = json_string_value(value);

	switch (f->type) {
	case FIELD_TEXT_OR_NULL:
		if (json_is_null(value))
			return json_null();
		return text ? foreign_text(text) : NULL;
	case FIELD_TEXT:
		return text ? foreign_text(text) : NULL;
	case FIELD_STATE:
		for (const char *const *word = f->words; text && *word; word++)
			if (strcmp(*word, text) == 0)
				return json_string(text);
		return NULL;
	case FIELD_COUNT:
	case FIELD_NUMBER:
		if (!json_is_integer(value) ||
		    (f->type == FIELD_COUNT && json_integer_value(value) < 0))
			return NULL;
		return json_integer(json_integer_value(value));
	case FIELD_BOOLEAN:
		return json_is_boolean(value) ? json_boolean(json_is_true(value)) : NULL;
	case FIELD_TEXTS:
		return json_is_array(value) ? texts_take(value) : NULL;
	}
	return NULL;
}

/* A new object of these keys, in this order, or NULL when one lacks or is no such value. Other keys are left out. */
static json_t *object_take(const json_t *foreign, const struct field *fields)
{
	json_t *row;

	if (!json_is_object(foreign))
		return NULL;
	row = json_object();
	for (const struct field *f = fields; f->key; f++) {
		json_t *value = value_take(f, json_object_get(foreign, f->key));

		if (!value || json_object_set_new(row, f->key, value)) {
			json_decref(row);
			return NULL;
		}
	}
	return row;
}

/* ---- files ---- */

static int file_read(int fd, char **bytes, size_t *length)
{
	char *text = malloc(FOREIGN_FILE_MAX + 1);
	size_t used = 0;
	ssize_t n = 1;

	if (!text)
		return -ENOMEM;
	while (n > 0 && used <= FOREIGN_FILE_MAX) {
		n = read(fd, text + used, FOREIGN_FILE_MAX + 1 - used);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			used += (size_t)n;
	}
	if (n < 0 || used > FOREIGN_FILE_MAX) {
		int code = n < 0 ? -errno : -EFBIG;

		free(text);
		return code;
	}
	text[used] = '\0';
	*bytes = text;
	*length = used;
	return 0;
}

int foreign_load(const char *path, char **bytes, size_t *length, struct err *e)
{
	/* A pipe in the place of the file would be waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int code = fd < 0 ? -errno : 0;

	if (code == 0 && fstat(fd, &st) < 0)
		code = -errno;
	if (code == 0 && !S_ISREG(st.st_mode))
		code = -EINVAL;
	if (code == 0)
		code = file_read(fd, bytes, length);
	if (fd >= 0)
		close(fd);
	return code < 0 ? err_set(e, code, "cannot read %s: %s", path, strerror(-code)) : 0;
}

int foreign_load_rows(const char *path, foreign_rows_fn take, json_t **rows,
		      int64_t *updated_wall_s, struct err *e)
{
	size_t length = 0;
	char *bytes = NULL;
	int code = foreign_load(path, &bytes, &length, e);

	if (code == 0)
		code = take(bytes, length, rows, updated_wall_s, e);
	if (code == -EBADMSG)
		err_prefix(e, "%s", path);
	free(bytes);
	return code;
}

static int updated_take(const json_t *object, int64_t *updated_wall_s)
{
	const char *when = json_string_value(json_object_get(object, "updated"));

	return when ? when_parse(when, updated_wall_s) : -EINVAL;
}

/* One line of a file of rows; *ended: it was the last, which says when they were written. */
static int row_line(const char *line, size_t length, const struct field *fields, json_t *rows,
		    int64_t *updated, bool *ended)
{
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *row = NULL;
	int code = 0;

	if (json_object_get(object, "updated")) {
		code = updated_take(object, updated);
		*ended = code == 0;
	} else {
		row = object_take(object, fields);
		code = row ? json_array_append_new(rows, row) : -EBADMSG;
	}
	json_decref(object);
	return code;
}

/* what: "no state of a list" */
static int rows_take(const char *bytes, size_t length, const struct field *fields, const char *what,
		     json_t **rows, int64_t *updated_wall_s, struct err *e)
{
	const char *at = bytes, *end = bytes + length;
	unsigned line = 0;
	bool ended = false;
	int code = 0;

	*rows = json_array();
	while (at < end && !ended && code == 0) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((stop ? stop : end) - at);

		line++;
		code = row_line(at, size, fields, *rows, updated_wall_s, &ended);
		at += size + 1;
	}
	/* Behind the line that ends it nothing may stand, and it is the last that is written. */
	if (code == 0 && ended && at >= end)
		return 0;
	json_decref(*rows);
	*rows = NULL;
	return err_set(e, -EBADMSG, "line %u of it is %s", code ? line : line + 1, what);
}

int foreign_zones(const char *bytes, size_t length, json_t **rows, int64_t *updated_wall_s,
		  struct err *e)
{
	static const char *const states[] = {"good", "suspended", "refusing", "unreachable", NULL};
	static const struct field fields[] = {
		{"zone", FIELD_TEXT, NULL},
		{"state", FIELD_STATE, states},
		{"why", FIELD_TEXT_OR_NULL, NULL},
		{"asked", FIELD_COUNT, NULL},
		{"listed", FIELD_COUNT, NULL},
		{"errors", FIELD_COUNT, NULL},
		{"latency_ms", FIELD_COUNT, NULL},
		{"over_budget", FIELD_COUNT, NULL},
		{0},
	};

	return rows_take(bytes, length, fields, "no state of a list", rows, updated_wall_s, e);
}

/* An empty text says nothing. */
static void texts_to_null(json_t *rows, const char *const *keys)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		for (const char *const *key = keys; *key; key++)
			if (!json_string_length(json_object_get(json_array_get(rows, i), *key)))
				json_object_set_new(json_array_get(rows, i), *key, json_null());
}

int foreign_providers(const char *bytes, size_t length, json_t **rows, int64_t *updated_wall_s,
		      struct err *e)
{
	static const char *const states[] = {"asking",	"good",	       "empty", "held",
					     "refused", "unreachable", NULL};
	static const char *const texts[] = {"read", "why", "note", NULL};
	static const struct field fields[] = {
		{"domain", FIELD_TEXT, NULL},	  {"state", FIELD_STATE, states},
		{"networks", FIELD_COUNT, NULL},  {"in_gate", FIELD_COUNT, NULL},
		{"addresses", FIELD_COUNT, NULL}, {"subnets6", FIELD_COUNT, NULL},
		{"read", FIELD_TEXT, NULL},	  {"why", FIELD_TEXT, NULL},
		{"note", FIELD_TEXT, NULL},	  {0},
	};
	int code =
		rows_take(bytes, length, fields, "no state of a provider", rows, updated_wall_s, e);

	if (code == 0)
		texts_to_null(*rows, texts);
	return code;
}

int foreign_feeds(const char *bytes, size_t length, json_t **rows, int64_t *updated_wall_s,
		  struct err *e)
{
	static const char *const states[] = {"missing", "loaded", "held back", "unreadable", NULL};
	static const char *const texts[] = {"why", "format", NULL};
	static const struct field fields[] = {
		{"name", FIELD_TEXT, NULL},	     {"state", FIELD_STATE, states},
		{"why", FIELD_TEXT, NULL},	     {"format", FIELD_TEXT, NULL},
		{"hosts", FIELD_COUNT, NULL},	     {"prefixes", FIELD_COUNT, NULL},
		{"taken", FIELD_TEXT_OR_NULL, NULL}, {"faults", FIELD_COUNT, NULL},
		{"refused", FIELD_COUNT, NULL},	     {"doubles", FIELD_COUNT, NULL},
		{"left_out", FIELD_COUNT, NULL},     {"senders", FIELD_COUNT, NULL},
		{"named", FIELD_TEXTS, NULL},	     {0},
	};
	int code = rows_take(bytes, length, fields, "no state of a feed", rows, updated_wall_s, e);

	if (code == 0)
		texts_to_null(*rows, texts);
	return code;
}

/* Of an older controller it is not told. */
static void optional_take(json_t *row, const char *key, const json_t *foreign,
			  const struct field *fields)
{
	json_t *value = object_take(json_object_get(foreign, key), fields);

	if (value)
		json_object_set_new(row, key, value);
}

int foreign_children(const char *bytes, size_t length, json_t **row, int64_t *updated_wall_s,
		     struct err *e)
{
	static const char *const states[] = {"up", "down", "off", NULL};
	static const struct field child[] = {
		{"state", FIELD_STATE, states}, {"deaths", FIELD_COUNT, NULL}, {0}};
	static const struct field responder[] = {{"state", FIELD_STATE, states},
						 {"deaths", FIELD_COUNT, NULL},
						 {"accepted", FIELD_COUNT, NULL},
						 {"refused", FIELD_COUNT, NULL},
						 {"open", FIELD_COUNT, NULL},
						 {"turned_away", FIELD_COUNT, NULL},
						 {0}};
	static const char *const log_states[] = {"up", "down", "off", "absent", NULL};
	static const struct field mail_log[] = {
		{"state", FIELD_STATE, log_states}, {"source", FIELD_TEXT, NULL},
		{"deliveries", FIELD_COUNT, NULL},  {"lines", FIELD_COUNT, NULL},
		{"understood", FIELD_COUNT, NULL},  {"gaps", FIELD_COUNT, NULL},
		{"deaths", FIELD_COUNT, NULL},	    {0}};
	static const struct field vitals[] = {{"started", FIELD_TEXT_OR_NULL, NULL},
					      {"reloaded", FIELD_TEXT_OR_NULL, NULL},
					      {"reload_failed", FIELD_BOOLEAN, NULL},
					      {0}};
	json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *first = object_take(json_object_get(object, "resolver"), child);
	json_t *second = object_take(json_object_get(object, "responder"), responder);
	int code = updated_take(object, updated_wall_s);

	if (code == 0 && first && second) {
		*row = json_pack("{s:o, s:o}", "resolver", first, "responder", second);
		if (*row) {
			optional_take(*row, "meter", object, child);
			optional_take(*row, "providers", object, child);
			optional_take(*row, "mail_log", object, mail_log);
			optional_take(*row, "vitals", object, vitals);
		}
		json_decref(object);
		return *row ? 0 : -ENOMEM;
	}
	json_decref(object);
	json_decref(first);
	json_decref(second);
	return err_set(e, -EBADMSG, "it is no state of the children");
}

int foreign_reload(const char *bytes, size_t length, json_t **changes, json_t **last, struct err *e)
{
	static const struct field change[] = {{"key", FIELD_TEXT, NULL},
					      {"was", FIELD_TEXT, NULL},
					      {"now", FIELD_TEXT, NULL},
					      {"effect", FIELD_TEXT, NULL},
					      {0}};
	static const struct field end[] = {{"reload", FIELD_COUNT, NULL},
					   {"file", FIELD_TEXT, NULL},
					   {"fault", FIELD_TEXT_OR_NULL, NULL},
					   {0}};
	const char *at = bytes, *stop = bytes + length;
	bool good = true;

	*changes = json_array();
	*last = NULL;
	while (good && at < stop && !*last) {
		const char *newline = memchr(at, '\n', (size_t)(stop - at));
		size_t size = (size_t)((newline ? newline : stop) - at);
		json_t *object = json_loadb(at, size, JSON_REJECT_DUPLICATES, NULL);

		if (json_object_get(object, "reload"))
			good = (*last = object_take(object, end)) != NULL;
		else
			good = json_array_append_new(*changes, object_take(object, change)) == 0;
		json_decref(object);
		at += size + 1;
	}
	/* Behind the line that ends it nothing may stand. */
	if (good && *last && at >= stop)
		return 0;
	json_decref(*changes);
	json_decref(*last);
	*changes = *last = NULL;
	return err_set(e, -EBADMSG, "it is no answer to a reload");
}

/* ---- evidence ---- */

/* NULL: one of them is no zone. */
static json_t *evidence_zones(const json_t *foreign)
{
	static const struct field fields[] = {
		{"zone", FIELD_TEXT, NULL},   {"outcome", FIELD_TEXT, NULL},
		{"codes", FIELD_TEXTS, NULL}, {"added", FIELD_NUMBER, NULL},
		{"ttl_s", FIELD_COUNT, NULL}, {0},
	};
	size_t count = json_array_size(foreign);
	json_t *list = json_array();

	for (size_t i = 0; i < count && i < EVIDENCE_ROWS_MAX; i++) {
		json_t *row = object_take(json_array_get(foreign, i), fields);

		if (!row || json_array_append_new(list, row)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *foreign_evidence(const char *text)
{
	static const struct field asked = {"asked", FIELD_COUNT, NULL};
	static const struct field partial = {"partial", FIELD_BOOLEAN, NULL};
	static const struct field rdns[] = {{"result", FIELD_TEXT, NULL},
					    {"host", FIELD_TEXT, NULL},
					    {"generic", FIELD_BOOLEAN, NULL},
					    {"added", FIELD_NUMBER, NULL},
					    {0}};
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *row = NULL;
	json_t *zones = evidence_zones(json_object_get(object, "zones")), *value;

	if (json_is_object(object) && zones) {
		row = json_object();
		json_object_set(row, "zones", zones);
		value = value_take(&asked, json_object_get(object, "asked"));
		json_object_set_new(row, "asked", value ? value : json_null());
		value = object_take(json_object_get(object, "rdns"), rdns);
		/* Stored as an empty text; who reads JSON finds null where there is none. */
		if (value && !json_string_length(json_object_get(value, "host")))
			json_object_set_new(value, "host", json_null());
		json_object_set_new(row, "rdns", value ? value : json_null());
		value = value_take(&partial, json_object_get(object, "partial"));
		json_object_set_new(row, "partial", value ? value : json_null());
	}
	json_decref(zones);
	json_decref(object);
	return row;
}
