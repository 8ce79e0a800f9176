/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that draw the live screen share. */
#ifndef CLI_TOP_DRAW_H
#define CLI_TOP_DRAW_H

#include <curses.h>

#include "cli/top.h"

#define CELL_MAX 512 /* bytes of a line */

enum colour { COLOUR_PLAIN, COLOUR_STOPPED, COLOUR_WOULD, COLOUR_PASSED, COLOUR_FAULT };

attr_t top_shade(const struct top *t, enum colour c);
/* At (y, x), cut at a word and filled to width columns; to the right if right. */
__attribute__((format(printf, 6, 7))) void top_put(int y, int x, int width, bool right, attr_t attr,
						   const char *format, ...);

/* ---- top_header.c ---- */

/* The first three lines. */
void top_header_draw(const struct top *t, int cols);

#endif
