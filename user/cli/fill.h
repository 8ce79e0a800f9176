/* SPDX-License-Identifier: BSD-2-Clause */
/* Help that fits a terminal of 80 columns. */
#ifndef CLI_FILL_H
#define CLI_FILL_H

#include <stddef.h>

/* Bytes up to the next blank outside of brackets (a clause stays on one line), or to the line's end. */
size_t fill_word(const char *text);

/*
 * Prints a line of text on standard output, from this column on, as lines that end within 80 columns; further ones begin at indent.
 * Returns the column where it stands then.
 */
unsigned fill_print(const char *text, unsigned column, unsigned indent);

#endif
