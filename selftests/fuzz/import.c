/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Postfix configuration of any bytes: what is printed is a configuration that our own reader takes, printable from end to end, and
 * every line for a command is one that the command would take; what is wanted of who has rights may be read.
 *
 * An input is parted by lines of "%": postconf -x, -n, -P -x, -M, and a table that every question and every file is answered with.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/import.h"
#include "cli/sentence.h"
#include "fuzz/fuzz.h"

#define PARTS	      5
#define PATH_TEXT_MAX 32
#define WORDS_MAX     256
#define LINE_SYNTAX   "PREFIX [with drop|refuse|reply] [because TEXT]"

/* As in selftests/fuzz/conf.c: libconfig forgets its scanner when a syntax error comes. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

static void parts_cut(char *text, char *part[static PARTS])
{
	for (unsigned i = 0; i < PARTS; i++) {
		char *end = text ? strstr(text, "%\n") : NULL;

		part[i] = text;
		if (end)
			*end = '\0';
		text = end ? end + 2 : NULL;
	}
}

static struct import_piece piece_of(char *text)
{
	return (struct import_piece){.bytes = text, .length = text ? strlen(text) : 0};
}

static void conf_check(const char *text, size_t size)
{
	char path[PATH_TEXT_MAX];
	struct conf *c = calloc(1, sizeof(*c));
	struct err e = {0};
	int fd = memfd_create("conf", MFD_CLOEXEC);

	HOLDS(c && fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0);
	HOLDS(write(fd, text, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (conf_read(path, c, &e) < 0) {
		fprintf(stderr, "%s\n%s", e.text, text);
		HOLDS(!"what is printed can be read");
	}
	close(fd);
	free(c);
}

static void rule_check(const char *line)
{
	char *copy = strdup(line), *rest = NULL;
	const char *words[WORDS_MAX];
	struct sentence s;
	struct prefix p;
	unsigned count = 0;

	for (char *word = strtok_r(copy, " \t", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		words[count++] = word;
	HOLDS(sentence_parse(LINE_SYNTAX, words, count, &s, NULL) == 0);
	HOLDS(prefix_parse(s.word[0], &p, NULL) == 0);
	free(copy);
}

static void rows_check(const struct import_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct import_row *row = &rows->row[i];

		HOLDS(is_printable(row->value) && is_printable(row->from) &&
		      is_printable(row->why));
		HOLDS(row->fate != IMPORT_LEFT || row->why[0]);
		if (row->fate == IMPORT_CARRIED &&
		    (!strcmp(row->key, "block") || !strcmp(row->key, "allow") ||
		     !strcmp(row->key, "trust")))
			rule_check(row->value);
	}
}

static void answers_fill(struct import_source *s, char *table)
{
	struct import_want *list = calloc(IMPORT_WANTS_MAX, sizeof(*list));
	unsigned count;

	HOLDS(list);
	count = import_wants(s, list);
	HOLDS(count <= IMPORT_WANTS_MAX);
	for (unsigned i = 0; i < count; i++) {
		HOLDS(import_want_check(&list[i]) && is_printable(list[i].spec) &&
		      is_printable(list[i].key));
		s->answer[i].want = list[i];
		s->answer[i].said = piece_of(table);
	}
	s->answer_count = count;
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_source *s = calloc(1, sizeof(*s));
	char *input = text_of(data, size), *part[PARTS], *text = NULL, *json = NULL;
	size_t text_size = 0, json_size = 0;
	struct import_rows rows;
	FILE *out;

	parts_cut(input, part);
	HOLDS(s);
	s->all = piece_of(part[0]);
	s->own = piece_of(part[1]);
	s->services = piece_of(part[2]);
	s->master = piece_of(part[3]);
	answers_fill(s, part[4]);
	HOLDS(import_rows_new(&rows, NULL) == 0);
	HOLDS(import_convert(s, &rows) == 0);
	rows_check(&rows);
	out = open_memstream(&text, &text_size);
	import_print(s, &rows, out);
	fclose(out);
	conf_check(text, text_size);
	out = open_memstream(&json, &json_size);
	HOLDS(import_print_json(&rows, out) == 0);
	fclose(out);
	import_rows_free(&rows);
	free(text);
	free(json);
	free(input);
	free(s);
	return 0;
}
