/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For show status: how many feeds and providers are in force, and where the metrics are; each where the configuration has it.
 * The controller alone knows: without one the kernel keeps what it has, and nothing is said about it that was not read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/foreign.h"
#include "cli/show.h"
#include "daemon/instance.h"

/* What the controller last wrote down; NULL where none runs or has told yet. */
static json_t *rows_read(const struct cli *cli, const char *name, foreign_rows_fn take)
{
	char path[INSTANCE_PATH_MAX];
	struct err e = {0};
	json_t *rows = NULL;
	int64_t updated = 0;
	int rc;

	if (!cli_controller_pid(cli))
		return NULL;
	rc = foreign_load_rows(instance_path(cli->conf.instance, name, path), take, &rows, &updated,
			       &e);

	if (rc && rc != -ENOENT)
		cli_warn(cli, "%s", e.text);
	return rc == 0 ? rows : NULL;
}

static json_int_t sum(const json_t *rows, const char *key)
{
	json_int_t all = 0;

	for (size_t i = 0; i < json_array_size(rows); i++)
		all += json_integer_value(json_object_get(json_array_get(rows, i), key));
	return all;
}

static json_int_t count_state(const json_t *rows, const char *state)
{
	json_int_t count = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const char *is =
			json_string_value(json_object_get(json_array_get(rows, i), "state"));

		count += is && strcmp(is, state) == 0;
	}
	return count;
}

/* count of them are configured; what is not known of them is null. */
static json_t *input_row(unsigned count, const char *good, json_t *good_value, const char *what,
			 json_t *what_value)
{
	json_t *row = json_pack("{s:i}", "count", (int)count);

	json_object_set_new(row, good, good_value);
	json_object_set_new(row, what, what_value);
	return row;
}

static json_t *known(const json_t *rows, json_int_t value)
{
	return rows ? json_integer(value) : json_null();
}

void inputs_gather(const struct cli *cli, json_t *row)
{
	const struct conf *c = &cli->conf;
	json_t *rows;

	json_object_set_new(row, "feeds", json_null());
	json_object_set_new(row, "trust_spf", json_null());
	if (c->feed_count) {
		rows = rows_read(cli, INSTANCE_FEEDS, foreign_feeds);
		json_object_set_new(
			row, "feeds",
			input_row(c->feed_count, "loaded", known(rows, count_state(rows, "loaded")),
				  "entries",
				  known(rows, sum(rows, "hosts") + sum(rows, "prefixes"))));
		json_decref(rows);
	}
	if (c->trust_spf_count) {
		rows = rows_read(cli, INSTANCE_PROVIDERS, foreign_providers);
		json_object_set_new(row, "trust_spf",
				    input_row(c->trust_spf_count, "good",
					      known(rows, count_state(rows, "good")), "networks",
					      known(rows, sum(rows, "in_gate"))));
		json_decref(rows);
	}
	json_object_set_new(row, "metrics",
			    json_text_or_null(cli_controller_pid(cli) ? c->metrics : ""));
}

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void input_print(const char *key, const json_t *input, const char *good, const char *what,
			const char *one)
{
	long long count = number(input, "count"), fine = number(input, good);

	if (!json_is_object(input))
		return;
	if (json_is_null(json_object_get(input, good))) {
		printf("%-12s %lld configured; what the kernel has of them stays, until a "
		       "controller tells\n",
		       key, count);
		return;
	}
	printf("%-12s %lld of %lld %s, %lld %s%s%s%s\n", key, fine, count, good,
	       number(input, what), number(input, what) == 1 ? one : what,
	       fine < count ? " (postern show " : "", fine < count ? key : "",
	       fine < count ? ")" : "");
}

void inputs_print(const json_t *row)
{
	const char *metrics = json_string_value(json_object_get(row, "metrics"));

	input_print("feeds", json_object_get(row, "feeds"), "loaded", "entries", "entry");
	input_print("providers", json_object_get(row, "trust_spf"), "good", "networks", "network");
	if (metrics)
		printf("%-12s at %s\n", "metrics", metrics);
}
