/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words behind a verb: by the syntax of every verb there is, whatever words come. Lines are words, and the first is the
 * verb, or chooses one.
 */
#include "cli/cli.h"
#include "cli/sentence.h"
#include "fuzz/fuzz.h"

#define WORDS_MAX 48 /* more than a sentence takes */

static unsigned words_split(char *text, const char *words[static WORDS_MAX])
{
	unsigned count = 0;

	for (char *at = text; *at && count < WORDS_MAX;) {
		char *stop = strchr(at, '\n');

		words[count++] = at;
		if (!stop)
			break;
		*stop = '\0';
		at = stop + 1;
	}
	return count;
}

static bool is_one_of(const char *word, const char *const *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (words[i] == word)
			return true;
	return false;
}

/* Is it what stands behind the equals sign of a word, "--only=IDS"? */
static bool is_in_one_of(const char *value, const char *const *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (value > words[i] && value <= words[i] + strlen(words[i]))
			return value[-1] == '=';
	return false;
}

/* Every word has gone somewhere, and none to two places. */
static void check(const struct sentence *s, const char *const *words, unsigned count)
{
	unsigned taken = s->word_count;
	struct err e = {0};
	uint64_t for_s;

	HOLDS(s->word_count <= SENTENCE_WORDS_MAX);
	for (unsigned i = 0; i < s->word_count; i++)
		HOLDS(is_one_of(s->word[i], words, count));
	for (unsigned i = 0; i < s->grammar.count; i++) {
		const struct slot *slot = &s->grammar.slot[i];

		if (!s->value[i])
			continue;
		HOLDS(slot->kind != SLOT_WORD && sentence_get(s, slot->name) == s->value[i]);
		if (slot->text) {
			HOLDS(strlen(s->value[i]) < SENTENCE_TEXT_MAX);
			HOLDS(sentence_check_text(slot->name, s->value[i], NULL) == 0);
			/* A text is words too; how many does not show. */
			taken = count;
		} else {
			bool is_word = is_one_of(s->value[i], words, count);
			bool is_bare = slot->may_lack && strcmp(s->value[i], slot->name) == 0;

			HOLDS(is_word || is_in_one_of(s->value[i], words, count));
			taken += slot->kind == SLOT_CLAUSE && is_word && !is_bare ? 2 : 1;
		}
	}
	HOLDS(taken >= count);
	if (sentence_get_duration(s, "for", &for_s, &e) < 0)
		HOLDS(e.code < 0 && is_printable(e.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *words[WORDS_MAX];
	const struct verb *verb;
	struct grammar grammar;
	struct err e = {0};
	struct sentence s;
	unsigned count;
	char *text;

	text = text_of(data, size);
	/* A syntax is ours, but a fault in it should be told and not crash. */
	if (grammar_parse(text, &grammar) == 0)
		HOLDS(grammar.count <= SENTENCE_SLOTS_MAX);
	count = words_split(text, words);
	if (!count)
		goto out;
	verb = verb_find(words[0]);
	if (!verb)
		verb = &verbs[choice_of((uint8_t)words[0][0], verb_count)];
	if (sentence_parse_with(verb->syntax, verb->options, words + 1, count - 1, &s, &e) < 0)
		HOLDS(e.code < 0 && is_printable(e.text));
	else
		check(&s, words + 1, count - 1);
out:
	free(text);
	return 0;
}
