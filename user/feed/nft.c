/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of nftables, as `nft list set`, `nft list ruleset` and scripts of nft(8) write them: "elements = { ... }" and "add element FAMILY
 * TABLE SET { ... }". A list may be all on one line, so this goes by words. Sets of other things than addresses (ports, marks), maps and
 * concatenations have no place in a list of sources: the first are passed over, since a ruleset has them beside, the others are faults.
 * What `postern export nft` writes is read as it is meant: the elements of its sets of exceptions are taken out of the others.
 */
#include "feed/reader.h"

#include <string.h>

#define PUNCTUATION "{},;=\"#\n"
/* As user/cli/export_print.c names them. */
#define OUR_TABLE "postern"
#define OUR_HOLES "allowed" /* and 4 or 6 */

struct nft {
	struct feed_reader *r;
	bool is_map;	   /* what is at hand is no set */
	bool skipped;	   /* nor one of addresses */
	bool has_elements; /* "elements" or "element" was said: the next brace opens a list of them */
	bool takes_out;	   /* the command is delete or destroy */
	bool is_ours;	   /* the word before was our table */
	bool is_set;	   /* the word before was "set" */
	bool names_hole;   /* the word before was a set of exceptions of ours */
	bool in_ours;	   /* in the braces of our table */
	bool in_hole;	   /* in those of such a set */
	bool is_hole;	   /* the list of elements at hand is of one */
	unsigned depth;
};

static bool is_word(char c)
{
	return c && !is_blank(c) && !strchr(PUNCTUATION, c);
}

/* The next word or punctuation mark; a text in quotes is one word, a comment none. False at the end. */
static bool token_next(struct feed_reader *r, struct excerpt *out)
{
	while (r->at < r->end) {
		const char *at = r->at, *stop;

		if (is_blank(*at)) {
			r->at++;
			continue;
		}
		if (*at == '#') {
			stop = memchr(at, '\n', (size_t)(r->end - at));
			r->at = stop ? stop : r->end;
			continue;
		}
		*out = (struct excerpt){.at = at, .length = 1};
		if (*at == '"') {
			stop = memchr(at + 1, '"', (size_t)(r->end - at - 1));
			out->length = stop ? (size_t)(stop - at) + 1 : (size_t)(r->end - at);
		} else if (is_word(*at)) {
			while (at + out->length < r->end && is_word(at[out->length]))
				out->length++;
		}
		r->line += *at == '\n';
		r->at += out->length;
		return true;
	}
	return false;
}

/* One element, from its first word on; *last is the mark that ended it: ',' or '}', or 0 at the end of the text. */
static int element_read(struct nft *n, struct excerpt first, char *last)
{
	const char *why = NULL;
	struct excerpt token;
	unsigned place = 0;

	*last = 0;
	while (token_next(n->r, &token)) {
		if (*token.at == ',' || *token.at == '}') {
			*last = *token.at;
			break;
		}
		if (*token.at == '\n')
			continue;
		/* Directly behind the key; later, these may be words of a comment. */
		if (place++ == 0 && excerpt_is(token, "."))
			why = "is a part of a concatenation";
		else if (place == 1 && excerpt_is(token, ":"))
			why = "is a key of a map";
	}
	if (n->skipped)
		return 0;
	if (why)
		return feed_fault(n->r, first, why);
	return n->is_hole ? feed_exclude(n->r, first) : feed_take(n->r, first);
}

/* Behind the brace that opens a list of elements, to the one that ends it. */
static int elements_read(struct nft *n)
{
	struct excerpt token;
	char last = ',';
	int ret = 0;

	while (ret == 0 && last != '}' && token_next(n->r, &token)) {
		if (*token.at == '\n' || *token.at == ',')
			continue;
		if (*token.at == '}')
			return 0;
		ret = element_read(n, token, &last);
	}
	if (ret == 0 && last != '}')
		return feed_refuse(n->r,
				   "ends before its braces are closed: the file is not whole");
	return ret;
}

/* "type ipv4_addr", "typeof ip saddr": to the end of the line. */
static void type_read(struct nft *n)
{
	struct feed_reader *r = n->r;
	struct excerpt token;
	bool is_address = false;

	while (token_next(r, &token) && *token.at != '\n' && *token.at != ';')
		is_address = is_address || excerpt_is(token, "ipv4_addr") ||
			     excerpt_is(token, "ipv6_addr") || excerpt_is(token, "saddr") ||
			     excerpt_is(token, "daddr");
	n->skipped = n->is_map || !is_address;
}

/*
 * As we write it, "add element inet postern allowed4 {", and as nft(8) prints it: "table inet postern { set allowed4 { ... elements = {".
 */
static void hole_look(struct nft *n, struct excerpt token)
{
	bool opens = *token.at == '{';

	if (opens && !n->has_elements) {
		n->in_ours = n->in_ours || (n->is_ours && !n->depth);
		n->in_hole = n->in_hole || n->names_hole;
	}
	n->is_hole = opens && n->has_elements && (n->names_hole || n->in_hole);
	n->names_hole = (n->is_ours || (n->in_ours && n->is_set)) &&
			(excerpt_is(token, OUR_HOLES "4") || excerpt_is(token, OUR_HOLES "6"));
	n->is_set = excerpt_is(token, "set");
	n->is_ours = excerpt_is(token, OUR_TABLE);
}

static int token_read(struct nft *n, struct excerpt token)
{
	hole_look(n, token);
	if (excerpt_is(token, "set")) {
		n->is_map = n->skipped = false;
	} else if (excerpt_is(token, "map")) {
		n->is_map = n->skipped = true;
	} else if (excerpt_is(token, "type") || excerpt_is(token, "typeof")) {
		type_read(n);
	} else if (excerpt_is(token, "delete") || excerpt_is(token, "destroy")) {
		n->takes_out = true;
	} else if (*token.at == '\n' || *token.at == ';') {
		n->takes_out = false;
	} else if (excerpt_is(token, "elements") || excerpt_is(token, "element")) {
		if (n->takes_out)
			return feed_refuse(n->r, "takes elements out of a set: write what is in it "
						 "by `nft list set`");
		n->has_elements = true;
	} else if (*token.at == '{' && n->has_elements) {
		n->has_elements = false;
		return elements_read(n);
	} else if (*token.at == '{') {
		n->depth++;
	} else if (*token.at == '}') {
		if (!n->depth)
			return feed_refuse(n->r, "closes a brace that nobody opened");
		n->depth--;
		/* What was said of a set or chain ends with it. */
		n->is_map = n->skipped = n->has_elements = n->in_hole = false;
		n->in_ours = n->in_ours && n->depth;
	}
	return 0;
}

/* Outside of all braces each line begins with a command of nft's. */
static bool is_command(struct excerpt token)
{
	static const char *const known[] = {"table",   "add",	 "create",  "set",
					    "flush",   "delete", "element", "elements",
					    "destroy", "define", "include"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (excerpt_is(token, known[i]))
			return true;
	return strchr("{};=\n", *token.at);
}

static int nft_whole(struct feed_reader *r)
{
	struct nft n = {.r = r};
	struct excerpt token;
	bool at_start = true;
	int ret = 0;

	r->line = 1;
	while (ret == 0 && token_next(r, &token)) {
		if (at_start && !n.depth && !is_command(token)) {
			const char *stop = memchr(token.at, '\n', (size_t)(r->end - token.at));

			stop = stop ? stop : r->end;
			ret = feed_fault(
				r,
				excerpt_trim((struct excerpt){.at = token.at,
							      .length = (size_t)(stop - token.at)}),
				"is no command of nft's");
			r->at = stop;
			continue;
		}
		at_start = *token.at == '\n' || *token.at == ';' || *token.at == '}';
		ret = token_read(&n, token);
	}
	if (ret == 0 && n.depth)
		return feed_refuse(r, "ends before its braces are closed: the file is not whole");
	return ret;
}

static bool nft_fits(struct excerpt line)
{
	static const char *const starts[] = {
		"table ",     "add table ", "add set ",	 "add element ", "create element ",
		"flush set ", "elements ",  "elements=", "set ",	 "define "};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (excerpt_starts(line, starts[i]))
			return true;
	return false;
}

const struct feed_reading nft_reading = {
	.name = "nft",
	.title = "a set of nftables",
	.fits = nft_fits,
	.whole = nft_whole,
};
