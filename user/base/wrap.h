/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences as lines of a terminal or of a mail. Nothing is escaped here, and a byte is a column. */
#ifndef BASE_WRAP_H
#define BASE_WRAP_H

#include <stddef.h>
#include <stdio.h>

struct wrap {
	FILE *out;
	unsigned width;
	/* Bytes that stay together, where so many have room; 0: the text ends. NULL: up to the next blank, and to the end of the text. */
	size_t (*word)(const char *text, size_t room);
};

/*
 * Prints the words of a text from this column on, one blank between them; further lines begin at column hang. A word that is longer than a
 * line stays whole. Without a line's end; returns the column where it stands then.
 */
unsigned wrap_print(const struct wrap *w, const char *text, unsigned column, unsigned hang);

#endif
