/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show feeds: what the controller last wrote down of them, with what the configuration says and how many packets each has decided. The lists
 * are of foreign bytes, so the controller's words are checked like those.
 */
#include <string.h>

#include "base/when.h"
#include "cli/show.h"
#include "daemon/instance.h"
#include "daemon/setup.h"
#include "kern/feeds.h"

#define NO_FEEDS "no feeds are configured (feeds)"

static const struct conf_feed *feed_find(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->feed_count; i++)
		if (strcmp(c->feeds[i].name, name) == 0)
			return &c->feeds[i];
	return NULL;
}

/* For people: how old the list is, and what was wrong with its file. */
static void row_for_people(json_t *row)
{
	const char *taken = json_string_value(json_object_get(row, "taken"));
	char text[DURATION_TEXT_MAX];
	int64_t when;

	if (taken && when_parse(taken, &when) == 0) {
		int64_t age_s = now_wall_s() - when;

		json_object_set_new(
			row, "age",
			json_string(duration_describe(age_s > 0 ? (uint64_t)age_s : 0, text)));
	}
}

static json_t *feed_row(struct cli *cli, json_t *known, unsigned place, void *context)
{
	const char *name = json_string_value(json_object_get(known, "name"));
	const struct feeds_hits *hits = context;
	const struct conf_feed *f = feed_find(&cli->conf, name);
	json_t *row = json_object();
	json_int_t entries = json_integer_value(json_object_get(known, "hosts")) +
			     json_integer_value(json_object_get(known, "prefixes"));

	(void)place;
	json_object_set(row, "name", json_object_get(known, "name"));
	json_object_set_new(row, "file", json_text_or_null(f ? f->file : ""));
	json_object_set_new(row, "action",
			    json_text_or_null(f ? action_name(setup_action(f->action)) : ""));
	json_object_set_new(row, "always", f ? json_boolean(f->always) : json_null());
	json_object_set_new(row, "entries", json_integer(entries));
	json_object_set_new(row, "hits",
			    hits ? json_integer((json_int_t)feeds_hits_of(hits, name))
				 : json_null());
	json_object_update_missing(row, known);
	if (!cli->json)
		row_for_people(row);
	return row;
}

static int feeds_missing(struct cli *cli)
{
	if (!cli->conf.feed_count) {
		if (!cli->json)
			puts(NO_FEEDS);
		return CLI_DONE;
	}
	if (!cli_controller_pid(cli))
		return cli_fail(
			cli, CLI_FAILED,
			"no controller runs: what is in the kernel stays, and nobody reads "
			"the files (`postern run` starts one, `postern feed load all` reads "
			"them once)");
	return cli_fail(cli, CLI_FAILED, "the controller has not told of its feeds yet");
}

int show_feeds(struct cli *cli)
{
	static const struct column columns[] = {
		{"name", "NAME"}, {"state", "STATE"}, {"entries", "ENTRIES"}, {"format", "FORM"},
		{"age", "AGE"},	  {"hits", "HITS"},   {"senders", "SENDERS"}, {"why", "WHY"}};
	struct feeds_hits hits;
	struct show_told feeds = {.file = INSTANCE_FEEDS,
				  .take = foreign_feeds,
				  .columns = columns,
				  .count = sizeof(columns) / sizeof(*columns),
				  .empty = NO_FEEDS,
				  .missing = feeds_missing,
				  .row = feed_row};
	struct gate *g = NULL;
	int64_t updated;
	int status;

	if (gate_open(&g, cli->conf.instance, NULL) == 0 && feeds_get_hits(g, &hits, NULL) == 0)
		feeds.context = &hits;
	gate_close(g);
	status = show_told(cli, &feeds, &updated);
	if (updated && !cli_controller_pid(cli))
		cli_warn(cli, "no controller runs: this is how it left them");
	return status;
}
