/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports of the audit: order, keys, exit statuses, escapes of hostile text in every form. With AUDIT_SAMPLE=DIRECTORY in the environment the
 * sample is also left there, to be looked at.
 */
#include "audit_report_rig.h"

#include <errno.h>
#include <limits.h>

static const report_fn forms[] = {report_text, report_json, report_html, report_nagios};
static const char *const form_names[] = {"text", "json", "html", "nagios"};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* ---- hostile text ---- */

static const char *const hostile[] = {
	"\x1b[2J\x1b]0;owned\x07",
	"</pre><script>alert(1)</script>",
	"\" onmouseover=\"alert(1)",
	"'><img src=x onerror=alert(1)>",
	"&lt;b&gt;",
	"two\nlines\r\nand more",
	"AUDIT OK | critical=0",
	"\xc2\x9b[31m and \xff\xfe",
	"{\"summary\":{}}",
	"%s%n%d",
	"a\\x1bb",
};

static void hostile_add(struct findings *f, const char *text, enum audit_status status)
{
	static const char *fix[2];
	struct finding *row = rig_add(f, "banner", NULL, status, NULL, text);

	fix[0] = text;
	snprintf(row->target, sizeof(row->target), "%s", text);
	snprintf(row->enforce, sizeof(row->enforce), "%s", text);
	snprintf(row->id, sizeof(row->id), "%s", text);
	finding_prove(row, "%s", text);
	row->fix = fix;
	row->severity = SEVERITY_CRITICAL;
}

static bool has_raw_control(const struct written *w)
{
	for (size_t i = 0; i < w->length; i++) {
		unsigned char byte = (unsigned char)w->text[i];

		if ((byte < ' ' && byte != '\n') || byte >= 0x7f)
			return true;
	}
	return false;
}

TEST(report_lets_no_raw_byte_through)
{
	struct audit_request request = {0};

	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++)
		for (unsigned status = 0; status < AUDIT_STATUSES; status++) {
			struct findings f = {0};
			struct report r = {.request = &request, .findings = &f};

			snprintf(request.domain, sizeof(request.domain), "%s", hostile[i]);
			hostile_add(&f, hostile[i], (enum audit_status)status);
			for (size_t form = 0; form < FORMS; form++) {
				struct written w = write_report(forms[form], &r);

				EXPECT(!has_raw_control(&w), "%s of hostile text %zu, status %u",
				       form_names[form], i, status);
				free(w.text);
			}
			findings_free(&f);
		}
}

TEST(report_html_makes_no_markup_of_text)
{
	static const char *const markup[] = {"<script",	   "<img", "</pre><",
					     "\" onmouse", "'><",  "<b>"};
	struct audit_request request = {0};
	struct findings f = {0};
	struct report r = {.request = &request, .findings = &f};
	struct written w;

	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		hostile_add(&f, hostile[i], AUDIT_FAIL);
		hostile_add(&f, hostile[i], AUDIT_PASS);
		hostile_add(&f, hostile[i], AUDIT_INCONCLUSIVE);
		hostile_add(&f, hostile[i], AUDIT_SKIPPED);
	}
	snprintf(request.domain, sizeof(request.domain), "%s", hostile[1]);
	w = write_report(report_html, &r);
	for (size_t i = 0; i < 3; i++)
		EXPECT(!strstr(w.text, markup[i]), "no %s", markup[i]);
	EXPECT(!strstr(w.text, markup[3]) && !strstr(w.text, markup[4]), "no attribute");
	EXPECT(strstr(w.text, "&amp;lt;b&amp;gt;"), "what is escaped already is escaped again");
	EXPECT(strstr(w.text, "\\x1b[2J"), "escapes are shown as such");
	free(w.text);
	findings_free(&f);
}

TEST(report_html_asks_nobody_for_anything)
{
	static const char *const outside[] = {
		"http://", "https://example.org/\"", "<link", "<img", "<script", "@import", "url(",
		"src="};
	struct sample s;
	struct written w;

	sample_make(&s);
	w = write_report(report_html, &s.report);
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		EXPECT(!strstr(w.text, outside[i]), "no %s", outside[i]);
	EXPECT(strstr(w.text, "default-src 'none'"), "its policy says so");
	for (const char *at = w.text; (at = strstr(at, "href=\"")); at++)
		EXPECT(at[6] == '#', "a link within the page");
	free(w.text);
	findings_free(&s.findings);
}

TEST(report_nagios_is_one_line_with_one_bar)
{
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct audit_request request = {0};
		struct findings f = {0};
		struct report r = {.request = &request, .findings = &f};
		struct written w;

		snprintf(request.domain, sizeof(request.domain), "%s", hostile[i]);
		hostile_add(&f, hostile[i], AUDIT_FAIL);
		w = write_report(report_nagios, &r);
		EXPECT(strchr(w.text, '\n') == w.text + w.length - 1, "one line: %s", w.text);
		EXPECT(strchr(w.text, '|') == strrchr(w.text, '|'), "one bar: %s", w.text);
		EXPECT(!strncmp(w.text, "AUDIT CRITICAL - ", 17), "%s", w.text);
		EXPECT(strstr(w.text, "| critical=1 high=0"), "%s", w.text);
		free(w.text);
		findings_free(&f);
	}
}

/* ---- exit statuses ---- */

TEST(report_status_is_that_of_what_is_counted)
{
	static const struct {
		const char *sentence, *id;
		enum audit_status status;
		enum severity severity, fail_on;
		int exit_status, nagios;
	} rows[] = {
		{"a pass", "spf", AUDIT_PASS, SEVERITY_INFO, SEVERITY_MEDIUM, 0, 0},
		{"a low failure", "vrfy", AUDIT_FAIL, SEVERITY_LOW, SEVERITY_MEDIUM, 0, 0},
		{"a low failure, asked for", "vrfy", AUDIT_FAIL, SEVERITY_LOW, SEVERITY_LOW, 1, 1},
		{"a medium failure", "spf", AUDIT_FAIL, SEVERITY_MEDIUM, SEVERITY_MEDIUM, 1, 1},
		{"a medium warning", "spf", AUDIT_WARN, SEVERITY_MEDIUM, SEVERITY_MEDIUM, 1, 1},
		{"a medium one under high", "spf", AUDIT_FAIL, SEVERITY_MEDIUM, SEVERITY_HIGH, 0,
		 0},
		{"a high failure", "auth-tls", AUDIT_FAIL, SEVERITY_HIGH, SEVERITY_MEDIUM, 1, 2},
		{"a critical one", "relay", AUDIT_FAIL, SEVERITY_CRITICAL, SEVERITY_MEDIUM, 1, 2},
		{"something undecided that matters", "relay", AUDIT_INCONCLUSIVE, SEVERITY_INFO,
		 SEVERITY_MEDIUM, 4, 3},
		{"something undecided that does not", "vrfy", AUDIT_INCONCLUSIVE, SEVERITY_INFO,
		 SEVERITY_MEDIUM, 0, 0},
		{"what was skipped", "relay", AUDIT_SKIPPED, SEVERITY_INFO, SEVERITY_MEDIUM, 0, 0},
		{"what nobody can check", "vpn", AUDIT_NOT_CHECKABLE, SEVERITY_INFO, SEVERITY_INFO,
		 0, 0},
		{"a note", "tls-rpt", AUDIT_WARN, SEVERITY_INFO, SEVERITY_INFO, 1, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct findings f = {0};
		struct report r = {.findings = &f, .fail_on = rows[i].fail_on};
		struct report_sum sum;

		rig_add(&f, rows[i].id, NULL, rows[i].status, NULL, "so")->severity =
			rows[i].severity;
		rig_add(&f, "mx", NULL, AUDIT_PASS, NULL, "two");
		report_sum(&r, &sum);
		EXPECT(sum.exit_status == rows[i].exit_status, "%s: %d", rows[i].sentence,
		       sum.exit_status);
		EXPECT(report_nagios_status(&r) == rows[i].nagios, "%s for Nagios: %d",
		       rows[i].sentence, report_nagios_status(&r));
		findings_free(&f);
	}
}

TEST(report_found_goes_before_undecided)
{
	struct findings f = {0};
	struct report r = {.findings = &f, .fail_on = SEVERITY_MEDIUM};
	struct report_sum sum;

	rig_add(&f, "relay", NULL, AUDIT_INCONCLUSIVE, NULL, "who knows");
	rig_add(&f, "spf", NULL, AUDIT_FAIL, NULL, "none");
	report_sum(&r, &sum);
	EXPECT(sum.exit_status == REPORT_FOUND && sum.counted == 1 && sum.undecided == 1, "%d",
	       sum.exit_status);
	f.row[1]->status = AUDIT_PASS;
	f.is_short = true;
	f.row[0]->status = AUDIT_PASS;
	report_sum(&r, &sum);
	EXPECT(sum.exit_status == REPORT_NOTHING, "what is missing is not clean");
	findings_free(&f);
}

/* ---- JSON ---- */

static json_t *line_of(const struct written *w, unsigned number)
{
	const char *at = w->text;

	for (unsigned i = 0; i < number && at; i++)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	return at && *at ? json_loadb(at, strcspn(at, "\n"), 0, NULL) : NULL;
}

static bool text_is(const json_t *row, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value && strcmp(value, text) == 0;
}

TEST(report_json_has_the_keys_that_are_documented)
{
	static const char *const keys[] = {"schema",  "id",	  "status", "severity",
					   "target",  "address",  "port",   "vantage",
					   "finding", "evidence", "fix",    "checklist"};
	struct sample s;
	struct written w;
	json_t *row, *summary;
	const char *key;
	json_t *value;
	size_t number = 0;

	sample_make(&s);
	w = write_report(report_json, &s.report);
	row = line_of(&w, 0);
	json_object_foreach(row, key, value)
	{
		if (number < sizeof(keys) / sizeof(*keys))
			EXPECT(!strcmp(key, keys[number]), "%s is where %s is", keys[number], key);
		number++;
	}
	EXPECT(json_integer_value(json_object_get(row, "schema")) == REPORT_SCHEMA, "its schema");
	EXPECT(text_is(row, "id", "relay") && text_is(row, "status", "fail") &&
		       text_is(row, "severity", "critical"),
	       "the worst comes first");
	EXPECT(text_is(row, "address", "192.0.2.25") && text_is(row, "vantage", "outside") &&
		       text_is(row, "target", "mx1.example.org"),
	       "its place");
	EXPECT(json_integer_value(json_object_get(row, "port")) == 25, "its port");
	EXPECT(text_is(row, "ladder", "suspect") && text_is(row, "server", "Postfix"),
	       "its ladder and whose fix");
	EXPECT(json_array_size(json_object_get(row, "evidence")) == 4 &&
		       json_array_size(json_object_get(row, "fix")) == 3 &&
		       json_array_size(json_object_get(row, "checklist")) == 1,
	       "its lists");
	EXPECT(!json_object_get(row, "change"), "no change without a baseline");
	json_decref(row);
	row = line_of(&w, s.findings.count);
	summary = json_object_get(row, "summary");
	EXPECT(summary && json_integer_value(json_object_get(summary, "exit")) == 1, "a summary");
	EXPECT(json_integer_value(json_object_get(json_object_get(summary, "status"), "fail")) == 4,
	       "its counts");
	json_decref(row);
	EXPECT(!line_of(&w, s.findings.count + 1), "and nothing behind it");
	free(w.text);
	findings_free(&s.findings);
}

TEST(report_json_is_null_where_there_is_nothing)
{
	struct findings f = {0};
	struct report r = {.findings = &f};
	struct written w;
	json_t *row;

	rig_add(&f, "spf", NULL, AUDIT_PASS, NULL, "there");
	w = write_report(report_json, &r);
	row = line_of(&w, 0);
	EXPECT(json_is_null(json_object_get(row, "address")) &&
		       json_is_null(json_object_get(row, "port")) &&
		       json_is_null(json_object_get(row, "vantage")),
	       "null");
	EXPECT(!json_object_get(row, "ladder") && !json_object_get(row, "enforce"), "or not there");
	json_decref(row);
	free(w.text);
	findings_free(&f);
}

/* ---- text ---- */

TEST(report_text_has_its_parts_in_order)
{
	static const char *const parts[] = {
		"Audit of example.org",
		"mx1.example.org (MX 10)",
		"greeting, EHLO and STARTTLS only: nobody said",
		"6 findings (2 critical, 1 high, 1 medium, 2 low), 8 passed, 1 inconclusive",
		"4 findings at medium or above",
		"Critical (2)",
		"FAIL relay  mx1.example.org 192.0.2.25 port 25, from outside",
		"(ladder: suspect)",
		"< 250 2.1.5 Ok",
		"Fix for Postfix:",
		"reject_unauth_destination",
		"2001:db8::25",
		"Fix for Postfix: as for relay, above",
		"High (1)",
		"Medium (1)",
		"WARN limits",
		"At once: postern enforce",
		"Low (2)",
		"Inconclusive (1)",
		"Passed (8)",
		"Not applicable (1)",
		"Not checked (2)",
		"users, queue: only the host itself can tell: --local",
		"Not checkable by any tool here (2)",
		"What postern can enforce now",
		"postern enforce",
	};
	struct sample s;
	struct written w;
	const char *at;

	sample_make(&s);
	w = write_report(report_text, &s.report);
	at = w.text;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		const char *found = strstr(at, parts[i]);

		if (!EXPECT(found, "%s, in its place", parts[i]))
			break;
		at = found + strlen(parts[i]);
	}
	EXPECT(!strchr(w.text, '\033'), "no colour unless asked for");
	free(w.text);
	findings_free(&s.findings);
}

TEST(report_says_one_reason_once)
{
	static const char *const ids[] = {"banner", "vrfy", "expn"};
	struct sample s;
	struct written w;

	sample_make(&s);
	for (unsigned i = 0; i < 3; i++) {
		rig_add(&s.findings, ids[i], NULL, AUDIT_INCONCLUSIVE, &s.address[2], "no answer");
		if (i < 2)
			rig_add(&s.findings, ids[i], NULL, AUDIT_INCONCLUSIVE, &s.address[1],
				"no answer");
	}
	finding_prove(s.findings.row[s.findings.count - 1], "< but this");
	w = write_report(report_text, &s.report);
	EXPECT(strstr(w.text, "banner, vrfy: no answer (mx2.example.org 198.51.100.25; "
			      "mx1.example.org\n    2001:db8::25)"),
	       "of both places once: %s", w.text);
	EXPECT(strstr(w.text, "expn: no answer") && strstr(w.text, "< but this"),
	       "other evidence is another reason");
	free(w.text);
	w = write_report(report_html, &s.report);
	EXPECT(strstr(w.text, ">banner, vrfy<") && strstr(w.text, ">expn<"), "the page too");
	free(w.text);
	findings_free(&s.findings);
}

/* As often as it stands there. */
static unsigned occurrences(const char *text, const char *words)
{
	unsigned count = 0;

	while ((text = strstr(text, words))) {
		text += strlen(words);
		count++;
	}
	return count;
}

/* One sentence about three addresses and two ports. */
TEST(report_says_of_many_places_once)
{
	static const struct {
		const char *sentence;
		unsigned addresses; /* of three */
		bool is_other;	    /* the last is worth something else */
		unsigned times;
		const char *where;
	} rows[] = {
		{"of one", 1, false, 1, "mx1.example.org 192.0.2.25 ports 25, 587, from outside"},
		{"of a host's", 2, false, 1,
		 "mx1.example.org 192.0.2.25 ports 25, 587; 2001:db8::25 ports 25, 587, from"},
		{"of all", 3, false, 1, "all 3 addresses, ports 25, 587, from outside"},
		{"one is worse", 3, true, 2, "mx2.example.org 198.51.100.25 ports 25, 587"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sample s;
		struct written w;

		sample_make(&s);
		s.report.width = 120;
		for (unsigned k = 0; k < rows[i].addresses; k++)
			for (unsigned port = 25; port <= 587; port += 587 - 25) {
				struct finding *row;

				s.address[k].by_namespace = false;
				row = rig_add(&s.findings, "expn", NULL, AUDIT_FAIL, &s.address[k],
					      "it tells");
				row->port = (uint16_t)port;
				if (rows[i].is_other && k == 2)
					row->severity = SEVERITY_HIGH;
			}
		w = write_report(report_text, &s.report);
		EXPECT(occurrences(w.text, "it tells") == rows[i].times, "%s: %s", rows[i].sentence,
		       w.text);
		EXPECT(strstr(w.text, rows[i].where), "%s: %s", rows[i].sentence, w.text);
		free(w.text);
		w = write_report(report_html, &s.report);
		EXPECT(occurrences(w.text, "it tells") == rows[i].times, "%s, the page",
		       rows[i].sentence);
		free(w.text);
		w = write_report(report_json, &s.report);
		EXPECT(occurrences(w.text, "it tells") == 2 * rows[i].addresses,
		       "%s: programs get each", rows[i].sentence);
		free(w.text);
		findings_free(&s.findings);
	}
}

TEST(report_says_why_it_was_not_outside)
{
	struct sample s;
	struct written w;
	json_t *row;

	sample_make(&s);
	s.report.vantage_note = "no network namespace: Operation not permitted\x1b";
	for (size_t form = 0; form < FORMS - 1; form++) {
		w = write_report(forms[form], &s.report);
		EXPECT(strstr(w.text, "no network namespace: Operation"), "%s", form_names[form]);
		EXPECT(!has_raw_control(&w), "%s", form_names[form]);
		free(w.text);
	}
	s.report.vantage_note = "";
	w = write_report(report_text, &s.report);
	EXPECT(!strstr(w.text, "Not seen from outside"), "only where it was not");
	free(w.text);
	w = write_report(report_json, &s.report);
	row = line_of(&w, s.findings.count);
	EXPECT(json_is_null(json_object_get(json_object_get(row, "summary"), "vantage_note")),
	       "null");
	json_decref(row);
	free(w.text);
	findings_free(&s.findings);
}

static unsigned longest_line(const char *text)
{
	unsigned longest = 0;

	for (const char *at = text; *at;) {
		unsigned length = (unsigned)strcspn(at, "\n");

		/* What is to be pasted stays whole. */
		if (strncmp(at, "      ", 6) != 0 && length > longest)
			longest = length;
		at += length + (at[length] == '\n');
	}
	return longest;
}

TEST(report_text_keeps_to_the_width)
{
	static const unsigned widths[] = {50, 80, 100};
	struct sample s;

	sample_make(&s);
	for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
		struct written w;

		s.report.width = widths[i];
		w = write_report(report_text, &s.report);
		EXPECT(longest_line(w.text) <= widths[i], "%u of %u", longest_line(w.text),
		       widths[i]);
		free(w.text);
	}
	findings_free(&s.findings);
}

TEST(report_text_says_without_colour_what_it_says_with)
{
	struct sample s;
	struct written plain, coloured;
	char *to;

	sample_make(&s);
	plain = write_report(report_text, &s.report);
	s.report.colour = true;
	coloured = write_report(report_text, &s.report);
	EXPECT(strchr(coloured.text, '\033'), "there is colour");
	to = coloured.text;
	for (const char *from = coloured.text; *from;) {
		if (*from == '\033')
			from += strcspn(from, "m") + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
	EXPECT(!strcmp(plain.text, coloured.text), "the same words");
	free(plain.text);
	free(coloured.text);
	findings_free(&s.findings);
}

/* ---- streams ---- */

TEST(report_tells_a_stream_that_fails)
{
	struct sample s;

	sample_make(&s);
	for (size_t form = 0; form < FORMS; form++) {
		FILE *full = fopen("/dev/full", "w");

		ENSURE(full, "/dev/full");
		EXPECT(forms[form](&s.report, full) < 0, "%s", form_names[form]);
		(void)fclose(full);
	}
	findings_free(&s.findings);
}

TEST(report_of_nothing_is_whole)
{
	struct findings f = {0};
	struct audit_request request = {0};
	struct report r = {.request = &request, .findings = &f, .fail_on = SEVERITY_MEDIUM};

	for (size_t form = 0; form < FORMS; form++) {
		struct written w = write_report(forms[form], &r);

		EXPECT(w.length > 10 && w.text[w.length - 1] == '\n', "%s", form_names[form]);
		free(w.text);
	}
}

TEST(report_sample)
{
	static const char *const endings[] = {"txt", "json", "html", "nagios"};
	const char *directory = getenv("AUDIT_SAMPLE");
	struct sample s;

	sample_make(&s);
	for (size_t form = 0; form < FORMS; form++) {
		struct written w = write_report(forms[form], &s.report);
		char path[PATH_MAX];
		FILE *out = NULL;

		EXPECT(w.length > 100, "%s", endings[form]);
		if (directory) {
			snprintf(path, sizeof(path), "%s/sample.%s", directory, endings[form]);
			out = fopen(path, "w");
		}
		if (out) {
			fwrite(w.text, 1, w.length, out);
			fclose(out);
		}
		free(w.text);
	}
	findings_free(&s.findings);
}
