/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of the formats share: the text, what was taken from it, and how a line that will not do is told. Private to user/feed. */
#ifndef FEED_READER_H
#define FEED_READER_H

#include "feed/feed.h"
#include "feed/ranges.h"

/* An excerpt of the text. */
struct excerpt {
	const char *at;
	size_t length;
};

struct feed_reader {
	const char *at, *end;
	uint32_t line; /* of what is read now, from 1 */
	enum feed_format format;
	struct feed_report *report;
	struct feed_ranges in, out; /* entries, and what is taken out of them */
	uint64_t seen;		    /* lines or elements that should have had an entry */
	uint64_t seen_before;	    /* of these, up to the last line that said how many there are */
	bool lacks_end;		    /* such a line must come yet */
	struct err *e;
};

struct feed_reading {
	const char *name, *title; /* title: "a list", for sentences */
	/* Can only a line of this format begin so? The line is without blanks at its ends, and not empty. */
	bool (*fits)(struct excerpt line);
	/* A line, without blanks at its ends, not empty and no comment. 0, or -errno: then the file is refused. NULL: whole reads all. */
	int (*line)(struct feed_reader *r, struct excerpt line);
	int (*whole)(struct feed_reader *r);
	/* Behind the last line: is anything missing? 0, or -errno as for line. NULL: nothing can be. */
	int (*end)(struct feed_reader *r);
};

extern const struct feed_reading list_reading, ndjson_reading, ipset_reading, nft_reading,
	rbldnsd_reading;

/* ---- what was found (feed.c): each 0, or -errno: the file is refused, and r->e says why ---- */

/* An address, prefix or range. */
int feed_take(struct feed_reader *r, struct excerpt text);
/* What of the others it covers is not in the list. */
int feed_exclude(struct feed_reader *r, struct excerpt text);
int feed_take_range(struct feed_reader *r, const struct feed_range *range, struct excerpt shown,
		    bool excluded);
/* This line or element will not do. */
int feed_fault(struct feed_reader *r, struct excerpt line, const char *why);
/* This file will not do. Returns -EBADMSG. */
__attribute__((format(printf, 2, 3))) int feed_refuse(struct feed_reader *r, const char *format,
						      ...);

/* ---- excerpts of the text (excerpt.c) ---- */

bool is_blank(char c); /* space, tab, carriage return, form feed, vertical tab */
struct excerpt excerpt_trim(struct excerpt p);
/* The first word of *p, which then begins behind it and the blanks; length 0: there is none. */
struct excerpt excerpt_word(struct excerpt *p);
bool excerpt_is(struct excerpt p, const char *text);
bool excerpt_starts(struct excerpt p, const char *text);
/* Escaped, in quotes' width. Returns buffer. */
#define EXCERPT_SHOWN_MAX 56
const char *excerpt_shown(struct excerpt p, char buffer[static EXCERPT_SHOWN_MAX]);
/* # or ; or // at its start. */
bool excerpt_is_comment(struct excerpt p);

/*
 * "ADDR", "ADDR/LENGTH", "ADDR-ADDR", and of IPv4 "1.2.3.4-9". 0, -EINVAL with why (a part of a sentence), or -EAFNOSUPPORT: an
 * IPv4-mapped address.
 */
int excerpt_range(struct excerpt p, struct feed_range *out, const char **why);
/* What no feed may block: the reason, or NULL. */
const char *range_forbidden(const struct feed_range *r);

#endif
