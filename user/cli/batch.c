/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole input is read and checked before anything is changed: a fault in the last line changes nothing. */
#include "cli/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sentence.h"

#define BATCH_WORDS_MAX 256 /* a line of single letters is half its bytes; a text has fewer words */
#define BATCH_ROOM_MIN	256

static int batch_grow(struct batch *b, struct err *e)
{
	size_t room = b->room ? 2 * b->room : BATCH_ROOM_MIN;
	void *grown;

	if (b->count == BATCH_RULES_MAX)
		return err_set(e, -E2BIG, "more than %d prefixes", BATCH_RULES_MAX);
	grown = reallocarray(b->rule, room, sizeof(*b->rule));
	if (!grown)
		return err_set(e, -ENOMEM, "out of memory");
	b->rule = grown;
	grown = reallocarray(b->line, room, sizeof(*b->line));
	if (!grown)
		return err_set(e, -ENOMEM, "out of memory");
	b->line = grown;
	b->room = room;
	return 0;
}

/* One line without its end. 1, 0 at the end of the input, or -errno. */
static int line_read(FILE *in, char line[static BATCH_LINE_MAX], struct err *e)
{
	size_t length = 0;
	int c;

	while ((c = getc_unlocked(in)) != EOF && c != '\n') {
		if (c == '\0')
			return err_set(e, -EINVAL, "a zero byte");
		if (length == BATCH_LINE_MAX - 1)
			return err_set(e, -EINVAL, "longer than %d bytes", BATCH_LINE_MAX - 1);
		line[length++] = (char)c;
	}
	if (c == EOF && ferror(in))
		return err_set(e, -EIO, "cannot read standard input");
	if (length && line[length - 1] == '\r')
		length--;
	line[length] = '\0';
	return c != EOF || length ? 1 : 0;
}

/* Words of the line, in place. A comment ends them, unless it stands in a text. How many, or -EINVAL. */
static int line_split(char *line, const char *words[static BATCH_WORDS_MAX], struct err *e)
{
	int count = 0;
	bool in_text = false;
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (word[0] == '#' && !in_text)
			break;
		if (count == BATCH_WORDS_MAX)
			return err_set(e, -EINVAL, "more than %d words", BATCH_WORDS_MAX);
		in_text |= sentence_begins_text(word);
		words[count++] = word;
	}
	return count;
}

static int batch_line(char *line, unsigned number, batch_line_fn fn, void *context,
		      struct batch *out, struct err *e)
{
	const char *words[BATCH_WORDS_MAX];
	int count = line_split(line, words, e), rc;

	if (count <= 0)
		return count;
	if (out->count == out->room) {
		rc = batch_grow(out, e);
		if (rc)
			return rc;
	}
	out->line[out->count] = number;
	rc = fn(context, words, (unsigned)count, &out->rule[out->count], e);
	if (rc == 0)
		out->count++;
	return rc;
}

int batch_read(FILE *in, batch_line_fn fn, void *context, struct batch *out, struct err *e)
{
	char line[BATCH_LINE_MAX];
	unsigned number = 0;
	int rc;

	*out = (struct batch){0};
	do {
		number++;
		rc = line_read(in, line, e);
		if (rc > 0)
			rc = batch_line(line, number, fn, context, out, e) ?: 1;
	} while (rc > 0);
	if (rc < 0) {
		err_prefix(e, "line %u", number);
		batch_free(out);
	}
	return rc;
}

/* ---- repeats ---- */

static int prefix_order(const struct prefix *x, const struct prefix *y)
{
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : (int)x->bits - (int)y->bits;
}

/* A rule of the batch and where it stands. */
struct standing {
	const struct prefix *prefix;
	size_t index;
};

/* Of the same prefix, the earlier line first. */
static int standing_order(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	int order = prefix_order(x->prefix, y->prefix);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

int batch_drop_repeats(struct batch *b, struct err *e)
{
	struct standing *sorted = calloc(b->count + 1, sizeof(*sorted));
	size_t kept = 0;

	if (!sorted)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < b->count; i++)
		sorted[i] = (struct standing){&b->rule[i].prefix, i};
	qsort(sorted, b->count, sizeof(*sorted), standing_order);
	/* A line number of 0 is no line's: it marks the repeats. */
	for (size_t i = 1; i < b->count; i++)
		if (prefix_equal(sorted[i - 1].prefix, sorted[i].prefix))
			b->line[sorted[i].index] = 0;
	free(sorted);
	for (size_t i = 0; i < b->count; i++) {
		if (!b->line[i])
			continue;
		if (kept != i) {
			b->rule[kept] = b->rule[i];
			b->line[kept] = b->line[i];
		}
		kept++;
	}
	b->count = kept;
	return 0;
}

void batch_free(struct batch *b)
{
	free(b->rule);
	free(b->line);
	*b = (struct batch){0};
}
