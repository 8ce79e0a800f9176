/* SPDX-License-Identifier: BSD-2-Clause */
/* show: rates, open connections, counters and the configuration; the other topics have files of their own. */
#include "cli/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"

static const struct {
	const char *name;
	int (*show)(struct cli *cli);
} topics[] = {
	{"status", show_status},   {"rules", show_rules},   {"sources", show_sources},
	{"rates", show_rates},	   {"open", show_open},	    {"counters", show_counters},
	{"zones", show_zones},	   {"feeds", show_feeds},   {"providers", show_providers},
	{"journal", show_journal}, {"config", show_config},
};

int verb_show(struct cli *cli, const struct sentence *s)
{
	for (unsigned i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (strcmp(topics[i].name, s->word[0]) == 0)
			return topics[i].show(cli);
	return cli_fail(cli, CLI_MISUSED, "show: there is no topic \"%s\"", s->word[0]);
}

/* The end of a walk over a map that filled a list. */
static int list_end(struct cli *cli, struct cli_list *list, int rc, const struct err *e,
		    const char *empty)
{
	int status = cli_list_close(list, rc ? NULL : empty);

	return rc ? cli_fail_err(cli, CLI_FAILED, e) : status;
}

int show_walk(struct cli *cli, struct cli_list *list, const struct column *columns, size_t count,
	      int (*walk)(struct gate *g, struct cli_list *list, struct err *e), const char *empty)
{
	struct err e = {0};
	CLI_GATE g = NULL;
	int rc = cli_gate_open(cli, &g);

	if (rc)
		return rc;
	cli_list_open(list, cli, columns, count);
	rc = walk(g, list, &e);
	return list_end(cli, list, rc, &e, empty);
}

/* ---- rates ---- */

json_t *rate_free_at(const struct rate_entry *rate)
{
	return json_time_boot(rate->free_in_ns ? now_boot_ns() + rate->free_in_ns : 0);
}

static int rate_add(void *context, const struct rate_entry *r)
{
	char text[PREFIX_TEXT_MAX];
	json_t *row;

	/* A bucket that is full again says nothing about anybody. */
	if (!r->used)
		return 0;
	row = json_object();
	json_object_set_new(row, "source", json_string(prefix_format(&r->source, text)));
	json_object_set_new(row, "used", json_integer(r->used));
	json_object_set_new(row, "limit", json_integer(r->limit));
	json_object_set_new(row, "free_at", rate_free_at(r));
	return cli_list_add(context, row);
}

static int rates_walk(struct gate *g, struct cli_list *list, struct err *e)
{
	return rates_each(g, rate_add, list, e);
}

int show_rates(struct cli *cli)
{
	static const struct column columns[] = {
		{"source", "SOURCE"}, {"used", "USED"}, {"limit", "LIMIT"}, {"free_at", "FREE AT"}};
	struct cli_list list;

	return show_walk(cli, &list, columns, sizeof(columns) / sizeof(*columns), rates_walk,
			 "no rate is in use");
}

/* ---- open connections ---- */

static int open_add(void *context, const struct open_entry *o)
{
	char text[PREFIX_TEXT_MAX];

	if (!o->open)
		return 0;
	return cli_list_add(context,
			    json_pack("{s:s, s:I}", "source", prefix_format(&o->source, text),
				      "open", (json_int_t)o->open));
}

static int open_walk(struct gate *g, struct cli_list *list, struct err *e)
{
	return open_each(g, open_add, list, e);
}

int show_open(struct cli *cli)
{
	static const struct column columns[] = {{"source", "SOURCE"}, {"open", "OPEN"}};
	struct cli_list list;

	return show_walk(cli, &list, columns, sizeof(columns) / sizeof(*columns), open_walk,
			 "no connection is open");
}

/* ---- counters ---- */

static void tally_add(json_t *object, const struct pn_tally *t)
{
	const struct {
		const char *key;
		uint64_t value;
	} field[] = {{"packets", t->packets}, {"bytes", t->bytes}, {"would", t->would}};

	for (unsigned i = 0; i < 3; i++) {
		json_int_t before = json_integer_value(json_object_get(object, field[i].key));

		json_object_set_new(object, field[i].key,
				    json_integer(before + (json_int_t)field[i].value));
	}
}

/* One object reason -> {packets, bytes, would}: the sum over the port classes. */
static int counter_sum(void *context, const struct counter *k)
{
	json_t *all = context, *one = json_object_get(all, k->name);

	if (!one) {
		one = json_object();
		if (json_object_set_new(all, k->name, one))
			return -ENOMEM;
	}
	tally_add(one, &k->sum);
	return 0;
}

static int counter_add(void *context, const struct counter *k)
{
	json_t *row;

	if (!k->sum.packets && !k->sum.would)
		return 0;
	row = json_pack("{s:s, s:s, s:s}", "reason", k->name, "class", class_name_of(k->class_),
			"sentence", k->sentence);
	tally_add(row, &k->sum);
	return cli_list_add(context, row);
}

static int counters_walk(struct gate *g, struct cli_list *list, struct err *e)
{
	return counters_each(g, counter_add, list, e);
}

static int counters_print_json(struct cli *cli)
{
	json_t *all = json_object();
	struct err e = {0};
	CLI_GATE g = NULL;
	int rc = cli_gate_open(cli, &g);

	if (rc == 0 && counters_each(g, counter_sum, all, &e))
		rc = cli_fail_err(cli, CLI_FAILED, &e);
	if (rc == 0)
		return json_line(stdout, all) ? CLI_FAILED : CLI_DONE;
	json_decref(all);
	return rc;
}

int show_counters(struct cli *cli)
{
	static const struct column columns[] = {
		{"reason", "REASON"}, {"class", "CLASS"}, {"packets", "PACKETS"},
		{"bytes", "BYTES"},   {"would", "WOULD"}, {"sentence", "WHAT IT MEANS"}};
	struct cli_list list;

	if (cli->json)
		return counters_print_json(cli);
	return show_walk(cli, &list, columns, sizeof(columns) / sizeof(*columns), counters_walk,
			 "nothing has been counted");
}

/* ---- configuration ---- */

static int config_add(void *context, json_t *row)
{
	struct cli_list *list = context;

	/* For people the value comes as it is written, and what was set is marked. */
	if (!list->cli->json) {
		char *text = json_dumps(json_object_get(row, "value"), JSON_ENCODE_ANY);
		bool is_default = json_is_true(json_object_get(row, "is_default"));

		json_object_set_new(row, "shown", json_string(text ? text : ""));
		json_object_set_new(row, "from", json_string(is_default ? "default" : "set"));
		free(text);
	}
	return cli_list_add(list, row);
}

int show_config(struct cli *cli)
{
	static const struct column columns[] = {
		{"key", "KEY"}, {"shown", "VALUE"}, {"from", "FROM"}};
	struct cli_list list;
	struct err e = {0};
	int rc;

	cli_list_open(&list, cli, columns, sizeof(columns) / sizeof(*columns));
	rc = conf_each(&cli->conf, config_add, &list);
	if (rc)
		err_set(&e, rc, "cannot show the configuration: %s", strerror(-rc));
	return list_end(cli, &list, rc, &e, NULL);
}
