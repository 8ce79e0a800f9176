/* SPDX-License-Identifier: BSD-2-Clause */
/* What fits a terminal of 80 columns: help, and facts about something. */
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

/*
 * Prints lines on standard output: a heading without blanks before it, and facts, each with a label of two blanks and nine columns; what goes
 * on stands below what it goes on from. A single word may be longer, and so may a command that is proposed.
 */
void fill_facts(const char *text);

#endif
