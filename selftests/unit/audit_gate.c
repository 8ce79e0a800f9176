/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate's own part: what the checks say of its state, and that state as read from a real gate. */
#include <unistd.h>

#include "audit/gate.h"
#include "audit_rig.h"
#include "kern/gate.h"
#include "kern/maps.h"
#include "kern/selftest.h"

#define SAID_MAX 512

struct gate_row {
	const char *sentence, *check, *said, *enforce;
	struct seen_gate gate;
};

#define FINE                                                                                       \
	.is_attached = true, .enforces = true, .controller_runs = true, .has_rate = true,          \
	.has_open = true, .counters_move = true

static const char *enforce_of(const struct rig *r)
{
	for (unsigned i = 0; i < r->found.count; i++)
		if (r->found.row[i]->enforce[0])
			return r->found.row[i]->enforce;
	return "";
}

static void gate_check(struct rig *r, const char *id, const struct seen_gate *gate)
{
	const struct look look = {.check = check_find(id),
				  .seen = &r->seen,
				  .request = &r->request,
				  .out = &r->found};

	findings_free(&r->found);
	look.check->gate(&look, gate);
}

TEST(the_gate_is_judged_by_its_state)
{
	static const struct gate_row rows[] = {
		{"all is well", "limits", "limits.gate pass, limits.counters pass", "", {FINE}},
		{"monitor mode",
		 "limits",
		 "limits.gate pass, limits.mode warn medium, limits.controller warn medium, "
		 "limits.counters pass",
		 "postern enforce",
		 {.is_attached = true, .has_rate = true, .has_open = true, .counters_move = true}},
		{"it does not count",
		 "limits",
		 "limits.gate pass, limits.counters fail medium",
		 "",
		 {.is_attached = true,
		  .enforces = true,
		  .controller_runs = true,
		  .has_rate = true,
		  .has_open = true,
		  .self_test = "no"}},
		{"no limit",
		 "limits",
		 "limits.gate warn medium, limits.counters pass",
		 "",
		 {.is_attached = true,
		  .enforces = true,
		  .controller_runs = true,
		  .counters_move = true}},
		{"none is attached", "limits", "limits.gate skipped", "postern run", {.rules = 0}},
		{"it could not be read", "limits", "limits.gate inconclusive", "", {.why = "no"}},
		{"some are blocked", "blocklist", "blocklist.rules pass", "", {FINE, .rules = 3}},
		{"nobody is",
		 "blocklist",
		 "blocklist.rules warn info",
		 "postern block PREFIX",
		 {FINE}},
		{"senders are not refused",
		 "kill-file",
		 "kill-file.hosts pass, kill-file.senders skipped",
		 "",
		 {FINE, .rules = 1}},
		{"lists are asked", "dnsbl", "dnsbl.gate pass", "", {FINE, .asks_lists = true}},
		{"none is", "dnsbl", "dnsbl.gate warn medium", "", {FINE}},
		{"nobody is there to ask",
		 "dnsbl",
		 "dnsbl.gate warn medium",
		 "postern run",
		 {.is_attached = true, .asks_lists = true}},
		{"what is not there yet", "long-line", "long-line.gate skipped", "", {FINE}},
		{"evidence can be had", "report-abuse", "report-abuse.evidence pass", "", {FINE}},
		{"old evidence too",
		 "report-abuse",
		 "report-abuse.evidence pass",
		 "",
		 {.is_attached = true}},
		{"nobody collects any",
		 "report-abuse",
		 "report-abuse.gate skipped",
		 "postern run",
		 {.rules = 0}},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		char said[SAID_MAX];
		struct rig r;

		rig_open(&r);
		gate_check(&r, rows[i].check, &rows[i].gate);
		rig_said(&r, said, sizeof(said));
		EXPECT(strcmp(said, rows[i].said) == 0, "%s: %s", rows[i].sentence, said);
		EXPECT(strcmp(enforce_of(&r), rows[i].enforce) == 0, "%s: %s", rows[i].sentence,
		       enforce_of(&r));
		findings_free(&r.found);
	}
}

static int packets_came(void *context, const struct counter *k)
{
	*(uint64_t *)context += k->sum.packets;
	return 0;
}

static int rate_came(void *context, const struct rate_entry *r)
{
	(void)r;
	++*(unsigned *)context;
	return 0;
}

TEST(a_real_gate_is_read_and_tested)
{
	static const struct gate_sizes sizes = {.rules = 64,
						.blocks = 64,
						.allow = 64,
						.open = 64,
						.rates = 4096,
						.listed = 64,
						.known = 4096};
	char instance[32];
	enum gate_origin origin;
	struct gate *g = NULL;
	struct seen_gate *seen = NULL;
	struct pn_conf *knobs;
	struct prefix blocked;
	struct err e = {0};
	uint64_t packets = 0;
	unsigned rates = 0;
	int lock, code;

	if (geteuid() != 0)
		SKIP("root");
	snprintf(instance, sizeof(instance), "unit-audit-%d", (int)getpid());
	ENSURE(seen_gate_read(&seen, NULL, instance, &e) == 0 && !seen->is_attached &&
		       !seen->why[0],
	       "one that is not there is read as that: %s", seen->why);
	seen_gate_free(seen);
	lock = gate_lock(&e);
	code = gate_load(&g, instance, &sizes, &origin, &e);
	if (code == 0)
		code = gate_switch(g, &e);
	gate_unlock(lock);
	ENSURE(code == 0, "a gate: %s", e.text);
	knobs = gate_conf(g);
	knobs->ports[0] = (struct pn_port){.port = 25, .local_port = 25};
	knobs->rate = (struct pn_limit){500000000, 119 * 500000000ULL};
	knobs->open_max = 50;
	knobs->charge_syn = 1;
	knobs->enforce_until = PN_FOREVER;
	prefix_parse("198.51.100.7", &blocked, NULL);
	EXPECT(rules_block(g, &blocked, PN_DROP, 0, &e) == 0, "a rule: %s", e.text);
	code = seen_gate_read(&seen, NULL, instance, &e);
	EXPECT(code == 0 && seen->counters_move, "its counters move: %s", seen->self_test);
	EXPECT(seen->rules == 1 && seen->enforces && !seen->controller_runs, "its rule and mode");
	EXPECT(strcmp(seen->limits, "120 in 1m for each source, 50 open for each source") == 0,
	       "its limits: %s", seen->limits);
	EXPECT(counters_each(g, packets_came, &packets, &e) == 0 && packets == 16,
	       "sixteen packets are counted: %llu", (unsigned long long)packets);
	EXPECT(rates_each(g, rate_came, &rates, &e) == 0 && rates == 0, "and nobody is charged");
	/* A gate that polices nothing cannot count. */
	knobs->ports[0].port = 0;
	EXPECT(selftest_count(g, &e) < 0, "without a port it says so: %s", e.text);
	seen_gate_free(seen);
	lock = gate_lock(NULL);
	gate_close(g);
	gate_remove(instance, NULL);
	gate_unlock(lock);
}
