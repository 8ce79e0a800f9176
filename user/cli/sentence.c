/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser follows the text that help prints, so that the two cannot part. Clauses may stand in any order, but
 * a text swallows what follows it: `because` takes the rest of the line, which is what lets people write a reason
 * without quotes.
 */
#include "cli/sentence.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/when.h"
#include "cli/nearest.h"

#define SENTENCE_SHOWN_MAX 80 /* of a foreign word in a message */
#define CLAUSE_LAST	   "because"

/* ---- the grammar ---- */

static int copy_word(char *to, size_t size, const char *from, size_t length)
{
	if (length == 0 || length >= size)
		return -EINVAL;
	memcpy(to, from, length);
	to[length] = '\0';
	return 0;
}

/* "[daily|TIME]": a value that may lack. */
static int value_unwrap(struct slot *slot)
{
	size_t length = strlen(slot->what);

	if (slot->what[0] != '[')
		return 0;
	if (length < 3 || slot->what[length - 1] != ']' || slot->name[0] != '-')
		return -EINVAL;
	memmove(slot->what, slot->what + 1, length - 2);
	slot->what[length - 2] = '\0';
	slot->may_lack = true;
	return 0;
}

/* One item without its brackets: "PREFIX|-", "IFACE...", "for TIME", "--trial", "--only IDS". */
static int slot_parse(const char *item, size_t length, bool optional, struct slot *out)
{
	const char *space = memchr(item, ' ', length);
	size_t first = space ? (size_t)(space - item) : length;

	*out = (struct slot){.optional = optional};
	if (space) {
		out->kind = SLOT_CLAUSE;
		if (copy_word(out->name, sizeof(out->name), item, first) ||
		    copy_word(out->what, sizeof(out->what), space + 1, length - first - 1) ||
		    value_unwrap(out))
			return -EINVAL;
	} else if (length > 2 && item[0] == '-' && item[1] == '-') {
		out->kind = SLOT_OPTION;
		return copy_word(out->name, sizeof(out->name), item, length);
	} else {
		out->kind = SLOT_WORD;
		if (length > 3 && memcmp(item + length - 3, "...", 3) == 0) {
			out->many = true;
			length -= 3;
		}
		if (copy_word(out->what, sizeof(out->what), item, length))
			return -EINVAL;
	}
	out->text = strcmp(out->what, "TEXT") == 0;
	out->choice = islower((unsigned char)out->what[0]);
	return 0;
}

/* How long the item is up to the bracket that closes it; brackets inside it are its own. */
static size_t bracketed_length(const char *item)
{
	size_t length = 0;

	for (unsigned depth = 0; item[length] && (depth || item[length] != ']'); length++)
		depth += item[length] == '[' ? 1 : item[length] == ']' ? -1U : 0;
	return length;
}

int grammar_parse(const char *syntax, struct grammar *out)
{
	const char *at = syntax;

	*out = (struct grammar){0};
	while (*(at += strspn(at, " "))) {
		bool optional = *at == '[';
		size_t length = optional ? bracketed_length(at + 1) : strcspn(at, " ");

		if (out->count == SENTENCE_SLOTS_MAX)
			return -EINVAL;
		if (optional && at[1 + length] != ']')
			return -EINVAL;
		if (slot_parse(at + optional, length, optional, &out->slot[out->count++]))
			return -EINVAL;
		at += length + (optional ? 2 : 0);
	}
	return 0;
}

int grammar_parse_with(const char *syntax, const struct sentence_option *options,
		       struct grammar *out)
{
	int rc = grammar_parse(syntax, out);

	for (const struct sentence_option *o = options; rc == 0 && o && o->syntax; o++) {
		if (out->count == SENTENCE_SLOTS_MAX)
			return -EINVAL;
		rc = slot_parse(o->syntax, strlen(o->syntax), true, &out->slot[out->count++]);
	}
	return rc;
}

/* ---- the words ---- */

static const char *show(const char *word, char buffer[static SENTENCE_SHOWN_MAX])
{
	return text_escape(word, strlen(word), buffer, SENTENCE_SHOWN_MAX);
}

/* Is word one of "a|b|c"? *near: the one that was probably meant, in buffer, or NULL. */
static bool choice_has(const char *choices, const char *word, char *buffer, size_t size,
		       const char **near)
{
	char one[SENTENCE_WHAT_MAX];
	unsigned distance = 0;

	*near = NULL;
	for (const char *at = choices; *at;) {
		size_t length = strcspn(at, "|");
		const char *best = NULL;
		unsigned d = 0;

		if (copy_word(one, sizeof(one), at, length) == 0) {
			if (strcmp(one, word) == 0)
				return true;
			nearest_try(word, one, &best, &d);
			if (best && (!*near || d < distance)) {
				snprintf(buffer, size, "%s", one);
				*near = buffer;
				distance = d;
			}
		}
		at += length + (at[length] == '|');
	}
	return false;
}

static int choice_fail(const struct slot *slot, const char *word, const char *near, struct err *e)
{
	char shown[SENTENCE_SHOWN_MAX];

	return err_set(e, -EINVAL, "%s%s\"%s\" is none of %s%s%s%s", slot->name,
		       slot->name[0] ? " " : "", show(word, shown), slot->what,
		       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int choice_check(const struct slot *slot, const char *word, struct err *e)
{
	char buffer[SENTENCE_WHAT_MAX];
	const char *near;

	if (!slot->choice || choice_has(slot->what, word, buffer, sizeof(buffer), &near))
		return 0;
	return choice_fail(slot, word, near, e);
}

/* "[anyway]": one word that may stand there or not. */
static bool is_keyword(const struct slot *slot)
{
	return slot->optional && slot->choice && !strchr(slot->what, '|');
}

/* Not among the clauses: which of their keywords is like it? */
static int word_unexpected(const struct sentence *s, const char *word, struct err *e)
{
	char shown[SENTENCE_SHOWN_MAX];
	const char *near = NULL;
	unsigned distance = 0;

	for (unsigned i = 0; i < s->grammar.count; i++)
		if (s->grammar.slot[i].kind != SLOT_WORD)
			nearest_try(word, s->grammar.slot[i].name, &near, &distance);
		else if (is_keyword(&s->grammar.slot[i]))
			nearest_try(word, s->grammar.slot[i].what, &near, &distance);
	return err_set(e, -EINVAL, "unexpected %s \"%s\"%s%s%s",
		       word[0] == '-' && word[1] ? "option" : "word", show(word, shown),
		       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The words of a text, joined by single spaces, into the sentence's own memory. How many were taken. */
static int text_take(struct sentence *s, unsigned index, const char *const *words, unsigned count,
		     struct err *e)
{
	const struct slot *slot = &s->grammar.slot[index];
	bool last = strcmp(slot->name, CLAUSE_LAST) == 0;
	size_t used = 0;
	unsigned taken = 0;
	char *text;

	if (s->text_count == sizeof(s->text) / sizeof(s->text[0]))
		return err_set(e, -EINVAL, "too many texts");
	text = s->text[s->text_count++];
	text[0] = '\0';
	for (; taken < count; taken++) {
		size_t length = strlen(words[taken]), space = taken ? 1 : 0;

		if (!last && strcmp(words[taken], CLAUSE_LAST) == 0)
			break;
		if (used + space + length >= SENTENCE_TEXT_MAX)
			return err_set(e, -EINVAL, "the text after \"%s\" is longer than %d bytes",
				       slot->name, SENTENCE_TEXT_MAX - 1);
		if (space)
			text[used++] = ' ';
		memcpy(text + used, words[taken], length + 1);
		used += length;
	}
	if (!used)
		return err_set(e, -EINVAL, "\"%s\" needs a text behind it", slot->name);
	if (sentence_check_text(slot->name, text, e))
		return -EINVAL;
	s->value[index] = text;
	return (int)taken;
}

/* Is it this slot's keyword? *joined: the value behind an equals sign, which options may have, or NULL. */
static bool slot_is(const struct slot *slot, const char *word, const char **joined)
{
	size_t length = strlen(slot->name);

	*joined = NULL;
	if (slot->kind == SLOT_WORD || strncmp(slot->name, word, length) != 0)
		return false;
	if (word[length] == '=' && slot->name[0] == '-')
		*joined = word + length + 1;
	return !word[length] || *joined;
}

/* Could the word be the value of an option that needs none? Only what is in its list, since a plain word may be the verb's. */
static bool value_fits(const struct slot *slot, const char *word)
{
	char buffer[SENTENCE_WHAT_MAX];
	const char *near;
	uint64_t time_s;

	if (choice_has(slot->what, word, buffer, sizeof(buffer), &near))
		return !isupper((unsigned char)word[0]);
	return strstr(slot->what, "TIME") && duration_parse(word, &time_s, NULL) == 0;
}

/* An option's own: a value that may lack or stand behind an equals sign, and no other option for a value. */
static int option_take(struct sentence *s, unsigned i, const char *joined, const char *const *words,
		       unsigned count, struct err *e)
{
	const struct slot *slot = &s->grammar.slot[i];
	char shown[SENTENCE_SHOWN_MAX];
	bool has_next = count > 1 && strncmp(words[1], "--", 2) != 0;

	if (joined && slot->kind == SLOT_OPTION)
		return err_set(e, -EINVAL, "\"%s\" takes no value", slot->name);
	if (slot->kind == SLOT_OPTION ||
	    (slot->may_lack && !joined && !(has_next && value_fits(slot, words[1])))) {
		s->value[i] = words[0];
		return 1;
	}
	if (!joined && !has_next)
		return err_set(e, -EINVAL, "\"%s\" needs %s behind it", slot->name, slot->what);
	s->value[i] = joined ? joined : words[1];
	if (!*s->value[i])
		return err_set(e, -EINVAL, "\"%s\" needs %s behind it", slot->name, slot->what);
	if (slot->may_lack && !value_fits(slot, s->value[i]))
		return err_set(e, -EINVAL, "\"%s\": \"%s\" is none of %s", slot->name,
			       show(s->value[i], shown), slot->what);
	if (!slot->may_lack && choice_check(slot, s->value[i], e))
		return -EINVAL;
	return joined ? 1 : 2;
}

/* A clause or option at words[0]. How many words it took, 0 if it is none, or -EINVAL. */
static int clause_take(struct sentence *s, const char *const *words, unsigned count, struct err *e)
{
	const struct slot *slot;
	const char *joined = NULL;
	unsigned i = 0;
	int taken;

	while (i < s->grammar.count && !slot_is(&s->grammar.slot[i], words[0], &joined))
		i++;
	if (i == s->grammar.count)
		return 0;
	slot = &s->grammar.slot[i];
	if (s->value[i])
		return err_set(e, -EINVAL, "\"%s\" is given twice", slot->name);
	if (slot->name[0] == '-')
		return option_take(s, i, joined, words, count, e);
	if (slot->text) {
		taken = text_take(s, i, words + 1, count - 1, e);
		return taken < 0 ? taken : taken + 1;
	}
	if (count < 2)
		return err_set(e, -EINVAL, "\"%s\" needs %s behind it", slot->name, slot->what);
	if (choice_check(slot, words[1], e))
		return -EINVAL;
	s->value[i] = words[1];
	return 2;
}

/* The slot that the next plain word goes into, or NULL when all are filled. */
static const struct slot *word_slot(const struct sentence *s)
{
	unsigned number = 0;

	for (unsigned i = 0; i < s->grammar.count; i++) {
		const struct slot *slot = &s->grammar.slot[i];

		if (slot->kind != SLOT_WORD)
			continue;
		if (slot->many || number == s->word_count)
			return slot;
		number++;
	}
	return NULL;
}

static int word_take(struct sentence *s, const char *word, struct err *e)
{
	const struct slot *slot = word_slot(s);

	if (!slot || (word[0] == '-' && word[1]) ||
	    (is_keyword(slot) && strcmp(slot->what, word) != 0))
		return word_unexpected(s, word, e);
	if (s->word_count == SENTENCE_WORDS_MAX)
		return err_set(e, -EINVAL, "more than %d words", SENTENCE_WORDS_MAX);
	if (choice_check(slot, word, e))
		return -EINVAL;
	s->word[s->word_count++] = word;
	return 0;
}

static int sentence_complete(const struct sentence *s, struct err *e)
{
	unsigned number = 0;

	for (unsigned i = 0; i < s->grammar.count; i++) {
		const struct slot *slot = &s->grammar.slot[i];

		if (slot->kind != SLOT_WORD)
			continue;
		if (number++ >= s->word_count && !slot->optional)
			return err_set(e, -EINVAL, "%s is missing", slot->what);
	}
	return 0;
}

int sentence_parse(const char *syntax, const char *const *words, unsigned count,
		   struct sentence *out, struct err *e)
{
	return sentence_parse_with(syntax, NULL, words, count, out, e);
}

int sentence_parse_with(const char *syntax, const struct sentence_option *options,
			const char *const *words, unsigned count, struct sentence *out,
			struct err *e)
{
	*out = (struct sentence){0};
	if (grammar_parse_with(syntax, options, &out->grammar))
		return err_set(e, -EINVAL, "the syntax \"%s\" is none", syntax);
	for (unsigned i = 0; i < count;) {
		int taken = clause_take(out, words + i, count - i, e);

		if (taken < 0)
			return taken;
		if (taken == 0) {
			if (word_take(out, words[i], e))
				return -EINVAL;
			taken = 1;
		}
		i += (unsigned)taken;
	}
	return sentence_complete(out, e);
}

const char *sentence_get(const struct sentence *s, const char *name)
{
	for (unsigned i = 0; i < s->grammar.count; i++)
		if (s->grammar.slot[i].kind != SLOT_WORD &&
		    strcmp(s->grammar.slot[i].name, name) == 0)
			return s->value[i];
	return NULL;
}

int sentence_get_duration(const struct sentence *s, const char *name, uint64_t *out_s,
			  struct err *e)
{
	const char *text = sentence_get(s, name);
	int rc;

	*out_s = 0;
	if (!text)
		return 0;
	rc = duration_parse(text, out_s, e);
	if (rc)
		err_prefix(e, "\"%s\"", name);
	return rc;
}

int sentence_check_text(const char *name, const char *text, struct err *e)
{
	json_t *probe;

	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		/* C0, DEL, and C1 in its UTF-8 form */
		if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0))
			return err_set(e, -EINVAL, "the text after \"%s\" has a control character",
				       name);
	probe = json_string(text);
	if (!probe)
		return err_set(e, -EINVAL, "the text after \"%s\" is not UTF-8", name);
	json_decref(probe);
	return 0;
}

bool sentence_begins_text(const char *word)
{
	return strcmp(word, "because") == 0 || strcmp(word, "saying") == 0;
}
