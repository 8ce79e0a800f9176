/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain lists: an address, prefix or range at the start of each line, and behind it whatever the list's maker had to say: a comment, or
 * more columns. A second address in the second column is not that: then the two are the ends of a range, or a network and its mask, and who
 * took the first alone would block another host.
 */
#include <errno.h>
#include <string.h>

#include "feed/reader.h"

#define QUOTE '"'

static bool is_end(char c)
{
	return is_blank(c) || (c && strchr(",;#|\"", c));
}

/* The first column, without the quotes that tables have; *rest is what comes behind its end. */
static struct excerpt column_first(struct excerpt line, struct excerpt *rest)
{
	struct excerpt column;

	if (line.length && *line.at == QUOTE) {
		line.at++;
		line.length--;
	}
	column = (struct excerpt){.at = line.at};
	while (column.length < line.length && !is_end(line.at[column.length]) &&
	       !(line.length - column.length > 1 && line.at[column.length] == '/' &&
		 line.at[column.length + 1] == '/'))
		column.length++;
	*rest = (struct excerpt){.at = line.at + column.length,
				 .length = line.length - column.length};
	return column;
}

/* Is the next column an address too? */
static bool has_second(struct excerpt rest)
{
	struct feed_range range;
	const char *why;
	struct excerpt second;

	while (rest.length &&
	       (is_blank(*rest.at) || *rest.at == ',' || *rest.at == ';' || *rest.at == QUOTE)) {
		rest.at++;
		rest.length--;
	}
	second = column_first(rest, &rest);
	return memchr(second.at, '.', second.length) && excerpt_range(second, &range, &why) == 0;
}

static bool list_fits(struct excerpt line)
{
	struct feed_range range;
	struct excerpt rest;
	const char *why;

	return excerpt_range(column_first(line, &rest), &range, &why) != -EINVAL;
}

static int list_line(struct feed_reader *r, struct excerpt line)
{
	struct excerpt rest, column = column_first(line, &rest);

	if (!column.length)
		return feed_fault(r, line, "has no address at its start");
	if (rest.length && has_second(rest))
		return feed_fault(r, line,
				  "has two addresses: a range is written ADDR-ADDR, a network "
				  "ADDR/LENGTH");
	return feed_take(r, column);
}

const struct feed_reading list_reading = {
	.name = "list",
	.title = "a plain list",
	.fits = list_fits,
	.line = list_line,
};
