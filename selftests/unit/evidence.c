/* SPDX-License-Identifier: BSD-2-Clause */
/* Abuse reports: what counts as a contact, what is counted, and what the text says of it. */
#include "tap.h"

#include "cli/evidence.h"

#define NOON_S 1767355200 /* 2026-01-02T12:00:00Z */

/* ---- contacts ---- */

static const struct {
	const char *sentence;
	const char *text[3]; /* TXT records */
	const char *first, *second;
	const char *odd; /* a part of it; NULL: none */
} rows[] = {
	{"one address", {"abuse@example.net"}, "abuse@example.net", NULL, NULL},
	{"two in one record",
	 {"abuse@example.net,noc@example.net"},
	 "abuse@example.net",
	 "noc@example.net",
	 NULL},
	{"blanks around commas",
	 {" a@b.example , c@d.example "},
	 "a@b.example",
	 "c@d.example",
	 NULL},
	{"two records", {"a@b.example", "c@d.example"}, "a@b.example", "c@d.example", NULL},
	{"the same twice", {"a@b.example", "a@b.example,"}, "a@b.example", NULL, NULL},
	{"an empty record", {""}, NULL, NULL, NULL},
	{"commas alone", {",,,"}, NULL, NULL, NULL},
	{"no address", {"nobody"}, NULL, NULL, "nobody"},
	{"only a local part", {"abuse@"}, NULL, NULL, "abuse@"},
	{"only a domain", {"@example.net"}, NULL, NULL, "@example.net"},
	{"two at signs", {"a@b@c.example"}, NULL, NULL, "a@b@c"},
	{"a header behind it",
	 {"a@b.example\r\nBcc: c@d.example"},
	 NULL,
	 NULL,
	 "a@b.example\\x0d\\x0aBcc"},
	{"an escape code", {"\x1b[31ma@b.example"}, NULL, NULL, "\\x1b[31m"},
	{"a name in front", {"Abuse <a@b.example>"}, NULL, NULL, "Abuse <"},
	{"other bytes", {"\xc3\xa4@b.example"}, NULL, NULL, "\\xc3\\xa4"},
	{"an odd one beside a good one", {"a@b.example", "\x07"}, "a@b.example", NULL, "\\x07"},
};

static void texts_fill(struct answer_texts *t, const char *const *text)
{
	t->count = 0;
	for (; t->count < 3 && text[t->count]; t->count++) {
		t->text[t->count].length = strlen(text[t->count]);
		memcpy(t->text[t->count].byte, text[t->count], t->text[t->count].length);
	}
}

static bool text_is(const json_t *array, size_t at, const char *wanted)
{
	const char *text = json_string_value(json_array_get(array, at));

	return wanted ? text && strcmp(text, wanted) == 0 : !text;
}

TEST(what_a_zone_answers_is_a_contact_only_where_it_is_plainly_an_address)
{
	static struct answer_texts texts;
	char odd[EVIDENCE_SHOWN_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *array;

		texts_fill(&texts, rows[i].text);
		array = evidence_addresses(&texts, odd);
		EXPECT(text_is(array, 0, rows[i].first) && text_is(array, 1, rows[i].second) &&
			       json_array_size(array) <= 2,
		       "%s: addresses", rows[i].sentence);
		EXPECT(rows[i].odd ? strstr(odd, rows[i].odd) != NULL : !odd[0], "%s: \"%s\"",
		       rows[i].sentence, odd);
		json_decref(array);
	}
}

TEST(contacts_are_bounded)
{
	static struct answer_texts texts;
	char many[1024] = "", odd[EVIDENCE_SHOWN_MAX], longest[300];
	const char *const text[3] = {many, longest};
	json_t *array;

	for (int i = 0; i < 40; i++)
		sprintf(many + strlen(many), "a%d@b.example,", i);
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + 280, "@b.example");
	texts_fill(&texts, text);
	array = evidence_addresses(&texts, odd);
	EXPECT(json_array_size(array) == EVIDENCE_CONTACTS_MAX, "%zu", json_array_size(array));
	EXPECT(strlen(odd) < sizeof(odd) && strstr(odd, "aaa"), "too long for an address: %s", odd);
	json_decref(array);
}

/* ---- counting ---- */

static json_t *report_make(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:n, s:n, s:[], s:b, s:n, s:n, s:n, s:[], s:n, s:n, "
			 "s:[]}",
			 "addr", "203.0.113.7", "reporter", "mx.example.net", "time",
			 "2026-01-03T00:00:00Z", "clock", "synchronised", "first", "last", "counts",
			 "counts_cut", 0, "dnsbl", "rule", "gate", "contacts", "contact_zone",
			 "contact_why", "journal");
}

static void entry_add(json_t *report, const char *what, int64_t wall_s, const char *text)
{
	struct store_entry entry = {.wall_s = wall_s, .has_prefix = true};

	(void)prefix_parse("203.0.113.7", &entry.prefix, NULL);
	snprintf(entry.what, sizeof(entry.what), "%s", what);
	snprintf(entry.text, sizeof(entry.text), "%s", text);
	evidence_count(report, &entry);
}

/* The text of a report; takes it. The caller frees. */
static char *print(json_t *report)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	evidence_print(out, report);
	fclose(out);
	json_decref(report);
	return text;
}

TEST(entries_are_counted_by_what_they_are_with_their_times)
{
	json_t *report = report_make();
	char *text;

	/* The latest come first, as the store gives them. */
	entry_add(report, "listed", NOON_S + 60, "by bl.example");
	entry_add(report, "cut", NOON_S + 30, "2 connections");
	entry_add(report, "listed", NOON_S, "by bl.example");
	text = print(report);
	EXPECT(strstr(text, "Period:        2026-01-02T12:00:00Z to 2026-01-02T12:01:00Z\n"), "%s",
	       text);
	EXPECT(strstr(text, "  listed: 2 times, 2026-01-02T12:00:00Z to 2026-01-02T12:01:00Z: "),
	       "%s", text);
	EXPECT(strstr(text, "  cut: 1 time, 2026-01-02T12:00:30Z: "), "%s", text);
	EXPECT(strstr(text, "  2026-01-02T12:00:30Z cut 203.0.113.7: 2 connections\n"), "%s", text);
	free(text);
}

TEST(many_entries_are_counted_and_few_are_shown)
{
	json_t *report = report_make();

	for (int i = 0; i < 500; i++)
		entry_add(report, "listed", NOON_S - i, "by bl.example");
	EXPECT(json_integer_value(json_object_get(
		       json_array_get(json_object_get(report, "counts"), 0), "count")) == 500,
	       "all of them");
	EXPECT(json_array_size(json_object_get(report, "journal")) == 20, "%zu rows",
	       json_array_size(json_object_get(report, "journal")));
	json_decref(report);
}

/* ---- the text ---- */

TEST(a_report_tells_all_parts)
{
	json_t *report = report_make();
	char *text;

	json_object_set_new(report, "contacts", json_pack("[s,s]", "a@b.example", "c@d.example"));
	json_object_set_new(report, "contact_zone", json_string("contacts.example"));
	json_object_set_new(report, "dnsbl",
			    json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:[{s:s, s:s, s:[s]}]}",
				      "verdict", "listed", "addr", "203.0.113.7", "decided",
				      "2026-01-02T12:00:00Z", "score", 3, "threshold", 2, "zone",
				      "bl.example", "text", "Spam", "zones", "zone", "bl.example",
				      "outcome", "listed", "codes", "127.0.0.4"));
	json_object_set_new(report, "rule",
			    json_pack("{s:s, s:s, s:s, s:n}", "prefix", "203.0.113.0/24", "action",
				      "drop", "created", "2026-01-01T00:00:00Z", "expires"));
	json_object_set_new(report, "gate",
			    json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i}", "action", "reply",
				      "reason", "listed", "port", 25, "open", 4, "used", 7, "limit",
				      120, "answers", 2));
	text = print(report);
	EXPECT(strstr(text, "Abuse contact: a@b.example, c@d.example (contacts.example)\n"), "%s",
	       text);
	EXPECT(strstr(text, "Reported by:   mx.example.net\n"), "%s", text);
	EXPECT(strstr(text, "  bl.example: listed 127.0.0.4\n  bl.example says: Spam\n"), "%s",
	       text);
	EXPECT(strstr(text, "203.0.113.0/24, since 2026-01-01T00:00:00Z, without an end\n"), "%s",
	       text);
	EXPECT(strstr(text, "port 25 is not let in (listed)\n  open connections: 4\n") &&
		       strstr(text, "7 of 120\n  refusals told: 2\n"),
	       "%s", text);
	free(text);
}

TEST(a_report_says_what_it_lacks)
{
	json_t *report = report_make();
	char *text;

	json_object_set_new(report, "contact_why", json_string("no answer came in time"));
	text = print(report);
	EXPECT(strstr(text, "Abuse contact: not known; no answer came in time\n"), "%s", text);
	EXPECT(strstr(text, "nothing is recorded\n") && strstr(text, "no gate is loaded"), "%s",
	       text);
	EXPECT(!strstr(text, "Period:") && !strstr(text, "DNS lists said") &&
		       !strstr(text, "Blocked by the operator") && !strstr(text, "latest entries"),
	       "nothing empty: %s", text);
	free(text);
}

TEST(no_raw_byte_of_a_stranger_gets_into_a_report)
{
	json_t *report = report_make();
	char *text;

	entry_add(report, "listed", NOON_S, "see \x1b[2Jhttp://x/\r\nBcc: v@x.example \xff");
	text = print(report);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at >= 0x7f || (*at < ' ' && *at != '\n'))
			EXPECT(false, "byte %02x: %s", (unsigned char)*at, text);
	EXPECT(strstr(text, "see \\x1b[2Jhttp://x/\\x0d\\x0aBcc: v@x.example \\xff\n"), "%s", text);
	free(text);
}
