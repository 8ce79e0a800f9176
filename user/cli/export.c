/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export: rules from the store, which knows who ordered them; what was found or banned automatically from the kernel, so far as it is
 * acted on now. What the lists of the DNS say is theirs: most of them forbid to pass it on, so each entry has its origin, and a warning
 * is said where there are such entries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "cli/cli.h"
#include "cli/export.h"
#include "cli/rules.h"

struct exporting {
	const struct cli *cli;
	struct export_list list;
	const char *origin; /* only these; NULL all */
	bool from_store;    /* the rules were read there */
	bool enforcing;
};

static enum pn_action action_of_rule(const struct store_rule *rule)
{
	switch (rule->action) {
	case STORE_REFUSE:
		return PN_REFUSE;
	case STORE_REPLY:
		return PN_REPLY;
	default:
		return rule->kind == STORE_BLOCK   ? PN_DROP
		       : rule->kind == STORE_TRUST ? PN_TRUST
						   : PN_ALLOW;
	}
}

static int entry_take(struct exporting *x, const struct prefix *p, enum pn_action action,
		      const char *origin, uint64_t expires_boot_ns, bool is_found)
{
	struct export_entry entry = {.prefix = *p,
				     .is_exception = action == PN_ALLOW,
				     .is_trust = action == PN_TRUST,
				     .is_found = is_found,
				     .action = action,
				     .expires_boot_ns = expires_boot_ns};

	if (!rule_is_live(expires_boot_ns, now_boot_ns()))
		return 0;
	if (!entry.is_exception && !entry.is_trust && x->origin && strcmp(x->origin, origin) != 0)
		return 0;
	snprintf(entry.origin, sizeof(entry.origin), "%s", origin);
	return export_add(&x->list, &entry) ? -ENOMEM : 0;
}

static int stored_take(void *context, const struct store_rule *rule)
{
	return entry_take(context, &rule->prefix, action_of_rule(rule), rule->origin,
			  rule->expires_boot_ns, false);
}

/* Of the maps: what is not the operator's, and his too where the store could not be read. */
static int map_take(void *context, const struct rule_entry *r)
{
	struct exporting *x = context;

	if (x->from_store && r->rule.origin == PN_ORIGIN_OPERATOR)
		return 0;
	return entry_take(x, &r->prefix, r->rule.action, origin_name(r->rule.origin),
			  r->rule.expires, false);
}

static int source_take(void *context, const struct source_entry *s)
{
	struct exporting *x = context;

	if (!s->listed || !rule_is_live(s->expires, now_boot_ns()) ||
	    (x->origin && strcmp(x->origin, origin_name(s->origin)) != 0))
		return 0;
	if (!x->enforcing) {
		x->list.idle++;
		return 0;
	}
	return entry_take(x, &s->prefix, s->action, origin_name(s->origin), s->expires, true);
}

static int gate_take(struct exporting *x, struct gate *g, struct err *e)
{
	int rc = rules_each_allow(g, map_take, x, e);

	x->enforcing = gate_conf(g)->enforce_until > now_boot_ns();
	if (rc == 0)
		rc = rules_each_block(g, map_take, x, e);
	return rc ? rc : sources_each(g, source_take, x, e);
}

static int store_take(struct exporting *x, struct err *e)
{
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	CLI_STORE store = NULL;
	int rc = store_open(&store, ruling_state_dir(&x->cli->conf, dir, sizeof(dir)), STORE_READ,
			    e);

	if (rc) {
		store = NULL;
		return rc;
	}
	rc = store_each_rule(store, stored_take, x, e);
	x->from_store = rc == 0;
	return rc;
}

static int collect(struct exporting *x, struct err *e)
{
	CLI_GATE g = NULL;
	struct err store = {0};
	int rc = gate_open(&g, x->cli->conf.instance, e), stored;

	if (rc && rc != -ENOENT)
		return rc;
	stored = store_take(x, &store);
	if (stored == -ENOMEM)
		return err_set(e, -ENOMEM, "out of memory");
	if (stored && stored != -ENOENT) {
		x->list.count = 0;
		if (!g)
			return err_set(e, stored, "%s", store.text);
		cli_warn(x->cli, "%s; these are the rules in the kernel", store.text);
	}
	return g ? gate_take(x, g, e) : 0;
}

static int rows_print(const struct exporting *x)
{
	char text[PREFIX_TEXT_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < x->list.count; i++) {
		const struct export_entry *e = &x->list.entry[i];

		rc = json_line(stdout, json_pack("{s:s, s:s, s:s, s:o}", "prefix",
						 prefix_format(&e->prefix, text), "action",
						 action_name(e->action), "origin", e->origin,
						 "expires", json_time_boot(e->expires_boot_ns)));
	}
	return rc ? CLI_FAILED : CLI_DONE;
}

/* How many come from lists of the DNS. */
static unsigned dnsbl_count(const struct export_list *l)
{
	unsigned count = 0;

	for (size_t i = 0; i < l->count; i++)
		count += strcmp(l->entry[i].origin, origin_name(PN_ORIGIN_DNSBL)) == 0;
	return count;
}

int verb_export(struct cli *cli, const struct sentence *s)
{
	static const struct {
		const char *name;
		void (*print)(const struct export_list *l, FILE *out);
	} forms[] = {{"list", export_print_list},
		     {"rbldnsd", export_print_rbldnsd},
		     {"nft", export_print_nft}};
	struct exporting x = {.cli = cli, .origin = sentence_get(s, "origin")};
	struct err e = {0};
	int status = CLI_DONE;
	unsigned dnsbl;

	if (origin_check(x.origin, &e))
		return cli_fail(cli, CLI_MISUSED, "export: %s", e.text);
	if (collect(&x, &e)) {
		free(x.list.entry);
		return cli_fail_err(cli, CLI_FAILED, &e);
	}
	export_settle(&x.list);
	dnsbl = dnsbl_count(&x.list);
	if (dnsbl)
		cli_warn(cli,
			 "%u of them have the origin dnsbl: the terms of most lists forbid to pass "
			 "on what they say (`origin operator` leaves them out)",
			 dnsbl);
	for (size_t i = 0; !cli->json && i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].name, s->word[0]) == 0)
			forms[i].print(&x.list, stdout);
	if (cli->json)
		status = rows_print(&x);
	free(x.list.entry);
	return status;
}
