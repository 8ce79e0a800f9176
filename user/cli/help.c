/* SPDX-License-Identifier: BSD-2-Clause */
/* `help` and `version`. All of it comes from the table of verbs, which the manual is made of as well. */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/fill.h"
#include "cli/nearest.h"
#include "kern/gate.h"

#define USAGE_COLUMN  31 /* where the sentences start; longer usages put theirs on the next line */
#define INDENT	      4
#define HEADING_WIDTH 11 /* of a paragraph with a heading: what stands under it begins there */
#define OPTION_COLUMN 30 /* of an explained verb: the same for its options */
#define OPTIONS_SHOWN " [OPTION...]"
#define SHOWN_MAX     80

static const char *const group_titles[VERB_GROUPS] = {
	[VERB_OPERATES] = "Operate", [VERB_LOOKS] = "Look",	[VERB_DECIDES] = "Decide",
	[VERB_LISTS] = "Lists",	     [VERB_SETS_UP] = "Set up",
};
static const char *const group_words[VERB_GROUPS] = {
	[VERB_OPERATES] = "operate", [VERB_LOOKS] = "look",	[VERB_DECIDES] = "decide",
	[VERB_LISTS] = "lists",	     [VERB_SETS_UP] = "set up",
};

/* A detail: a paragraph a line, of which some have a heading (verbs.c). */
static void detail_print(const char *detail)
{
	while (*detail) {
		size_t length = strcspn(detail, "\n"), word = fill_word(detail);
		unsigned column = INDENT;

		printf("%*s", INDENT, "");
		if (strncmp(detail + word, "  ", 2) == 0) {
			printf("%-*.*s", HEADING_WIDTH, (int)word, detail);
			column += HEADING_WIDTH;
			fill_print(detail + word + 2, column, column);
		} else {
			fill_print(detail, column, column);
		}
		putchar('\n');
		detail += length + (detail[length] == '\n');
	}
}

static unsigned usage_print(const struct verb *v, unsigned indent)
{
	char usage[SENTENCE_SLOTS_MAX * SENTENCE_WHAT_MAX];

	snprintf(usage, sizeof(usage), "%s%s%s%s", v->name, v->syntax[0] ? " " : "", v->syntax,
		 v->options ? OPTIONS_SHOWN : "");
	return fill_print(usage, indent, indent + INDENT);
}

static void help_line(const struct verb *v)
{
	unsigned column;

	printf("  ");
	column = usage_print(v, 2);
	if (column >= USAGE_COLUMN || strlen(v->syntax) >= USAGE_COLUMN) {
		putchar('\n');
		column = 0;
	}
	printf("%*s", (int)(USAGE_COLUMN - column), "");
	fill_print(v->sentence, USAGE_COLUMN, USAGE_COLUMN);
	putchar('\n');
}

static json_t *help_row(const struct verb *v)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s?}", "verb", v->name, "syntax", v->syntax,
				"sentence", v->sentence, "group", group_words[v->group], "detail",
				v->detail);
	json_t *options = v->options ? json_array() : NULL;

	for (const struct sentence_option *o = v->options; o && o->syntax; o++)
		json_array_append_new(options, json_pack("{s:s, s:s}", "option", o->syntax,
							 "sentence", o->sentence));
	if (options)
		json_object_set_new(row, "options", options);
	return row;
}

/* One verb, with its options if it has a table of them. */
static int help_one(const struct cli *cli, const struct verb *v)
{
	if (cli->json)
		return cli_say(cli, help_row(v), "%s", v->name);
	printf("postern ");
	usage_print(v, sizeof("postern ") - 1);
	printf("\n%*s", INDENT, "");
	fill_print(v->sentence, INDENT, INDENT);
	putchar('\n');
	if (v->detail)
		detail_print(v->detail);
	for (const struct sentence_option *o = v->options; o && o->syntax; o++) {
		unsigned length = (unsigned)printf("%*s%s", INDENT, "", o->syntax);

		if (length >= OPTION_COLUMN) {
			putchar('\n');
			length = 0;
		}
		printf("%*s", (int)(OPTION_COLUMN - length), "");
		fill_print(o->sentence, OPTION_COLUMN, OPTION_COLUMN);
		putchar('\n');
	}
	if (v->run == verb_audit)
		audit_explain();
	if (v->run == verb_reload)
		conf_print_effects(stdout);
	return CLI_DONE;
}

static int help_all(const struct cli *cli)
{
	if (!cli->json)
		puts("postern: a gate in front of a mail server. `postern help VERB` says more.");
	for (unsigned i = 0; i < verb_count; i++) {
		bool is_first = i == 0 || verbs[i].group != verbs[i - 1].group;

		if (cli->json && json_line(stdout, help_row(&verbs[i])))
			return CLI_FAILED;
		if (!cli->json && is_first)
			printf("\n%s\n", group_titles[verbs[i].group]);
		if (!cli->json)
			help_line(&verbs[i]);
	}
	if (!cli->json)
		puts("\nEvery verb takes --json, --config FILE, --instance NAME, --help.\n"
		     "TIME is 90s, 10m, 2h or 7d; PREFIX an address or ADDRESS/LENGTH.\n"
		     "Exit status: 0 done, 1 failed, 2 misused, 3 no such entry; `report` and "
		     "`audit`\n"
		     "have more.");
	return CLI_DONE;
}

/* Explain the verb of this name, or those of which it is the first word. 0 or more of them; negative: it could not be written. */
static int help_named(const struct cli *cli, const char *wanted, const char **near)
{
	unsigned distance = 0;
	int found = 0;

	for (unsigned i = 0; i < verb_count; i++) {
		const char *name = verbs[i].name;
		size_t length = strlen(wanted);
		bool first_word = strncmp(name, wanted, length) == 0 && name[length] == ' ';

		nearest_try(wanted, name, near, &distance);
		if (strcmp(name, wanted) != 0 && !first_word)
			continue;
		found++;
		if (help_one(cli, &verbs[i]))
			return -1;
	}
	return found;
}

int verb_help(struct cli *cli, const struct sentence *s)
{
	char shown[SHOWN_MAX], wanted[SHOWN_MAX];
	const char *near = NULL, *by_first = NULL;
	int found;

	if (s->word_count == 0)
		return help_all(cli);
	snprintf(wanted, sizeof(wanted), "%s%s%s", s->word[0], s->word_count > 1 ? " " : "",
		 s->word_count > 1 ? s->word[1] : "");
	found = help_named(cli, wanted, &near);
	/* `help show rules`: the second word is not the verb's. A misspelt second half is asked about. */
	if (found == 0 && s->word_count > 1 && !(near && strchr(near, ' ')))
		found = help_named(cli, s->word[0], &by_first);
	if (found)
		return found > 0 ? CLI_DONE : CLI_FAILED;
	text_escape(wanted, strlen(wanted), shown, sizeof(shown));
	if (near)
		return cli_fail(cli, CLI_MISUSED, "there is no verb \"%s\"; did you mean \"%s\"?",
				shown, near);
	return cli_fail(cli, CLI_MISUSED, "there is no verb \"%s\" (`postern help` lists them)",
			shown);
}

int verb_version(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_say(cli,
		       json_pack("{s:s, s:i}", "version", POSTERN_VERSION, "abi", PN_ABI_VERSION),
		       "postern %s (ABI %d)", POSTERN_VERSION, PN_ABI_VERSION);
}
