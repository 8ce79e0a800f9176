/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics: what the gate counts, as Prometheus reads it; with --json a row for each sample. The controller gives the same page where
 * `metrics` of the configuration says (daemon/meter.h). Without a controller, and without a gate, what is not known has no sample.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/when.h"
#include "cli/cli.h"
#include "cli/vitals.h"
#include "daemon/meter_exposition.h"

#define TABLE_STEP 65536 /* entries; nobody waits for anything else meanwhile */

struct bans {
	uint64_t count, now_ns;
};

static void entry_seen(void *context, const struct table_entry *entry)
{
	struct bans *b = context;

	b->count += tables_is_ban(entry, b->now_ns);
}

static int gate_read(struct gate *g, struct measure *m, struct err *e)
{
	struct bans bans = {.now_ns = now_boot_ns()};
	struct tables_walk walk = {0};
	int r = 0;

	while (r == 0)
		r = tables_step(g, &walk, TABLE_STEP, entry_seen, &bans, e);
	if (r < 0)
		return r;
	r = measure_gate(g, &walk, m, e);
	m->has_bans = true;
	m->bans = bans.count;
	return r;
}

static int row_print(void *context, json_t *row)
{
	(void)context;
	return json_line(stdout, row);
}

int verb_metrics(struct cli *cli, const struct sentence *s)
{
	struct measure *m = calloc(1, sizeof(*m));
	struct err e = {0}, why;
	CLI_GATE g = NULL;
	int rc;

	(void)s;
	if (!m)
		return cli_fail(cli, CLI_FAILED, "out of memory");
	rc = gate_open(&g, cli->conf.instance, &e);
	if (rc == 0)
		rc = gate_read(g, m, &e);
	else if (rc == -ENOENT)
		rc = 0; /* not loaded: that is told too */
	if (rc) {
		free(m);
		return cli_fail_err(cli, CLI_FAILED, &e);
	}
	vitals_read(cli, m, NULL, &why);
	if (why.code)
		cli_warn(cli, "%s", why.text);
	rc = cli->json ? exposition_each(m, row_print, NULL) : exposition_write(m, stdout);
	free(m);
	return rc ? CLI_FAILED : CLI_DONE;
}
