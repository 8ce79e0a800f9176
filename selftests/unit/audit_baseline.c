/* SPDX-License-Identifier: BSD-2-Clause */
/* What has changed since an earlier report, and that the file of that report may be hostile. */
#include "audit_report_rig.h"

#include <errno.h>

#define GONE_MAX 8

static struct baseline *baseline_of(const struct findings *f)
{
	const struct report r = {.findings = f};
	struct written w = write_report(report_json, &r);
	struct baseline *b = NULL;
	struct err e = {0};

	EXPECT(baseline_read(&b, w.text, w.length, &e) == 0, "%s", e.text);
	free(w.text);
	return b;
}

/* One finding, then and now. */
struct state {
	const char *part;
	enum audit_status status;
	enum severity severity;
	const char *text;
};

static void state_add(struct findings *f, const struct state *s)
{
	if (s->text)
		rig_add(f, "relay", s->part, s->status, NULL, s->text)->severity = s->severity;
}

#define NOTHING                                                                                    \
	{                                                                                          \
		NULL, AUDIT_PASS, SEVERITY_INFO, NULL                                              \
	}
#define PASS                                                                                       \
	{                                                                                          \
		NULL, AUDIT_PASS, SEVERITY_INFO, "closed"                                          \
	}
#define UNDECIDED                                                                                  \
	{                                                                                          \
		NULL, AUDIT_INCONCLUSIVE, SEVERITY_INFO, "no answer"                               \
	}
#define SKIPPED                                                                                    \
	{                                                                                          \
		NULL, AUDIT_SKIPPED, SEVERITY_INFO, "not asked for"                                \
	}
#define HIGH                                                                                       \
	{                                                                                          \
		NULL, AUDIT_FAIL, SEVERITY_HIGH, "open"                                            \
	}
#define LOW                                                                                        \
	{                                                                                          \
		NULL, AUDIT_FAIL, SEVERITY_LOW, "ajar"                                             \
	}
#define WARN                                                                                       \
	{                                                                                          \
		NULL, AUDIT_WARN, SEVERITY_HIGH, "nearly open"                                     \
	}

static const struct {
	const char *sentence;
	struct state then, now;
	enum change change;
	unsigned gone;
} rows[] = {
	{"nothing was, and something is", NOTHING, HIGH, CHANGE_NEW, 0},
	{"nothing was, and all is well", NOTHING, PASS, CHANGE_NONE, 0},
	{"nothing was, and nobody knows", NOTHING, UNDECIDED, CHANGE_NONE, 0},
	{"it stays as it was", HIGH, HIGH, CHANGE_NONE, 0},
	{"it passed and fails", PASS, HIGH, CHANGE_WORSE, 0},
	{"it failed and passes", HIGH, PASS, CHANGE_BETTER, 0},
	{"its severity rises", LOW, HIGH, CHANGE_WORSE, 0},
	{"its severity falls", HIGH, LOW, CHANGE_BETTER, 0},
	{"a warning becomes a failure", WARN, HIGH, CHANGE_WORSE, 0},
	{"a failure becomes a warning", HIGH, WARN, CHANGE_BETTER, 0},
	{"what is undecided has not become better", HIGH, UNDECIDED, CHANGE_NONE, 0},
	{"nor has what was skipped", HIGH, SKIPPED, CHANGE_NONE, 0},
	{"it was undecided and fails", UNDECIDED, HIGH, CHANGE_WORSE, 0},
	{"it was undecided and passes", UNDECIDED, PASS, CHANGE_NONE, 0},
	{"it is there no more", HIGH, NOTHING, CHANGE_NONE, 1},
	{"what passed is no loss", PASS, NOTHING, CHANGE_NONE, 0},
	{"another sentence for the same is no change",
	 {NULL, AUDIT_FAIL, SEVERITY_HIGH, "open to t9x"},
	 {NULL, AUDIT_FAIL, SEVERITY_HIGH, "open to q2f"},
	 CHANGE_NONE,
	 0},
	{"another part is another finding",
	 {"one", AUDIT_FAIL, SEVERITY_HIGH, "open"},
	 {"two", AUDIT_FAIL, SEVERITY_HIGH, "open"},
	 CHANGE_NEW,
	 1},
	{"a part that is gone, and its check undecided",
	 {"one", AUDIT_FAIL, SEVERITY_HIGH, "open"},
	 UNDECIDED,
	 CHANGE_NONE,
	 0},
	{"a part that is gone, and its check passes",
	 {"one", AUDIT_FAIL, SEVERITY_HIGH, "open"},
	 PASS,
	 CHANGE_NONE,
	 1},
};

TEST(baseline_tells_what_has_changed)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct findings then = {0}, now = {0};
		enum change change[2] = {CHANGE_NONE};
		const json_t *gone[GONE_MAX];
		struct baseline *b;
		unsigned count = 0;

		state_add(&then, &rows[i].then);
		state_add(&now, &rows[i].now);
		b = baseline_of(&then);
		ENSURE(b, "a baseline");
		EXPECT(baseline_compare(b, &now, change, gone, &count) == 0, "compared");
		EXPECT(change[0] == rows[i].change, "%s: %s", rows[i].sentence,
		       change_name(change[0]));
		EXPECT(count == rows[i].gone, "%s: %u gone", rows[i].sentence, count);
		baseline_free(b);
		findings_free(&then);
		findings_free(&now);
	}
}

TEST(baseline_knows_findings_by_their_place)
{
	struct sample then, now;
	enum change change[32] = {CHANGE_NONE};
	const json_t *gone[32];
	struct baseline *b;
	unsigned count = 0, news = 0;

	sample_make(&then);
	sample_make(&now);
	b = baseline_of(&then.findings);
	now.findings.row[1]->port = 26;
	now.findings.row[2]->addr.byte[15] ^= 1;
	snprintf(now.findings.row[3]->target, sizeof(now.findings.row[3]->target), "other");
	ENSURE(baseline_compare(b, &now.findings, change, gone, &count) == 0, "compared");
	for (unsigned i = 0; i < now.findings.count; i++)
		news += change[i] == CHANGE_NEW;
	EXPECT(news == 3 && count == 3, "port, address and target: %u new, %u gone", news, count);
	baseline_free(b);
	findings_free(&then.findings);
	findings_free(&now.findings);
}

TEST(baseline_counts_several_of_one_kind)
{
	struct findings then = {0}, now = {0};
	enum change change[3] = {CHANGE_NONE};
	const json_t *gone[GONE_MAX];
	struct baseline *b;
	unsigned count = 0;

	rig_add(&then, "blacklisted", NULL, AUDIT_FAIL, NULL, "listed by a.example for 3 days");
	rig_add(&then, "blacklisted", NULL, AUDIT_FAIL, NULL, "listed by b.example for 3 days");
	b = baseline_of(&then);
	rig_add(&now, "blacklisted", NULL, AUDIT_FAIL, NULL, "listed by c.example for 1 days");
	rig_add(&now, "blacklisted", NULL, AUDIT_FAIL, NULL, "listed by b.example for 4 days");
	rig_add(&now, "blacklisted", NULL, AUDIT_FAIL, NULL, "listed by a.example for 4 days");
	ENSURE(baseline_compare(b, &now, change, gone, &count) == 0, "compared");
	EXPECT(change[0] == CHANGE_NEW && !change[1] && !change[2] && count == 0,
	       "the third is new, though days have gone by");
	snprintf(now.row[0]->text, FINDING_TEXT_MAX, "listed by a.example for 4 days");
	now.count = 1;
	ENSURE(baseline_compare(b, &now, change, gone, &count) == 0, "compared");
	EXPECT(count == 1 &&
		       strstr(json_string_value(json_object_get(gone[0], "finding")), "b.example"),
	       "the other is gone");
	now.count = 3;
	baseline_free(b);
	findings_free(&then);
	findings_free(&now);
}

TEST(baseline_next_forgets_nothing_that_is_undecided)
{
	struct findings then = {0}, hour = {0}, later = {0};
	struct report r = {.findings = &hour};
	struct written w;
	struct baseline *b;
	enum change change[2] = {CHANGE_NONE};
	const json_t *gone[GONE_MAX];
	unsigned count = 0;
	struct err e = {0};

	rig_add(&then, "relay", NULL, AUDIT_FAIL, NULL, "open");
	rig_add(&then, "banner", "version", AUDIT_FAIL, NULL, "a version");
	b = baseline_of(&then);
	r.baseline = b;
	rig_add(&hour, "relay", NULL, AUDIT_INCONCLUSIVE, NULL, "no answer");
	rig_add(&hour, "banner", NULL, AUDIT_INCONCLUSIVE, NULL, "no answer");
	w = write_report(baseline_write, &r);
	baseline_free(b);
	ENSURE(baseline_read(&b, w.text, w.length, &e) == 0, "%s", e.text);
	rig_add(&later, "relay", NULL, AUDIT_FAIL, NULL, "open");
	rig_add(&later, "banner", NULL, AUDIT_PASS, NULL, "masked");
	ENSURE(baseline_compare(b, &later, change, gone, &count) == 0, "compared");
	EXPECT(change[0] == CHANGE_NONE, "open before, open after: %s", change_name(change[0]));
	EXPECT(count == 1, "and the version is gone now: %u", count);
	free(w.text);
	baseline_free(b);
	findings_free(&then);
	findings_free(&hour);
	findings_free(&later);
}

/* ---- reports with a baseline ---- */

TEST(baseline_leaves_a_report_of_what_changed)
{
	struct sample s;
	struct findings then = {0};
	struct report_sum sum;
	struct written w;

	sample_make(&s);
	rig_add(&then, "smuggling", NULL, AUDIT_FAIL, NULL, "bare LF ends a message \x1b[2J");
	for (unsigned i = 1; i < s.findings.count; i++) {
		struct finding *row = rig_add(&then, s.findings.row[i]->check->id, NULL,
					      s.findings.row[i]->status, NULL, "");
		struct finding kept = *row;

		*row = *s.findings.row[i];
		row->evidence = kept.evidence;
		row->evidence_count = 0;
	}
	s.report.baseline = baseline_of(&then);
	s.report.only_changes = true;
	report_sum(&s.report, &sum);
	EXPECT(sum.by_change[CHANGE_NEW] == 1 && sum.by_change[CHANGE_GONE] == 1, "one of each");
	EXPECT(sum.exit_status != REPORT_FOUND, "old findings do not count: %u", sum.counted);
	w = write_report(report_text, &s.report);
	EXPECT(strstr(w.text, "banner.version (new)") && strstr(w.text, "Gone since the baseline"),
	       "%s", w.text);
	EXPECT(!strstr(w.text, "relay") && !strchr(w.text, '\033'), "nothing else");
	free(w.text);
	w = write_report(report_json, &s.report);
	EXPECT(strstr(w.text, "\"change\":\"new\"") && strstr(w.text, "\"change\":\"gone\""),
	       "both");
	free(w.text);
	w = write_report(report_html, &s.report);
	EXPECT(strstr(w.text, "<span class=\"tag\">new</span>") && strstr(w.text, "id=\"gone\"") &&
		       !strchr(w.text, '\033'),
	       "both");
	free(w.text);
	baseline_free((struct baseline *)s.report.baseline);
	findings_free(&then);
	findings_free(&s.findings);
}

TEST(baseline_says_that_nothing_changed)
{
	struct sample s;
	struct written w;

	sample_make(&s);
	s.report.baseline = baseline_of(&s.findings);
	s.report.only_changes = true;
	w = write_report(report_text, &s.report);
	EXPECT(strstr(w.text, "Nothing has changed since the baseline."), "%s", w.text);
	free(w.text);
	baseline_free((struct baseline *)s.report.baseline);
	findings_free(&s.findings);
}

/* ---- files that are none ---- */

#define GOOD                                                                                       \
	"{\"schema\":1,\"id\":\"relay\",\"status\":\"fail\",\"severity\":\"high\",\"target\":"     \
	"\"a.example\",\"address\":\"192.0.2.1\",\"port\":25,\"finding\":\"open\"}"

TEST(baseline_believes_no_line_unseen)
{
	static const struct {
		const char *sentence, *text, *error; /* NULL: is taken */
	} files[] = {
		{"nothing", "", NULL},
		{"empty lines", "\n\n", NULL},
		{"one finding", GOOD "\n", NULL},
		{"without a last newline", GOOD, NULL},
		{"a summary", GOOD "\n{\"summary\":{\"exit\":0}}\n", NULL},
		{"a report of changes", "{\"summary\":{\"only_changes\":true}}", "changes alone"},
		{"no JSON", "hello", "line 1 of the baseline is no JSON"},
		{"a second line that is none", GOOD "\nhello", "line 2"},
		{"an array", "[1]", "no JSON object"},
		{"another schema", "{\"schema\":2,\"id\":\"relay\"}", "no finding"},
		{"an id that is a number", "{\"schema\":1,\"id\":7}", "no finding"},
		{"an unknown status",
		 "{\"schema\":1,\"id\":\"relay\",\"status\":\"odd\",\"severity\":\"high\","
		 "\"target\":\"a\",\"address\":null,\"port\":null,\"finding\":\"x\"}",
		 "no finding"},
		{"an address that is none",
		 "{\"schema\":1,\"id\":\"relay\",\"status\":\"fail\",\"severity\":\"high\","
		 "\"target\":\"a\",\"address\":\"here\",\"port\":null,\"finding\":\"x\"}",
		 "no finding"},
		{"a port that is none",
		 "{\"schema\":1,\"id\":\"relay\",\"status\":\"fail\",\"severity\":\"high\","
		 "\"target\":\"a\",\"address\":null,\"port\":99999,\"finding\":\"x\"}",
		 "no finding"},
		{"a zero byte in a text",
		 "{\"schema\":1,\"id\":\"re\\u0000lay\",\"status\":\"fail\",\"severity\":\"high\","
		 "\"target\":\"a\",\"address\":null,\"port\":null,\"finding\":\"x\"}",
		 "no JSON"},
		{"no UTF-8", "{\"schema\":1,\"id\":\"\xff\"}", "no JSON"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct baseline *b = NULL;
		struct err e = {0};
		int rc = baseline_read(&b, files[i].text, strlen(files[i].text), &e);

		EXPECT(!rc == !files[i].error, "%s: %d %s", files[i].sentence, rc, e.text);
		if (files[i].error)
			EXPECT(strstr(e.text, files[i].error), "%s: %s", files[i].sentence, e.text);
		baseline_free(b);
	}
}

TEST(baseline_is_bounded)
{
	char *deep = malloc(BASELINE_BYTES_MAX + 1), long_id[] = GOOD;
	struct baseline *b = NULL;
	struct err e = {0};
	char *many;
	size_t at = 0;

	ENSURE(deep, "memory");
	memset(deep, '[', BASELINE_BYTES_MAX + 1);
	EXPECT(baseline_read(&b, deep, BASELINE_BYTES_MAX + 1, &e) == -EFBIG, "too long");
	EXPECT(baseline_read(&b, deep, BASELINE_BYTES_MAX, &e) == -EINVAL, "too deep");
	many = deep;
	while (at + sizeof(long_id) < BASELINE_BYTES_MAX) {
		memcpy(many + at, long_id, sizeof(long_id) - 1);
		at += sizeof(long_id) - 1;
		many[at++] = '\n';
	}
	EXPECT(baseline_read(&b, many, at, &e) == -E2BIG, "too many: %s", e.text);
	free(deep);
}
