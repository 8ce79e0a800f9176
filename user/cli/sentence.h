/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sentences: the words behind a verb. A verb's syntax is written as the manual writes it, and that very text is
 * what the parser follows:
 *
 *	PREFIX|- [for TIME] [with drop|refuse] [saying TEXT] [because TEXT]
 *
 *	PREFIX, IFACE      a word that must be there (upper case; alternatives may follow a bar)
 *	IFACE...           one or more of them, the last of the syntax's words
 *	[FILE]             a word that may be there
 *	[anyway]           this very word may be there
 *	status|rules       one of these words (lower case)
 *	[for TIME]         a clause: keyword and word, in any place behind the verb
 *	[with drop|refuse] a clause whose word is one of these
 *	[saying TEXT]      TEXT runs to `because` or to the end
 *	[because TEXT]     TEXT runs to the end, whatever it contains
 *	[--trial]          an option of this verb alone
 *	[--only IDS]       an option with a value: the next word, or behind an equals sign (--only=IDS)
 *	[--every [daily|TIME]]  an option that may have one: behind an equals sign, or the next word where that is one of these
 *
 * A verb with many options has them in a table, a row each, so that help can explain every one.
 */
#ifndef CLI_SENTENCE_H
#define CLI_SENTENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SENTENCE_SLOTS_MAX 40  /* the audit has some 30 options */
#define SENTENCE_WORDS_MAX 32  /* interfaces of one attach, twice over */
#define SENTENCE_TEXT_MAX  256 /* bytes of a text, with the final 0; STORE_TEXT_MAX */
#define SENTENCE_NAME_MAX  16
#define SENTENCE_WHAT_MAX  80

enum slot_kind { SLOT_WORD, SLOT_CLAUSE, SLOT_OPTION };

struct slot {
	enum slot_kind kind;
	bool optional, many, choice, text;
	bool may_lack;		      /* an option whose value may be left out */
	char name[SENTENCE_NAME_MAX]; /* keyword of a clause; the option with its dashes */
	char what[SENTENCE_WHAT_MAX]; /* "TIME", "PREFIX|-", "drop|refuse" */
};

struct grammar {
	struct slot slot[SENTENCE_SLOTS_MAX];
	unsigned count;
};

struct sentence {
	struct grammar grammar;
	const char *word[SENTENCE_WORDS_MAX]; /* in order; the caller's memory */
	unsigned word_count;
	const char *value
		[SENTENCE_SLOTS_MAX]; /* of clauses and options, by slot; NULL: not given. An option without a value: its own word */
	char text[2][SENTENCE_TEXT_MAX];
	unsigned text_count;
};

/* An option of a verb that has many. */
struct sentence_option {
	const char *syntax;   /* "--only IDS"; NULL ends a table */
	const char *sentence; /* what it does, for help */
};

/* Read a syntax. 0, or -EINVAL for a text that is none: a fault of ours, which a test looks for. */
int grammar_parse(const char *syntax, struct grammar *out);
/* The same with a table of options, which may be NULL. */
int grammar_parse_with(const char *syntax, const struct sentence_option *options,
		       struct grammar *out);

/*
 * Parse words by a syntax. -EINVAL with what is wrong and, where something is near, what was
 * probably meant. words must outlive the sentence.
 */
int sentence_parse(const char *syntax, const char *const *words, unsigned count,
		   struct sentence *out, struct err *e);
int sentence_parse_with(const char *syntax, const struct sentence_option *options,
			const char *const *words, unsigned count, struct sentence *out,
			struct err *e);

/* What a clause or option of this name was given, or NULL. */
const char *sentence_get(const struct sentence *s, const char *name);

/* The clause as a duration in seconds; 0 in *out_s when not given. */
int sentence_get_duration(const struct sentence *s, const char *name, uint64_t *out_s,
			  struct err *e);

/* Does a free text stand behind this word, up to the end of the line? */
bool sentence_begins_text(const char *word);

/* Is it a text that a terminal, a log and JSON can bear: UTF-8 without control characters? 0 or -EINVAL. */
int sentence_check_text(const char *name, const char *text, struct err *e);

#endif
