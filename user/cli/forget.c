/* SPDX-License-Identifier: BSD-2-Clause */
/* forget: what was decided or measured automatically about an address is taken back, and it is said on what prefix. */
#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"

#define FORGET_LIST_MAX ((PREFIX_TEXT_MAX + 2) * FORGOTTEN_MAX)

/* Prefixes in a row: "192.0.2.1, 192.0.2.0/24". */
static const char *prefixes_describe(const struct prefix *list, unsigned count,
				     char buffer[static FORGET_LIST_MAX])
{
	char text[PREFIX_TEXT_MAX];
	size_t used = 0;

	buffer[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(buffer + used, FORGET_LIST_MAX - used, "%s%s",
					 i ? ", " : "", prefix_format(&list[i], text));
	return buffer;
}

static json_t *prefixes_row(const struct prefix *list, unsigned count)
{
	char text[PREFIX_TEXT_MAX];
	json_t *row = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(row, json_string(prefix_format(&list[i], text)));
	return row;
}

static json_t *forgotten_row(const struct forgotten *f, const char *addr)
{
	json_t *row = json_pack("{s:s, s:b}", "addr", addr, "forgotten", 1);

	json_object_set_new(row, "verdicts", prefixes_row(f->verdict, f->verdicts));
	json_object_set_new(row, "bans", prefixes_row(f->ban, f->bans));
	return row;
}

static int forget_report(const struct cli *cli, const struct ruling *r, const struct addr *a,
			 const struct forgotten *f)
{
	char addr[ADDR_TEXT_MAX], list[FORGET_LIST_MAX], bans[FORGET_LIST_MAX];

	addr_format(a, addr);
	if (f->kept.code)
		return cli_fail(cli, CLI_FAILED,
				"%s about %s; but a verdict that is stored may come back: %s",
				f->kernel ? "the kernel has forgotten what was decided"
					  : "the kernel had nothing",
				addr, f->kept.text);
	if (!r->gate)
		cli_warn(cli, "the gate is not loaded: nothing was in force");
	return cli_say(cli, forgotten_row(f, addr),
		       "what was decided and measured about %s is forgotten%s%s%s%s", addr,
		       f->verdicts ? ": the verdict on " : "",
		       prefixes_describe(f->verdict, f->verdicts, list),
		       f->bans ? (f->verdicts ? ", and bans of " : ": bans of ") : "",
		       prefixes_describe(f->ban, f->bans, bans));
}

int verb_forget(struct cli *cli, const struct sentence *s)
{
	struct err e = {0}, kept = {0};
	struct forgotten f = {0};
	struct ruling r = {0};
	struct prefix network;
	struct addr a;
	int rc;

	rc = addr_parse(s->word[0], &a, &e);
	/* As the journal names it. */
	if (rc && prefix_parse(s->word[0], &network, NULL) == 0)
		return cli_fail(cli, CLI_MISUSED,
				"forget: %s is a network: name an address in it, with which all "
				"that holds for it is forgotten",
				s->word[0]);
	if (rc)
		return cli_fail(cli, CLI_MISUSED, "forget: %s", e.text);
	rc = ruling_open_lenient(&r, &cli->conf, &kept, &e);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	if (!r.gate && !r.store) {
		CLI_GATE g = NULL;

		/* Says that nothing is loaded, or what came in between. */
		rc = kept.code ? cli_fail_err(cli, CLI_FAILED, &kept) : cli_gate_open(cli, &g);
		return rc ? rc : CLI_FAILED;
	}
	rc = ruling_forget(&r, &a, &f, &e);
	if (kept.code)
		f.kept = kept;
	if (rc == -ENOENT && !kept.code)
		rc = cli_fail(cli, CLI_NO_ENTRY, "%s", e.text);
	else if (rc && rc != -ENOENT)
		rc = cli_fail_err(cli, CLI_FAILED, &e);
	else
		rc = forget_report(cli, &r, &a, &f);
	ruling_close(&r);
	return rc;
}
