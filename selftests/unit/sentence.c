/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentences of the command line: grammar, clauses, texts, suggestions, and lines on standard input. */
#include "tap.h"

#include <errno.h>

#include "cli/batch.h"
#include "cli/cli.h"
#include "cli/nearest.h"
#include "cli/sentence.h"

#define BLOCK "PREFIX|- [anyway] [for TIME] [with drop|refuse] [saying TEXT] [because TEXT]"
#define AUDIT                                                                                      \
	"[DOMAIN|HOST] [--only IDS] [--own] [--every [daily|TIME]] [--fail-on low|medium|high]"
#define WORDS_MAX 16

static unsigned split(char *line, const char **words)
{
	unsigned count = 0;
	char *rest = NULL;

	for (char *w = strtok_r(line, " ", &rest); w && count < WORDS_MAX;
	     w = strtok_r(NULL, " ", &rest))
		words[count++] = w;
	return count;
}

static const struct {
	const char *sentence, *syntax, *line;
	const char *error;	  /* a part of it; NULL: parses */
	const char *first;	  /* the first word */
	const char *name, *value; /* a clause and what it must be */
} rows[] = {
	{"a prefix alone", BLOCK, "192.0.2.1", NULL, "192.0.2.1", "for", NULL},
	{"standard input", BLOCK, "-", NULL, "-", NULL, NULL},
	{"a time", BLOCK, "192.0.2.1 for 2h", NULL, "192.0.2.1", "for", "2h"},
	{"clauses before the word", BLOCK, "with refuse for 2h 192.0.2.1", NULL, "192.0.2.1",
	 "with", "refuse"},
	{"because takes the rest", BLOCK, "192.0.2.1 because it came for 2h --json -x", NULL,
	 "192.0.2.1", "because", "it came for 2h --json -x"},
	{"and leaves no clause in it", BLOCK, "192.0.2.1 because it came for 2h", NULL, "192.0.2.1",
	 "for", NULL},
	{"saying ends at because", BLOCK, "192.0.2.1 saying go away because of spam", NULL,
	 "192.0.2.1", "saying", "go away"},
	{"which has its own text", BLOCK, "192.0.2.1 saying go away because of spam", NULL,
	 "192.0.2.1", "because", "of spam"},
	{"because may hold saying", BLOCK, "192.0.2.1 because of saying no", NULL, "192.0.2.1",
	 "because", "of saying no"},
	{"a topic", "status|rules", "rules", NULL, "rules", NULL, NULL},
	{"many words", "IFACE...", "a b c", NULL, "a", NULL, NULL},
	{"no word at all", "[FILE]", "", NULL, NULL, NULL, NULL},
	{"an option of the verb", "[--trial]", "--trial", NULL, NULL, "--trial", "--trial"},
	{"the prefix is missing", BLOCK, "for 2h", "PREFIX|- is missing", NULL, NULL, NULL},
	{"one of many is needed", "IFACE...", "", "IFACE is missing", NULL, NULL, NULL},
	{"a word too many", BLOCK, "192.0.2.1 192.0.2.2", "unexpected word \"192.0.2.2\"", NULL,
	 NULL, NULL},
	{"a clause nearly right", BLOCK, "192.0.2.1 fro 2h", "did you mean \"for\"?", NULL, NULL,
	 NULL},
	{"the word that may be there", BLOCK, "192.0.2.1 anyway for 2h", NULL, "192.0.2.1", "for",
	 "2h"},
	{"behind the clauses too", BLOCK, "192.0.2.1 for 2h anyway", NULL, "192.0.2.1", "for",
	 "2h"},
	{"it nearly right", BLOCK, "192.0.2.1 anywy", "did you mean \"anyway\"?", NULL, NULL, NULL},
	{"a choice nearly right", BLOCK, "192.0.2.1 with refsue", "did you mean \"refuse\"?", NULL,
	 NULL, NULL},
	{"a choice that is none", BLOCK, "192.0.2.1 with honey", "is none of drop|refuse", NULL,
	 NULL, NULL},
	{"a topic nearly right", "status|rules", "rulse", "did you mean \"rules\"?", NULL, NULL,
	 NULL},
	{"a clause twice", BLOCK, "192.0.2.1 for 1h for 2h", "\"for\" is given twice", NULL, NULL,
	 NULL},
	{"a clause without its word", BLOCK, "192.0.2.1 for", "\"for\" needs TIME", NULL, NULL,
	 NULL},
	{"a text without text", BLOCK, "192.0.2.1 because", "\"because\" needs a text", NULL, NULL,
	 NULL},
	{"a saying cut short by because", BLOCK, "192.0.2.1 saying because x",
	 "\"saying\" needs a text", NULL, NULL, NULL},
	{"an unknown option", BLOCK, "192.0.2.1 --force", "unexpected option \"--force\"", NULL,
	 NULL, NULL},
	{"an option nearly right", "[--trial]", "--trail", "did you mean \"--trial\"?", NULL, NULL,
	 NULL},
	{"an option with a value", AUDIT, "--only banner,spf a.example", NULL, "a.example",
	 "--only", "banner,spf"},
	{"the same with an equals sign", AUDIT, "a.example --only=banner", NULL, "a.example",
	 "--only", "banner"},
	{"a word that may lack", AUDIT, "--own", NULL, NULL, "--own", "--own"},
	{"options among each other", AUDIT, "--own a.example --only spf", NULL, "a.example",
	 "--own", "--own"},
	{"an option that lacks its value", AUDIT, "a.example --only", "\"--only\" needs IDS", NULL,
	 NULL, NULL},
	{"another option is no value", AUDIT, "--only --own", "\"--only\" needs IDS", NULL, NULL,
	 NULL},
	{"an empty value is none", AUDIT, "--only=", "\"--only\" needs IDS", NULL, NULL, NULL},
	{"a value that is not wanted", AUDIT, "--own=yes", "\"--own\" takes no value", NULL, NULL,
	 NULL},
	{"an option twice", AUDIT, "--only a --only=b", "\"--only\" is given twice", NULL, NULL,
	 NULL},
	{"a value that may lack does", AUDIT, "--every a.example", NULL, "a.example", "--every",
	 "--every"},
	{"and does at the end", AUDIT, "a.example --every", NULL, "a.example", "--every",
	 "--every"},
	{"it is one of its list", AUDIT, "--every daily a.example", NULL, "a.example", "--every",
	 "daily"},
	{"or a time", AUDIT, "--every 12h a.example", NULL, "a.example", "--every", "12h"},
	{"or stands behind an equals sign", AUDIT, "--every=2d a.example", NULL, "a.example",
	 "--every", "2d"},
	{"where it must be one", AUDIT, "--every=often a.example", "is none of daily|TIME", NULL,
	 NULL, NULL},
	{"the word for a time is none", AUDIT, "--every TIME", NULL, "TIME", "--every", "--every"},
	{"an option's choice nearly right", AUDIT, "--fail-on hihg", "did you mean \"high\"?", NULL,
	 NULL, NULL},
	{"an option that is longer than known", AUDIT, "--owner", "unexpected option \"--owner\"",
	 NULL, NULL, NULL},
	{"clauses have no equals sign", BLOCK, "192.0.2.1 for=2h", "unexpected word", NULL, NULL,
	 NULL},
	{"a word where none is wanted", "", "now", "unexpected word", NULL, NULL, NULL},
};

TEST(sentence_follows_its_syntax)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char line[256];
		const char *words[WORDS_MAX], *value;
		struct sentence s;
		struct err e = {0};
		unsigned count;
		int rc;

		snprintf(line, sizeof(line), "%s", rows[i].line);
		count = split(line, words);
		rc = sentence_parse(rows[i].syntax, words, count, &s, &e);
		if (!EXPECT(!rc == !rows[i].error, "%s: %d %s", rows[i].sentence, rc, e.text))
			continue;
		if (rows[i].error) {
			EXPECT(strstr(e.text, rows[i].error), "%s: %s", rows[i].sentence, e.text);
			continue;
		}
		if (rows[i].first)
			EXPECT(s.word_count && !strcmp(s.word[0], rows[i].first), "%s",
			       rows[i].sentence);
		if (!rows[i].name)
			continue;
		value = sentence_get(&s, rows[i].name);
		EXPECT(value == rows[i].value ||
			       (value && rows[i].value && !strcmp(value, rows[i].value)),
		       "%s: %s is %s", rows[i].sentence, rows[i].name, value ? value : "(none)");
	}
}

TEST(sentence_bounds_its_texts)
{
	char longest[SENTENCE_TEXT_MAX + 1];
	const char *words[] = {"192.0.2.1", "because", longest};
	struct sentence s;
	struct err e;

	memset(longest, 'x', sizeof(longest));
	longest[SENTENCE_TEXT_MAX - 1] = '\0';
	EXPECT(sentence_parse(BLOCK, words, 3, &s, &e) == 0, "255 bytes are taken");
	EXPECT(strlen(sentence_get(&s, "because")) == SENTENCE_TEXT_MAX - 1, "all of them");
	longest[SENTENCE_TEXT_MAX - 1] = 'x';
	longest[SENTENCE_TEXT_MAX] = '\0';
	EXPECT(sentence_parse(BLOCK, words, 3, &s, &e) == -EINVAL, "256 are not");
	EXPECT(strstr(e.text, "longer than 255 bytes"), "%s", e.text);
}

TEST(sentence_refuses_texts_that_harm_a_terminal)
{
	static const char *const bad[] = {"a\nb",
					  "a\tb",
					  "\x1b[31m",
					  "a\x7f",
					  ("\xc2\x9b"
					   "31m"),
					  "\xff\xfe",
					  "\xc3",
					  "\xed\xa0\x80"};
	static const char *const good[] = {"plain",
					   ("Gr\xc3\xbc\xc3\x9f"
					    "e"),
					   "100 % \"sure\"", "\xe2\x82\xac"};
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT(sentence_check_text("because", bad[i], &e) == -EINVAL, "bad text %zu", i);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		EXPECT(sentence_check_text("because", good[i], &e) == 0, "%s: %s", good[i], e.text);
}

TEST(sentence_every_verb_has_a_syntax_that_parses)
{
	for (unsigned i = 0; i < verb_count; i++) {
		struct grammar g;

		EXPECT(grammar_parse_with(verbs[i].syntax, verbs[i].options, &g) == 0, "%s %s",
		       verbs[i].name, verbs[i].syntax);
		EXPECT(verbs[i].run && verbs[i].sentence && verbs[i].sentence[0], "%s is whole",
		       verbs[i].name);
		EXPECT(verb_find(verbs[i].name) == &verbs[i], "%s is there once", verbs[i].name);
	}
}

TEST(sentence_refuses_a_syntax_that_is_none)
{
	static const char *const bad[] = {
		"[for TIME",
		"[]",
		"[for ]",
		"[--every [TIME]",
		"[for [TIME]]",
		"[--every []]",
		"WORDTHATISLONGERTHANANYWHATCOULDEVERBEINSUCHASYNTAXANDSTILLGOESONANDONANDONANDON"};
	char many[2 * (SENTENCE_SLOTS_MAX + 1)] = "";
	struct grammar g;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT(grammar_parse(bad[i], &g) == -EINVAL, "\"%s\"", bad[i]);
	for (size_t i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 ? ' ' : 'A';
	EXPECT(grammar_parse(many, &g) == -EINVAL, "more words than there are slots");
	many[2 * SENTENCE_SLOTS_MAX] = '\0';
	EXPECT(grammar_parse(many, &g) == 0, "as many as there are");
}

TEST(sentence_takes_options_from_a_table)
{
	static const struct sentence_option options[] = {
		{"--only IDS", "these alone"}, {"--own", "it is mine"}, {NULL, NULL}};
	static const char *const words[] = {"a.example", "--own", "--only=spf"};
	struct sentence s;
	struct err e = {0};

	ENSURE(sentence_parse_with("DOMAIN", options, words, 3, &s, &e) == 0, "%s", e.text);
	EXPECT(sentence_get(&s, "--own") && !strcmp(sentence_get(&s, "--only"), "spf"), "both");
	EXPECT(sentence_parse("DOMAIN", words, 3, &s, &e) == -EINVAL, "without the table none");
}

TEST(nearest_suggests_what_was_meant_and_nothing_far)
{
	static const struct {
		const char *word, *candidate;
		bool near;
	} pairs[] = {
		{"blok", "block", true},
		{"unblokc", "unblock", true},
		{"atach", "attach", true},
		{"hlep", "help", true},
		{"xyzzy", "block", false},
		{"a", "run", false},
		{"--jsno", "--json", true},
		{"", "run", false},
		{"monitro", "monitor", true},
		{"enforcement", "enforce", false},
		{"wordthatislongerthananywhatcouldeverbe", "watch", false},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *best = NULL;
		unsigned distance = 0;

		nearest_try(pairs[i].word, pairs[i].candidate, &best, &distance);
		EXPECT(!!best == pairs[i].near, "%s, %s", pairs[i].word, pairs[i].candidate);
	}
	EXPECT(nearest_distance("ab", "ba") == 1, "a swap is one step");
	EXPECT(nearest_distance("", "abc") == 3, "three letters are three steps");
	EXPECT(nearest_distance("kitten", "sitting") == 3, "the textbook's example");
}

/* ---- standard input ---- */

static int keep_words(void *context, const char *const *words, unsigned count,
		      struct store_rule *out, struct err *e)
{
	char *all = context;

	memset(out, 0, sizeof(*out));
	if (!strcmp(words[0], "bad"))
		return err_set(e, -EINVAL, "bad word");
	for (unsigned i = 0; i < count; i++) {
		strcat(all, words[i]);
		strcat(all, i + 1 < count ? "_" : ";");
	}
	return 0;
}

static int batch_of(const char *text, size_t size, struct batch *b, char *all, struct err *e)
{
	FILE *in = tmpfile();
	int rc;

	*b = (struct batch){0};
	if (!EXPECT(in && fwrite(text, 1, size, in) == size, "a file"))
		return -EIO;
	rewind(in);
	rc = batch_read(in, keep_words, all, b, e);
	fclose(in);
	return rc;
}

TEST(batch_reads_lines_comments_and_texts)
{
	static const char text[] = "# a list\n\n192.0.2.1\r\n  192.0.2.2\t for 2h # why\n"
				   "192.0.2.3 because ticket #12\n#\n192.0.2.4";
	char all[512] = "";
	struct batch b;
	struct err e = {0};

	ENSURE(batch_of(text, sizeof(text) - 1, &b, all, &e) == 0, "%s", e.text);
	EXPECT(!strcmp(all, "192.0.2.1;192.0.2.2_for_2h;192.0.2.3_because_ticket_#12;192.0.2.4;"),
	       "%s", all);
	EXPECT(b.count == 4 && b.line[0] == 3 && b.line[3] == 7, "lines are numbered");
	batch_free(&b);
}

TEST(batch_names_the_line_of_a_fault)
{
	char longest[BATCH_LINE_MAX + 2], all[512] = "";
	struct batch b;
	struct err e = {0};

	EXPECT(batch_of("a\nb\nbad\n", 8, &b, all, &e) == -EINVAL, "a bad word");
	EXPECT(!strcmp(e.text, "line 3: bad word"), "%s", e.text);
	EXPECT(b.count == 0 && !b.rule, "nothing is left");
	EXPECT(batch_of("a\nb\0c\n", 6, &b, all, &e) == -EINVAL, "a zero byte");
	EXPECT(strstr(e.text, "line 2: a zero byte"), "%s", e.text);
	memset(longest, 'x', sizeof(longest));
	EXPECT(batch_of(longest, BATCH_LINE_MAX, &b, all, &e) == -EINVAL, "a line too long");
	EXPECT(strstr(e.text, "line 1: longer than"), "%s", e.text);
}
