/* SPDX-License-Identifier: BSD-2-Clause */
/* What an event says to people, and what to programs. */
#include "daemon/events.h"

#include "base/when.h"
#include "tap.h"

static struct pn_event test_event(enum pn_action action, enum pn_action would)
{
	return (struct pn_event){
		.src = {[10] = 0xff, [11] = 0xff, 203, 0, 113, 7},
		.dst = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 25},
		.sport = 40000,
		.dport = 25,
		.reason = PN_REASON_RATE,
		.action = action,
		.would = would,
		.class_ = PN_CLASS_MX,
		.ifindex = 3,
	};
}

TEST(each_deed_has_its_word)
{
	static const struct {
		enum pn_action action, would;
		const char *starts;
	} rows[] = {
		{PN_REFUSE, PN_REFUSE, "refused: 203.0.113.7 port 25 rate: "},
		{PN_DROP, PN_DROP, "dropped: 203.0.113.7 port 25 rate: "},
		{PN_PASS, PN_REFUSE, "would refuse: 203.0.113.7 port 25 rate: "},
		{PN_PASS, PN_DROP, "would drop: 203.0.113.7 port 25 rate: "},
		{PN_PASS, PN_PASS, "passed: 203.0.113.7 port 25 rate: "},
		{(enum pn_action)77, PN_DROP, "judged: "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_event e = test_event(rows[i].action, rows[i].would);
		char text[EVENT_TEXT_MAX];

		event_format(&e, "eth0", NULL, text);
		EXPECT(strncmp(text, rows[i].starts, strlen(rows[i].starts)) == 0,
		       "\"%s\" starts with \"%s\"", text, rows[i].starts);
		EXPECT(strstr(text, ", on eth0") != NULL, "names the interface: %s", text);
	}
}

TEST(what_is_unknown_is_left_out_and_what_was_held_back_is_counted)
{
	struct pn_event e = test_event(PN_DROP, PN_DROP);
	char text[EVENT_TEXT_MAX];

	e.dport = 0;
	e.suppressed = 12;
	event_format(&e, "", NULL, text);
	EXPECT(strstr(text, "port") == NULL || strstr(text, "port 0") == NULL, "%s", text);
	EXPECT(strstr(text, ", on ") == NULL, "%s", text);
	EXPECT(strstr(text, "(12 more not told)") != NULL, "%s", text);
}

TEST(a_feed_is_named)
{
	struct pn_event e = test_event(PN_DROP, PN_DROP);
	char text[EVENT_TEXT_MAX];
	json_t *row;

	e.reason = PN_REASON_FEED;
	event_format(&e, "eth0", "drop", text);
	EXPECT(strstr(text, " feed: ") && strstr(text, ": drop, on eth0"), "%s", text);
	row = event_row(&e, "eth0", "drop");
	EXPECT(strcmp(json_string_value(json_object_get(row, "feed")), "drop") == 0, "in the row");
	json_decref(row);
}

TEST(the_longest_event_fits_and_a_reason_out_of_bounds_is_no_crash)
{
	struct pn_event e = test_event(PN_REFUSE, PN_REFUSE);
	char text[EVENT_TEXT_MAX];

	memset(e.src, 0xab, sizeof(e.src));
	e.suppressed = UINT32_MAX;
	for (unsigned r = 0; r < PN_REASONS; r++) {
		e.reason = (enum pn_reason)r;
		event_format(&e, "interface000000", NULL, text);
		EXPECT(strstr(text, "(4294967295 more not told)") != NULL, "%s", text);
	}
	e.reason = (enum pn_reason)4711;
	e.class_ = (enum pn_class)4711;
	event_format(&e, "", NULL, text);
	json_decref(event_row(&e, "", NULL));
}

TEST(a_row_has_every_field_with_its_type)
{
	static const char *const strings[] = {"time",	"kind",	 "source", "destination", "reason",
					      "action", "would", "class",  "interface"};
	struct pn_event e = test_event(PN_PASS, PN_DROP);
	json_t *row;

	e.time = now_boot_ns();
	row = event_row(&e, "eth0", NULL);
	ENSURE(row != NULL, "a row");
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		EXPECT(json_is_string(json_object_get(row, strings[i])), "%s", strings[i]);
	EXPECT(json_object_size(row) == 12, "twelve fields, not %zu", json_object_size(row));
	EXPECT(json_integer_value(json_object_get(row, "port")) == 25, "port");
	EXPECT(json_integer_value(json_object_get(row, "suppressed")) == 0, "suppressed");
	EXPECT(strcmp(json_string_value(json_object_get(row, "source")), "203.0.113.7") == 0,
	       "src");
	EXPECT(strcmp(json_string_value(json_object_get(row, "would")), "drop") == 0, "would");
	json_decref(row);

	e.dport = 0;
	row = event_row(&e, "", NULL);
	EXPECT(json_is_null(json_object_get(row, "port")), "an unreadable port is null");
	EXPECT(json_is_null(json_object_get(row, "interface")), "an unknown interface is null");
	json_decref(row);
}
