/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the live screen shows, without a screen: rates out of counters that were read again and again, sources out of events, their order, and
 * which of them a filter lets through; and how all of it is laid out in so many rows and columns. Pure.
 */
#ifndef CLI_TOP_MODEL_H
#define CLI_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "kern/maps.h"

#define TOP_HISTORY	60   /* samples, of a second each: a minute */
#define TOP_SOURCES_MAX 1024 /* beyond it the one that was not seen for longest is forgotten */
#define TOP_NOTE_MAX	80   /* of the last decision about a source */
#define TOP_FILTER_MAX	40
#define TOP_NUMBER_MAX	8 /* "1234.5k" */

/* ---- rates ---- */

struct top_reason {
	uint64_t packets, would;       /* total, of all classes */
	double now, minute;	       /* both together, a second */
	uint32_t history[TOP_HISTORY]; /* of each sample, the latest first */
};

/* ---- sources ---- */

struct top_source {
	struct prefix source; /* IPv4 address or IPv6 /64 */
	struct addr addr;     /* the last that was seen in it */
	uint64_t events;      /* those that were not told one by one too */
	uint64_t seen_ns;     /* boot time of the last event; 0: none was told */
	uint64_t noted_ns;    /* of the last decision; 0: none */
	enum pn_reason reason;
	enum pn_action action, would;
	uint32_t open;
	char note[TOP_NOTE_MAX]; /* "": nothing was decided about it */
};

enum top_order { TOP_BY_TIME, TOP_BY_EVENTS, TOP_BY_OPEN, TOP_BY_SOURCE, TOP_ORDERS };
const char *top_order_name(enum top_order o);

struct top_model {
	struct top_reason reason[PN_REASONS];
	uint32_t span_ms[TOP_HISTORY]; /* how long each sample was */
	unsigned samples;	       /* of them there are */
	uint64_t sampled_ns;	       /* 0: never */
	struct top_source source[TOP_SOURCES_MAX];
	unsigned sources;
};

/*
 * Counters as counters_each() gives them: PN_REASONS of each class. What is less than before begins anew: the gate has other maps. The first
 * sample makes no rate.
 */
void top_sample(struct top_model *m, const struct counter *counters, unsigned count,
		uint64_t now_ns);
void top_event(struct top_model *m, const struct addr *source, enum pn_reason reason,
	       enum pn_action action, enum pn_action would, uint64_t suppressed, uint64_t now_ns);
/* A decision about a source: its note. About a network: the note of each source in it that is there. */
void top_decision(struct top_model *m, const struct prefix *about, const char *note,
		  uint64_t now_ns);
/* All counts of open connections are taken back, before they are told anew. */
void top_open_clear(struct top_model *m);
void top_open(struct top_model *m, const struct prefix *source, uint32_t open);

/*
 * Which sources a filter lets through (a part of the address, of the reason's name or of the note; "": all), in order. Numbers of sources
 * into list; how many, at most TOP_SOURCES_MAX. only_open: those with open connections alone.
 */
unsigned top_list(const struct top_model *m, enum top_order order, const char *filter,
		  bool only_open, unsigned list[static TOP_SOURCES_MAX]);

/* Reasons that have counted anything, as they are judged, or the fastest first. How many. */
unsigned top_reasons(const struct top_model *m, bool by_rate, unsigned list[static PN_REASONS]);

/* ---- texts ---- */

/* "0", "0.3", "12", "3.4k", "1.2M": three digits that mean something. Returns buffer. */
const char *top_number(double value, char buffer[static TOP_NUMBER_MAX]);
/* "4s", "3m", "2h", "9d". Returns buffer. */
const char *top_age(uint64_t seconds, char buffer[static TOP_NUMBER_MAX]);
/*
 * A history as bars, the latest at the right, scaled to its own highest: width columns, of eighths of a block where utf8, else
 * of ASCII. samples: how many there are; left of them it is blank. size: bytes of buffer, 3 for a column and one. Returns buffer.
 */
const char *top_bars(const uint32_t *history, unsigned samples, unsigned width, bool utf8,
		     char *buffer, size_t size);
/* Pieces side by side with two blanks between, each whole or not at all: the first come first. "" and NULL are left out. */
const char *top_join(const char *const *pieces, unsigned count, unsigned width, char *buffer,
		     size_t size);
/* Of a text that has several lines: where line number n begins when each is broken at width columns; NULL behind the last. */
const char *top_line(const char *text, unsigned n, unsigned width, size_t *length);

/* ---- layout ---- */

#define TOP_ROWS_MIN 24
#define TOP_COLS_MIN 80

enum top_pane { TOP_REASONS, TOP_SOURCES, TOP_ZONES, TOP_OPEN, TOP_FEEDS, TOP_PANES };

struct top_rect {
	int y, x, rows, cols; /* rows 0: not shown */
};

struct top_layout {
	bool fits;
	struct top_rect pane[TOP_PANES];
	int header_rows, footer_y, footer_rows;
};

/* What there is to show, for the places to be shared out. */
struct top_needs {
	unsigned rows[TOP_PANES]; /* lines of each beside its title and head */
	bool present[TOP_PANES];
};

/* focus: the pane that is always shown. */
void top_lay_out(int rows, int cols, const struct top_needs *needs, enum top_pane focus,
		 struct top_layout *out);

#endif
