/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live screen: what its parts share. top.c reads and controls, top_view.c draws, top_act.c runs the verbs that keys stand for, top_model.c
 * knows what there is to show.
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "cli/cli.h"
#include "cli/stream.h"
#include "cli/top_model.h"
#include "daemon/meter_measure.h"

#define TOP_TEXT_MAX	(32 << 10) /* of a window: the longest story of an address has some 10 KB */
#define TOP_LINE_MAX	256	   /* of a message, and of what is typed */
#define TOP_COMMAND_MAX 8	   /* words of a command */

/* What the keys mean now. */
enum top_input {
	TOP_KEYS,
	TOP_TYPING_FILTER,
	TOP_TYPING_TIME,
	TOP_TYPING_REASON,
	TOP_CONFIRM,
	TOP_WINDOW,
};

/* What a round over the tables found. */
struct top_counts {
	uint64_t rules, listed, known, bans;
};

struct top_opened {
	struct prefix source;
	uint32_t open;
};
#define TOP_OPENED_MAX 4096 /* sources with open connections that are looked at */

struct top {
	struct cli *cli;
	struct gate *gate; /* NULL: not loaded, or not readable (gate_why) */
	struct err gate_why, told_why;
	uint16_t port;		/* `why` is asked for this one */
	struct top_model live;	/* what happens */
	struct top_model shown; /* what is on the screen: the same, but while paused */
	bool paused;
	struct measure measure;
	json_t *zones; /* rows, or NULL */
	struct stream stream;
	struct tables_walk walk;
	struct top_counts counts, counting; /* of the last whole round, of this one */
	bool counted;
	struct top_opened opened[TOP_OPENED_MAX];
	unsigned opened_count;

	bool utf8, colour;
	enum top_pane focus;
	unsigned selected[TOP_PANES], first[TOP_PANES]; /* row, and the first that is seen */
	struct prefix chosen; /* the source of the selected row, which others may overtake */
	bool has_chosen;
	enum top_order order;
	bool by_rate;
	char filter[TOP_FILTER_MAX];
	unsigned list[TOP_SOURCES_MAX], list_count; /* of the focused pane, or of the sources */

	enum top_input input;
	char line[TOP_LINE_MAX]; /* what is typed */
	const char *verb;	 /* of the command that is being asked about */
	struct addr addr;	 /* and of whom */
	char source[PREFIX_TEXT_MAX], time[TOP_LINE_MAX], because[TOP_LINE_MAX];
	char message[TOP_LINE_MAX];
	bool is_fault; /* the message is one */
	char title[TOP_LINE_MAX], text[TOP_TEXT_MAX];
	unsigned scroll;
};

/* ---- top.c ---- */

/* Of the shown model: which sources, in which order, the pane has. Sets list and list_count. */
void top_choose(struct top *t, enum top_pane pane);
bool top_is_enforcing(const struct top *t);

/* ---- top_view.c ---- */

/* Draw everything. */
void top_draw(struct top *t);
/* How many lines a window of this screen shows, and how wide they are. */
void top_window_size(int *rows, int *cols);

/* ---- top_act.c ---- */

/*
 * Run a verb as the command line would, in a process of its own: what it says is put into text. Returns its status. Waits for it,
 * half a minute at most.
 */
int top_act(struct cli *cli, const char *verb, const char *const *words, unsigned count, char *text,
	    size_t size);

/* ---- top_keys.c ---- */

/* A key, as ncurses gives it. False: the screen is to be left. */
bool top_key(struct top *t, int key);

#endif
