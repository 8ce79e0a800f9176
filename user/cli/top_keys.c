/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keys do on the live screen. A change is typed, shown as a whole, and done when it is confirmed; it is about the source that was
 * chosen, also when others have overtaken its row meanwhile.
 */
#include <curses.h>
#include <string.h>

#include "base/when.h"
#include "cli/top.h"

#define KEY_ESCAPE   27
#define KEY_DELETE   127
#define KEY_WIPE     ('u' & 0x1f) /* Ctrl-U, as in a shell */
#define BLOCK_TIME   "1h"	  /* at 2 a.m. a block without an end is forgotten */
#define PAGE_OVERLAP 1

static const char help[] =
	"Panes (Tab goes from one to the next)\n"
	"  reasons  what decided about packets: a second, on average of the last minute, in total; "
	"WOULD: what enforce mode would have stopped\n"
	"  sources  to whom it happened since this screen is open (TIMES counts those that were "
	"not told one by one too), and who has "
	"connections open. DONE: what was done; in parentheses what enforce mode would have done. "
	"RATE: used of the limit. NEXT: what the "
	"kernel does with its next SYN\n"
	"  zones    how the DNS lists do\n"
	"  open     who has connections open\n"
	"  feeds    the files of addresses that the configuration names, where there are any\n"
	"\n"
	"Keys\n"
	"  arrows, j k, PgUp, PgDn, Home, End   select a row\n"
	"  Tab, Shift-Tab   next pane, pane before\n"
	"  e, Enter   explain: what the kernel does with the source, why, and how that came about "
	"(postern why)\n"
	"  b a t      block, allow or trust the source: asks for how long, why, and then whether "
	"to do it\n"
	"  u          take its block back\n"
	"  f          forget what was decided or measured about it automatically\n"
	"  s          sort by another column\n"
	"  /          show only rows with this in the address, the reason or the decision\n"
	"  p          pause: the screen stands still, the gate does not\n"
	"  q          quit\n"
	"\n"
	"What is read: counters, knobs and the rows that are seen, each second. Tables are counted "
	"16384 entries a second, all in turn, so "
	"that the numbers of rules, listed, known and banned sources and the open connections are "
	"some seconds old when tables are full. "
	"Without a controller there are no events: what is shown then is what the kernel has.\n";

/* ---- what is said ---- */

static void say(struct top *t, bool is_fault, const char *text)
{
	size_t length = strcspn(text, "\n");

	/* Behind the first line there is more: it gets a window. */
	snprintf(t->message, sizeof(t->message), "%.*s", (int)length, text);
	t->is_fault = is_fault;
}

static void window_open(struct top *t, const char *title)
{
	snprintf(t->title, sizeof(t->title), "%s", title);
	t->scroll = 0;
	t->input = TOP_WINDOW;
}

/* Texts of verbs may have what the terminal cannot show: bytes of UTF-8 elsewhere, and no control character anywhere. */
static void text_clean(struct top *t)
{
	for (unsigned char *at = (unsigned char *)t->text; *at; at++)
		if ((*at < ' ' && *at != '\n') || *at == KEY_DELETE || (*at >= 0x80 && !t->utf8))
			*at = '?';
}

/* ---- doing ---- */

static void act(struct top *t, const char *verb, const char *const *words, unsigned count)
{
	size_t length;
	int status;

	say(t, false, "working ...");
	top_draw(t);
	status = top_act(t->cli, verb, words, count, t->text, sizeof(t->text));
	text_clean(t);
	length = strlen(t->text);
	while (length && t->text[length - 1] == '\n')
		t->text[--length] = '\0';
	if (!length)
		snprintf(t->text, sizeof(t->text), "%s: %s", verb, status ? "failed" : "done");
	say(t, status != CLI_DONE, t->text);
	if (strchr(t->text, '\n') || (int)length + 2 > COLS)
		window_open(t, verb);
}

/* Who was acted on stays on the screen, with what was done. */
static void note(struct top *t)
{
	char text[TOP_NOTE_MAX];

	snprintf(text, sizeof(text), "you: %s%s%.*s", t->verb, t->time[0] ? " for " : "",
		 TOP_NOTE_MAX / 2, t->time);
	top_decision(&t->live, &t->chosen, text, now_boot_ns());
	top_decision(&t->shown, &t->chosen, text, now_boot_ns());
}

/* `why` and `forget` take an address: of an IPv6 source the one that was seen last. */
static void act_on_address(struct top *t, const struct addr *a, const char *verb)
{
	char text[ADDR_TEXT_MAX];
	const char *words[] = {addr_format(a, text)};

	act(t, verb, words, 1);
	if (strcmp(verb, "why") == 0) {
		t->message[0] = '\0';
		snprintf(t->source, sizeof(t->source), "%s", text);
		window_open(t, t->source);
	}
}

static void act_as_typed(struct top *t)
{
	const char *words[TOP_COMMAND_MAX];
	unsigned count = 0;

	words[count++] = t->source;
	if (t->time[0]) {
		words[count++] = "for";
		words[count++] = t->time;
	}
	if (t->because[0]) {
		words[count++] = "because";
		words[count++] = t->because;
	}
	t->input = TOP_KEYS;
	act(t, t->verb, words, count);
	if (!t->is_fault)
		note(t);
}

/* ---- choosing ---- */

static bool has_sources(enum top_pane p)
{
	return p == TOP_SOURCES || p == TOP_OPEN;
}

static bool has_chosen(struct top *t)
{
	if (has_sources(t->focus) && t->list_count)
		return true;
	say(t, true, has_sources(t->focus) ? "there is no row" : "choose a source first (Tab)");
	return false;
}

static void choose(struct top *t)
{
	if (!has_sources(t->focus) || !t->list_count)
		return;
	t->chosen = t->shown.source[t->list[t->selected[t->focus]]].source;
	t->has_chosen = true;
}

static unsigned rows_of(const struct top *t)
{
	unsigned list[PN_REASONS];

	switch (t->focus) {
	case TOP_REASONS:
		return top_reasons(&t->shown, t->by_rate, list);
	case TOP_ZONES:
		return (unsigned)json_array_size(t->zones);
	case TOP_FEEDS:
		return t->measure.feed_count;
	default:
		return t->list_count;
	}
}

static void move_by(struct top *t, int by)
{
	unsigned *at = &t->selected[t->focus], count = rows_of(t);

	if (by < 0 && (unsigned)-by > *at)
		*at = 0;
	else
		*at = (unsigned)((int)*at + by);
	if (*at >= count)
		*at = count ? count - 1 : 0;
	choose(t);
}

static void focus_by(struct top *t, unsigned by)
{
	do {
		t->focus = (t->focus + by) % TOP_PANES;
	} while (t->focus == TOP_FEEDS && !t->measure.feed_count);
	t->message[0] = '\0';
	if (!has_sources(t->focus))
		return;
	top_choose(t, t->focus);
}

/* ---- typing ---- */

static void ask(struct top *t, const char *verb, enum top_input input)
{
	const struct top_source *s;

	if (!has_chosen(t))
		return;
	s = &t->shown.source[t->list[t->selected[t->focus]]];
	choose(t);
	prefix_format(&s->source, t->source);
	t->addr = s->addr;
	t->verb = verb;
	t->time[0] = t->because[0] = '\0';
	snprintf(t->line, sizeof(t->line), "%s", strcmp(verb, "block") == 0 ? BLOCK_TIME : "");
	t->input = input;
}

/* Enter: the next question, or what was asked for. */
static void line_done(struct top *t)
{
	struct err e = {0};
	uint64_t seconds;

	switch (t->input) {
	case TOP_TYPING_FILTER:
		snprintf(t->filter, sizeof(t->filter), "%.*s", (int)sizeof(t->filter) - 1, t->line);
		t->input = TOP_KEYS;
		break;
	case TOP_TYPING_TIME:
		if (t->line[0] && duration_parse(t->line, &seconds, &e)) {
			t->input = TOP_KEYS;
			say(t, true, e.text);
			break;
		}
		memcpy(t->time, t->line, sizeof(t->time));
		t->line[0] = '\0';
		t->input = TOP_TYPING_REASON;
		break;
	default:
		memcpy(t->because, t->line, sizeof(t->because));
		t->input = TOP_CONFIRM;
		break;
	}
}

static void line_key(struct top *t, int key)
{
	size_t length = strlen(t->line);
	size_t most = t->input == TOP_TYPING_FILTER ? sizeof(t->filter) - 1 : sizeof(t->line) - 1;

	if (key == KEY_ESCAPE) {
		t->input = TOP_KEYS;
		say(t, false, t->verb ? "nothing was changed" : "");
	} else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		line_done(t);
	} else if (key == KEY_BACKSPACE || key == KEY_DELETE || key == '\b') {
		if (length)
			t->line[length - 1] = '\0';
	} else if (key == KEY_WIPE) {
		t->line[0] = '\0';
	} else if (key >= ' ' && key <= '~' && length < most) {
		t->line[length] = (char)key;
		t->line[length + 1] = '\0';
	}
}

static void window_key(struct top *t, int key)
{
	int rows, cols, by;

	top_window_size(&rows, &cols);
	switch (key) {
	case KEY_UP:
	case 'k':
		by = -1;
		break;
	case KEY_DOWN:
	case 'j':
		by = 1;
		break;
	case KEY_PPAGE:
		by = PAGE_OVERLAP - rows;
		break;
	case KEY_NPAGE:
	case ' ':
		by = rows - PAGE_OVERLAP;
		break;
	default:
		t->input = TOP_KEYS;
		return;
	}
	/* Past the end is mended when it is drawn. */
	t->scroll = by < 0 && (unsigned)-by > t->scroll ? 0 : (unsigned)((int)t->scroll + by);
}

static void sort_next(struct top *t)
{
	if (t->focus == TOP_REASONS) {
		t->by_rate = !t->by_rate;
		return;
	}
	t->order = (t->order + 1) % TOP_ORDERS;
	t->focus = TOP_SOURCES;
}

static void pause_toggle(struct top *t)
{
	t->paused = !t->paused;
	say(t, false, t->paused ? "paused: what is shown is of now; p goes on" : "");
	if (!t->paused)
		t->shown = t->live;
}

/* Keys that go through rows. False: it is none. */
static bool moving_key(struct top *t, int key)
{
	int page = LINES / 2;

	switch (key) {
	case KEY_UP:
	case 'k':
		move_by(t, -1);
		return true;
	case KEY_DOWN:
	case 'j':
		move_by(t, 1);
		return true;
	case KEY_PPAGE:
		move_by(t, -page);
		return true;
	case KEY_NPAGE:
		move_by(t, page);
		return true;
	case KEY_HOME:
		move_by(t, -TOP_SOURCES_MAX);
		return true;
	case KEY_END:
		move_by(t, TOP_SOURCES_MAX);
		return true;
	case '\t':
		focus_by(t, 1);
		return true;
	case KEY_BTAB:
		focus_by(t, TOP_PANES - 1);
		return true;
	default:
		return false;
	}
}

static void doing_key(struct top *t, int key)
{
	static const char *const verbs_of[] = {['b'] = "block", ['a'] = "allow", ['t'] = "trust"};

	switch (key) {
	case 'b':
	case 'a':
	case 't':
		ask(t, verbs_of[key], TOP_TYPING_TIME);
		break;
	case 'u':
		ask(t, "unblock", TOP_CONFIRM);
		break;
	case 'f':
		ask(t, "forget", TOP_CONFIRM);
		break;
	case 'e':
	case '\n':
	case '\r':
	case KEY_ENTER:
		if (has_chosen(t))
			act_on_address(t, &t->shown.source[t->list[t->selected[t->focus]]].addr,
				       "why");
		break;
	case 's':
		sort_next(t);
		break;
	case 'p':
		pause_toggle(t);
		break;
	case '/':
		snprintf(t->line, sizeof(t->line), "%s", t->filter);
		t->verb = NULL;
		t->input = TOP_TYPING_FILTER;
		break;
	case '?':
	case 'h':
		snprintf(t->text, sizeof(t->text), "%s", help);
		window_open(t, "postern top");
		break;
	default:
		break;
	}
}

static void confirm_key(struct top *t, int key)
{
	if (key == 'y' || key == 'Y') {
		if (strcmp(t->verb, "forget") == 0) {
			t->input = TOP_KEYS;
			act_on_address(t, &t->addr, t->verb);
		} else {
			act_as_typed(t);
		}
	} else if (key != KEY_RESIZE) {
		t->input = TOP_KEYS;
		say(t, false, "nothing was changed");
	}
}

bool top_key(struct top *t, int key)
{
	if (key == KEY_RESIZE)
		return true;
	switch (t->input) {
	case TOP_WINDOW:
		window_key(t, key);
		return true;
	case TOP_CONFIRM:
		confirm_key(t, key);
		return true;
	case TOP_KEYS:
		if (key == 'q' || key == 'Q')
			return false;
		if (!moving_key(t, key))
			doing_key(t, key);
		return true;
	default:
		line_key(t, key);
		return true;
	}
}
