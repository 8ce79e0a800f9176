/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration files: refused, nothing has changed; taken, it can be shown, and what is shown, written as a file, is the same
 * configuration.
 */
#include "conf/conf.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define PATH_TEXT_MAX 32

/* libconfig 1.5 forgets its scanner and the beginning of a text when a syntax error comes. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

/* A file of these bytes, in memory alone; path names it. */
static int file_make(const void *bytes, size_t size, char path[static PATH_TEXT_MAX])
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	HOLDS(fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0);
	HOLDS(write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, PATH_TEXT_MAX, "/proc/self/fd/%d", fd);
	return fd;
}

static int read_bytes(const void *bytes, size_t size, struct conf *c, struct err *e)
{
	char path[PATH_TEXT_MAX];
	int fd = file_make(bytes, size, path), ret = conf_read(path, c, e);

	close(fd);
	return ret;
}

static int row_append(void *rows, json_t *row)
{
	HOLDS(json_array_append_new(rows, row) == 0);
	return 0;
}

/* What `show config` would say. */
static json_t *rows_of(const struct conf *c)
{
	json_t *rows = json_array();

	HOLDS(rows && conf_each(c, row_append, rows) == 0);
	return rows;
}

static void text_write(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	fputc('"', out);
}

/* As libconfig writes it. */
static void value_write(const json_t *value, FILE *out)
{
	/* An empty one can be either, and all take a list. */
	bool groups = !json_array_size(value) || json_is_object(json_array_get(value, 0));
	const char *key;
	json_t *member;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		text_write(json_string_value(value), out);
		break;
	case JSON_INTEGER:
		fprintf(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_OBJECT:
		fprintf(out, "{ ");
		json_object_foreach((json_t *)value, key, member)
		{
			fprintf(out, "%s = ", key);
			value_write(member, out);
			fprintf(out, "; ");
		}
		fprintf(out, "}");
		break;
	case JSON_ARRAY:
		fputc(groups ? '(' : '[', out);
		json_array_foreach(value, i, member)
		{
			fprintf(out, i ? ", " : "");
			value_write(member, out);
		}
		fputc(groups ? ')' : ']', out);
		break;
	default:
		HOLDS(json_is_boolean(value));
		fprintf(out, json_is_true(value) ? "true" : "false");
	}
}

/* Keys of a group stand side by side in the schema. */
static void rows_write(const json_t *rows, FILE *out)
{
	char open[64] = "";
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *key = json_string_value(json_object_get(row, "key")),
			   *own = strchr(key, '.');
		int length = own ? (int)(own - key) : 0;

		if (*open &&
		    (strncmp(open, key, strlen(open)) != 0 || (int)strlen(open) != length)) {
			fprintf(out, "};\n");
			*open = '\0';
		}
		if (own && !*open) {
			snprintf(open, sizeof(open), "%.*s", length, key);
			fprintf(out, "%s: {\n", open);
		}
		fprintf(out, "%s = ", own ? own + 1 : key);
		value_write(json_object_get(row, "value"), out);
		fprintf(out, ";\n");
	}
	if (*open)
		fprintf(out, "};\n");
}

static void check(const struct conf *c)
{
	static struct conf again;
	json_t *rows = rows_of(c), *rows_again;
	char *text = NULL;
	size_t size = 0;
	struct err e = {0};
	FILE *out = open_memstream(&text, &size);

	HOLDS(out);
	rows_write(rows, out);
	fclose(out);
	conf_defaults(&again);
	if (read_bytes(text, size, &again, &e) < 0) {
		fprintf(stderr, "%s\n%s", e.text, text);
		HOLDS(!"what is shown can be read");
	}
	rows_again = rows_of(&again);
	HOLDS(json_equal(rows, rows_again));
	json_decref(rows);
	json_decref(rows_again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf c;
	struct err e = {0};

	memset(&c, UNTOUCHED, sizeof(c));
	if (read_bytes(data, size, &c, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(is_untouched(&c, sizeof(c)));
	} else {
		check(&c);
	}
	return 0;
}
