/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show providers: what is known of the domains in trust_spf, as the controller last wrote it down. It rests on what their owners publish, so it
 * is checked like all that is foreign.
 */
#include <errno.h>

#include "cli/foreign.h"
#include "cli/show.h"
#include "daemon/instance.h"

#define NOBODY "no provider is trusted (trust_spf)"

static int providers_missing(struct cli *cli)
{
	if (!cli->conf.trust_spf_count) {
		if (!cli->json)
			puts(NOBODY);
		return CLI_DONE;
	}
	if (!cli_controller_pid(cli))
		return cli_fail(
			cli, CLI_FAILED,
			"no controller runs: nobody asks about providers (`postern run` starts "
			"one)");
	return cli_fail(cli, CLI_FAILED, "the controller has not told how providers do yet");
}

/* For people what is not there is left out, and what is said of a record stands in one column. */
static void row_for_people(json_t *row)
{
	const char *why = json_string_value(json_object_get(row, "why"));
	const char *note = json_string_value(json_object_get(row, "note"));

	if (why || note)
		json_object_set_new(row, "why",
				    json_sprintf("%s%s%s", why ? why : "", why && note ? "; " : "",
						 note ? note : ""));
}

int show_providers(struct cli *cli)
{
	static const struct column columns[] = {
		{"domain", "DOMAIN"},	    {"state", "STATE"},
		{"networks", "NETWORKS"},   {"in_gate", "IN THE GATE"},
		{"addresses", "ADDRESSES"}, {"subnets6", "IPV6 /64S"},
		{"read", "READ"},	    {"why", "WHY"}};
	char path[INSTANCE_PATH_MAX], old[STALE_TEXT_MAX];
	json_t *rows = NULL;
	struct cli_list list;
	struct err e = {0};
	int64_t updated = 0;
	int rc, status;

	rc = foreign_load_rows(instance_path(cli->conf.instance, INSTANCE_PROVIDERS, path),
			       foreign_providers, &rows, &updated, &e);
	if (rc == -ENOENT)
		return providers_missing(cli);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	cli_list_open(&list, cli, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);

		if (!cli->json)
			row_for_people(row);
		(void)cli_list_add(&list, json_incref(row));
	}
	status = cli_list_close(&list, NOBODY);
	json_decref(rows);
	if (list.count && show_is_stale(cli, updated, old))
		cli_warn(cli, "%s", old);
	return status;
}
