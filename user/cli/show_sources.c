/* SPDX-License-Identifier: BSD-2-Clause */
/* show sources: what the kernel holds of strangers, and from the store on what evidence. */
#include <errno.h>

#include "base/when.h"
#include "cli/foreign.h"
#include "cli/show.h"

struct sources_list {
	struct cli_list list;
	struct store *store; /* NULL: the kernel alone is told of */
	struct err unreadable;
};

static int verdict_set(void *context, const struct store_verdict *v)
{
	json_t *row = context;

	json_object_set_new(row, "zone", *v->by ? foreign_text(v->by) : json_null());
	json_object_set_new(row, "score", json_integer(v->score));
	json_object_set_new(row, "asked", json_time_wall(v->decided_wall_s));
	return 0;
}

/* p NULL: it is no verdict's. */
static void verdict_find(struct sources_list *sources, const struct prefix *p, json_t *row)
{
	struct err e = {0};
	int rc;

	json_object_set_new(row, "zone", json_null());
	json_object_set_new(row, "score", json_null());
	json_object_set_new(row, "asked", json_null());
	if (!p || !sources->store || sources->unreadable.code)
		return;
	rc = store_find_verdict(sources->store, p, verdict_set, row, &e);
	/* One row that cannot be read is told once, at the end. */
	if (rc && rc != -ENOENT)
		sources->unreadable = e;
}

static int source_add(void *context, const struct source_entry *s)
{
	struct sources_list *sources = context;
	char text[PREFIX_TEXT_MAX];
	json_t *row;

	/* What has expired is a stranger again; its entry goes when its place is needed. */
	if (!rule_is_live(s->expires, now_boot_ns()))
		return 0;
	row = json_object();
	json_object_set_new(row, "source", json_string(prefix_format(&s->prefix, text)));
	json_object_set_new(row, "action", json_string(action_name(s->action)));
	json_object_set_new(row, "origin", json_string(origin_name(s->origin)));
	json_object_set_new(row, "reason",
			    json_string(s->origin == PN_ORIGIN_BAN ? "banned"
					: s->listed		   ? "listed"
								   : "known"));
	verdict_find(sources, s->origin == PN_ORIGIN_BAN ? NULL : &s->prefix, row);
	json_object_set_new(row, "expires", json_time_boot(s->expires));
	return cli_list_add(&sources->list, row);
}

static int sources_walk(struct gate *g, struct cli_list *list, struct err *e)
{
	/* The list is its first member. */
	return sources_each(g, source_add, (struct sources_list *)list, e);
}

int show_sources(struct cli *cli)
{
	static const struct column columns[] = {{"source", "SOURCE"}, {"action", "ACTION"},
						{"origin", "ORIGIN"}, {"reason", "REASON"},
						{"zone", "ZONE"},     {"score", "SCORE"},
						{"asked", "ASKED"},   {"expires", "EXPIRES"}};
	struct sources_list sources = {0};
	CLI_STORE store = NULL;
	int status;

	cli_store_read(cli, &store);
	sources.store = store;
	status = show_walk(cli, &sources.list, columns, sizeof(columns) / sizeof(*columns),
			   sources_walk, "nobody is listed, and nobody is known");
	if (sources.unreadable.code)
		cli_warn(cli, "%s", sources.unreadable.text);
	return status;
}
