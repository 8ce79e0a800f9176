/* SPDX-License-Identifier: BSD-2-Clause */
/* What the live screen makes of counters and events, in which order, and where it has room for it. */
#include "cli/top_model.h"

#include "base/when.h"
#include "tap.h"

#define COUNTERS (PN_CLASSES * PN_REASONS)

static struct top_model model; /* large */

static struct addr v4(uint8_t last)
{
	return (struct addr){{[10] = 0xff, 0xff, 203, 0, 113, last}};
}

static void sample(enum pn_reason reason, uint64_t mx, uint64_t submission, uint64_t would,
		   uint64_t at_s)
{
	struct counter k[COUNTERS] = {0};

	k[reason].sum.packets = mx;
	k[reason].sum.would = would;
	k[PN_REASONS + reason].sum.packets = submission;
	top_sample(&model, k, COUNTERS, at_s * NS_PER_S);
}

static bool is_about(double a, double b)
{
	return a > b - 0.01 && a < b + 0.01;
}

TEST(a_rate_is_what_was_counted_since_the_last_sample)
{
	const struct top_reason *r = &model.reason[PN_REASON_RATE];

	memset(&model, 0, sizeof(model));
	sample(PN_REASON_RATE, 1000, 0, 0, 10);
	EXPECT(r->packets == 1000 && is_about(r->now, 0) && !model.samples,
	       "what was counted before is no rate");
	sample(PN_REASON_RATE, 1010, 5, 5, 12);
	EXPECT(is_about(r->now, 10), "20 in 2 s, of both classes and with those that would be: %g",
	       r->now);
	EXPECT(r->packets == 1015 && r->would == 5, "totals");
	sample(PN_REASON_RATE, 1010, 5, 5, 14);
	EXPECT(is_about(r->now, 0) && is_about(r->minute, 5), "20 in 4 s: %g", r->minute);
	EXPECT(is_about(model.reason[PN_REASON_OPEN].minute, 0), "another reason has none");
}

TEST(a_minute_forgets_what_was_before_it)
{
	const struct top_reason *r = &model.reason[PN_REASON_RATE];

	memset(&model, 0, sizeof(model));
	sample(PN_REASON_RATE, 0, 0, 0, 1);
	sample(PN_REASON_RATE, 6000, 0, 0, 2);
	for (unsigned i = 0; i < TOP_HISTORY - 1; i++)
		sample(PN_REASON_RATE, 6000, 0, 0, 3 + i);
	EXPECT(is_about(r->minute, 100), "it is in the minute: %g", r->minute);
	sample(PN_REASON_RATE, 6000, 0, 0, 100);
	EXPECT(is_about(r->minute, 0) && model.samples == TOP_HISTORY, "it is not: %g", r->minute);
}

TEST(counters_that_begin_anew_make_no_mad_rate)
{
	memset(&model, 0, sizeof(model));
	sample(PN_REASON_RATE, 1000000, 0, 0, 1);
	sample(PN_REASON_RATE, 7, 0, 0, 2);
	EXPECT(is_about(model.reason[PN_REASON_RATE].now, 7), "%g",
	       model.reason[PN_REASON_RATE].now);
}

TEST(reasons_are_listed_as_they_are_judged_or_the_fastest_first)
{
	struct counter k[COUNTERS] = {0};
	unsigned list[PN_REASONS];

	memset(&model, 0, sizeof(model));
	top_sample(&model, k, COUNTERS, 1);
	EXPECT(top_reasons(&model, false, list) == 0, "nothing was counted");
	k[PN_REASON_BLOCK].sum.packets = 2;
	k[PN_REASON_RATE].sum.packets = 9;
	k[PN_REASON_LISTED].sum.would = 5;
	top_sample(&model, k, COUNTERS, NS_PER_S);
	EXPECT(top_reasons(&model, false, list) == 3 && list[0] == PN_REASON_BLOCK &&
		       list[1] == PN_REASON_LISTED && list[2] == PN_REASON_RATE,
	       "as they are judged");
	EXPECT(top_reasons(&model, true, list) == 3 && list[0] == PN_REASON_RATE &&
		       list[1] == PN_REASON_LISTED && list[2] == PN_REASON_BLOCK,
	       "the fastest first");
}

static void event(uint8_t last, enum pn_reason reason, uint64_t suppressed, uint64_t at_s)
{
	struct addr a = v4(last);

	top_event(&model, &a, reason, PN_DROP, PN_DROP, suppressed, at_s * NS_PER_S);
}

TEST(sources_are_counted_sorted_and_filtered)
{
	static const struct {
		const char *sentence;
		enum top_order order;
		const char *filter;
		bool only_open;
		unsigned count;
		uint8_t last[3]; /* of the addresses, in order */
	} rows[] = {
		{"the latest first", TOP_BY_TIME, "", false, 3, {2, 3, 1}},
		{"the busiest first", TOP_BY_EVENTS, "", false, 3, {1, 2, 3}},
		{"by open connections, then by events", TOP_BY_OPEN, "", false, 3, {3, 1, 2}},
		{"by address", TOP_BY_SOURCE, "", false, 3, {1, 2, 3}},
		{"a part of the address", TOP_BY_SOURCE, "113.2", false, 1, {2}},
		{"a part of the reason's name", TOP_BY_SOURCE, "bloc", false, 1, {3}},
		{"a part of the note", TOP_BY_SOURCE, "example", false, 1, {1}},
		{"nobody", TOP_BY_SOURCE, "nobody", false, 0, {0}},
		{"with open connections", TOP_BY_SOURCE, "", true, 1, {3}},
	};
	struct addr one = v4(1), three = v4(3);
	struct prefix network = prefix_of(&one, 128), third = prefix_of(&three, 128);
	unsigned list[TOP_SOURCES_MAX];

	memset(&model, 0, sizeof(model));
	event(1, PN_REASON_RATE, 41, 1);
	event(2, PN_REASON_RATE, 0, 2);
	event(3, PN_REASON_BLOCK, 0, 3);
	event(2, PN_REASON_LISTED, 0, 4);
	top_decision(&model, &network, "listed: by bl.example", 1);
	top_open(&model, &third, 7);
	EXPECT(model.sources == 3 && model.source[0].events == 42, "those not told are counted");
	EXPECT(model.source[1].reason == PN_REASON_LISTED, "the last reason is shown");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned count =
			top_list(&model, rows[i].order, rows[i].filter, rows[i].only_open, list);

		EXPECT(count == rows[i].count, "%s: %u", rows[i].sentence, count);
		for (unsigned n = 0; n < count && n < rows[i].count; n++)
			EXPECT(model.source[list[n]].addr.byte[15] == rows[i].last[n],
			       "%s: place %u", rows[i].sentence, n);
	}
	network = prefix_of(&three, 120);
	top_decision(&model, &network, "widened", 9 * NS_PER_S);
	EXPECT(strcmp(model.source[0].note, "widened") == 0 &&
		       strcmp(model.source[2].note, "widened") == 0 && model.sources == 3,
	       "a network is no row, and all in it are noted");
	three.byte[15] = 44;
	third = prefix_of(&three, 128);
	top_decision(&model, &third, "banned", 10 * NS_PER_S);
	EXPECT(top_list(&model, TOP_BY_TIME, "banned", false, list) == 1 && list[0] == 3,
	       "who was decided about is there before he is seen");
	top_open_clear(&model);
	EXPECT(top_list(&model, TOP_BY_OPEN, "", true, list) == 0, "closed again");
}

TEST(an_ipv6_customer_is_one_source_and_its_last_address_is_kept)
{
	struct addr a = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
		    b = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}};

	memset(&model, 0, sizeof(model));
	top_event(&model, &a, PN_REASON_RATE, PN_DROP, PN_DROP, 0, 1);
	top_event(&model, &b, PN_REASON_RATE, PN_DROP, PN_DROP, 0, 2);
	EXPECT(model.sources == 1 && model.source[0].source.bits == PN_SOURCE_BITS_V6, "one /64");
	EXPECT(addr_equal(&model.source[0].addr, &b), "the last address");
}

TEST(a_flood_forgets_who_was_not_seen_for_longest)
{
	memset(&model, 0, sizeof(model));
	for (unsigned i = 0; i < 3 * TOP_SOURCES_MAX; i++) {
		struct addr a = {
			{[10] = 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};

		top_event(&model, &a, PN_REASON_RATE, PN_DROP, PN_DROP, 0, 1 + i);
		/* Whoever comes all the time stays. */
		event(9, PN_REASON_BLOCK, 0, 1);
		model.source[0].seen_ns = 1 + i;
	}
	EXPECT(model.sources == TOP_SOURCES_MAX, "%u", model.sources);
	for (unsigned i = 0; i < model.sources; i++)
		EXPECT(model.source[i].seen_ns > TOP_SOURCES_MAX, "an old one is left");
}

TEST(numbers_and_ages_are_short)
{
	static const struct {
		double value;
		const char *text;
	} numbers[] = {
		{0, "0"},	 {0.04, "0"},	{0.3, "0.3"},	{7, "7"},	 {7.25, "7.2"},
		{99.4, "99"},	 {999, "999"},	{1000, "1.0k"}, {12345, "12k"},	 {999999, "1.0M"},
		{1.2e6, "1.2M"}, {5e9, "5.0G"}, {1e15, "1.0P"}, {1e18, "1000P"},
	};
	static const struct {
		uint64_t seconds;
		const char *text;
	} ages[] = {{0, "0s"}, {119, "119s"}, {120, "2m"}, {7200, "2h"}, {86400 * 9, "9d"}};
	char text[TOP_NUMBER_MAX];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		EXPECT(strcmp(top_number(numbers[i].value, text), numbers[i].text) == 0, "%s: %s",
		       numbers[i].text, text);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		EXPECT(strcmp(top_age(ages[i].seconds, text), ages[i].text) == 0, "%s: %s",
		       ages[i].text, text);
	EXPECT(strlen(top_age(UINT64_MAX, text)) < 6, "%s", text);
}

TEST(bars_have_the_latest_at_the_right_and_show_whatever_is_not_nothing)
{
	static const uint32_t history[TOP_HISTORY] = {8, 0, 1, 4};
	char text[3 * TOP_HISTORY + 1];

	EXPECT(strcmp(top_bars(history, 4, 6, false, text, sizeof(text)), "  +:.@") == 0, "\"%s\"",
	       text);
	EXPECT(strcmp(top_bars(history, 4, 4, true, text, sizeof(text)), "▄▁·█") == 0, "\"%s\"",
	       text);
	top_bars(history, TOP_HISTORY, 4 * TOP_HISTORY, true, text, sizeof(text));
	EXPECT(strlen(text) < sizeof(text), "no more than fits");
}

TEST(pieces_are_whole_or_left_out)
{
	static const char *const pieces[] = {"postern default", "", NULL, "ENFORCE",
					     "eth0 (native)",	"x"};
	char text[64];

	EXPECT(strcmp(top_join(pieces, 6, 60, text, sizeof(text)),
		      "postern default  ENFORCE  eth0 (native)  x") == 0,
	       "\"%s\"", text);
	EXPECT(strcmp(top_join(pieces, 6, 30, text, sizeof(text)), "postern default  ENFORCE  x") ==
		       0,
	       "\"%s\"", text);
	EXPECT(strcmp(top_join(pieces, 6, 3, text, sizeof(text)), "x") == 0, "\"%s\"", text);
	EXPECT(strcmp(top_join(pieces, 6, 60, text, 8), "ENFORCE") == 0,
	       "the buffer's size holds: %s", text);
}

TEST(long_lines_are_broken_at_a_blank)
{
	static const char text[] = "one two three\n\nabcdefghij k";
	static const char *const lines[] = {"one two", "three", "", "abcdefgh", "ij k"};
	size_t length;

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *at = top_line(text, i, 8, &length);

		EXPECT(at && length == strlen(lines[i]) && strncmp(at, lines[i], length) == 0,
		       "line %u: \"%.*s\"", i, at ? (int)length : 0, at ? at : "");
	}
	EXPECT(!top_line(text, 5, 8, &length), "no more");
	EXPECT(top_line("äöü", 0, 3, &length) && length == 6, "three columns, six bytes");
}

/* No pane over another, none outside, and the focused one always there. */
static void check_layout(int rows, int cols, const struct top_needs *needs, enum top_pane focus)
{
	struct top_layout l;

	top_lay_out(rows, cols, needs, focus, &l);
	if (!EXPECT(l.fits, "%dx%d", cols, rows))
		return;
	EXPECT(l.footer_y + l.footer_rows == rows, "%dx%d: the footer ends it", cols, rows);
	EXPECT(l.pane[focus].rows >= 3, "%dx%d: pane %d has %d rows", cols, rows, (int)focus,
	       l.pane[focus].rows);
	for (unsigned p = 0; p < TOP_PANES; p++) {
		const struct top_rect *a = &l.pane[p];

		if (!a->rows)
			continue;
		EXPECT(a->y >= l.header_rows && a->y + a->rows <= l.footer_y && a->x >= 0 &&
			       a->x + a->cols <= cols && a->cols >= 60,
		       "%dx%d: pane %u is inside", cols, rows, p);
		for (unsigned q = 0; q < p; q++) {
			const struct top_rect *b = &l.pane[q];

			EXPECT(!b->rows || a->y + a->rows <= b->y || b->y + b->rows <= a->y ||
				       a->x + a->cols <= b->x || b->x + b->cols <= a->x,
			       "%dx%d: panes %u and %u apart", cols, rows, q, p);
		}
	}
}

TEST(panes_never_overlap_whatever_the_size)
{
	static const unsigned many[][TOP_PANES] = {
		{0}, {21, 1000, 32, 300, 16}, {3, 2, 1, 1, 0}, {21, 0, 0, 0, 0}};

	for (unsigned n = 0; n < sizeof(many) / sizeof(many[0]); n++)
		for (unsigned feeds = 0; feeds < 2; feeds++)
			for (unsigned focus = 0; focus < (feeds ? TOP_PANES : TOP_FEEDS); focus++)
				for (int rows = TOP_ROWS_MIN; rows < 80; rows += 3)
					for (int cols = TOP_COLS_MIN; cols < 260; cols += 7) {
						struct top_needs needs = {
							.present = {true, true, true, true, feeds}};

						memcpy(needs.rows, many[n], sizeof(needs.rows));
						check_layout(rows, cols, &needs, focus);
					}
}

TEST(a_small_window_is_said_to_be_small_and_a_large_one_shows_all)
{
	struct top_needs needs = {.present = {true, true, true, true, true}};
	struct top_layout l;

	top_lay_out(23, 200, &needs, TOP_SOURCES, &l);
	EXPECT(!l.fits, "23 rows");
	top_lay_out(50, 79, &needs, TOP_SOURCES, &l);
	EXPECT(!l.fits, "79 columns");
	top_lay_out(0, 0, &needs, TOP_SOURCES, &l);
	EXPECT(!l.fits, "nothing");
	top_lay_out(50, 200, &needs, TOP_SOURCES, &l);
	for (unsigned p = 0; p < TOP_PANES; p++)
		EXPECT(l.pane[p].rows, "pane %u at 200x50", p);
	top_lay_out(24, 80, &needs, TOP_ZONES, &l);
	EXPECT(l.pane[TOP_REASONS].rows && l.pane[TOP_ZONES].rows && !l.pane[TOP_SOURCES].rows,
	       "two at 80x24");
}
