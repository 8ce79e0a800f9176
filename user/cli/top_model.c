/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates and sources of the live screen: see top_model.h. */
#include "cli/top_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"

/* ---- rates ---- */

static void reason_rates(struct top_reason *r, const struct top_model *m)
{
	uint64_t sum = 0, span_ms = 0;

	for (unsigned i = 0; i < m->samples; i++) {
		sum += r->history[i];
		span_ms += m->span_ms[i];
	}
	r->now = m->samples && m->span_ms[0] ? (double)r->history[0] * MS_PER_S / m->span_ms[0] : 0;
	r->minute = span_ms ? (double)sum * MS_PER_S / (double)span_ms : 0;
}

void top_sample(struct top_model *m, const struct counter *counters, unsigned count,
		uint64_t now_ns)
{
	uint64_t packets[PN_REASONS] = {0}, would[PN_REASONS] = {0};
	uint64_t span_ms = m->sampled_ns ? (now_ns - m->sampled_ns) / NS_PER_MS : 0;
	bool is_first = !m->sampled_ns;

	for (unsigned i = 0; i < count; i++) {
		packets[i % PN_REASONS] += counters[i].sum.packets;
		would[i % PN_REASONS] += counters[i].sum.would;
	}
	if (!is_first) {
		memmove(m->span_ms + 1, m->span_ms, sizeof(m->span_ms) - sizeof(m->span_ms[0]));
		m->span_ms[0] = span_ms < UINT32_MAX ? (uint32_t)span_ms : UINT32_MAX;
		m->samples += m->samples < TOP_HISTORY;
	}
	for (unsigned i = 0; i < PN_REASONS; i++) {
		struct top_reason *r = &m->reason[i];
		uint64_t before = r->packets + r->would, after = packets[i] + would[i];
		uint64_t grown = after >= before ? after - before : after;

		r->packets = packets[i];
		r->would = would[i];
		if (is_first)
			continue;
		memmove(r->history + 1, r->history, sizeof(r->history) - sizeof(r->history[0]));
		r->history[0] = grown < UINT32_MAX ? (uint32_t)grown : UINT32_MAX;
		reason_rates(r, m);
	}
	m->sampled_ns = now_ns;
}

unsigned top_reasons(const struct top_model *m, bool by_rate, unsigned list[static PN_REASONS])
{
	unsigned count = 0;

	for (unsigned i = 0; i < PN_REASONS; i++) {
		const struct top_reason *r = &m->reason[i];
		unsigned at = count;

		if (!r->packets && !r->would)
			continue;
		/* A minute's rate, so that rows do not jump each second. */
		for (; by_rate && at && m->reason[list[at - 1]].minute < r->minute; at--)
			list[at] = list[at - 1];
		list[at] = i;
		count++;
	}
	return count;
}

/* ---- sources ---- */

static struct top_source *source_find(struct top_model *m, const struct prefix *p)
{
	for (unsigned i = 0; i < m->sources; i++)
		if (prefix_equal(&m->source[i].source, p))
			return &m->source[i];
	return NULL;
}

static uint64_t last_ns(const struct top_source *s)
{
	return s->seen_ns > s->noted_ns ? s->seen_ns : s->noted_ns;
}

/* Its row, made if there is none, in the place of the one that was seen least of late if there is no room. */
static struct top_source *source_get(struct top_model *m, const struct prefix *p)
{
	struct top_source *s = source_find(m, p);

	if (s)
		return s;
	if (m->sources < TOP_SOURCES_MAX) {
		s = &m->source[m->sources++];
	} else {
		s = &m->source[0];
		for (unsigned i = 1; i < m->sources; i++)
			if (last_ns(&m->source[i]) < last_ns(s))
				s = &m->source[i];
	}
	*s = (struct top_source){.source = *p, .addr = p->addr};
	return s;
}

void top_event(struct top_model *m, const struct addr *source, enum pn_reason reason,
	       enum pn_action action, enum pn_action would, uint64_t suppressed, uint64_t now_ns)
{
	struct prefix p =
		prefix_of(source, addr_is_v4(source) ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6);
	struct top_source *s = source_get(m, &p);

	s->addr = *source;
	s->events += 1 + suppressed;
	s->seen_ns = now_ns;
	s->reason = reason;
	s->action = action;
	s->would = would;
}

void top_decision(struct top_model *m, const struct prefix *about, const char *note,
		  uint64_t now_ns)
{
	uint8_t bits = prefix_is_v4(about) ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6;
	struct prefix source = prefix_of(&about->addr, bits);

	if (about->bits >= bits)
		(void)source_get(m, &source);
	for (unsigned i = 0; i < m->sources; i++) {
		struct top_source *s = &m->source[i];

		if (!prefix_covers(about, &s->source) && !prefix_covers(&s->source, about))
			continue;
		snprintf(s->note, sizeof(s->note), "%s", note);
		s->noted_ns = now_ns;
	}
}

void top_open_clear(struct top_model *m)
{
	for (unsigned i = 0; i < m->sources; i++)
		m->source[i].open = 0;
}

void top_open(struct top_model *m, const struct prefix *source, uint32_t open)
{
	source_get(m, source)->open = open;
}

/* ---- lists ---- */

const char *top_order_name(enum top_order o)
{
	static const char *const names[TOP_ORDERS] = {
		[TOP_BY_TIME] = "the latest first",
		[TOP_BY_EVENTS] = "the busiest first",
		[TOP_BY_OPEN] = "most connections first",
		[TOP_BY_SOURCE] = "by address",
	};

	return o < TOP_ORDERS ? names[o] : "";
}

static bool is_let_through(const struct top_source *s, const char *filter, bool only_open)
{
	char text[PREFIX_TEXT_MAX];

	if (only_open ? !s->open : !s->open && !s->seen_ns && !s->note[0])
		return false;
	return !*filter || strstr(prefix_format(&s->source, text), filter) ||
	       (s->seen_ns && strstr(reason_name(s->reason), filter)) || strstr(s->note, filter);
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

struct sorting {
	const struct top_model *m;
	enum top_order order;
};

static int source_compare(const void *one, const void *other, void *context)
{
	const struct sorting *k = context;
	const struct top_source *a = &k->m->source[*(const unsigned *)one];
	const struct top_source *b = &k->m->source[*(const unsigned *)other];
	int by = 0;

	if (k->order == TOP_BY_TIME)
		by = compare(last_ns(a), last_ns(b));
	else if (k->order == TOP_BY_EVENTS)
		by = compare(a->events, b->events);
	else if (k->order == TOP_BY_OPEN)
		by = compare(a->open, b->open);
	if (!by && k->order == TOP_BY_OPEN)
		by = compare(a->events, b->events);
	/* What is equal stays where it was a second ago. */
	return by ? by : memcmp(&a->source, &b->source, sizeof(a->source));
}

unsigned top_list(const struct top_model *m, enum top_order order, const char *filter,
		  bool only_open, unsigned list[static TOP_SOURCES_MAX])
{
	struct sorting k = {m, order};
	unsigned count = 0;

	for (unsigned i = 0; i < m->sources; i++)
		if (is_let_through(&m->source[i], filter, only_open))
			list[count++] = i;
	qsort_r(list, count, sizeof(*list), source_compare, &k);
	return count;
}

/* ---- texts ---- */

const char *top_number(double value, char buffer[static TOP_NUMBER_MAX])
{
	static const char units[] = {0, 'k', 'M', 'G', 'T', 'P'};
	unsigned unit = 0;
	bool is_whole = value == (double)(uint64_t)value;

	/* 999.5 is written 1000, which has a unit of its own. */
	while (value >= 999.5 && unit + 1 < sizeof(units)) {
		value /= 1000;
		unit++;
	}
	if (unit == 0 && is_whole)
		snprintf(buffer, TOP_NUMBER_MAX, "%.0f", value);
	else if (unit == 0 && value < 0.05)
		snprintf(buffer, TOP_NUMBER_MAX, "0");
	else if (value < 9.95)
		snprintf(buffer, TOP_NUMBER_MAX, "%.1f%s", value, (char[]){units[unit], 0});
	else
		snprintf(buffer, TOP_NUMBER_MAX, "%.0f%s", value, (char[]){units[unit], 0});
	return buffer;
}

const char *top_age(uint64_t seconds, char buffer[static TOP_NUMBER_MAX])
{
	if (seconds < 2 * MINUTE_S)
		snprintf(buffer, TOP_NUMBER_MAX, "%us", (unsigned)seconds);
	else if (seconds < 2 * HOUR_S)
		snprintf(buffer, TOP_NUMBER_MAX, "%um", (unsigned)(seconds / MINUTE_S));
	else if (seconds < 2 * DAY_S)
		snprintf(buffer, TOP_NUMBER_MAX, "%uh", (unsigned)(seconds / HOUR_S));
	else
		snprintf(buffer, TOP_NUMBER_MAX, "%ud", (unsigned)(seconds / DAY_S) % 10000);
	return buffer;
}

const char *top_bars(const uint32_t *history, unsigned samples, unsigned width, bool utf8,
		     char *buffer, size_t size)
{
	static const char *const blocks[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const signs[] = {".", ":", "-", "=", "+", "*", "x", "#", "@"};
	const char *const *levels = utf8 ? blocks : signs;
	enum { HIGHEST = sizeof(blocks) / sizeof(blocks[0]) - 1 };
	uint32_t most = 0;
	size_t at = 0;

	if (width > TOP_HISTORY)
		width = TOP_HISTORY;
	for (unsigned i = 0; i < width; i++)
		if (history[i] > most)
			most = history[i];
	buffer[0] = '\0';
	for (unsigned i = width; i-- > 0;) {
		/* What is not nothing is seen. */
		uint64_t level = history[i] ? 1 + (uint64_t)history[i] * (HIGHEST - 1) / most : 0;
		const char *sign = i < samples ? levels[level] : " ";

		if (at + strlen(sign) >= size)
			break;
		at += (size_t)snprintf(buffer + at, size - at, "%s", sign);
	}
	return buffer;
}

const char *top_join(const char *const *pieces, unsigned count, unsigned width, char *buffer,
		     size_t size)
{
	size_t at = 0;

	buffer[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		size_t gap = at ? 2 : 0, length = pieces[i] ? strlen(pieces[i]) : 0;

		if (!length || at + gap + length > width || at + gap + length >= size)
			continue;
		snprintf(buffer + at, size - at, "%*s%s", (int)gap, "", pieces[i]);
		at += gap + length;
	}
	return buffer;
}

static bool is_continued(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80; /* UTF-8: not the first byte of a character */
}

/* Bytes of text that fill at most width columns, up to the line's end; at a blank if there is one. */
static size_t line_break(const char *text, unsigned width)
{
	size_t at = 0, blank = 0;
	unsigned columns = 0;

	while (text[at] && text[at] != '\n') {
		if (!is_continued(text[at]) && columns++ == width)
			return blank ? blank : at;
		if (text[at] == ' ' && at)
			blank = at;
		at++;
	}
	return at;
}

const char *top_line(const char *text, unsigned n, unsigned width, size_t *length)
{
	while (*text) {
		*length = line_break(text, width ? width : 1);
		if (n-- == 0)
			return text;
		text += *length;
		/* The blank that it was broken at, or the line feed. */
		text += *text == ' ' || *text == '\n';
	}
	return NULL;
}
