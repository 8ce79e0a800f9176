/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aligned columns: see table.h. Rows are kept until printed, since a width is known only with the
 * last one. What prints endlessly (watch) prints lines, not tables.
 */
#include "base/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GAP "  " /* between columns */

struct layout {
	size_t width;
	bool right; /* numbers only */
};

struct table {
	const struct column *columns;
	size_t count;
	json_t *rows;
};

struct table *table_new(const struct column *columns, size_t count)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	t->count = count;
	t->rows = json_array();
	if (!t->rows) {
		free(t);
		return NULL;
	}
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	json_decref(t->rows);
	free(t);
}

int table_add(struct table *t, json_t *row)
{
	return row && json_array_append_new(t->rows, row) == 0 ? 0 : -ENOMEM;
}

/* The text of one cell, malloc'd. NULL when out of memory. */
static char *cell_text(const json_t *value)
{
	char number[40];

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
		return strdup("-");
	case JSON_STRING:
		return strdup(json_string_value(value));
	case JSON_TRUE:
		return strdup("yes");
	case JSON_FALSE:
		return strdup("no");
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
		return strdup(number);
	case JSON_REAL:
		snprintf(number, sizeof(number), "%.6g", json_real_value(value));
		return strdup(number);
	default:
		return json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
	}
}

/* Characters, not bytes: the continuation bytes of UTF-8 take no place. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static int column_measure(const struct table *t, size_t column, struct layout *l)
{
	size_t index, width, numbers = 0, others = 0;
	json_t *row, *value;
	char *text;

	l->width = text_width(t->columns[column].title);
	json_array_foreach(t->rows, index, row)
	{
		value = json_object_get(row, t->columns[column].key);
		text = cell_text(value);
		if (!text)
			return -ENOMEM;
		width = text_width(text);
		free(text);
		if (width > l->width)
			l->width = width;
		numbers += json_is_number(value);
		others += value && !json_is_null(value) && !json_is_number(value);
	}
	l->right = numbers && !others;
	return 0;
}

static void pad_print(FILE *out, size_t width)
{
	while (width--)
		fputc(' ', out);
}

static void cell_print(FILE *out, const char *text, const struct layout *l, bool last)
{
	size_t pad = l->width - text_width(text);

	if (l->right)
		pad_print(out, pad);
	fputs(text, out);
	/* No blanks at the end of a line. */
	if (last)
		fputc('\n', out);
	else
		pad_print(out, (l->right ? 0 : pad) + strlen(GAP));
}

int table_print(struct table *t, FILE *out)
{
	struct layout *layouts;
	size_t index;
	json_t *row;
	char *text;
	int ret = 0;

	if (!json_array_size(t->rows))
		return 0;
	layouts = calloc(t->count, sizeof(*layouts));
	if (!layouts)
		return -ENOMEM;
	for (size_t i = 0; i < t->count; i++) {
		ret = column_measure(t, i, &layouts[i]);
		if (ret < 0)
			goto out;
	}
	for (size_t i = 0; i < t->count; i++)
		cell_print(out, t->columns[i].title, &layouts[i], i + 1 == t->count);
	json_array_foreach(t->rows, index, row)
	{
		for (size_t i = 0; i < t->count; i++) {
			text = cell_text(json_object_get(row, t->columns[i].key));
			if (!text) {
				ret = -ENOMEM;
				goto out;
			}
			cell_print(out, text, &layouts[i], i + 1 == t->count);
			free(text);
		}
	}
	if (ferror(out))
		ret = -EIO;
out:
	free(layouts);
	return ret;
}
