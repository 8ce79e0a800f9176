/* SPDX-License-Identifier: BSD-2-Clause */
/* show status: the state of the gate on one screen, or as one object. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/when.h"
#include "base/words.h"
#include "cli/show.h"
#include "daemon/pulse.h"

struct counts {
	json_int_t block, allow, trust;
	json_int_t listed, known, banned;
};

struct status {
	struct cli *cli;
	struct gate *gate; /* NULL: not loaded */
	struct counts counts;
	json_t *interfaces, *faults, *totals;
	json_t *contact; /* what becomes of strangers */
	uint64_t enforce_until, alive_until;
	uint64_t open;
	int pid;	       /* of the controller, 0 none */
	struct err unreadable; /* a part of the maps */
};

/* ---- gathering ---- */

static int count_rule(void *context, const struct store_rule *rule)
{
	struct counts *c = context;

	if (rule->kind == STORE_BLOCK)
		c->block++;
	else if (rule->kind == STORE_ALLOW)
		c->allow++;
	else
		c->trust++;
	return 0;
}

static int count_blocked(void *context, const struct rule_entry *r)
{
	struct counts *c = context;

	if (r->rule.origin == PN_ORIGIN_OPERATOR)
		c->block++;
	return 0;
}

static int count_allowed(void *context, const struct rule_entry *r)
{
	struct counts *c = context;

	if (r->rule.origin != PN_ORIGIN_OPERATOR)
		return 0;
	if (r->rule.action == PN_TRUST)
		c->trust++;
	else
		c->allow++;
	return 0;
}

static int count_source(void *context, const struct source_entry *s)
{
	struct counts *c = context;

	/* As show sources has them. */
	if (!rule_is_live(s->expires, now_boot_ns()))
		return 0;
	if (s->origin == PN_ORIGIN_BAN)
		c->banned++;
	else if (s->listed)
		c->listed++;
	else
		c->known++;
	return 0;
}

static int link_add(void *context, const struct gate_link *link)
{
	json_t *row = json_pack("{s:s, s:s, s:o, s:b}", "name", link->name, "attach",
				link->mode == GATE_NATIVE ? "native" : "generic", "since",
				json_time_wall(link->since_wall_s), "present", link->ifindex != 0);

	return json_array_append_new(context, row) ? -ENOMEM : 0;
}

static int fault_add(void *context, const struct fault *f)
{
	if (!f->count)
		return 0;
	return json_object_set_new(context, f->name, json_integer((json_int_t)f->count)) ? -ENOMEM
											 : 0;
}

static const char *total_of(enum pn_reason reason)
{
	static const char *const keys[] = {
		[REASON_PASSES] = "passed", [REASON_HOLDS] = "held", [REASON_STOPS] = "stopped"};

	return keys[reason_fate_of(reason)];
}

static void total_raise(json_t *totals, const char *key, uint64_t by)
{
	json_int_t before = json_integer_value(json_object_get(totals, key));

	json_object_set_new(totals, key, json_integer(before + (json_int_t)by));
}

static int total_add(void *context, const struct counter *k)
{
	for (unsigned r = 0; r < PN_REASONS; r++)
		if (strcmp(reason_name((enum pn_reason)r), k->name) == 0)
			total_raise(context, total_of((enum pn_reason)r), k->sum.packets);
	total_raise(context, "would", k->sum.would);
	return 0;
}

static void gather_gate(struct status *st)
{
	const struct pn_conf *knobs = gate_conf(st->gate);
	struct err *e = &st->unreadable;

	st->enforce_until = knobs->enforce_until;
	st->alive_until = knobs->alive_until;
	st->open = open_total(st->gate);
	if (gate_each_link(st->gate, link_add, st->interfaces, e) ||
	    sources_each(st->gate, count_source, &st->counts, e) ||
	    counters_each(st->gate, total_add, st->totals, e) ||
	    faults_each(st->gate, fault_add, st->faults, e))
		cli_warn(st->cli, "%s", e->text);
}

static void gather_store(struct status *st)
{
	CLI_STORE store = NULL;
	struct err e = {0};
	int rc;

	cli_store_read(st->cli, &store);
	if (!st->gate)
		(void)ruling_stored_mode(store, &st->cli->conf, &st->enforce_until, NULL);
	if (store) {
		rc = store_each_rule(store, count_rule, &st->counts, &e);
		if (rc == 0)
			return;
		cli_warn(st->cli, "%s", e.text);
		st->counts.block = st->counts.allow = st->counts.trust = 0;
	}
	if (st->gate) {
		(void)rules_each_block(st->gate, count_blocked, &st->counts, NULL);
		(void)rules_each_allow(st->gate, count_allowed, &st->counts, NULL);
	}
}

/* ---- as JSON ---- */

static bool is_enforcing(const struct status *st)
{
	return st->enforce_until > now_boot_ns();
}

/* The deadline of enforce mode, where it has one. */
static uint64_t enforce_end(const struct status *st)
{
	return is_enforcing(st) && st->enforce_until != PN_FOREVER ? st->enforce_until : 0;
}

static json_t *status_row(struct status *st)
{
	const struct counts *c = &st->counts;
	json_t *row = json_object();

	json_object_set_new(row, "instance", json_string(st->cli->conf.instance));
	json_object_set_new(row, "loaded", json_boolean(st->gate != NULL));
	json_object_set_new(row, "mode", json_string(is_enforcing(st) ? "enforce" : "monitor"));
	json_object_set_new(row, "enforce_until", json_time_boot(enforce_end(st)));
	json_object_set(row, "interfaces", st->interfaces);
	json_object_set_new(row, "rules", json_integer(c->block + c->allow + c->trust));
	json_object_set_new(row, "blocks", json_integer(c->block));
	json_object_set_new(row, "allows", json_integer(c->allow));
	json_object_set_new(row, "trusts", json_integer(c->trust));
	json_object_set_new(row, "sources", json_integer(c->listed + c->banned + c->known));
	json_object_set_new(row, "listed", json_integer(c->listed));
	json_object_set_new(row, "banned", json_integer(c->banned));
	json_object_set_new(row, "known", json_integer(c->known));
	json_object_set_new(row, "open", json_integer((json_int_t)st->open));
	json_object_set_new(row, "controller", st->pid ? json_integer(st->pid) : json_null());
	json_object_set_new(row, "alive", json_boolean(st->alive_until > now_boot_ns()));
	json_object_update(row, st->contact);
	json_object_set(row, "packets", st->totals);
	json_object_set(row, "faults", st->faults);
	return row;
}

/* ---- for people ---- */

static void controller_print(const struct status *st)
{
	uint64_t now = now_boot_ns();
	char when[WHEN_TEXT_MAX];

	if (st->pid && (!st->gate || st->alive_until > now))
		printf("controller   running, pid %d\n", st->pid);
	else if (st->pid)
		printf("controller   running, pid %d, but it does not answer: open connections are "
		       "not judged\n",
		       st->pid);
	else if (st->gate && st->alive_until)
		printf("controller   none (the last was seen at %s): open connections are not "
		       "judged\n",
		       when_format(when_of_boot(st->alive_until - PULSE_ALIVE_FOR_S * NS_PER_S),
				   when));
	else
		puts("controller   none: open connections are not judged");
}

static void interfaces_print(const struct status *st)
{
	size_t count = json_array_size(st->interfaces);

	if (count == 0)
		puts("interfaces   none: nothing is guarded");
	for (size_t i = 0; i < count; i++) {
		const json_t *link = json_array_get(st->interfaces, i);

		printf("%s%s (%s) since %s%s\n", i ? "             " : "interfaces   ",
		       json_string_value(json_object_get(link, "name")),
		       json_string_value(json_object_get(link, "attach")),
		       json_string_value(json_object_get(link, "since")),
		       json_is_true(json_object_get(link, "present")) ? "" : ", now gone");
	}
}

static int fault_print(void *context, const struct fault *f)
{
	bool *first = context;

	if (!f->count)
		return 0;
	printf("%s%s (%llu)\n", *first ? "faults       " : "             ", f->sentence,
	       (unsigned long long)f->count);
	*first = false;
	return 0;
}

static json_int_t total(const struct status *st, const char *key)
{
	return json_integer_value(json_object_get(st->totals, key));
}

static void status_print(struct status *st)
{
	const struct counts *c = &st->counts;
	char when[WHEN_TEXT_MAX], left[DURATION_TEXT_MAX];
	bool first = true;

	printf("instance     %s%s\n", st->cli->conf.instance,
	       st->gate ? "" : ": the gate is not loaded");
	if (enforce_end(st))
		printf("mode         enforce until %s (%s left), then monitor\n",
		       when_format(when_of_boot(enforce_end(st)), when),
		       duration_describe((enforce_end(st) - now_boot_ns()) / NS_PER_S, left));
	else
		printf("mode         %s\n",
		       is_enforcing(st) ? "enforce" : "monitor: judges, and lets pass");
	if (st->gate)
		interfaces_print(st);
	controller_print(st);
	contact_print(st->contact);
	inputs_print(st->contact);
	printf("rules        %lld blocked, %lld allowed, %lld trusted\n", (long long)c->block,
	       (long long)c->allow, (long long)c->trust);
	if (!st->gate)
		return;
	printf("sources      %lld listed, %lld known, %lld banned\n", (long long)c->listed,
	       (long long)c->known, (long long)c->banned);
	printf("open         %llu connection%s\n", (unsigned long long)st->open, plural(st->open));
	printf("packets      %lld passed, %lld stopped, %lld held, %lld more would be in enforce "
	       "mode\n",
	       (long long)total(st, "passed"), (long long)total(st, "stopped"),
	       (long long)total(st, "held"), (long long)total(st, "would"));
	(void)faults_each(st->gate, fault_print, &first, NULL);
}

int show_status(struct cli *cli)
{
	struct status st = {.cli = cli};
	struct err e = {0};
	int rc = gate_open(&st.gate, cli->conf.instance, &e), status = CLI_DONE;

	if (rc && rc != -ENOENT)
		return cli_fail_err(cli, CLI_FAILED, &e);
	st.interfaces = json_array();
	st.faults = json_object();
	st.totals = json_object();
	total_raise(st.totals, "passed", 0);
	total_raise(st.totals, "stopped", 0);
	total_raise(st.totals, "held", 0);
	total_raise(st.totals, "would", 0);
	st.pid = cli_controller_pid(cli);
	if (st.gate)
		gather_gate(&st);
	st.contact = json_object();
	contact_gather(cli, st.gate, st.contact);
	inputs_gather(cli, st.contact);
	gather_store(&st);
	if (cli->json)
		status = json_line(stdout, status_row(&st)) ? CLI_FAILED : CLI_DONE;
	else
		status_print(&st);
	json_decref(st.interfaces);
	json_decref(st.faults);
	json_decref(st.totals);
	json_decref(st.contact);
	gate_close(st.gate);
	return status;
}
