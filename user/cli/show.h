/* SPDX-License-Identifier: BSD-2-Clause */
/* The topics of `show`, one function each. None but zones and providers needs a running controller. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/cli.h"
#include "cli/foreign.h"

int show_status(struct cli *cli);
int show_rules(struct cli *cli);
int show_sources(struct cli *cli);
int show_rates(struct cli *cli);
int show_open(struct cli *cli);
int show_counters(struct cli *cli);
int show_zones(struct cli *cli);
int show_feeds(struct cli *cli);
int show_providers(struct cli *cli);
int show_journal(struct cli *cli);
int show_config(struct cli *cli);

/* Rows from the maps of the gate: opens gate and list, has walk fill it, and ends it. empty: the sentence for no rows. */
int show_walk(struct cli *cli, struct cli_list *list, const struct column *columns, size_t count,
	      int (*walk)(struct gate *g, struct cli_list *list, struct err *e), const char *empty);

/* Rows that a controller wrote down (show_told.c). */
struct show_told {
	const char *file;     /* in the run directory */
	foreign_rows_fn take; /* holds its bytes to what they may be */
	const struct column *columns;
	size_t count;
	const char *empty; /* the sentence for people when there is nothing to tell of */
	int (*missing)(struct cli *cli); /* there is no file: says why, and returns the status */
	/* A new row of the one that was told, the place-th. */
	json_t *(*row)(struct cli *cli, json_t *told, unsigned place, void *context);
	void *context;
};
/* *updated_wall_s: when they were written; 0 where there is none. Returns the status. */
int show_told(struct cli *cli, const struct show_told *t, int64_t *updated_wall_s);

/* What a controller wrote down at that time: is it out of date, and why? */
#define STALE_TEXT_MAX 128
bool show_is_stale(const struct cli *cli, int64_t updated_wall_s, char text[static STALE_TEXT_MAX]);

/* An entry of the journal as a row. */
json_t *show_entry(const struct store_entry *entry);

/*
 * First contact and the children, for status (show_contact.c): "first_contact", "first_contact_why", "resolver", "responder" are put into
 * row. g NULL: not loaded.
 */
void contact_gather(const struct cli *cli, struct gate *g, json_t *row);
/* The same rows for people. */
void contact_print(const json_t *row);

/* Feeds, providers and metrics, for status (show_inputs.c), in the same two steps. */
void inputs_gather(const struct cli *cli, json_t *row);
void inputs_print(const json_t *row);

/* When a rate lets one more in, RFC 3339; null for now. */
json_t *rate_free_at(const struct rate_entry *rate);

#endif
