/* SPDX-License-Identifier: BSD-2-Clause */
/* The run directory's files as measures: see vitals.h. */
#include "cli/vitals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "cli/foreign.h"
#include "cli/show.h"
#include "daemon/instance.h"

static enum measure_state state_of(const json_t *child)
{
	const char *state = json_string_value(json_object_get(child, "state"));

	if (!state || strcmp(state, "off") == 0)
		return MEASURE_OFF;
	return strcmp(state, "up") == 0 ? MEASURE_UP : MEASURE_DOWN;
}

static int64_t time_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));
	int64_t when = 0;

	return text && when_parse(text, &when) == 0 ? when : 0;
}

static void children_take(struct measure *m, const json_t *row)
{
	const json_t *responder = json_object_get(row, "responder");
	const json_t *vitals = json_object_get(row, "vitals");

	m->has_told = true;
	for (unsigned i = 0; i < MEASURE_CHILDREN; i++) {
		const json_t *child = json_object_get(row, measure_child_name(i));

		m->child[i].state = state_of(child);
		m->child[i].deaths = json_count_of(child, "deaths");
	}
	measure_mail_log(m, json_object_get(row, "mail_log"));
	m->responder.accepted = json_count_of(responder, "accepted");
	m->responder.refused = json_count_of(responder, "refused");
	m->responder.turned_away = json_count_of(responder, "turned_away");
	m->responder.open = (uint32_t)json_count_of(responder, "open");
	m->started_wall_s = time_of(vitals, "started");
	m->reloaded_wall_s = time_of(vitals, "reloaded");
	m->reload_failed = json_is_true(json_object_get(vitals, "reload_failed"));
}

static unsigned zone_state_of(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "state"));
	unsigned state = 0;

	while (state < DNS_ZONE_UNREACHABLE && name &&
	       strcmp(dns_zone_state_name((enum dns_zone_state)state), name) != 0)
		state++;
	return state;
}

static void zones_take(struct measure *m, const json_t *rows)
{
	m->zone_count = 0;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_object_get(row, "zone"));
		struct measure_zone *z = measure_add_zone(m, name ? name : "");

		if (!z)
			return;
		z->state = zone_state_of(row);
		z->asked = json_count_of(row, "asked");
		z->listed = json_count_of(row, "listed");
		z->errors = json_count_of(row, "errors");
		z->over_budget = json_count_of(row, "over_budget");
		z->latency_ms = (uint32_t)json_count_of(row, "latency_ms");
	}
}

static void feeds_take(struct measure *m, const json_t *rows)
{
	m->feed_count = 0;
	for (size_t i = 0; i < json_array_size(rows) && i < CONF_FEEDS_MAX; i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_object_get(row, "name"));
		const char *state = json_string_value(json_object_get(row, "state"));
		struct measure_feed *f = &m->feed[m->feed_count++];

		snprintf(f->name, sizeof(f->name), "%.*s", (int)sizeof(f->name) - 1,
			 name ? name : "");
		f->entries = json_count_of(row, "hosts") + json_count_of(row, "prefixes");
		f->hits = feeds_hits_of(&m->feed_hits, f->name);
		f->loaded_wall_s = time_of(row, "taken");
		f->held_back = state && strcmp(state, "held back") == 0;
	}
}

typedef int (*parse_fn)(const char *bytes, size_t length, json_t **out, int64_t *updated,
			struct err *e);

/* NULL: there is no such file, it is old and is written all the time, or it is none (then why says so). */
static json_t *file_read(const struct cli *cli, const char *name, parse_fn parse, bool ages,
			 struct err *why)
{
	char path[INSTANCE_PATH_MAX], old[STALE_TEXT_MAX];
	struct err e = {0};
	size_t length = 0;
	char *bytes = NULL;
	json_t *out = NULL;
	int64_t updated = 0;
	int rc = foreign_load(instance_path(cli->conf.instance, name, path), &bytes, &length, &e);

	if (rc == 0)
		rc = parse(bytes, length, &out, &updated, &e);
	free(bytes);
	if (rc == 0 && (!ages || !show_is_stale(cli, updated, old)))
		return out;
	if (rc && rc != -ENOENT && why)
		*why = e;
	if (rc == 0)
		json_decref(out);
	return NULL;
}

void vitals_read(const struct cli *cli, struct measure *m, json_t **zones, struct err *why)
{
	json_t *rows;

	if (zones)
		*zones = NULL;
	if (why)
		*why = (struct err){0};
	m->has_told = false;
	m->zone_count = m->feed_count = 0;
	m->controller = cli_controller_pid(cli) != 0;
	if (!m->controller)
		return;
	rows = file_read(cli, INSTANCE_CHILDREN, foreign_children, true, why);
	if (rows)
		children_take(m, rows);
	json_decref(rows);
	rows = file_read(cli, INSTANCE_FEEDS, foreign_feeds, false, why);
	if (rows)
		feeds_take(m, rows);
	json_decref(rows);
	rows = file_read(cli, INSTANCE_ZONES, foreign_zones, true, why);
	if (rows)
		zones_take(m, rows);
	if (zones)
		*zones = rows;
	else
		json_decref(rows);
}
