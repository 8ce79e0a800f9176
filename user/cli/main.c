/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From words to a verb. Global options may stand anywhere before a free text (`saying`, `because`), which may
 * contain anything.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/nearest.h"

#define ARGUMENTS_MAX	1024 /* words of one command; a longer list comes on standard input */
#define VERB_NAME_MAX	32
#define SHOWN_MAX	80 /* of a foreign word in a message */
#define VERBS_SHOWN_MAX 256

/* ---- global options ---- */

struct arguments {
	const char *word[ARGUMENTS_MAX];
	unsigned count;
	bool help;
};

/* Does argument i name this option with a value, "--config FILE" or "--config=FILE"? */
static bool option_value(const char *name, int argc, char **argv, int *i, const char **value)
{
	size_t length = strlen(name);

	if (strncmp(argv[*i], name, length) != 0)
		return false;
	if (argv[*i][length] == '=') {
		*value = argv[*i] + length + 1;
		return true;
	}
	if (argv[*i][length])
		return false;
	*value = *i + 1 < argc ? argv[++*i] : NULL;
	return true;
}

static int option_take(struct cli *cli, struct arguments *a, int argc, char **argv, int *i)
{
	const char *name = argv[*i], *value = NULL;

	if (strcmp(name, "--json") == 0) {
		cli->json = true;
	} else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		a->help = true;
	} else if (option_value("--config", argc, argv, i, &value)) {
		if (!value || !*value)
			return cli_fail(cli, CLI_MISUSED, "--config needs a file behind it");
		cli->config_path = value;
		cli->config_given = true;
	} else if (option_value("--instance", argc, argv, i, &value)) {
		if (!value || !instance_is_valid(value))
			return cli_fail(cli, CLI_MISUSED,
					"--instance needs a name of letters, digits, - and _, at "
					"most %d of them",
					CONF_INSTANCE_MAX - 1);
		cli->instance = value;
	} else {
		a->word[a->count++] = name;
	}
	return CLI_DONE;
}

static int arguments_read(struct cli *cli, int argc, char **argv, struct arguments *a)
{
	bool free_text = false;

	/* First, so that an error about any other option is already said in the right form. */
	for (int i = 1; i < argc && !sentence_begins_text(argv[i]); i++)
		cli->json |= strcmp(argv[i], "--json") == 0;
	for (int i = 1; i < argc; i++) {
		int status = CLI_DONE;

		if (a->count == ARGUMENTS_MAX)
			return cli_fail(cli, CLI_MISUSED, "more than %d words", ARGUMENTS_MAX);
		free_text |= sentence_begins_text(argv[i]);
		if (free_text)
			a->word[a->count++] = argv[i];
		else
			status = option_take(cli, a, argc, argv, &i);
		if (status)
			return status;
	}
	return CLI_DONE;
}

/* ---- finding the verb ---- */

static const struct verb *verb_match(const struct arguments *a, unsigned *used)
{
	char two[VERB_NAME_MAX];
	const struct verb *found = NULL;

	*used = 2;
	if (a->count >= 2 &&
	    (size_t)snprintf(two, sizeof(two), "%s %s", a->word[0], a->word[1]) < sizeof(two))
		found = verb_find(two);
	if (found)
		return found;
	*used = 1;
	return verb_find(a->word[0]);
}

/* "config check, config sample": the verbs of two words that begin with this one; else an empty text. */
static void verbs_of(const char *first, char *out, size_t size)
{
	size_t length = 0, first_length = strlen(first);

	*out = 0;
	for (unsigned i = 0; i < verb_count && length < size; i++)
		if (strncmp(verbs[i].name, first, first_length) == 0 &&
		    verbs[i].name[first_length] == ' ')
			length += (size_t)snprintf(out + length, size - length, "%s%s",
						   length ? ", " : "", verbs[i].name);
}

static int verb_unknown(const struct cli *cli, const struct arguments *a)
{
	static const char *const options[] = {"--json", "--config", "--instance", "--help"};
	char shown[SHOWN_MAX], two[2 * SHOWN_MAX], whole[VERBS_SHOWN_MAX];
	const char *near = NULL, *what = a->word[0][0] == '-' ? "option" : "verb";
	unsigned distance = 0;

	snprintf(two, sizeof(two), "%s %s", a->word[0], a->count > 1 ? a->word[1] : "");
	for (unsigned i = 0; i < verb_count; i++) {
		const char *name = verbs[i].name;

		nearest_try(strchr(name, ' ') ? two : a->word[0], name, &near, &distance);
	}
	verbs_of(a->word[0], whole, sizeof(whole));
	for (unsigned i = 0; a->word[0][0] == '-' && i < sizeof(options) / sizeof(*options); i++)
		nearest_try(a->word[0], options[i], &near, &distance);
	/* Half of a verb of two words was right: then the other half is in question too. */
	if (near && strncmp(near, a->word[0], strlen(a->word[0])) == 0 && strchr(near, ' '))
		text_escape(two, strlen(two) - (a->count < 2), shown, sizeof(shown));
	else
		text_escape(a->word[0], strlen(a->word[0]), shown, sizeof(shown));
	/* With the first word right and nothing like the second, all of them are shown. */
	if (whole[0] && (a->count < 2 || !near || !strchr(near, ' ')))
		return cli_fail(cli, CLI_MISUSED, "\"%s\" is half a verb, of: %s", a->word[0],
				whole);
	if (near)
		return cli_fail(cli, CLI_MISUSED, "unknown %s \"%s\"; did you mean \"%s\"?", what,
				shown, near);
	return cli_fail(cli, CLI_MISUSED, "unknown %s \"%s\" (`postern help` lists the verbs)",
			what, shown);
}

static int config_read(struct cli *cli)
{
	struct err e = {0};
	int rc;

	conf_defaults(&cli->conf);
	if (cli->verb->needs == VERB_BARE)
		return CLI_DONE;
	rc = conf_read(cli->config_path, &cli->conf, &e);
	/* Nobody needs a configuration; but one that was named must be there. */
	if (rc == -ENOENT && !cli->config_given)
		rc = 0;
	if (rc && cli->verb->needs == VERB_CONF)
		return cli_fail_err(cli, CLI_FAILED, &e);
	if (cli->instance)
		snprintf(cli->conf.instance, sizeof(cli->conf.instance), "%s", cli->instance);
	if (rc)
		cli_warn(cli, "%s; going on with the defaults, for the instance \"%s\"", e.text,
			 cli->conf.instance);
	return CLI_DONE;
}

static int verb_do(struct cli *cli, const struct arguments *a, unsigned used)
{
	struct sentence *s = calloc(1, sizeof(*s));
	struct err e = {0};
	int status;

	if (!s)
		return cli_fail(cli, CLI_FAILED, "out of memory");
	if (sentence_parse_with(cli->verb->syntax, cli->verb->options, a->word + used,
				a->count - used, s, &e))
		status = cli_fail(cli, CLI_MISUSED, "%s: %s (usage: postern %s%s%s%s)",
				  cli->verb->name, e.text, cli->verb->name,
				  cli->verb->syntax[0] ? " " : "", cli->verb->syntax,
				  cli->verb->options ? " [OPTION...]; see --help" : "");
	else
		status = config_read(cli);
	if (status == CLI_DONE)
		status = cli->verb->run(cli, s);
	free(s);
	return status;
}

static int command_run(struct cli *cli, int argc, char **argv)
{
	static struct arguments a;
	struct sentence help = {0};
	unsigned used = 0;
	int status = arguments_read(cli, argc, argv, &a);

	if (status)
		return status;
	if (a.count == 0) {
		cli->verb = verb_find("help");
		if (a.help)
			return verb_help(cli, &help);
		return cli_fail(cli, CLI_MISUSED, "a verb is missing (`postern help` lists them)");
	}
	cli->verb = verb_match(&a, &used);
	if (!cli->verb)
		return verb_unknown(cli, &a);
	if (a.help) {
		help.word[help.word_count++] = cli->verb->name;
		return verb_help(cli, &help);
	}
	return verb_do(cli, &a, used);
}

int main(int argc, char **argv)
{
	struct cli cli = {.config_path = CONF_PATH};
	int status;

	/* A reader that goes away ends us by the failed write, with a status, not by a signal. */
	signal(SIGPIPE, SIG_IGN);
	status = command_run(&cli, argc, argv);
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	/* A verb whose lines are not taken ends with a status and no words. Who reads no further knows why. */
	if (errno != EPIPE)
		(void)cli_fail(&cli, CLI_FAILED, "cannot write the output: %s", strerror(errno));
	return status == CLI_DONE ? CLI_FAILED : status;
}
