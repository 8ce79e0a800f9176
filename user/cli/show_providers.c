/* SPDX-License-Identifier: BSD-2-Clause */
/* show providers: what is known of the domains in trust_spf. */
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

/* For people what is said of a record stands in one column. */
static json_t *provider_row(struct cli *cli, json_t *told, unsigned place, void *context)
{
	const char *why = json_string_value(json_object_get(told, "why"));
	const char *note = json_string_value(json_object_get(told, "note"));

	(void)place;
	(void)context;
	if (!cli->json && (why || note))
		json_object_set_new(told, "why",
				    json_sprintf("%s%s%s", why ? why : "", why && note ? "; " : "",
						 note ? note : ""));
	return json_incref(told);
}

int show_providers(struct cli *cli)
{
	static const struct column columns[] = {
		{"domain", "DOMAIN"},	    {"state", "STATE"},
		{"networks", "NETWORKS"},   {"in_gate", "IN THE GATE"},
		{"addresses", "ADDRESSES"}, {"subnets6", "IPV6 /64S"},
		{"read", "READ"},	    {"why", "WHY"}};
	static const struct show_told providers = {.file = INSTANCE_PROVIDERS,
						   .take = foreign_providers,
						   .columns = columns,
						   .count = sizeof(columns) / sizeof(*columns),
						   .empty = NOBODY,
						   .missing = providers_missing,
						   .row = provider_row};
	char old[STALE_TEXT_MAX];
	int64_t updated;
	int status = show_told(cli, &providers, &updated);

	if (updated && show_is_stale(cli, updated, old))
		cli_warn(cli, "%s", old);
	return status;
}
