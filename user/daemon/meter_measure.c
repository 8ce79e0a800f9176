/* SPDX-License-Identifier: BSD-2-Clause */
/* What the maps tell: see meter_measure.h. */
#include "daemon/meter_measure.h"

#include <stdio.h>
#include <string.h>

#include "base/when.h"
#include "kern/feeds.h"

static int counter_take(void *context, const struct counter *k)
{
	struct measure *m = context;

	if (m->counter_count < sizeof(m->counter) / sizeof(m->counter[0]))
		m->counter[m->counter_count++] = *k;
	return 0;
}

static int fault_take(void *context, const struct fault *f)
{
	struct measure *m = context;

	if (m->fault_count < sizeof(m->fault) / sizeof(m->fault[0]))
		m->fault[m->fault_count++] = *f;
	return 0;
}

static int link_take(void *context, const struct gate_link *link)
{
	struct measure *m = context;
	struct measure_link *to = &m->link[m->link_count];

	if (m->link_count == MEASURE_LINKS_MAX)
		return 0;
	m->link_count++;
	/* The kernel takes nearly any byte in a name. */
	text_escape(link->name, strnlen(link->name, sizeof(link->name)), to->name,
		    sizeof(to->name));
	to->native = link->mode == GATE_NATIVE;
	to->present = link->ifindex != 0;
	return 0;
}

int measure_gate(struct gate *g, const struct tables_walk *walk, struct measure *m, struct err *e)
{
	const struct pn_conf *knobs = gate_conf(g);
	int r;

	m->loaded = true;
	m->now_boot_ns = now_boot_ns();
	m->enforce_until = knobs->enforce_until;
	m->alive_until = knobs->alive_until;
	m->reloads_done = knobs->reloads_done;
	m->reloads_failed = knobs->reloads_failed;
	m->open = open_total(g);
	for (enum gate_table t = 0; t < GATE_TABLES; t++) {
		m->limit[t] = tables_limit(g, t);
		m->counted[t] = walk && walk->counted[t];
		m->entries[t] = walk ? walk->entries[t] : 0;
	}
	m->counter_count = m->fault_count = m->link_count = 0;
	r = counters_each(g, counter_take, m, e);
	if (!r)
		r = faults_each(g, fault_take, m, e);
	if (!r)
		r = feeds_get_hits(g, &m->feed_hits, e);
	return r ? r : gate_each_link(g, link_take, m, e);
}

const char *measure_child_name(enum measure_child c)
{
	static const char *const names[MEASURE_CHILDREN] = {
		[MEASURE_RESOLVER] = "resolver",   [MEASURE_RESPONDER] = "responder",
		[MEASURE_METER] = "meter",	   [MEASURE_FOLLOWER] = "follower",
		[MEASURE_PROVIDERS] = "providers",
	};

	return c < MEASURE_CHILDREN ? names[c] : "";
}

struct measure_zone *measure_add_zone(struct measure *m, const char *name)
{
	char number[sizeof(" (4294967295)")] = "";
	size_t length = strlen(name);
	struct measure_zone *z;
	unsigned nth = 1;

	if (m->zone_count == sizeof(m->zone) / sizeof(m->zone[0]))
		return NULL;
	for (unsigned i = 0; i < m->zone_count; i++) {
		const char *other = m->zone[i].name;

		nth += strncmp(other, name, length) == 0 &&
		       (!other[length] || other[length] == ' ');
	}
	if (nth > 1)
		snprintf(number, sizeof(number), " (%u)", nth);
	z = &m->zone[m->zone_count++];
	memset(z, 0, sizeof(*z));
	snprintf(z->name, sizeof(z->name), "%.*s%s", (int)(sizeof(z->name) - sizeof(number)), name,
		 number);
	return z;
}

void measure_mail_log(struct measure *m, const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));
	bool has_process = state && (strcmp(state, "up") == 0 || strcmp(state, "down") == 0);

	m->log_wanted = state && strcmp(state, "off") != 0;
	m->log_followed = state && strcmp(state, "up") == 0;
	m->log_deliveries = json_count_of(row, "deliveries");
	m->child[MEASURE_FOLLOWER].state = !has_process	     ? MEASURE_OFF
					   : m->log_followed ? MEASURE_UP
							     : MEASURE_DOWN;
	m->child[MEASURE_FOLLOWER].deaths = json_count_of(row, "deaths");
}
