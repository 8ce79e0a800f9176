/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verbs share: the table of verbs, the global options, and how things are said. With --json every line on
 * either stream is one JSON object; without, sentences and tables.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include "base/json.h"
#include "base/table.h"
#include "base/words.h"
#include "cli/sentence.h"
#include "conf/conf.h"
#include "daemon/ruling.h"

enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_MISUSED = 2,
	CLI_NO_ENTRY = 3,
};

struct verb;

struct cli {
	bool json;
	const char *config_path; /* CONF_PATH unless given */
	bool config_given;
	const char *instance;	 /* NULL: the configuration's */
	const struct verb *verb; /* the one that runs */
	struct conf conf;	 /* read before the verb, unless it is VERB_BARE */
};

/* How a verb takes the configuration. */
enum verb_needs {
	VERB_CONF, /* reads it; a fault in it ends the command */
	VERB_LENIENT, /* reads it; a fault is a warning, and the defaults serve: for what must work in need */
	VERB_BARE, /* does not read it */
};

/* What one has in mind who looks for a verb: the chapters of `help`. */
enum verb_group {
	VERB_OPERATES,
	VERB_LOOKS,
	VERB_DECIDES,
	VERB_LISTS,
	VERB_SETS_UP,
	VERB_GROUPS,
};

struct verb {
	enum verb_group group; /* rows of one group stand together */
	const char *name;      /* one word, or two: "config check" */
	const char *syntax;    /* see sentence.h */
	int (*run)(struct cli *cli, const struct sentence *s);
	const char *sentence; /* what it does, for the list of all */
	const char
		*detail; /* what else there is to know, for `help VERB` and the manual; or NULL */
	enum verb_needs needs;
	const struct sentence_option *options; /* NULL, or a table of many */
};

extern const struct verb verbs[];
extern const unsigned verb_count;

/* The verb of this name, or NULL. */
const struct verb *verb_find(const char *name);

/* ---- saying things (output.c) ---- */

/* A failure on standard error. Returns status, so that a verb can end with it. */
__attribute__((format(printf, 3, 4))) int cli_fail(const struct cli *cli, int status,
						   const char *format, ...);
/* The same with a sentence from below; says what to do where privileges lack. */
int cli_fail_err(const struct cli *cli, int status, const struct err *e);
__attribute__((format(printf, 2, 3))) void cli_warn(const struct cli *cli, const char *format, ...);
/* One result: the row with --json, else the sentence. Takes the reference of row. Returns CLI_DONE or CLI_FAILED. */
__attribute__((format(printf, 3, 4))) int cli_say(const struct cli *cli, json_t *row,
						  const char *format, ...);

/* Many results: a line each, or a table. */
struct cli_list {
	const struct cli *cli;
	struct table *table; /* NULL with --json */
	int status;
	unsigned count;
};
void cli_list_open(struct cli_list *list, const struct cli *cli, const struct column *columns,
		   size_t count);
int cli_list_add(struct cli_list *list, json_t *row); /* takes the reference; 0 or -errno */
/* Prints the table; empty (may be NULL) is the sentence for people when there were no rows. */
int cli_list_close(struct cli_list *list, const char *empty);

/* Values for rows. */
json_t *json_time_boot(uint64_t boot_ns);    /* RFC 3339; null for 0 */
json_t *json_text_or_null(const char *text); /* null for "" */

/* The gate for a verb that needs one: CLI_DONE, or a status with the failure told. */
int cli_gate_open(const struct cli *cli, struct gate **out);
/* The same for reading the store: NULL in *out when there is none, or it cannot be read (which is warned of). */
void cli_store_read(const struct cli *cli, struct store **out);
/* Interfaces the gate is attached to. */
unsigned cli_links_count(struct gate *g);
/* Pid of the running controller, or 0. */
int cli_controller_pid(const struct cli *cli);

/* Cleanup attributes. */
void cli_gate_cleanup(struct gate **g);
void cli_store_cleanup(struct store **s);
#define CLI_GATE  __attribute__((cleanup(cli_gate_cleanup))) struct gate *
#define CLI_STORE __attribute__((cleanup(cli_store_cleanup))) struct store *

/* ---- the verbs ---- */

int verb_run(struct cli *cli, const struct sentence *s);
int verb_attach(struct cli *cli, const struct sentence *s);
int verb_detach(struct cli *cli, const struct sentence *s);
int verb_block(struct cli *cli, const struct sentence *s);
int verb_unblock(struct cli *cli, const struct sentence *s);
int verb_allow(struct cli *cli, const struct sentence *s);
int verb_disallow(struct cli *cli, const struct sentence *s);
int verb_trust(struct cli *cli, const struct sentence *s);
int verb_distrust(struct cli *cli, const struct sentence *s);
int verb_enforce(struct cli *cli, const struct sentence *s);
int verb_monitor(struct cli *cli, const struct sentence *s);
int verb_why(struct cli *cli, const struct sentence *s);
int verb_check(struct cli *cli, const struct sentence *s);
int verb_evidence(struct cli *cli, const struct sentence *s);
int verb_forget(struct cli *cli, const struct sentence *s);
int verb_show(struct cli *cli, const struct sentence *s);
int verb_watch(struct cli *cli, const struct sentence *s);
int verb_report(struct cli *cli, const struct sentence *s);
int verb_top(struct cli *cli, const struct sentence *s);
int verb_metrics(struct cli *cli, const struct sentence *s);
int verb_feed_load(struct cli *cli, const struct sentence *s);
int verb_import_postfix(struct cli *cli, const struct sentence *s);
int verb_import_list(struct cli *cli, const struct sentence *s);
int verb_export(struct cli *cli, const struct sentence *s);
int verb_reload(struct cli *cli, const struct sentence *s);
int verb_config_check(struct cli *cli, const struct sentence *s);
int verb_config_sample(struct cli *cli, const struct sentence *s);
int verb_audit(struct cli *cli, const struct sentence *s);
int verb_doctor(struct cli *cli, const struct sentence *s);
int verb_version(struct cli *cli, const struct sentence *s);
int verb_help(struct cli *cli, const struct sentence *s);

#endif
