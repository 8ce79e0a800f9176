/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drawing the live screen. Every cell is cut to its column, and nothing in the header in the middle of a word: there a piece
 * is whole or left out. Whatever came from outside has been escaped before it got here; texts of the operator's own may be
 * UTF-8, and are shown as such where the terminal can.
 */
#include <curses.h>
#include <stdarg.h>
#include <string.h>

#include "base/when.h"
#include "cli/top_draw.h"

#define WORD_MAX       20 /* what is longer is cut */
#define BARS_MAX       (3 * TOP_HISTORY + 1)
#define NOTE_LEAST     30   /* columns: less than that of a sentence says nothing */
#define RATE_SHORT     1000 /* a limit of four digits or more is shown as a part */
#define ZONES_WIDE     110 /* columns in which a zone may take more of them, and the reason has 30 */
#define ZONE_COLS_WIDE 40
#define ZONE_COLS      26
#define SOURCE_COLS    23 /* "2001:db8:ffff:ffff::/64" */

attr_t top_shade(const struct top *t, enum colour c)
{
	attr_t bold = c == COLOUR_FAULT ? A_BOLD : A_NORMAL;

	return t->colour && c != COLOUR_PLAIN ? bold | (attr_t)COLOR_PAIR(c) : bold;
}

/* Bytes of a text that fill at most width columns. */
static int bytes_of(const char *text, int width)
{
	int at = 0, columns = 0;

	while (text[at] && (((unsigned char)text[at] & 0xc0) == 0x80 || columns++ < width))
		at++;
	return at;
}

/* Where to cut a text that is longer: before a word that would be cut, if it is not the only one of late. */
static int word_end(const char *text, int n)
{
	int at = n;

	while (text[n] && text[n] != ' ' && at > 0 && n - at < WORD_MAX && text[at - 1] != ' ')
		at--;
	return at > 0 && n - at < WORD_MAX ? at : n;
}

void top_put(int y, int x, int width, bool right, attr_t attr, const char *format, ...)
{
	char text[CELL_MAX];
	va_list ap;
	int n, columns = 0;

	if (width <= 0)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	n = word_end(text, bytes_of(text, width));
	for (int i = 0; i < n; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	attrset(attr);
	mvhline(y, x, ' ', width);
	mvaddnstr(y, right ? x + width - columns : x, text, n);
	attrset(A_NORMAL);
}

/* ---- panes ---- */

static void pane_title(const struct top *t, enum top_pane p, const struct top_rect *r,
		       const char *text)
{
	bool has_focus = t->focus == p;

	top_put(r->y, r->x, r->cols, false, has_focus ? A_REVERSE | A_BOLD : A_REVERSE, "%c%s",
		has_focus ? '>' : ' ', text);
}

/* So that the selected row is seen: how many rows there are to draw in. */
static unsigned pane_scroll(struct top *t, enum top_pane p, const struct top_rect *r,
			    unsigned count)
{
	unsigned rows = r->rows > 2 ? (unsigned)r->rows - 2 : 0;

	if (t->selected[p] >= count)
		t->selected[p] = count ? count - 1 : 0;
	if (t->selected[p] < t->first[p])
		t->first[p] = t->selected[p];
	if (rows && t->selected[p] >= t->first[p] + rows)
		t->first[p] = t->selected[p] - rows + 1;
	if (t->first[p] + rows > count)
		t->first[p] = count > rows ? count - rows : 0;
	return rows;
}

static attr_t row_attr(const struct top *t, enum top_pane p, unsigned row, enum colour c)
{
	bool is_selected = t->focus == p && t->selected[p] == row;

	return is_selected ? A_REVERSE : top_shade(t, c);
}

static enum colour reason_colour(const struct top_reason *r, enum pn_reason reason)
{
	switch (reason_fate_of(reason)) {
	case REASON_PASSES:
		return COLOUR_PASSED;
	case REASON_HOLDS:
		return COLOUR_WOULD;
	case REASON_STOPS:
		break;
	}
	return r->would > r->packets ? COLOUR_WOULD : COLOUR_STOPPED;
}

/* "REASON NOW/S 1MIN/S TOTAL WOULD", bars of the last minute, and in what is left the sentence. */
static void reasons_draw(struct top *t, const struct top_rect *r)
{
	static const int at[] = {1, 14, 21, 29, 36, 44};
	char number[TOP_NUMBER_MAX], bars[BARS_MAX];
	int width = r->cols - at[5] - 1 < TOP_HISTORY ? r->cols - at[5] - 1 : TOP_HISTORY;
	int note = at[5] + width + 2;
	unsigned list[PN_REASONS], count = top_reasons(&t->shown, t->by_rate, list), rows;

	pane_title(t, TOP_REASONS, r, t->by_rate ? "reasons, the fastest first" : "reasons");
	top_put(r->y + 1, r->x, r->cols, false, A_BOLD, " %-12s %6s %7s %6s %7s  %s", "REASON",
		"NOW/S", "1MIN/S", "TOTAL", "WOULD", "LAST MINUTE");
	if (!count)
		top_put(r->y + 2, r->x + 1, r->cols - 1, false, A_NORMAL, "%s",
			t->gate ? "nothing has come to a policed port yet" : "-");
	rows = pane_scroll(t, TOP_REASONS, r, count);
	for (unsigned i = t->first[TOP_REASONS]; i < count && i < t->first[TOP_REASONS] + rows;
	     i++) {
		const struct top_reason *k = &t->shown.reason[list[i]];
		attr_t attr = row_attr(t, TOP_REASONS, i, reason_colour(k, list[i]));
		int y = r->y + 2 + (int)(i - t->first[TOP_REASONS]);

		top_put(y, r->x, r->cols, false, attr, " %s", reason_name(list[i]));
		top_put(y, r->x + at[1], 6, true, attr, "%s", top_number(k->now, number));
		top_put(y, r->x + at[2], 7, true, attr, "%s", top_number(k->minute, number));
		top_put(y, r->x + at[3], 6, true, attr, "%s",
			top_number((double)k->packets, number));
		top_put(y, r->x + at[4], 7, true, attr, "%s", top_number((double)k->would, number));
		top_put(y, r->x + at[5] + 1, width, false, attr, "%s",
			top_bars(k->history, t->shown.samples, (unsigned)width, t->utf8, bars,
				 sizeof(bars)));
		if (r->cols - note >= NOTE_LEAST)
			top_put(y, r->x + note, r->cols - note, false, attr, "%s",
				reason_sentence(list[i]));
	}
}

static const char *deed(enum pn_action action, enum pn_action would)
{
	static const char *const done[] = {
		[PN_PASS] = "passed",  [PN_DROP] = "dropped", [PN_REFUSE] = "refused",
		[PN_ALLOW] = "passed", [PN_TRUST] = "passed", [PN_REPLY] = "answered",
		[PN_HOLD] = "held",
	};
	static const char *const only_would[] = {
		[PN_PASS] = "passed",  [PN_DROP] = "(dropped)", [PN_REFUSE] = "(refused)",
		[PN_ALLOW] = "passed", [PN_TRUST] = "passed",	[PN_REPLY] = "(answered)",
		[PN_HOLD] = "(held)",
	};

	if (action == PN_PASS)
		return would <= PN_HOLD ? only_would[would] : "?";
	return action <= PN_HOLD ? done[action] : "?";
}

/* What the kernel says of a row that is seen: looked up now. */
struct fresh {
	char next[16], rate[16];
};

static void fresh_get(const struct top *t, const struct top_source *s, struct fresh *f)
{
	struct rate_entry rate;
	struct pn_why why;

	*f = (struct fresh){"", ""};
	if (!t->gate)
		return;
	if (why_ask(t->gate, &s->addr, t->port, &why, NULL) == 0)
		snprintf(f->next, sizeof(f->next), "%s", action_name(why.action));
	if (rates_get(t->gate, &s->addr, false, &rate, NULL) || !rate.limit)
		return;
	if (rate.limit < RATE_SHORT)
		snprintf(f->rate, sizeof(f->rate), "%u/%u", rate.used, rate.limit);
	else
		snprintf(f->rate, sizeof(f->rate), "%u%%",
			 (unsigned)((uint64_t)rate.used * 100 / rate.limit));
}

static enum colour source_colour(const struct top_source *s)
{
	if (!s->seen_ns)
		return COLOUR_PLAIN;
	if (s->action == PN_HOLD)
		return COLOUR_WOULD;
	if (s->action == PN_PASS)
		return s->would == PN_PASS ? COLOUR_PASSED : COLOUR_WOULD;
	return s->action == PN_DROP || s->action == PN_REFUSE || s->action == PN_REPLY
		       ? COLOUR_STOPPED
		       : COLOUR_PASSED;
}

/* 80 columns: source 23, times 5, age 4, deed 10, reason 12, open 5, rate 7, next 6, and a blank before each. */
static void source_row(const struct top *t, const struct top_rect *r, int y, attr_t attr,
		       const struct top_source *s)
{
	char source[PREFIX_TEXT_MAX], events[TOP_NUMBER_MAX] = "", age[TOP_NUMBER_MAX] = "",
				      line[CELL_MAX];
	char open[TOP_NUMBER_MAX] = "";
	struct fresh f;

	fresh_get(t, s, &f);
	if (s->seen_ns)
		top_number((double)s->events, events);
	if (s->seen_ns || s->noted_ns)
		top_age((now_boot_ns() - (s->seen_ns > s->noted_ns ? s->seen_ns : s->noted_ns)) /
				NS_PER_S,
			age);
	if (s->open)
		top_number(s->open, open);
	snprintf(line, sizeof(line), " %-*s %5s %4s %-10s %-12s %5s %7s %-6s", SOURCE_COLS,
		 prefix_format(&s->source, source), events, age,
		 s->seen_ns ? deed(s->action, s->would) : "",
		 s->seen_ns ? reason_name(s->reason) : "", open, f.rate, f.next);
	top_put(y, r->x, r->cols, false, attr, "%s  %s", line, s->note);
}

/* Low screens show one of these panes: the others are named beside it. */
static void tabs(const struct top *t, const struct top_layout *l, enum top_pane p, char *out,
		 size_t size)
{
	static const char *const names[TOP_PANES] = {"reasons", "sources", "zones", "open",
						     "feeds"};
	size_t at = 0;

	for (enum top_pane other = TOP_SOURCES; other < TOP_PANES; other++) {
		bool is_hidden = other != p && !l->pane[other].rows;

		if (other == TOP_FEEDS && !t->measure.feed_count)
			continue;
		if (other != p && !is_hidden)
			continue;
		at += (size_t)snprintf(out + at, size - at, other == p ? "%s[%s]" : "%s %s ",
				       at ? " " : "", names[other]);
	}
	if (!strchr(out, ' '))
		snprintf(out, size, "%s", names[p]);
}

static void sources_title(const struct top *t, const struct top_layout *l, enum top_pane p,
			  const struct top_rect *r)
{
	char names[CELL_MAX] = "", count[64], by[64], filter[96] = "", text[CELL_MAX];
	const char *pieces[] = {names, count, by, filter};

	tabs(t, l, p, names, sizeof(names));
	snprintf(count, sizeof(count), "| %u shown", t->list_count);
	snprintf(by, sizeof(by), "%s", top_order_name(p == TOP_OPEN ? TOP_BY_OPEN : t->order));
	if (t->filter[0])
		snprintf(filter, sizeof(filter), "only \"%s\"", t->filter);
	top_join(pieces, 4, (unsigned)r->cols - 1, text, sizeof(text));
	pane_title(t, p, r, text);
}

static void sources_draw(struct top *t, const struct top_layout *l, enum top_pane p,
			 const struct top_rect *r)
{
	static const char none[] = "nobody yet: rows come with events, and with open connections";
	unsigned rows;

	top_choose(t, p);
	sources_title(t, l, p, r);
	top_put(r->y + 1, r->x, r->cols, false, A_BOLD,
		" %-*s %5s %4s %-10s %-12s %5s %7s %-6s  %s", SOURCE_COLS, "SOURCE", "TIMES", "AGO",
		"DONE", "REASON", "OPEN", "RATE", "NEXT",
		r->cols > TOP_COLS_MIN + 4 ? "DECIDED" : "");
	if (!t->list_count)
		top_put(r->y + 2, r->x + 1, r->cols - 1, false, A_NORMAL, "%s",
			t->filter[0]	? "nobody whom the filter lets through"
			: p == TOP_OPEN ? "no connection is open"
					: none);
	rows = pane_scroll(t, p, r, t->list_count);
	for (unsigned i = t->first[p]; i < t->list_count && i < t->first[p] + rows; i++) {
		const struct top_source *s = &t->shown.source[t->list[i]];

		source_row(t, r, r->y + 2 + (int)(i - t->first[p]),
			   row_attr(t, p, i, source_colour(s)), s);
	}
}

static const char *count_of(const json_t *row, const char *key, char buffer[static TOP_NUMBER_MAX])
{
	return top_number((double)json_integer_value(json_object_get(row, key)), buffer);
}

static void zones_draw(struct top *t, const struct top_layout *l, const struct top_rect *r)
{
	char asked[TOP_NUMBER_MAX], listed[TOP_NUMBER_MAX], errors[TOP_NUMBER_MAX],
		ms[TOP_NUMBER_MAX];
	unsigned count = (unsigned)json_array_size(t->zones), rows;
	int name = r->cols >= ZONES_WIDE ? ZONE_COLS_WIDE : ZONE_COLS;
	char names[CELL_MAX] = "";

	tabs(t, l, TOP_ZONES, names, sizeof(names));
	pane_title(t, TOP_ZONES, r, names);
	top_put(r->y + 1, r->x, r->cols, false, A_BOLD, " %-*s %-11s %6s %6s %6s %5s  %s", name,
		"ZONE", "STATE", "ASKED", "LISTED", "ERRORS", "MS", "WHY");
	if (!count)
		top_put(r->y + 2, r->x + 1, r->cols - 1, false, A_NORMAL, "%s",
			!t->cli->conf.dnsbl.site_count ? "no lists are configured (dnsbl.sites)"
			: t->measure.controller ? "the controller has not told how the lists do yet"
						: "no controller runs: nobody asks the lists");
	rows = pane_scroll(t, TOP_ZONES, r, count);
	for (unsigned i = t->first[TOP_ZONES]; i < count && i < t->first[TOP_ZONES] + rows; i++) {
		const json_t *row = json_array_get(t->zones, i);
		bool is_good = strcmp(json_text_of(row, "state"), "good") == 0;

		top_put(r->y + 2 + (int)(i - t->first[TOP_ZONES]), r->x, r->cols, false,
			row_attr(t, TOP_ZONES, i, is_good ? COLOUR_PASSED : COLOUR_STOPPED),
			" %-*.*s %-11s %6s %6s %6s %5s  %s", name, name, json_text_of(row, "zone"),
			json_text_of(row, "state"), count_of(row, "asked", asked),
			count_of(row, "listed", listed), count_of(row, "errors", errors),
			count_of(row, "latency_ms", ms), json_text_of(row, "why"));
	}
}

static void feeds_draw(struct top *t, const struct top_layout *l, const struct top_rect *r)
{
	char entries[TOP_NUMBER_MAX], hits[TOP_NUMBER_MAX], age[TOP_NUMBER_MAX],
		names[CELL_MAX] = "";
	unsigned count = t->measure.feed_count, rows;

	tabs(t, l, TOP_FEEDS, names, sizeof(names));
	pane_title(t, TOP_FEEDS, r, names);
	top_put(r->y + 1, r->x, r->cols, false, A_BOLD, " %-32s %7s %7s %5s  %s", "FEED", "ENTRIES",
		"HITS", "AGE", "");
	rows = pane_scroll(t, TOP_FEEDS, r, count);
	for (unsigned i = t->first[TOP_FEEDS]; i < count && i < t->first[TOP_FEEDS] + rows; i++) {
		const struct measure_feed *f = &t->measure.feed[i];
		int64_t old = now_wall_s() - f->loaded_wall_s;

		top_put(r->y + 2 + (int)(i - t->first[TOP_FEEDS]), r->x, r->cols, false,
			row_attr(t, TOP_FEEDS, i, f->held_back ? COLOUR_WOULD : COLOUR_PLAIN),
			" %-32s %7s %7s %5s  %s", f->name, top_number((double)f->entries, entries),
			top_number((double)f->hits, hits),
			f->loaded_wall_s ? top_age(old > 0 ? (uint64_t)old : 0, age) : "never",
			f->held_back ? "a newer file is held back" : "");
	}
}

/* ---- the footer and the window ---- */

static void footer_draw(const struct top *t, const struct top_layout *l, int cols)
{
	static const char look[] = "arrows select  Tab pane  e explain  s sort  / filter  p pause";
	static const char act[] = "b block  a allow  t trust  u unblock  f forget";
	static const char leave[] = "? help  q quit";
	int y = l->footer_y;
	attr_t attr = t->is_fault ? top_shade(t, COLOUR_FAULT) : A_NORMAL;

	switch (t->input) {
	case TOP_TYPING_FILTER:
		top_put(y, 0, cols, false, A_BOLD, " show only: %s_", t->line);
		break;
	case TOP_TYPING_TIME:
		top_put(y, 0, cols, false, A_BOLD, " %s %s for (empty: without an end): %s_",
			t->verb, t->source, t->line);
		break;
	case TOP_TYPING_REASON:
		top_put(y, 0, cols, false, A_BOLD, " %s %s because (may be empty): %s_", t->verb,
			t->source, t->line);
		break;
	case TOP_CONFIRM:
		top_put(y, 0, cols, false, A_BOLD, " %s %s%s%s? y/n", t->verb, t->source,
			t->time[0] ? " for " : "", t->time);
		break;
	default:
		top_put(y, 0, cols, false, attr, " %s", t->message);
		break;
	}
	if (l->footer_rows > 2) {
		top_put(y + 1, 0, cols, false, A_REVERSE, " %s", look);
		top_put(y + 2, 0, cols, false, A_REVERSE, " %s  %s", act, leave);
	} else {
		top_put(y + 1, 0, cols, false, A_REVERSE, " %s  %s  %s", look, act, leave);
	}
}

void top_window_size(int *rows, int *cols)
{
	*rows = LINES - 8;
	*cols = COLS - 2;
}

/* Over the panes, not over header and footer. */
static void window_draw(struct top *t)
{
	int rows, cols, y = 3;
	unsigned lines = 0;
	size_t length;

	top_window_size(&rows, &cols);
	while (top_line(t->text, lines, (unsigned)cols, &length))
		lines++;
	if (t->scroll + (unsigned)rows > lines)
		t->scroll = lines > (unsigned)rows ? lines - (unsigned)rows : 0;
	top_put(y, 0, cols + 2, false, A_REVERSE | A_BOLD, " %s", t->title);
	for (int i = 0; i < rows; i++) {
		const char *line =
			top_line(t->text, t->scroll + (unsigned)i, (unsigned)cols, &length);

		top_put(y + 1 + i, 0, cols + 2, false, A_NORMAL, " %.*s", line ? (int)length : 0,
			line ? line : "");
	}
	top_put(y + 1 + rows, 0, cols + 2, false, A_REVERSE, " %s",
		lines > (unsigned)rows ? "arrows, PgUp, PgDn scroll; any other key closes"
				       : "any key closes");
}

static void small_draw(int rows, int cols)
{
	static const char text[] = "the window is too small: 80 columns and 24 rows are needed";
	size_t length;

	for (int i = 0; i < rows; i++) {
		const char *line =
			top_line(text, (unsigned)i, (unsigned)(cols > 1 ? cols - 1 : 1), &length);

		if (line)
			top_put(i, 0, cols - 1, false, A_NORMAL, "%.*s", (int)length, line);
	}
}

void top_draw(struct top *t)
{
	struct top_needs needs = {.present = {true, true, true, true, t->measure.feed_count > 0}};
	unsigned list[TOP_SOURCES_MAX], reasons[PN_REASONS];
	struct top_layout l;

	needs.rows[TOP_REASONS] = top_reasons(&t->shown, false, reasons);
	needs.rows[TOP_SOURCES] = top_list(&t->shown, t->order, t->filter, false, list);
	needs.rows[TOP_OPEN] = top_list(&t->shown, TOP_BY_OPEN, t->filter, true, list);
	needs.rows[TOP_ZONES] = (unsigned)json_array_size(t->zones);
	needs.rows[TOP_FEEDS] = t->measure.feed_count;
	top_lay_out(LINES, COLS, &needs, t->focus, &l);
	erase();
	if (!l.fits) {
		small_draw(LINES, COLS);
		refresh();
		return;
	}
	top_header_draw(t, COLS);
	if (l.pane[TOP_REASONS].rows)
		reasons_draw(t, &l.pane[TOP_REASONS]);
	if (l.pane[TOP_ZONES].rows)
		zones_draw(t, &l, &l.pane[TOP_ZONES]);
	if (l.pane[TOP_FEEDS].rows)
		feeds_draw(t, &l, &l.pane[TOP_FEEDS]);
	/* The focused one last: its list is what the keys speak of. */
	for (unsigned turn = 0; turn < 2; turn++) {
		if (l.pane[TOP_SOURCES].rows && (t->focus == TOP_SOURCES) == (turn == 1))
			sources_draw(t, &l, TOP_SOURCES, &l.pane[TOP_SOURCES]);
		if (l.pane[TOP_OPEN].rows && (t->focus == TOP_OPEN) == (turn == 1))
			sources_draw(t, &l, TOP_OPEN, &l.pane[TOP_OPEN]);
	}
	footer_draw(t, &l, COLS);
	if (t->input == TOP_WINDOW)
		window_draw(t);
	refresh();
}
