/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate's own state: see gate.h. What stands in the kernel counts, not what the configuration asks for: a gate whose controller
 * has died goes on with what it was told last.
 */
#include "audit/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/when.h"
#include "kern/gate.h"
#include "kern/maps.h"
#include "kern/selftest.h"

#define NAME_SHOWN_MAX 64

struct reading {
	struct seen_gate *seen;
	unsigned links;
};

static void text_add(char *text, size_t size, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used ? ", " : "", more);
}

static int link_came(void *context, const struct gate_link *link)
{
	struct reading *r = context;
	char name[NAME_SHOWN_MAX], row[NAME_SHOWN_MAX + 16];

	if (!link->ifindex || r->links++ == SEEN_GATE_LINKS_MAX)
		return 0;
	text_escape(link->name, strlen(link->name), name, sizeof(name));
	snprintf(row, sizeof(row), "%s (%s)", name,
		 link->mode == GATE_NATIVE ? "native" : "generic");
	text_add(r->seen->links, sizeof(r->seen->links), row);
	r->seen->is_attached = true;
	return 0;
}

static int rule_came(void *context, const struct rule_entry *r)
{
	struct seen_gate *seen = context;

	if (r->rule.origin == PN_ORIGIN_OPERATOR &&
	    (!r->rule.expires || r->rule.expires > now_boot_ns()))
		seen->rules++;
	return 0;
}

/* A limit of the kernel as people write it: so many in so many seconds. */
static void limit_add(struct seen_gate *seen, const struct pn_limit *limit, const char *whose)
{
	uint64_t count = limit->interval_ns ? limit->burst_ns / limit->interval_ns + 1 : 0;
	char row[96], per[DURATION_TEXT_MAX];
	uint64_t period_s = count * limit->interval_ns / NS_PER_S;

	if (!count)
		return;
	if (period_s)
		snprintf(row, sizeof(row), "%llu in %s %s", (unsigned long long)count,
			 duration_format(period_s, per), whose);
	else
		snprintf(row, sizeof(row), "%llu a second %s",
			 (unsigned long long)(NS_PER_S / limit->interval_ns), whose);
	text_add(seen->limits, sizeof(seen->limits), row);
}

static void limits_read(struct seen_gate *seen, const struct pn_conf *knobs)
{
	char row[64];

	seen->has_rate = knobs->rate.interval_ns != 0;
	seen->has_open = knobs->open_max != 0;
	seen->has_total = knobs->total_rate.interval_ns != 0 || knobs->total_open_max != 0;
	limit_add(seen, &knobs->rate, "for each source");
	limit_add(seen, &knobs->network_rate, "for each network");
	limit_add(seen, &knobs->total_rate, "for all");
	if (knobs->open_max) {
		snprintf(row, sizeof(row), "%u open for each source", knobs->open_max);
		text_add(seen->limits, sizeof(seen->limits), row);
	}
	if (knobs->total_open_max) {
		snprintf(row, sizeof(row), "%u open for all", knobs->total_open_max);
		text_add(seen->limits, sizeof(seen->limits), row);
	}
}

static void self_test(struct seen_gate *seen, struct gate *g)
{
	struct err e = {0};

	if (selftest_count(g, &e) == 0)
		seen->counters_move = true;
	else
		snprintf(seen->self_test, sizeof(seen->self_test), "%s", e.text);
}

static void gate_read(struct seen_gate *seen, struct gate *g)
{
	const struct pn_conf *knobs = gate_conf(g);
	struct reading r = {.seen = seen};
	struct err e = {0};
	uint64_t now = now_boot_ns();

	seen->enforces = knobs->enforce_until > now;
	seen->controller_runs = knobs->alive_until > now;
	limits_read(seen, knobs);
	if (gate_each_link(g, link_came, &r, &e) < 0 ||
	    rules_each_block(g, rule_came, seen, &e) < 0) {
		snprintf(seen->why, sizeof(seen->why), "%s", e.text);
		return;
	}
	self_test(seen, g);
}

int seen_gate_read(struct seen_gate **out, const struct conf *conf, const char *instance,
		   struct err *e)
{
	struct seen_gate *seen = calloc(1, sizeof(*seen));
	struct gate *g = NULL;
	struct err why = {0};
	int code;

	*out = NULL;
	if (!seen)
		return err_set(e, -ENOMEM, "no memory for the gate's state");
	seen->asks_lists = conf && conf->dnsbl.site_count;
	code = gate_open(&g, instance, &why);
	if (code == 0)
		gate_read(seen, g);
	else if (code != -ENOENT)
		snprintf(seen->why, sizeof(seen->why), "%s", why.text);
	gate_close(g);
	*out = seen;
	return 0;
}

void seen_gate_free(struct seen_gate *g)
{
	free(g);
}
