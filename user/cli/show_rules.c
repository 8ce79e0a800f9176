/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show rules: the operator's rules from the store, which knows why and since when, and from pn_allow what is never
 * judged by itself (own addresses, gateways). Where the store cannot be read the maps tell what they know.
 */
#include <errno.h>

#include "base/when.h"
#include "cli/show.h"

struct rules_list {
	struct cli_list list;
	bool operators; /* take the operator's entries from the maps too */
};

static json_t *rule_object(const struct prefix *p, const char *action, const char *origin,
			   uint64_t expires_boot_ns)
{
	char text[PREFIX_TEXT_MAX];
	json_t *row = json_object();

	json_object_set_new(row, "prefix", json_string(prefix_format(p, text)));
	json_object_set_new(row, "action", json_string(action));
	json_object_set_new(row, "origin", json_string(origin));
	json_object_set_new(row, "because", json_null());
	json_object_set_new(row, "created", json_null());
	json_object_set_new(row, "expires", json_time_boot(expires_boot_ns));
	return row;
}

static int stored_add(void *context, const struct store_rule *rule)
{
	struct rules_list *rules = context;
	const char *action = rule->kind == STORE_BLOCK ? store_action_name(rule->action)
						       : store_kind_name(rule->kind);
	json_t *row = rule_object(&rule->prefix, action, rule->origin, rule->expires_boot_ns);

	json_object_set_new(row, "because", json_text_or_null(rule->because));
	json_object_set_new(row, "created", json_time_wall(rule->created_wall_s));
	json_object_set_new(row, "saying", json_text_or_null(rule->saying));
	return cli_list_add(&rules->list, row);
}

static int map_add(void *context, const struct rule_entry *r)
{
	struct rules_list *rules = context;

	if (r->rule.origin == PN_ORIGIN_OPERATOR &&
	    (!rules->operators || !rule_is_live(r->rule.expires, now_boot_ns())))
		return 0;
	return cli_list_add(&rules->list,
			    rule_object(&r->prefix, action_name(r->rule.action),
					origin_name(r->rule.origin), r->rule.expires));
}

/* Is there nothing in the store, or is it unreadable? The latter is told, and the maps must do. */
static bool store_rules(struct cli *cli, struct rules_list *rules)
{
	CLI_STORE store = NULL;
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	struct err e = {0};
	int rc = store_open(&store, ruling_state_dir(&cli->conf, dir, sizeof(dir)), STORE_READ, &e);

	if (rc == -ENOENT) {
		store = NULL;
		return true;
	}
	if (rc)
		store = NULL;
	else
		rc = store_each_rule(store, stored_add, rules, &e);
	if (rc == 0)
		return true;
	cli_warn(cli, "%s; these are the rules in the kernel, without their reasons", e.text);
	return false;
}

int show_rules(struct cli *cli)
{
	static const struct column columns[] = {{"prefix", "PREFIX"},	{"action", "ACTION"},
						{"origin", "ORIGIN"},	{"created", "CREATED"},
						{"expires", "EXPIRES"}, {"because", "BECAUSE"}};
	struct rules_list rules = {0};
	struct err e = {0};
	CLI_GATE g = NULL;
	int rc = gate_open(&g, cli->conf.instance, &e), status;

	cli_list_open(&rules.list, cli, columns, sizeof(columns) / sizeof(*columns));
	rules.operators = !store_rules(cli, &rules);
	if (rc == 0 && rules.operators)
		rc = rules_each_block(g, map_add, &rules, &e);
	if (rc == 0)
		rc = rules_each_allow(g, map_add, &rules, &e);
	/* Of what could not be read nobody knows whether it is empty. */
	status = cli_list_close(&rules.list, (rc && g) || rules.operators || (rc && rc != -ENOENT)
						     ? NULL
						     : "there are no rules");
	if (rc == -ENOENT && !g)
		return rules.operators ? CLI_FAILED
				       : status; /* not loaded: the store is all there is */
	return rc ? cli_fail_err(cli, CLI_FAILED, &e) : status;
}
