/* SPDX-License-Identifier: BSD-2-Clause */
/* `help` and `version`. The list comes from the table of verbs alone; the manual is checked against it. */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/nearest.h"
#include "kern/gate.h"

#define USAGE_COLUMN  46 /* where the sentences start; longer usages put theirs on the next line */
#define OPTION_COLUMN 30 /* of an explained verb: the same for its options */
#define OPTIONS_SHOWN " [OPTION...]"
#define SHOWN_MAX     80

static void help_line(const struct verb *v)
{
	int length = printf("    postern %s%s%s%s", v->name, v->syntax[0] ? " " : "", v->syntax,
			    v->options ? OPTIONS_SHOWN : "");

	if (length >= USAGE_COLUMN) {
		putchar('\n');
		length = 0;
	}
	printf("%*s%s\n", USAGE_COLUMN - length, "", v->sentence);
}

static json_t *help_row(const struct verb *v)
{
	json_t *row = json_pack("{s:s, s:s, s:s}", "verb", v->name, "syntax", v->syntax, "sentence",
				v->sentence);
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
	int status = cli_say(cli, help_row(v), "postern %s%s%s%s\n    %s", v->name,
			     v->syntax[0] ? " " : "", v->syntax, v->options ? OPTIONS_SHOWN : "",
			     v->sentence);

	for (const struct sentence_option *o = v->options; o && o->syntax && !cli->json; o++) {
		int length = printf("    %s", o->syntax);

		if (length >= OPTION_COLUMN) {
			putchar('\n');
			length = 0;
		}
		printf("%*s%s\n", OPTION_COLUMN - length, "", o->sentence);
	}
	if (v->run == verb_audit && !cli->json)
		audit_explain();
	if (v->run == verb_reload && !cli->json)
		conf_print_effects(stdout);
	return status;
}

static int help_all(const struct cli *cli)
{
	if (!cli->json)
		puts("postern: a gate in front of a mail server. Verbs:\n");
	for (unsigned i = 0; i < verb_count; i++) {
		if (!cli->json)
			help_line(&verbs[i]);
		else if (json_line(stdout, help_row(&verbs[i])))
			return CLI_FAILED;
	}
	if (!cli->json)
		puts("\nEvery verb takes --json, --config FILE, --instance NAME, --help.\n"
		     "TIME is 90s, 10m, 2h or 7d; PREFIX an address or ADDRESS/LENGTH; - reads "
		     "standard input.\n"
		     "Exit status: 0 done, 1 failed, 2 misused, 3 no such entry; `postern help "
		     "audit` has the audit's.");
	return CLI_DONE;
}

int verb_help(struct cli *cli, const struct sentence *s)
{
	char shown[SHOWN_MAX], wanted[SHOWN_MAX];
	const char *near = NULL;
	unsigned distance = 0, found = 0;

	if (s->word_count == 0)
		return help_all(cli);
	snprintf(wanted, sizeof(wanted), "%s%s%s", s->word[0], s->word_count > 1 ? " " : "",
		 s->word_count > 1 ? s->word[1] : "");
	for (unsigned i = 0; i < verb_count; i++) {
		const char *name = verbs[i].name;
		size_t length = strlen(wanted);
		bool first_word = strncmp(name, wanted, length) == 0 && name[length] == ' ';

		nearest_try(wanted, name, &near, &distance);
		if (strcmp(name, wanted) != 0 && !first_word)
			continue;
		found++;
		if (help_one(cli, &verbs[i]))
			return CLI_FAILED;
	}
	if (found)
		return CLI_DONE;
	text_escape(wanted, strlen(wanted), shown, sizeof(shown));
	return cli_fail(cli, CLI_MISUSED, "there is no verb \"%s\"%s%s%s", shown,
			near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int verb_version(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return cli_say(cli,
		       json_pack("{s:s, s:i}", "version", POSTERN_VERSION, "abi", PN_ABI_VERSION),
		       "postern %s (ABI %d)", POSTERN_VERSION, PN_ABI_VERSION);
}
