/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the panes of the live screen stand: see top_model.h. Narrow and low: the reasons, and below them the pane that has the focus. Narrow
 * and high: all, one below the other. Wide: two columns, what the gate does at the left and to whom at the right. Each pane has
 * two lines of its own, title and head, and what is left goes to those that need it, the sources first.
 */
#include <string.h>

#include "cli/top_model.h"

#define HEADER_ROWS	 3
#define FOOTER_ROWS	 3   /* a message, and the keys in two lines */
#define FOOTER_ROWS_WIDE 2   /* or in one */
#define KEYS_WIDE	 118 /* columns that hold all keys */
#define PANE_HEAD	 2
#define COLUMNS_WIDE	 170 /* two panes with a history and a note each */
#define ROWS_HIGH	 38  /* all panes below each other, and none of them only a head */
#define REASONS_LOW_MOST 7   /* of 24 rows */
#define PANE_ROWS_LEAST	 3
#define ROWS_MOST	 1000 /* higher is no screen */
#define GAP		 2    /* columns between two panes */
#define LEFT_PERCENT	 44   /* sources need more room than reasons */

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int wanted(const struct top_needs *needs, enum top_pane p)
{
	int rows = needs->rows[p] < ROWS_MOST ? (int)needs->rows[p] : ROWS_MOST;

	return PANE_HEAD + (rows ? rows : 1);
}

/* Panes below each other in a column; the one named grow takes what nobody else needs. */
static void column_fill(struct top_layout *out, const struct top_needs *needs,
			const enum top_pane *panes, unsigned count, enum top_pane grow, int x,
			int cols, int y, int rows)
{
	int left = rows, floor = PANE_HEAD + PANE_ROWS_LEAST;
	int height[TOP_PANES] = {0};

	/* A few lines each, while there are; then what each needs. */
	for (unsigned i = 0; i < count; i++) {
		height[panes[i]] = least(least(floor, wanted(needs, panes[i])), left);
		left -= height[panes[i]];
	}
	for (unsigned i = 0; i < count; i++) {
		int more = panes[i] == grow
				   ? 0
				   : least(wanted(needs, panes[i]) - height[panes[i]], left / 2);

		height[panes[i]] += more;
		left -= more;
	}
	height[grow] += left;
	for (unsigned i = 0; i < count; i++) {
		if (height[panes[i]] > PANE_HEAD)
			out->pane[panes[i]] = (struct top_rect){y, x, height[panes[i]], cols};
		y += height[panes[i]];
	}
}

static unsigned present(const struct top_needs *needs, const enum top_pane *all, unsigned count,
			enum top_pane *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		if (needs->present[all[i]])
			out[n++] = all[i];
	return n;
}

void top_lay_out(int rows, int cols, const struct top_needs *needs, enum top_pane focus,
		 struct top_layout *out)
{
	static const enum top_pane left[] = {TOP_REASONS, TOP_ZONES, TOP_FEEDS};
	static const enum top_pane right[] = {TOP_SOURCES, TOP_OPEN};
	static const enum top_pane all[] = {TOP_REASONS, TOP_SOURCES, TOP_ZONES, TOP_OPEN,
					    TOP_FEEDS};
	enum top_pane panes[TOP_PANES] = {TOP_REASONS};
	int y = HEADER_ROWS, room, half = cols * LEFT_PERCENT / 100;
	unsigned count;

	memset(out, 0, sizeof(*out));
	out->fits = rows >= TOP_ROWS_MIN && cols >= TOP_COLS_MIN;
	if (!out->fits)
		return;
	out->header_rows = HEADER_ROWS;
	out->footer_rows = cols >= KEYS_WIDE ? FOOTER_ROWS_WIDE : FOOTER_ROWS;
	out->footer_y = rows - out->footer_rows;
	room = out->footer_y - y;
	if (cols >= COLUMNS_WIDE) {
		count = present(needs, left, sizeof(left) / sizeof(*left), panes);
		column_fill(out, needs, panes, count, panes[count - 1], 0, half, y, room);
		count = present(needs, right, sizeof(right) / sizeof(*right), panes);
		column_fill(out, needs, panes, count, TOP_SOURCES, half + GAP, cols - half - GAP, y,
			    room);
		return;
	}
	if (rows >= ROWS_HIGH) {
		count = present(needs, all, sizeof(all) / sizeof(*all), panes);
		column_fill(out, needs, panes, count, TOP_SOURCES, 0, cols, y, room);
		return;
	}
	/* The reasons have a few lines beside any other pane, and all of them when they have the focus. */
	if (focus == TOP_REASONS) {
		out->pane[TOP_REASONS] = (struct top_rect){y, 0, room, cols};
		return;
	}
	out->pane[TOP_REASONS] =
		(struct top_rect){y, 0, least(wanted(needs, TOP_REASONS), REASONS_LOW_MOST), cols};
	y += out->pane[TOP_REASONS].rows;
	out->pane[focus] = (struct top_rect){y, 0, out->footer_y - y, cols};
}
