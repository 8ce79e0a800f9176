/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show zones: how the DNS lists do, as the controller last wrote it down. That is a process which reads what strangers send,
 * so its words are checked like theirs.
 */
#include <errno.h>
#include <string.h>

#include "base/when.h"
#include "cli/foreign.h"
#include "cli/show.h"
#include "daemon/instance.h"

#define STALE_AFTER_S 10 /* a controller that lives writes every few seconds */

bool show_is_stale(const struct cli *cli, int64_t updated_wall_s, char text[static STALE_TEXT_MAX])
{
	int64_t age_s = now_wall_s() - updated_wall_s;
	char when[WHEN_TEXT_MAX];
	bool is_running = cli_controller_pid(cli) != 0;

	/* A clock that was set back makes it be of the future: then its age is not known. */
	if (is_running && age_s <= STALE_AFTER_S && age_s >= -STALE_AFTER_S)
		return false;
	snprintf(text, STALE_TEXT_MAX, "this is old, of %s: %s", when_format(updated_wall_s, when),
		 is_running ? "the controller has not written since" : "no controller runs");
	return true;
}

/* No file: nobody asks, or it is not written yet. */
static int zones_missing(struct cli *cli)
{
	if (!cli->conf.dnsbl.site_count) {
		if (!cli->json)
			puts("no lists are configured (dnsbl.sites)");
		return CLI_DONE;
	}
	if (!cli_controller_pid(cli))
		return cli_fail(
			cli, CLI_FAILED,
			"no controller runs: nobody asks the lists (`postern run` starts one)");
	return cli_fail(cli, CLI_FAILED, "the controller has not told how the lists do yet");
}

int show_zones(struct cli *cli)
{
	static const struct column columns[] = {
		{"zone", "ZONE"},     {"state", "STATE"},   {"asked", "ASKED"},
		{"listed", "LISTED"}, {"errors", "ERRORS"}, {"over_budget", "OVER BUDGET"},
		{"latency_ms", "MS"}, {"why", "WHY"}};
	char path[INSTANCE_PATH_MAX], old[STALE_TEXT_MAX];
	json_t *rows = NULL;
	struct cli_list list;
	struct err e = {0};
	int64_t updated = 0;
	int rc, status;

	rc = foreign_load_rows(instance_path(cli->conf.instance, INSTANCE_ZONES, path),
			       foreign_zones, &rows, &updated, &e);
	if (rc == -ENOENT)
		return zones_missing(cli);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	cli_list_open(&list, cli, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);

		if (!cli->json && !json_string_length(json_object_get(row, "why")))
			json_object_set_new(row, "why", json_null());
		(void)cli_list_add(&list, json_incref(row));
	}
	status = cli_list_close(&list, "no lists are configured (dnsbl.sites)");
	json_decref(rows);
	if (show_is_stale(cli, updated, old))
		cli_warn(cli, "%s", old);
	return status;
}
