/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * top: a live screen for whoever is woken at night. It reads the maps once a second, hears events and decisions from a running
 * controller, and works without one, by the maps alone. What takes long, the walk over tables, is done a piece a second. The terminal is left
 * as it was found, whatever signal ends the screen.
 */
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/signals.h"
#include "cli/top.h"
#include "cli/vitals.h"

/* Its macros are common words: behind everything else. */
#include <term.h>

#define REFRESH_MS   1000
#define TABLE_STEP   16384 /* entries a second: some 5 ms */
#define OPEN_ROWS    256   /* sources with the most open connections that become rows */
#define ESC_DELAY_MS 25	   /* an escape key is told from an arrow within it */

static volatile sig_atomic_t top_ended, top_resized;

static void on_end(int number)
{
	(void)number;
	top_ended = 1;
}

static void on_resize(int number)
{
	(void)number;
	top_resized = 1;
}

bool top_is_enforcing(const struct top *t)
{
	return t->measure.enforce_until > now_boot_ns();
}

/* ---- reading ---- */

static void entry_seen(void *context, const struct table_entry *e)
{
	struct top *t = context;

	if (e->table == GATE_TABLE_OPEN && t->opened_count < TOP_OPENED_MAX && e->open)
		t->opened[t->opened_count++] = (struct top_opened){e->prefix, e->open};
	if (!tables_is_live(e, now_boot_ns()))
		return;
	t->counting.rules += e->origin == PN_ORIGIN_OPERATOR;
	t->counting.bans += e->origin == PN_ORIGIN_BAN;
	t->counting.listed += e->table == GATE_TABLE_LISTED && e->origin != PN_ORIGIN_BAN;
	t->counting.known += e->table == GATE_TABLE_KNOWN;
}

static int opened_compare(const void *one, const void *other)
{
	const struct top_opened *a = one, *b = other;

	return a->open < b->open ? 1 : a->open > b->open ? -1 : 0;
}

static void round_end(struct top *t)
{
	qsort(t->opened, t->opened_count, sizeof(*t->opened), opened_compare);
	top_open_clear(&t->live);
	for (unsigned i = 0; i < t->opened_count && i < OPEN_ROWS; i++)
		top_open(&t->live, &t->opened[i].source, t->opened[i].open);
	t->opened_count = 0;
	t->counts = t->counting;
	t->counting = (struct top_counts){0};
	t->counted = true;
}

static void port_find(struct top *t)
{
	const struct pn_port *ports = gate_conf(t->gate)->ports;

	t->port = ports[0].port;
	for (unsigned i = PN_PORTS_MAX; i-- > 0;)
		if (ports[i].port && ports[i].class_ == PN_CLASS_MX)
			t->port = ports[i].port;
}

/* Opened each second anew: a controller may have put new maps in the place of the old. */
static void gate_read(struct top *t)
{
	int r;

	gate_close(t->gate);
	t->gate = NULL;
	r = gate_open(&t->gate, t->cli->conf.instance, &t->gate_why);
	if (r == 0)
		r = measure_gate(t->gate, NULL, &t->measure, &t->gate_why);
	if (r == -ENOENT)
		snprintf(t->gate_why.text, sizeof(t->gate_why.text),
			 "the gate is not loaded (`postern run` or `postern attach IFACE`)");
	if (r) {
		gate_close(t->gate);
		t->gate = NULL;
		t->walk = (struct tables_walk){0};
		t->counting = (struct top_counts){0};
		t->opened_count = 0;
		t->counted = false;
		return;
	}
	t->gate_why = (struct err){0};
	port_find(t);
	top_sample(&t->live, t->measure.counter, t->measure.counter_count, t->measure.now_boot_ns);
	r = tables_step(t->gate, &t->walk, TABLE_STEP, entry_seen, t, NULL);
	if (r == 1)
		round_end(t);
}

static enum pn_reason reason_of(const char *name)
{
	unsigned r = 0;

	while (r < PN_REASONS - 1 && strcmp(reason_name((enum pn_reason)r), name) != 0)
		r++;
	return (enum pn_reason)r;
}

static enum pn_action action_of(const char *name)
{
	unsigned a = PN_HOLD;

	while (a > PN_PASS && strcmp(action_name((enum pn_action)a), name) != 0)
		a--;
	return (enum pn_action)a;
}

/* Takes the reference. */
static int row_heard(void *context, json_t *row)
{
	struct top *t = context;
	char source[TOP_NOTE_MAX], reason[TOP_NOTE_MAX], action[TOP_NOTE_MAX], would[TOP_NOTE_MAX];
	json_int_t more = json_integer_value(json_object_get(row, "suppressed"));
	char note[2 * TOP_NOTE_MAX + 2];
	struct prefix about;
	struct addr addr;

	stream_text(row, "source", source, sizeof(source));
	stream_text(row, "reason", reason, sizeof(reason));
	if (addr_parse(source, &addr, NULL) == 0) {
		top_event(&t->live, &addr, reason_of(reason),
			  action_of(stream_text(row, "action", action, sizeof(action))),
			  action_of(stream_text(row, "would", would, sizeof(would))),
			  more > 0 ? (uint64_t)more : 0, now_boot_ns());
	} else if (prefix_parse(stream_text(row, "prefix", source, sizeof(source)), &about, NULL) ==
		   0) {
		snprintf(note, sizeof(note), "%s: %s",
			 stream_text(row, "what", reason, sizeof(reason)),
			 stream_text(row, "text", action, sizeof(action)));
		top_decision(&t->live, &about, note, now_boot_ns());
	}
	json_decref(row);
	return 0;
}

static void stream_hear(struct top *t)
{
	if (t->stream.fd >= 0 && stream_read(&t->stream, row_heard, t))
		stream_close(&t->stream); /* tried again with the next second */
}

static void everything_read(struct top *t)
{
	gate_read(t);
	json_decref(t->zones);
	vitals_read(t->cli, &t->measure, &t->zones, &t->told_why);
	if (t->stream.fd < 0 && t->measure.controller)
		(void)stream_open(&t->stream, t->cli->conf.instance);
	if (!t->paused)
		t->shown = t->live;
}

/* ---- choosing ---- */

/* The chosen source keeps the selection when its row moves. */
void top_choose(struct top *t, enum top_pane pane)
{
	enum top_order order = pane == TOP_OPEN ? TOP_BY_OPEN : t->order;

	t->list_count = top_list(&t->shown, order, t->filter, pane == TOP_OPEN, t->list);
	for (unsigned i = 0; t->has_chosen && pane == t->focus && i < t->list_count; i++)
		if (prefix_equal(&t->shown.source[t->list[i]].source, &t->chosen))
			t->selected[pane] = i;
	if (t->selected[pane] >= t->list_count)
		t->selected[pane] = t->list_count ? t->list_count - 1 : 0;
}

/* ---- the terminal ---- */

static const struct signals_row signals[] = {
	{SIGINT, on_end},  {SIGTERM, on_end},	  {SIGHUP, on_end},
	{SIGQUIT, on_end}, {SIGWINCH, on_resize}, {0, NULL},
};

/* Has the terminal this capability, a text? terminfo(3) has two ways of saying no. */
static bool has_text(const char *capability)
{
	const char *text = tigetstr(capability);

	return text && (intptr_t)text != -1;
}

static int terminal_check(const struct cli *cli)
{
	const char *name = getenv("TERM");
	int error = 0;

	if (cli->json)
		return cli_fail(cli, CLI_MISUSED,
				"top is a screen and has no JSON: `postern metrics --json` has the "
				"numbers, `postern watch --json` the events");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_fail(cli, CLI_MISUSED,
				"top needs a terminal: `postern show status` and `postern watch` "
				"print lines");
	if (setupterm(NULL, STDOUT_FILENO, &error) != OK || !has_text("cup"))
		return cli_fail(cli, CLI_MISUSED,
				"the terminal \"%s\" cannot place text on the screen: `TERM=xterm "
				"postern top` if it can after all, else `postern watch`",
				name ? name : "");
	return CLI_DONE;
}

static bool terminal_open(struct top *t)
{
	const char *none = getenv("NO_COLOR"); /* no-color.org */

	setlocale(LC_CTYPE, "");
	t->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!newterm(NULL, stdout, stdin))
		return false;
	set_escdelay(ESC_DELAY_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	t->colour = has_colors() && !(none && *none) && start_color() == OK;
	if (t->colour) {
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
		init_pair(2, COLOR_YELLOW, -1);
		init_pair(3, COLOR_GREEN, -1);
		init_pair(4, COLOR_RED, -1);
	}
	return true;
}

static void terminal_resize(void)
{
	struct winsize size;

	top_resized = 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clear();
}

/* ---- the loop ---- */

/* Until something is to be done: a key, an event, a second that is over, a signal. */
static void wait_for(struct top *t, uint64_t until_ns, const sigset_t *waiting)
{
	struct pollfd on[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			      {.fd = t->stream.fd, .events = POLLIN}};
	uint64_t now = now_boot_ns(), left = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S),
				   .tv_nsec = (long)(left % NS_PER_S)};

	if (top_ended || top_resized)
		return;
	if (ppoll(on, t->stream.fd >= 0 ? 2 : 1, &timeout, waiting) <= 0)
		return;
	/* A terminal that is gone says so, and no signal may come. */
	if (on[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		top_ended = 1;
	if (t->stream.fd >= 0 && on[1].revents)
		stream_hear(t);
}

static void loop_turn(struct top *t, const sigset_t *waiting)
{
	uint64_t next_ns = 0;
	bool is_changed = true;
	int key;

	while (!top_ended) {
		uint64_t now = now_boot_ns();

		if (top_resized) {
			terminal_resize();
			is_changed = true;
		}
		if (now >= next_ns) {
			everything_read(t);
			next_ns = now + REFRESH_MS * NS_PER_MS;
			is_changed = true;
		}
		/* Events are shown with the next second: a flood of them draws no more than that. */
		if (is_changed)
			top_draw(t);
		is_changed = false;
		wait_for(t, next_ns, waiting);
		while (!top_ended && (key = getch()) != ERR) {
			if (!top_key(t, key))
				return;
			is_changed = true;
		}
	}
}

static void top_close(struct top *t)
{
	stream_close(&t->stream);
	gate_close(t->gate);
	json_decref(t->zones);
	free(t);
}

int verb_top(struct cli *cli, const struct sentence *s)
{
	int status = terminal_check(cli);
	struct top *t;
	sigset_t waiting;

	(void)s;
	if (status)
		return status;
	t = calloc(1, sizeof(*t));
	if (!t)
		return cli_fail(cli, CLI_FAILED, "out of memory");
	t->cli = cli;
	t->stream.fd = -1;
	t->focus = TOP_SOURCES;
	signals_hear(signals, &waiting);
	if (!terminal_open(t)) {
		top_close(t);
		return cli_fail(cli, CLI_FAILED, "the terminal cannot be used");
	}
	loop_turn(t, &waiting);
	endwin();
	top_close(t);
	return CLI_DONE;
}
