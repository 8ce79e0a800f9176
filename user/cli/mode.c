/* SPDX-License-Identifier: BSD-2-Clause */
/* enforce and monitor. The kernel keeps the deadline, so a timed order ends with or without a controller. */
#include <stdio.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/cli.h"

/* To a person alone: a script that enforces has its answer, and looks at the status of the report if it cares. */
static void report_name(const struct cli *cli)
{
	if (!cli->json && isatty(STDOUT_FILENO))
		puts("`postern report` tells what is refused from now on, and who of those had "
		     "delivered mail");
}

/* Monitor mode is the brake: it is pulled also where the store is full, locked or broken. */
static int mode_set(struct cli *cli, enum conf_mode mode, uint64_t for_s)
{
	const char *name = mode == CONF_ENFORCE ? "enforce" : "monitor";
	char time[DURATION_TEXT_MAX];
	struct ruling r = {0};
	struct err e = {0};
	uint64_t until = for_s ? now_boot_ns() + for_s * NS_PER_S : 0;
	int rc = ruling_open(&r, &cli->conf, &e);

	if (rc == 0)
		rc = ruling_set_mode(&r, mode, for_s, &e);
	if (rc) {
		ruling_close(&r);
		if (mode == CONF_MONITOR && ruling_brake(&cli->conf, NULL) == 0)
			return cli_fail(cli, CLI_FAILED,
					"%s; the gate is in monitor mode all the same, but only "
					"until the controller is reloaded or started again",
					e.text);
		return cli_fail_err(cli, CLI_FAILED, &e);
	}
	if (!r.gate)
		cli_warn(cli, "stored; comes into force when the gate is attached");
	rc = cli_say(cli,
		     json_pack("{s:s, s:o, s:b}", "mode", name, "until", json_time_boot(until),
			       "in_force", r.gate != NULL),
		     "the mode is %s%s%s%s", name, for_s ? " for " : "",
		     for_s ? duration_format(for_s, time) : "", for_s ? ", then monitor" : "");
	if (mode == CONF_ENFORCE && rc == CLI_DONE)
		report_name(cli);
	ruling_close(&r);
	return rc;
}

int verb_enforce(struct cli *cli, const struct sentence *s)
{
	struct err e = {0};
	uint64_t for_s;

	if (sentence_get_duration(s, "for", &for_s, &e))
		return cli_fail(cli, CLI_MISUSED, "enforce: %s", e.text);
	return mode_set(cli, CONF_ENFORCE, for_s);
}

int verb_monitor(struct cli *cli, const struct sentence *s)
{
	(void)s;
	return mode_set(cli, CONF_MONITOR, 0);
}
