/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many prefixes on standard input: one a line, each with clauses of its own if it likes, in the grammar of the verb.
 * Empty lines and comments (a word that starts with '#') are skipped. Lines are bounded, and so is their number.
 */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <stdio.h>

#include "base/addr.h"
#include "store/store.h"

#define BATCH_LINE_MAX 1024 /* bytes with the final 0: a prefix, clauses and two texts of 255 */
#define BATCH_RULES_MAX                                                                            \
	1048576 /* four times the default bound of the largest table; 700 MB of rules */

struct batch {
	struct store_rule *rule;
	unsigned *line; /* where each stood, from 1 */
	size_t count, room;
};

/*
 * Turns the words of a line into a rule. 0 or -EINVAL with a sentence. words[0] is the prefix; there is at
 * least one word.
 */
typedef int (*batch_line_fn)(void *context, const char *const *words, unsigned count,
			     struct store_rule *out, struct err *e);

/* Read all of in. 0, or -errno with the line's number in front of the sentence. */
int batch_read(FILE *in, batch_line_fn fn, void *context, struct batch *out, struct err *e);
/* Of the lines with the same prefix keep the first. 0 or -ENOMEM. */
int batch_drop_repeats(struct batch *b, struct err *e);
void batch_free(struct batch *b);

#endif
