/* SPDX-License-Identifier: BSD-2-Clause */
/* show zones: how the DNS lists do. */
#include "cli/show.h"
#include "daemon/instance.h"

#define NO_LISTS "no lists are configured (dnsbl.sites)"

/* No file: nobody asks, or it is not written yet. */
static int zones_missing(struct cli *cli)
{
	if (!cli->conf.dnsbl.site_count) {
		if (!cli->json)
			puts(NO_LISTS);
		return CLI_DONE;
	}
	if (!cli_controller_pid(cli))
		return cli_fail(
			cli, CLI_FAILED,
			"no controller runs: nobody asks the lists (`postern run` starts one)");
	return cli_fail(cli, CLI_FAILED, "the controller has not told how the lists do yet");
}

/* The controller writes an empty text where there is nothing to say. */
static json_t *zone_row(struct cli *cli, json_t *told, unsigned place, void *context)
{
	(void)place;
	(void)context;
	(void)cli;
	if (!json_string_length(json_object_get(told, "why")))
		json_object_set_new(told, "why", json_null());
	return json_incref(told);
}

int show_zones(struct cli *cli)
{
	static const struct column columns[] = {
		{"zone", "ZONE"},     {"state", "STATE"},   {"asked", "ASKED"},
		{"listed", "LISTED"}, {"errors", "ERRORS"}, {"over_budget", "OVER BUDGET"},
		{"latency_ms", "MS"}, {"why", "WHY"}};
	static const struct show_told zones = {.file = INSTANCE_ZONES,
					       .take = foreign_zones,
					       .columns = columns,
					       .count = sizeof(columns) / sizeof(*columns),
					       .empty = NO_LISTS,
					       .missing = zones_missing,
					       .row = zone_row};
	char old[STALE_TEXT_MAX];
	int64_t updated;
	int status = show_told(cli, &zones, &updated);

	if (updated && show_is_stale(cli, updated, old))
		cli_warn(cli, "%s", old);
	return status;
}
