/* SPDX-License-Identifier: BSD-2-Clause */
/* What a table of rows looks like to a person. */
#include "base/table.h"

#include "tap.h"

static const struct column columns[] = {
	{"prefix", "PREFIX"}, {"open", "OPEN"}, {"because", "BECAUSE"}};

/* The printed table of the rows up to the first NULL, malloc'd. */
static char *print(json_t **rows)
{
	struct table *t = table_new(columns, 3);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	EXPECT(t && out, "out of memory");
	for (; *rows; rows++)
		EXPECT(table_add(t, *rows) == 0, "table_add");
	EXPECT(table_print(t, out) == 0, "table_print");
	fclose(out);
	table_free(t);
	return text;
}

TEST(strings_stand_left_and_numbers_right)
{
	char *text = print((json_t *[]){
		json_pack("{s:s, s:i, s:s}", "prefix", "192.0.2.0/24", "open", 7, "because",
			  "spam"),
		json_pack("{s:s, s:i, s:s}", "prefix", "::1", "open", 12345, "because", "a b"),
		NULL,
	});

	EXPECT(!strcmp(text, "PREFIX         OPEN  BECAUSE\n"
			     "192.0.2.0/24      7  spam\n"
			     "::1           12345  a b\n"),
	       "got\n%s", text);
	free(text);
}

TEST(what_is_null_or_missing_is_a_dash)
{
	char *text = print((json_t *[]){
		json_pack("{s:s, s:n, s:n}", "prefix", "::1", "open", "because"),
		json_pack("{s:s, s:i}", "prefix", "::2", "open", 10),
		NULL,
	});

	EXPECT(!strcmp(text, "PREFIX  OPEN  BECAUSE\n"
			     "::1        -  -\n"
			     "::2       10  -\n"),
	       "got\n%s", text);
	free(text);
}

TEST(a_column_of_numbers_and_words_stands_left)
{
	char *text = print((json_t *[]){
		json_pack("{s:s, s:s, s:b}", "prefix", "::1", "open", "many", "because", 1),
		json_pack("{s:s, s:i, s:[i,i]}", "prefix", "::2", "open", 10, "because", 1, 2),
		NULL,
	});

	EXPECT(!strcmp(text, "PREFIX  OPEN  BECAUSE\n"
			     "::1     many  yes\n"
			     "::2     10    [1,2]\n"),
	       "got\n%s", text);
	free(text);
}

TEST(width_counts_characters_not_bytes)
{
	char *text = print((json_t *[]){
		json_pack("{s:s, s:i, s:s}", "prefix", "\xc3\xa4\xc3\xb6\xc3\xbc-1234", "open", 1,
			  "because", "x"),
		NULL,
	});

	EXPECT(!strcmp(text, "PREFIX    OPEN  BECAUSE\n"
			     "\xc3\xa4\xc3\xb6\xc3\xbc-1234     1  x\n"),
	       "got\n%s", text);
	free(text);
}

TEST(no_rows_print_nothing)
{
	char *text = print((json_t *[]){NULL});

	EXPECT(text && !text[0], "got\n%s", text);
	free(text);
}

TEST(a_row_that_could_not_be_made_is_an_error)
{
	struct table *t = table_new(columns, 3);

	EXPECT(table_add(t, NULL) < 0, "a NULL row was taken");
	table_free(t);
	table_free(NULL);
}

TEST(a_full_disk_is_an_error)
{
	struct table *t = table_new(columns, 3);
	FILE *full = fopen("/dev/full", "w");

	ENSURE(t && full, "/dev/full");
	setvbuf(full, NULL, _IONBF, 0);
	table_add(t, json_pack("{s:s}", "prefix", "::1"));
	EXPECT(table_print(t, full) < 0, "nothing was said");
	table_free(t);
	fclose(full);
}
